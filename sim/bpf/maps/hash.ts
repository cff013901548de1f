/**
 * BPF_MAP_TYPE_HASH.
 * @source kernel/bpf/hashtab.c htab_map_*; errno asked of Linux 6.18 (test/bpf/maps/errno.test.ts)
 * @differs memory is taken when elements are, with BPF_F_NO_PREALLOC and without
 * @differs an element that was deleted may be reused at once, as Linux does without BPF_F_NO_PREALLOC; with it, Linux waits
 *          until the program that holds its address has ended
 */
import type { MapContext, MapTypeDef } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import {
  ACCESS_FLAGS,
  BPF_F_NO_COMMON_LRU,
  BPF_F_NO_PREALLOC,
  BPF_F_NUMA_NODE,
  BPF_F_ZERO_SEED,
  checkFlags,
  checkMaxEntries,
  checkValueSize,
  invalid,
  KMALLOC_MAX_SIZE,
  type Refusal,
  tooBig,
} from "./flags.ts";
import { TableMap } from "./table-map.ts";

/** A hash map. */
class HashMap extends TableMap {
  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx, { capacity: spec.maxEntries, numCpus: 0 });
  }
}

/** What all hash maps check. @source htab_map_alloc_check */
export function checkHash(spec: MapSpec, kind: { readonly perCpu: boolean; readonly lru: boolean }): Refusal | null {
  const allowed = BPF_F_NO_PREALLOC | BPF_F_NO_COMMON_LRU | BPF_F_NUMA_NODE | BPF_F_ZERO_SEED | ACCESS_FLAGS;
  const flags = checkFlags(spec, allowed);
  if (flags !== null) return flags;
  const has = (flag: number): boolean => (spec.flags & flag) !== 0;
  if (!kind.lru && has(BPF_F_NO_COMMON_LRU)) return invalid("BPF_F_NO_COMMON_LRU is for LRU maps");
  if (kind.lru && has(BPF_F_NO_PREALLOC)) return { errno: 524, reason: "LRU maps are always preallocated" };
  if (has(BPF_F_NUMA_NODE) && (kind.perCpu || has(BPF_F_NO_COMMON_LRU))) {
    return invalid("BPF_F_NUMA_NODE is not for per-CPU maps");
  }
  if (spec.keySize === 0) return invalid("key_size is 0");
  const empty = checkMaxEntries(spec) ?? (spec.valueSize === 0 ? invalid("value_size is 0") : null);
  if (empty !== null) return empty;
  if (spec.keySize + spec.valueSize >= KMALLOC_MAX_SIZE - HTAB_ELEM_BYTES) {
    return tooBig(`key_size ${spec.keySize} and value_size ${spec.valueSize} exceed what an element may take`);
  }
  if (spec.maxEntries > MAX_BUCKETS) return tooBig(`max_entries ${spec.maxEntries} is above ${MAX_BUCKETS}`);
  return kind.perCpu ? checkValueSize(spec, true) : null;
}

/** sizeof(struct htab_elem) on x86-64. */
const HTAB_ELEM_BYTES = 48;
/** Buckets of 16 bytes must be fewer than 2^32 bytes. @source htab_map_alloc */
export const MAX_BUCKETS: number = 2 ** 27;

/** `hash`. */
export const hashType: MapTypeDef = {
  kind: "hash",
  uapi: 1,
  since: "3.19",
  user: { take: true, batch: "buckets" },
  check: (spec) => checkHash(spec, { perCpu: false, lru: false }),
  create: (spec, ctx) => new HashMap(spec, ctx),
};
