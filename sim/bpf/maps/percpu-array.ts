/**
 * BPF_MAP_TYPE_PERCPU_ARRAY: an array of which each CPU has its own copy; programs see the one of the CPU they run on.
 *
 *     base: | CPU 0: value 0, value 1, ... | CPU 1: value 0, ... | ...
 *
 * @source kernel/bpf/arraymap.c percpu_array_map_*; errno asked of Linux 6.18
 */
import type { MapContext, MapTypeDef } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { arrayUpdateError, FlatArrayMap, indexAt } from "./array.ts";
import { u32Of } from "./base-map.ts";
import { EINVAL } from "./errno.ts";
import { ACCESS_FLAGS, checkFlags, checkKeySize, checkMaxEntries, checkValueSize } from "./flags.ts";

/** An array per CPU. */
class PercpuArrayMap extends FlatArrayMap {
  override readonly numCpus: number;
  private readonly cpuStride: number;

  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx, ctx.numCpus);
    this.numCpus = ctx.numCpus;
    this.cpuStride = this.inlineArray.cpuStride;
  }

  override lookup(key: number, cpu: number): number {
    const index = indexAt(this.arena.u8, key);
    return index < this.maxEntries ? this.base + cpu * this.cpuStride + index * this.stride : 0;
  }

  override update(key: number, value: number, flags: number, cpu: number): number {
    const index = indexAt(this.arena.u8, key);
    const err = arrayUpdateError(flags, index, this.maxEntries, false);
    if (err !== 0) return err;
    const at = this.base + cpu * this.cpuStride + index * this.stride;
    this.storeValue(at, value);
    this.dropFields(at);
    return 0;
  }

  read(key: Uint8Array): Uint8Array | null {
    if (!this.userMayRead || key.length !== 4) return null;
    const index = u32Of(key);
    if (index >= this.maxEntries) return null;
    const out = new Uint8Array(this.userValueBytes);
    for (let cpu = 0; cpu < this.numCpus; cpu++) {
      const at = this.base + cpu * this.cpuStride + index * this.stride;
      out.set(this.copyOut(at), cpu * this.stride);
    }
    return out;
  }

  override get userValueBytes(): number {
    return this.stride * this.numCpus;
  }

  protected writeChecked(key: Uint8Array, value: Uint8Array, flags: number): number {
    const index = u32Of(key);
    const err = percpuUpdateError(flags, index, this.maxEntries);
    if (err !== 0) return err;
    for (let cpu = 0; cpu < this.numCpus; cpu++) {
      const at = cpu * this.stride;
      this.arena.u8.set(
        value.subarray(at, at + this.spec.valueSize),
        this.base + cpu * this.cpuStride + index * this.stride,
      );
    }
    return 0;
  }
}

/** User space's flags: BPF_F_LOCK is refused before anything else. @source bpf_percpu_array_update */
function percpuUpdateError(flags: number, index: number, maxEntries: number): number {
  return flags >>> 0 > 2 ? -EINVAL : arrayUpdateError(flags, index, maxEntries, false);
}

/** `percpu_array`. */
export const percpuArrayType: MapTypeDef = {
  kind: "percpu_array",
  uapi: 6,
  since: "4.6",
  typed: "int key",
  user: { take: false, batch: "fixed" },
  check(spec) {
    return (
      checkMaxEntries(spec) ?? checkKeySize(spec, 4) ?? checkFlags(spec, ACCESS_FLAGS) ?? checkValueSize(spec, true)
    );
  },
  create: (spec, ctx) => new PercpuArrayMap(spec, ctx),
};
