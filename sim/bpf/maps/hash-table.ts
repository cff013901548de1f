/**
 * The chained hash table below all hash maps: buckets and elements lie in the arena, chains are addresses. How an element is found,
 * linked and unlinked is WebAssembly (code/hash-code.ts; code/hash-layout.ts has the layout), which compiled programs call, too.
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
import type { SpecialField } from "../btf/special-fields.ts";
import { releaseState } from "../jit/code-instance.ts";
import type { MapSpec } from "../spec.ts";
import { mustAlloc, valueStride } from "./base-map.ts";
import { type HashCode, hashCode } from "./code/hash-code.ts";
import {
  type HashLayout,
  LINK_HASH,
  LINK_KEY,
  LINK_NEXT,
  LINK_VALUES,
  TABLE_BUCKETS,
  TABLE_BYTES,
  TABLE_COUNT,
  TABLE_CPUS,
  TABLE_LIMIT,
  TABLE_LRU,
  TABLE_MASK,
  TABLE_SLAB,
} from "./code/hash-layout.ts";
import { wordsOf } from "./code/key.ts";
import { type LruKind, LruState } from "./lru-state.ts";
import { Slab } from "./slab.ts";

/** How a map uses its table. */
export interface TableUse {
  /** Elements at most; a spare one for replacing is added. */
  readonly capacity: number;
  /** 0: one value; otherwise one for each CPU. */
  readonly numCpus: number;
  /** CPUs of the machine, for an LRU; absent: `numCpus`. */
  readonly machineCpus?: number;
  /** Evicts. */
  readonly lru?: LruKind;
  /** Fields of the value that belong to the kernel, by offset. */
  readonly fields?: readonly SpecialField[];
  /** Values are handles of maps. */
  readonly handles?: boolean;
  readonly writable: boolean;
  readonly label: string;
  /** Called with every element that has left the table. */
  removed?(el: number): void;
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
  private readonly lru: LruState | null;

  constructor(arena: Arena, spec: MapSpec, use: TableUse) {
    const { capacity, numCpus, writable, label } = use;
    this.arena = arena;
    this.keySize = spec.keySize;
    const stride = valueStride(spec);
    this.linkOffset = numCpus === 0 ? stride : 0;
    this.perCpuStride = numCpus === 0 ? 0 : stride;
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
    const lru = use.lru ?? "";
    const cpus = use.machineCpus ?? numCpus;
    this.set(TABLE_CPUS, cpus);
    this.lru = lru === "" ? null : new LruState(arena, spec, lru, capacity, cpus);
    if (this.lru !== null) this.set(TABLE_LRU, this.lru.address);
    const fields = use.fields ?? [];
    const layout: HashLayout = {
      keySize: spec.keySize,
      pieces: piecesOf(spec.valueSize, fields),
      linkOffset: this.linkOffset,
      cpuStride: this.perCpuStride,
      lru,
      handles: use.handles ?? false,
      lock: fields.some((f) => f.kind === "spin_lock"),
      tells: use.removed !== undefined,
    };
    this.code = hashCode(arena, layout, this.state, {
      takeNew: () => this.takeNew(),
      removed: (el) => use.removed?.(el),
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
    return this.code.remove(this.state, el) !== 0;
  }

  /** Address of an element's value for a CPU. */
  valueOf(el: number, cpu: number): number {
    return this.values === null ? el : this.arena.i32[(el + LINK_VALUES) >>> 2]! + cpu * this.perCpuStride;
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
    this.lru?.destroy();
    this.arena.free(this.buckets << 2, this.bucketBytes);
    this.arena.free(this.scratch, this.scratchBytes);
    releaseState(this.arena, this.state);
    this.arena.free(this.state, TABLE_BYTES);
  }

  private set(word: number, value: number): void {
    this.arena.i32[(this.state + word) >>> 2] = value;
  }
}

/** What is left of a value without its fields of the kernel. */
function piecesOf(valueSize: number, fields: readonly SpecialField[]): HashLayout["pieces"] {
  const pieces: { offset: number; bytes: number }[] = [];
  let offset = 0;
  for (const f of [...fields, { offset: valueSize, size: 0 }]) {
    if (f.offset > offset) pieces.push({ offset, bytes: f.offset - offset });
    offset = f.offset + f.size;
  }
  return pieces;
}
