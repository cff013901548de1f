/**
 * The chained hash table below all hash maps: buckets and elements lie in the arena, chains are addresses. How an element is found,
 * linked and unlinked is WebAssembly (code/hash-code.ts, where the layout stands), which compiled programs call, too.
 *
 *     element (not per CPU)           element (per CPU)
 *     +0      value, padded to 8      (values lie in a slab of their own: one per CPU, each padded to 8)
 *     +link   the table's words       +0
 *
 * Buckets and the order within one are those of Linux under BPF_F_ZERO_SEED: as many buckets as max_entries rounded up to a
 * power of two, new elements at the head; so `next` walks in Linux's order.
 * @source kernel/bpf/hashtab.c
 */
import { type Arena, roundUp } from "../../engine/arena.ts";
import { releaseState } from "../jit/code-instance.ts";
import type { MapSpec } from "../spec.ts";
import { mustAlloc, valueStride } from "./base-map.ts";
import {
  type HashCode,
  hashCode,
  LINK_HASH,
  LINK_KEY,
  LINK_LRU,
  LINK_NEXT,
  LINK_VALUES,
  TABLE_BUCKETS,
  TABLE_BYTES,
  TABLE_COUNT,
  TABLE_LIMIT,
  TABLE_MASK,
  TABLE_SLAB,
} from "./code/hash-code.ts";
import { wordsOf } from "./code/key.ts";
import { Slab } from "./slab.ts";

/** First of the five words of an element that an LRU uses, counted in words from its link. */
export const LRU_WORD: number = LINK_LRU / 4;

/** How a map uses its table. */
export interface TableUse {
  /** Elements at most; a spare one for replacing is added. */
  readonly capacity: number;
  /** 0: one value; otherwise one for each CPU. */
  readonly numCpus: number;
  /** A lookup by a program sets an element's reference bit. */
  readonly lru?: boolean;
  /** Values are handles of maps. */
  readonly handles?: boolean;
  readonly writable: boolean;
  readonly label: string;
  /** Called with every element that `remove` unlinked. */
  removed?(el: number): void;
  /** What the code leaves to the map: see `HashOwner.updateNew`. */
  updateNew(key: number, value: number, flags: number, cpu: number): number;
}

/** Elements by key. Addresses of elements are stable from `insert` to `remove`. */
export class HashTable {
  /** Address of the state that the code works on. */
  readonly state: number;
  readonly code: HashCode;
  /** Bytes from an element's address to its link. */
  readonly linkOffset: number;
  private readonly arena: Arena;
  private readonly keySize: number;
  private readonly buckets: number;
  private readonly bucketBytes: number;
  private readonly mask: number;
  private readonly scratch: number;
  private readonly scratchBytes: number;
  private readonly records: Slab;
  private readonly values: Slab | null;
  private readonly perCpuStride: number;
  private readonly numCpus: number;
  private readonly removed: ((el: number) => void) | undefined;

  constructor(arena: Arena, spec: MapSpec, use: TableUse) {
    const { capacity, numCpus, writable, label } = use;
    this.arena = arena;
    this.keySize = spec.keySize;
    const stride = valueStride(spec);
    this.linkOffset = numCpus === 0 ? stride : 0;
    this.perCpuStride = numCpus === 0 ? 0 : stride;
    this.numCpus = numCpus;
    this.removed = use.removed;
    const bucketCount = capacity > 1 ? 2 ** (32 - Math.clz32(capacity - 1)) : 1;
    this.mask = bucketCount - 1;
    this.bucketBytes = bucketCount * 4;
    const buckets = mustAlloc(arena.alloc(this.bucketBytes), spec, this.bucketBytes);
    this.buckets = buckets >>> 2;
    this.scratchBytes = wordsOf(spec.keySize) * 4;
    this.scratch = mustAlloc(arena.alloc(this.scratchBytes), spec, this.scratchBytes);
    this.state = mustAlloc(arena.alloc(TABLE_BYTES), spec, TABLE_BYTES);
    this.set(TABLE_BUCKETS, buckets);
    this.set(TABLE_MASK, this.mask);
    this.set(TABLE_LIMIT, spec.maxEntries);
    const region = { strideBytes: stride, valueBytes: spec.valueSize, writable, label };
    const recordBytes = roundUp(this.linkOffset + LINK_KEY + this.scratchBytes, 8);
    this.records = new Slab(arena, {
      strideBytes: recordBytes,
      region: numCpus === 0 ? { ...region, strideBytes: recordBytes } : null,
      linkOffset: this.linkOffset,
      maxRecords: capacity + 1,
      state: this.state + TABLE_SLAB,
    });
    const values = { strideBytes: stride * numCpus, region, linkOffset: -1, maxRecords: capacity + 1 };
    this.values = numCpus === 0 ? null : new Slab(arena, values);
    const layout = {
      keySize: spec.keySize,
      valueBytes: spec.valueSize,
      linkOffset: this.linkOffset,
      cpuStride: this.perCpuStride,
      lru: use.lru ?? false,
      handles: use.handles ?? false,
    };
    this.code = hashCode(arena, layout, this.state, {
      takeNew: () => this.takeNew(),
      updateNew: (key, value, flags, cpu) => use.updateNew(key, value, flags, cpu),
    });
  }

