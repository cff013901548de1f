import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BpfMap } from "../../../sim/bpf/map.ts";
import { Bench, u32, u64 } from "../kit.ts";

function walk(map: BpfMap): Uint8Array[] {
  const keys: Uint8Array[] = [];
  for (let k = map.nextKey(null); k !== null; k = map.nextKey(k)) keys.push(k);
  return keys;
}

function longKey(size: number, i: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, j) => j * 7 + i * ((j % 5) + 1));
}

describe("hash: the order of keys is Linux's under BPF_F_ZERO_SEED, as 6.18 walked it", () => {
  const filled: [string, number, (i: number) => Uint8Array, number[]][] = [
    ["8-byte keys", 8, (i) => u64(i * 1000003), [8, 4, 3, 5, 9, 12, 2, 11, 7, 10, 6, 1]],
    ["7-byte keys", 7, (i) => Uint8Array.of(i, 2 * i, 3 * i, 4, 5, 6, i), [3, 9, 4, 10, 8, 7, 2, 12, 5, 1, 11, 6]],
    [
      "13-byte keys",
      13,
      (i) => Uint8Array.of(i, 2 * i, 3 * i, 4, 5, 6, i, 8, 9, 10, 11, 12, i),
      [3, 7, 2, 12, 1, 11, 4, 10, 9, 5, 6, 8],
    ],
    ["100-byte keys", 100, (i) => longKey(100, i), [10, 2, 7, 6, 4, 1, 3, 9, 12, 11, 5, 8]],
    ["203-byte keys", 203, (i) => longKey(203, i), [12, 8, 11, 1, 5, 3, 6, 2, 9, 10, 7, 4]],
  ];
  it.each(filled)("%s", (_why, keySize, keyOf, order) => {
    const map = new Bench().map("hash", { keySize, valueSize: 4, maxEntries: 16 });
    for (let i = 1; i <= 12; i++) expect(map.write(keyOf(i), u32(i), 0)).toBe(0);
    expect(walk(map).map((k) => map.read(k)![0])).toEqual(order);
  });

  it("an unknown key starts over", () => {
    const map = new Bench().map("hash", { maxEntries: 16 });
    for (let i = 0; i < 5; i++) map.write(u32(i), u64(i), 0);
    expect(map.nextKey(u32(99))).toEqual(map.nextKey(null));
  });
});

describe("hash: what programs see", () => {
  it("keys may stand at any address", () => {
    const bench = new Bench();
    for (const keySize of [1, 2, 3, 4, 5, 8, 11, 16, 40, 101, 102, 103, 104, 303]) {
      const map = bench.map("hash", { keySize, maxEntries: 8 });
      const key = Uint8Array.from({ length: keySize }, (_, i) => i + 1);
      expect(map.update(bench.put(key, 1), bench.put(u64(5)), 0, 0)).toBe(0);
      for (const skew of [0, 1, 2, 3]) {
        const at = map.lookup(bench.put(key, skew), 0);
        expect(bench.get(at, 8)).toEqual(u64(5));
      }
      key[keySize - 1] = 77;
      expect(map.lookup(bench.put(key), 0)).toBe(0);
    }
  });

  it("values are aligned to 8, lie in a region of the value's size, and stay where they are when others go", () => {
    const bench = new Bench();
    const map = bench.map("hash", { valueSize: 12, maxEntries: 1000 });
    const value = bench.put(new Uint8Array(12));
    const addrs = new Map<number, number>();
    for (let i = 0; i < 1000; i++) {
      map.update(bench.put(u32(i)), value, 0, 0);
      addrs.set(i, map.lookup(bench.put(u32(i)), 0));
    }
    for (let i = 0; i < 1000; i += 2) expect(map.delete(bench.put(u32(i)))).toBe(0);
    for (let i = 1; i < 1000; i += 2) {
      const at = map.lookup(bench.put(u32(i)), 0);
      expect(at).toBe(addrs.get(i));
      expect(at % 8).toBe(0);
      const region = bench.arena.regionAt(at)!;
      expect(region.valueBytes).toBe(12);
      expect((at - region.addr) % region.strideBytes).toBe(0);
    }
  });

  it("an address from before an update goes on showing the old value, as on Linux", () => {
    const bench = new Bench();
    const map = bench.map("hash");
    const key = bench.put(u32(1));
    map.update(key, bench.put(u64(10)), 0, 0);
    const before = map.lookup(key, 0);
    map.update(key, bench.put(u64(20)), 0, 0);
    expect(bench.get(before, 8)).toEqual(u64(10));
    expect(bench.get(map.lookup(key, 0), 8)).toEqual(u64(20));
    expect(map.count()).toBe(1);
  });

  it("a per-CPU update of a new key zeroes the other CPUs' values, also in reused memory", () => {
    const bench = new Bench(3);
    const map = bench.map("percpu_hash", { valueSize: 4, maxEntries: 1 });
    const ones = bench.put(u32(0xffffffff));
    for (let cpu = 0; cpu < 3; cpu++) map.update(bench.put(u32(1)), ones, 0, cpu);
    map.delete(bench.put(u32(1)));
    map.update(bench.put(u32(2)), ones, 0, 1);
    expect(map.read(u32(2))).toEqual(Uint8Array.from([...u64(0), ...u32(0xffffffff), ...u32(0), ...u64(0)]));
  });
});

