/**
 * Which element an LRU map evicts. The lists are Linux's: active and inactive with a reference bit, and, in the common form, a
 * free and a pending list per CPU in front of them that are refilled in batches, so that Linux, and this, evicts before the
 * map is full. Which elements are left after any sequence of operations equals Linux's (compared on 6.18 by hand).
 *
 *     node, five words within an element:   0 next   1 previous   2 list   3 referenced   4 CPU
 *
 * Lists are circular through a sentinel that has the first two words. A node is named by the index of its first word.
 * @source kernel/bpf/bpf_lru_list.c; the batch's size: bpf_common_lru_populate of 6.16 and later
 * @differs CPUs do not race: an element that is being evicted is always still in the table
 */
import type { Arena } from "../../engine/arena.ts";
import type { MapSpec } from "../spec.ts";
import { mustAlloc } from "./base-map.ts";
import { type HashTable, LRU_WORD } from "./hash-table.ts";

const PREV = 1;
const LIST = 2;
const REF = 3;
const CPU = 4;

const ACTIVE = 0;
const INACTIVE = 1;
const FREE = 2;
const LOCAL_FREE = 3;
const LOCAL_PENDING = 4;

/** LOCAL_FREE_TARGET and LOCAL_NR_SCANS. */
const LOCAL_BATCH = 128;
/** PERCPU_FREE_TARGET and PERCPU_NR_SCANS. */
const PERCPU_BATCH = 4;

/** How a map gets elements and gives them back. */
export interface Lru {
  /** An unlinked element for a new key, evicting others when that is needed; 0 when there is none. */
  popFree(cpu: number): number;
  /** Takes back an element that left the table. */
  pushFree(el: number): void;
  /** Sets an element's reference bit. */
  touch(el: number): void;
  destroy(): void;
}

/** One set of active, inactive and free lists. */
class LruList {
  readonly active: number;
  readonly inactive: number;
  readonly free: number;
  /** Elements that were never used: they stand at the tail of the free list. */
  fresh: number;
  private readonly counts: Int32Array = new Int32Array(3);
  private rotation: number;
  private readonly arena: Arena;
  private readonly table: HashTable;
  private readonly scans: number;

  constructor(arena: Arena, table: HashTable, sentinels: number, fresh: number, scans: number) {
    this.arena = arena;
    this.table = table;
    this.active = sentinels;
    this.inactive = sentinels + 2;
    this.free = sentinels + 4;
    this.rotation = this.inactive;
    this.fresh = fresh;
    this.scans = scans;
  }

  /** Moves a node to the head of one of the three lists, its reference bit cleared. */
  move(n: number, to: number): void {
    const i32 = this.arena.i32;
    const from = i32[n + LIST]!;
    if (from <= FREE) {
      this.counts[from]!--;
      if (n === this.rotation) this.rotation = i32[n + PREV]!;
    }
    this.counts[to]!++;
    i32[n + LIST] = to;
    i32[n + REF] = 0;
    unlink(i32, n);
    linkAfter(i32, to === ACTIVE ? this.active : to === INACTIVE ? this.inactive : this.free, n);
  }

  /** Takes a node off these lists. */
  leave(n: number, type: number): void {
    const i32 = this.arena.i32;
    if (n === this.rotation) this.rotation = i32[n + PREV]!;
    this.counts[i32[n + LIST]!]!--;
    i32[n + LIST] = type;
    unlink(i32, n);
  }

  /** __bpf_lru_list_rotate: the active list when it is the longer one, the inactive list always. */
  rotate(): void {
    if (this.counts[INACTIVE]! < this.counts[ACTIVE]!) this.rotateActive();
    this.rotateInactive();
  }

  private rotateActive(): void {
    const i32 = this.arena.i32;
    const first = i32[this.active]!;
    let n = i32[this.active + PREV]!;
    for (let i = 1; n !== this.active; i++) {
      const before = i32[n + PREV]!;
      this.move(n, i32[n + REF] !== 0 ? ACTIVE : INACTIVE);
      if (i === this.scans || n === first) return;
      n = before;
    }
  }

  private rotateInactive(): void {
    const i32 = this.arena.i32;
    const end = this.inactive;
    if (i32[end] === end) return;
    let last = i32[this.rotation]!;
    if (last === end) last = i32[last]!;
    let cur = this.rotation;
    let next = cur;
    for (let i = 0; i < this.scans; ) {
      if (cur === end) {
        cur = i32[cur + PREV]!;
        continue;
      }
      next = i32[cur + PREV]!;
      if (i32[cur + REF] !== 0) this.move(cur, ACTIVE);
      if (cur === last) break;
      cur = next;
      i++;
    }
    this.rotation = next;
  }

