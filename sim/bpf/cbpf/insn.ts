/**
 * Classic BPF instructions as user space gives them to the kernel, and decoded. Every pass switches over `kind` and ends in
 * `assertNever`, so the compiler lists what a new instruction must touch.
 *
 *     struct sock_filter, 8 bytes
 *     +0 u16 code   +2 u8 jt   +3 u8 jf   +4 u32 k
 *
 * The machine has an accumulator A, an index register X and 16 words of scratch memory M[], all of 32 bits.
 *
 * @source include/uapi/linux/filter.h; Documentation/networking/filter.rst
 */
import type { SourcePlace } from "../../engine/errors.ts";
import type { AncillaryRow } from "./ancillary.ts";

/** BPF_MAXINSNS: the longest program. */
export const MAX_CLASSIC_INSNS = 4096;
/** BPF_MEMWORDS: words of scratch memory. */
export const MEM_WORDS = 16;

/** One `struct sock_filter`: all fields unsigned. */
export interface ClassicFields {
  readonly code: number;
  /** Instructions to skip when the condition holds, and when it does not. */
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** A classic program as text or bytes gave it; checkClassic says whether the kernel takes it. */
export interface ClassicProgram {
  /** Where it comes from, for messages. */
  readonly path: string;
  readonly insns: readonly ClassicFields[];
  /** Where each instruction stands in the assembler's source, when there is one. */
  readonly places?: readonly SourcePlace[];
}

/** Arithmetic of A with the constant or X. */
export type ClassicAluOp = "add" | "sub" | "mul" | "div" | "mod" | "and" | "or" | "xor" | "lsh" | "rsh";

/** Comparisons of A with the constant or X, unsigned; `set` tests for common bits. */
export type ClassicJumpOp = "eq" | "gt" | "ge" | "set";

/** The two registers. */
export type ClassicReg = "a" | "x";

/** A decoded instruction. Targets are instruction numbers; `x` says that X is the operand, not the constant. */
export type ClassicInsn =
  /** A = big-endian bytes at `offset` of the packet, plus X when `indirect`; negative ones are SKF_NET_OFF and SKF_LL_OFF. */
  | { readonly kind: "packet"; readonly size: 1 | 2 | 4; readonly indirect: boolean; readonly offset: number }
  /** X = 4 * (byte at `offset` & 15): the length of an IPv4 header. */
  | { readonly kind: "header_length"; readonly offset: number }
  | { readonly kind: "ancillary"; readonly row: AncillaryRow }
  | { readonly kind: "imm"; readonly to: ClassicReg; readonly k: number }
  | { readonly kind: "len"; readonly to: ClassicReg }
  | { readonly kind: "load_mem"; readonly to: ClassicReg; readonly cell: number }
  | { readonly kind: "store_mem"; readonly from: ClassicReg; readonly cell: number }
  | { readonly kind: "alu"; readonly op: ClassicAluOp; readonly x: boolean; readonly k: number }
  | { readonly kind: "neg" }
  /** tax: X = A; txa: A = X. */
  | { readonly kind: "move"; readonly to: ClassicReg }
  | { readonly kind: "goto"; readonly target: number }
  | {
      readonly kind: "branch";
      readonly op: ClassicJumpOp;
      readonly x: boolean;
      readonly k: number;
      readonly yes: number;
      readonly no: number;
    }
  | { readonly kind: "ret"; readonly what: "k" | "a" | "x"; readonly k: number };