describe("hash: a spin lock in the value", () => {
  const btf = {
    types: [
      { kind: "void" },
      { kind: "int", name: "unsigned int", size: 4, bits: 32, signed: false, bool: false, char: false },
      { kind: "struct", name: "bpf_spin_lock", size: 4, members: [{ name: "val", type: 1, bitOffset: 0, bitSize: 0 }] },
      {
        kind: "struct",
        name: "value",
        size: 12,
        members: [
          { name: "a", type: 1, bitOffset: 0, bitSize: 0 },
          { name: "lock", type: 2, bitOffset: 32, bitSize: 0 },
          { name: "b", type: 1, bitOffset: 64, bitSize: 0 },
        ],
      },
    ],
  } as const;

  it.each(["hash", "array"] as const)("%s: updates leave the lock as it is and user space reads it as 0", (kind) => {
    const bench = new Bench();
    const map = bench.map(kind, { valueSize: 12, btf, valueTypeId: 3, maxEntries: 1 });
    const key = bench.put(u32(0));
    const filled = new Uint8Array(12).fill(0x11);
    expect(map.update(key, bench.put(filled), 0, 0)).toBe(0);
    const at = map.lookup(key, 0);
    bench.arena.u32[(at >>> 2) + 1] = 1;
    expect(map.update(key, bench.put(new Uint8Array(12).fill(0x22)), 4, 0)).toBe(0);
    expect(map.lookup(key, 0)).toBe(at);
    expect(bench.arena.u32[(at >>> 2) + 1]).toBe(1);
    expect(map.read(u32(0))).toEqual(Uint8Array.of(0x22, 0x22, 0x22, 0x22, 0, 0, 0, 0, 0x22, 0x22, 0x22, 0x22));
  });
});

describe("hash and percpu_hash against a plain model", () => {
  it("agree on every answer", () => {
    const op = fc.record({
      op: fc.constantFrom("up", "del", "get", "walk"),
      key: fc.nat(12),
      flags: fc.nat(3),
      cpu: fc.nat(1),
    });
    fc.assert(
      fc.property(
        fc.constantFrom("hash" as const, "percpu_hash" as const),
        fc.constantFrom(4, 6, 16),
        fc.integer({ min: 1, max: 8 }),
        fc.array(op, { maxLength: 200 }),
        (kind, keySize, maxEntries, ops) => {
          const bench = new Bench(2);
          const map = bench.map(kind, { keySize, maxEntries });
          const model = new Map<number, number[]>();
          const keyOf = (k: number): Uint8Array => new Uint8Array(keySize).fill(k);
          ops.forEach((o, i) => {
            const key = bench.put(keyOf(o.key), i % 3);
            const slot = kind === "hash" ? 0 : o.cpu;
            const old = model.get(o.key);
            if (o.op === "up") {
              let want = 0;
              if (o.flags > 2) want = -22;
              else if (old !== undefined && o.flags === 1) want = -17;
              else if (old === undefined && o.flags === 2) want = -2;
              else if (old === undefined && model.size >= maxEntries) want = -7;
              expect(map.update(key, bench.put(u64(i + 1)), o.flags, o.cpu)).toBe(want);
              if (want === 0) {
                const values = old ?? [0, 0];
                values[slot] = i + 1;
                model.set(o.key, values);
              }
            } else if (o.op === "del") {
              expect(map.delete(key)).toBe(model.delete(o.key) ? 0 : -2);
            } else if (o.op === "get") {
              const at = map.lookup(key, o.cpu);
              expect(at === 0 ? undefined : bench.get(at, 8)).toEqual(old === undefined ? undefined : u64(old[slot]!));
            } else {
              expect(
                walk(map)
                  .map((k) => k[0])
                  .sort(),
              ).toEqual([...model.keys()].sort());
            }
            expect(map.count()).toBe(model.size);
          });
        },
      ),
      { numRuns: 200 },
    );
  });
});
