/**
 * BPF_MAP_TYPE_PERCPU_HASH: each key has a value for each CPU; programs see the one of the CPU they run on.
 * @source kernel/bpf/hashtab.c htab_percpu_map_*; errno asked of Linux 6.18
 */
import type { MapContext, MapTypeDef } from "../map.ts";
import { BPF_EXIST, BPF_NOEXIST } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { valueStride } from "./base-map.ts";
import { E2BIG, EEXIST, EINVAL, ENOENT, ENOMEM } from "./errno.ts";
import { checkHash } from "./hash.ts";
import { TableMap } from "./table-map.ts";

/** The part that the plain and the LRU per-CPU hash share: user space's view of all CPUs' values. */
export abstract class PercpuHashBase extends TableMap {
  override readonly numCpus: number;

  constructor(spec: MapSpec, ctx: MapContext, capacity: number, lru: boolean) {
    super(spec, ctx, { capacity, numCpus: ctx.numCpus, lru });
    this.numCpus = ctx.numCpus;
  }

  /**
   * Finds or makes the element of a key by the rules of the flags.
   * @returns the element, or -errno
   */
  protected abstract elementFor(key: number, flags: number, cpu: number): number;
  /** The element that `elementFor` answered was made new by it. */
  protected isNew: boolean = false;

  protected override updateNew(key: number, value: number, flags: number, cpu: number): number {
    if (flags >>> 0 > BPF_EXIST) return -EINVAL;
    const el = this.elementFor(key, flags, cpu);
    if (el < 0) return el;
    if (this.isNew) this.table.zeroOtherCpus(el, cpu);
    this.storeValue(this.table.valueOf(el, cpu), value);
    return 0;
  }

  override read(key: Uint8Array): Uint8Array | null {
    const el = this.elementForUser(key);
    if (el === 0) return null;
    const stride = valueStride(this.spec);
    const out = new Uint8Array(this.userValueBytes);
    for (let cpu = 0; cpu < this.numCpus; cpu++) {
      const at = this.table.valueOf(el, cpu);
      out.set(this.copyOut(at), cpu * stride);
    }
    return out;
  }

  override get userValueBytes(): number {
    return valueStride(this.spec) * this.numCpus;
  }

  protected override writeChecked(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (flags >>> 0 > BPF_EXIST) return -EINVAL;
    const el = this.elementFor(this.table.stageUser(key), flags, 0);
    if (el < 0) return el;
    const stride = valueStride(this.spec);
    for (let cpu = 0; cpu < this.numCpus; cpu++) {
      const at = cpu * stride;
      this.arena.u8.set(value.subarray(at, at + this.spec.valueSize), this.table.valueOf(el, cpu));
    }
    return 0;
  }
}

/** A per-CPU hash map. */
class PercpuHashMap extends PercpuHashBase {
  private readonly maxEntries: number;

  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx, spec.maxEntries, false);
    this.maxEntries = spec.maxEntries;
  }

  override update(key: number, value: number, flags: number, cpu: number): number {
    return this.fields.length === 0 ? super.update(key, value, flags, cpu) : this.updateNew(key, value, flags, cpu);
  }

  protected elementFor(key: number, flags: number, _cpu: number): number {
    this.isNew = false;
    const old = this.table.find(key);
    if (old !== 0) return (flags & BPF_NOEXIST) !== 0 ? -EEXIST : old;
    if ((flags & BPF_EXIST) !== 0) return -ENOENT;
    if (this.table.count >= this.maxEntries) return -E2BIG;
    const el = this.table.take();
    if (el === 0) return -ENOMEM;
    this.table.insert(el, key);
    this.isNew = true;
    return el;
  }
}

/** `percpu_hash`. */
export const percpuHashType: MapTypeDef = {
  kind: "percpu_hash",
  uapi: 5,
  since: "4.6",
  user: { take: true, batch: "buckets" },
  check: (spec) => checkHash(spec, { perCpu: true, lru: false }),
  create: (spec, ctx) => new PercpuHashMap(spec, ctx),
};
