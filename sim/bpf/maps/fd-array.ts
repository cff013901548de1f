/**
 * What array_of_maps and prog_array share: things of the kernel by index. A slot in the arena holds the word that compiled code
 * needs of the thing, 0 for an empty slot; user space writes and reads ids, and programs cannot change anything.
 * @source kernel/bpf/arraymap.c fd_array_map_*, bpf_fd_array_map_update_elem; errno asked of Linux 6.18
 */
import type { InlineArray, MapContext } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { nextIndex } from "./array.ts";
import { BaseMap, bytesOfU32, mustAlloc, u32Of } from "./base-map.ts";
import { E2BIG, EINVAL, ENOENT } from "./errno.ts";

/** An array of things that have ids. */
export abstract class FdArrayMap<T extends { readonly id: number }> extends BaseMap {
  /** Slots hold words; 0 means none. */
  override readonly inlineArray: InlineArray;
  protected readonly base: number;
  protected readonly maxEntries: number;
  private readonly held: Map<number, T> = new Map();

  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx);
    this.maxEntries = spec.maxEntries;
    const bytes = spec.maxEntries * 4;
    this.base = mustAlloc(this.arena.alloc(bytes), spec, bytes);
    this.inlineArray = { base: this.base, stride: 4, cpuStride: 0, maxEntries: spec.maxEntries, copiedBytes: 0 };
  }

  /** The thing of an id, when it may stand here. @returns it, or -errno */
  protected abstract ofId(id: number): T | number;
  /** The word that stands for it in its slot, not 0. */
  protected abstract wordOf(held: T): number;

  nextKey(key: Uint8Array | null): Uint8Array | null {
    return !this.userMayRead ? null : nextIndex(key, this.maxEntries);
  }

  read(key: Uint8Array): Uint8Array | null {
    if (!this.userMayRead || key.length !== 4) return null;
    const held = this.held.get(u32Of(key));
    return held === undefined ? null : bytesOfU32(held.id);
  }

  /** Slots that are not empty. */
  count(): number {
    return this.held.size;
  }

  destroy(): void {
    this.held.clear();
    this.arena.free(this.base, this.maxEntries * 4);
  }

  protected writeChecked(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (flags !== 0) return -EINVAL;
    const index = u32Of(key);
    if (index >= this.maxEntries) return -E2BIG;
    const thing = this.ofId(u32Of(value));
    if (typeof thing === "number") return thing;
    this.held.set(index, thing);
    this.arena.u32[(this.base >>> 2) + index] = this.wordOf(thing);
    return 0;
  }

  protected override removeChecked(key: Uint8Array): number {
    const index = u32Of(key);
    if (index >= this.maxEntries) return -E2BIG;
    if (!this.held.delete(index)) return -ENOENT;
    this.arena.u32[(this.base >>> 2) + index] = 0;
    return 0;
  }
}
