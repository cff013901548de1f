/**
 * BPF_MAP_TYPE_DEVMAP_HASH: devices by any u32, the targets of bpf_redirect_map. Buckets are the key's low bits.
 *
 *     slot: u32 ifindex | u32 program id          columns: key, next in bucket
 *
 * @source kernel/bpf/devmap.c dev_map_hash_*; errno and order of keys asked of Linux 6.18
 */
import type { MapContext, MapTypeDef } from "../map.ts";
import { BPF_EXIST, BPF_NOEXIST } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { indexAt } from "./array.ts";
import { bytesOfU32, mustAlloc, u32Of } from "./base-map.ts";
import { checkDevmap, DevmapBase } from "./devmap-entry.ts";
import { E2BIG, EEXIST, EINVAL, ENOENT, ENOMEM } from "./errno.ts";
import { invalid } from "./flags.ts";
import { Slab } from "./slab.ts";

// words of an element
const KEY = 2;
const NEXT = 3;
const ELEMENT_BYTES = 16;

/** A hash map of devices. */
class DevmapHashMap extends DevmapBase {
  private readonly buckets: number;
  private readonly bucketBytes: number;
  private readonly mask: number;
  private readonly slots: Slab;
  private readonly maxEntries: number;
  private items: number = 0;

  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx);
    this.maxEntries = spec.maxEntries;
    const buckets = spec.maxEntries > 1 ? 2 ** (32 - Math.clz32(spec.maxEntries - 1)) : 1;
    this.mask = buckets - 1;
    this.bucketBytes = buckets * 4;
    this.buckets = mustAlloc(this.arena.alloc(this.bucketBytes), spec, this.bucketBytes) >>> 2;
    this.slots = new Slab(this.arena, {
      strideBytes: ELEMENT_BYTES,
      region: { strideBytes: ELEMENT_BYTES, valueBytes: spec.valueSize, writable: false, label: this.label },
      linkOffset: NEXT * 4,
      maxRecords: spec.maxEntries,
    });
  }

  override lookup(key: number, _cpu: number): number {
    return this.find(indexAt(this.arena.u8, key));
  }

  ifindexOf(key: number): number {
    const el = this.find(key);
    return el === 0 ? 0 : this.arena.u32[el >>> 2]!;
  }

  nextDevice(key: number): number {
    const i32 = this.arena.i32;
    let bucket = 0;
    const el = key < 0 ? 0 : this.find(key);
    if (el !== 0) {
      const next = i32[(el >>> 2) + NEXT]!;
      if (next !== 0) return i32[(next >>> 2) + KEY]! >>> 0;
      bucket = (key & this.mask) + 1;
    }
    for (; bucket <= this.mask; bucket++) {
      const head = i32[this.buckets + bucket]!;
      if (head !== 0) return i32[(head >>> 2) + KEY]! >>> 0;
    }
    return -1;
  }

  removeDevice(ifindex: number): void {
    for (let key = this.nextDevice(-1); key >= 0; ) {
      const next = this.nextDevice(key);
      if (this.ifindexOf(key) === ifindex) this.unlink(key);
      key = next;
    }
  }

  nextKey(key: Uint8Array | null): Uint8Array | null {
    if (!this.userMayRead) return null;
    const next = this.nextDevice(key === null || key.length !== 4 ? -1 : u32Of(key));
    return next < 0 ? null : bytesOfU32(next);
  }

  read(key: Uint8Array): Uint8Array | null {
    if (!this.userMayRead || key.length !== 4) return null;
    const el = this.find(u32Of(key));
    return el === 0 ? null : this.copyOut(el);
  }

  count(): number {
    return this.items;
  }

  destroy(): void {
    this.programs.clear();
    this.slots.destroy();
    this.arena.free(this.buckets << 2, this.bucketBytes);
    this.items = 0;
  }

  /** BPF_EXIST on a missing key inserts, as on Linux. */
  protected writeChecked(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (flags >>> 0 > BPF_EXIST) return -EINVAL;
    const k = u32Of(key);
    const err = this.checkEntry(value, k, false);
    if (err !== 0) return err;
    const old = this.find(k);
    if (old !== 0) {
      if ((flags & BPF_NOEXIST) !== 0) return -EEXIST;
      this.storeEntry(old, value);
      this.unhook(old);
      this.hook(old, k);
      return 0;
    }
    if (this.items >= this.maxEntries) return -E2BIG;
    const el = this.slots.take();
    if (el === 0) return -ENOMEM;
    this.storeEntry(el, value);
    this.hook(el, k);
    this.items++;
    return 0;
  }

  protected override removeChecked(key: Uint8Array): number {
    return this.unlink(u32Of(key)) ? 0 : -ENOENT;
  }

  private find(key: number): number {
    const i32 = this.arena.i32;
    const wanted = key | 0;
    let el = i32[this.buckets + (wanted & this.mask)]!;
    while (el !== 0 && i32[(el >>> 2) + KEY] !== wanted) el = i32[(el >>> 2) + NEXT]!;
    return el;
  }

  private hook(el: number, key: number): void {
    const i32 = this.arena.i32;
    const bucket = this.buckets + (key & this.mask);
    i32[(el >>> 2) + KEY] = key;
    i32[(el >>> 2) + NEXT] = i32[bucket]!;
    i32[bucket] = el;
  }

  private unhook(el: number): void {
    const i32 = this.arena.i32;
    let at = this.buckets + (i32[(el >>> 2) + KEY]! & this.mask);
    while (i32[at] !== el) at = (i32[at]! >>> 2) + NEXT;
    i32[at] = i32[(el >>> 2) + NEXT]!;
  }

  private unlink(key: number): boolean {
    const el = this.find(key);
    if (el === 0) return false;
    this.unhook(el);
    this.slots.give(el);
    this.programs.delete(key);
    this.items--;
    return true;
  }
}

/** `devmap_hash`. */
export const devmapHashType: MapTypeDef = {
  kind: "devmap_hash",
  uapi: 25,
  since: "5.4",
  typed: "none",
  user: { take: false, batch: "none" },
  check(spec) {
    return checkDevmap(spec) ?? (spec.maxEntries > 2 ** 31 ? invalid("max_entries is above 2^31") : null);
  },
  create: (spec, ctx) => new DevmapHashMap(spec, ctx),
};
