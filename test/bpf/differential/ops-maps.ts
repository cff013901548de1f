/** Operations on maps. */
import type { Body } from "./body.ts";
import { type CaseMap, MAP_TYPE } from "./case.ts";
import { SIZE_BITS } from "./code.ts";
import { isOfMaps, isPerCpu } from "./map-shape.ts";
import { mayClobber } from "./ops-flow.ts";
import { TRACE_BYTES, TRACE_MAP } from "./plan.ts";
import { NONE, type Reg, SCALAR } from "./state.ts";

const LOOKUP = 1;
const UPDATE = 2;
const DELETE = 3;
const PUSH = 87;
const POP = 88;
const PEEK = 89;
const LOOKUP_PERCPU = 195;
const FOR_EACH = 164;
/** Keys differ in their first byte, so that programs meet what others left. */
const KEYS_MASK = 7;

/** r2 = address of a key in the frame. */
function key(b: Body, map: CaseMap): void {
  const off = b.stackPlace(Math.ceil(map.keySize / 8) * 8, 8);
  const at = (from: number, size: number, imm: number): void =>
    b.code.emit(0x62 | SIZE_BITS[size]!, 10, 0, off + from, imm);
  const lpm = map.type === MAP_TYPE.lpm_trie;
  let from = 0;
  for (; map.keySize - from >= 8; from += 8) at(from, 8, 0);
  for (; map.keySize - from >= 4; from += 4) at(from, 4, 0);
  for (; map.keySize - from >= 1; from += 1) at(from, 1, 0);
  if (lpm) at(0, 4, b.rnd.below((map.keySize - 4) * 8 + (b.chance(8) ? 5 : 1)));
  const first = off + (lpm ? 4 : 0);
  const wide = lpm || map.keySize < 4 ? 1 : 4;
  if (b.chance(2)) {
    b.boundedScalar(2, lpm ? 0xff : KEYS_MASK);
    b.code.emit(0x63 | SIZE_BITS[wide]!, 10, 2, first, 0);
  } else b.code.emit(0x62 | SIZE_BITS[wide]!, 10, 0, first, b.rnd.below(lpm ? 256 : KEYS_MASK + 1));
  b.code.move(2, 10);
  b.code.add(2, off);
  b.set(2, NONE);
}

function keyedMap(b: Body, where: (m: CaseMap) => boolean): number {
  const fit = b.plan.keyed.filter((i) => where(b.plan.maps[i]!));
  return fit.length === 0 || !mayClobber(b) ? -1 : b.pick(fit);
}

/** A value is looked up, and used where it was found. */
export function lookup(b: Body): boolean {
  const index = keyedMap(b, () => true);
  if (index < 0 || b.nesting > 3) return false;
  const map = b.plan.maps[index]!;
  key(b, map);
  b.code.imm64(1, 1, index, 0);
  if (isPerCpu(map) && b.chance(3)) {
    b.code.set(3, b.pick([0, 0, 1, 2, -1]));
    b.code.call(LOOKUP_PERCPU);
  } else b.code.call(LOOKUP);
  if (!isOfMaps(map)) {
    found(b, map);
    return true;
  }
  // the map that was found is looked into with the same kind of key
  const inner = b.plan.maps[map.inner]!;
  b.clobber(NONE);
  const over = b.code.label();
  b.code.jump(0x15, 0, 0, 0, over);
  b.skippable(over, () => {
    b.code.move(1, 0);
    b.pinned([1], () => key(b, inner));
    b.code.call(LOOKUP);
    found(b, inner);
  });
  b.set(0, NONE);
  return true;
}

/** r0 is the address of a value or null. */
function found(b: Body, map: CaseMap): void {
  const value: Reg = { t: "mem", space: "value", lo: 0, hi: map.valueSize, phase: 0 };
  b.clobber(NONE);
  const over = b.code.label();
  b.code.jump(0x15, 0, 0, 0, over);
  b.skippable(over, () => {
    b.set(0, value);
    if (b.chance(2)) {
      const kept = b.target();
      b.code.move(kept, 0);
      b.set(kept, value);
    }
    b.ops(1 + b.rnd.below(4));
  });
}

/** r`reg` = address of as many bytes as a value has. */
function value(b: Body, reg: number, bytes: number): void {
  if (bytes > b.stackBytes || (bytes <= TRACE_BYTES && b.chance(4))) {
    b.code.imm64(reg, 2, TRACE_MAP, 0);
  } else {
    const off = b.stackPlace(Math.ceil(bytes / 8) * 8, 8);
    b.code.move(reg, 10);
    b.code.add(reg, off);
  }
  b.set(reg, NONE);
}

