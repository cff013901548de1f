/**
 * Decoded instructions. Every pass switches over `kind` and ends in `assertNever`, so the compiler lists what a new
 * instruction must touch.
 *
 *     slot of 8 bytes, little endian
 *     +0 u8 opcode   +1 u8 dst (bits 0..3) src (bits 4..7)   +2 s16 off   +4 s32 imm
 *
 * @source RFC 9669
 */

/** Two-operand arithmetic. */
export type AluOp =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "sdiv"
  | "or"
  | "and"
  | "lsh"
  | "rsh"
  | "mod"
  | "smod"
  | "xor"
  | "mov"
  | "arsh";

/** Conditions of the conditional jumps. */
export type JumpOp = "eq" | "ne" | "gt" | "ge" | "lt" | "le" | "sgt" | "sge" | "slt" | "sle" | "set";

/** Read-modify-write operations. */
export type AtomicOp = "add" | "or" | "and" | "xor" | "xchg" | "cmpxchg";

/** Width of a memory access in bytes. */
export type AccessSize = 1 | 2 | 4 | 8;

/** What a ld_imm64 loads. */
export type Imm64Kind = "value" | "map_fd" | "map_value" | "func" | "ksym";

/** What an instruction does, without its place. `src` -1 means that the immediate is the operand. `target` is a slot. */
type InsnBody =
  | {
      readonly kind: "alu";
      readonly op: AluOp;
      /** 64 bits; false: 32 bits, the upper half of dst becomes 0. */
      readonly wide: boolean;
      readonly dst: number;
      readonly src: number;
      readonly imm: number;
    }
  | { readonly kind: "neg"; readonly wide: boolean; readonly dst: number }
  | {
      readonly kind: "movsx";
      readonly bits: 8 | 16 | 32;
      readonly wide: boolean;
      readonly dst: number;
      readonly src: number;
    }
  | {
      readonly kind: "swap";
      readonly order: "le" | "be" | "bswap";
      readonly bits: 16 | 32 | 64;
      readonly dst: number;
    }
  | {
      readonly kind: "ldx";
      readonly size: AccessSize;
      readonly signed: boolean;
      readonly dst: number;
      readonly src: number;
      readonly off: number;
    }
  | { readonly kind: "st"; readonly size: AccessSize; readonly dst: number; readonly off: number; readonly imm: number }
  | {
      readonly kind: "stx";
      readonly size: AccessSize;
      readonly dst: number;
      readonly src: number;
      readonly off: number;
    }
  | {
      readonly kind: "atomic";
      readonly op: AtomicOp;
      readonly fetch: boolean;
      readonly size: 4 | 8;
      readonly dst: number;
      readonly src: number;
      readonly off: number;
    }
  | {
      readonly kind: "ld_imm64";
      readonly what: Imm64Kind;
      readonly dst: number;
      /** Low and high word as they stand in the two slots, signed. */
      readonly lo: number;
      readonly hi: number;
      /** Slot of the function for "func", -1 otherwise. */
      readonly target: number;
    }
  | {
      readonly kind: "ld_packet";
      readonly size: 1 | 2 | 4;
      /** Register added to the offset, -1 for LD_ABS. */
      readonly src: number;
      readonly imm: number;
    }
  | { readonly kind: "ja"; readonly target: number }
  /** Falls through, and jumps when the function's loop budget is used up (`MAX_MAY_GOTO`). */
  | { readonly kind: "may_goto"; readonly target: number }
  | {
      readonly kind: "jump";
      readonly op: JumpOp;
      readonly wide: boolean;
      readonly dst: number;
      readonly src: number;
      readonly imm: number;
      readonly target: number;
    }
  | { readonly kind: "call_helper"; readonly id: number }
  /** The function is named by a relocation; `id` is the BTF id that stands in the instruction. */
  | { readonly kind: "call_kfunc"; readonly id: number }
  | { readonly kind: "call_sub"; readonly target: number }
  | { readonly kind: "exit" };

/** A decoded instruction. `slot` is its index in 8-byte slots, as the kernel's messages count. */
export type Insn = InsnBody & { readonly slot: number };

/** The instruction kinds that may be followed by an instruction other than the next one. */
export function endsBlock(insn: Insn): boolean {
  return insn.kind === "ja" || insn.kind === "jump" || insn.kind === "may_goto" || insn.kind === "exit";
}
