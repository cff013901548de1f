/** Queueing disciplines: what all have in common. One file per kind in qdiscs/, one line each in its index. */
import type { Netdev } from "./netdev.ts";
import type { Skb } from "./skb.ts";

/** gnet_stats: what `tc -s qdisc show` prints for each. The base class owns them. */
export class QdiscStats {
  /** Sent (dequeued) bytes and packets. */
  bytes: number = 0;
  packets: number = 0;
  drops: number = 0;
  overlimits: number = 0;
  requeues: number = 0;
  qlen: number = 0;
  /** bytes queued */
  backlog: number = 0;
}

/**
 * A live qdisc. Identity that every qdisc keeps: enqueued = sent + queued + dropped after enqueueing.
 */
export interface Qdisc {
  readonly kind: string;
  /** Major number in the upper 16 bits: 0x80010000 prints as `8001:`. */
  readonly handle: number;
  /** TC_H_ROOT (0xffffffff), a class, or TC_H_CLSACT. */
  readonly parent: number;
  readonly dev: Netdev;
  readonly stats: QdiscStats;
  /** Takes the skb in any case: queued, or freed with a reason. @returns NET_XMIT_*, possibly with a flag above NET_XMIT_MASK */
  enqueue(skb: Skb): number;
  /** @returns null when there is nothing to send now (a shaper has set its watchdog then) */
  dequeue(): Skb | null;
  /** Counts a packet that was sent past the queue (TCQ_F_CAN_BYPASS). */
  countSent(bytes: number): void;
  /** Frees everything queued (reason SKB_DROP_REASON_QUEUE_PURGE). */
  reset(): void;
  /** TCQ_F_CAN_BYPASS: an empty one may be skipped. */
  readonly canBypass: boolean;
}
