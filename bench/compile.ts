/** Loading programs of about 50,000 instructions: decoding, dataflow, code, and V8's compilation of the module. */
import { createMachine } from "../sim/bpf/create-machine.ts";
import { baseHelpers } from "../sim/bpf/helpers/index.ts";
import { assemble } from "../sim/bpf/isa/assemble.ts";
import { mapTypes } from "../sim/bpf/maps/index.ts";
import type { ProgramSpec } from "../sim/bpf/spec.ts";
import { Arena } from "../sim/engine/arena.ts";
import { mapSpec } from "../test/bpf/kit.ts";
import type { BenchCase, BenchRow } from "./case.ts";
import { compileShapes } from "./compile-shapes.ts";

const AIM_MS = 1000;
const PER_INSNS = 50_000;
const ROUNDS = 5;
const ARENA_BYTES = 1 << 24;

/** All that loading one needs; nothing of it was compiled before. */
function load(spec: ProgramSpec): void {
  const machine = createMachine({ arena: new Arena(ARENA_BYTES), helpers: baseHelpers, mapTypes });
  const counters = machine.createMap(mapSpec("array", { name: "counters", valueSize: 8, maxEntries: 256 }), 2, 1);
  machine.loadProgram({ ...spec }, { id: 1, license: "GPL", maps: new Map([["counters", counters]]) });
}

/** ms of wall time and of all threads' CPU time; V8 compiles on several. */
function timed(work: () => void): readonly [wallMs: number, cpuMs: number] {
  const cpu = process.cpuUsage();
  const start = performance.now();
  work();
  const wallMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return [wallMs, (user + system) / 1000];
}

function row(what: string, text: string): BenchRow {
  const helperId = (name: string): number | undefined => baseHelpers.find((h) => h.name === name)?.id;
  let spec: ProgramSpec | null = null;
  const [, assembleMs] = timed(() => {
    const { insns, relocations } = assemble(text, { helperId });
    const kind = "xdp";
    spec = { name: what, section: kind, kind, attach: null, frags: false, insns, relocations, funcs: [], lines: [] };
  });
  const program = spec!;
  const count = program.insns.length / 8;
  const scale = PER_INSNS / count;
  const rounds = Array.from({ length: ROUNDS }, () => timed(() => load(program)));
  const [, firstMs] = rounds[0]!;
  const best = (i: 0 | 1): number => Math.min(...rounds.map((r) => r[i])) * scale;
  return {
    what: `${what}, ${count} instructions`,
    figure: `${(firstMs * scale).toFixed(0)} ms, again ${best(1).toFixed(0)} ms`,
    against: `aim ${AIM_MS} ms: ${((firstMs * scale) / AIM_MS).toFixed(2)} of it; by the clock ${best(0).toFixed(0)} ms, from text ${(assembleMs * scale).toFixed(0)} ms more`,
  };
}

export const compile: BenchCase = {
  name: "compile",
  about: "loading a program for the first time and again: CPU time of all threads, per 50,000 instructions",
  unavailable: () => null,
  async run(): Promise<readonly BenchRow[]> {
    return compileShapes().map(({ what, text }) => row(what, text));
  },
};
