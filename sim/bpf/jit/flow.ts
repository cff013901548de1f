/**
 * Forward dataflow of register kinds through one function.
 *
 * Stack slots are followed, too, as compilers spill pointers there. A slot is forgotten when anything might write to it: a store
 * of unknown provenance, a helper that fills memory, a subprogram. Stores through packet and map value pointers are compiled
 * so that they cannot reach the stack.
 */
import type { ArgKind, CallDef } from "../helper.ts";
import type { Insn } from "../isa/insn.ts";
import { FRAME_BYTES } from "./cells.ts";
import type { Block, Cfg } from "./cfg.ts";
import { ANY, directValueKind, joinKinds, type Kind, lookupKind, sameKind } from "./kinds.ts";
import { calleeOf, type KernelCall, type LinkedProgram } from "./link.ts";
import { readsMapValue } from "./map-helpers.ts";

const SLOTS = FRAME_BYTES / 8;
const FP = 10;

/** Kinds of r0..r10 (index 0 to 10) and of the 64 slots of the frame (index 11 on, lowest address first). */
export type FlowState = Kind[];

/** State at a function's entry. @param args kinds of r1..r5 */
export function entryState(args: readonly Kind[]): FlowState {
  const state: FlowState = new Array<Kind>(11 + SLOTS).fill(ANY);
  args.forEach((kind, i) => {
    state[i + 1] = kind;
  });
  state[FP] = { t: "stack", off: 0 };
  return state;
}

/**
 * Kinds at the beginning of each block; blocks may share one state, so that none may be changed. `call` is told the arguments of each call of a subprogram, at least once with the final ones.
 */
export function flowKinds(
  program: LinkedProgram,
  cfg: Cfg,
  entry: FlowState,
  call: (target: number, args: readonly Kind[]) => void,
): FlowState[] {
  const states: (FlowState | undefined)[] = new Array<FlowState | undefined>(cfg.blocks.length).fill(undefined);
  states[0] = entry;
  const pending = new Uint8Array(cfg.blocks.length);
  pending[0] = 1;
  for (let again = true; again; ) {
    again = false;
    for (let b = 0; b < cfg.blocks.length; b++) {
      if (pending[b] === 0) continue;
      pending[b] = 0;
      const block = cfg.blocks[b]!;
      const state = [...states[b]!];
      for (let i = block.first; i <= block.last; i++) {
        const insn = program.decoded.insns[i]!;
        if (insn.kind === "call_sub") call(insn.target, state.slice(1, 6));
        transfer(program, state, insn);
      }
      block.successors.forEach((s, edge) => {
        const out = refine(program, block, state, edge);
        const before = states[s];
        const after = before === undefined ? out : joinStates(before, out);
        if (after === before) return;
        states[s] = after;
        pending[s] = 1;
        if (s <= b) again = true;
      });
    }
  }
  return states.map((s) => s!);
}

/** Changes `state` by one instruction. */
export function transfer(program: LinkedProgram, state: FlowState, insn: Insn): void {
  switch (insn.kind) {
    case "alu":
      state[insn.dst] = aluKind(state, insn);
      return;
    case "neg":
    case "movsx":
    case "swap":
      state[insn.dst] = ANY;
      return;
    case "ldx":
      state[insn.dst] = loadKind(program, state, insn);
      return;
    case "st":
      store(state, state[insn.dst]!, insn.off, insn.size, { t: "const", value: insn.imm });
      return;
    case "stx":
      store(state, state[insn.dst]!, insn.off, insn.size, state[insn.src]!);
      return;
    case "atomic":
      store(state, state[insn.dst]!, insn.off, insn.size, ANY);
      if (insn.op === "cmpxchg") state[0] = ANY;
      else if (insn.fetch) state[insn.src] = ANY;
      return;
    case "ld_imm64":
      state[insn.dst] = imm64Kind(program, insn);
      return;
    case "ld_packet":
      state[0] = ANY;
      return;
    case "call_helper":
    case "call_kfunc":
      callKernel(program, state, insn);
      return;
    case "call_sub":
      state.fill(ANY, 0, 6);
      state.fill(ANY, 11);
      loseEnd(state);
      return;
    case "ja":
    case "jump":
    case "may_goto":
    case "exit":
      return;
  }
}

