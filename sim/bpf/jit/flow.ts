/**
 * Forward dataflow through one function: kinds of registers, and where in the packet pointers stand (flow-state.ts).
 *
 * Stack slots are followed, too, as compilers spill pointers there. A slot is forgotten when anything might write to it: a store
 * of unknown provenance, a helper that fills memory, a subprogram. Stores through packet and map value pointers are compiled
 * so that they cannot reach the stack. After an access the code has checked it: what it was made through is known better then.
 */
import type { ArgKind, CallDef } from "../helper.ts";
import type { Insn } from "../isa/insn.ts";
import type { Block, Cfg } from "./cfg.ts";
import { FlowState } from "./flow-state.ts";
import { ANY, bitsOf, directValueKind, type Kind, lookupKind, scalarKind } from "./kinds.ts";
import { calleeOf, type KernelCall, type LinkedProgram } from "./link.ts";
import { readsMapValue } from "./map-helpers.ts";
import { MIRRORED, PacketPlaces } from "./packet-place.ts";

/** What is known of a function. */
export interface FunctionFlow {
  /** At the beginning of each block. None may be changed. */
  readonly states: readonly FlowState[];
  /** Slots of the lookups whose values are reached at offsets that are not known. */
  readonly indexed: ReadonlySet<number>;
}

/** What the analysis meets on its way; a block that is met again is begun anew, and the last time all is final. */
export interface FlowVisitor {
  begin(block: number): void;
  /** A call, with what is known before it. */
  call(block: number, insn: KernelCall | Extract<Insn, { kind: "call_sub" }>, state: FlowState): void;
}

/**
 * A loop that goes on changing what is known, as when it moves values along the stack, would be gone through as many times as there
 * are slots: after so many times all slots are given up, and then the registers.
 */
const TURNS_SLOTS = 4;
const TURNS_ALL = 8;

/** Analyses a function. Places where ways meet know what all of them do. */
export function flowFunction(program: LinkedProgram, cfg: Cfg, entry: FlowState, visitor: FlowVisitor): FunctionFlow {
  const { blocks } = cfg;
  const { insns } = program.decoded;
  const states: (FlowState | undefined)[] = new Array<FlowState | undefined>(blocks.length).fill(undefined);
  const indexed = new Set<number>();
  /** How often something that was known where a loop begins was found to change in it. */
  const turns = new Uint8Array(blocks.length);
  states[0] = entry;
  const pending = new Uint8Array(blocks.length);
  pending[0] = 1;
  for (let again = true; again; ) {
    again = false;
    for (let b = 0; b < blocks.length; b++) {
      if (pending[b] === 0) continue;
      pending[b] = 0;
      const block = blocks[b]!;
      const state = states[b]!.copy();
      visitor.begin(b);
      for (let i = block.first; i <= block.last; i++) {
        const insn = insns[i]!;
        if (insn.kind === "call_sub" || insn.kind === "call_helper" || insn.kind === "call_kfunc") {
          visitor.call(b, insn, state);
        } else noteIndexed(indexed, state, insn);
        transfer(program, state, insn);
      }
      const { successors } = block;
      for (let edge = 0; edge < successors.length; edge++) {
        const s = successors[edge]!;
        const out = successors.length < 2 ? state : refine(program, block, state, edge);
        const before = states[s];
        let after = before === undefined ? out : before.join(out, s <= b);
        if (after === before) continue;
        if (s <= b) {
          again = true;
          turns[s]!++;
          if (turns[s]! >= TURNS_SLOTS) after = after.copy().forget(turns[s]! >= TURNS_ALL);
        }
        states[s] = after;
        pending[s] = 1;
      }
    }
  }
  return { states: states as FlowState[], indexed };
}

/** The register that an instruction accesses memory through, -1 when it does not. */
function baseOf(insn: Insn): number {
  if (insn.kind === "ldx") return insn.src;
  return insn.kind === "st" || insn.kind === "stx" || insn.kind === "atomic" ? insn.dst : -1;
}

function noteIndexed(indexed: Set<number>, state: FlowState, insn: Insn): void {
  const base = baseOf(insn);
  if (base < 0) return;
  const kind = state.regs[base]!;
  if (kind.t === "value" && kind.off === null && kind.id >= 0) indexed.add(kind.id);
}

