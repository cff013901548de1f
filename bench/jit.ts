/**
 * Compiled programs against the kernel's own JIT: the bundled programs in the state of their recorded cases, one packet again and
 * again, ns per run here and by BPF_PROG_RUN, in turns.
 *
 * Calling a program costs both sides something, the kernel more (its loop asks after signals, and guards against migration): so
 * each row also says what it takes beyond the cheapest program of its kind.
 *
 * Neither side restores the packet between runs. So the packets are those that a program leaves as they are: what it does with
 * them is the same each time. Programs that change every packet (encapsulation, NAT, VLAN tags) are seen on a path that decides
 * late not to; xdp_events is not here, as its ring runs full.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import type { Program } from "../sim/bpf/program.ts";
import type { Host } from "../sim/net/host.ts";
import type { Kernel } from "../sim/net/kernel.ts";
import { beginTestRun } from "../sim/net/prog-test-run.ts";
import { addHost } from "../sim/net/stack.ts";
import {
  applyPreset,
  freshKernel,
  fromHex,
  loadBundled,
  objectUrl,
  type Preset,
  packetHex,
  type RecordedCase,
  type Vector,
  vectors,
} from "../test/kernel/replay-kit.ts";
import { runSetup } from "../test/kernel/replay-setup.ts";
import type { BenchCase, BenchRow } from "./case.ts";

/** What a row is compared by: the whole run, and what it takes beyond the cheapest program of its kind. */
interface Measured {
  readonly kind: string;
  readonly what: string;
  readonly kernel: number;
  readonly unchecked: number;
  readonly checked: number;
}

/** Object, recorded case, packet, and what it costs time with. */
const ROWS: readonly (readonly [object: string, name: string, packet: string, what: string])[] = [
  ["xdp_pass", "every packet", "ipv4_tcp_syn", "nothing"],
  ["xdp_drop", "every packet", "ipv4_tcp_syn", "nothing"],
  ["xdp_actions", "code 2", "ipv4_tcp_syn", "array lookup"],
  ["xdp_proto_count", "every packet", "ipv4_tcp_syn", "parse, per-CPU array"],
  ["xdp_proto_count", "every packet", "ipv6_udp", "parse IPv6, per-CPU array"],
  ["xdp_legacy_count", "every packet", "ipv4_tcp_syn", "atomic add"],
  ["xdp_blocklist", "network and host", "ipv4_tcp_syn", "LPM trie, IPv4"],
  ["xdp_blocklist", "network and host", "ipv6_udp", "LPM trie, IPv6"],
  ["xdp_ratelimit", "burst of three", "ipv4_udp", "LRU hash, clock"],
  ["xdp_router", "forwarding host", "ipv4_to_no_route", "fib lookup"],
  ["xdp_l2_redirect", "known address", "ipv4_tcp_syn", "hash, redirect_map"],
  ["xdp_vlan", "pop", "ipv4_tcp_syn", "parse"],
  ["xdp_l4lb", "an empty ring", "ipv4_tcp_syn", "hash and LRU, jhash, arrays"],
  ["xdp_l4lb", "no services", "ipv4_udp", "parse, hash miss"],
  ["xdp_decap", "every packet", "ipv4_udp", "parse"],
  ["xdp_tailcall", "every packet", "ipv4_tcp_syn", "two tail calls"],
  ["tc_actions", "code 0", "ipv4_tcp_syn", "array lookups"],
  ["tc_mark", "ingress", "ipv4_udp", "hash, context writes"],
  ["tc_nat_lb", "no services", "ipv4_tcp_syn", "two hash misses"],
  ["tc_redirect", "egress", "ipv4_tcp_syn", "hash, redirect"],
  ["tc_meta", "no metadata", "ipv4_tcp_syn", "parse"],
  ["sock_ip_only", "every packet", "ipv4_tcp_syn", "LD_ABS"],
  ["sock_proto_bytes", "every packet", "ipv4_tcp_syn", "LD_ABS, context reads"],
];
const KERNEL_REPEAT = 400_000;
/** Turns of all three, so that what else the machine does meets them alike; rounds within a turn. The best counts. */
const TURNS = 3;
const KERNEL_ROUNDS = 4;
const OUR_REPEAT = 100_000;
const OUR_ROUNDS = 6;
const WARM_ROUNDS = 20;
/** ns beyond the cheapest program that a ratio of differences is worth forming from: the kernel answers whole ns. */
const DIFFERENCE_MIN_NS = 8;

