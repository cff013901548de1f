/** Arithmetic and conditions on 64-bit registers as BigInts, unsigned. Written from RFC 9669, not from the JIT. */
import type { AluOp, Insn, JumpOp } from "../isa/insn.ts";

/** Keeps 64 bits. */
export function u64(v: bigint): bigint {
  return BigInt.asUintN(64, v);
}

/** The result of dst op operand on 32 or 64 bits; the upper half of a 32-bit result is 0. */
export function alu(op: AluOp, wide: boolean, dst: bigint, operand: bigint): bigint {
  const bits = wide ? 64 : 32;
  const a = BigInt.asUintN(bits, dst);
  const b = BigInt.asUintN(bits, operand);
  return BigInt.asUintN(bits, compute(op, bits, a, b));
}

function compute(op: AluOp, bits: number, a: bigint, b: bigint): bigint {
  const sa = BigInt.asIntN(bits, a);
  const sb = BigInt.asIntN(bits, b);
  const shift = b & BigInt(bits - 1);
  switch (op) {
    case "add":
      return a + b;
    case "sub":
      return a - b;
    case "mul":
      return a * b;
    case "div":
      return b === 0n ? 0n : a / b;
    case "sdiv":
      return b === 0n ? 0n : sa / sb;
    case "mod":
      return b === 0n ? a : a % b;
    case "smod":
      return b === 0n ? a : sa % sb;
    case "or":
      return a | b;
    case "and":
      return a & b;
    case "xor":
      return a ^ b;
    case "lsh":
      return a << shift;
    case "rsh":
      return a >> shift;
    case "arsh":
      return sa >> shift;
    case "mov":
      return b;
  }
}

/** Byte-order conversion of the low bits; the rest becomes 0. */
export function swap(insn: Extract<Insn, { kind: "swap" }>, value: bigint): bigint {
  const low = BigInt.asUintN(insn.bits, value);
  return insn.order === "le" ? low : reverseBytes(low, insn.bits / 8);
}

/** The lowest `n` bytes in reverse order. */
export function reverseBytes(value: bigint, n: number): bigint {
  let out = 0n;
  for (let i = 0; i < n; i++) out = (out << 8n) | ((value >> BigInt(8 * i)) & 0xffn);
  return out;
}

/** Whether a conditional jump is taken. */
export function condition(op: JumpOp, wide: boolean, dst: bigint, operand: bigint): boolean {
  const bits = wide ? 64 : 32;
  const a = BigInt.asUintN(bits, dst);
  const b = BigInt.asUintN(bits, operand);
  const sa = BigInt.asIntN(bits, a);
  const sb = BigInt.asIntN(bits, b);
  switch (op) {
    case "eq":
      return a === b;
    case "ne":
      return a !== b;
    case "gt":
      return a > b;
    case "ge":
      return a >= b;
    case "lt":
      return a < b;
    case "le":
      return a <= b;
    case "sgt":
      return sa > sb;
    case "sge":
      return sa >= sb;
    case "slt":
      return sa < sb;
    case "sle":
      return sa <= sb;
    case "set":
      return (a & b) !== 0n;
  }
}
