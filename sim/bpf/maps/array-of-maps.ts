/**
 * BPF_MAP_TYPE_ARRAY_OF_MAPS: maps by index. A slot in the arena holds the inner map's handle or 0.
 * @source kernel/bpf/arraymap.c array_of_maps_*; errno asked of Linux 6.18
 */
import type { BpfMap, MapTypeDef } from "../map.ts";
import { indexAt } from "./array.ts";
import { FdArrayMap } from "./fd-array.ts";
import { BPF_F_NUMA_NODE, BPF_F_RDONLY, BPF_F_WRONLY, checkFdArray } from "./flags.ts";
import { checkInner, innerOfId } from "./map-in-map.ts";

class ArrayOfMapsMap extends FdArrayMap<BpfMap> {
  /** @returns the inner map's handle, or 0 */
  override lookup(key: number, _cpu: number): number {
    const index = indexAt(this.arena.u8, key);
    return index < this.maxEntries ? this.arena.i32[(this.base >>> 2) + index]! : 0;
  }

  protected ofId(id: number): BpfMap | number {
    return innerOfId(this.spec, this.ctx, id);
  }

  protected wordOf(map: BpfMap): number {
    return map.handle;
  }
}

/** `array_of_maps`. */
export const arrayOfMapsType: MapTypeDef = {
  kind: "array_of_maps",
  uapi: 12,
  since: "4.12",
  typed: "none",
  user: { take: false, batch: "fixed" },
  check: (spec) => checkFdArray(spec, BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY) ?? checkInner(spec),
  create: (spec, ctx) => new ArrayOfMapsMap(spec, ctx),
};
