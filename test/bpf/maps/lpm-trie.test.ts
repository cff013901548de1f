import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BpfMap } from "../../../sim/bpf/map.ts";
import { Bench, u32 } from "../kit.ts";

function prefix(text: string): Uint8Array {
  const [ip, bits] = text.split("/");
  return Uint8Array.from([...u32(Number(bits)), ...ip!.split(".").map(Number)]);
}

function show(key: Uint8Array): string {
  return `${[...key.slice(4)].join(".")}/${key[0]}`;
}

function walk(map: BpfMap): string[] {
  const keys: string[] = [];
  for (let k = map.nextKey(null); k !== null; k = map.nextKey(k)) keys.push(show(k));
  return keys;
}

describe("lpm_trie", () => {
  it("walks its keys in the order in which Linux 6.18 did", () => {
    const map = new Bench().map("lpm_trie", { keySize: 8, valueSize: 4, maxEntries: 20 });
    const put = ["192.168.0.0/16", "192.168.0.0/24", "192.168.128.0/24", "192.168.1.0/24", "0.0.0.0/0", "10.0.0.0/8"];
    for (const p of [...put, "10.1.2.3/32"]) expect(map.write(prefix(p), u32(1), 0)).toBe(0);
    expect(walk(map)).toEqual([
      "10.1.2.3/32",
      "10.0.0.0/8",
      "192.168.0.0/24",
      "192.168.1.0/24",
      "192.168.128.0/24",
      "192.168.0.0/16",
      "0.0.0.0/0",
    ]);
    expect(map.nextKey(prefix("172.16.0.0/12"))).toEqual(prefix("10.1.2.3/32"));
  });

  it.each([
    ["10.1.2.3/32", 3, "the longest prefix wins"],
    ["10.1.9.9/32", 2, "a shorter one matches what the longer one does not"],
    ["10.9.9.9/32", 1, "and so on"],
    ["11.0.0.0/32", 0, "nothing matches"],
    ["10.1.2.0/20", 2, "a key of fewer bits matches only prefixes of as many"],
    ["10.0.0.0/4", 0, "a key shorter than every prefix matches none"],
  ])("%s finds %i: %s", (key, want) => {
    const bench = new Bench();
    const map = bench.map("lpm_trie", { keySize: 8, valueSize: 4, maxEntries: 8 });
    map.write(prefix("10.0.0.0/8"), u32(1), 0);
    map.write(prefix("10.1.0.0/16"), u32(2), 0);
    map.write(prefix("10.1.2.0/24"), u32(3), 0);
    const at = map.lookup(bench.put(prefix(key)), 0);
    expect(at === 0 ? 0 : bench.arena.u32[at >>> 2]).toBe(want);
  });

  it("agrees with a search through all prefixes, whatever was put in and taken out", () => {
    const entry = fc.record({
      op: fc.constantFrom("up", "up", "up", "del", "get", "get"),
      bits: fc.oneof(fc.nat(48), fc.nat(288)),
      data: fc.array(fc.constantFrom(0, 1, 128, 192, 255), { minLength: 36, maxLength: 36 }),
      skew: fc.nat(3),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(1, 3, 4, 5, 7, 8, 12, 16, 32, 33, 36),
        fc.array(entry, { maxLength: 120 }),
        (dataSize, ops) => {
          const bench = new Bench();
          const map = bench.map("lpm_trie", { keySize: 4 + dataSize, valueSize: 4, maxEntries: 40 });
          const max = dataSize * 8;
          const model = new Map<string, number>();
          const bitsOf = (data: number[], n: number): string =>
            data
              .map((b) => b.toString(2).padStart(8, "0"))
              .join("")
              .slice(0, n);
          ops.forEach((o, i) => {
            const n = Math.min(o.bits, max);
            const data = o.data.slice(0, dataSize);
            const name = bitsOf(data, n);
            const key = bench.put(Uint8Array.from([...u32(n), ...data]), o.skew);
            if (o.op === "up") {
              const full = !model.has(name) && model.size === 40;
              expect(map.update(key, bench.put(u32(i + 1)), 0, 0)).toBe(full ? -28 : 0);
              if (!full) model.set(name, i + 1);
            } else if (o.op === "del") {
              expect(map.delete(key)).toBe(model.delete(name) ? 0 : -2);
            } else {
              let best = "-";
              for (const p of model.keys()) {
                if (name.startsWith(p) && (best === "-" || p.length > best.length)) best = p;
              }
              const at = map.lookup(key, 0);
              expect(at === 0 ? undefined : bench.arena.u32[at >>> 2]).toBe(model.get(best));
            }
            expect(map.count()).toBe(model.size);
          });
          expect(walk(map).length).toBe(model.size);
        },
      ),
      { numRuns: 300 },
    );
  });
});
