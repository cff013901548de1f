/** Random cases that the kernel's verifier accepts for the most part. The same seed makes the same case. */
import { type RandomStream, Streams } from "../../../sim/engine/streams.ts";
import { Body, type Op, TRACE_REG } from "./body.ts";
import { type Case, type CaseKind, type CaseMap, type CaseProgram, MAP_TYPE } from "./case.ts";
import { Code } from "./code.ts";
import { isDumped, isOfMaps } from "./map-shape.ts";
import { branch, callFunction, earlyExit, exit, helperLoop, loop, tailCall, tangle } from "./ops-flow.ts";
import { helper, legacyLoad } from "./ops-helpers.ts";
import { directValue, forEach, lookup, queue, remove, ringbuf, update } from "./ops-maps.ts";
import { atomic, ctxField, fill, load, ordered, packetBounds, spill, stackPointer, store } from "./ops-memory.ts";
import { alu, movePointer, unary, wideImmediate } from "./ops-scalar.ts";
import { type Param, type Plan, type PlannedFunction, type Role, TRACE_BYTES, TRACE_MAP, TRACE_REGS } from "./plan.ts";
import { randomMaps } from "./random-maps.ts";
import { randomPackets } from "./random-packets.ts";
import { CTX, NONE, type Reg, SCALAR } from "./state.ts";

/** What is not asked for everywhere. */
export interface GenerateOptions {
  /** may_goto may be written. */
  readonly mayGoto?: boolean;
  /** A third of the usual length. */
  readonly short?: boolean;
  /** Types to choose from. */
  readonly kinds?: readonly CaseKind[];
}

const weighted: readonly (readonly [Op, number])[] = [
  [alu, 12],
  [unary, 4],
  [wideImmediate, 1],
  [movePointer, 3],
  [load, 6],
  [store, 6],
  [atomic, 4],
  [ordered, 2],
  [stackPointer, 2],
  [spill, 2],
  [fill, 3],
  [ctxField, 2],
  [packetBounds, 4],
  [lookup, 3],
  [update, 2],
  [remove, 1],
  [queue, 1],
  [forEach, 1],
  [directValue, 1],
  [ringbuf, 1],
  [helper, 4],
  [legacyLoad, 1],
  [branch, 4],
  [tangle, 2],
  [loop, 2],
  [callFunction, 2],
  [helperLoop, 1],
  [tailCall, 1],
  [earlyExit, 1],
];
const table: readonly Op[] = weighted.flatMap(([op, times]) => new Array<Op>(times).fill(op));

const KINDS: readonly CaseKind[] = ["xdp", "xdp", "sched_cls", "sched_cls", "socket_filter"];
/** Frames of one chain of calls share 512 bytes. */
const FRAME_BYTES = { main: 104, sub: 72, loop: 64, each: 64 } as const;
const FULL_FRAME_BYTES = 512;
const FUEL = { small: 30, large: 150 } as const;

/** Makes the case of a seed. */
export function generateCase(seed: number, options: GenerateOptions = {}): Case {
  const rnd = new Streams(seed).stream("case");
  const pick = <T>(items: readonly T[]): T => items[rnd.below(items.length)]!;
  const kind = pick(options.kinds ?? KINDS);
  const maps = randomMaps(rnd);
  const tailMap = maps.findIndex((m) => m.type === MAP_TYPE.prog_array);
  const programs: CaseProgram[] = [];
  const tails: [number, number, number][] = [];
  const targets = tailMap < 0 ? 0 : 1 + rnd.below(2);
  for (let i = 0; i <= targets; i++) programs.push(program(rnd, kind, maps, i === 0 ? tailMap : -1, options));
  for (let i = 1; i <= targets; i++) tails.push([tailMap, rnd.below(4), i]);
  return { kind, maps, programs, tails, packets: randomPackets(rnd, kind) };
}