/** Changes `state` by one instruction. */
export function transfer(program: LinkedProgram, state: FlowState, insn: Insn): void {
  const { regs } = state;
  switch (insn.kind) {
    case "alu":
      alu(state, insn);
      return;
    case "neg":
      set(state, insn.dst, insn.wide ? ANY : scalarKind(32));
      return;
    case "movsx":
      set(state, insn.dst, insn.wide ? ANY : scalarKind(32));
      return;
    case "swap":
      set(state, insn.dst, scalarKind(insn.bits));
      return;
    case "ldx":
      accessed(state, insn.src, insn.off, insn.size, true);
      load(program, state, insn);
      return;
    case "st":
      accessed(state, insn.dst, insn.off, insn.size, program.def.packetWritable);
      store(state, regs[insn.dst]!, insn.off, insn.size, { t: "const", value: insn.imm }, -1);
      return;
    case "stx":
      accessed(state, insn.dst, insn.off, insn.size, program.def.packetWritable);
      store(state, regs[insn.dst]!, insn.off, insn.size, regs[insn.src]!, insn.src);
      return;
    case "atomic":
      accessed(state, insn.dst, insn.off, insn.size, program.def.packetWritable);
      store(state, regs[insn.dst]!, insn.off, insn.size, ANY, -1);
      if (insn.op === "cmpxchg") set(state, 0, ANY);
      else if (insn.fetch) set(state, insn.src, ANY);
      return;
    case "ld_imm64":
      set(state, insn.dst, imm64Kind(program, insn));
      return;
    case "ld_packet":
      set(state, 0, scalarKind(32));
      return;
    case "call_helper":
    case "call_kfunc":
      callKernel(program, state, insn);
      return;
    case "call_sub":
      for (let r = 0; r <= 5; r++) regs[r] = ANY;
      state.forgetSlots();
      losePacket(state);
      return;
    case "ja":
    case "jump":
    case "may_goto":
    case "exit":
      return;
  }
}

function set(state: FlowState, reg: number, kind: Kind): void {
  state.regs[reg] = kind;
  state.places = state.places.without(reg);
}

/**
 * The bytes were reached, or the program has been stopped: emit-access.ts checks in place what this tells.
 * @param inPacket whether a packet may be accessed so
 */
function accessed(state: FlowState, reg: number, off: number, size: number, inPacket: boolean): void {
  const kind = state.regs[reg]!;
  if (kind.t === "packet" && inPacket) state.places = state.places.learn(reg, off, size);
  if (kind.t !== "value" || !kind.nullable || kind.off === null) return;
  if (kind.off + off >= 0 && kind.off + off + size <= kind.size) state.regs[reg] = { ...kind, nullable: false };
}

function alu(state: FlowState, insn: Extract<Insn, { kind: "alu" }>): void {
  const { regs, places } = state;
  const { dst, src } = insn;
  const other: Kind = src < 0 ? { t: "const", value: insn.imm } : regs[src]!;
  const before = regs[dst]!;
  regs[dst] = aluKind(before, other, insn);
  if (insn.wide && insn.op === "mov" && other.t === "packet") state.places = places.derive(dst, src, 0);
  else if (insn.wide && before.t === "packet" && other.t === "const" && (insn.op === "add" || insn.op === "sub")) {
    state.places = places.derive(dst, dst, insn.op === "add" ? other.value : -other.value);
  } else if (insn.wide && insn.op === "add" && before.t === "const" && other.t === "packet") {
    state.places = places.derive(dst, src, before.value);
  } else if (insn.wide && insn.op === "add" && before.t === "packet" && bitsOf(other) <= ADVANCE_BITS) {
    state.places = places.advance(dst, dst);
  } else if (insn.wide && insn.op === "add" && other.t === "packet" && bitsOf(before) <= ADVANCE_BITS) {
    state.places = places.advance(dst, src);
  } else state.places = places.without(dst);
}

/** So many numbers of so many bits do not wrap an address, however long a program runs. */
const ADVANCE_BITS = 32;

