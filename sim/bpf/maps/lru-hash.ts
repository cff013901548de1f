/**
 * BPF_MAP_TYPE_LRU_HASH: a hash map that makes room by evicting what was not used for long. See lru-lists.ts.
 * Programs' lookups set an element's reference bit, user space's do not.
 * @source kernel/bpf/hashtab.c htab_lru_map_*; errno asked of Linux 6.18
 * @differs user space works on CPU 0; on Linux on the CPU that its process happens to run on
 */
import type { MapContext, MapTypeDef } from "../map.ts";
import { BPF_EXIST, BPF_NOEXIST } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { EEXIST, EINVAL, ENOENT, ENOMEM } from "./errno.ts";
import { BPF_F_NO_COMMON_LRU } from "./flags.ts";
import { checkHash } from "./hash.ts";
import type { HashTable } from "./hash-table.ts";
import { CommonLru, type Lru, PercpuLru } from "./lru-lists.ts";
import { TableMap } from "./table-map.ts";

/** An LRU hash map. */
class LruHashMap extends TableMap {
  private readonly lru: Lru;

  constructor(spec: MapSpec, ctx: MapContext) {
    const capacity = lruCapacity(spec, ctx.numCpus);
    super(spec, ctx, { capacity, numCpus: 0, lru: true });
    this.lru = createLru(spec, ctx, this.table, capacity);
  }

  /**
   * A new element is taken before the key is looked for, so even an update that fails may evict.
   * @source htab_lru_map_update_elem
   */
  override update(key: number, value: number, flags: number, cpu: number): number {
    if (flags >>> 0 > BPF_EXIST) return -EINVAL;
    const table = this.table;
    const el = this.lru.popFree(cpu);
    if (el === 0) return -ENOMEM;
    this.storeValue(el, value);
    const old = table.find(key);
    if (old === 0 ? (flags & BPF_EXIST) !== 0 : (flags & BPF_NOEXIST) !== 0) {
      this.lru.pushFree(el);
      return old === 0 ? -ENOENT : -EEXIST;
    }
    table.insert(el, key);
    if (old !== 0) {
      this.lru.touch(el);
      table.remove(old);
      this.lru.pushFree(old);
    }
    return 0;
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
}

/** With BPF_F_NO_COMMON_LRU every CPU gets the same share: max_entries is rounded up. @source htab_map_alloc */
export function lruCapacity(spec: MapSpec, numCpus: number): number {
  if ((spec.flags & BPF_F_NO_COMMON_LRU) === 0) return spec.maxEntries;
  return Math.ceil(spec.maxEntries / numCpus) * numCpus;
}

/** The lists that the flags ask for. */
export function createLru(spec: MapSpec, ctx: MapContext, table: HashTable, capacity: number): Lru {
  return (spec.flags & BPF_F_NO_COMMON_LRU) !== 0
    ? new PercpuLru(ctx.arena, spec, table, capacity, ctx.numCpus)
    : new CommonLru(ctx.arena, spec, table, capacity, ctx.numCpus);
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
