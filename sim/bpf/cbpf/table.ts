/**
 * The classic instruction set: one row per form. Decoder, assembler, disassemblers, checker and translator read these rows and
 * nothing else, so a new form is one row here (and its meaning in the translator, which the compiler asks for).
 *
 * @source include/uapi/linux/bpf_common.h, include/uapi/linux/filter.h; tools/bpf/bpf_exp.y (names and operands)
 */
import { ancillaryOf } from "./ancillary.ts";
import type { ClassicAluOp, ClassicFields, ClassicInsn, ClassicJumpOp } from "./insn.ts";

/**
 * What stands behind the name.
 *
 *     none          abs   [k]           ind  [x+k]      msh    4*([k]&0xf)
 *     imm  #k       mem   M[k]          len  #len       label  the target
 *     a    x        branch operands are imm or x, with the labels behind them
 */
export type ClassicOperand = "none" | "abs" | "ind" | "msh" | "imm" | "mem" | "len" | "label" | "a" | "x";

/** One form. */
export interface ClassicRow {
  readonly code: number;
  /** Its name in bpf_asm. */
  readonly name: string;
  readonly operand: ClassicOperand;
  /** It has labels for both outcomes. */
  readonly branch?: true;
  /** The disassembler prints the constant in hexadecimal. */
  readonly hex?: true;
  /** bpf_asm knows it, the kernel does not take it. */
  readonly refused?: true;
  /** @param at the instruction's number, which its jumps count from */
  readonly decode: (f: ClassicFields, at: number) => ClassicInsn;
}

const SIZES: readonly { readonly name: string; readonly code: number; readonly size: 1 | 2 | 4 }[] = [
  { name: "ld", code: 0x00, size: 4 },
  { name: "ldh", code: 0x08, size: 2 },
  { name: "ldb", code: 0x10, size: 1 },
];

const ALU: readonly { readonly op: ClassicAluOp; readonly code: number; readonly hex?: true }[] = [
  { op: "add", code: 0x00 },
  { op: "sub", code: 0x10 },
  { op: "mul", code: 0x20 },
  { op: "div", code: 0x30 },
  { op: "or", code: 0x40, hex: true },
  { op: "and", code: 0x50, hex: true },
  { op: "lsh", code: 0x60 },
  { op: "rsh", code: 0x70 },
  { op: "mod", code: 0x90 },
  { op: "xor", code: 0xa0, hex: true },
];

const JUMPS: readonly { readonly op: ClassicJumpOp; readonly code: number }[] = [
  { op: "eq", code: 0x10 },
  { op: "gt", code: 0x20 },
  { op: "ge", code: 0x30 },
  { op: "set", code: 0x40 },
];

/** Every form that bpf_asm can write. */
export const classicRows: readonly ClassicRow[] = [
  ...SIZES.flatMap(packetRows),
  { code: 0x00, name: "ld", operand: "imm", hex: true, decode: (f) => ({ kind: "imm", to: "a", k: f.k }) },
  { code: 0x60, name: "ld", operand: "mem", decode: (f) => ({ kind: "load_mem", to: "a", cell: f.k }) },
  { code: 0x80, name: "ld", operand: "len", decode: () => ({ kind: "len", to: "a" }) },
  { code: 0x01, name: "ldx", operand: "imm", hex: true, decode: (f) => ({ kind: "imm", to: "x", k: f.k }) },
  { code: 0x61, name: "ldx", operand: "mem", decode: (f) => ({ kind: "load_mem", to: "x", cell: f.k }) },
  { code: 0x81, name: "ldx", operand: "len", decode: () => ({ kind: "len", to: "x" }) },
  { code: 0xb1, name: "ldxb", operand: "msh", decode: (f) => ({ kind: "header_length", offset: f.k | 0 }) },
  { code: 0x02, name: "st", operand: "mem", decode: (f) => ({ kind: "store_mem", from: "a", cell: f.k }) },
  { code: 0x03, name: "stx", operand: "mem", decode: (f) => ({ kind: "store_mem", from: "x", cell: f.k }) },
  ...ALU.flatMap(aluRows),
  { code: 0x84, name: "neg", operand: "none", decode: () => ({ kind: "neg" }) },
  { code: 0x05, name: "ja", operand: "label", decode: (f, at) => ({ kind: "goto", target: at + 1 + f.k }) },
  ...JUMPS.flatMap(jumpRows),
  { code: 0x06, name: "ret", operand: "imm", hex: true, decode: (f) => ({ kind: "ret", what: "k", k: f.k }) },
  { code: 0x16, name: "ret", operand: "a", decode: () => ({ kind: "ret", what: "a", k: 0 }) },
  { code: 0x0e, name: "ret", operand: "x", refused: true, decode: () => ({ kind: "ret", what: "x", k: 0 }) },
  { code: 0x07, name: "tax", operand: "none", decode: () => ({ kind: "move", to: "x" }) },
  { code: 0x87, name: "txa", operand: "none", decode: () => ({ kind: "move", to: "a" }) },
];

const byCode: ReadonlyMap<number, ClassicRow> = new Map(classicRows.map((row) => [row.code, row]));

/** The form of an opcode. @returns undefined when there is none */
export function classicRowOf(code: number): ClassicRow | undefined {
  return byCode.get(code);
}

function packetRows(z: (typeof SIZES)[number]): ClassicRow[] {
  const { name, size } = z;
  return [
    {
      code: 0x20 | z.code,
      name,
      operand: "abs",
      decode: (f) => {
        const row = ancillaryOf(f.k);
        if (row !== undefined) return { kind: "ancillary", row };
        return { kind: "packet", size, indirect: false, offset: f.k | 0 };
      },
    },
    {
      code: 0x40 | z.code,
      name,
      operand: "ind",
      decode: (f) => ({ kind: "packet", size, indirect: true, offset: f.k | 0 }),
    },
  ];
}

function aluRows(a: (typeof ALU)[number]): ClassicRow[] {
  const { op, code } = a;
  const hex = a.hex === undefined ? {} : { hex: a.hex };
  return [
    { code: 0x04 | code, name: op, operand: "imm", ...hex, decode: (f) => ({ kind: "alu", op, x: false, k: f.k }) },
    { code: 0x0c | code, name: op, operand: "x", decode: () => ({ kind: "alu", op, x: true, k: 0 }) },
  ];
}

function jumpRows(j: (typeof JUMPS)[number]): ClassicRow[] {
  const { op } = j;
  const row = (code: number, x: boolean): ClassicRow => ({
    code,
    name: `j${op}`,
    operand: x ? "x" : "imm",
    branch: true,
    hex: true,
    decode: (f, at) => ({ kind: "branch", op, x, k: x ? 0 : f.k, yes: at + 1 + f.jt, no: at + 1 + f.jf }),
  });
  return [row(0x05 | j.code, false), row(0x0d | j.code, true)];
}
