/** Loads, stores and atomic operations on stack, packet, map values and context. */
import { type Body, SPILL_SLOTS } from "./body.ts";
import { SIZE_BITS } from "./code.ts";
import { ctxFields, PACKET_FIELDS } from "./contexts.ts";
import { type MemReg, NONE, SCALAR } from "./state.ts";

const SIZES = [1, 2, 4, 8];
const FETCH = 1;
const ATOMIC_CODES = [0x00, 0x40, 0x50, 0xa0];
const XCHG = 0xe1;
const CMPXCHG = 0xf1;
const LOAD_ACQ = 0x100;
const STORE_REL = 0x110;

interface Place {
  readonly reg: number;
  readonly off: number;
}

/**
 * Some place of `size` bytes that may be accessed.
 * @param ordered by an atomic instruction
 * @param fixed not at a variable offset of the stack
 * @param stack on the stack, too
 */
function somePlace(
  b: Body,
  size: number,
  ordered: boolean,
  fixed: boolean = false,
  stack: boolean = true,
): Place | null {
  const regs = b.memory((m) => {
    if (m.space === "packet") return !ordered && offsets(m, size, ordered) > 0;
    if (m.space === "stack" && (!stack || (fixed && m.varies === true))) return false;
    return offsets(m, size, ordered) > 0;
  });
  if (regs.length === 0) return null;
  const reg = b.pick(regs);
  const m = b.reg(reg) as MemReg;
  const step = aligned(m, ordered) ? size : 1;
  return { reg, off: firstOffset(m, size, ordered) + b.rnd.below(offsets(m, size, ordered)) * step };
}

/** The verifier wants accesses of the stack, and atomic ones anywhere, to be aligned. */
function aligned(m: MemReg, ordered: boolean): boolean {
  return m.space === "stack" || ordered;
}

function firstOffset(m: MemReg, size: number, ordered: boolean): number {
  if (!aligned(m, ordered)) return m.lo;
  return m.lo + ((size - ((((m.phase + m.lo) % size) + size) % size)) % size);
}

function offsets(m: MemReg, size: number, ordered: boolean): number {
  if (aligned(m, ordered) && m.phase < 0 && size > 1) return 0;
  const room = m.hi - firstOffset(m, size, ordered) - size;
  return room < 0 ? 0 : Math.floor(room / (aligned(m, ordered) ? size : 1)) + 1;
}

/** A load, with zero or sign extension. */
export function load(b: Body): boolean {
  const size = b.pick(SIZES);
  const place = somePlace(b, size, false);
  if (place === null) return false;
  const dst = b.target();
  const signed = size < 8 && b.chance(3);
  b.code.emit((signed ? 0x81 : 0x61) | SIZE_BITS[size]!, dst, place.reg, place.off, 0);
  b.set(dst, SCALAR);
  return true;
}

/** A store of a register or an immediate. */
export function store(b: Body): boolean {
  const size = b.pick(SIZES);
  const src = b.scalar();
  const place = somePlace(b, size, false);
  if (place === null) return false;
  if (b.chance(3)) b.code.emit(0x62 | SIZE_BITS[size]!, place.reg, 0, place.off, b.imm());
  else b.code.emit(0x63 | SIZE_BITS[size]!, place.reg, src, place.off, 0);
  return true;
}

/**
 * A read-modify-write operation. Those that fetch do so in map values only: Linux 6.18's verifier takes what one fetches from the stack for
 * what was spilled there, does not go back to the spill when it asks what that depends on, and cuts branches off that are taken.
 */
export function atomic(b: Body): boolean {
  const size = b.pick([4, 8]);
  const src = b.ownScalar();
  const fetch = b.chance(2);
  const place = somePlace(b, size, true, true, !fetch);
  if (place === null || place.reg === src) return false;
  let imm = b.pick(ATOMIC_CODES) | (fetch ? FETCH : 0);
  const which = b.rnd.below(4);
  const mayCompare = (b.reg(0).t === "scalar" || b.pins[0] === 0) && place.reg !== 0;
  if (fetch && which < 1) imm = XCHG;
  else if (fetch && which < 2 && mayCompare) {
    imm = CMPXCHG;
    if (b.reg(0).t !== "scalar" || b.chance(2)) {
      // half of the comparisons shall succeed
      b.code.emit(0x61 | SIZE_BITS[size]!, 0, place.reg, place.off, 0);
      b.set(0, SCALAR);
      if (src === 0) return true;
    }
  }
  b.code.emit(0xc3 | SIZE_BITS[size]!, place.reg, src, place.off, imm);
  return true;
}

/** Load-acquire and store-release. */
export function ordered(b: Body): boolean {
  const size = b.pick(SIZES);
  const src = b.scalar();
  const place = somePlace(b, size, true);
  if (place === null) return false;
  if (b.chance(2)) {
    b.code.emit(0xc3 | SIZE_BITS[size]!, place.reg, src, place.off, STORE_REL);
    return true;
  }
  const dst = b.target();
  b.code.emit(0xc3 | SIZE_BITS[size]!, dst, place.reg, place.off, LOAD_ACQ);
  b.set(dst, SCALAR);
  return true;
}

