// Has bpftool print the types of the simulated kernel and of some objects, and writes dumps.json: node record-dumps.mjs [--check].
// Long outputs are kept as a digest. Needs bpftool 7.7 or later (earlier ones do not sort headers); $BPFTOOL names another one.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const golden = fileURLToPath(new URL("dumps.json", import.meta.url));
const bpftool = process.env.BPFTOOL ?? "bpftool";
const EXIT_CANNOT_TELL = 3;
const FILES = [
  "sim/net/btf/kernel.btf",
  ...["xdp_l4lb", "xdp_router", "tc_nat_lb"].map((name) => `programs/${name}.o`),
  ...["c_types", "core", "core_target"].map((name) => `test/fixtures/objects/${name}.o`),
];
const WHOLE = "test/fixtures/objects/c_types.o";
const FORMS = [
  ["raw", ["format", "raw"], []],
  ["json", ["format", "raw"], ["-j"]],
  ["c", ["format", "c"], []],
  ["unsorted", ["format", "c", "unsorted"], []],
];

function run(args) {
  const done = spawnSync(bpftool, args, { cwd: ROOT, encoding: "utf8", maxBuffer: 1 << 28 });
  return done.status === 0 ? done.stdout : null;
}

const version = /v(\d+)\.(\d+)/.exec(run(["version"]) ?? "");
if (version === null || Number(version[1]) * 100 + Number(version[2]) < 707) {
  console.log(`${bpftool} is ${version?.[0] ?? "missing"}, and 7.7 is needed`);
  process.exit(EXIT_CANNOT_TELL);
}
const dumps = {};
for (const file of FILES) {
  for (const [form, words, flags] of FORMS) {
    const text = run([...flags, "btf", "dump", "file", file, ...words]);
    if (text === null) continue; // no types
    dumps[file] ??= {};
    dumps[file][form] = file === WHOLE ? text : createHash("sha256").update(text).digest("hex");
  }
}
const recorded = `${JSON.stringify({ bpftool: version[0].slice(1), dumps }, null, 1)}\n`;
if (!process.argv.includes("--check")) writeFileSync(golden, recorded);
else if (readFileSync(golden, "utf8") !== recorded) {
  console.log("bpftool prints other types than recorded");
  process.exitCode = 1;
}
