/**
 * BPF_MAP_TYPE_ARRAY: values by index, all there from the beginning, laid out flat. Also the maps of data sections.
 * @source kernel/bpf/arraymap.c; errno asked of Linux 6.18 (test/bpf/maps/errno.test.ts)
 */
import type { InlineArray, MapContext, MapTypeDef } from "../map.ts";
import { BPF_EXIST, BPF_NOEXIST } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { BaseMap, bytesOfU32, mustAlloc, u32Of, valueStride } from "./base-map.ts";
import { E2BIG, EEXIST, EINVAL, ENOMEM } from "./errno.ts";
import {
  ACCESS_FLAGS,
  BPF_F_INNER_MAP,
  BPF_F_LOCK,
  BPF_F_MMAPABLE,
  BPF_F_NUMA_NODE,
  checkFlags,
  checkKeySize,
  checkMaxEntries,
  checkValueSize,
} from "./flags.ts";

/** What array and percpu_array share: values by index that are all there, laid out flat, one such array for each CPU or one at all. */
export abstract class FlatArrayMap extends BaseMap {
  override readonly inlineArray: InlineArray;
  protected readonly base: number;
  protected readonly stride: number;
  protected readonly maxEntries: number;

  /** @param valueCpus 0: one value; otherwise one for each CPU */
  constructor(spec: MapSpec, ctx: MapContext, valueCpus: number) {
    super(spec, ctx);
    this.stride = valueStride(spec);
    this.maxEntries = spec.maxEntries;
    const cpuBytes = this.stride * spec.maxEntries;
    const bytes = valueCpus === 0 ? cpuBytes : cpuBytes * valueCpus;
    this.base = mustAlloc(
      this.arena.allocRegion({
        sizeBytes: bytes,
        strideBytes: this.stride,
        valueBytes: spec.valueSize,
        writable: this.programsMayWrite,
        label: this.label,
      }),
      spec,
      bytes,
    );
    const cpuStride = valueCpus === 0 ? 0 : cpuBytes;
    const copiedBytes = this.fields.length === 0 ? spec.valueSize : 0;
    this.inlineArray = { base: this.base, stride: this.stride, cpuStride, maxEntries: spec.maxEntries, copiedBytes };
  }

  nextKey(key: Uint8Array | null): Uint8Array | null {
    return !this.userMayRead ? null : nextIndex(key, this.maxEntries);
  }

  count(): number {
    return this.maxEntries;
  }

  destroy(): void {
    if (this.fields.length > 0) {
      const { base, cpuStride, stride } = this.inlineArray;
      for (let cpu = 0; cpu < this.numCpus; cpu++) {
        for (let i = 0; i < this.maxEntries; i++) this.dropFields(base + cpu * cpuStride + i * stride);
      }
    }
    this.arena.freeRegion(this.base);
  }

  override writeKey(value: number, to: number): void {
    this.arena.u32[to >>> 2] = (value - this.base) / this.stride;
  }
}

/** An array, or a data section's only value. */
class ArrayMap extends FlatArrayMap {
  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx, 0);
    if (spec.data !== null) this.arena.u8.set(spec.data.subarray(0, spec.valueSize), this.base);
  }

  override lookup(key: number, _cpu: number): number {
    const index = indexAt(this.arena.u8, key);
    return index < this.maxEntries ? this.base + index * this.stride : 0;
  }

  /** @source array_map_update_elem: the flags before the index, the index before BPF_NOEXIST */
  override update(key: number, value: number, flags: number, _cpu: number): number {
    return this.store(indexAt(this.arena.u8, key), value, flags);
  }

  read(key: Uint8Array): Uint8Array | null {
    if (!this.userMayRead || key.length !== 4) return null;
    const index = u32Of(key);
    return index < this.maxEntries ? this.copyOut(this.base + index * this.stride) : null;
  }

  protected writeChecked(key: Uint8Array, value: Uint8Array, flags: number): number {
    const src = this.takeUser(value);
    if (src === 0) return -ENOMEM;
    const err = this.store(u32Of(key), src, flags);
    this.dropUser(src, value);
    return err;
  }

  private store(index: number, value: number, flags: number): number {
    const err = arrayUpdateError(flags, index, this.maxEntries, this.spinLockOffset >= 0);
    if (err !== 0) return err;
    const at = this.base + index * this.stride;
    this.storeValue(at, value);
    this.dropFields(at);
    return 0;
  }
}

/** What an array's update answers before it stores anything; 0: go on. */
export function arrayUpdateError(flags: number, index: number, maxEntries: number, hasLock: boolean): number {
  if ((flags & ~BPF_F_LOCK) >>> 0 > BPF_EXIST) return -EINVAL;
  if (index >= maxEntries) return -E2BIG;
  if ((flags & BPF_NOEXIST) !== 0) return -EEXIST;
  return (flags & BPF_F_LOCK) !== 0 && !hasLock ? -EINVAL : 0;
}

/** The u32 index at any address. */
export function indexAt(u8: Uint8Array, addr: number): number {
  return (u8[addr]! | (u8[addr + 1]! << 8) | (u8[addr + 2]! << 16) | (u8[addr + 3]! << 24)) >>> 0;
}

/** The index after a key; a missing, short or too large key starts over. @source array_map_get_next_key */
export function nextIndex(key: Uint8Array | null, maxEntries: number): Uint8Array | null {
  if (key === null || key.length !== 4) return bytesOfU32(0);
  const index = u32Of(key);
  if (index >= maxEntries) return bytesOfU32(0);
  return index === maxEntries - 1 ? null : bytesOfU32(index + 1);
}

/** `array`. */
export const arrayType: MapTypeDef = {
  kind: "array",
  uapi: 2,
  since: "3.19",
  typed: "int key",
  user: { take: false, batch: "fixed" },
  check(spec) {
    return (
      checkMaxEntries(spec) ??
      checkKeySize(spec, 4) ??
      checkFlags(spec, BPF_F_NUMA_NODE | BPF_F_MMAPABLE | BPF_F_INNER_MAP | ACCESS_FLAGS) ??
      checkValueSize(spec, false)
    );
  },
  create: (spec, ctx) => new ArrayMap(spec, ctx),
};
