// Asks the running kernel every case and writes ../vectors.json. Needs root, clang and libbpf: node record.mjs [--check]
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { CASES, OPS } from "./cases.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const work = mkdtempSync(join(tmpdir(), "netsim-helpers-"));
const clang = process.env.CLANG ?? "clang-19";
const arch = execFileSync(clang, ["-print-target-triple"], { encoding: "utf8" }).trim().replace("-pc-", "-");

function lineOf(c) {
  const steps = c.steps.map(([name, ...args]) => {
    const [op, ...places] = OPS[c.hook][name];
    const s = { op, len: 0, a: 0n, b: 0n, c: 0n, d: 0n, buf: "" };
    places.forEach((place, i) => {
      if (place === "buf") {
        s.buf = args[i];
        s.len = args[i].length / 2;
      } else if (place === "len") s.len = args[i];
      else s[place] = BigInt.asIntN(64, BigInt(args[i]));
    });
    return `${s.op},${s.len},${s.a},${s.b},${s.c},${BigInt.asUintN(64, s.d)},${s.buf || "-"}`;
  });
  return `${c.hook} ${c.packet} ${steps.join(" ")}`;
}

/** Leaves out what is zero or empty. */
function compact(answer) {
  for (const r of answer.results) {
    r.buf = r.buf.replace(/(00)+$/, "");
    for (const [key, value] of Object.entries(r)) if (key !== "ret" && (value === 0 || value === "")) delete r[key];
  }
  return answer;
}

try {
  const object = join(work, "helpers.bpf.o");
  const runner = join(work, "runner");
  execFileSync(
    clang,
    ["-O2", "-g", "-target", "bpf", `-I/usr/include/${arch}`, "-c", join(here, "helpers.bpf.c"), "-o", object],
    {
      stdio: "inherit",
    },
  );
  execFileSync(clang, ["-O1", join(here, "runner.c"), "-lbpf", "-o", runner], { stdio: "inherit" });
  // a network namespace of its own: device 1 is its lo, and nothing else is there
  const run = spawnSync("unshare", ["-n", runner, object], {
    input: CASES.map(lineOf).join("\n"),
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (run.status !== 0) throw new Error(run.stderr || "the runner failed");
  const answers = run.stdout
    .trim()
    .split("\n")
    .map((l) => compact(JSON.parse(l)));
  if (answers.length !== CASES.length) throw new Error(`${answers.length} answers to ${CASES.length} cases`);
  const rows = CASES.map((c, i) => `  ${JSON.stringify({ ...c, ...answers[i] })}`);
  const text = `{"kernel":"${release()}","cases":[\n${rows.join(",\n")}\n]}\n`;
  const file = join(here, "..", "vectors.json");
  if (process.argv.includes("--check")) {
    const old = JSON.parse(readFileSync(file, "utf8")).cases.map((c) => JSON.stringify(c));
    const now = JSON.parse(text).cases.map((c) => JSON.stringify(c));
    const differ = now.flatMap((c, i) => (c === old[i] ? [] : [`- ${old[i]}\n+ ${c}`]));
    process.stdout.write(differ.length === 0 ? "all the same\n" : `${differ.join("\n")}\n`);
    process.exitCode = differ.length === 0 ? 0 : 1;
  } else writeFileSync(file, text);
} finally {
  rmSync(work, { recursive: true, force: true });
}
