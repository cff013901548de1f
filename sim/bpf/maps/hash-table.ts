/**
 * The chained hash table below all hash maps: buckets and elements lie in the arena, chains are addresses.
 *
 *     element (not per CPU)           element (per CPU)
 *     +0      value, padded to 8      (values lie in a slab of their own: one per CPU, each padded to 8)
 *     +link   u32 next in bucket      +0
 *     +4      u32 hash                +4
 *     +8      u32 address of values   +8
 *     +12     u32 x 5, for the LRU    +12
 *     +32     key, zero-padded to 4   +32
 *
 * Buckets and the order within one are those of Linux under BPF_F_ZERO_SEED: as many buckets as max_entries rounded up to a
 * power of two, new elements at the head; so `next` walks in Linux's order.
 * @source kernel/bpf/hashtab.c
 */
import { type Arena, roundUp } from "../../engine/arena.ts";
import type { MapSpec } from "../spec.ts";
import { mustAlloc, valueStride } from "./base-map.ts";
import { jhash } from "./jhash.ts";
import { copyBytes } from "./memory.ts";
import { Slab } from "./slab.ts";

const HASH_WORD = 1;
const VALUES_WORD = 2;
/** First of the five words of an element that an LRU uses, counted from its link. */
export const LRU_WORD = 3;
const KEY_WORD = 8;

/** Elements by key. Addresses of elements are stable from `insert` to `remove`. */
export class HashTable {
  /** Elements linked now. */
  count: number = 0;
  /** Bytes from an element's address to its link. */
  readonly linkOffset: number;
  private readonly arena: Arena;
  private readonly keySize: number;
  private readonly keyWords: number;
  private readonly staged: boolean;
  private readonly buckets: number;
  private readonly bucketBytes: number;
  private readonly mask: number;
  private readonly scratch: number;
  private readonly records: Slab;
  private readonly values: Slab | null;
  private readonly valueBytesAllCpus: number;
  private readonly perCpuStride: number;
  private readonly numCpus: number;
  // what the last find saw: insert goes on from there
  private foundHash: number = 0;
  private foundKey: number = 0;

  /**
   * @param capacity elements at most; a spare one for replacing is added
   * @param numCpus 0: one value; otherwise one for each CPU
   */
  constructor(
    arena: Arena,
    spec: MapSpec,
    capacity: number,
    numCpus: number,
    access: { readonly writable: boolean; readonly label: string },
  ) {
    this.arena = arena;
    this.keySize = spec.keySize;
    this.keyWords = Math.ceil(spec.keySize / 4);
    this.staged = spec.keySize % 4 !== 0;
    const stride = valueStride(spec);
    this.linkOffset = numCpus === 0 ? stride : 0;
    this.perCpuStride = numCpus === 0 ? 0 : stride;
    this.numCpus = numCpus;
    this.valueBytesAllCpus = stride * numCpus;
    const bucketCount = capacity > 1 ? 2 ** (32 - Math.clz32(capacity - 1)) : 1;
    this.mask = bucketCount - 1;
    this.bucketBytes = bucketCount * 4;
    this.buckets = mustAlloc(arena.alloc(this.bucketBytes), spec, this.bucketBytes) >>> 2;
    this.scratch = mustAlloc(arena.alloc(this.keyWords * 4), spec, this.keyWords * 4);
    const region = { strideBytes: stride, valueBytes: spec.valueSize, ...access };
    const recordBytes = roundUp(this.linkOffset + (KEY_WORD + this.keyWords) * 4, 8);
    this.records = new Slab(arena, {
      strideBytes: recordBytes,
      region: numCpus === 0 ? { ...region, strideBytes: recordBytes } : null,
      linkOffset: this.linkOffset,
      maxRecords: capacity + 1,
    });
    this.values =
      numCpus === 0
        ? null
        : new Slab(arena, { strideBytes: this.valueBytesAllCpus, region, linkOffset: -1, maxRecords: capacity + 1 });
  }

