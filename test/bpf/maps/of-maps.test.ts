import { describe, expect, it } from "vitest";
import type { ProgArrayMap } from "../../../sim/bpf/maps/prog-array.ts";
import { Bench, fakeProgram, mapSpec, u32 } from "../kit.ts";

const inner = mapSpec("hash", { name: "inner" });

describe.each(["array_of_maps", "hash_of_maps"] as const)("%s", (kind) => {
  it("gives programs the inner map's handle and user space its id", () => {
    const bench = new Bench();
    const outer = bench.map(kind, { valueSize: 4, inner });
    const a = bench.map("hash");
    const b = bench.map("hash");
    expect(outer.write(u32(1), u32(a.id), 0)).toBe(0);
    expect(outer.lookup(bench.put(u32(1)), 0)).toBe(a.handle);
    expect(outer.read(u32(1))).toEqual(u32(a.id));
    expect(outer.write(u32(1), u32(b.id), 0)).toBe(0);
    expect(outer.lookup(bench.put(u32(1)), 0)).toBe(b.handle);
    expect(outer.lookup(bench.put(u32(2)), 0)).toBe(0);
    expect(outer.lookup(bench.put(u32(99)), 0)).toBe(0);
    expect(outer.count()).toBe(1);
    expect(outer.remove(u32(1))).toBe(0);
    expect(outer.lookup(bench.put(u32(1)), 0)).toBe(0);
  });

  it("programs may not change it", () => {
    const bench = new Bench();
    const outer = bench.map(kind, { valueSize: 4, inner });
    expect(outer.update(bench.put(u32(0)), bench.put(u32(1)), 0, 0)).toBe(-22);
    expect(outer.delete(bench.put(u32(0)))).toBe(-22);
  });
});

describe("array_of_maps", () => {
  it("has the handles where the JIT reads them", () => {
    const bench = new Bench();
    const outer = bench.map("array_of_maps", { valueSize: 4, inner });
    const a = bench.map("hash");
    outer.write(u32(2), u32(a.id), 0);
    const { base, stride } = outer.inlineArray!;
    expect(bench.arena.u32[(base + 2 * stride) >>> 2]).toBe(a.handle);
    expect(bench.arena.u32[base >>> 2]).toBe(0);
  });
});

describe("prog_array", () => {
  it("has table indices plus 1 where the JIT reads them, and ids for user space", () => {
    const bench = new Bench();
    bench.programs.set(5, fakeProgram(5));
    const map = bench.map<ProgArrayMap>("prog_array", { valueSize: 4 });
    expect(map.write(u32(3), u32(5), 0)).toBe(0);
    const { base, stride } = map.inlineArray;
    expect(bench.arena.u32[(base + 3 * stride) >>> 2]).toBe(51);
    expect(map.read(u32(3))).toEqual(u32(5));
    expect(map.count()).toBe(1);
    expect(map.remove(u32(3))).toBe(0);
    expect(bench.arena.u32[(base + 3 * stride) >>> 2]).toBe(0);
  });

  it("belongs to the program type that came first", () => {
    const map = new Bench().map<ProgArrayMap>("prog_array", { valueSize: 4 });
    expect(map.accept(fakeProgram(1))).toBe(true);
    expect(map.accept(fakeProgram(2))).toBe(true);
    expect(map.accept(fakeProgram(3, { kind: "sched_cls" }))).toBe(false);
  });
});
