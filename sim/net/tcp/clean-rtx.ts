/**
 * What an ACK takes off the queue, and the round trip time that it tells. Shared with loss recovery.
 *
 * @source net/ipv4/tcp_input.c tcp_clean_rtx_queue, tcp_ack_update_rtt, tcp_rtt_tsopt_us, tcp_remove_reno_sacks; RFC 7323 section 4
 */
import {
  FLAG_ACKED,
  FLAG_DATA_ACKED,
  FLAG_ORIG_SACK_ACKED,
  FLAG_RETRANS_DATA_ACKED,
  FLAG_SACK_RENEGING,
  FLAG_SET_XMIT_TIMER,
  FLAG_SYN_ACKED,
} from "./ack-flags.ts";
import { tcpTimeStamp } from "./clock.ts";
import type { RateSample } from "./cong/ca.ts";
import { TCPCB_LOST, TCPCB_RETRANS, TCPCB_SACKED_ACKED, TCPCB_SACKED_RETRANS, TCPHDR_SYN } from "./const.ts";
import { tcpTrimHead } from "./fragment.ts";
import { tcpRateSkbDelivered } from "./rate.ts";
import { tcpRttEstimator, tcpSetRto, tcpUpdateRttMin } from "./rto.ts";
import { sackState } from "./sack.ts";
import { after, before } from "./seq.ts";
import { wmemFreeSkb } from "./state.ts";
import type { TcpSock } from "./tcp-sock.ts";
import { tsortedDel } from "./tsorted.ts";

const sample = { pktsAcked: 0, rttUs: -1, inFlight: 0 };

/** tcp_clean_rtx_queue. @returns FLAG_* */
export function tcpCleanRtxQueue(
  sk: TcpSock,
  priorSndUna: number,
  ece: boolean,
  flagIn: number,
  rs: RateSample,
): number {
  const q = sk.txq;
  let flag = 0;
  let firstAckt = 0;
  let lastAckt = 0;
  let fully = true;
  let pktsAcked = 0;
  let lastInFlight = 0;
  while (q.sent > 0) {
    const skb = q.at(0);
    const { sacked } = skb;
    let pcount: number;
    if (after(skb.endSeq, sk.sndUna)) {
      // a part of a segment of several
      if (!after(sk.sndUna, skb.seq) || skb.gsoSegs === 1) break;
      pcount = skb.gsoSegs;
      tcpTrimHead(sk, skb, (sk.sndUna - skb.seq) >>> 0, sk.mssCache);
      pcount -= skb.gsoSegs;
      if (pcount === 0) break;
      fully = false;
    } else pcount = skb.gsoSegs;
    if ((sacked & TCPCB_RETRANS) !== 0) {
      if ((sacked & TCPCB_SACKED_RETRANS) !== 0) sk.retransOut -= pcount;
      flag |= FLAG_RETRANS_DATA_ACKED;
    } else if ((sacked & TCPCB_SACKED_ACKED) === 0) {
      lastAckt = Math.floor(skb.mstampNs / 1000);
      if (firstAckt === 0) firstAckt = lastAckt;
      lastInFlight = skb.txInFlight;
      if (!after(skb.endSeq, sk.highSeq)) flag |= FLAG_ORIG_SACK_ACKED;
    }
    if ((sacked & TCPCB_SACKED_ACKED) !== 0) sk.sackedOut -= pcount;
    else if (sk.rxOpt.sackOk) {
      tcpCountDelivered(sk, pcount, ece);
      tcpRateSkbDelivered(sk, skb, rs);
    }
    if ((sacked & TCPCB_LOST) !== 0) sk.lostOut -= pcount;
    sk.packetsOut -= pcount;
    pktsAcked += pcount;
    if ((skb.tcpFlags & TCPHDR_SYN) === 0) flag |= FLAG_DATA_ACKED;
    else {
      flag |= FLAG_SYN_ACKED;
      sk.retransStamp = 0;
    }
    if (!fully) break;
    if (sk.retransmitSkbHint === skb) sk.retransmitSkbHint = null;
    if (sk.lostSkbHint === skb) sk.lostSkbHint = null;
    if (sk.highestSack === skb) sk.highestSack = q.sent > 1 ? q.at(1) : null;
    tsortedDel(sk, skb);
    wmemFreeSkb(sk, q.shift());
  }
  if (q.sent > 0 && (q.at(0).sacked & TCPCB_SACKED_ACKED) !== 0) flag |= FLAG_SACK_RENEGING;
  sk.sendRing.ackTo(sk.sndUna);
  const now = sk.tcpMstamp;
  let seqRtt = -1;
  let caRtt = -1;
  if (firstAckt !== 0 && (flag & FLAG_RETRANS_DATA_ACKED) === 0) {
    seqRtt = now - firstAckt;
    caRtt = now - lastAckt;
  }
  let sackRtt = -1;
  if (sackState.firstSackt !== 0) {
    sackRtt = now - sackState.firstSackt;
    caRtt = now - sackState.lastSackt;
  }
  const updated = tcpAckUpdateRtt(sk, flag | flagIn, seqRtt, sackRtt, caRtt, rs);
  if ((flag & FLAG_ACKED) !== 0) {
    flag |= FLAG_SET_XMIT_TIMER;
    if (!sk.rxOpt.sackOk) {
      tcpRemoveRenoSacks(sk, pktsAcked, ece);
      // Karn: the duplicates of a retransmission's ACK say nothing of what came later
      if ((flag & FLAG_RETRANS_DATA_ACKED) !== 0) flag &= ~FLAG_ORIG_SACK_ACKED;
    }
  } else if (updated && sackRtt >= 0 && sackRtt > now - Math.floor((q.rtxHead?.mstampNs ?? 0) / 1000)) {
    // "Do not re-arm RTO if the sack RTT is measured from data sent after when the head was last (re)transmitted"
    flag |= FLAG_SET_XMIT_TIMER;
  }
  const report = sk.icskCaOps.pktsAcked;
  if (report !== null) {
    sample.pktsAcked = pktsAcked;
    sample.rttUs = caRtt;
    sample.inFlight = lastInFlight;
    report(sk, sample);
  }
  return before(sk.sndUna, priorSndUna) ? 0 : flag;
}

