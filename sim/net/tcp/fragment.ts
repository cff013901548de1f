/** Splitting queued segments. @source net/ipv4/tcp_output.c tcp_fragment, tcp_adjust_pcount, tcp_trim_head */
import { TCPCB_LOST, TCPCB_SACKED_ACKED, TCPCB_SACKED_RETRANS, TCPHDR_FIN, TCPHDR_PSH } from "./const.ts";
import { before, seqAdd } from "./seq.ts";
import { txTruesize } from "./sk-mem.ts";
import type { TcpSock } from "./tcp-sock.ts";
import { tsortedAddAfter } from "./tsorted.ts";
import { type TxSkb, takeTxSkb } from "./tx-skb.ts";

/**
 * tcp_fragment: cuts the segment at a place of the queue; the rest becomes a segment behind it.
 * @param len bytes of data that stay, less than it has
 * @param mss by which both are counted
 */
export function tcpFragment(sk: TcpSock, place: number, len: number, mss: number): void {
  const skb = sk.txq.at(place);
  const rest = takeTxSkb();
  const before1 = skb.gsoSegs;
  sk.wmemQueued += txTruesize(0);
  rest.seq = seqAdd(skb.dataSeq, len);
  rest.endSeq = skb.endSeq;
  skb.endSeq = rest.seq;
  const flags = skb.tcpFlags;
  skb.tcpFlags = flags & ~(TCPHDR_FIN | TCPHDR_PSH);
  rest.tcpFlags = flags & ~2;
  rest.sacked = skb.sacked;
  rest.eor = skb.eor;
  skb.eor = false;
  rest.mstampNs = skb.mstampNs;
  rest.txInFlight = skb.txInFlight;
  rest.txIsAppLimited = skb.txIsAppLimited;
  rest.txDelivered = skb.txDelivered;
  rest.txDeliveredCe = skb.txDeliveredCe;
  rest.txFirstTxMstamp = skb.txFirstTxMstamp;
  rest.txDeliveredMstamp = skb.txDeliveredMstamp;
  skb.gsoSegs = Math.max(1, Math.ceil(skb.len / mss));
  rest.gsoSegs = Math.max(1, Math.ceil(rest.len / mss));
  sk.txq.insertAfter(place, rest);
  if (skb.tsorted) tsortedAddAfter(sk, skb, rest);
  // the segment has gone out: the counts of packets follow
  if (!before(sk.sndNxt, rest.endSeq)) tcpAdjustPcount(sk, skb, before1 - skb.gsoSegs - rest.gsoSegs);
}

/** tcp_adjust_pcount: a segment in flight counts as so many packets less. */
export function tcpAdjustPcount(sk: TcpSock, skb: TxSkb, decr: number): void {
  if (decr === 0) return;
  sk.packetsOut -= decr;
  if ((skb.sacked & TCPCB_SACKED_ACKED) !== 0) sk.sackedOut -= decr;
  if ((skb.sacked & TCPCB_SACKED_RETRANS) !== 0) sk.retransOut -= decr;
  if ((skb.sacked & TCPCB_LOST) !== 0) sk.lostOut -= decr;
  // without SACK the peer's duplicates are counted for segments that nobody named
  if (!sk.rxOpt.sackOk && decr > 0) sk.sackedOut -= Math.min(sk.sackedOut, decr);
}

/** tcp_trim_head: what was acknowledged of a segment goes. */
export function tcpTrimHead(sk: TcpSock, skb: TxSkb, len: number, mss: number): void {
  sk.wmemQueued -= len;
  skb.seq = seqAdd(skb.seq, len);
  if (skb.gsoSegs > 1) skb.gsoSegs = Math.max(1, Math.ceil(skb.len / mss));
}