interface Subject {
  readonly vector: Vector;
  readonly one: RecordedCase;
  readonly packet: string;
  readonly ctx: string;
}

function subject(object: string, name: string, packet: string, all: readonly Vector[]): Subject {
  const vector = all.find((v) => v.object === `${object}.o`);
  const one = vector?.cases.find((c) => c.name === name);
  const run = one?.runs.find((r) => r.packet === packet);
  if (vector === undefined || one === undefined || run === undefined) {
    throw new Error(`no recorded run of ${object}, case "${name}", packet ${packet}`);
  }
  return { vector, one, packet: packetHex.get(packet)!, ctx: run.ctx };
}

function presetLine(p: Preset): string {
  switch (p.op) {
    case "map":
      return `map ${p.map} ${p.key} ${p.value}`;
    case "fill":
      return `fill ${p.map} ${p.start} ${p.count} ${p.values.join(",")}`;
    case "delete":
      return `delete ${p.map} ${p.key}`;
    case "prog":
      return `prog ${p.map} ${p.slot} ${p.program}`;
    case "dev":
      return `dev ${p.map} ${p.slot} ${p.ifindex} ${p.program ?? "-"}`;
  }
}

/** Best ns per run of the kernel's compiled program, in a network namespace of its own that ends with the command. */
function kernelNs(oracle: string, s: Subject): number {
  const path = fileURLToPath(objectUrl(s.vector.object));
  const ctx = s.vector.kind === "xdp" ? s.ctx.padEnd(48, "0") : s.ctx.padEnd(384, "0");
  const lines = [
    "cpu 0",
    `load ${path} ${s.vector.kind}`,
    ...s.one.maps.map(presetLine),
    ...Array.from({ length: KERNEL_ROUNDS }, () => `run ${s.one.program} ${s.packet} ${ctx} ${KERNEL_REPEAT}`),
  ];
  const setup = ["ip link set lo up", ...s.one.setup, `exec ${oracle}`].join(" && ");
  const done = spawnSync("unshare", ["-n", "sh", "-c", setup], {
    input: `${lines.join("\n")}\n`,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (done.status !== 0) throw new Error(`${s.vector.object}: ${done.stderr}`);
  const answers = done.stdout.trimEnd().split("\n").slice(1);
  return Math.min(...answers.map((line) => (JSON.parse(line) as { duration: number }).duration));
}

/** A program on a host in its case's state. */
interface Ready {
  readonly host: Host;
  readonly program: Program;
}

async function load(kernel: Kernel, s: Subject, checks: boolean): Promise<Ready> {
  const host = addHost(kernel, `host${kernel.hosts.length}`, { cpus: s.vector.cpus });
  await runSetup(host, s.one.setup);
  const object = loadBundled(host, s.vector.object, s.vector.kind, checks);
  for (const preset of s.one.maps) applyPreset(object, preset);
  return { host, program: object.program(s.one.program) };
}

/** Best ns per run; all programs of a benchmark share one machine, as the hosts of a simulation do. */
function ourNs({ host, program }: Ready, s: Subject): number {
  const run = beginTestRun(host, program, { data: fromHex(s.packet), ctx: fromHex(s.ctx) });
  if (typeof run === "number") throw new Error(`${s.vector.object}: the run was refused, errno ${run}`);
  // both tiers of the WebAssembly compiler have done their work by then
  for (let i = 0; i < WARM_ROUNDS; i++) run.run(OUR_REPEAT / 10);
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < OUR_ROUNDS; i++) {
    const start = process.hrtime.bigint();
    run.run(OUR_REPEAT);
    best = Math.min(best, Number(process.hrtime.bigint() - start) / OUR_REPEAT);
  }
  run.end();
  return best;
}

function geometricMean(values: readonly number[]): number {
  return values.reduce((product, v) => product * v ** (1 / values.length), 1);
}

async function measureRow(kernel: Kernel, oracle: string, s: Subject, what: string): Promise<Measured> {
  const unchecked = await load(kernel, s, false);
  const checked = await load(kernel, s, true);
  let [k, u, c] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let turn = 0; turn < TURNS; turn++) {
    k = Math.min(k, kernelNs(oracle, s));
    u = Math.min(u, ourNs(unchecked, s));
    c = Math.min(c, ourNs(checked, s));
  }
  return { kind: s.vector.kind, what, kernel: k, unchecked: u, checked: c };
}

