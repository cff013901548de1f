import { describe, expect, it } from "vitest";
import type { BpfMap, MapKind } from "../../../sim/bpf/map.ts";
import { mapTypes } from "../../../sim/bpf/maps/index.ts";
import type { MapSpec } from "../../../sim/bpf/spec.ts";
import { btf, id as btfId } from "../btf/kit.ts";
import { Bench, fakeProgram, mapSpec, u32 } from "../kit.ts";

/** How a type is exercised. A type that is missing here fails the suite. */
interface Exercise {
  readonly spec: Partial<MapSpec>;
  /** It has elements by key. */
  readonly keyed: boolean;
  /** All elements are there from the beginning and cannot be deleted. */
  readonly fixed?: boolean;
  /** Elements beyond max_entries: the errno, or 0 when others make room. */
  readonly full?: number;
  /** What a delete of a missing key answers. */
  readonly missing?: number;
  readonly value?: (map: BpfMap, bench: Bench, n: number) => Uint8Array;
}

const CPUS = 4;
const perCpu = (map: BpfMap, _bench: Bench, n: number): Uint8Array => {
  const out = new Uint8Array(8 * CPUS);
  for (let cpu = 0; cpu < CPUS; cpu++) out.set(u32(n + cpu), cpu * 8);
  return out.subarray(0, Math.ceil(map.spec.valueSize / 8) * 8 * CPUS);
};
const one = (_map: BpfMap, _bench: Bench, n: number): Uint8Array => Uint8Array.from([...u32(n), ...u32(n * 3)]);
const device = (): Uint8Array => u32(1);
const program = (): Uint8Array => u32(1);
const cpuQueue = (): Uint8Array => u32(64);
const socket = (_map: BpfMap, bench: Bench, n: number): Uint8Array => {
  if (!bench.sockets.has(n)) bench.socket({ cookie: n, reuseport: true });
  return Uint8Array.from([...u32(n), 0, 0, 0, 0]);
};
const innerId = (_map: BpfMap, bench: Bench): Uint8Array => u32([...bench.maps.values()][0]!.id);

/** Of maps whose values belong to something else. */
const owned: Partial<MapSpec> = {
  maxEntries: 0,
  flags: 1,
  btf,
  keyTypeId: btfId("int", "int"),
  valueTypeId: btfId("int", "int"),
};
const exercises: Readonly<Record<MapKind, Exercise>> = {
  hash: { spec: {}, keyed: true, full: -7, missing: -2, value: one },
  array: { spec: {}, keyed: true, fixed: true, full: -7, missing: -22, value: one },
  prog_array: { spec: { valueSize: 4 }, keyed: true, full: -7, missing: -2, value: program },
  perf_event_array: { spec: { valueSize: 4 }, keyed: false },
  percpu_hash: { spec: {}, keyed: true, full: -7, missing: -2, value: perCpu },
  percpu_array: { spec: {}, keyed: true, fixed: true, full: -7, missing: -22, value: perCpu },
  lru_hash: { spec: {}, keyed: true, full: 0, missing: -2, value: one },
  lru_percpu_hash: { spec: {}, keyed: true, full: 0, missing: -2, value: perCpu },
  lpm_trie: { spec: { keySize: 8 }, keyed: true, full: -28, missing: -2, value: one },
  array_of_maps: { spec: { valueSize: 4, inner: mapSpec("hash") }, keyed: true, full: -7, missing: -2, value: innerId },
  hash_of_maps: { spec: { valueSize: 4, inner: mapSpec("hash") }, keyed: true, full: -7, missing: -2, value: innerId },
  devmap: { spec: { valueSize: 4 }, keyed: true, full: -7, missing: 0, value: device },
  devmap_hash: { spec: { valueSize: 4 }, keyed: true, full: -7, missing: -2, value: device },
  ringbuf: { spec: { keySize: 0, valueSize: 0, maxEntries: 4096 }, keyed: false },
  queue: { spec: { keySize: 0 }, keyed: false },
  stack: { spec: { keySize: 0 }, keyed: false },
  cgroup_array: { spec: { valueSize: 4 }, keyed: false },
  sockmap: { spec: {}, keyed: true, full: -7, missing: -22, value: socket },
  cpumap: { spec: { valueSize: 4 }, keyed: true, full: -7, missing: 0, value: cpuQueue },
  xskmap: { spec: { valueSize: 4 }, keyed: false },
  sockhash: { spec: {}, keyed: true, full: -7, missing: -2, value: socket },
  reuseport_sockarray: { spec: {}, keyed: true, full: -7, missing: -2, value: socket },
  sk_storage: { spec: owned, keyed: false },
  bloom_filter: { spec: { keySize: 0 }, keyed: false },
  stack_trace: { spec: { valueSize: 8 }, keyed: false },
  cgroup_storage: { spec: { maxEntries: 0, keySize: 16 }, keyed: false },
  percpu_cgroup_storage: { spec: { maxEntries: 0, keySize: 8 }, keyed: false },
  task_storage: { spec: owned, keyed: false },
  cgrp_storage: { spec: owned, keyed: false },
  user_ringbuf: { spec: { keySize: 0, valueSize: 0, maxEntries: 4096 }, keyed: false },
};

