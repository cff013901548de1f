// Compares published objects: node test/kernel/compare-objects.mjs FOLDER [FILTER] [--json FILE]
//
// Every program of the types that netsim runs, of every object in the folder, is linked and fitted to the kernel's types by netsim, then
// loaded and run over packets.json here and on the running kernel, alone. Told are: programs that only one of both loads, and runs that
// end otherwise. A program whose section says no type is taken for what its section's name resembles. Maps of no size get 64 entries.
// Needs root, Linux 6.18, gcc, and a build (`npm run build`).
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { buildTool } from "./build-oracle.mjs";

const dist = new URL("../../dist/", import.meta.url);
const { parseObject } = await import(new URL("bpf/object/parse-object.js", dist));
const { mapNumber } = await import(new URL("bpf/object/map-types.js", dist));
const { relocateCore } = await import(new URL("bpf/core/relocate.js", dist));
const { attachNumber } = await import(new URL("bpf/attach-kinds.js", dist));
const { kconfigBytes } = await import(new URL("bpf/kernel-config.js", dist));
const { kernelConfig } = await import(new URL("net/kernel-config.js", dist));
const { kernelTypes } = await import(new URL("net/btf/kernel-types.js", dist));
const { loadObjectOnHost } = await import(new URL("net/bpf-objects.js", dist));
const { progTestRun } = await import(new URL("net/prog-test-run.js", dist));
const { addHost, createKernel } = await import(new URL("net/stack.js", dist));

/** enum bpf_prog_type */
const TYPES = {
  socket_filter: 1,
  sched_cls: 3,
  sched_act: 4,
  xdp: 6,
  cgroup_skb: 8,
  lwt_in: 10,
  lwt_out: 11,
  lwt_xmit: 12,
  sock_ops: 13,
  cgroup_sock_addr: 18,
  lwt_seg6local: 19,
  sk_reuseport: 21,
  flow_dissector: 22,
  sk_lookup: 30,
  syscall: 31,
};
const SLEEPABLE = 1 << 4;
const FRAGS = 1 << 5;
const ENTRIES = 64;
const PERF_EVENT_ARRAY = 4;

const [folder, ...more] = process.argv.slice(2);
const jsonAt = more.indexOf("--json");
const filter = jsonAt === 0 ? "" : (more[0] ?? "");
const packets = JSON.parse(readFileSync(new URL("packets.json", import.meta.url), "utf8"));
const hex = (bytes) => Buffer.from(bytes).toString("hex");

const work = mkdtempSync(join(tmpdir(), "netsim-objects-"));
const kernel = spawn(buildTool(["raw-load.c"], work), { stdio: ["pipe", "pipe", "inherit"] });
const answers = createInterface({ input: kernel.stdout })[Symbol.asyncIterator]();
const counts = { programs: 0, kernel: 0, netsim: 0, both: 0, runs: 0, equal: 0 };
const rows = [];
for (const name of readdirSync(folder).sort()) {
  if (!name.endsWith(".o") || !name.includes(filter)) continue;
  await compareObject(name);
}
kernel.stdin.end();
rmSync(work, { recursive: true });
console.log(
  `${counts.programs} programs: the kernel loads ${counts.kernel}, netsim ${counts.netsim}, both ${counts.both}; ` +
    `${counts.equal} of ${counts.runs} runs end alike`,
);
if (jsonAt >= 0) writeFileSync(more[jsonAt + 1], JSON.stringify({ counts, rows }, null, 1));

async function compareObject(name) {
  let spec;
  try {
    spec = parseObject(readFileSync(join(folder, name)), name);
  } catch (error) {
    tell(name, "-", "-", `netsim cannot read it: ${firstLine(error)}`);
    return;
  }
  for (const program of spec.programs) {
    const type = program.kind ?? (program.typeName === null ? guess(name, program.section) : null);
    if (type === null || TYPES[type] === undefined) continue;
    const differs = (what) => tell(name, program.name, type, what);
    const there = await onKernel(spec, program, type);
    if (there === null) continue;
    counts.programs++;
    const here = onNetsim(spec, program, type);
    if (there.loaded) counts.kernel++;
    if (here.loaded) counts.netsim++;
    if (there.loaded && !here.loaded) differs(`only the kernel loads it; netsim: ${here.failed}`);
    if (here.loaded && !there.loaded) differs(`only netsim loads it; kernel: ${there.failed} ${there.log ?? ""}`);
    if (!there.loaded || !here.loaded) continue;
    counts.both++;
    const wrong = there.runs.flatMap((run, i) => (run === here.runs[i] ? [] : [i]));
    counts.runs += there.runs.length;
    counts.equal += there.runs.length - wrong.length;
    const [first] = wrong;
    if (first === undefined) continue;
    const shown = `${packets[first].name}: netsim ${here.runs[first]}, kernel ${there.runs[first]}`;
    differs(`${wrong.length} of ${there.runs.length} runs differ; ${shown}`);
  }
}

