import { describe, expect, it } from "vitest";
import { createMachine } from "../../../sim/bpf/create-machine.ts";
import type { MapKind } from "../../../sim/bpf/map.ts";
import { mapTypes } from "../../../sim/bpf/maps/index.ts";
import type { MapSpec } from "../../../sim/bpf/spec.ts";
import { Bench, mapSpec, u32 } from "../kit.ts";

const NO_PREALLOC = 1;
const NO_COMMON_LRU = 2;
const NUMA_NODE = 4;
const RDONLY = 8;
const ZERO_SEED = 64;
const RDONLY_PROG = 128;
const BOTH_PROG = 384;
const MMAPABLE = 1024;
const PRESERVE_ELEMS = 2048;
const INNER_MAP = 4096;

const inner = mapSpec("array", { valueSize: 4, maxEntries: 2 });
type Row = [MapKind, number, number, number, number, number, Partial<MapSpec>?];

// kind, key_size, value_size, max_entries, flags, errno; each answer is Linux 6.18's to BPF_MAP_CREATE
const rows: Row[] = [
  ["array", 4, 4, 0, 0, 22],
  ["array", 8, 4, 1, 0, 22],
  ["array", 4, 0, 1, 0, 22],
  ["array", 4, 4, 1, NO_PREALLOC, 22],
  ["array", 4, 4, 1, BOTH_PROG, 22],
  ["array", 4, 4, 1, ZERO_SEED, 22],
  ["array", 4, 4, 1, MMAPABLE | INNER_MAP, 0],
  ["array", 4, 0x80000000, 1, 0, 7],
  ["array", 4, 1 << 23, 1, 0, 0],
  ["array", 4, 4, 1, PRESERVE_ELEMS, 22],
  ["percpu_array", 4, 4, 1, MMAPABLE, 22],
  ["percpu_array", 4, 32768, 1, 0, 0],
  ["percpu_array", 4, 32769, 1, 0, 7],
  ["percpu_array", 4, 4, 1, NUMA_NODE, 22],
  ["percpu_array", 4, 4, 1, INNER_MAP, 22],
  ["hash", 4, 4, 0, 0, 22],
  ["hash", 0, 4, 1, 0, 22],
  ["hash", 4, 0, 1, 0, 22],
  ["hash", 513, 4, 1, 0, 0],
  ["hash", 4, 4, 1, MMAPABLE, 22],
  ["hash", 4, 4, 1, NO_COMMON_LRU, 22],
  ["hash", 4, 4, 1, ZERO_SEED | NO_PREALLOC, 0],
  ["hash", 4, 4, 0x80000001, NO_PREALLOC, 7],
  ["hash", 4, 1 << 22, 1, NO_PREALLOC, 7],
  ["hash", 4, (1 << 22) - 128, 1, NO_PREALLOC, 0],
  ["percpu_hash", 4, 32769, 1, 0, 7],
  ["percpu_hash", 4, 4, 1, NUMA_NODE, 22],
  ["lru_hash", 4, 4, 1, NO_PREALLOC, 524],
  ["lru_hash", 4, 4, 1, NO_COMMON_LRU, 0],
  ["lru_hash", 4, 4, 1, NO_COMMON_LRU | NUMA_NODE, 22],
  ["lru_hash", 4, 4, 1, NUMA_NODE, 0],
  ["lpm_trie", 8, 4, 1, 0, 22],
  ["lpm_trie", 4, 4, 1, NO_PREALLOC, 22],
  ["lpm_trie", 5, 4, 1, NO_PREALLOC, 0],
  ["lpm_trie", 260, 4, 1, NO_PREALLOC, 0],
  ["lpm_trie", 261, 4, 1, NO_PREALLOC, 22],
  ["lpm_trie", 8, 0, 1, NO_PREALLOC, 22],
  ["lpm_trie", 8, 4, 0, NO_PREALLOC, 22],
  ["lpm_trie", 8, 4, 1, NO_PREALLOC | ZERO_SEED, 22],
  ["lpm_trie", 8, 4, 1, NO_PREALLOC | RDONLY_PROG, 0],
  ["prog_array", 4, 8, 1, 0, 22],
  ["prog_array", 4, 4, 1, RDONLY_PROG, 22],
  ["prog_array", 4, 4, 1, RDONLY, 0],
  ["prog_array", 4, 4, 0, 0, 22],
  ["perf_event_array", 4, 4, 0, 0, 22],
  ["perf_event_array", 4, 8, 1, 0, 22],
  ["perf_event_array", 4, 4, 1, PRESERVE_ELEMS, 0],
  ["devmap", 4, 4, 1, 0, 0],
  ["devmap", 4, 8, 1, 0, 0],
  ["devmap", 4, 6, 1, 0, 22],
  ["devmap", 8, 4, 1, 0, 22],
  ["devmap", 4, 4, 0, 0, 22],
  ["devmap", 4, 4, 1, RDONLY_PROG, 22],
  ["devmap", 4, 4, 1, RDONLY, 0],
  ["devmap_hash", 4, 4, 1, 0, 0],
  ["devmap_hash", 4, 4, 1, NO_PREALLOC, 22],
  ["ringbuf", 0, 0, 4096, 0, 0],
  ["ringbuf", 0, 0, 2048, 0, 22],
  ["ringbuf", 0, 0, 12288, 0, 22],
  ["ringbuf", 4, 0, 4096, 0, 22],
  ["ringbuf", 0, 0, 0, 0, 22],
  ["ringbuf", 0, 0, 4096, RDONLY, 22],
  ["ringbuf", 0, 0, 4096, NUMA_NODE, 0],
  ["ringbuf", 0, 0, 2 ** 31, 0, 0],
  ["queue", 0, 4, 1, 0, 0],
  ["queue", 4, 4, 1, 0, 22],
  ["queue", 0, 0, 1, 0, 22],
  ["queue", 0, 4, 0, 0, 22],
  ["queue", 0, 4, 1, NO_PREALLOC, 22],
  ["stack", 0, 4, 1, RDONLY_PROG, 0],
  ["queue", 0, 1 << 22, 1, 0, 0],
  ["queue", 0, (1 << 22) + 1, 1, 0, 7],
  ["array_of_maps", 4, 4, 2, 0, 0, { inner }],
  ["array_of_maps", 4, 8, 2, 0, 22, { inner }],
  ["array_of_maps", 4, 4, 2, 0, 22, { inner: null }],
  ["array_of_maps", 4, 4, 2, 0, 524, { inner: mapSpec("prog_array", { valueSize: 4 }) }],
  ["array_of_maps", 4, 4, 2, 0, 22, { inner: mapSpec("array_of_maps", { valueSize: 4, inner }) }],
  ["array_of_maps", 4, 4, 2, NO_PREALLOC, 22, { inner }],
  ["array_of_maps", 4, 4, 2, RDONLY_PROG, 22, { inner }],
  ["array_of_maps", 4, 4, 2, RDONLY, 0, { inner }],
  ["hash_of_maps", 4, 4, 2, NO_PREALLOC, 0, { inner }],
  ["hash_of_maps", 4, 8, 2, 0, 22, { inner }],
  ["hash_of_maps", 4, 4, 2, RDONLY_PROG, 0, { inner }],
  ["hash_of_maps", 4, 4, 2, ZERO_SEED, 0, { inner }],
];

