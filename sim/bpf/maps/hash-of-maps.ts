/**
 * BPF_MAP_TYPE_HASH_OF_MAPS: maps by key. An element's value is the inner map's handle.
 * @source kernel/bpf/hashtab.c htab_of_map_*; errno asked of Linux 6.18
 */
import type { BpfMap, MapContext, MapTypeDef } from "../map.ts";
import { BPF_EXIST, BPF_NOEXIST } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { bytesOfU32, u32Of } from "./base-map.ts";
import { E2BIG, EEXIST, EINVAL, ENOENT, ENOMEM } from "./errno.ts";
import { invalid } from "./flags.ts";
import { checkHash } from "./hash.ts";
import { checkInner, innerOfId } from "./map-in-map.ts";
import { TableMap } from "./table-map.ts";

/** A hash map of maps. */
class HashOfMapsMap extends TableMap {
  private readonly maxEntries: number;
  private readonly inner: Map<number, BpfMap> = new Map();

  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx, { capacity: spec.maxEntries, numCpus: 0, handles: true });
    this.maxEntries = spec.maxEntries;
  }

  /** An element holds a handle, which no program may overwrite. */
  protected override get programsMayWrite(): boolean {
    return false;
  }

  /** Programs cannot change it. */
  override update(): number {
    return -EINVAL;
  }

  override delete(): number {
    return -EINVAL;
  }

  override read(key: Uint8Array): Uint8Array | null {
    const el = this.elementForUser(key);
    const map = el === 0 ? undefined : this.inner.get(el);
    return map === undefined ? null : bytesOfU32(map.id);
  }

  override destroy(): void {
    this.inner.clear();
    super.destroy();
  }

  /** The map is looked up before the flags are, as Linux does. @source bpf_fd_htab_map_update_elem */
  protected override writeChecked(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (flags === 4) return -EINVAL;
    const map = innerOfId(this.spec, this.ctx, u32Of(value));
    if (typeof map === "number") return map;
    if (flags >>> 0 > BPF_EXIST) return -EINVAL;
    const old = this.table.findUser(key);
    if (old !== 0) {
      if ((flags & BPF_NOEXIST) !== 0) return -EEXIST;
      this.arena.u32[old >>> 2] = map.handle;
      this.inner.set(old, map);
      return 0;
    }
    if ((flags & BPF_EXIST) !== 0) return -ENOENT;
    if (this.table.count >= this.maxEntries) return -E2BIG;
    const el = this.table.take();
    if (el === 0) return -ENOMEM;
    this.arena.u32[el >>> 2] = map.handle;
    this.table.insert(el, this.table.stageUser(key));
    this.inner.set(el, map);
    return 0;
  }

  protected override removeChecked(key: Uint8Array): number {
    const el = this.table.findUser(key);
    if (el === 0) return -ENOENT;
    this.table.remove(el);
    this.table.give(el);
    this.inner.delete(el);
    return 0;
  }
}

/** `hash_of_maps`. */
export const hashOfMapsType: MapTypeDef = {
  kind: "hash_of_maps",
  uapi: 13,
  since: "4.12",
  typed: "none",
  user: { take: false, batch: "buckets" },
  check(spec) {
    if (spec.valueSize !== 4) return invalid(`value_size is ${spec.valueSize}, type hash_of_maps takes 4`);
    return checkHash(spec, { perCpu: false, lru: false }) ?? checkInner(spec);
  },
  create: (spec, ctx) => new HashOfMapsMap(spec, ctx),
};