  /** @param key address of keySize bytes, any alignment. @returns the element's address or 0 */
  find(key: number): number {
    const k = this.staged || (key & 3) !== 0 ? this.stage(key) : key >>> 2;
    const i32 = this.arena.i32;
    const n = this.keyWords;
    const hash = jhash(i32, k, n, this.keySize);
    this.foundHash = hash;
    this.foundKey = k;
    const link = this.linkOffset;
    let el = i32[this.buckets + (hash & this.mask)]!;
    while (el !== 0) {
      const w = (el + link) >>> 2;
      if (i32[w + HASH_WORD] === hash && sameWords(i32, w + KEY_WORD, k, n)) return el;
      el = i32[w]!;
    }
    return 0;
  }

  /** Like `find`, for a key of user space. */
  findUser(key: Uint8Array): number {
    return this.find(this.stageUser(key));
  }

  /** Puts a key of user space where programs' keys are expected; valid until the next call. @returns its address */
  stageUser(key: Uint8Array): number {
    this.arena.i32.fill(0, this.scratch >>> 2, (this.scratch >>> 2) + this.keyWords);
    this.arena.u8.set(key, this.scratch);
    return this.scratch;
  }

  /** An unlinked element, or 0 when memory is used up. Its value is what the last owner left. */
  take(): number {
    const el = this.records.take();
    if (el === 0 || this.values === null) return el;
    const w = (el + VALUES_WORD * 4) >>> 2;
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
  insert(el: number): void {
    const i32 = this.arena.i32;
    const w = (el + this.linkOffset) >>> 2;
    const b = this.buckets + (this.foundHash & this.mask);
    i32[w + HASH_WORD] = this.foundHash;
    const k = this.foundKey;
    for (let i = 0; i < this.keyWords; i++) i32[w + KEY_WORD + i] = i32[k + i]!;
    i32[w] = i32[b]!;
    i32[b] = el;
    this.count++;
  }

  /** Unlinks an element; its key and value stay readable until it is taken again. @returns false when it was not linked */
  remove(el: number): boolean {
    const i32 = this.arena.i32;
    const link = this.linkOffset;
    const w = (el + link) >>> 2;
    let at = this.buckets + (i32[w + HASH_WORD]! & this.mask);
    while (i32[at] !== el) {
      if (i32[at] === 0) return false;
      at = (i32[at]! + link) >>> 2;
    }
    i32[at] = i32[w]!;
    this.count--;
    return true;
  }

  /** Address of an element's value for a CPU. */
  valueOf(el: number, cpu: number): number {
    return this.values === null ? el : this.arena.i32[(el + VALUES_WORD * 4) >>> 2]! + cpu * this.perCpuStride;
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
    return el + this.linkOffset + KEY_WORD * 4;
  }

  /** The element after one in the order of buckets; 0 starts. @returns 0 at the end */
  next(el: number): number {
    const i32 = this.arena.i32;
    let bucket = 0;
    if (el !== 0) {
      const w = (el + this.linkOffset) >>> 2;
      if (i32[w] !== 0) return i32[w]!;
      bucket = (i32[w + HASH_WORD]! & this.mask) + 1;
    }
    for (; bucket <= this.mask; bucket++) {
      const head = i32[this.buckets + bucket]!;
      if (head !== 0) return head;
    }
    return 0;
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
    this.arena.free(this.scratch, this.keyWords * 4);
  }

  private stage(key: number): number {
    const at = this.scratch;
    if (key === at) return at >>> 2;
    const w = at >>> 2;
    this.arena.i32[w + this.keyWords - 1] = 0;
    copyBytes(this.arena, at, key, this.keySize);
    return w;
  }
}

function sameWords(i32: Int32Array, a: number, b: number, n: number): boolean {
  for (let i = 0; i < n; i++) if (i32[a + i] !== i32[b + i]) return false;
  return true;
}
