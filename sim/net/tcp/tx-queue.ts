/**
 * The segments of a connection in order of sequence numbers: first those that were sent (Linux's tcp_rtx_queue), then those that
 * wait (sk_write_queue). A ring, so that a sequence number is found by halving and both ends are cheap.
 */
import { BugError } from "../../engine/errors.ts";
import { before } from "./seq.ts";
import type { TxSkb } from "./tx-skb.ts";

/** Write queue and retransmit queue in one. */
export class TxSkbQueue {
  /** How many there are. */
  count: number = 0;
  /** How many of them, from the front, were sent: the place of tcp_send_head. */
  sent: number = 0;
  private ring: (TxSkb | null)[] = [null, null, null, null];
  private head: number = 0;

  /** The one at a place, 0 is the oldest. */
  at(i: number): TxSkb {
    return this.ring[(this.head + i) & (this.ring.length - 1)]!;
  }

  /** tcp_rtx_queue_head: the oldest that was sent, or null. */
  get rtxHead(): TxSkb | null {
    return this.sent === 0 ? null : this.at(0);
  }

  /** tcp_rtx_queue_tail. */
  get rtxTail(): TxSkb | null {
    return this.sent === 0 ? null : this.at(this.sent - 1);
  }

  /** tcp_send_head: the oldest that was not sent, or null. */
  get sendHead(): TxSkb | null {
    return this.sent === this.count ? null : this.at(this.sent);
  }

  /** tcp_write_queue_tail: the newest that was not sent, or null. */
  get writeTail(): TxSkb | null {
    return this.sent === this.count ? null : this.at(this.count - 1);
  }

  push(skb: TxSkb): void {
    if (this.count === this.ring.length) this.grow();
    this.ring[(this.head + this.count) & (this.ring.length - 1)] = skb;
    this.count++;
  }

  /** Takes the oldest. The caller has asked that there is one. */
  shift(): TxSkb {
    const skb = this.ring[this.head]!;
    this.ring[this.head] = null;
    this.head = (this.head + 1) & (this.ring.length - 1);
    this.count--;
    if (this.sent > 0) this.sent--;
    return skb;
  }

  /** Puts one behind place i; it counts as sent when that one was. */
  insertAfter(i: number, skb: TxSkb): void {
    this.push(skb);
    for (let j = this.count - 1; j > i + 1; j--) this.set(j, this.at(j - 1));
    this.set(i + 1, skb);
    if (i < this.sent) this.sent++;
  }

  /** Takes the one at a place. */
  remove(i: number): TxSkb {
    const skb = this.at(i);
    for (let j = i; j < this.count - 1; j++) this.set(j, this.at(j + 1));
    this.set(this.count - 1, null);
    this.count--;
    if (i < this.sent) this.sent--;
    return skb;
  }

  /** Place of the first that ends after a sequence number; `count` when there is none. */
  find(seq: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (before(seq, this.at(mid).endSeq)) high = mid;
      else low = mid + 1;
    }
    return low;
  }

  /** Place of one that is in the queue. @throws BugError when it is not */
  indexOf(skb: TxSkb): number {
    for (let i = this.find(skb.seq); i < this.count; i++) if (this.at(i) === skb) return i;
    throw new BugError("TX_SKB_LOST", `segment ${skb.seq}..${skb.endSeq} is not in its queue`);
  }

  private set(i: number, skb: TxSkb | null): void {
    this.ring[(this.head + i) & (this.ring.length - 1)] = skb;
  }

  private grow(): void {
    const bigger = new Array<TxSkb | null>(this.ring.length * 2).fill(null);
    for (let i = 0; i < this.count; i++) bigger[i] = this.at(i);
    this.ring = bigger;
    this.head = 0;
  }
}
