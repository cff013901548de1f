import { describe, expect, it } from "vitest";
import type { DevmapBase } from "../../../sim/bpf/maps/devmap-entry.ts";
import { asDevmap } from "../../../sim/bpf/maps/devmap-entry.ts";
import { Bench, fakeProgram, u32 } from "../kit.ts";

function value(ifindex: number, prog: number): Uint8Array {
  return Uint8Array.from([...u32(ifindex), ...u32(prog >>> 0)]);
}

describe.each(["devmap", "devmap_hash"] as const)("%s", (kind) => {
  function make(): { readonly bench: Bench; readonly map: DevmapBase } {
    const bench = new Bench();
    bench.programs.set(5, fakeProgram(5, { attach: "xdp_devmap" })).set(6, fakeProgram(6));
    return { bench, map: bench.map<DevmapBase>(kind, { valueSize: 8, maxEntries: 8 }) };
  }

  it("tells the network device and program of a key", () => {
    const { bench, map } = make();
    expect(map.write(u32(3), value(2, 5), 0)).toBe(0);
    expect(asDevmap(map)).toBe(map);
    expect(map.ifindexOf(3)).toBe(2);
    expect(map.programOf(3)).toBe(bench.programs.get(5));
    expect(map.ifindexOf(4)).toBe(0);
    expect(map.ifindexOf(4_000_000_000)).toBe(0);
    expect(map.programOf(4)).toBeNull();
    expect(map.read(u32(3))).toEqual(value(2, 5));
    const at = map.lookup(bench.put(u32(3)), 0);
    expect(bench.get(at, 8)).toEqual(value(2, 5));
    expect(bench.arena.regionAt(at)?.writable).toBe(false);
  });

  it.each([
    [1, 0, 0, "no program"],
    [1, -1, 0, "libbpf's word for no program"],
    [1, 9999, -22, "an unknown program"],
    [1, 6, -22, "a program that is not xdp/devmap"],
    [0, 5, -22, "a program without a device"],
  ])("value {%i, %i} answers %i: %s", (ifindex, prog, want) => {
    expect(make().map.write(u32(0), value(ifindex, prog), 0)).toBe(want);
  });

  it("walks its devices, and forgets one that leaves the host", () => {
    const { map } = make();
    for (const [key, ifindex] of [
      [1, 3],
      [5, 2],
      [6, 3],
    ] as const)
      map.write(u32(key), value(ifindex, 5), 0);
    const keys = (): number[] => {
      const out: number[] = [];
      for (let k = map.nextDevice(-1); k >= 0; k = map.nextDevice(k)) out.push(k);
      return out;
    };
    expect(keys()).toEqual([1, 5, 6]);
    map.removeDevice(3);
    expect(keys()).toEqual([5]);
    expect(map.programOf(1)).toBeNull();
    expect(map.count()).toBe(1);
  });

  it("takes a program out again when it is written without one", () => {
    const { map } = make();
    map.write(u32(3), value(2, 5), 0);
    map.write(u32(3), value(2, 0), 0);
    expect(map.programOf(3)).toBeNull();
    expect(map.read(u32(3))).toEqual(value(2, 0));
  });

  it("programs may not change it", () => {
    const { bench, map } = make();
    const key = bench.put(u32(3));
    expect(map.update(key, bench.put(value(1, 0)), 0, 0)).toBe(-22);
    expect(map.delete(key)).toBe(-22);
  });
});

describe("devmap_hash", () => {
  it("walks its keys in the order in which Linux 6.18 did", () => {
    const map = new Bench().map("devmap_hash", { valueSize: 4, maxEntries: 5 });
    for (const key of [13, 5, 8, 21, 3]) expect(map.write(u32(key), u32(1), 0)).toBe(0);
    const keys: number[] = [];
    for (let k = map.nextKey(null); k !== null; k = map.nextKey(k)) keys.push(k[0]!);
    expect(keys).toEqual([8, 3, 21, 5, 13]);
  });

  it("takes keys above 2^31", () => {
    const map = new Bench().map<DevmapBase>("devmap_hash", { valueSize: 4 });
    expect(map.write(u32(0xfffffffe), u32(2), 0)).toBe(0);
    expect(map.ifindexOf(0xfffffffe)).toBe(2);
    expect(map.nextDevice(-1)).toBe(0xfffffffe);
    expect(map.nextDevice(0xfffffffe)).toBe(-1);
  });
});
