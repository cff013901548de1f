import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BpfMap } from "../../../sim/bpf/map.ts";
import { mapTypes } from "../../../sim/bpf/maps/index.ts";
import { Bench, mapSpec, u32 } from "../kit.ts";
import { type LruCase, lruOps } from "./lru-ops.ts";
import { lruVectors } from "./lru-vectors.ts";

function keysOf(map: BpfMap): number[] {
  const keys: number[] = [];
  for (let k = map.nextKey(null); k !== null; k = map.nextKey(k)) keys.push(new DataView(k.buffer).getUint32(0, true));
  return keys.sort((a, b) => a - b);
}

/** Runs a case's operations. @returns how many of each answer there were, and the keys that are left */
function run(c: LruCase): { readonly answers: Readonly<Record<string, number>>; readonly keys: readonly number[] } {
  const bench = new Bench(2);
  const map = bench.map(c.kind, { maxEntries: c.maxEntries, flags: c.flags });
  const value = bench.put(new Uint8Array(8));
  const answers: Record<string, number> = {};
  let cpu = 0;
  for (const op of lruOps(c)) {
    const key = bench.put(u32(op.key));
    let answer = "";
    if (op.op === "C") cpu = op.key;
    if (op.op === "U") answer = `U${map.update(key, value, op.flags, cpu)}`;
    if (op.op === "D") answer = `D${map.delete(key)}`;
    if (op.op === "L") answer = `L${map.lookup(key, cpu) === 0 ? 1 : 2}`;
    if (answer !== "") answers[answer] = (answers[answer] ?? 0) + 1;
  }
  return { answers, keys: keysOf(map) };
}

describe("what an LRU map keeps", () => {
  it.each(lruVectors)("is what Linux 6.18 keeps: $case", ({ case: c, answers, keys }) => {
    const got = run(c);
    expect(got.answers).toEqual(answers);
    expect(got.keys).toEqual(keys);
  });

  it("is never more than max_entries, and every key it answers was put in last with that value", () => {
    const op = fc.record({ op: fc.constantFrom("up", "up", "del", "get"), key: fc.nat(40), cpu: fc.nat(1) });
    fc.assert(
      fc.property(
        fc.constantFrom("lru_hash" as const, "lru_percpu_hash" as const),
        fc.constantFrom(0, 2),
        fc.integer({ min: 1, max: 30 }),
        fc.array(op, { maxLength: 300 }),
        (kind, flags, maxEntries, ops) => {
          const bench = new Bench(2);
          const map = bench.map(kind, { maxEntries, flags });
          const room = flags === 2 ? Math.ceil(maxEntries / 2) * 2 : maxEntries;
          const model = new Map<string, number>();
          ops.forEach((o, i) => {
            const key = bench.put(u32(o.key));
            const slot = `${o.key} ${kind === "lru_hash" ? 0 : o.cpu}`;
            if (o.op === "up") {
              expect(map.update(key, bench.put(u32(i + 1)), 0, o.cpu)).toBe(0);
              model.set(slot, i + 1);
            } else if (o.op === "del") {
              map.delete(key);
              for (const s of [0, 1]) model.delete(`${o.key} ${s}`);
            } else {
              const at = map.lookup(key, o.cpu);
              const seen = at === 0 ? 0 : bench.arena.u32[at >>> 2]!;
              if (seen !== 0) expect(seen).toBe(model.get(slot));
            }
            expect(map.count()).toBeLessThanOrEqual(room);
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  it("a key that programs look up survives keys that nobody looks up", () => {
    const bench = new Bench(1);
    const map = bench.map("lru_hash", { maxEntries: 512 });
    const value = bench.put(new Uint8Array(8));
    const hot = bench.put(u32(7));
    map.update(hot, value, 0, 0);
    for (let i = 0; i < 5000; i++) {
      expect(map.lookup(hot, 0)).not.toBe(0);
      map.update(bench.put(u32(1000 + i)), value, 0, 0);
    }
    expect(map.lookup(hot, 0)).not.toBe(0);
  });

  it("user space's lookups do not keep a key alive", () => {
    const bench = new Bench(1);
    const map = bench.map("lru_hash", { maxEntries: 64 });
    map.write(u32(7), new Uint8Array(8), 0);
    for (let i = 0; i < 500; i++) {
      map.read(u32(7));
      map.write(u32(1000 + i), new Uint8Array(8), 0);
    }
    expect(map.read(u32(7))).toBeNull();
  });
});

describe("an LRU map whose values have timers", () => {
  const btf = {
    types: [
      { kind: "void" },
      { kind: "int", name: "unsigned int", size: 4, bits: 32, signed: false, bool: false, char: false },
      { kind: "struct", name: "bpf_timer", size: 16, members: [{ name: "opaque", type: 1, bitOffset: 0, bitSize: 0 }] },
      {
        kind: "struct",
        name: "value",
        size: 24,
        members: [
          { name: "a", type: 1, bitOffset: 0, bitSize: 0 },
          { name: "timer", type: 2, bitOffset: 64, bitSize: 0 },
        ],
      },
    ],
  } as const;

  it.each([0, 2])("ends the timer of every element that it evicts, flags %i", (flags) => {
    const bench = new Bench(1);
    const ended: number[] = [];
    const def = mapTypes.find((t) => t.kind === "lru_hash")!;
    const spec = mapSpec("lru_hash", { valueSize: 24, maxEntries: 4, flags, btf, valueTypeId: 3 });
    const map = def.create(spec, {
      ...bench.context(0x1000),
      dropFields: (_map, value) => {
        expect(bench.arena.u32[(value + 8) >>> 2]).toBe(1);
        ended.push(bench.arena.u32[value >>> 2]!);
      },
    });
    for (let i = 1; i <= 50; i++) {
      expect(map.update(bench.put(u32(i)), bench.put(new Uint8Array(24).fill(i)), 0, 0)).toBe(0);
      const value = map.lookup(bench.put(u32(i)), 0);
      // no update copies the timer, and no element brings one from its last owner
      expect([...bench.get(value, 24)]).toEqual([...new Array<number>(8).fill(i), ...new Array<number>(16).fill(0)]);
      bench.arena.u32[(value + 8) >>> 2] = 1;
    }
    const left = keysOf(map);
    const gone = Array.from({ length: 50 }, (_, i) => i + 1).filter((k) => !left.includes(k));
    expect(ended.map((a) => a & 255)).toEqual(expect.arrayContaining(gone));
    expect(ended.length).toBe(gone.length);
    map.destroy();
    expect(ended.length).toBe(50);
  });
});