/** A pointer into the frame with a bounded variable offset. */
export function stackPointer(b: Body): boolean {
  const two = b.targets(2);
  if (two === null) return false;
  const [dst, by] = two as [number, number];
  const bytes = Math.min(b.stackBytes, 16 + b.rnd.below(3) * 8);
  const off = b.stackPointer(dst, bytes, 8);
  if (b.chance(2)) return true;
  const mask = b.pick([1, 3, 7, 8].filter((m) => m < bytes));
  b.boundedScalar(by, mask);
  b.code.emit(0x0f, dst, by, 0, 0);
  b.set(dst, { t: "mem", space: "stack", lo: 0, hi: bytes - mask, phase: mask === 8 ? off & 7 : -1, varies: true });
  return true;
}

/** A register of any kind goes into a slot of the frame. */
export function spill(b: Body): boolean {
  const regs = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].filter((r) => b.reg(r).t !== "none");
  if (regs.length === 0) return false;
  const src = b.pick(regs);
  const slot = b.rnd.below(SPILL_SLOTS);
  b.code.emit(0x7b, 10, src, -8 * (slot + 1), 0);
  b.state.slots[slot] = b.reg(src);
  return true;
}

/** And comes back, perhaps into another register. */
export function fill(b: Body): boolean {
  const slot = b.rnd.below(SPILL_SLOTS);
  const held = b.state.slots[slot]!;
  if (held.t === "none") return false;
  const dst = b.target();
  b.code.emit(0x79, dst, 10, -8 * (slot + 1), 0);
  b.set(dst, held);
  return true;
}

/** A field of the context is read or written. */
export function ctxField(b: Body): boolean {
  const ctx = b.ctx();
  if (ctx < 0) return false;
  const field = b.pick(ctxFields(b.plan.kind));
  if (field.write && b.chance(2)) {
    const src = b.scalar();
    if (b.chance(3)) b.code.emit(0x62 | SIZE_BITS[field.size]!, ctx, 0, field.off, b.imm());
    else b.code.emit(0x63 | SIZE_BITS[field.size]!, ctx, src, field.off, 0);
    return true;
  }
  const dst = b.target();
  if (field.narrow > 0 && b.chance(3)) {
    const size = field.narrow > 2 ? b.pick([1, 2]) : 1;
    b.code.emit(0x61 | SIZE_BITS[size]!, dst, ctx, field.off + size * b.rnd.below(field.narrow / size), 0);
  } else b.code.emit(0x61 | SIZE_BITS[field.size]!, dst, ctx, field.off, 0);
  b.set(dst, SCALAR);
  return true;
}

/** The packet's bounds are compared; behind the comparison a pointer into it may be used. */
export function packetBounds(b: Body): boolean {
  const bounds = PACKET_FIELDS[b.plan.kind];
  const ctx = b.ctx();
  if (bounds === null || ctx < 0 || b.nesting > 3) return false;
  const regs = b.pinned([ctx], () => b.targets(3));
  if (regs === null) return false;
  const [p, end, t] = regs as [number, number, number];
  const meta = bounds.meta >= 0 && b.chance(6);
  b.code.emit(0x61, p, ctx, meta ? bounds.meta : bounds.data, 0);
  b.code.emit(0x61, end, ctx, meta ? bounds.data : bounds.end, 0);
  if (!meta && b.chance(5)) {
    // the length is a scalar; its pointers are given up
    b.code.emit(0x1f, end, p, 0, 0);
    b.set(end, SCALAR);
    b.set(p, NONE);
    return true;
  }
  for (const r of regs) b.set(r, NONE);
  if (!meta && b.chance(3)) {
    b.boundedScalar(t, b.pick([1, 3, 7, 8, 15, 31]));
    b.code.emit(0x0f, p, t, 0, 0);
    b.set(t, NONE);
  }
  const bytes = meta ? b.pick([1, 4, 8]) : b.pick([1, 2, 4, 8, 14, 20, 34, 40, 54, 64]);
  b.code.move(t, p);
  b.code.add(t, bytes);
  const over = b.code.label();
  switch (b.rnd.below(4)) {
    case 0:
      b.code.jump(0x2d, t, end, 0, over);
      break;
    case 1:
      b.code.jump(0x3d, t, end, 0, over);
      break;
    case 2:
      b.code.jump(0xad, end, t, 0, over);
      break;
    default: {
      const within = b.code.label();
      b.code.jump(0xbd, t, end, 0, within);
      b.code.jump(0x05, 0, 0, 0, over);
      b.code.place(within);
    }
  }
  b.skippable(over, () => {
    b.set(p, { t: "mem", space: "packet", lo: 0, hi: bytes, phase: -1 });
    b.ops(1 + b.rnd.below(4));
  });
  return true;
}
