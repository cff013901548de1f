/**
 * The flows of sfq: slots with a queue each, the round in which they are served, and lists of the slots by their length, so that the
 * longest is found at once.
 * @source net/sched/sch_sfq.c struct sfq_slot, sfq_link, sfq_inc, sfq_dec, sfq_drop, sfq_dequeue
 */
import { type Skb, SkbQueue } from "../skb.ts";

/** SFQ_MAX_DEPTH: packets of one flow. */
export const SFQ_MAX_DEPTH = 127;
/** SFQ_MAX_FLOWS. */
export const SFQ_MAX_FLOWS: number = 0x10000 - SFQ_MAX_DEPTH - 1;
/** SFQ_EMPTY_SLOT: a hash value without a flow. */
export const SFQ_EMPTY_SLOT = 0xffff;

/** Slots by number; the hash table says which slot a hash value has. */
export class SfqFlows {
  readonly hashTable: Uint16Array;
  readonly queues: readonly SkbQueue[];
  /** Credit in bytes. */
  readonly allot: Int32Array;
  private readonly hashOf: Uint16Array;
  /** The round: the slot after each. */
  private readonly next: Int32Array;
  /** The slot before the one whose turn it is, -1: no slot has packets. */
  private tail: number = -1;
  /** Lists by length: links of the slots, then the heads of the lists. */
  private readonly depNext: Int32Array;
  private readonly depPrev: Int32Array;
  private readonly maxFlows: number;
  private curDepth: number = 0;

  constructor(divisor: number, maxFlows: number) {
    this.maxFlows = maxFlows;
    this.hashTable = new Uint16Array(divisor).fill(SFQ_EMPTY_SLOT);
    this.queues = Array.from({ length: maxFlows }, () => new SkbQueue());
    this.allot = new Int32Array(maxFlows);
    this.hashOf = new Uint16Array(maxFlows);
    this.next = new Int32Array(maxFlows);
    this.depNext = new Int32Array(maxFlows + SFQ_MAX_DEPTH + 1);
    this.depPrev = new Int32Array(maxFlows + SFQ_MAX_DEPTH + 1);
    for (let d = 0; d <= SFQ_MAX_DEPTH; d++) this.depNext[maxFlows + d] = this.depPrev[maxFlows + d] = maxFlows + d;
    for (let x = 0; x < maxFlows; x++) this.link(x, 0);
  }

  get isEmpty(): boolean {
    return this.tail < 0;
  }

  /** The slot of a hash value, a free one when it has none. @returns -1 when no slot is free */
  slotFor(hash: number): number {
    const x = this.hashTable[hash]!;
    if (x !== SFQ_EMPTY_SLOT) return x;
    const free = this.depNext[this.maxFlows]!;
    if (free >= this.maxFlows) return -1;
    this.hashTable[hash] = free;
    this.hashOf[free] = hash;
    return free;
  }

  /** Puts a packet behind the others of its slot; a new flow is the last of the round. */
  push(x: number, skb: Skb, quantum: number): void {
    const q = this.queues[x]!;
    q.push(skb);
    this.unlink(x);
    if (this.curDepth < q.qlen) this.curDepth = q.qlen;
    this.link(x, q.qlen);
    if (q.qlen > 1) return;
    if (this.tail < 0) this.next[x] = x;
    else {
      this.next[x] = this.next[this.tail]!;
      this.next[this.tail] = x;
    }
    this.tail = x;
    this.allot[x] = quantum;
  }

  /** The next packet of the round. */
  shift(quantum: number): Skb | null {
    if (this.tail < 0) return null;
    let x = this.next[this.tail]!;
    while (this.allot[x]! <= 0) {
      this.tail = x;
      this.allot[x]! += quantum;
      x = this.next[x]!;
    }
    const skb = this.queues[x]!.shift()!;
    this.shorten(x);
    if (this.queues[x]!.qlen === 0) this.leaveRound(x);
    else this.allot[x]! -= skb.len;
    return skb;
  }

  /** The victim of sfq_drop: of the longest slot, or of the next one in the round when all have one packet. */
  takeFromLongest(headDrop: boolean): Skb | null {
    if (this.curDepth === 0) return null;
    let x = this.depNext[this.maxFlows + this.curDepth]!;
    if (this.curDepth === 1) {
      x = this.next[this.tail]!;
      this.leaveRound(x);
    }
    const q = this.queues[x]!;
    const skb = headDrop ? q.shift()! : q.pop()!;
    this.shorten(x);
    return skb;
  }

  /** Takes everything out, slot by slot, and forgets all flows. */
  takeAll(into: SkbQueue): void {
    for (let x = 0; x < this.maxFlows; x++) {
      const q = this.queues[x]!;
      if (q.qlen === 0) continue;
      for (let skb = q.shift(); skb !== null; skb = q.shift()) {
        this.shorten(x);
        into.push(skb);
      }
      this.hashTable[this.hashOf[x]!] = SFQ_EMPTY_SLOT;
    }
    this.tail = -1;
  }

  /** The slot that follows tail has no packets any more. */
  private leaveRound(x: number): void {
    this.hashTable[this.hashOf[x]!] = SFQ_EMPTY_SLOT;
    if (this.next[x] === x) this.tail = -1;
    else this.next[this.tail] = this.next[x]!;
  }

  /** sfq_dec, after a packet was taken from the slot's queue. */
  private shorten(x: number): void {
    const n = this.depNext[x]!;
    const p = this.depPrev[x]!;
    const depth = this.queues[x]!.qlen + 1;
    this.unlink(x);
    if (n === p && this.curDepth === depth) this.curDepth--;
    this.link(x, depth - 1);
  }

  private link(x: number, depth: number): void {
    const head = this.maxFlows + depth;
    const first = this.depNext[head]!;
    this.depNext[x] = first;
    this.depPrev[x] = head;
    this.depNext[head] = x;
    this.depPrev[first] = x;
  }

  private unlink(x: number): void {
    const n = this.depNext[x]!;
    const p = this.depPrev[x]!;
    this.depNext[p] = n;
    this.depPrev[n] = p;
  }
}
