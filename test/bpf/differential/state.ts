/** What the generator knows of the registers, so that the kernel's verifier will agree to what it does with them. */

/** Memory that a register points into: bytes `lo` to `hi` (not included), counted from where it points, may be accessed. */
export interface MemReg {
  readonly t: "mem";
  readonly space: "stack" | "packet" | "value";
  readonly lo: number;
  readonly hi: number;
  /** Where it points, modulo 8; -1 when unknown. */
  readonly phase: number;
  /** A variable offset was added: the verifier refuses some operations on the stack then. */
  readonly varies?: true;
}

/** Contents of a register. */
export type Reg = { readonly t: "none" } | { readonly t: "scalar" } | { readonly t: "ctx" } | MemReg;

export const NONE: Reg = { t: "none" };
export const SCALAR: Reg = { t: "scalar" };
export const CTX: Reg = { t: "ctx" };

/** Registers and the stack slots that hold spilled registers. */
export interface State {
  readonly regs: Reg[];
  readonly slots: Reg[];
}

/** A copy that can be changed by itself. */
export function cloneState(s: State): State {
  return { regs: [...s.regs], slots: [...s.slots] };
}

/** What holds on both of two paths. */
export function mergeStates(a: State, b: State): State {
  return { regs: a.regs.map((r, i) => merge(r, b.regs[i]!)), slots: a.slots.map((r, i) => merge(r, b.slots[i]!)) };
}

function merge(a: Reg, b: Reg): Reg {
  if (a.t !== b.t) return NONE;
  if (a.t !== "mem" || b.t !== "mem") return a;
  if (a.space !== b.space || a.phase !== b.phase) return NONE;
  const lo = Math.max(a.lo, b.lo);
  const hi = Math.min(a.hi, b.hi);
  return lo < hi ? { ...a, lo, hi } : NONE;
}