function aluKind(before: Kind, other: Kind, insn: Extract<Insn, { kind: "alu" }>): Kind {
  if (insn.op === "mov") {
    if (insn.wide || (other.t === "const" && other.value >= 0)) return other;
    return scalarKind(Math.min(32, bitsOf(other)));
  }
  if (insn.wide && (insn.op === "add" || insn.op === "sub")) {
    const kind = sum(before, other, insn.op === "add" ? 1 : -1);
    if (kind !== ANY) return kind;
  }
  const bits = aluBits(bitsOf(before), other, insn);
  return scalarKind(insn.wide ? bits : Math.min(32, bits));
}

/** Bits of a result, of operands of which the first has so many. */
function aluBits(a: number, other: Kind, insn: Extract<Insn, { kind: "alu" }>): number {
  const b = bitsOf(other);
  /** Of a shift, -1 when it is not known. Larger ones than a register has bits go round. */
  const by = other.t === "const" && other.value < (insn.wide ? 64 : 32) ? other.value : -1;
  switch (insn.op) {
    case "add":
      return Math.max(a, b) + 1;
    case "or":
    case "xor":
      return Math.max(a, b);
    case "and":
      return Math.min(a, b);
    case "mul":
      return a + b;
    case "div":
    case "mod":
      return a;
    case "lsh":
      return by >= 0 ? a + by : Number.POSITIVE_INFINITY;
    case "rsh":
      return by >= 0 ? Math.max(0, Math.min(a, insn.wide ? 64 : 32) - by) : a;
    default:
      return Number.POSITIVE_INFINITY;
  }
}

function sum(a: Kind, b: Kind, sign: 1 | -1): Kind {
  if (b.t === "const") return shifted(a, sign * b.value);
  if (sign === 1 && a.t === "const") return shifted(b, a.value);
  if (a.t === "packet") return b.t === "packet" ? ANY : a;
  if (sign === 1 && b.t === "packet") return b;
  if (a.t === "value") return b.t === "value" ? ANY : { ...a, off: null };
  if (sign === 1 && b.t === "value") return { ...b, off: null };
  return ANY;
}

function shifted(kind: Kind, by: number): Kind {
  switch (kind.t) {
    case "packet":
      return kind;
    case "ctx":
    case "stack":
      return { ...kind, off: kind.off + by };
    case "value":
      return kind.off === null ? kind : { ...kind, off: kind.off + by };
    case "const": {
      const value = kind.value + by;
      return value === (value | 0) ? { t: "const", value } : ANY;
    }
    default:
      return ANY;
  }
}

function load(program: LinkedProgram, state: FlowState, insn: Load): void {
  const from = state.regs[insn.src]!;
  if (from.t === "stack" && insn.size === 8) {
    const slot = FlowState.slotAt(from.off + insn.off);
    const kind = slot < 0 ? ANY : state.slot(slot);
    state.regs[insn.dst] = kind;
    state.places = kind.t === "packet" ? state.places.derive(insn.dst, slot, 0) : state.places.without(insn.dst);
  } else if (isPacketStart(program, state, insn)) {
    state.regs[insn.dst] = { t: "packet" };
    state.places = state.places.begin(insn.dst);
  } else if (loadsField(program, state, insn, "data_end", program.def.dataEndOffset)) {
    set(state, insn.dst, { t: "packet_end" });
  } else set(state, insn.dst, insn.signed ? ANY : scalarKind(8 * insn.size));
}

type Load = Extract<Insn, { kind: "ldx" }>;

/** Whether a load gives the address of the packet's first byte. */
function isPacketStart(program: LinkedProgram, state: FlowState, insn: Load): boolean {
  return loadsField(program, state, insn, "data", program.def.dataOffset);
}

function loadsField(
  program: LinkedProgram,
  state: FlowState,
  insn: Load,
  pointer: "data" | "data_end",
  offset: number,
): boolean {
  const from = state.regs[insn.src]!;
  if (from.t !== "ctx" || insn.signed || from.off + insn.off !== offset) return false;
  return program.def.fields.some((f) => f.pointer === pointer && f.size === insn.size);
}

/** Whether the packet may lie elsewhere, or be of another length, after a call. */
export function mayChangePacket(callee: CallDef<never>): boolean {
  return callee.changesPacket || callee.args.includes("func");
}

