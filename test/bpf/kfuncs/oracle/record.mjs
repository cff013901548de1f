// Records what the running kernel answers to the programs beside this file, run by BPF_PROG_RUN, into ../vectors.json.
//
//   node test/bpf/kfuncs/oracle/record.mjs [--check] [--build]
//
// Needs root, a C compiler with libbpf-dev, and clang-19 with --build, which compiles the objects anew. --check writes nothing: it
// records anew and fails where the kernel answers otherwise than the committed file says.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { buildTool } from "../../../kernel/build-oracle.mjs";
import { plainXdpMd, skBuff } from "../../../kernel/cases.mjs";
import { CASES } from "./cases.mjs";

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const packets = JSON.parse(readFileSync(new URL("../../../kernel/packets.json", import.meta.url), "utf8"));
const args = process.argv.slice(2);

function build(object) {
  const common = ["-O2", "-g", "-target", "bpf", "-mcpu=v3", "-Wall", "-Werror", `-fdebug-compilation-dir=.`];
  execFileSync(
    "clang-19",
    [...common, "-I/usr/include/x86_64-linux-gnu", "-c", `${object}.bpf.c`, "-o", `${object}.o`],
    {
      cwd: file("."),
      stdio: "inherit",
    },
  );
}

/** Rows with some bytes of their values zeroed, without those that have nothing else. */
function masked(rows, range) {
  if (range === undefined) return rows;
  const [at, n] = range.map((bytes) => bytes * 2);
  const zeroed = rows.map(([key, value]) => [key, value.slice(0, at) + "0".repeat(n) + value.slice(at + n)]);
  return zeroed.filter(([, value]) => !/^0*$/.test(value));
}

/** One program on a fresh instance of its object; with `waitMs` the maps are looked at so long after it. */
function ask(oracle, { object, kind, program, packet, repeat = 1, waitMs = 0, mask }) {
  // programs of type syscall have no packet
  const hex = packet === undefined ? "-" : packets.find((p) => p.name === packet).hex;
  const ctx = packet === undefined ? "-" : kind === "xdp" ? plainXdpMd(hex.length / 2) : skBuff({});
  const lines = ["cpu 0", `load ${file(`${object}.o`)} ${kind}`, `run ${program} ${hex} ${ctx} ${repeat}`];
  const shell = `{ cat; sleep ${waitMs / 1000}; echo dump; } | "$0"`;
  const input = `${lines.join("\n")}\n`;
  const done = spawnSync("sh", ["-c", shell, oracle], { input, encoding: "utf8", maxBuffer: 1 << 26 });
  if (done.status !== 0) throw new Error(`${object}/${program}: ${done.stderr}`);
  const [loaded, run, dump] = done.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  if (!loaded.loaded) throw new Error(`${object} was refused, errno ${loaded.errno}:\n${loaded.log}`);
  if (run.errno) throw new Error(`${object}/${program}: the run was refused, errno ${run.errno}`);
  const answer = { object, kind, program, packet };
  if (repeat !== 1) answer.repeat = repeat;
  if (waitMs !== 0) answer.waitMs = waitMs;
  answer.retval = run.retval;
  if (packet !== undefined && run.data !== hex) answer.data = run.data;
  if (run.records.length > 0) answer.records = run.records.map((r) => r.data);
  const byKey = (a, b) => (a[0] < b[0] ? -1 : 1);
  answer.maps = Object.fromEntries(
    Object.entries(dump.maps)
      .sort()
      .map(([name, rows]) => [name, masked(rows, mask?.[name]).sort(byKey)]),
  );
  const words = new BigInt64Array(new Uint8Array(Buffer.from(answer.maps.out?.[0]?.[1] ?? "", "hex")).buffer);
  delete answer.maps.out;
  answer.answers = [...words]
    .map(String)
    .join(" ")
    .replace(/( 0)+$/, "");
  return answer;
}

const where = mkdtempSync(`${tmpdir()}/netsim-kfuncs-`);
try {
  const objects = new Set(CASES.map((c) => c.object));
  for (const object of objects) if (args.includes("--build") || !existsSync(file(`${object}.o`))) build(object);
  const oracle = buildTool(["oracle.c", "oracle-legacy.c"], where);
  const cases = CASES.map((c) => `    ${JSON.stringify(ask(oracle, c))}`);
  const kernel = release().split("-")[0];
  const text = `{\n  "kernel": "${kernel}",\n  "cases": [\n${cases.join(",\n")}\n  ]\n}\n`;
  const golden = new URL("../vectors.json", import.meta.url);
  if (!args.includes("--check")) writeFileSync(golden, text);
  else {
    const before = JSON.parse(readFileSync(golden, "utf8")).cases.map((c) => JSON.stringify(c));
    const after = JSON.parse(text).cases.map((c) => JSON.stringify(c));
    const differ = after.filter((c, i) => c !== before[i]);
    if (differ.length > 0 || before.length !== after.length) {
      console.error(differ.join("\n"));
      process.exitCode = 1;
    }
  }
} finally {
  rmSync(where, { recursive: true });
}
