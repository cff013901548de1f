// What BPF_MAP_CREATE is asked: every map type with each of its parameters changed in turn, and some combinations.

/** Types by name, as `enum bpf_map_type` numbers them. */
export const TYPES = {
  hash: 1,
  array: 2,
  prog_array: 3,
  perf_event_array: 4,
  percpu_hash: 5,
  percpu_array: 6,
  cgroup_array: 8,
  lru_hash: 9,
  lru_percpu_hash: 10,
  lpm_trie: 11,
  array_of_maps: 12,
  hash_of_maps: 13,
  devmap: 14,
  sockmap: 15,
  cpumap: 16,
  xskmap: 17,
  sockhash: 18,
  reuseport_sockarray: 20,
  queue: 22,
  stack: 23,
  sk_storage: 24,
  devmap_hash: 25,
  ringbuf: 27,
  bloom_filter: 30,
  user_ringbuf: 31,
  cgrp_storage: 32,
  task_storage: 29,
  percpu_cgroup_storage: 21,
  cgroup_storage: 19,
  stack_trace: 7,
};

/** Types whose values belong to something else; they are made with types of key and value, but where map_extra is 1. */
const OWNED = ["sk_storage", "task_storage", "cgrp_storage"];

/** Parameters with which Linux makes a map of the type. */
const BASE = {
  lpm_trie: { key: 8, flags: 1 },
  queue: { key: 0 },
  stack: { key: 0 },
  ringbuf: { key: 0, value: 0, max: 4096 },
  user_ringbuf: { key: 0, value: 0, max: 4096 },
  bloom_filter: { key: 0 },
  sk_storage: { max: 0, flags: 1 },
  task_storage: { max: 0, flags: 1 },
  cgrp_storage: { max: 0, flags: 1 },
  cgroup_storage: { key: 16, max: 0 },
  percpu_cgroup_storage: { key: 8, max: 0 },
  stack_trace: { value: 8 },
  array_of_maps: { inner: "array" },
  hash_of_maps: { inner: "array" },
};

/** The inner maps of the rows, by name: type, key_size, value_size, max_entries, flags. */
export const INNERS = {
  array: ["array", 4, 4, 2, 0],
  prog_array: ["prog_array", 4, 4, 2, 0],
  array_of_maps: ["array_of_maps", 4, 4, 2, 0],
  perf_event_array: ["perf_event_array", 4, 4, 2, 0],
  cgroup_array: ["cgroup_array", 4, 4, 2, 0],
  hash: ["hash", 4, 4, 2, 0],
  devmap: ["devmap", 4, 4, 2, 0],
  cpumap: ["cpumap", 4, 4, 2, 0],
  xskmap: ["xskmap", 4, 4, 2, 0],
  sockmap: ["sockmap", 4, 4, 2, 0],
  sockhash: ["sockhash", 4, 4, 2, 0],
  reuseport_sockarray: ["reuseport_sockarray", 4, 8, 2, 0],
  queue: ["queue", 0, 4, 2, 0],
  ringbuf: ["ringbuf", 0, 0, 4096, 0],
  user_ringbuf: ["user_ringbuf", 0, 0, 4096, 0],
  bloom_filter: ["bloom_filter", 0, 4, 2, 0],
  lpm_trie: ["lpm_trie", 8, 4, 2, 1],
};

const KEYS = [0, 1, 2, 3, 4, 5, 8, 12, 16, 64, 260, 261, 512, 513, 4096];
const VALUES = [
  0, 1, 2, 3, 4, 5, 6, 8, 12, 16, 512, 4096, 32760, 32767, 32768, 32769, 65536, 131072, 4194176, 4194200, 4194303,
  4194304, 4194305, 0x7fffffff, 0x80000000,
];
const MAXES = [0, 1, 2, 3, 2047, 2048, 4095, 4097, 8192, 12288, 16384, 16385];
const COMBOS = [
  24,
  384,
  1 | 64,
  1 | 2,
  2 | 4,
  4 | 1,
  8 | 128,
  16 | 256,
  1024 | 4096,
  1024 | 128,
  1024 | 256,
  1 | 512,
  1 | 8,
  1 | 128,
  1 | 4,
  1 | 16,
  1 | 256,
  1 | 384,
  2048 | 4,
  4 | 8,
  4 | 64,
  1 | 512 | 64,
];
const EXTRAS = [1, 5, 15, 16, 31, 4096, 2 ** 32];

function row(type, over) {
  const { key = 4, value = 4, max = 4, flags = 0, extra = 0, inner = null } = { ...BASE[type], ...over };
  return [type, key, value, max, flags, extra, inner];
}

/** Rows of type, key_size, value_size, max_entries, map_flags, map_extra, name of the inner map or null. */
export function createRows() {
  const rows = [];
  for (const type of Object.keys(TYPES)) {
    rows.push(row(type, {}));
    for (const key of KEYS) rows.push(row(type, { key }));
    for (const value of VALUES) rows.push(row(type, { value, max: BASE[type]?.max ?? 1 }));
    for (const max of MAXES) rows.push(row(type, { max }));
    for (let bit = 0; bit < 20; bit++) rows.push(row(type, { flags: 2 ** bit }));
    for (const flags of COMBOS) rows.push(row(type, { flags }));
    rows.push(row(type, { flags: 0 }));
    for (const extra of EXTRAS) if (!OWNED.includes(type)) rows.push(row(type, { extra }));
    rows.push(row(type, { key: 0, value: 0, max: 0 }));
  }
  for (const type of ["array_of_maps", "hash_of_maps"]) {
    for (const inner of [null, ...Object.keys(INNERS)]) rows.push(row(type, { inner }));
  }
  for (const type of ["hash", "percpu_hash", "hash_of_maps"]) {
    for (const max of [2 ** 27 + 1, 2 ** 28 + 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - 1])
      rows.push(row(type, { max, flags: 1 }));
    rows.push(row(type, { key: 2 ** 22, flags: 1 }), row(type, { key: 2 ** 22 - 100, flags: 1 }));
  }
  for (const type of ["ringbuf", "user_ringbuf"]) for (const max of [2 ** 20, 2 ** 31]) rows.push(row(type, { max }));
  for (const type of OWNED) rows.push(row(type, { extra: 1 }));
  for (const type of OWNED) for (const value of [65407, 65408]) rows.push(row(type, { value }));
  for (const value of [1016, 1024]) rows.push(row("stack_trace", { value }));
  for (const value of [32, 4064, 4096]) rows.push(row("stack_trace", { value, flags: 32 }));
  for (const max of [2 ** 31 + 1]) rows.push(row("stack_trace", { max }));
  for (const max of [2 ** 27 + 1, 2 ** 31 + 1]) rows.push(row("sockhash", { max }));
  rows.push(row("devmap_hash", { max: 2 ** 31 + 1 }));
  return [...new Map(rows.map((r) => [JSON.stringify(r), r])).values()];
}
