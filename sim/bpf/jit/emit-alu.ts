/**
 * Arithmetic. Division edge cases as RFC 9669, 4.1: x / 0 = 0, x % 0 = x, the signed minimum by -1 wraps.
 */
import type { AluOp, Insn } from "../isa/insn.ts";
import type { Emitter } from "./emitter.ts";
import { I32, I64, W, type WasmOp } from "./wasm-op.ts";

type Simple = Exclude<AluOp, "div" | "sdiv" | "mod" | "smod" | "mov">;

const WIDE: Readonly<Record<Simple, WasmOp>> = {
  add: W.i64_add,
  sub: W.i64_sub,
  mul: W.i64_mul,
  or: W.i64_or,
  and: W.i64_and,
  lsh: W.i64_shl,
  rsh: W.i64_shr_u,
  xor: W.i64_xor,
  arsh: W.i64_shr_s,
};

const NARROW: Readonly<Record<Simple, WasmOp>> = {
  add: W.i32_add,
  sub: W.i32_sub,
  mul: W.i32_mul,
  or: W.i32_or,
  and: W.i32_and,
  lsh: W.i32_shl,
  rsh: W.i32_shr_u,
  xor: W.i32_xor,
  arsh: W.i32_shr_s,
};

/** dst = dst op operand. */
export function emitAlu(e: Emitter, insn: Extract<Insn, { kind: "alu" }>): void {
  const { op, wide, dst } = insn;
  if (op === "mov") operand(e, insn);
  else if (op === "div" || op === "mod" || op === "sdiv" || op === "smod") emitDivision(e, insn, op);
  else {
    if (wide) e.reg(dst);
    else e.word(dst);
    operand(e, insn);
    e.code.op(wide ? WIDE[op] : NARROW[op]);
  }
  if (!wide) e.code.op(W.i64_extend_i32_u);
  e.setReg(dst);
}

/** dst = -dst. */
export function emitNeg(e: Emitter, insn: Extract<Insn, { kind: "neg" }>): void {
  if (insn.wide) {
    e.code.i64(0);
    e.reg(insn.dst);
    e.code.op(W.i64_sub);
  } else {
    e.code.i32(0);
    e.word(insn.dst);
    e.code.op(W.i32_sub, W.i64_extend_i32_u);
  }
  e.setReg(insn.dst);
}

/** dst = the low bits of src, sign-extended. */
export function emitMovsx(e: Emitter, insn: Extract<Insn, { kind: "movsx" }>): void {
  if (insn.wide) {
    e.reg(insn.src);
    e.code.op(insn.bits === 8 ? W.i64_extend8_s : insn.bits === 16 ? W.i64_extend16_s : W.i64_extend32_s);
  } else {
    e.word(insn.src);
    e.code.op(insn.bits === 8 ? W.i32_extend8_s : W.i32_extend16_s, W.i64_extend_i32_u);
  }
  e.setReg(insn.dst);
}

/** Byte order; the machine is little endian. */
export function emitSwap(e: Emitter, insn: Extract<Insn, { kind: "swap" }>): void {
  const { code } = e;
  if (insn.order === "le") {
    e.reg(insn.dst);
    if (insn.bits < 64) {
      code.i64(insn.bits === 16 ? 0xffff : 0xffffffff);
      code.op(W.i64_and);
    }
  } else if (insn.bits === 64) {
    e.reg(insn.dst);
    swap64(e);
  } else {
    e.word(insn.dst);
    if (insn.bits === 16) swap16(e);
    else swap32(e);
    code.op(W.i64_extend_i32_u);
  }
  e.setReg(insn.dst);
}

/** i32 on the stack: its low 16 bits swapped, the rest 0. */
export function swap16(e: Emitter): void {
  const { code } = e;
  const t = e.local("t32", I32);
  code.tee(t);
  code.i32(8);
  code.op(W.i32_shr_u);
  code.i32(0xff);
  code.op(W.i32_and);
  code.get(t);
  code.i32(0xff);
  code.op(W.i32_and);
  code.i32(8);
  code.op(W.i32_shl, W.i32_or);
}

/** i32 on the stack: its four bytes reversed. */
export function swap32(e: Emitter): void {
  const { code } = e;
  const t = e.local("t32", I32);
  code.tee(t);
  code.i32(8);
  code.op(W.i32_rotl);
  code.i32(0x00ff00ff);
  code.op(W.i32_and);
  code.get(t);
  code.i32(24);
  code.op(W.i32_rotl);
  code.i32(0xff00ff00 | 0);
  code.op(W.i32_and, W.i32_or);
}

