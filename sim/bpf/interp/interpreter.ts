/**
 * The reference interpreter: the same decoded programs, helper records and access rules as the JIT, executed one instruction at
 * a time on BigInt registers with every access checked at run time. It is the JIT's test oracle and made for nothing else; it counts
 * instructions, not cost, and callbacks of helpers run compiled.
 */
import { assertNever, BugError } from "../../engine/errors.ts";
import type { BpfMachine } from "../create-machine.ts";
import type { BpfEnv } from "../env.ts";
import type { Insn } from "../isa/insn.ts";
import {
  CELL_CTX,
  CELL_INSNS,
  CELL_R0,
  CELL_STACK_TOP,
  CELL_START,
  CELL_TAIL_CALLS,
  FRAME_BYTES,
  LEVEL_BYTES,
  MAX_MAY_GOTO,
  MAX_TAIL_CALLS,
} from "../jit/cells.ts";
import { FAULT } from "../jit/emitter.ts";
import type { LiveProgram } from "../jit/live-program.ts";
import type { Program } from "../program.ts";
import { checkAccess } from "./access.ts";
import { alu, condition, reverseBytes, swap, u64 } from "./alu.ts";
import { callKernel } from "./call.ts";
import { cell, type Frame, fail, setCell } from "./frame.ts";

/** Runs programs of one machine by interpretation. */
export interface Interpreter {
  /**
   * As `Program.run`; the full r0 is left in the machine's cell.
   * @throws VerifierError when an access check fails
   */
  run(program: Program, ctx: number): number;
}

/** Makes an interpreter of a machine's programs. */
export function createInterpreter(machine: BpfMachine<BpfEnv>): Interpreter {
  return { run: (program, ctx) => runProgram(machine, machine.liveOf(program), ctx) };
}

function runProgram(machine: BpfMachine<BpfEnv>, program: LiveProgram, ctx: number): number {
  const saved = [CELL_STACK_TOP, CELL_CTX, CELL_TAIL_CALLS, CELL_START].map((c) => [c, cell(machine, c)] as const);
  const fp = cell(machine, CELL_STACK_TOP);
  setCell(machine, CELL_STACK_TOP, fp - LEVEL_BYTES);
  setCell(machine, CELL_CTX, ctx);
  setCell(machine, CELL_TAIL_CALLS, 0);
  setCell(machine, CELL_START, cell(machine, CELL_INSNS));
  const first = program.replaced.get(0) ?? program;
  const r0 = execute({ machine, program: first, regs: registers([BigInt(ctx)], fp), fp, mayGoto: MAX_MAY_GOTO }, 0);
  for (const [c, value] of saved) setCell(machine, c, value);
  machine.arena.u64[(machine.memory.cells + CELL_R0) >>> 3] = r0;
  return Number(r0 & 0xffffffffn);
}

function registers(args: readonly bigint[], fp: number): bigint[] {
  const regs = new Array<bigint>(11).fill(0n);
  args.forEach((v, i) => {
    regs[i + 1] = v;
  });
  regs[10] = BigInt(fp);
  return regs;
}

/** Executes a function to its exit. @returns r0 */
function execute(frame: Frame, slot: number): bigint {
  let at = frame.program.linked.decoded.indexOfSlot[slot]!;
  for (;;) {
    const { insns, indexOfSlot } = frame.program.linked.decoded;
    const insn = insns[at];
    if (insn === undefined) throw new BugError("INTERP_END", "the interpreter ran past the end of a program");
    const executed = (cell(frame.machine, CELL_INSNS) + 1) >>> 0;
    setCell(frame.machine, CELL_INSNS, executed);
    if ((executed - cell(frame.machine, CELL_START)) >>> 0 > frame.program.linked.maxInsns) {
      fail(frame, insn, FAULT.tooLong, BigInt(frame.program.linked.maxInsns));
    }
    at++;
    switch (insn.kind) {
      case "ja":
        at = indexOfSlot[insn.target]!;
        break;
      case "jump":
        if (condition(insn.op, insn.wide, frame.regs[insn.dst]!, operand(frame, insn))) at = indexOfSlot[insn.target]!;
        break;
      case "may_goto":
        if (frame.mayGoto-- <= 0) at = indexOfSlot[insn.target]!;
        break;
      case "exit":
        return frame.regs[0]!;
      case "call_sub":
        frame.regs[0] = callSubprogram(frame, insn);
        break;
      case "call_helper":
        if (insn.id === 12) {
          if (tailCall(frame, insn)) at = 0;
        } else callKernel(frame, insn);
        break;
      case "call_kfunc":
        callKernel(frame, insn);
        break;
      case "ld_packet":
        if (!loadPacket(frame, insn)) return 0n;
        break;
      default:
        step(frame, insn);
    }
  }
}

