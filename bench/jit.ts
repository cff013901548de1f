/**
 * Compiled programs against the kernel's own JIT: ns per run here and by BPF_PROG_RUN, in turns, in one run.
 *
 * Calling a program costs both sides something, the kernel more (its loop asks after signals, and guards against migration): so
 * each row also says what it takes beyond the cheapest program of its kind.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import type { Program } from "../sim/bpf/program.ts";
import { loadObjectOnHost } from "../sim/net/bpf-objects.ts";
import type { Host } from "../sim/net/host.ts";
import type { Kernel } from "../sim/net/kernel.ts";
import { beginTestRun } from "../sim/net/prog-test-run.ts";
import { addHost } from "../sim/net/stack.ts";
import { applyPreset, freshKernel, fromHex, objectUrl, type Preset } from "../test/kernel/replay-kit.ts";
import { runSetup } from "../test/kernel/replay-setup.ts";
import type { BenchCase, BenchRow } from "./case.ts";
import { bundledSubjects, ownSubjects, type Subject } from "./jit-subjects.ts";

/** What a row is compared by: the whole run, and what it takes beyond the cheapest program of its kind. */
interface Measured {
  readonly kind: string;
  readonly what: string;
  readonly kernel: number;
  readonly unchecked: number;
  readonly checked: number;
}

/** Runs of one round: a few milliseconds at most, so that some rounds of each side meet nothing else that the machine does. */
const KERNEL_REPEAT = 20_000;
const OUR_REPEAT = 10_000;
/** Turns of all three, so that what else the machine does meets them alike; rounds within a turn. The best counts. */
const TURNS = 3;
const ROUNDS = 40;
const WARM_RUNS = 200_000;
/** ns beyond the cheapest program that a ratio of differences is worth forming from: the kernel answers whole ns. */
const DIFFERENCE_MIN_NS = 8;

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
  const ctx = s.kind === "xdp" ? s.ctx.padEnd(48, "0") : s.ctx.padEnd(384, "0");
  const lines = [
    "cpu 0",
    `load ${s.path} ${s.kind}`,
    ...s.maps.map(presetLine),
    ...Array.from({ length: ROUNDS }, () => `run ${s.program} ${s.packet} ${ctx} ${KERNEL_REPEAT}`),
  ];
  const setup = ["ip link set lo up", ...s.setup, `exec ${oracle}`].join(" && ");
  const done = spawnSync("unshare", ["-n", "sh", "-c", setup], {
    input: `${lines.join("\n")}\n`,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (done.status !== 0) throw new Error(`${s.what}: ${done.stderr}`);
  const answers = done.stdout.trimEnd().split("\n").slice(1);
  return Math.min(...answers.map((line) => (JSON.parse(line) as { duration: number }).duration));
}

/** A program on a host in its case's state. */
interface Ready {
  readonly host: Host;
  readonly program: Program;
}

async function load(kernel: Kernel, s: Subject, checks: boolean): Promise<Ready> {
  const host = addHost(kernel, `host${kernel.hosts.length}`, { cpus: s.cpus });
  await runSetup(host, s.setup);
  const object = loadObjectOnHost(host, s.object, { kind: s.kind, checks });
  for (const preset of s.maps) applyPreset(object, preset);
  return { host, program: object.program(s.program) };
}

/** Best ns per run; all programs of a benchmark share one machine, as the hosts of a simulation do. */
function ourNs({ host, program }: Ready, s: Subject): number {
  const run = beginTestRun(host, program, { data: fromHex(s.packet), ctx: fromHex(s.ctx) });
  if (typeof run === "number") throw new Error(`${s.what}: the run was refused, errno ${run}`);
  // both tiers of the WebAssembly compiler have done their work by then
  for (let i = 0; i < WARM_RUNS; i += OUR_REPEAT) run.run(OUR_REPEAT);
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < ROUNDS; i++) {
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

async function measureRow(kernel: Kernel, oracle: string, s: Subject): Promise<Measured> {
  const unchecked = await load(kernel, s, false);
  const checked = await load(kernel, s, true);
  let [k, u, c] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let turn = 0; turn < TURNS; turn++) {
    k = Math.min(k, kernelNs(oracle, s));
    u = Math.min(u, ourNs(unchecked, s));
    c = Math.min(c, ourNs(checked, s));
  }
  return { kind: s.kind, what: s.what, kernel: k, unchecked: u, checked: c };
}

async function measure(): Promise<BenchRow[]> {
  const folder = mkdtempSync(`${tmpdir()}/netsim-bench-`);
  try {
    const oracle = buildOracle(folder);
    const done: Measured[] = [];
    const kernel = freshKernel();
    for (const s of [...bundledSubjects(), ...ownSubjects(folder)]) done.push(await measureRow(kernel, oracle, s));
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
