import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Arena, GUARD_BYTES, REGION_PAGE_SHIFT, REGION_TABLE, REGION_WRITABLE } from "../../sim/engine/arena.ts";
import { BugError } from "../../sim/engine/errors.ts";

const MIB = 1024 * 1024;

describe("Arena", () => {
  it("addresses are above the guard, aligned, zeroed and apart", () => {
    const arena = new Arena(4 * MIB);
    const size = fc.record({ bytes: fc.integer({ min: 1, max: 5000 }), shift: fc.integer({ min: 3, max: 12 }) });
    fc.assert(
      fc.property(fc.array(size, { minLength: 1, maxLength: 40 }), (list) => {
        const taken: [number, number][] = [];
        for (const { bytes, shift } of list) {
          const addr = arena.alloc(bytes, 1 << shift);
          expect(addr).toBeGreaterThan(GUARD_BYTES);
          expect(addr % (1 << shift)).toBe(0);
          expect(arena.u8.subarray(addr, addr + bytes).every((b) => b === 0)).toBe(true);
          for (const [from, to] of taken) expect(addr >= to || addr + bytes <= from).toBe(true);
          arena.u8.fill(0xaa, addr, addr + bytes);
          taken.push([addr, addr + bytes]);
        }
        for (const [k, { bytes, shift }] of list.entries()) arena.free(taken[k]![0], bytes, 1 << shift);
      }),
      { seed: 5, numRuns: 50 },
    );
  });

  it("memory that was given back is handed out again, zeroed", () => {
    const arena = new Arena(4 * MIB);
    const a = arena.alloc(100);
    arena.u8.fill(1, a, a + 100);
    arena.free(a, 100);
    const used = arena.usedBytes;
    expect(arena.alloc(100)).toBe(a);
    expect(arena.u8[a + 50]).toBe(0);
    expect(arena.usedBytes).toBe(used);
  });

  it("the views follow when the memory grows, and what was there stays", () => {
    const arena = new Arena(4 * MIB);
    const a = arena.alloc(8);
    arena.u32[a >>> 2] = 0xdeadbeef;
    const before = arena.u8;
    const b = arena.alloc(64 * MIB);
    expect(b).toBeGreaterThan(a);
    expect(arena.u8 === before).toBe(false);
    expect(arena.u32[a >>> 2]).toBe(0xdeadbeef);
    expect(arena.dv.getUint32(a, true)).toBe(0xdeadbeef);
  });

  it("used up, it answers 0", () => {
    expect(new Arena(4 * MIB).alloc(2 ** 31)).toBe(0);
  });

  it("a region's descriptor is reachable through every page of it, and gone when it is freed", () => {
    const arena = new Arena(4 * MIB);
    const region = { sizeBytes: 10_000, strideBytes: 16, valueBytes: 12, writable: true, label: 'map "m" value' };
    const addr = arena.allocRegion(region);
    for (const at of [addr, addr + 5000, addr + 9999]) {
      const desc = arena.u32[(REGION_TABLE >>> 2) + (at >>> REGION_PAGE_SHIFT)]! >>> 2;
      expect([...arena.u32.subarray(desc, desc + 5)]).toEqual([addr, 10_000, 16, 12, REGION_WRITABLE]);
      expect(arena.regionAt(at)).toEqual({ addr, ...region });
    }
    arena.freeRegion(addr);
    expect(arena.regionAt(addr)).toBeUndefined();
    expect(() => arena.freeRegion(addr)).toThrow(BugError);
  });

  it("a region that programs may not write says so", () => {
    const arena = new Arena(4 * MIB);
    const addr = arena.allocRegion({ sizeBytes: 8, strideBytes: 8, valueBytes: 8, writable: false, label: "x" });
    expect(arena.u32[(arena.u32[(REGION_TABLE >>> 2) + (addr >>> REGION_PAGE_SHIFT)]! >>> 2) + 4]).toBe(0);
  });
});
