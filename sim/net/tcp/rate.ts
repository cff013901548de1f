/**
 * Delivery rate sampling: how fast the path takes packets, measured by each ACK. Owned by congestion control.
 *
 * @source net/ipv4/tcp_rate.c; draft-cheng-iccrg-delivery-rate-estimation
 */
import type { RateSample } from "./cong/ca.ts";
import { TCPCB_RETRANS, TCPCB_SACKED_ACKED } from "./const.ts";
import { tcpMinRtt } from "./rto.ts";
import { after } from "./seq.ts";
import { txTruesize } from "./sk-mem.ts";
import type { TcpSock } from "./tcp-sock.ts";
import type { TxSkb } from "./tx-skb.ts";

/** tcp_rate_skb_sent: what is known when a segment goes. */
export function tcpRateSkbSent(sk: TcpSock, skb: TxSkb): void {
  if (sk.packetsOut === 0) {
    // the first packet in flight begins a new interval
    const us = Math.floor(skb.mstampNs / 1000);
    sk.firstTxMstamp = us;
    sk.deliveredMstamp = us;
  }
  skb.txFirstTxMstamp = sk.firstTxMstamp;
  skb.txDeliveredMstamp = sk.deliveredMstamp;
  skb.txDelivered = sk.delivered;
  skb.txDeliveredCe = sk.deliveredCe;
  skb.txIsAppLimited = sk.appLimited > 0;
}

/** tcp_rate_skb_delivered: a segment was acknowledged or SACKed; the one sent last makes the sample. */
export function tcpRateSkbDelivered(sk: TcpSock, skb: TxSkb, rs: RateSample): void {
  if (skb.txDeliveredMstamp === 0 && skb.txFirstTxMstamp === 0 && skb.txDelivered === 0 && skb.mstampNs === 0) return;
  if (rs.priorDelivered < 0 || skb.txDelivered > rs.priorDelivered || isLater(sk, skb, rs)) {
    rs.priorDeliveredCe = skb.txDeliveredCe;
    rs.priorDelivered = skb.txDelivered;
    rs.priorMstamp = skb.txDeliveredMstamp;
    rs.isAppLimited = skb.txIsAppLimited;
    rs.isRetrans = (skb.sacked & TCPCB_RETRANS) !== 0;
    rs.lastEndSeq = skb.endSeq;
    const us = Math.floor(skb.mstampNs / 1000);
    sk.firstTxMstamp = us;
    rs.sndIntervalUs = us - skb.txFirstTxMstamp;
  }
  // "Mark off the skb delivered once it's sacked to avoid being used again when it's cumulatively acked"
  if ((skb.sacked & TCPCB_SACKED_ACKED) !== 0) skb.txDeliveredMstamp = 0;
}

/** tcp_skb_sent_after: of two with the same count, the one sent later. */
function isLater(sk: TcpSock, skb: TxSkb, rs: RateSample): boolean {
  const us = Math.floor(skb.mstampNs / 1000);
  return us > sk.firstTxMstamp || (us === sk.firstTxMstamp && after(skb.endSeq, rs.lastEndSeq));
}

/** tcp_rate_gen: completes the ACK's sample. */
export function tcpRateGen(sk: TcpSock, delivered: number, lost: number, isSackReneg: boolean, rs: RateSample): void {
  if (sk.appLimited > 0 && sk.delivered > sk.appLimited) sk.appLimited = 0;
  if (delivered > 0) sk.deliveredMstamp = sk.tcpMstamp;
  rs.ackedSacked = delivered;
  rs.losses = lost;
  if (rs.priorDelivered < 0 || isSackReneg) {
    rs.delivered = -1;
    rs.intervalUs = -1;
    return;
  }
  rs.delivered = sk.delivered - rs.priorDelivered;
  rs.deliveredCe = sk.deliveredCe - rs.priorDeliveredCe;
  // "the delivery rate never exceeds the rate at which we sent": the longer of both intervals
  rs.rcvIntervalUs = sk.tcpMstamp - rs.priorMstamp;
  rs.intervalUs = Math.max(rs.sndIntervalUs, rs.rcvIntervalUs);
  if (rs.intervalUs < tcpMinRtt(sk)) {
    rs.intervalUs = -1;
    return;
  }
  // the highest rate not limited by the application, or the latest
  if (!rs.isAppLimited || rs.delivered * sk.rateIntervalUs >= sk.rateDelivered * rs.intervalUs) {
    sk.rateDelivered = rs.delivered;
    sk.rateIntervalUs = rs.intervalUs;
    sk.rateAppLimited = rs.isAppLimited;
  }
}

/** tcp_rate_check_app_limited: the application, not the network, is why nothing more is on its way. */
export function tcpRateCheckAppLimited(sk: TcpSock): void {
  const unsent = (sk.writeSeq - sk.sndNxt) >>> 0;
  if (unsent >= sk.mssCache || sk.wmemAlloc >= txTruesize(1)) return;
  if (sk.packetsInFlight >= sk.sndCwnd || sk.lostOut > sk.retransOut) return;
  sk.appLimited = sk.delivered + sk.packetsInFlight || 1;
}