  /** Elements linked now. */
  get count(): number {
    return this.arena.i32[(this.state + TABLE_COUNT) >>> 2]!;
  }

  /** @param key address of keySize bytes, any alignment. @returns the element's address or 0 */
  find(key: number): number {
    return this.code.find(this.state, key);
  }

  /** Like `find`, for a key of user space. */
  findUser(key: Uint8Array): number {
    return this.find(this.stageUser(key));
  }

  /** Puts a key of user space where programs' keys are expected; valid until the next call. @returns its address */
  stageUser(key: Uint8Array): number {
    this.arena.u8.set(key, this.scratch);
    return this.scratch;
  }

  /** An unlinked element, or 0 when memory is used up. Its value is what the last owner left. */
  take(): number {
    return this.withValues(this.records.take());
  }

  /** Like `take`, an element that was never taken. */
  private takeNew(): number {
    return this.withValues(this.records.takeNew());
  }

  private withValues(el: number): number {
    if (el === 0 || this.values === null) return el;
    const w = (el + LINK_VALUES) >>> 2;
    if (this.arena.i32[w] === 0) {
      const values = this.values.take();
      if (values === 0) {
        this.records.give(el);
        return 0;
      }
      this.arena.i32[w] = values;
    }
    return el;
  }

  /** Gives an unlinked element back. */
  give(el: number): void {
    this.records.give(el);
  }

  /** Links an element at the head of its bucket, under the key that the last `find` looked for. */
  insert(el: number, key: number): void {
    this.code.insert(this.state, el, key);
  }

  /** Unlinks an element; its key and value stay readable until it is taken again. @returns false when it was not linked */
  remove(el: number): boolean {
    if (this.code.remove(this.state, el) === 0) return false;
    this.removed?.(el);
    return true;
  }

  /** Address of an element's value for a CPU. */
  valueOf(el: number, cpu: number): number {
    return this.values === null ? el : this.arena.i32[(el + LINK_VALUES) >>> 2]! + cpu * this.perCpuStride;
  }

  /** Zeroes an element's values on all CPUs but one. */
  zeroOtherCpus(el: number, cpu: number): void {
    for (let c = 0; c < this.numCpus; c++) {
      if (c === cpu) continue;
      const at = this.valueOf(el, c);
      this.arena.u8.fill(0, at, at + this.perCpuStride);
    }
  }

  /** Address of an element's key. */
  keyOf(el: number): number {
    return el + this.linkOffset + LINK_KEY;
  }

  /** The element after one in the order of buckets; 0 starts. @returns 0 at the end */
  next(el: number): number {
    const i32 = this.arena.i32;
    let bucket = 0;
    if (el !== 0) {
      const link = el + this.linkOffset;
      const chained = i32[(link + LINK_NEXT) >>> 2]!;
      if (chained !== 0) return chained;
      bucket = (i32[(link + LINK_HASH) >>> 2]! & this.mask) + 1;
    }
    for (; bucket <= this.mask; bucket++) {
      const head = i32[this.buckets + bucket]!;
      if (head !== 0) return head;
    }
    return 0;
  }

  /** Buckets, for user space's batches. */
  get bucketCount(): number {
    return this.mask + 1;
  }

  /** Copies of the keys of a bucket, in its order. */
  keysOfBucket(bucket: number): Uint8Array[] {
    const out: Uint8Array[] = [];
    const i32 = this.arena.i32;
    for (let el = i32[this.buckets + bucket]!; el !== 0; el = i32[(el + this.linkOffset + LINK_NEXT) >>> 2]!) {
      const at = this.keyOf(el);
      out.push(this.arena.u8.slice(at, at + this.keySize));
    }
    return out;
  }

  /** User space's walk: the key after one; null or a key that is not there starts over. */
  nextKey(key: Uint8Array | null): Uint8Array | null {
    const after = key === null || key.length !== this.keySize ? 0 : this.findUser(key);
    const el = this.next(after);
    if (el === 0) return null;
    const at = this.keyOf(el);
    return this.arena.u8.slice(at, at + this.keySize);
  }

  /** Gives all memory back. */
  destroy(): void {
    this.records.destroy();
    this.values?.destroy();
    this.arena.free(this.buckets << 2, this.bucketBytes);
    this.arena.free(this.scratch, this.scratchBytes);
    releaseState(this.arena, this.state);
    this.arena.free(this.state, TABLE_BYTES);
  }

  private set(word: number, value: number): void {
    this.arena.i32[(this.state + word) >>> 2] = value;
  }
}