async function measure(): Promise<BenchRow[]> {
  const all = vectors();
  const folder = mkdtempSync(`${tmpdir()}/netsim-bench-`);
  try {
    const oracle = buildOracle(folder);
    const done: Measured[] = [];
    const kernel = freshKernel();
    for (const [object, name, packet, what] of ROWS) {
      done.push(await measureRow(kernel, oracle, subject(object, name, packet, all), `${object}: ${what}`));
    }
    return [...done.map((m) => report(m, done)), ...means(done)];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The part of a row that is the program's and not the calling of one. */
function beyond(m: Measured, all: readonly Measured[]): { kernel: number; unchecked: number; checked: number } | null {
  const same = all.filter((o) => o.kind === m.kind);
  if (same.length < 4) return null; // none of them is known to do next to nothing
  const least = (of: (o: Measured) => number): number => of(m) - Math.min(...same.map(of));
  const kernel = least((o) => o.kernel);
  if (kernel < DIFFERENCE_MIN_NS) return null;
  return { kernel, unchecked: least((o) => o.unchecked), checked: least((o) => o.checked) };
}

function report(m: Measured, all: readonly Measured[]): BenchRow {
  const b = beyond(m, all);
  const part =
    b === null ? "" : `, less calling ${(b.unchecked / b.kernel).toFixed(2)} (${(b.checked / b.kernel).toFixed(2)})`;
  return {
    what: m.what,
    figure: `${m.unchecked.toFixed(1)} (${m.checked.toFixed(1)}), kernel ${m.kernel} ns`,
    against: `${(m.unchecked / m.kernel).toFixed(2)} (${(m.checked / m.kernel).toFixed(2)}) of the kernel's JIT${part}`,
  };
}

function means(all: readonly Measured[]): BenchRow[] {
  const u = geometricMean(all.map((m) => m.unchecked / m.kernel));
  const c = geometricMean(all.map((m) => m.checked / m.kernel));
  const parts = all.map((m) => beyond(m, all)).filter((b) => b !== null);
  const bu = geometricMean(parts.map((b) => b.unchecked / b.kernel));
  const bc = geometricMean(parts.map((b) => b.checked / b.kernel));
  return [
    {
      what: "geometric mean",
      figure: `${all.length} rows`,
      against: `${u.toFixed(2)} (${c.toFixed(2)}) of the kernel's JIT`,
    },
    {
      what: "geometric mean, less calling a program",
      figure: `${parts.length} rows`,
      against: `${bu.toFixed(2)} (${bc.toFixed(2)}) of the kernel's JIT`,
    },
  ];
}

/** @returns the oracle's path. @throws Error with the compiler's text */
function buildOracle(folder: string): string {
  const out = `${folder}/oracle`;
  const sources = ["oracle.c", "oracle-legacy.c"].map((f) =>
    fileURLToPath(new URL(`../test/kernel/${f}`, objectUrl(""))),
  );
  const args = ["-O1", "-w", "-D_GNU_SOURCE", "-o", out, ...sources, "-lbpf", "-lelf"];
  const done = spawnSync(process.env.CC ?? "gcc", args, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(done.error?.message ?? done.stderr);
  return out;
}

/** Can this machine be asked? Tries it: a compiler with libbpf, root, a namespace, and a program in the kernel. */
function unavailable(): string | null {
  if (process.platform !== "linux") return "there is no Linux kernel to compare with";
  if (process.getuid?.() !== 0) return "loading programs into the kernel needs root";
  const folder = mkdtempSync(`${tmpdir()}/netsim-bench-`);
  try {
    const oracle = buildOracle(folder);
    const done = spawnSync("unshare", ["-n", oracle], {
      input: `load ${fileURLToPath(objectUrl("xdp_pass.o"))} xdp\n`,
      encoding: "utf8",
    });
    if (done.status !== 0) return `the kernel cannot be asked: ${done.error?.message ?? done.stderr.trim()}`;
    return done.stdout.includes('"loaded":true') ? null : "the kernel takes no programs";
  } catch (error) {
    return `the tool that asks the kernel cannot be built: ${(error as Error).message.split("\n")[0]}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const jit: BenchCase = {
  name: "jit",
  about: "compiled programs against the kernel's JIT: ns per run, in brackets with access checks",
  unavailable,
  run: measure,
};