function swap64(e: Emitter): void {
  const { code } = e;
  const t = e.local("t64", I64);
  for (const [mask, shift] of [
    [0x00ff00ff00ff00ffn, 8],
    [0x0000ffff0000ffffn, 16],
  ] as const) {
    code.tee(t);
    code.i64(mask);
    code.op(W.i64_and);
    code.i64(shift);
    code.op(W.i64_shl);
    code.get(t);
    code.i64(shift);
    code.op(W.i64_shr_u);
    code.i64(mask);
    code.op(W.i64_and, W.i64_or);
  }
  code.i64(32);
  code.op(W.i64_rotl);
}

function operand(e: Emitter, insn: Extract<Insn, { kind: "alu" | "jump" }>): void {
  if (insn.src < 0) {
    if (insn.wide) e.code.i64(insn.imm);
    else e.code.i32(insn.imm);
  } else if (insn.wide) e.reg(insn.src);
  else e.word(insn.src);
}

type Division = "div" | "mod" | "sdiv" | "smod";

/** Pushes the quotient or remainder. WebAssembly traps where RFC 9669 defines a result. */
function emitDivision(e: Emitter, insn: Extract<Insn, { kind: "alu" }>, op: Division): void {
  const { code } = e;
  const { wide } = insn;
  const type = wide ? I64 : I32;
  const constant = (n: number): void => (wide ? code.i64(n) : code.i32(n));
  const pushDst = (): void => (wide ? e.reg(insn.dst) : e.word(insn.dst));
  const apply = wide
    ? { div: W.i64_div_u, mod: W.i64_rem_u, sdiv: W.i64_div_s, smod: W.i64_rem_s }[op]
    : { div: W.i32_div_u, mod: W.i32_rem_u, sdiv: W.i32_div_s, smod: W.i32_rem_s }[op];
  if (insn.src < 0) {
    if (insn.imm === 0) {
      if (op === "div" || op === "sdiv") constant(0);
      else pushDst();
    } else if (insn.imm === -1 && op === "sdiv") {
      constant(0);
      pushDst();
      code.op(wide ? W.i64_sub : W.i32_sub);
    } else {
      pushDst();
      constant(insn.imm);
      code.op(apply);
    }
    return;
  }
  const divisor = e.local(wide ? "d64" : "d32", type);
  operand(e, insn);
  code.tee(divisor);
  code.op(wide ? W.i64_eqz : W.i32_eqz);
  code.open(W.if, type);
  if (op === "div" || op === "sdiv") constant(0);
  else pushDst();
  code.op(W.else);
  if (op === "sdiv") {
    code.get(divisor);
    constant(-1);
    code.op(wide ? W.i64_eq : W.i32_eq);
    code.open(W.if, type);
    constant(0);
    pushDst();
    code.op(wide ? W.i64_sub : W.i32_sub, W.else);
  }
  pushDst();
  code.get(divisor);
  code.op(apply);
  if (op === "sdiv") code.end();
  code.end();
}

const COMPARE = {
  eq: [W.i64_eq, W.i32_eq],
  ne: [W.i64_ne, W.i32_ne],
  gt: [W.i64_gt_u, W.i32_gt_u],
  ge: [W.i64_ge_u, W.i32_ge_u],
  lt: [W.i64_lt_u, W.i32_lt_u],
  le: [W.i64_le_u, W.i32_le_u],
  sgt: [W.i64_gt_s, W.i32_gt_s],
  sge: [W.i64_ge_s, W.i32_ge_s],
  slt: [W.i64_lt_s, W.i32_lt_s],
  sle: [W.i64_le_s, W.i32_le_s],
} as const;

/** Pushes a conditional jump's condition as an i32. */
export function emitCondition(e: Emitter, insn: Extract<Insn, { kind: "jump" }>): void {
  if (insn.wide) e.reg(insn.dst);
  else e.word(insn.dst);
  operand(e, insn);
  if (insn.op === "set") {
    if (insn.wide) {
      e.code.op(W.i64_and);
      e.code.i64(0);
      e.code.op(W.i64_ne);
    } else e.code.op(W.i32_and);
  } else e.code.op(COMPARE[insn.op][insn.wide ? 0 : 1]);
}