function aluKind(state: FlowState, insn: Extract<Insn, { kind: "alu" }>): Kind {
  const other: Kind = insn.src < 0 ? { t: "const", value: insn.imm } : state[insn.src]!;
  if (insn.op === "mov") {
    if (insn.wide) return other;
    return other.t === "const" && other.value >= 0 ? other : ANY;
  }
  if (!insn.wide) return ANY;
  const kind = state[insn.dst]!;
  if (insn.op === "add") return sum(kind, other, 1);
  return insn.op === "sub" ? sum(kind, other, -1) : ANY;
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

function loadKind(program: LinkedProgram, state: FlowState, insn: Load): Kind {
  const from = state[insn.src]!;
  if (from.t === "stack" && insn.size === 8) {
    const slot = slotOf(from.off + insn.off);
    return slot < 0 ? ANY : state[slot]!;
  }
  if (isPacketStart(program, state, insn)) return { t: "packet" };
  return loadsField(program, state, insn, "data_end", program.def.dataEndOffset) ? { t: "packet_end" } : ANY;
}

type Load = Extract<Insn, { kind: "ldx" }>;

/** Whether a load gives the address of the packet's first byte. */
export function isPacketStart(program: LinkedProgram, state: FlowState, insn: Load): boolean {
  return loadsField(program, state, insn, "data", program.def.dataOffset);
}

function loadsField(
  program: LinkedProgram,
  state: FlowState,
  insn: Load,
  pointer: "data" | "data_end",
  offset: number,
): boolean {
  const from = state[insn.src]!;
  if (from.t !== "ctx" || insn.signed || from.off + insn.off !== offset) return false;
  return program.def.fields.some((f) => f.pointer === pointer && f.size === insn.size);
}

/** Whether the packet may lie elsewhere, or be of another length, after a call. */
export function mayChangePacket(callee: CallDef<never>): boolean {
  return callee.changesPacket || callee.args.includes("func");
}

/** The packet may have got another end. */
function loseEnd(state: FlowState): void {
  for (let i = 0; i < state.length; i++) if (state[i]!.t === "packet_end") state[i] = ANY;
}

/** State index of the slot that starts at an offset from r10, -1 when none does. */
function slotOf(off: number): number {
  return off % 8 === 0 && off >= -FRAME_BYTES && off < 0 ? 11 + (off + FRAME_BYTES) / 8 : -1;
}

function store(state: FlowState, to: Kind, off: number, size: number, kind: Kind): void {
  if (to.t === "ctx" || to.t === "packet" || to.t === "value") return;
  if (to.t !== "stack") {
    state.fill(ANY, 11);
    return;
  }
  forget(state, to.off + off, size);
  const slot = size === 8 ? slotOf(to.off + off) : -1;
  if (slot >= 0) state[slot] = kind;
}

function forget(state: FlowState, off: number, size: number): void {
  const first = Math.max(0, Math.floor((off + FRAME_BYTES) / 8));
  const last = Math.min(SLOTS - 1, Math.floor((off + size - 1 + FRAME_BYTES) / 8));
  for (let s = first; s <= last; s++) state[11 + s] = ANY;
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
  if (mayChangePacket(helper)) loseEnd(state);
  const writes = helper.args.some((a) => WRITTEN.has(a));
  if (writes || (helper.args.includes("map_value") && !readsMapValue(insn))) state.fill(ANY, 11);
  let result: Kind = ANY;
  if (helper.ret === "map_value_or_null") {
    const at = helper.args.indexOf("map");
    if (at >= 0) result = lookupKind(program, state[at + 1]!, slot);
  }
  for (let i = 0; i < state.length; i++) {
    const k = state[i]!;
    if ((k.t === "value" || k.t === "inner") && k.id === slot) state[i] = { ...k, id: -1 };
  }
  state.fill(ANY, 1, 6);
  state[0] = result;
}

/** Kinds of arguments behind which a call may write to the stack. */
const WRITTEN: ReadonlySet<ArgKind> = new Set(["mem_out", "mem_fixed", "dynptr", "any", "func"]);

/** A comparison with 0 tells on one side that a lookup found something. @returns `state` itself when it tells nothing */
function refine(program: LinkedProgram, block: Block, state: FlowState, edge: number): FlowState {
  const insn = program.decoded.insns[block.last]!;
  if (insn.kind !== "jump" || !insn.wide || block.successors.length < 2) return state;
  if (insn.src >= 0 || insn.imm !== 0 || (insn.op !== "eq" && insn.op !== "ne")) return state;
  const kind = state[insn.dst]!;
  if ((kind.t !== "value" && kind.t !== "inner") || !kind.nullable) return state;
  if (kind.t === "value" && kind.off !== 0) return state;
  if ((insn.op === "ne") !== (edge === 0)) return state;
  const id = kind.id;
  const out = state.map((k): Kind => {
    if ((k.t !== "value" && k.t !== "inner") || id < 0 || k.id !== id) return k;
    return { ...k, nullable: false };
  });
  out[insn.dst] = { ...kind, nullable: false };
  return out;
}

/** What holds in both states; `a` itself when that is all of it. */
function joinStates(a: FlowState, b: FlowState): FlowState {
  let joined: FlowState | null = null;
  for (let i = 0; i < a.length; i++) {
    const k = a[i]!;
    const both = joinKinds(k, b[i]!);
    if (both === k || sameKind(both, k)) continue;
    joined ??= [...a];
    joined[i] = both;
  }
  return joined ?? a;
}