/** An element is written. */
export function update(b: Body): boolean {
  const index = keyedMap(b, (m) => !isOfMaps(m));
  if (index < 0) return false;
  const map = b.plan.maps[index]!;
  key(b, map);
  b.pinned([2], () => value(b, 3, map.valueSize));
  b.code.set(4, b.pick([0, 0, 0, 1, 2, 3, 8]));
  b.code.imm64(1, 1, index, 0);
  b.code.call(UPDATE);
  b.clobber(SCALAR);
  return true;
}

/** An element is deleted. */
export function remove(b: Body): boolean {
  const index = keyedMap(b, (m) => !isOfMaps(m));
  if (index < 0) return false;
  key(b, b.plan.maps[index]!);
  b.code.imm64(1, 1, index, 0);
  b.code.call(DELETE);
  b.clobber(SCALAR);
  return true;
}

/** Queue or stack: push, pop, peek. */
export function queue(b: Body): boolean {
  if (b.plan.queues.length === 0 || !mayClobber(b)) return false;
  const index = b.pick(b.plan.queues);
  const helper = b.pick([PUSH, PUSH, POP, PEEK]);
  value(b, 2, b.plan.maps[index]!.valueSize);
  if (helper === PUSH) b.code.set(3, b.pick([0, 0, 2, 1]));
  b.code.imm64(1, 1, index, 0);
  b.code.call(helper);
  b.clobber(SCALAR);
  return true;
}

/** bpf_for_each_map_elem over an array: the order is that of the indices. */
export function forEach(b: Body): boolean {
  const callbacks = b.plan.functions.filter((f) => f.role === "each");
  const arrays = b.plan.keyed.filter((i) =>
    [MAP_TYPE.array, MAP_TYPE.percpu_array].some((t) => t === b.plan.maps[i]!.type),
  );
  if (!mayClobber(b) || callbacks.length === 0 || arrays.length === 0 || b.loops > 0) return false;
  if (b.role !== "main" && b.role !== "sub") return false;
  const f = b.pick(callbacks);
  b.code.imm64(1, 1, b.pick(arrays), 0);
  b.code.reach(0x18, 2, 4, f.label);
  b.stackPointer(3, 16, 8);
  b.code.set(4, b.chance(8) ? 1 : 0);
  b.code.call(FOR_EACH);
  f.used = true;
  b.clobber(SCALAR);
  return true;
}

/** The address of an array's only value, without a lookup. */
export function directValue(b: Body): boolean {
  const fit = b.plan.keyed.filter((i) => b.plan.maps[i]!.type === MAP_TYPE.array && b.plan.maps[i]!.maxEntries === 1);
  if (fit.length === 0) return false;
  const index = b.pick(fit);
  const bytes = b.plan.maps[index]!.valueSize;
  const off = b.rnd.below(bytes);
  const dst = b.target();
  b.code.imm64(dst, 2, index, off);
  b.set(dst, { t: "mem", space: "value", lo: -off, hi: bytes - off, phase: off & 7 });
  return true;
}

/** Ring buffer: reserve with submit or discard, output, query. */
export function ringbuf(b: Body): boolean {
  const index = b.plan.ringbuf;
  if (index < 0 || !mayClobber(b) || b.nesting > 3) return false;
  const load = (): void => b.code.imm64(1, 1, index, 0);
  switch (b.rnd.below(3)) {
    case 0: {
      value(b, 2, 16);
      b.code.set(3, 1 + b.rnd.below(16));
      b.code.set(4, b.pick([0, 1, 2, 4]));
      load();
      b.code.call(130);
      b.clobber(SCALAR);
      return true;
    }
    case 1:
      load();
      // how much waits depends on the reader
      b.code.set(2, b.pick([1, 3, 9]));
      b.code.call(134);
      b.clobber(SCALAR);
      return true;
    default: {
      const bytes = b.pick([8, 16, 40, 200]);
      load();
      b.code.set(2, bytes);
      b.code.set(3, 0);
      b.code.call(131);
      b.clobber(NONE);
      const over = b.code.label();
      b.code.jump(0x15, 0, 0, 0, over);
      b.skippable(over, () => {
        b.code.emit(0x7a, 0, 0, 0, b.imm());
        b.code.emit(0x79, b.free().includes(8) ? 8 : 3, 0, 0, 0);
        if (b.free().includes(8)) b.set(8, SCALAR);
        b.code.move(1, 0);
        b.code.set(2, b.pick([0, 1]));
        b.code.call(b.pick([132, 133]));
        b.clobber(NONE);
      });
      return true;
    }
  }
}
