/** Arithmetic on scalars, in every form that RFC 9669 has. */
import type { Body } from "./body.ts";
import { NONE, SCALAR } from "./state.ts";

const ADD = 0x00;
const LSH = 0x60;
const RSH = 0x70;
const MOV = 0xb0;
const ARSH = 0xc0;
/** Code bits of two-operand arithmetic. */
const ALU_CODES = [ADD, 0x10, 0x20, 0x30, 0x40, 0x50, LSH, RSH, 0x90, 0xa0, MOV, ARSH];
/** Division and modulo: off 1 makes them signed, and an immediate of 0 is refused. */
const DIVISIONS = [0x30, 0x90];
const SHIFTS = [LSH, RSH, ARSH];
const SIGN_WIDTHS = { wide: [8, 16, 32], narrow: [8, 16] } as const;

/** dst op= register or immediate, in 64 or 32 bits. */
export function alu(b: Body): boolean {
  const wide = b.chance(2);
  const code = b.pick(ALU_CODES);
  const cls = wide ? 0x07 : 0x04;
  const off = DIVISIONS.includes(code) && b.chance(2) ? 1 : 0;
  const byRegister = b.chance(2);
  if (code === MOV) {
    const dst = b.target();
    if (byRegister) b.code.emit(MOV | cls | 0x08, dst, b.scalar(), 0, 0);
    else b.code.emit(MOV | cls, dst, 0, 0, b.imm());
    b.set(dst, SCALAR);
    return true;
  }
  const dst = b.ownScalar();
  if (byRegister) {
    b.code.emit(code | cls | 0x08, dst, b.scalar(), off, 0);
    return true;
  }
  let imm = b.imm();
  if (DIVISIONS.includes(code) && imm === 0) imm = 3;
  if (SHIFTS.includes(code)) imm = b.rnd.below(wide ? 64 : 32);
  b.code.emit(code | cls, dst, 0, off, imm);
  return true;
}

/** Negation, byte swaps, sign extension. */
export function unary(b: Body): boolean {
  const wide = b.chance(2);
  const cls = wide ? 0x07 : 0x04;
  switch (b.rnd.below(3)) {
    case 0:
      b.code.emit(0x80 | cls, b.ownScalar(), 0, 0, 0);
      return true;
    case 1:
      b.code.emit(b.pick([0xd4, 0xdc, 0xd7]), b.ownScalar(), 0, 0, b.pick([16, 32, 64]));
      return true;
    default: {
      const dst = b.target();
      const src = b.scalar();
      b.code.emit(0xb8 | cls, dst, src, b.pick(SIGN_WIDTHS[wide ? "wide" : "narrow"]), 0);
      b.set(dst, SCALAR);
      return true;
    }
  }
}

/** A 64-bit immediate. */
export function wideImmediate(b: Body): boolean {
  const dst = b.target();
  b.code.imm64(dst, 0, b.imm(), b.chance(3) ? b.pick([0, -1]) : b.imm());
  b.set(dst, SCALAR);
  return true;
}

/** A pointer is copied, and the copy moved by a constant or by a bounded scalar. */
export function movePointer(b: Body): boolean {
  const from = b.memory((m) => m.hi - m.lo >= 2 && m.space !== "stack");
  if (from.length === 0) return false;
  const src = b.pick(from);
  const two = b.targets(2);
  if (two === null || two.includes(src)) return false;
  const [dst, by] = two as [number, number];
  const m = b.reg(src);
  if (m.t !== "mem") return false;
  b.code.move(dst, src);
  b.set(dst, NONE);
  if (b.chance(2)) {
    const off = m.lo + b.rnd.below(m.hi - m.lo);
    b.code.emit(0x07, dst, 0, 0, off);
    b.set(dst, { ...m, lo: m.lo - off, hi: m.hi - off, phase: m.phase < 0 ? -1 : (m.phase + off) & 7 });
    return true;
  }
  const masks = [1, 3, 7, 8, 15, 24, 31].filter((mask) => mask < m.hi);
  if (masks.length === 0) return false;
  // a variable offset of a packet pointer starts a new range, which nothing has checked yet
  if (m.space === "packet") {
    b.set(dst, m);
    return true;
  }
  const mask = b.pick(masks);
  b.boundedScalar(by, mask);
  b.code.emit(0x0f, dst, by, 0, 0);
  const hi = m.hi - mask;
  b.set(dst, m.lo < hi ? { ...m, hi, phase: (mask & 7) === 0 ? m.phase : -1 } : NONE);
  return true;
}
