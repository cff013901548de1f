/**
 * What a connection has to send, cut into segments: the sk_buffs of Linux's write queue and retransmit queue with their tcp_skb_cb.
 *
 * Only the wire's copies are packets (Skb). A TxSkb names a range of sequence numbers; its bytes lie in the connection's send ring
 * (send-ring.ts), so splitting and joining move no bytes.
 *
 * @source include/net/tcp.h struct tcp_skb_cb; net/ipv4/tcp_output.c
 */

/** One segment to send, or sent and not yet acknowledged. */
export class TxSkb {
  /** First sequence number. */
  seq: number = 0;
  /** The one after the last; SYN and FIN take one each. */
  endSeq: number = 0;
  /** TCPHDR_*. */
  tcpFlags: number = 0;
  /** TCPCB_*. */
  sacked: number = 0;
  /** MSS that it will be cut by, 0 until it is first looked at (tcp_set_skb_tso_segs), and how many segments that makes. */
  gsoSize: number = 0;
  gsoSegs: number = 1;
  /** Nothing may be joined to it (MSG_EOR). */
  eor: boolean = false;
  /** skb_mstamp_ns: when it was last sent, ns; 0 until then. */
  mstampNs: number = 0;
  /** Delivery rate sampling, as of when it was sent (rate.ts). @unit Mstamp: us */
  txInFlight: number = 0;
  txIsAppLimited: boolean = false;
  txDelivered: number = 0;
  txDeliveredCe: number = 0;
  txFirstTxMstamp: number = 0;
  txDeliveredMstamp: number = 0;
  /** The list by time of sending (tsorted_sent_queue): RACK walks it. */
  tsortedPrev: TxSkb | null = null;
  tsortedNext: TxSkb | null = null;
  /** It is in that list. */
  tsorted: boolean = false;

  /** Bytes of payload. */
  get len(): number {
    return (this.endSeq - this.seq - (this.tcpFlags & 1) - ((this.tcpFlags >> 1) & 1)) >>> 0;
  }

  /** First sequence number of its payload. */
  get dataSeq(): number {
    return (this.seq + ((this.tcpFlags >> 1) & 1)) >>> 0;
  }
}

const free: TxSkb[] = [];

/** A fresh one, every field at its default. */
export function takeTxSkb(): TxSkb {
  return free.pop() ?? new TxSkb();
}

/** Gives one back. It stands in no queue and no list. */
export function freeTxSkb(skb: TxSkb): void {
  skb.seq = 0;
  skb.endSeq = 0;
  skb.tcpFlags = 0;
  skb.sacked = 0;
  skb.gsoSize = 0;
  skb.gsoSegs = 1;
  skb.eor = false;
  skb.mstampNs = 0;
  skb.txInFlight = 0;
  skb.txIsAppLimited = false;
  skb.txDelivered = 0;
  skb.txDeliveredCe = 0;
  skb.txFirstTxMstamp = 0;
  skb.txDeliveredMstamp = 0;
  skb.tsortedPrev = null;
  skb.tsortedNext = null;
  skb.tsorted = false;
  free.push(skb);
}