  /**
   * __bpf_lru_list_shrink: evicts up to `want` unreferenced elements from the inactive list's tail onto a free list; when there
   * was none, one element whatever its bit.
   */
  shrink(want: number, onto: number, type: number): void {
    const i32 = this.arena.i32;
    let evicted = 0;
    let n = i32[this.inactive + PREV]!;
    for (let i = 1; n !== this.inactive; i++) {
      const before = i32[n + PREV]!;
      if (i32[n + REF] !== 0) {
        this.move(n, ACTIVE);
      } else {
        this.evict(n, onto, type);
        if (++evicted === want) break;
      }
      if (i === this.scans) break;
      n = before;
    }
    if (evicted > 0) return;
    const list = i32[this.inactive] !== this.inactive ? this.inactive : this.active;
    const victim = i32[list + PREV]!;
    if (victim !== list) this.evict(victim, onto, type);
  }

  private evict(n: number, onto: number, type: number): void {
    this.table.remove(elementOf(this.table, n));
    if (type === FREE) {
      this.move(n, FREE);
      return;
    }
    this.leave(n, type);
    linkAfter(this.arena.i32, onto, n);
  }

  /** The free list's head, a new element when only those are left; 0 when there is none. The node stays on the list. */
  firstFree(cpu: number): number {
    const i32 = this.arena.i32;
    if (i32[this.free] !== this.free) return i32[this.free]!;
    if (this.fresh === 0) return 0;
    const el = this.table.take();
    if (el === 0) return 0;
    this.fresh--;
    const n = nodeOf(this.table, el);
    const words = this.arena.i32;
    words[n + LIST] = FREE;
    words[n + CPU] = cpu;
    linkAfter(words, this.free, n);
    this.counts[FREE]!++;
    return n;
  }
}

/** The lists that all CPUs share, each CPU with a stock of free elements in front. */
export class CommonLru implements Lru {
  private readonly arena: Arena;
  private readonly table: HashTable;
  private readonly list: LruList;
  private readonly sentinels: number;
  private readonly bytes: number;
  private readonly batch: number;
  private readonly numCpus: number;
  private readonly nextSteal: Int32Array;

  constructor(arena: Arena, spec: MapSpec, table: HashTable, capacity: number, numCpus: number) {
    this.arena = arena;
    this.table = table;
    this.numCpus = numCpus;
    this.bytes = (6 + 4 * numCpus) * 4;
    this.sentinels = mustAlloc(arena.alloc(this.bytes), spec, this.bytes) >>> 2;
    initSentinels(arena.i32, this.sentinels, 3 + 2 * numCpus);
    this.list = new LruList(arena, table, this.sentinels, capacity, LOCAL_BATCH);
    this.batch = Math.min(LOCAL_BATCH, Math.max(1, Math.floor(Math.floor(capacity / numCpus) / 2)));
    this.nextSteal = new Int32Array(numCpus);
    for (let cpu = 0; cpu < numCpus; cpu++) this.nextSteal[cpu] = cpu;
  }

  popFree(cpu: number): number {
    let n = this.popLocalFree(cpu);
    if (n === 0) {
      this.refill(cpu);
      n = this.popLocalFree(cpu);
    }
    if (n === 0) n = this.steal(cpu);
    if (n === 0) return 0;
    const i32 = this.arena.i32;
    i32[n + CPU] = cpu;
    i32[n + LIST] = LOCAL_PENDING;
    i32[n + REF] = 0;
    linkAfter(i32, this.pendingOf(cpu), n);
    return elementOf(this.table, n);
  }

  pushFree(el: number): void {
    const i32 = this.arena.i32;
    const n = nodeOf(this.table, el);
    if (i32[n + LIST] !== LOCAL_PENDING) {
      this.list.move(n, FREE);
      return;
    }
    i32[n + LIST] = LOCAL_FREE;
    i32[n + REF] = 0;
    unlink(i32, n);
    linkAfter(i32, this.freeOf(i32[n + CPU]!), n);
  }

  touch(el: number): void {
    this.arena.i32[nodeOf(this.table, el) + REF] = 1;
  }

  destroy(): void {
    this.arena.free(this.sentinels << 2, this.bytes);
  }

  private freeOf(cpu: number): number {
    return this.sentinels + 6 + 4 * cpu;
  }

  private pendingOf(cpu: number): number {
    return this.sentinels + 8 + 4 * cpu;
  }

