// Programs that write down what calls answered, asked of the running kernel by BPF_PROG_RUN. A folder of them holds NAME.bpf.c, the
// objects made of them and a list of cases; ../vectors.json beside it holds the answers, and replay-answers.ts asks netsim the same.
//
// Needs root, a C compiler with libbpf-dev, and clang-19 with --build, which compiles the objects anew. --check writes nothing: it
// records anew and fails where the kernel answers otherwise than the committed file says.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { buildTool } from "./build-oracle.mjs";
import { plainXdpMd, skBuff } from "./cases.mjs";

const packets = JSON.parse(readFileSync(new URL("packets.json", import.meta.url), "utf8"));

/** What programs keep for themselves: it may hold addresses, and nothing is said of it. */
const SCRATCH = ".bss";

function build(folder, object) {
  const common = ["-O2", "-g", "-target", "bpf", "-mcpu=v3", "-Wall", "-Werror", `-fdebug-compilation-dir=.`];
  execFileSync(
    "clang-19",
    [...common, "-I/usr/include/x86_64-linux-gnu", "-c", `${object}.bpf.c`, "-o", `${object}.o`],
    {
      cwd: fileURLToPath(folder),
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
function ask(oracle, folder, { object, kind, program, packet, repeat = 1, waitMs = 0, mask }) {
  // programs of type syscall have no packet
  const hex = packet === undefined ? "-" : packets.find((p) => p.name === packet).hex;
  const ctx = packet === undefined ? "-" : kind === "xdp" ? plainXdpMd(hex.length / 2) : skBuff({});
  const lines = [
    "cpu 0",
    `load ${fileURLToPath(new URL(`${object}.o`, folder))} ${kind}`,
    `run ${program} ${hex} ${ctx} ${repeat}`,
  ];
  // a network namespace of its own, whose only device is lo
  const shell = `{ cat; sleep ${waitMs / 1000}; echo dump; } | unshare -n "$0"`;
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
      .filter(([name]) => name !== SCRATCH)
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

/**
 * Records the answers of a folder's cases.
 * @param folder URL of the folder of the programs, with a slash at its end
 * @param cases {object, kind, program, packet, repeat, waitMs, mask}; programs of type syscall have no packet
 * @param args of the command line
 */
export function recordAnswers(folder, cases, args) {
  const where = mkdtempSync(`${tmpdir()}/netsim-answers-`);
  try {
    for (const object of new Set(cases.map((c) => c.object))) {
      if (args.includes("--build") || !existsSync(new URL(`${object}.o`, folder))) build(folder, object);
    }
    const oracle = buildTool(["oracle.c", "oracle-legacy.c"], where);
    const rows = cases.map((c) => `    ${JSON.stringify(ask(oracle, folder, c))}`);
    const kernel = release().split("-")[0];
    const text = `{\n  "kernel": "${kernel}",\n  "cases": [\n${rows.join(",\n")}\n  ]\n}\n`;
    const golden = new URL("../vectors.json", folder);
    if (!args.includes("--check")) {
      writeFileSync(golden, text);
      return;
    }
    const before = JSON.parse(readFileSync(golden, "utf8")).cases.map((c) => JSON.stringify(c));
    const after = JSON.parse(text).cases.map((c) => JSON.stringify(c));
    const differ = after.filter((c, i) => c !== before[i]);
    if (differ.length > 0 || before.length !== after.length) {
      console.error(differ.join("\n"));
      process.exitCode = 1;
    }
  } finally {
    rmSync(where, { recursive: true });
  }
}
