/**
 * `memlock` of a map: what the same map takes in a Linux 6.18 kernel on x86-64, not here.
 *
 * @source each map type's map_mem_usage; the sizes of the structures were measured on Linux 6.18 with bpftool map create
 * @differs elements of devmap_hash, xskmap and sockhash are not counted
 */
import type { BpfMap, MapKind } from "../../bpf/map.ts";

const PAGE = 4096;
const SIZEOF_ARRAY = 312;
const SIZEOF_HTAB = 896;
const SIZEOF_BUCKET = 16;
const SIZEOF_HTAB_ELEM = 48;
const SIZEOF_LLIST_NODE = 8;
const SIZEOF_LPM_NODE = 24;
const SIZEOF_DTAB = 344;
const SIZEOF_RINGBUF = 304;
/** Consumer and producer pages of a ring buffer, and those of its header. */
const RINGBUF_PAGES = 3;
const SIZEOF_CPUMAP = 304;
const SIZEOF_XSKMAP = 304;
const SIZEOF_SOCKMAP = 376;
const SIZEOF_SOCKHASH = 384;
const SIZEOF_REUSEPORT_ARRAY = 296;
const SIZEOF_STACK_MAP = 320;
const SIZEOF_STACK_BUCKET = 16;
const SIZEOF_LOCAL_STORAGE = 448;
/** Hashes of a bloom filter that says nothing of them. */
const BLOOM_HASHES = 5;
const POINTER = 8;
const BPF_F_NO_PREALLOC = 1;
const BPF_F_MMAPABLE = 1024;

const HASHES: ReadonlySet<MapKind> = new Set(["hash", "percpu_hash", "lru_hash", "lru_percpu_hash", "hash_of_maps"]);

function roundUp(n: number, to: number): number {
  return Math.ceil(n / to) * to;
}

function powerOfTwo(n: number): number {
  let p = 1;
  while (p < n) p *= 2;
  return p;
}

/** @unit bytes. @param cpus possible CPUs of the host */
export function mapMemory(map: BpfMap, cpus: number): number {
  const { kind, maxEntries, keySize, valueSize, flags } = map.spec;
  if (HASHES.has(kind)) return hashMemory(map, cpus);
  switch (kind) {
    case "array": {
      const data = maxEntries * roundUp(valueSize, 8);
      return (flags & BPF_F_MMAPABLE) !== 0 ? PAGE + roundUp(data, PAGE) : SIZEOF_ARRAY + data;
    }
    case "percpu_array":
      return SIZEOF_ARRAY + maxEntries * (POINTER + roundUp(valueSize, 8) * cpus);
    case "prog_array":
    case "perf_event_array":
    case "cgroup_array":
    case "array_of_maps":
      return SIZEOF_ARRAY + maxEntries * POINTER;
    case "lpm_trie":
      return map.count() * (SIZEOF_LPM_NODE + keySize - 4 + valueSize);
    case "devmap":
      return SIZEOF_DTAB + maxEntries * POINTER;
    case "devmap_hash":
      return SIZEOF_DTAB + powerOfTwo(maxEntries) * POINTER;
    case "ringbuf":
    case "user_ringbuf":
      // its data is mapped twice, one behind the other
      return SIZEOF_RINGBUF + RINGBUF_PAGES * (PAGE + POINTER) + maxEntries + (2 * POINTER * maxEntries) / PAGE;
    case "cpumap":
      return SIZEOF_CPUMAP + maxEntries * POINTER;
    case "xskmap":
      return SIZEOF_XSKMAP + maxEntries * POINTER;
    case "sockmap":
      return SIZEOF_SOCKMAP + maxEntries * POINTER;
    case "sockhash":
      return SIZEOF_SOCKHASH + powerOfTwo(maxEntries) * SIZEOF_BUCKET;
    case "reuseport_sockarray":
      return SIZEOF_REUSEPORT_ARRAY + maxEntries * POINTER;
    case "bloom_filter":
      return SIZEOF_ARRAY + bloomBytes(maxEntries, map.spec.mapExtra ?? 0);
    case "stack_trace": {
      const buckets = powerOfTwo(maxEntries) * POINTER;
      return SIZEOF_STACK_MAP + buckets + maxEntries * (SIZEOF_STACK_BUCKET + valueSize);
    }
    case "sk_storage":
    case "task_storage":
    case "cgrp_storage":
      return SIZEOF_LOCAL_STORAGE + powerOfTwo(Math.max(cpus, 2)) * SIZEOF_BUCKET;
    default:
      return SIZEOF_ARRAY + (maxEntries + 1) * valueSize;
  }
}

/** @source kernel/bpf/bloom_filter.c bloom_map_alloc */
function bloomBytes(maxEntries: number, hashes: number): number {
  const bits = powerOfTwo(Math.floor((maxEntries * (hashes === 0 ? BLOOM_HASHES : hashes) * 7) / 5));
  return roundUp(bits / 8, 8);
}

function hashMemory(map: BpfMap, cpus: number): number {
  const { kind, maxEntries, keySize, valueSize, flags } = map.spec;
  const percpu = kind === "percpu_hash" || kind === "lru_percpu_hash";
  const lru = kind === "lru_hash" || kind === "lru_percpu_hash";
  const value = kind === "hash_of_maps" ? POINTER : valueSize;
  const elem = SIZEOF_HTAB_ELEM + roundUp(keySize, 8) + (percpu ? POINTER : roundUp(value, 8));
  const percpuValues = percpu ? roundUp(value, 8) * cpus : 0;
  const base = SIZEOF_HTAB + SIZEOF_BUCKET * powerOfTwo(maxEntries);
  if ((flags & BPF_F_NO_PREALLOC) !== 0) {
    return base + map.count() * (elem + SIZEOF_LLIST_NODE + percpuValues + (percpu ? SIZEOF_LLIST_NODE + POINTER : 0));
  }
  const spare = kind === "hash" ? cpus : 0;
  const lists = percpu || lru ? 0 : POINTER * cpus;
  return base + (maxEntries + spare) * (elem + percpuValues) + lists;
}