function program(
  rnd: RandomStream,
  kind: CaseKind,
  maps: readonly CaseMap[],
  tailMap: number,
  options: GenerateOptions,
): CaseProgram {
  const code = new Code();
  const callable = rnd.below(3) > 0 ? plannedFunctions(rnd, code) : [];
  const plan: Plan = {
    kind,
    maps,
    keyed: maps.flatMap((m, i) => (i > 1 && m.keySize > 0 && (isDumped(m) || isOfMaps(m)) ? [i] : [])),
    queues: maps.flatMap((m, i) => (m.keySize === 0 && isDumped(m) ? [i] : [])),
    tailMap,
    ringbuf: maps.findIndex((m) => m.type === MAP_TYPE.ringbuf),
    mayGoto: options.mayGoto ?? false,
    functions: callable,
    fuel: FUEL.small + rnd.below(options.short === true ? 0 : FUEL.large - FUEL.small),
  };
  writeMain(rnd, code, plan, callable.length === 0 && tailMap < 0);
  const funcs = [0];
  for (const f of plan.functions) {
    // a function that nobody calls would be unreachable
    if (!f.used) continue;
    funcs.push(code.length);
    writeFunction(rnd, code, plan, f);
  }
  return { insns: code.finish(), funcs };
}

/** In the order of calls; callbacks last. */
function plannedFunctions(rnd: RandomStream, code: Code): PlannedFunction[] {
  const plan = (role: Role, level: number, params: readonly Param[]): PlannedFunction => ({
    role,
    level,
    params,
    label: code.label(),
    used: false,
  });
  const params = (): Param[] =>
    Array.from({ length: rnd.below(5) }, () => (["scalar", "scalar", "value", "ctx"] as const)[rnd.below(4)]!);
  const out: PlannedFunction[] = [];
  for (let level = 1; level <= 2; level++)
    for (let i = rnd.below(3); i > 0; i--) out.push(plan("sub", level, params()));
  out.push(plan("loop", 3, []), plan("each", 3, []));
  return out;
}

function writeMain(rnd: RandomStream, code: Code, plan: Plan, alone: boolean): void {
  const frame = alone && rnd.below(10) === 0 ? FULL_FRAME_BYTES : FRAME_BYTES.main;
  const b = new Body(rnd, code, plan, "main", 0, table, frame);
  code.move(6, 1);
  b.set(6, CTX);
  b.set(1, CTX);
  code.imm64(TRACE_REG, 2, TRACE_MAP, 0);
  b.set(TRACE_REG, { t: "mem", space: "value", lo: TRACE_REGS, hi: TRACE_BYTES, phase: 0 });
  begin(b);
  b.pinned([6, TRACE_REG], () => {
    b.ops(plan.fuel === FUEL.small ? 5 : 6 + rnd.below(16));
    exit(b);
  });
}

function writeFunction(rnd: RandomStream, code: Code, plan: Plan, f: PlannedFunction): void {
  code.place(f.label);
  const b = new Body(rnd, code, plan, f.role, f.level, table, FRAME_BYTES[f.role]);
  plan.fuel = Math.max(plan.fuel, FUEL.small);
  const stack: Reg = { t: "mem", space: "stack", lo: 0, hi: 16, phase: 0 };
  if (f.role === "loop") {
    b.set(1, SCALAR);
    b.set(2, stack);
  } else if (f.role === "each") {
    b.set(3, { t: "mem", space: "value", lo: 0, hi: 8, phase: 0 });
    b.set(4, stack);
  } else {
    f.params.forEach((param, i) => {
      if (param === "ctx") b.set(i + 1, CTX);
      else if (param === "scalar") b.set(i + 1, SCALAR);
      else b.set(i + 1, { t: "mem", space: "value", lo: 0, hi: TRACE_BYTES, phase: 0 });
    });
  }
  const ctx = b.ctx();
  if (ctx > 0 && rnd.below(4) > 0) {
    code.move(6, ctx);
    b.set(6, CTX);
  }
  begin(b);
  b.ops(3 + rnd.below(8));
  exit(b);
}

/** The frame is filled, and some registers. */
function begin(b: Body): void {
  const filler = 0;
  b.code.set(filler, b.imm());
  b.set(filler, SCALAR);
  for (let off = -b.frame; off < -b.frame + b.stackBytes; off += 8) {
    if (b.chance(2)) b.code.emit(0x7a, 10, 0, off, b.imm());
    else b.code.emit(0x7b, 10, filler, off, 0);
  }
  b.set(10, { t: "mem", space: "stack", lo: -b.frame, hi: -b.frame + b.stackBytes, phase: 0 });
  for (const r of [0, 2, 3, 4, 5, 7, 8]) {
    if (b.reg(r) !== NONE || b.chance(3)) continue;
    b.code.set(r, b.imm());
    b.set(r, SCALAR);
  }
}
