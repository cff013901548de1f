/**
 * BPF_MAP_TYPE_PERCPU_HASH: each key has a value for each CPU; programs see the one of the CPU they run on.
 * @source kernel/bpf/hashtab.c htab_percpu_map_*; errno asked of Linux 6.18
 */
import type { MapContext, MapTypeDef } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { valueStride } from "./base-map.ts";
import { checkHash } from "./hash.ts";
import type { LruKind } from "./lru-state.ts";
import { TableMap } from "./table-map.ts";

/** The part that the plain and the LRU per-CPU hash share: user space's view of all CPUs' values. */
export abstract class PercpuHashBase extends TableMap {
  override readonly numCpus: number;

  constructor(spec: MapSpec, ctx: MapContext, capacity: number, lru?: LruKind) {
    super(spec, ctx, { capacity, numCpus: ctx.numCpus, ...(lru === undefined ? {} : { lru }) });
    this.numCpus = ctx.numCpus;
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

  /** The element is made or found as a program's update on CPU 0 does, then the other CPUs' values follow. */
  protected override writeChecked(key: Uint8Array, value: Uint8Array, flags: number): number {
    const { valueSize } = this.spec;
    const staged = this.table.stageUser(key);
    const err = this.updateFromUser(staged, value.subarray(0, valueSize), flags);
    if (err !== 0) return err;
    const el = this.table.find(staged);
    const stride = valueStride(this.spec);
    for (let cpu = 1; cpu < this.numCpus; cpu++) {
      this.copyIn(this.table.valueOf(el, cpu), value.subarray(cpu * stride, cpu * stride + valueSize));
    }
    return 0;
  }
}

/** A per-CPU hash map. */
class PercpuHashMap extends PercpuHashBase {
  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx, spec.maxEntries);
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