  private popLocalFree(cpu: number): number {
    const i32 = this.arena.i32;
    const head = this.freeOf(cpu);
    const n = i32[head]!;
    if (n === head) return 0;
    unlink(i32, n);
    return n;
  }

  /** bpf_lru_list_pop_free_to_local: pending elements join the lists, a batch of free ones comes back. */
  private refill(cpu: number): void {
    const list = this.list;
    const pending = this.pendingOf(cpu);
    const i32 = this.arena.i32;
    let n = i32[pending + PREV]!;
    while (n !== pending) {
      const before = i32[n + PREV]!;
      list.move(n, i32[n + REF] !== 0 ? ACTIVE : INACTIVE);
      n = before;
    }
    list.rotate();
    const local = this.freeOf(cpu);
    let got = 0;
    while (got < this.batch) {
      const free = list.firstFree(cpu);
      if (free === 0) break;
      list.leave(free, LOCAL_FREE);
      linkAfter(this.arena.i32, local, free);
      got++;
    }
    if (got < this.batch) list.shrink(this.batch - got, local, LOCAL_FREE);
  }

  /** Round robin over the CPUs' free and pending elements, this CPU's own included. */
  private steal(cpu: number): number {
    const first = this.nextSteal[cpu]!;
    let from = first;
    let n = 0;
    do {
      n = this.popLocalFree(from);
      if (n === 0) n = this.popLocalPending(from);
      from = (from + 1) % this.numCpus;
    } while (n === 0 && from !== first);
    this.nextSteal[cpu] = from;
    return n;
  }

  private popLocalPending(cpu: number): number {
    const i32 = this.arena.i32;
    const pending = this.pendingOf(cpu);
    let n = i32[pending + PREV]!;
    while (n !== pending && i32[n + REF] !== 0) n = i32[n + PREV]!;
    if (n === pending) n = i32[pending + PREV]!;
    if (n === pending) return 0;
    this.table.remove(elementOf(this.table, n));
    unlink(i32, n);
    return n;
  }
}

/** BPF_F_NO_COMMON_LRU: each CPU has its own lists and its own share of the elements. */
export class PercpuLru implements Lru {
  private readonly arena: Arena;
  private readonly table: HashTable;
  private readonly lists: readonly LruList[];
  private readonly sentinels: number;
  private readonly bytes: number;

  constructor(arena: Arena, spec: MapSpec, table: HashTable, capacity: number, numCpus: number) {
    this.arena = arena;
    this.table = table;
    this.bytes = 6 * numCpus * 4;
    this.sentinels = mustAlloc(arena.alloc(this.bytes), spec, this.bytes) >>> 2;
    initSentinels(arena.i32, this.sentinels, 3 * numCpus);
    const share = Math.floor(capacity / numCpus);
    const lists: LruList[] = [];
    for (let cpu = 0; cpu < numCpus; cpu++) {
      lists.push(new LruList(arena, table, this.sentinels + 6 * cpu, share, PERCPU_BATCH));
    }
    this.lists = lists;
  }

  popFree(cpu: number): number {
    const list = this.lists[cpu]!;
    list.rotate();
    let n = list.firstFree(cpu);
    if (n === 0) {
      list.shrink(PERCPU_BATCH, list.free, FREE);
      n = list.firstFree(cpu);
    }
    if (n === 0) return 0;
    list.move(n, INACTIVE);
    return elementOf(this.table, n);
  }

  pushFree(el: number): void {
    const n = nodeOf(this.table, el);
    this.lists[this.arena.i32[n + CPU]!]!.move(n, FREE);
  }

  touch(el: number): void {
    this.arena.i32[nodeOf(this.table, el) + REF] = 1;
  }

  destroy(): void {
    this.arena.free(this.sentinels << 2, this.bytes);
  }
}

function nodeOf(table: HashTable, el: number): number {
  return ((el + table.linkOffset) >>> 2) + LRU_WORD;
}

function elementOf(table: HashTable, n: number): number {
  return ((n - LRU_WORD) << 2) - table.linkOffset;
}

function initSentinels(i32: Int32Array, first: number, lists: number): void {
  for (let i = 0; i < lists; i++) {
    const s = first + 2 * i;
    i32[s] = s;
    i32[s + PREV] = s;
  }
}

function unlink(i32: Int32Array, n: number): void {
  const next = i32[n]!;
  const prev = i32[n + PREV]!;
  i32[prev] = next;
  i32[next + PREV] = prev;
}

function linkAfter(i32: Int32Array, at: number, n: number): void {
  const next = i32[at]!;
  i32[n] = next;
  i32[n + PREV] = at;
  i32[next + PREV] = n;
  i32[at] = n;
}
