/** Map types by their number in object files. @source include/uapi/linux/bpf.h enum bpf_map_type; names as bpftool prints them */
import type { MapKind } from "../map.ts";

/** Those that netsim has. */
const KINDS: Readonly<Record<MapKind, number>> = {
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
  cgroup_array: 8,
  sockmap: 15,
  cpumap: 16,
  xskmap: 17,
  sockhash: 18,
  reuseport_sockarray: 20,
  sk_storage: 24,
  bloom_filter: 30,
  user_ringbuf: 31,
  cgrp_storage: 32,
  task_storage: 29,
  percpu_cgroup_storage: 21,
  cgroup_storage: 19,
  stack_trace: 7,
};

const OTHERS: Readonly<Record<number, string>> = {
  26: "struct_ops",
  28: "inode_storage",
  33: "arena",
  34: "insn_array",
};

const KIND_BY_NUMBER: ReadonlyMap<number, MapKind> = new Map(
  Object.entries(KINDS).map(([kind, number]): [number, MapKind] => [number, kind as MapKind]),
);

/** @returns null for types that netsim does not have */
export function mapKindOf(number: number): MapKind | null {
  return KIND_BY_NUMBER.get(number) ?? null;
}

/** `enum bpf_map_type` of a type. */
export function mapNumber(kind: MapKind): number {
  return KINDS[kind];
}

/** The name of any type: `xskmap`, or `type 99` for numbers Linux 6.18 does not have. */
export function mapTypeName(number: number): string {
  return KIND_BY_NUMBER.get(number) ?? OTHERS[number] ?? `type ${number}`;
}

/** Types whose values are maps. */
export function isMapInMap(kind: MapKind): boolean {
  return kind === "array_of_maps" || kind === "hash_of_maps";
}