function tell(object, program, type, what) {
  rows.push({ object, program, type, what });
  console.log(`${object}:${program} (${type}): ${what}`);
}

/** What users' loaders say of sections that libbpf does not know. */
function guess(object, section) {
  if (section.includes("xdp") || (/^\d+\/|^from-/.test(section) && object.includes("xdp"))) return "xdp";
  if (/^(socket|filter)/.test(section)) return "socket_filter";
  return /^(kprobe|kretprobe|uprobe|tracepoint|perf|raw_|prog|sk_|bench|fill)/.test(section) ? null : "sched_cls";
}

async function onKernel(spec, program, type) {
  if (program.refusal) return { loaded: false, failed: program.refusal.message };
  let linked;
  try {
    linked = relocateCore(program, kernelTypes);
  } catch (error) {
    return { loaded: false, failed: firstLine(error) };
  }
  const foreign = linked.relocations.find((r) => r.kind === "kfunc" || r.kind === "ksym");
  if (foreign) return { loaded: false, failed: `${foreign.kind} ${foreign.name}: not asked` };
  const out = [];
  const numbers = new Map();
  let count = 0;
  const map = (m) => {
    const inner = m.inner === null ? -1 : map(m.inner);
    const max = m.maxEntries === 0 && m.kind !== "sk_storage" ? ENTRIES : m.maxEntries;
    const data = m.kconfig === undefined ? m.data : kconfigBytes(spec.path, m, kernelConfig);
    const size = m.kind === "perf_event_array" ? PERF_EVENT_ARRAY : m.valueSize;
    const type = mapNumber(m.kind);
    const words = [type, m.keySize, size, max, m.flags, m.mapExtra ?? 0, inner, m.readonly ? 1 : 0];
    out.push(`map ${words.join(" ")} ${data === null ? "-" : hex(data)}`);
    return count++;
  };
  for (const m of spec.maps) numbers.set(m.name, map(m));
  for (const m of spec.maps) {
    if (m.kind === "prog_array") continue;
    for (const s of m.slots) out.push(`slot ${numbers.get(m.name)} ${s.index} ${numbers.get(s.target)}`);
  }
  const flags = (program.frags ? FRAGS : 0) | (type === "syscall" ? SLEEPABLE : 0);
  const license = spec.license.replaceAll(" ", "_") || "-";
  out.push(`prog ${TYPES[type]} ${attachNumber(program.attach)} ${flags} ${license} ${hex(linked.insns)}`);
  for (const r of linked.relocations) {
    const isValue = r.kind === "map-value";
    out.push(`reloc ${r.insn} ${isValue ? 2 : 1} ${numbers.get(r.map)} ${isValue ? r.offset : 0}`);
  }
  for (const p of packets) out.push(`packet ${p.hex}`);
  kernel.stdin.write(`${out.join("\n")}\ngo\n`);
  const { value } = await answers.next();
  const answer = JSON.parse(value);
  // callbacks need the object's BTF, which a loader of instructions does not give
  return answer.log.includes("missing btf func_info") ? null : answer;
}

function onNetsim(spec, program, type) {
  let host;
  let live;
  try {
    host = addHost(createKernel({ seed: 1, idealCpu: true }), "h", {});
    const empty = spec.maps.filter((m) => m.maxEntries === 0 && m.kind !== "sk_storage");
    const bare = { ...spec, maps: spec.maps.map((m) => (m.kind === "prog_array" ? { ...m, slots: [] } : m)) };
    live = loadObjectOnHost(host, bare, {
      programs: [program.name],
      kinds: new Map([[program.name, type]]),
      maxEntries: new Map(empty.map((m) => [m.name, ENTRIES])),
    }).program(program.name);
  } catch (error) {
    return { loaded: false, failed: firstLine(error) };
  }
  return { loaded: true, runs: packets.map((p) => runOn(host, live, p)) };
}

function runOn(host, live, packet) {
  try {
    const answer = progTestRun(host, live, { data: Buffer.from(packet.hex, "hex") });
    return typeof answer === "number" ? `errno ${answer}` : `${answer.retval} ${hex(answer.data ?? [])}`;
  } catch (error) {
    return firstLine(error);
  }
}

function firstLine(error) {
  return String(error).split("\n")[0];
}