/** The packet may lie elsewhere, or have got another end. */
function losePacket(state: FlowState): void {
  state.places = PacketPlaces.NONE;
  state.changeKinds((k) => (k.t === "packet_end" ? ANY : k));
}

/** @param from register that is stored, -1 when it is something else */
function store(state: FlowState, to: Kind, off: number, size: number, kind: Kind, from: number): void {
  if (to.t === "ctx" || to.t === "packet" || to.t === "value") return;
  if (to.t !== "stack") {
    state.forgetSlots();
    return;
  }
  const slot = size === 8 ? FlowState.slotAt(to.off + off) : -1;
  if (slot < 0) {
    state.forgetBytes(to.off + off, size);
    return;
  }
  state.setSlot(slot, kind);
  state.places = kind.t === "packet" && from >= 0 ? state.places.derive(slot, from, 0) : state.places.without(slot);
}

function imm64Kind(program: LinkedProgram, insn: Extract<Insn, { kind: "ld_imm64" }>): Kind {
  const load = program.mapLoads.get(insn.slot);
  if (load !== undefined) {
    return load.offset < 0 ? { t: "map", map: load.map } : directValueKind(program, load.map, load.offset);
  }
  if (insn.what === "value" && insn.hi === insn.lo >> 31) return { t: "const", value: insn.lo };
  return ANY;
}

function callKernel(program: LinkedProgram, state: FlowState, insn: KernelCall): void {
  const { slot } = insn;
  const helper = calleeOf(program, insn);
  if (helper === undefined) return;
  if (mayChangePacket(helper)) losePacket(state);
  const writes = helper.args.some((a) => WRITTEN.has(a));
  if (writes || (helper.args.includes("map_value") && !readsMapValue(insn))) state.forgetSlots();
  const { regs } = state;
  let result: Kind = helper.ret === "u32" ? scalarKind(32) : ANY;
  if (helper.ret === "map_value_or_null") {
    const at = helper.args.indexOf("map");
    if (at >= 0) result = lookupKind(program, regs[at + 1]!, slot);
    state.changeKinds((k) => ((k.t === "value" || k.t === "inner") && k.id === slot ? { ...k, id: -1 } : k));
  }
  for (let r = 1; r <= 5; r++) set(state, r, ANY);
  set(state, 0, result);
}

/** Kinds of arguments behind which a call may write to the stack. */
const WRITTEN: ReadonlySet<ArgKind> = new Set(["mem_out", "mem_fixed", "dynptr", "any", "func"]);

/**
 * What a conditional jump tells on one way out of it: a comparison with 0, that a lookup found something; one with the packet's end,
 * where that is.
 * @returns `state` itself when it tells nothing
 */
function refine(program: LinkedProgram, block: Block, state: FlowState, edge: number): FlowState {
  const insn = program.decoded.insns[block.last]!;
  if (insn.kind !== "jump" || !insn.wide) return state;
  if (insn.src >= 0) return refinePacket(state, insn, edge === 0);
  const kind = state.regs[insn.dst]!;
  if (insn.imm !== 0 || (insn.op !== "eq" && insn.op !== "ne")) return state;
  if ((kind.t !== "value" && kind.t !== "inner") || !kind.nullable) return state;
  if (kind.t === "value" && kind.off !== 0) return state;
  if ((insn.op === "ne") !== (edge === 0)) return state;
  const { id } = kind;
  const out = state.copy();
  if (id >= 0) {
    out.changeKinds((k) => ((k.t === "value" || k.t === "inner") && k.id === id ? { ...k, nullable: false } : k));
  }
  out.regs[insn.dst] = { ...kind, nullable: false };
  return out;
}

function refinePacket(state: FlowState, insn: Extract<Insn, { kind: "jump" }>, taken: boolean): FlowState {
  const [left, right] = [state.regs[insn.dst]!.t, state.regs[insn.src]!.t];
  const pointerLeft = left === "packet" && right === "packet_end";
  if (!pointerLeft && !(left === "packet_end" && right === "packet")) return state;
  const op = pointerLeft ? insn.op : MIRRORED[insn.op];
  const places = op === undefined ? state.places : state.places.compared(pointerLeft ? insn.dst : insn.src, op, taken);
  if (places === state.places) return state;
  const out = state.copy();
  out.places = places;
  return out;
}
