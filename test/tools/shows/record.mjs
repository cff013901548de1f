// Asks bpftool on this kernel what it shows of programs, maps and types, and writes answers.json: node record.mjs [--check]. Needs root
// and bpftool; each object has a network namespace and a bpf file system of its own.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { fileURLToPath } from "node:url";
import { plain } from "./plain.mjs";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const ROOT = here("../../../");

const OBJECTS = [
  ["programs/xdp_l4lb.o", "xdp_l4lb", ["vips", "ring", "flows", "vip_stats"]],
  ["programs/xdp_tailcall.o", "xdp_tailcall", ["by_ethertype", "seen"]],
  ["test/fixtures/objects/globals.o", "fold", ["globals_rodata", "globals_data", "globals_bss", "_rodata_more"]],
  [
    "test/fixtures/objects/metadata.o",
    "with_metadata",
    ["metadata_rodata", "bloom", "on_node", "ring", "routes", "recent", "each_cpu", "queue"],
  ],
  [
    "test/fixtures/objects/typed_maps.o",
    "nothing",
    ["lpm_number", "lpm_struct", "lpm_node", "array_struct", "array_number", "hash_sized", "hash_typed", "array_sized"],
  ],
  ["test/fixtures/objects/kconfig.o", "asks", ["kconfig_kconfig"]],
];
const WAYS = ["", "-j", "-p", "-f", "-j -f"];

/** The commands of an object; `run` lines are obeyed and not compared. */
function commandsOf([object, prog, maps]) {
  const shows = [];
  for (const way of WAYS) {
    const head = way === "" ? "bpftool" : `bpftool ${way}`;
    shows.push(`${head} prog show pinned /sys/fs/bpf/x/${prog}`);
    // laid out, maps are as programs are
    if (way !== "-p") for (const map of maps) shows.push(`${head} map show pinned /sys/fs/bpf/x/maps/${map}`);
  }
  return { object, load: `bpftool prog loadall ${object} /sys/fs/bpf/x pinmaps /sys/fs/bpf/x/maps`, shows };
}

/** Map types that bpftool can make without types: key and value bytes. */
const MADE = [
  ...["cpumap 4 8", "xskmap 4 4", "sockmap 4 8", "sockhash 16 4", "reuseport_sockarray 4 8", "cgroup_array 4 4"],
  ...[
    "queue 0 4",
    "stack 0 12",
    "devmap 4 8",
    "devmap_hash 4 4",
    "bloom_filter 0 8",
    "stack_trace 4 64",
    "prog_array 4 4",
  ],
  ...["perf_event_array 4 4", "array 4 7", "percpu_array 4 100", "hash 20 12", "percpu_hash 4 12", "lru_hash 4 4"],
  ...["lru_percpu_hash 4 4"],
];

function* makings() {
  const make = (text, entries) => {
    const [type, key, value] = text.split(" ");
    const path = `/sys/fs/bpf/${type}_${entries}`;
    const load = `bpftool map create ${path} type ${type} key ${key} value ${value} entries ${entries} name m`;
    return [load, `bpftool map show pinned ${path}`];
  };
  for (const text of MADE) for (const entries of [1, 5, 256]) yield make(text, entries);
  for (const text of ["ringbuf 0 0", "user_ringbuf 0 0"])
    for (const entries of [4096, 65536]) yield make(text, entries);
}

/** Runs commands in a network namespace and on a bpf file system of their own. @returns their outputs, plain */
function ask(what, loads, shows, more = []) {
  const script = [
    "umount /sys/fs/bpf; mount -t bpf bpf /sys/fs/bpf",
    ...loads.map((load) => `${load} >/dev/null || exit 9`),
    ...shows.map((command) => `echo '=== ${command}'; ${command} 2>&1`),
    ...more,
  ];
  const run = spawnSync("unshare", ["-n", "-m", "--propagation", "private", "bash", "-c", script.join("\n")], {
    cwd: ROOT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (run.status !== 0) throw new Error(`${what}: ${run.stderr}`);
  const ids = {};
  const parts = run.stdout.split(/^=== /m).slice(1);
  return parts.map((part) => {
    const end = part.indexOf("\n");
    return { command: part.slice(0, end), output: plain(part.slice(end + 1), ids) };
  });
}

const answers = OBJECTS.map((entry) => {
  const { object, load, shows } = commandsOf(entry);
  const types = [
    `id=$(bpftool -j prog show pinned /sys/fs/bpf/x/${entry[1]} | sed 's/.*"btf_id"://; s/[^0-9].*//')`,
    "echo '=== bpftool btf show id BTF'; bpftool btf show id $id",
    "echo '=== bpftool -j btf show id BTF'; bpftool -j btf show id $id",
  ];
  return { what: object, loads: [load], shows: ask(object, [load], shows, types) };
});
const made = [...makings()];
const loads = made.map(([load]) => load);
const what = "maps that bpftool makes";
answers.push({
  what,
  loads,
  shows: ask(
    what,
    loads,
    made.map(([, show]) => show),
  ),
});
const version = /v\S+/.exec(spawnSync("bpftool", ["version"], { encoding: "utf8" }).stdout)[0];
const text = `${JSON.stringify({ kernel: release().split("-")[0], bpftool: version, cpus: 2, answers }, null, 1)}\n`;
if (!process.argv.includes("--check")) writeFileSync(here("answers.json"), text);
else if (readFileSync(here("answers.json"), "utf8") !== text) {
  console.log("answers.json: bpftool shows something else than recorded");
  process.exitCode = 1;
}
