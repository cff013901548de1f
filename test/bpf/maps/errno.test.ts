import { describe, expect, it } from "vitest";
import type { BpfMap, MapKind } from "../../../sim/bpf/map.ts";
import type { MapSpec } from "../../../sim/bpf/spec.ts";
import { Bench, fakeProgram, hex, mapSpec, u32 } from "../kit.ts";

// Each list is a session with one map: what BPF_MAP_UPDATE_ELEM, DELETE_ELEM and LOOKUP_ELEM of Linux 6.18 answered to the same
// steps. "up KEY FLAGS [VALUE]" and "del KEY" answer 0 or -errno, "has KEY" whether the key is there.
const sessions: [MapKind, Partial<MapSpec>, string][] = [
  [
    "array",
    { valueSize: 4, maxEntries: 2 },
    `up 0 1: -17, up 0 2: 0, up 0 3: -22, up 0 4: -22, up 0 8: -22, up 2 0: -7, up 2 1: -7, has 2: 0, del 2: -22, del 0: -22`,
  ],
  [
    "percpu_array",
    { valueSize: 4, maxEntries: 2 },
    `up 0 1: -17, up 0 2: 0, up 0 3: -22, up 0 4: -22, up 2 0: -7, del 2: -22, has 2: 0`,
  ],
  [
    "hash",
    { valueSize: 4, maxEntries: 2 },
    `up 1 2: -2, up 1 0: 0, up 1 1: -17, up 1 3: -22, up 1 4: -22, up 2 1: 0, up 3 0: -7, up 3 2: -2, up 3 1: -7, del 3: -2,
     has 3: 0, up 1 0: 0, del 1: 0, has 1: 0, up 3 0: 0`,
  ],
  ["hash", { valueSize: 4, maxEntries: 2, flags: 1 }, "up 0 0: 0, up 1 0: 0, up 2 0: -7, up 3 0: -7, up 4 2: -2"],
  [
    "percpu_hash",
    { valueSize: 4, maxEntries: 2 },
    `up 1 2: -2, up 1 0: 0, up 1 1: -17, up 1 3: -22, up 1 4: -22, up 2 0: 0, up 3 0: -7, up 3 2: -2, del 3: -2, del 1: 0`,
  ],
  [
    "lru_hash",
    { valueSize: 4, maxEntries: 2 },
    "up 1 2: -2, up 1 0: 0, up 1 1: -17, up 1 3: -22, up 1 4: -22, del 1: 0, del 1: -2",
  ],
  ["lru_percpu_hash", { valueSize: 4, maxEntries: 2 }, "up 1 2: -2, up 1 0: 0, up 1 1: -17, up 1 3: -22, up 1 4: -22"],
  [
    "lpm_trie",
    { keySize: 8, valueSize: 4, maxEntries: 2 },
    `up 10.0.0.0/33 0: -22, del 10.0.0.0/33: -22, has 10.0.0.0/33: 0, up 10.0.0.0/8 2: -2, up 10.0.0.0/8 0: 0, up 10.0.0.0/8 1: -17,
     up 10.0.0.0/8 3: -22, up 10.0.0.0/8 4: -22, up 10.0.0.0/16 0: 0, up 10.0.0.0/24 0: -28, up 10.0.0.0/24 2: -2,
     up 10.0.0.0/16 0: 0, up 10.0.0.0/16 1: -17, del 10.0.0.0/24: -2, del 10.0.0.0/16: 0, up 10.0.0.0/24 0: 0`,
  ],
  [
    "prog_array",
    { valueSize: 4, maxEntries: 2 },
    "up 0 0 9999: -9, up 0 1 1: -22, up 2 0 1: -7, del 2: -7, del 0: -2, has 0: 0, up 0 0 1: 0, has 0: 1, up 1 0 2: -22, del 0: 0",
  ],
  [
    "perf_event_array",
    { valueSize: 4, maxEntries: 2 },
    "up 0 1: -22, up 2 0: -7, up 0 0 9999: -9, up 0 0 1: -9, del 2: -7, del 0: -2, has 0: 0",
  ],
  [
    "devmap",
    { valueSize: 4, maxEntries: 2 },
    `up 0 0 1: 0, up 0 1 1: -17, up 0 2 1: 0, up 0 3 1: -22, up 0 0 99999: -22, has 0: 1, up 0 0 0: 0, has 0: 0, up 2 0 1: -7,
     del 2: -22, has 2: 0, del 0: 0, del 0: 0`,
  ],
  [
    "devmap_hash",
    { valueSize: 4, maxEntries: 2 },
    `up 7 2 1: 0, up 7 0 1: 0, up 7 1 1: -17, up 7 3 1: -22, up 7 0 0: -22, up 7 0 99999: -22, up 8 0 1: 0, up 9 0 1: -7,
     up 9 2 1: -7, del 9: -2, has 9: 0, del 7: 0`,
  ],
  ["ringbuf", { keySize: 0, valueSize: 0, maxEntries: 4096 }, "up - 0 -: -524, del -: -524, has -: 0"],
  [
    "queue",
    { keySize: 0, valueSize: 4, maxEntries: 2 },
    "up - 0 5: 0, up - 1 5: -22, up - 2 5: 0, up - 0 5: -7, up - 3 5: -22, has -: 1, del -: -22",
  ],
  [
    "array_of_maps",
    { valueSize: 4, maxEntries: 2, inner: mapSpec("array", { valueSize: 4, maxEntries: 2 }) },
    `up 0 0 same: 0, up 0 1 same: -22, up 0 2 same: -22, up 0 0 longer: -22, up 0 0 hash: -22, up 0 0 wider: -22, up 0 0 9999: -9,
     up 2 0 same: -7, del 2: -7, del 1: -2, has 1: 0, has 0: 1, del 0: 0, has 0: 0`,
  ],
  [
    "hash_of_maps",
    { valueSize: 4, maxEntries: 2, flags: 1, inner: mapSpec("hash", { valueSize: 4, maxEntries: 9 }) },
    `up 0 0 hash: 0, up 0 1 hash: -17, up 1 2 hash: -2, up 1 1 hash: 0, up 2 0 hash: -7, up 2 0 same: -22, up 0 0 9999: -9, del 0: 0,
     del 0: -2, has 0: 0, up 0 4 hash: -22, up 0 8 9999: -9`,
  ],
];