type Straight = Exclude<
  Insn,
  { kind: "ja" | "jump" | "may_goto" | "exit" | "call_sub" | "call_helper" | "call_kfunc" | "ld_packet" }
>;

function step(frame: Frame, insn: Straight): void {
  const { regs } = frame;
  switch (insn.kind) {
    case "alu":
      regs[insn.dst] = alu(insn.op, insn.wide, regs[insn.dst]!, operand(frame, insn));
      return;
    case "neg":
      regs[insn.dst] = BigInt.asUintN(insn.wide ? 64 : 32, -regs[insn.dst]!);
      return;
    case "movsx":
      regs[insn.dst] = BigInt.asUintN(insn.wide ? 64 : 32, BigInt.asIntN(insn.bits, regs[insn.src]!));
      return;
    case "swap":
      regs[insn.dst] = swap(insn, regs[insn.dst]!);
      return;
    case "ldx": {
      const addr = reach(frame, insn, insn.src, insn.off, insn.size, false);
      const raw = load(frame, addr, insn.size);
      regs[insn.dst] = insn.signed ? u64(BigInt.asIntN(insn.size * 8, raw)) : raw;
      return;
    }
    case "st":
      store(frame, reach(frame, insn, insn.dst, insn.off, insn.size, true), insn.size, BigInt(insn.imm));
      return;
    case "stx":
      store(frame, reach(frame, insn, insn.dst, insn.off, insn.size, true), insn.size, regs[insn.src]!);
      return;
    case "atomic":
      atomic(frame, insn);
      return;
    case "ld_imm64":
      regs[insn.dst] = imm64(frame, insn);
      return;
    default:
      assertNever(insn);
  }
}

function operand(frame: Frame, insn: Extract<Insn, { kind: "alu" | "jump" }>): bigint {
  return insn.src < 0 ? BigInt(insn.imm) : frame.regs[insn.src]!;
}

function reach(frame: Frame, insn: Insn, reg: number, off: number, size: number, write: boolean): number {
  return checkAccess(frame, insn, u64(frame.regs[reg]! + BigInt(off)), size, write);
}

function load(frame: Frame, addr: number, size: number): bigint {
  const { u8 } = frame.machine.arena;
  let v = 0n;
  for (let i = size - 1; i >= 0; i--) v = (v << 8n) | BigInt(u8[addr + i]!);
  return v;
}

function store(frame: Frame, addr: number, size: number, value: bigint): void {
  const { u8 } = frame.machine.arena;
  for (let i = 0; i < size; i++) u8[addr + i] = Number((value >> BigInt(8 * i)) & 0xffn);
}

function atomic(frame: Frame, insn: Extract<Insn, { kind: "atomic" }>): void {
  const { regs } = frame;
  const addr = reach(frame, insn, insn.dst, insn.off, insn.size, true);
  const old = load(frame, addr, insn.size);
  const src = regs[insn.src]!;
  if (insn.op === "cmpxchg") {
    if (BigInt.asUintN(insn.size * 8, regs[0]!) === old) store(frame, addr, insn.size, src);
    regs[0] = old;
    return;
  }
  store(frame, addr, insn.size, insn.op === "xchg" ? src : alu(insn.op, insn.size === 8, old, src));
  if (insn.fetch) regs[insn.src] = old;
}

