/**
 * BPF_MAP_TYPE_DEVMAP: devices by index, the targets of bpf_redirect_map.
 * @source kernel/bpf/devmap.c dev_map_*; errno asked of Linux 6.18
 */
import type { MapContext, MapTypeDef } from "../map.ts";
import { BPF_EXIST, BPF_NOEXIST } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { indexAt, nextIndex } from "./array.ts";
import { mustAlloc, u32Of } from "./base-map.ts";
import { checkDevmap, DEVMAP_STRIDE, DevmapBase } from "./devmap-entry.ts";
import { E2BIG, EEXIST, EINVAL } from "./errno.ts";

/** An array of devices. */
class DevmapMap extends DevmapBase {
  private readonly base: number;
  private readonly maxEntries: number;

  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx);
    this.maxEntries = spec.maxEntries;
    const bytes = spec.maxEntries * DEVMAP_STRIDE;
    this.base = mustAlloc(
      this.arena.allocRegion({
        sizeBytes: bytes,
        strideBytes: DEVMAP_STRIDE,
        valueBytes: spec.valueSize,
        writable: false,
        label: this.label,
      }),
      spec,
      bytes,
    );
  }

  override lookup(key: number, _cpu: number): number {
    const index = indexAt(this.arena.u8, key);
    return this.ifindexOf(index) === 0 ? 0 : this.base + index * DEVMAP_STRIDE;
  }

  ifindexOf(key: number): number {
    return key < this.maxEntries ? this.arena.u32[(this.base >>> 2) + key * 2]! : 0;
  }

  nextDevice(key: number): number {
    const u32 = this.arena.u32;
    for (let i = key + 1; i < this.maxEntries; i++) if (u32[(this.base >>> 2) + i * 2] !== 0) return i;
    return -1;
  }

  removeDevice(ifindex: number): void {
    for (let i = this.nextDevice(-1); i >= 0; i = this.nextDevice(i)) if (this.ifindexOf(i) === ifindex) this.clear(i);
  }

  nextKey(key: Uint8Array | null): Uint8Array | null {
    return !this.userMayRead ? null : nextIndex(key, this.maxEntries);
  }

  read(key: Uint8Array): Uint8Array | null {
    if (!this.userMayRead || key.length !== 4) return null;
    const index = u32Of(key);
    return this.ifindexOf(index) === 0 ? null : this.copyOut(this.base + index * DEVMAP_STRIDE);
  }

  /** Slots that hold a device. */
  count(): number {
    let n = 0;
    for (let i = this.nextDevice(-1); i >= 0; i = this.nextDevice(i)) n++;
    return n;
  }

  destroy(): void {
    this.programs.clear();
    this.arena.freeRegion(this.base);
  }

  /** An ifindex of 0 empties the slot. */
  protected writeChecked(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (flags >>> 0 > BPF_EXIST) return -EINVAL;
    const index = u32Of(key);
    if (index >= this.maxEntries) return -E2BIG;
    if (flags === BPF_NOEXIST) return -EEXIST;
    const err = this.checkEntry(value, index, true);
    if (err === 0) this.storeEntry(this.base + index * DEVMAP_STRIDE, value);
    return err;
  }

  /** Emptying an empty slot succeeds. */
  protected override removeChecked(key: Uint8Array): number {
    const index = u32Of(key);
    if (index >= this.maxEntries) return -EINVAL;
    this.clear(index);
    return 0;
  }

  private clear(index: number): void {
    this.programs.delete(index);
    this.arena.u32.fill(0, (this.base >>> 2) + index * 2, (this.base >>> 2) + index * 2 + 2);
  }
}

/** `devmap`. */
export const devmapType: MapTypeDef = {
  kind: "devmap",
  uapi: 14,
  since: "4.14",
  typed: "none",
  user: { take: false, batch: "none" },
  check: checkDevmap,
  create: (spec, ctx) => new DevmapMap(spec, ctx),
};