function keyOf(text: string, keySize: number): Uint8Array {
  if (text === "-") return new Uint8Array(0);
  const ip = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(text);
  if (ip === null) return u32(Number(text)).slice(0, keySize);
  return Uint8Array.from([...u32(Number(ip[5])), ...ip.slice(1, 5).map(Number)]);
}

function valueBytes(
  text: string | undefined,
  map: BpfMap,
  bench: Bench,
  named: ReadonlyMap<string, BpfMap>,
): Uint8Array {
  if (text === "-") return new Uint8Array(0);
  const id = named.get(text ?? "")?.id ?? Number(text ?? 1);
  const one = u32(id);
  if (!map.spec.kind.includes("percpu")) return one;
  const out = new Uint8Array(8 * bench.numCpus);
  for (let cpu = 0; cpu < bench.numCpus; cpu++) out.set(one, cpu * 8);
  return out;
}

describe("user space's update, delete and lookup answer as Linux 6.18 does", () => {
  it.each(sessions)("%s %j", (kind, over, steps) => {
    const bench = new Bench();
    bench.programs.set(1, fakeProgram(1)).set(2, fakeProgram(2, { kind: "sched_cls" }));
    const named = new Map([
      ["same", bench.map("array", { valueSize: 4, maxEntries: 2 })],
      ["longer", bench.map("array", { valueSize: 4, maxEntries: 3 })],
      ["wider", bench.map("array", { valueSize: 8, maxEntries: 2 })],
      ["hash", bench.map("hash", { valueSize: 4, maxEntries: 2 })],
    ]);
    const map = bench.map(kind, over);
    const got: string[] = [];
    for (const step of steps.split(",")) {
      const [what] = step.trim().split(":");
      const [op, key, flags, value] = what!.split(" ");
      const k = keyOf(key!, map.spec.keySize);
      let answer = 0;
      if (op === "up") answer = map.write(k, valueBytes(value, map, bench, named), Number(flags));
      if (op === "del") answer = map.remove(k);
      if (op === "has") answer = map.read(k) === null ? 0 : 1;
      got.push(`${what}: ${answer}`);
    }
    expect(got).toEqual(steps.split(",").map((s) => s.trim()));
  });

  it("an inner array may be of any length when the template has BPF_F_INNER_MAP", () => {
    const bench = new Bench();
    const outer = bench.map("array_of_maps", {
      valueSize: 4,
      inner: mapSpec("array", { valueSize: 4, maxEntries: 2, flags: 4096 }),
    });
    const plain = bench.map("array", { valueSize: 4, maxEntries: 2 });
    const longer = bench.map("array", { valueSize: 4, maxEntries: 3, flags: 4096 });
    expect(outer.write(u32(0), u32(plain.id), 0)).toBe(-22);
    expect(outer.write(u32(0), u32(longer.id), 0)).toBe(0);
  });

  it("a frozen map, a read-only map and a write-only map answer -EPERM", () => {
    const bench = new Bench();
    const data = hex("01020304 05060708");
    const rodata = bench.map("array", { maxEntries: 1, data, readonly: true, flags: 128 });
    expect(rodata.read(u32(0))).toEqual(data);
    expect(rodata.write(u32(0), data, 0)).toBe(-1);
    expect(rodata.remove(u32(0))).toBe(-1);
    expect(bench.arena.regionAt(rodata.lookup(bench.put(u32(0)), 0))?.writable).toBe(false);
    expect(bench.map("array", { flags: 8 }).write(u32(0), data, 0)).toBe(-1);
    const writeOnly = bench.map("hash", { flags: 16 });
    expect(writeOnly.write(u32(0), data, 0)).toBe(0);
    expect(writeOnly.read(u32(0))).toBeNull();
    expect(writeOnly.nextKey(null)).toBeNull();
  });

  it("keys and values of another size are refused", () => {
    const map = new Bench().map("hash");
    expect(map.write(new Uint8Array(3), new Uint8Array(8), 0)).toBe(-22);
    expect(map.write(new Uint8Array(4), new Uint8Array(4), 0)).toBe(-22);
    expect(map.remove(new Uint8Array(8))).toBe(-22);
    expect(map.read(new Uint8Array(8))).toBeNull();
  });
});