/** Programs get no address of what these hold. */
const OUT_OF_REACH: readonly MapKind[] = ["prog_array", "cpumap", "sockmap", "sockhash", "reuseport_sockarray"];

const MAX = 4;
const kinds = mapTypes.map((t) => t.kind);
const keyed = kinds.filter((k) => exercises[k].keyed);
const flexible = keyed.filter((k) => exercises[k].fixed !== true);

function key(map: BpfMap, i: number): Uint8Array {
  return map.spec.keySize === 8 ? Uint8Array.from([...u32(32), 10, 0, 0, i]) : u32(i);
}

function start(kind: MapKind): {
  readonly bench: Bench;
  readonly map: BpfMap;
  readonly put: (i: number, flags?: number) => number;
} {
  const bench = new Bench(CPUS);
  bench.map("hash", { name: "inner" });
  bench.programs.set(1, fakeProgram(1));
  const map = bench.map(kind, { maxEntries: MAX, ...exercises[kind].spec });
  const put = (i: number, flags: number = 0): number =>
    map.write(key(map, i), exercises[kind].value!(map, bench, i + 100), flags);
  return { bench, map, put };
}

function walk(map: BpfMap): string[] {
  const out: string[] = [];
  for (let k = map.nextKey(null); k !== null && out.length < 100; k = map.nextKey(k)) out.push([...k].join());
  return out;
}

describe.each(kinds)("%s: any map", (kind) => {
  it("gives all its memory back", () => {
    const { bench, map } = start(kind);
    map.destroy();
    const again = (): void => {
      const m = bench.map(kind, { maxEntries: MAX, ...exercises[kind].spec });
      if (exercises[kind].keyed) {
        for (let i = 0; i < MAX; i++) m.write(key(m, i), exercises[kind].value!(m, bench, i), 0);
      } else {
        m.write(new Uint8Array(0), new Uint8Array(m.spec.valueSize), 0);
      }
      m.destroy();
    };
    again();
    const used = bench.arena.usedBytes;
    for (let i = 0; i < 20; i++) again();
    expect(bench.arena.usedBytes).toBe(used);
  });

  it("has the identity it was made with", () => {
    const { bench, map } = start(kind);
    expect(bench.maps.get(map.handle)).toBe(map);
    expect(map.spec.kind).toBe(kind);
    expect(map.numCpus).toBe(kind.includes("percpu") ? CPUS : 1);
  });

  it("is accepted with the sizes that this suite uses", () => {
    expect(mapTypes.find((t) => t.kind === kind)!.check(mapSpec(kind, exercises[kind].spec))).toBeNull();
  });
});

