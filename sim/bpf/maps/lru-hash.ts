/**
 * BPF_MAP_TYPE_LRU_HASH: a hash map that makes room by evicting what was not used for long. See code/lru-code.ts.
 * Programs' lookups set an element's reference bit, user space's do not.
 * @source kernel/bpf/hashtab.c htab_lru_map_*; errno asked of Linux 6.18
 * @differs user space works on CPU 0; on Linux on the CPU that its process happens to run on
 */
import type { MapContext, MapTypeDef } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { BPF_F_NO_COMMON_LRU } from "./flags.ts";
import { checkHash } from "./hash.ts";
import type { LruKind } from "./lru-state.ts";
import { TableMap } from "./table-map.ts";

/** An LRU hash map. */
class LruHashMap extends TableMap {
  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx, { capacity: lruCapacity(spec, ctx.numCpus), numCpus: 0, lru: lruKind(spec) });
  }
}

/** With BPF_F_NO_COMMON_LRU every CPU gets the same share: max_entries is rounded up. @source htab_map_alloc */
export function lruCapacity(spec: MapSpec, numCpus: number): number {
  if ((spec.flags & BPF_F_NO_COMMON_LRU) === 0) return spec.maxEntries;
  return Math.ceil(spec.maxEntries / numCpus) * numCpus;
}

/** The lists that the flags ask for. */
export function lruKind(spec: MapSpec): LruKind {
  return (spec.flags & BPF_F_NO_COMMON_LRU) !== 0 ? "percpu" : "common";
}

/** `lru_hash`. */
export const lruHashType: MapTypeDef = {
  kind: "lru_hash",
  uapi: 9,
  since: "4.10",
  user: { take: true, batch: "buckets" },
  check: (spec) => checkHash(spec, { perCpu: false, lru: true }),
  create: (spec, ctx) => new LruHashMap(spec, ctx),
};
