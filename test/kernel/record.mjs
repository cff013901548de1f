// Records what the running kernel does with every case of cases.mjs, as vectors/<object>.json.
//
//   node test/kernel/record.mjs [--check] [OBJECT ...]
//
// Needs root. Each case runs in a network namespace of its own, which is taken down afterwards.
// --check writes nothing: it records anew and shows where the kernel's answers differ from the committed ones.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { hashOfFile } from "../../programs/manifest.mjs";
import { buildTool } from "./build-oracle.mjs";
import { casesByObject, kindOf, plainXdpMd, skBuff, xdpMd } from "./cases.mjs";

const netns = `ns_h_rec_${process.pid}`;
const packets = new Map(
  JSON.parse(readFileSync(new URL("packets.json", import.meta.url), "utf8")).map((packet) => [packet.name, packet]),
);

/** Runs a shell command inside the case's namespace, with /sys as it is outside. */
function inNetns(command) {
  execFileSync("nsenter", [`--net=/run/netns/${netns}`, "sh", "-c", command], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

/** One run as the case file has it: packet bytes and context filled in. */
function planRun(entry, kind) {
  const { packet, ctx, repeat = 1, meta = "" } = typeof entry === "string" ? { packet: entry } : entry;
  const known = packets.get(packet);
  if (!known) throw new Error(`cases.mjs names an unknown packet: ${packet}`);
  const hex = meta + known.hex;
  const bytes = hex.length / 2;
  const plain = kind === "xdp" ? (meta ? xdpMd({ meta: meta.length / 2, end: bytes }) : plainXdpMd(bytes)) : skBuff({});
  return { packet, meta, hex, ctx: ctx ?? plain, repeat };
}

function presetLine(preset) {
  switch (preset.op) {
    case "map":
      return `map ${preset.map} ${preset.key} ${preset.value}`;
    case "fill":
      return `fill ${preset.map} ${preset.start} ${preset.count} ${preset.values.join(",")}`;
    case "delete":
      return `delete ${preset.map} ${preset.key}`;
    case "prog":
      return `prog ${preset.map} ${preset.slot} ${preset.program}`;
    case "dev":
      return `dev ${preset.map} ${preset.slot} ${preset.ifindex} ${preset.program ?? "-"}`;
    default:
      throw new Error(`cases.mjs has an unknown op: ${preset.op}`);
  }
}

/** Zeroes the ranges of a value that differ from run to run. */
function mask(hex, ranges) {
  let out = hex;
  for (const [offset, bytes] of ranges)
    out = out.slice(0, 2 * offset) + "00".repeat(bytes) + out.slice(2 * (offset + bytes));
  return out;
}

/** What the maps hold afterwards, sorted by key, without maps that hold nothing. */
function tidyMaps(maps, hidden) {
  const tidy = {};
  for (const name of Object.keys(maps).sort()) {
    const rows = maps[name].map(([key, ...values]) => [key, ...values.map((value) => mask(value, hidden[name] ?? []))]);
    rows.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
    tidy[name] = rows;
  }
  return tidy;
}

/** Maps that a case fills by pattern and programs only read: they are not written out again. */
function withoutFilled(maps, presets) {
  const filled = new Set(presets.filter((preset) => preset.op === "fill").map((preset) => preset.map));
  return Object.fromEntries(Object.entries(maps).filter(([name]) => !filled.has(name)));
}

function recordCase(oracle, object, spec) {
  const kind = kindOf(object);
  const runs = (spec.packets ?? [...packets.keys()]).map((entry) => planRun(entry, kind));
  const lines = [
    "cpu 0",
    `load ${fileURLToPath(new URL(`../../programs/${object}.o`, import.meta.url))} ${kind}`,
    ...(spec.maps ?? []).map(presetLine),
    ...runs.map((run) => `run ${spec.program} ${run.hex} ${run.ctx} ${run.repeat}`),
    "dump",
  ];
  execFileSync("ip", ["netns", "add", netns]);
  let answers;
  try {
    inNetns("ip link set lo up");
    for (const command of spec.setup ?? []) inNetns(command);
    const done = spawnSync("nsenter", [`--net=/run/netns/${netns}`, oracle], {
      input: `${lines.join("\n")}\n`,
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    if (done.status !== 0) throw new Error(`${object}, case "${spec.name}": ${done.stderr}`);
    answers = done.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  } finally {
    execFileSync("ip", ["netns", "del", netns]);
  }
  if (!answers[0].loaded) throw new Error(`${object} was refused, errno ${answers[0].errno}:\n${answers[0].log}`);
  const dump = withoutFilled(answers[answers.length - 1].maps, spec.maps ?? []);
  return {
    cpus: answers[0].cpus,
    recorded: {
      name: spec.name,
      why: spec.why,
      program: spec.program,
      setup: spec.setup ?? [],
      maps: spec.maps ?? [],
      volatile: spec.volatile ?? {},
      runs: runs.map((run, i) => describeRun(run, answers[i + 1])),
      after: tidyMaps(dump, spec.volatile ?? {}),
    },
  };
}

/** A context without the zero bytes at its end. */
const trimmed = (ctx) => ctx.replace(/(00)+$/, "");

/** A run and its answer; what equals what went in is left out. */
function describeRun(run, answer) {
  const out = { packet: run.packet };
  if (run.meta) out.meta = run.meta;
  if (run.repeat !== 1) out.repeat = run.repeat;
  out.ctx = trimmed(run.ctx);
  if (answer.errno) return { ...out, errno: answer.errno };
  out.retval = answer.retval;
  if (answer.data !== run.hex) out.data = answer.data;
  if (answer.ctx !== run.ctx) out.ctxOut = trimmed(answer.ctx);
  if (answer.records.length > 0) out.records = answer.records;
  return out;
}

/** One line per run and per map element, so that a diff shows what changed. */
function format(vector) {
  const rows = (list, indent) =>
    list.length === 0 ? "[]" : `[\n${list.map((row) => `${indent}  ${JSON.stringify(row)}`).join(",\n")}\n${indent}]`;
  const cases = vector.cases.map((c) => {
    const after = Object.entries(c.after).map(
      ([name, list]) => `        ${JSON.stringify(name)}: ${rows(list, "        ")}`,
    );
    return [
      "    {",
      ...["name", "why", "program"].map((key) => `      ${JSON.stringify(key)}: ${JSON.stringify(c[key])},`),
      `      "setup": ${rows(c.setup, "      ")},`,
      `      "maps": ${rows(c.maps, "      ")},`,
      `      "volatile": ${JSON.stringify(c.volatile)},`,
      `      "runs": ${rows(c.runs, "      ")},`,
      `      "after": {${after.length ? `\n${after.join(",\n")}\n      ` : ""}}`,
      "    }",
    ].join("\n");
  });
  const head = ["format", "kernel", "cpus", "object", "objectSha256", "kind"].map(
    (key) => `  ${JSON.stringify(key)}: ${JSON.stringify(vector[key])},`,
  );
  return `{\n${head.join("\n")}\n  "cases": [\n${cases.join(",\n")}\n  ]\n}\n`;
}

function recordObject(oracle, object) {
  const cases = casesByObject[object].map((spec) => recordCase(oracle, object, spec));
  return {
    format: 1,
    kernel: release(),
    cpus: cases[0].cpus,
    object: `${object}.o`,
    objectSha256: hashOfFile(fileURLToPath(new URL(`../../programs/${object}.o`, import.meta.url))),
    kind: kindOf(object),
    cases: cases.map((c) => c.recorded),
  };
}

/** Where two JSON values differ, as paths. */
function* differences(was, is, path) {
  if (was === is) return;
  if (was !== null && is !== null && typeof was === "object" && typeof is === "object") {
    for (const key of new Set([...Object.keys(was), ...Object.keys(is)]))
      yield* differences(was[key], is[key], `${path}.${key}`);
    return;
  }
  yield `${path}: committed ${JSON.stringify(was)}, this kernel ${JSON.stringify(is)}`;
}

function main() {
  const args = process.argv.slice(2);
  const check = args.includes("--check");
  const wanted = args.filter((arg) => !arg.startsWith("--"));
  for (const name of wanted)
    if (!casesByObject[name])
      throw new Error(`no cases for "${name}"; known: ${Object.keys(casesByObject).join(", ")}`);
  if (process.getuid?.() !== 0) throw new Error("recording loads programs into the kernel: run it as root");

  const work = mkdtempSync(`${tmpdir()}/netsim-oracle-`);
  let differing = 0;
  try {
    const oracle = buildTool(["oracle.c", "oracle-legacy.c"], work);
    for (const object of wanted.length ? wanted : Object.keys(casesByObject)) {
      const vector = recordObject(oracle, object);
      const file = new URL(`vectors/${object}.json`, import.meta.url);
      const runs = vector.cases.reduce((sum, c) => sum + c.runs.length, 0);
      if (!check) {
        writeFileSync(file, format(vector));
        process.stdout.write(`${object}: ${vector.cases.length} cases, ${runs} runs\n`);
        continue;
      }
      const found = [...differences(JSON.parse(readFileSync(file, "utf8")), vector, object)].filter(
        (line) => !line.startsWith(`${object}.kernel:`),
      );
      differing += found.length;
      process.stdout.write(
        `${object}: ${runs} runs, ${found.length === 0 ? "as committed" : `${found.length} differences`}\n`,
      );
      for (const line of found.slice(0, 20)) process.stdout.write(`  ${line}\n`);
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  if (differing > 0) process.exitCode = 1;
}

try {
  main();
} catch (error) {
  process.stderr.write(`record.mjs: ${error.message}\n`);
  process.exitCode = 2;
}
