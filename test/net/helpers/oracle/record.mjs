// Asks the running kernel every case and writes ../vectors/*.json; compiles the programs of this folder into objects/ before. Needs
// root, clang, llvm-strip, libbpf and iproute2: node record.mjs [--check]
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { decodeResult, encodeStep, PROGRAMS } from "./cases.mjs";
import { SETUP, SOCKETS } from "./setup.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const work = mkdtempSync(join(tmpdir(), "netsim-helpers-"));
const clang = process.env.CLANG ?? "clang-19";
const strip = process.env.LLVM_STRIP ?? "llvm-strip-19";
const arch = execFileSync(clang, ["-print-target-triple"], { encoding: "utf8" }).trim().replace("-pc-", "-");
const check = process.argv.includes("--check");

/** Compiles a program; the bytes do not depend on where this folder is. */
function build(name, folder) {
  const object = join(folder, `${name}.o`);
  const flags = ["-target", "bpf", "-mcpu=v3", "-O2", "-g", "-fdebug-compilation-dir=.", "-Wall", "-Werror"];
  const args = [...flags, `-I/usr/include/${arch}`, "-c", `${name}.bpf.c`, "-o", object];
  execFileSync(clang, args, { stdio: "inherit", cwd: here });
  execFileSync(strip, ["-g", object], { stdio: "inherit" });
}

function lineOf(name, ops, c) {
  const steps = c.steps.map((step) => encodeStep(ops, step).toString("hex"));
  return [name, c.ifindex ?? 0, c.packet, ...steps].filter((word) => word !== "").join(" ");
}

function socketLine(s) {
  return ["socket", s.address, s.port, s.device ?? "-", s.peer ?? "-", s.peerPort ?? 0].join(" ");
}

function answerOf(line) {
  const [err, after, ...results] = line.split(" ");
  return { err: Number(err), after, results: results.map((hex) => decodeResult(Buffer.from(hex, "hex"))) };
}

/** A row of the file: an error of 0 and a packet that is as it was are left out. */
function compact(c, { err, after, results }) {
  return { ...c, ...(err === 0 ? {} : { err }), ...(after === c.packet || after === "" ? {} : { after }), results };
}

/** Compares with what is recorded, or writes it. @returns what differs */
function keep(name, rows) {
  const text = `{"kernel":"${release()}","cases":[\n${rows.map((row) => `  ${JSON.stringify(row)}`).join(",\n")}\n]}\n`;
  const file = join(here, "..", "vectors", `${name}.json`);
  if (!check) {
    writeFileSync(file, text);
    return [];
  }
  const old = JSON.parse(readFileSync(file, "utf8")).cases.map((c) => JSON.stringify(c));
  const now = rows.map((c) => JSON.stringify(c));
  return now.flatMap((c, i) => (c === old[i] ? [] : [`- ${name} ${old[i]}\n+ ${name} ${c}`]));
}

try {
  const objects = check ? work : join(here, "objects");
  mkdirSync(objects, { recursive: true });
  mkdirSync(join(here, "..", "vectors"), { recursive: true });
  for (const name of Object.keys(PROGRAMS)) build(name, objects);
  const runner = join(work, "runner");
  execFileSync(clang, ["-O1", join(here, "runner.c"), "-lbpf", "-o", runner], { stdio: "inherit" });
  const asked = Object.entries(PROGRAMS).flatMap(([name, { ops, cases }]) => cases.map((c) => lineOf(name, ops, c)));
  // namespaces of its own: device 1 is lo, and nothing else is there; a cgroup of its own
  const group = join(work, "cgroup", "netsim-helpers");
  const script = [
    "set -e",
    `{ ${SETUP.join("\n")}\n} >/dev/null`,
    'mkdir "$2"; mount -t cgroup2 none "$2"; mkdir "$3" "$4"; mount -t bpf none "$4"',
    '( "$0" "$1" "$3" "$4/seg6" ) && status=0 || status=$?',
    'umount "$4"; rmdir "$3"; umount "$2"; exit $status',
  ].join("\n");
  const run = spawnSync(
    "unshare",
    ["-n", "-m", "sh", "-c", script, runner, objects, dirname(group), group, join(work, "bpf")],
    {
      input: [...SOCKETS.map(socketLine), ...asked].join("\n"),
      encoding: "utf8",
      maxBuffer: 1 << 28,
    },
  );
  if (run.status !== 0) throw new Error(run.stderr || "the runner failed");
  const answers = run.stdout.trim().split("\n").map(answerOf);
  if (answers.length !== asked.length) throw new Error(`${answers.length} answers to ${asked.length} cases`);
  const differ = Object.entries(PROGRAMS).flatMap(([name, { cases }]) =>
    keep(
      name,
      cases.map((c) => compact(c, answers.shift())),
    ),
  );
  if (check) process.stdout.write(differ.length === 0 ? "all the same\n" : `${differ.join("\n")}\n`);
  process.exitCode = differ.length === 0 ? 0 : 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