/** tcp_count_delivered. */
export function tcpCountDelivered(sk: TcpSock, n: number, ece: boolean): void {
  sk.delivered += n;
  if (ece) sk.deliveredCe += n;
}

/** tcp_remove_reno_sacks: without SACK, duplicates stood for segments beyond the first hole. */
function tcpRemoveRenoSacks(sk: TcpSock, acked: number, ece: boolean): void {
  if (acked > 0) {
    tcpCountDelivered(sk, Math.max(acked - sk.sackedOut, 1), ece);
    if (acked - 1 >= sk.sackedOut) sk.sackedOut = 0;
    else sk.sackedOut -= acked - 1;
  }
  tcpLimitRenoSacked(sk);
}

/** tcp_limit_reno_sacked: not more than there are beside what is lost. */
export function tcpLimitRenoSacked(sk: TcpSock): void {
  const holes = Math.min(Math.max(sk.lostOut, 1), sk.packetsOut);
  if (sk.sackedOut + holes > sk.packetsOut) sk.sackedOut = sk.packetsOut - holes;
}

/** tcp_ack_update_rtt: from when segments were sent, else from the timestamp's echo. @returns whether there was a measurement */
export function tcpAckUpdateRtt(
  sk: TcpSock,
  flag: number,
  seqRttUs: number,
  sackRttUs: number,
  caRttUs: number,
  rs: RateSample,
): boolean {
  let seqRtt = seqRttUs < 0 ? sackRttUs : seqRttUs;
  let caRtt = caRttUs;
  const opt = sk.rxOpt;
  if (seqRtt < 0 && opt.sawTstamp && opt.rcvTsecr !== 0 && (flag & FLAG_ACKED) !== 0) {
    seqRtt = tcpRttTsoptUs(sk, 1);
    caRtt = seqRtt;
  }
  rs.rttUs = caRtt;
  if (seqRtt < 0) return false;
  tcpUpdateRttMin(sk, caRtt);
  tcpRttEstimator(sk, seqRtt);
  tcpSetRto(sk);
  // RFC 6298: backoff ends with a valid measurement only
  sk.icskBackoff = 0;
  return true;
}

/** tcp_rtt_tsopt_us: age of the timestamp that the peer echoes, us; -1 when it makes no sense. @param least for none, ms */
export function tcpRttTsoptUs(sk: TcpSock, least: number): number {
  const ms = (tcpTimeStamp(sk) - sk.rxOpt.rcvTsecr) >>> 0;
  if (ms >= 2147483648 / 1000) return -1;
  return (ms === 0 ? least : ms) * 1000;
}
