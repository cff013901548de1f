/**
 * BPF_MAP_TYPE_LRU_PERCPU_HASH: an LRU hash map whose values exist once for each CPU.
 * @source kernel/bpf/hashtab.c htab_lru_percpu_map_*, __htab_lru_percpu_map_update_elem; errno asked of Linux 6.18
 */
import type { MapContext, MapTypeDef } from "../map.ts";
import { BPF_EXIST, BPF_NOEXIST } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { EEXIST, ENOENT, ENOMEM } from "./errno.ts";
import { checkHash } from "./hash.ts";
import { createLru, lruCapacity } from "./lru-hash.ts";
import type { Lru } from "./lru-lists.ts";
import { PercpuHashBase } from "./percpu-hash.ts";

/** An LRU per-CPU hash map. */
class LruPercpuHashMap extends PercpuHashBase {
  private readonly lru: Lru;

  constructor(spec: MapSpec, ctx: MapContext) {
    const capacity = lruCapacity(spec, ctx.numCpus);
    super(spec, ctx, capacity, true);
    this.lru = createLru(spec, ctx, this.table, capacity);
  }

  override update(key: number, value: number, flags: number, cpu: number): number {
    return this.updateNew(key, value, flags, cpu);
  }

  override delete(key: number): number {
    const el = this.table.find(key);
    if (el === 0) return -ENOENT;
    this.table.remove(el);
    this.lru.pushFree(el);
    return 0;
  }

  override destroy(): void {
    this.lru.destroy();
    super.destroy();
  }

  /** An element is taken first unless BPF_EXIST is given, and goes back when the key was there. */
  protected elementFor(key: number, flags: number, cpu: number): number {
    this.isNew = false;
    const exist = (flags & BPF_EXIST) !== 0;
    const el = exist ? 0 : this.lru.popFree(cpu);
    if (!exist && el === 0) return -ENOMEM;
    const old = this.table.find(key);
    if (old === 0) {
      if (exist) return -ENOENT;
      this.table.insert(el, key);
      this.isNew = true;
      return el;
    }
    if (el !== 0) this.lru.pushFree(el);
    if ((flags & BPF_NOEXIST) !== 0) return -EEXIST;
    this.lru.touch(old);
    return old;
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
