// `npm run fuzz [-- COUNT] [--jobs N] [--from N] [--input N]`: COUNT inputs (20,000 when nothing is said) into everything that is fuzzed, in
// processes of 10,000 inputs each, N of them at a time (one when nothing is said); then the labs. --input tries a single input again.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bundle } from "../bundle.mjs";

const PER_PROCESS = 10_000;
/** An input that takes longer hangs. */
const HANG_MS = 400_000;
const POLL_MS = 2_000;
/** A lab is thousands of times as much work as an object. */
const LABS_MAX = 10_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    jobs: { type: "string", default: "1" },
    from: { type: "string", default: "0" },
    input: { type: "string" },
    "no-labs": { type: "boolean", default: false },
  },
});
const single = values.input !== undefined;
const count = single ? 1 : Number(positionals[0] ?? 20_000);
const first = Number(single ? values.input : values.from);
const work = mkdtempSync(join(tmpdir(), "netsim-fuzz-"));
const root = fileURLToPath(new URL("../../", import.meta.url));

/** One process. @returns its result, or what killed it */
function tryChunk(worker, from, inputs) {
  const at = join(work, `at-${from}`);
  const child = spawn(process.execPath, [worker, "--from", from, "--count", inputs, "--at", at], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (bytes) => {
    out += bytes;
  });
  child.stderr.on("data", (bytes) => {
    err += bytes;
  });
  const current = () => {
    try {
      return readFileSync(at).readDoubleLE(0);
    } catch {
      return -1;
    }
  };
  return new Promise((resolve) => {
    let last = -1;
    let since = performance.now();
    let hung = false;
    const poll = setInterval(() => {
      const now = current();
      if (now !== last) {
        last = now;
        since = performance.now();
      } else if (performance.now() - since > HANG_MS) {
        hung = true;
        child.kill("SIGKILL");
      }
    }, POLL_MS);
    child.on("close", (code, signal) => {
      clearInterval(poll);
      if (code === 0) return resolve(JSON.parse(out));
      const error = hung ? `hangs for ${HANG_MS / 1000} s` : `the process died: ${signal ?? code}\n${err.slice(-2000)}`;
      resolve({ endings: {}, failures: [{ input: current(), target: "?", error }], slowest: { input: -1, ms: 0 } });
    });
  });
}

const endings = new Map();
const failures = [];
let slowest = { ms: 0 };
let next = first;
let tried = 0;
const started = performance.now();

async function job(worker) {
  while (next < first + count) {
    const from = next;
    const inputs = Math.min(PER_PROCESS, first + count - from);
    next += inputs;
    const result = await tryChunk(worker, from, inputs);
    for (const [key, n] of Object.entries(result.endings)) endings.set(key, (endings.get(key) ?? 0) + n);
    for (const f of result.failures) {
      failures.push(f);
      console.log(`FAILED: input ${f.input} (${f.target}): ${f.error}`);
    }
    if (result.slowest.ms > slowest.ms) slowest = result.slowest;
    tried += inputs;
    const seconds = (performance.now() - started) / 1000;
    console.log(`${tried} inputs, ${failures.length} failed, ${(tried / seconds).toFixed(0)}/s`);
  }
}

try {
  const worker = await bundle(new URL("worker.ts", import.meta.url), work);
  await Promise.all(Array.from({ length: Number(values.jobs) }, () => job(worker)));
  for (const [key, n] of [...endings].sort()) console.log(`${String(n).padStart(9)}  ${key}`);
  console.log(`slowest: input ${slowest.input} (${slowest.target}), ${slowest.ms.toFixed(0)} ms`);
  console.log(`${tried} inputs in ${((performance.now() - started) / 1000).toFixed(0)} s, ${failures.length} failed`);
  process.exitCode = failures.length > 0 ? 1 : 0;
} finally {
  rmSync(work, { recursive: true, force: true });
}

if (!single && !values["no-labs"]) {
  const vitest = fileURLToPath(new URL("../../node_modules/vitest/vitest.mjs", import.meta.url));
  const { status } = spawnSync(
    process.execPath,
    [vitest, "run", "test/fuzz/labs.test.ts", "test/lab/fuzz-labs.test.ts"],
    { stdio: "inherit", env: { ...process.env, NETSIM_FUZZ: String(Math.min(count, LABS_MAX)) } },
  );
  process.exitCode ||= status ?? 1;
}