describe.each(keyed)("%s: a map with keys", (kind) => {
  const ex = exercises[kind];

  it("is filled up to max_entries, and answers beyond as Linux does", () => {
    const { map, put } = start(kind);
    for (let i = 0; i < MAX; i++) expect(put(i)).toBe(0);
    expect(put(MAX)).toBe(ex.full);
    if (ex.full !== 0) expect(map.count()).toBe(MAX);
    expect(map.count()).toBeLessThanOrEqual(MAX);
  });

  it("answers what was written", () => {
    const { bench, map, put } = start(kind);
    expect(put(2)).toBe(0);
    expect(map.read(key(map, 2))).toEqual(ex.value!(map, bench, 102));
  });

  it("visits each key once", () => {
    const { map, put } = start(kind);
    for (let i = 0; i < MAX; i++) put(i);
    const keys = walk(map);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.length).toBe(kind.startsWith("lru") ? map.count() : MAX);
  });

  it("refuses unknown flags", () => {
    const { put } = start(kind);
    expect(put(0, 3)).toBe(-22);
    expect(put(0, 64)).toBe(-22);
  });

  it("programs see in the arena what user space wrote, and the address is of the map's region", () => {
    const { bench, map, put } = start(kind);
    put(1);
    const at = map.lookup(bench.put(key(map, 1)), 1);
    const hidden = OUT_OF_REACH.includes(kind);
    expect(at !== 0).toBe(!hidden);
    if (hidden || kind.endsWith("of_maps")) return;
    const all = map.read(key(map, 1))!;
    const mine = kind.includes("percpu") ? all.subarray(8, 8 + map.spec.valueSize) : all;
    expect(bench.get(at, map.spec.valueSize)).toEqual(Uint8Array.from(mine));
    const region = bench.arena.regionAt(at)!;
    expect(region.valueBytes).toBe(map.spec.valueSize);
    expect((at - region.addr) % region.strideBytes).toBe(0);
    expect(region.writable).toBe(!kind.startsWith("devmap"));
    expect(region.label).toContain('"m"');
  });
});

describe.each(flexible)("%s: a map whose elements come and go", (kind) => {
  const ex = exercises[kind];

  it("answers a delete of what is not there as Linux does", () => {
    const { map } = start(kind);
    expect(map.remove(key(map, 1))).toBe(ex.missing);
  });

  it("takes a key again after it was deleted, many times over", () => {
    const { map, put } = start(kind);
    for (let round = 0; round < 50; round++) {
      for (let i = 0; i < MAX; i++) expect(put(i)).toBe(0);
      for (let i = MAX - 1; i >= 0; i--) if (map.read(key(map, i)) !== null) expect(map.remove(key(map, i))).toBe(0);
      expect(map.count()).toBe(0);
    }
  });
});

describe.each(["array", "percpu_array"] as const)("%s: a map whose elements are fixed", (kind) => {
  it("refuses to delete", () => {
    const { map } = start(kind);
    expect(map.remove(u32(0))).toBe(-22);
    expect(map.count()).toBe(MAX);
  });

  it("has its values where the JIT finds them", () => {
    const { bench, map } = start(kind);
    const a = map.inlineArray!;
    for (let cpu = 0; cpu < map.numCpus; cpu++) {
      for (let i = 0; i < MAX; i++) {
        expect(map.lookup(bench.put(u32(i), 3), cpu)).toBe(a.base + cpu * a.cpuStride + i * a.stride);
      }
    }
    expect(map.lookup(bench.put(u32(MAX)), 0)).toBe(0);
    expect(a.maxEntries).toBe(MAX);
  });
});

describe("queue and stack", () => {
  it.each([
    ["queue", [1, 2, 3]],
    ["stack", [3, 2, 1]],
  ] as const)("a %s gives %j back", (kind, want) => {
    const bench = new Bench();
    const map = bench.map(kind, { keySize: 0, valueSize: 4, maxEntries: 3 });
    const none = new Uint8Array(0);
    for (const n of [1, 2, 3]) expect(map.write(none, u32(n), 0)).toBe(0);
    expect(map.count()).toBe(3);
    expect(map.read(none)).toEqual(u32(want[0]));
    const got: number[] = [];
    for (let v = takeFront(map); v !== null; v = takeFront(map)) got.push(v[0]!);
    expect(got).toEqual(want);
    expect(map.read(none)).toBeNull();
  });
});

function takeFront(map: BpfMap): Uint8Array | null {
  return (map as BpfMap & { takeFront(): Uint8Array | null }).takeFront();
}