describe("creating a map answers what BPF_MAP_CREATE of Linux 6.18 answers", () => {
  it.each(rows)(
    "%s key %i value %i max %i flags %i: errno %i",
    (kind, keySize, valueSize, maxEntries, flags, errno, over) => {
      const def = mapTypes.find((t) => t.kind === kind)!;
      const refusal = def.check(mapSpec(kind, { keySize, valueSize, maxEntries, flags, ...over }));
      expect(refusal?.errno ?? 0).toBe(errno);
      if (refusal !== null) expect(refusal.reason).not.toBe("");
    },
  );
});

describe("the registry of map types", () => {
  it("refuses a kind that is registered twice", () => {
    const twice = [mapTypes[0]!, mapTypes[0]!];
    expect(() => createMachine({ arena: new Bench().arena, helpers: [], mapTypes: twice })).toThrow(
      "two map types are hash",
    );
  });

  it("numbers its types as enum bpf_map_type does", () => {
    expect(Object.fromEntries(mapTypes.map((t) => [t.kind, t.uapi]))).toEqual({
      hash: 1,
      array: 2,
      prog_array: 3,
      perf_event_array: 4,
      percpu_hash: 5,
      percpu_array: 6,
      lru_hash: 9,
      lru_percpu_hash: 10,
      lpm_trie: 11,
      array_of_maps: 12,
      hash_of_maps: 13,
      devmap: 14,
      queue: 22,
      stack: 23,
      devmap_hash: 25,
      ringbuf: 27,
    });
  });
});

describe("a map that memory cannot hold", () => {
  it("is refused with its name and size", () => {
    const bench = new Bench();
    expect(() => bench.map("array", { name: "huge", valueSize: 1 << 20, maxEntries: 4096 })).toThrow(/"huge".*-ENOMEM/);
  });

  it("is no map that only declares eight million entries", () => {
    const bench = new Bench();
    const map = bench.map("lru_hash", { keySize: 40, valueSize: 32, maxEntries: 8_000_000 });
    expect(map.write(new Uint8Array(40), new Uint8Array(32), 0)).toBe(0);
    expect(map.count()).toBe(1);
    const flat = bench.map("array", { valueSize: 4, maxEntries: 16_777_216 });
    expect(flat.read(u32(16_777_215))).toEqual(u32(0));
  });
});
