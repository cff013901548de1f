/**
 * BPF_MAP_TYPE_LRU_PERCPU_HASH: an LRU hash map whose values exist once for each CPU.
 * @source kernel/bpf/hashtab.c htab_lru_percpu_map_*, __htab_lru_percpu_map_update_elem; errno asked of Linux 6.18
 */
import type { MapContext, MapTypeDef } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { checkHash } from "./hash.ts";
import { lruCapacity, lruKind } from "./lru-hash.ts";
import { PercpuHashBase } from "./percpu-hash.ts";

/** An LRU per-CPU hash map. */
class LruPercpuHashMap extends PercpuHashBase {
  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx, lruCapacity(spec, ctx.numCpus), lruKind(spec));
  }
}

/** `lru_percpu_hash`. */
export const lruPercpuHashType: MapTypeDef = {
  kind: "lru_percpu_hash",
  uapi: 10,
  since: "4.10",
  user: { take: true, batch: "buckets" },
  check: (spec) => checkHash(spec, { perCpu: true, lru: true }),
  create: (spec, ctx) => new LruPercpuHashMap(spec, ctx),
};
