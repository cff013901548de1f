// Records what whole networks of namespaces do: vectors/netns/<table>.json, and what commands print there:
// vectors/text/*.txt.
//
//   node test/kernel/netns/record.mjs [--check] [TABLE ...]
//
// Needs root. It goes into a mount namespace of its own first, so that neither mounts nor pins outlive it; its network
// namespaces are called ns_h_<pid>_<host> and are deleted after each case.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { hashOfFile } from "../../../programs/manifest.mjs";
import { buildTool } from "../build-oracle.mjs";
import { Lab } from "./lab.mjs";
import { recordLab } from "./lab-run.mjs";
import { recordSocketFilters } from "./socket-filter.mjs";
import { tables } from "./tables.mjs";
import { recordTexts } from "./text.mjs";

const programs = fileURLToPath(new URL("../../../programs/", import.meta.url));
const vectors = new URL("../vectors/netns/", import.meta.url);

/** Writes arrays of plain values and small objects on one line each. */
function format(value, indent = "") {
  const flat = JSON.stringify(value);
  if (value === null || typeof value !== "object" || (flat.length + indent.length <= 118 && !flat.includes('"result"')))
    return flat;
  const inner = `${indent}  `;
  if (Array.isArray(value)) return `[\n${value.map((v) => inner + format(v, inner)).join(",\n")}\n${indent}]`;
  const fields = Object.entries(value).map(([key, v]) => `${inner}${JSON.stringify(key)}: ${format(v, inner)}`);
  return `{\n${fields.join(",\n")}\n${indent}}`;
}

/** SHA-256 of every object that a table's cases attach. */
function objectsOf(cases) {
  const names = new Set(cases.flatMap((one) => one.attach.map((a) => a.object)));
  return Object.fromEntries([...names].sort().map((name) => [name, hashOfFile(programs + name)]));
}

/** Replaces what is of this run in a message: where the repository lies, how the namespaces are called. */
const neutral = (text) => text.replaceAll(programs, "");

async function recordCase(hook, pins, spec) {
  const lab = new Lab(hook, pins);
  const { network, attach, commands = [], send } = spec;
  const devices = network.links.flat();
  try {
    lab.build(network);
    for (const one of attach) lab.attach(one);
    const said = [];
    for (const { host, run, mayFail, show } of commands) {
      const done = lab.try(host, `cd ${programs} && ${run}`);
      if (done.status !== 0 && !mayFail) throw new Error(`${spec.name}: ${run}\n${done.stderr}`);
      if (mayFail || show)
        said.push({ run, status: done.status, stdout: neutral(done.stdout), stderr: neutral(done.stderr) });
    }
    const stops = [];
    for (const host of network.hosts) {
      const devs = devices.filter((end) => end.host === host).map((end) => end.dev);
      stops.push([host, await lab.listen(host, ["tap", ...devs])]);
    }
    const [fromHost, fromDev] = send.from.split(":");
    const sent = lab.send(
      fromHost,
      fromDev,
      send.frames.flatMap(({ hex, count }) => Array(count).fill(hex)),
    );
    await lab.settle();
    const taps = Object.fromEntries(devices.map((end) => [`${end.host}:${end.dev}`, { in: 0, out: 0 }]));
    for (const [host, stop] of stops)
      for (const seen of await stop()) taps[`${host}:${seen.dev}`][seen.out ? "out" : "in"]++;
    const result = {
      sent,
      commands: said,
      taps,
      ipInReceives: Object.fromEntries(network.hosts.map((host) => [host, lab.ipInReceives(host)])),
      devices: Object.fromEntries(devices.map((end) => [`${end.host}:${end.dev}`, lab.counters(end.host, end.dev)])),
      maps: Object.fromEntries(
        attach
          .filter((one) => one.dump)
          .map((one) => [one.label, Object.fromEntries(one.dump.map((map) => [map, lab.dump(one.label, map)]))]),
      ),
    };
    return { name: spec.name, network, attach, commands, send, result };
  } finally {
    lab.destroy();
  }
}

function* differences(was, is, path) {
  if (was === is) return;
  if (was !== null && is !== null && typeof was === "object" && typeof is === "object") {
    for (const key of new Set([...Object.keys(was), ...Object.keys(is)]))
      yield* differences(was[key], is[key], `${path}.${key}`);
    return;
  }
  yield `${path}: committed ${JSON.stringify(was)}, this kernel ${JSON.stringify(is)}`;
}

/** One file of vectors/netns. */
async function recordTable(hook, pins, name) {
  if (name === "lab") return recordLab(hook, pins);
  const cases = [];
  if (name === "socket-filter") cases.push(...(await recordSocketFilters(hook, pins)));
  else for (const spec of tables[name]) cases.push(await recordCase(hook, pins, spec));
  return { format: 1, kernel: release(), table: name, objects: objectsOf(cases), cases };
}

async function recordAll(args) {
  const check = args.includes("--check");
  const known = [...Object.keys(tables), "socket-filter", "lab", "text"];
  const named = args.filter((arg) => !arg.startsWith("--"));
  const topics = named.filter((arg) => arg.startsWith("text/")).map((arg) => arg.slice(5));
  const wanted = [...named.filter((arg) => !arg.startsWith("text/")), ...(topics.length > 0 ? ["text"] : [])];
  for (const name of wanted)
    if (!known.includes(name)) throw new Error(`no table "${name}"; known: ${known.join(", ")}`);
  const work = mkdtempSync(`${tmpdir()}/netsim-netns-`);
  const pins = `${work}/bpf`;
  try {
    mkdirSync(pins);
    execFileSync("mount", ["-t", "bpf", "bpf", pins]);
    const hook = buildTool(["netns/hook.c"], work);
    for (const name of wanted.length ? wanted : known) {
      if (name === "text") {
        if ((await recordTexts(hook, pins, check, topics)) > 0) process.exitCode = 1;
        continue;
      }
      // Through JSON, so that what is absent is absent on both sides.
      const table = JSON.parse(JSON.stringify(await recordTable(hook, pins, name)));
      const file = new URL(`${name}.json`, vectors);
      if (!check) {
        mkdirSync(vectors, { recursive: true });
        writeFileSync(file, `${format(table)}\n`);
        process.stdout.write(
          `${name}: ${(table.cases ?? table.commands).length} ${table.cases ? "cases" : "commands"}\n`,
        );
        continue;
      }
      const found = [...differences(JSON.parse(readFileSync(file, "utf8")), table, name)].filter(
        (line) => !line.startsWith(`${name}.kernel:`),
      );
      if (found.length > 0) process.exitCode = 1;
      process.stdout.write(`${name}: ${found.length === 0 ? "as committed" : `${found.length} differences`}\n`);
      for (const line of found.slice(0, 20)) process.stdout.write(`  ${line}\n`);
    }
  } finally {
    spawnSync("umount", [pins]);
    rmSync(work, { recursive: true, force: true });
  }
}

const inside = "NETSIM_NETNS_INSIDE";
if (process.getuid?.() !== 0) {
  process.stderr.write("netns/record.mjs: namespaces need root\n");
  process.exitCode = 2;
} else if (!process.env[inside]) {
  const done = spawnSync(
    "unshare",
    ["--mount", "--propagation", "private", process.execPath, ...process.argv.slice(1)],
    {
      stdio: "inherit",
      env: { ...process.env, [inside]: "1" },
    },
  );
  process.exitCode = done.status ?? 2;
} else {
  await recordAll(process.argv.slice(2)).catch((error) => {
    process.stderr.write(`netns/record.mjs: ${error.message}\n`);
    process.exitCode = 2;
  });
}
