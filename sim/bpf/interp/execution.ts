/**
 * One interpreted run, an instruction at a time: the same decoded programs, helper records and access rules as the JIT, on BigInt registers,
 * with every access checked. It counts instructions, not cost; callbacks of helpers run compiled and in one step.
 */
import { assertNever, BugError } from "../../engine/errors.ts";
import type { BpfMachine } from "../create-machine.ts";
import type { BpfEnv } from "../env.ts";
import type { Insn } from "../isa/insn.ts";
import {
  CELL_CTX,
  CELL_INSNS,
  CELL_R0,
  CELL_START,
  CELL_TAIL_CALLS,
  FRAME_BYTES,
  LEVEL_BYTES,
  MAX_MAY_GOTO,
  MAX_TAIL_CALLS,
} from "../jit/cells.ts";
import { FAULT } from "../jit/emitter.ts";
import type { LiveProgram } from "../jit/live-program.ts";
import { type BegunRun, beginRun, endRun } from "../jit/run-cells.ts";
import { checkAccess } from "./access.ts";
import { alu, condition, reverseBytes, swap, u64 } from "./alu.ts";
import { callKernel } from "./call.ts";
import { cell, type Frame, fail, setCell } from "./frame.ts";

/** A function being executed, and where it stands. */
export interface CallFrame extends Frame {
  /** Index of its next instruction among the decoded ones. */
  at: number;
}

/** A run under way. Until `finish` it holds the machine's cells. */
export class Execution {
  /** The call chain, the innermost function last. */
  readonly frames: CallFrame[];
  /** The program has ended and `r0` is its answer. */
  done: boolean = false;
  r0: bigint = 0n;
  private readonly machine: BpfMachine<BpfEnv>;
  private readonly begun: BegunRun;

  constructor(machine: BpfMachine<BpfEnv>, program: LiveProgram, ctx: number) {
    this.machine = machine;
    this.begun = beginRun(machine.arena, machine.memory.cells, ctx);
    const { fp } = this.begun;
    const first = program.replaced.get(0) ?? program;
    this.frames = [{ machine, program: first, regs: registers([BigInt(ctx)], fp), fp, mayGoto: MAX_MAY_GOTO, at: 0 }];
  }

  /** The function that runs now. */
  get frame(): CallFrame {
    return this.frames[this.frames.length - 1]!;
  }

  /** The instruction that `step` will execute. */
  get next(): Insn {
    const { frame } = this;
    const insn = frame.program.linked.decoded.insns[frame.at];
    if (insn === undefined) throw new BugError("INTERP_END", "the interpreter ran past the end of a program");
    return insn;
  }

  /** Executes one instruction. @throws VerifierError when an access check fails */
  step(): void {
    const { frame, next: insn } = this;
    const { linked } = frame.program;
    const { indexOfSlot } = linked.decoded;
    const executed = (cell(frame.machine, CELL_INSNS) + 1) >>> 0;
    setCell(frame.machine, CELL_INSNS, executed);
    if ((executed - cell(frame.machine, CELL_START)) >>> 0 > linked.maxInsns) {
      fail(frame, insn, FAULT.tooLong, BigInt(linked.maxInsns));
    }
    frame.at++;
    switch (insn.kind) {
      case "ja":
        frame.at = indexOfSlot[insn.target]!;
        break;
      case "jump":
        if (condition(insn.op, insn.wide, frame.regs[insn.dst]!, operand(frame, insn))) {
          frame.at = indexOfSlot[insn.target]!;
        }
        break;
      case "may_goto":
        if (frame.mayGoto-- <= 0) frame.at = indexOfSlot[insn.target]!;
        break;
      case "exit":
        this.leave(frame.regs[0]!);
        break;
      case "call_sub":
        this.frames.push(subprogram(frame, insn));
        break;
      case "call_helper":
        if (insn.id === TAIL_CALL) {
          if (tailCall(frame, insn)) frame.at = 0;
        } else callKernel(frame, insn);
        break;
      case "call_kfunc":
        if (linked.kfuncs.get(insn.slot)?.throws === true) this.throw(frame.regs[1]!);
        else callKernel(frame, insn);
        break;
      case "ld_packet":
        if (!loadPacket(frame, insn)) this.leave(0n);
        break;
      default:
        straight(frame, insn);
    }
  }

  /** Gives the cells back; r0 is left in the machine's. @returns r0's low 32 bits, unsigned */
  finish(): number {
    const { machine } = this;
    endRun(machine.arena, machine.memory.cells, this.begun);
    machine.arena.u64[(machine.memory.cells + CELL_R0) >>> 3] = this.r0;
    return Number(this.r0 & 0xffffffffn);
  }

  /** bpf_throw: the program's first function answers, and its exception callback for it. */
  private throw(cookie: bigint): void {
    const { frames } = this;
    const { program } = this.frame;
    let first = frames.length - 1;
    while (first > 0 && frames[first - 1]!.program === program) first--;
    const { machine, fp } = frames[first]!;
    frames.length = first + 1;
    const { spec, decoded } = program.linked;
    if (spec.exceptionCallback === undefined) {
      this.leave(cookie);
      return;
    }
    const below = fp - FRAME_BYTES;
    const at = decoded.indexOfSlot[spec.exceptionCallback]!;
    frames[first] = { machine, program, regs: registers([cookie], below), fp: below, mayGoto: MAX_MAY_GOTO, at };
  }

  private leave(r0: bigint): void {
    this.frames.pop();
    const caller = this.frames[this.frames.length - 1];
    if (caller !== undefined) caller.regs[0] = r0;
    else {
      this.done = true;
      this.r0 = r0;
    }
  }
}

const TAIL_CALL = 12;

function registers(args: readonly bigint[], fp: number): bigint[] {
  const regs = new Array<bigint>(11).fill(0n);
  args.forEach((v, i) => {
    regs[i + 1] = v;
  });
  regs[10] = BigInt(fp);
  return regs;
}

type Straight = Exclude<
  Insn,
  { kind: "ja" | "jump" | "may_goto" | "exit" | "call_sub" | "call_helper" | "call_kfunc" | "ld_packet" }
>;

function straight(frame: Frame, insn: Straight): void {
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

/** The frame of a call, one below the caller's. */
function subprogram(caller: Frame, insn: Extract<Insn, { kind: "call_sub" }>): CallFrame {
  const { machine } = caller;
  const ext = caller.program.replaced.get(insn.target);
  const program = ext ?? caller.program;
  const { decoded } = program.linked;
  const fp = caller.fp - FRAME_BYTES;
  const at = ext === undefined ? decoded.indexOfSlot[insn.target]! : 0;
  const regs = registers(caller.regs.slice(1, 6), fp);
  const frame = { machine, program, regs, fp, mayGoto: MAX_MAY_GOTO, at };
  if (fp % LEVEL_BYTES === 0) fail(frame, decoded.insns[at]!, FAULT.stackOverflow, 0n);
  return frame;
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