function imm64(frame: Frame, insn: Extract<Insn, { kind: "ld_imm64" }>): bigint {
  const { linked, callbackIndex } = frame.program;
  const mapLoad = linked.mapLoads.get(insn.slot);
  if (mapLoad !== undefined) {
    const map = linked.maps[mapLoad.map]!;
    return BigInt(mapLoad.offset < 0 ? map.handle : map.inlineArray!.base + mapLoad.offset);
  }
  if (insn.what === "ksym") return BigInt(linked.ksyms.get(insn.slot)!);
  if (insn.what === "func") return BigInt(callbackIndex.get(insn.target)!);
  return (BigInt(insn.hi >>> 0) << 32n) | BigInt(insn.lo >>> 0);
}

function callSubprogram(frame: Frame, insn: Extract<Insn, { kind: "call_sub" }>): bigint {
  const { machine, program } = frame;
  const fp = frame.fp - FRAME_BYTES;
  const ext = program.replaced.get(insn.target);
  const callee: Frame = {
    machine,
    program: ext ?? program,
    regs: registers(frame.regs.slice(1, 6), fp),
    fp,
    mayGoto: MAX_MAY_GOTO,
  };
  if (fp % LEVEL_BYTES === 0) {
    const first = program.linked.decoded.insns[program.linked.decoded.indexOfSlot[insn.target]!]!;
    fail(callee, first, FAULT.stackOverflow, 0n);
  }
  return execute(callee, ext === undefined ? insn.target : 0);
}

/** @returns true when the other program goes on in this frame */
function tailCall(frame: Frame, insn: Insn): boolean {
  const { machine, regs } = frame;
  const map = machine.mapOfHandle(Number(BigInt.asUintN(31, regs[2]!)));
  const inline = map?.inlineArray ?? null;
  if (map === undefined || map.spec.kind !== "prog_array" || inline === null)
    fail(frame, insn, FAULT.progArray, regs[2]!, 2);
  const ctx = cell(machine, CELL_CTX);
  if (regs[1] !== BigInt(ctx)) fail(frame, insn, FAULT.ctxArgument, regs[1]!, 1);
  const index = Number(BigInt.asUintN(32, regs[3]!));
  const taken = cell(machine, CELL_TAIL_CALLS);
  if (index >= inline.maxEntries || taken >= MAX_TAIL_CALLS) return false;
  const entry = machine.arena.u32[(inline.base + index * inline.stride) >>> 2]!;
  const next = entry === 0 ? undefined : machine.programOfIndex(entry - 1);
  if (next === undefined) return false;
  setCell(machine, CELL_TAIL_CALLS, taken + 1);
  const live = machine.liveOf(next);
  frame.program = live.replaced.get(0) ?? live;
  frame.regs = registers([BigInt(ctx)], frame.fp);
  frame.mayGoto = MAX_MAY_GOTO;
  return true;
}

/** @returns false when the packet has no such bytes and the function ends with 0 */
function loadPacket(frame: Frame, insn: Extract<Insn, { kind: "ld_packet" }>): boolean {
  const { machine, regs } = frame;
  const { def } = frame.program.linked;
  const ctx = cell(machine, CELL_CTX);
  const base = insn.src < 0 ? 0n : regs[insn.src]!;
  const offset = Number(BigInt.asIntN(32, base + BigInt(insn.imm)));
  const data = machine.arena.dv.getUint32(ctx + def.dataOffset, true);
  const length = machine.arena.dv.getUint32(ctx + def.dataEndOffset, true) - data;
  const linear = offset >= 0 && offset + insn.size <= length;
  const addr = linear ? data + offset : machine.env.legacyLoad(ctx, offset, insn.size);
  if (addr === 0) return false;
  regs[0] = reverseBytes(load(frame, addr, insn.size), insn.size);
  return true;
}
