/**
 * The retransmit timer: round trip times, timeouts, arming.
 *
 * @source net/ipv4/tcp_input.c tcp_rtt_estimator, tcp_set_rto, tcp_rearm_rto, tcp_update_rtt_min; include/net/inet_connection_sock.h
 *         inet_csk_reset_xmit_timer; include/net/tcp.h tcp_reset_xmit_timer, tcp_rto_delta_us; RFC 6298
 */
import { tcpJiffies, usecsToJiffies } from "./clock.ts";
import {
  HZ,
  ICSK_TIME_LOSS_PROBE,
  ICSK_TIME_NONE,
  ICSK_TIME_REO_TIMEOUT,
  ICSK_TIME_RETRANS,
  JIFFY_NS,
  TIMER_RETRANS,
} from "./const.ts";
import { after } from "./seq.ts";
import type { TcpSock } from "./tcp-sock.ts";

/** inet_csk_rto_backoff: the timeout doubled as often as it ran out, jiffies. */
export function icskRtoBackoff(sk: TcpSock, maxWhen: number): number {
  return Math.min(sk.icskRto * 2 ** sk.icskBackoff, maxWhen);
}

/** tcp_rto_min_us. */
function rtoMinUs(sk: TcpSock): number {
  return sk.icskRtoMin * (1e6 / HZ);
}

/** tcp_rtt_estimator: one measurement goes into srtt, mdev and rttvar. @unit mrttUs: us */
export function tcpRttEstimator(sk: TcpSock, mrttUs: number): void {
  let m = mrttUs;
  let srtt = sk.srttUs;
  if (srtt === 0) {
    // RFC 6298 (2.2): SRTT <- R, RTTVAR <- R/2; at least the lower bound of the timeout
    sk.srttUs = Math.max(1, m * 8);
    sk.mdevUs = m * 2;
    sk.rttvarUs = Math.max(sk.mdevUs, rtoMinUs(sk));
    sk.mdevMaxUs = sk.rttvarUs;
    sk.rttSeq = sk.sndNxt;
    return;
  }
  m -= srtt >> 3;
  srtt += m;
  if (m < 0) {
    m = -m;
    m -= sk.mdevUs >> 2;
    // "This is similar to one of Eifel findings": an RTT that falls must not make the timeout rise
    if (m > 0) m >>= 3;
  } else m -= sk.mdevUs >> 2;
  sk.mdevUs += m;
  if (sk.mdevUs > sk.mdevMaxUs) {
    sk.mdevMaxUs = sk.mdevUs;
    if (sk.mdevMaxUs > sk.rttvarUs) sk.rttvarUs = sk.mdevMaxUs;
  }
  if (after(sk.sndUna, sk.rttSeq)) {
    if (sk.mdevMaxUs < sk.rttvarUs) sk.rttvarUs -= (sk.rttvarUs - sk.mdevMaxUs) >> 2;
    sk.rttSeq = sk.sndNxt;
    sk.mdevMaxUs = rtoMinUs(sk);
  }
  sk.srttUs = Math.max(1, srtt);
}

/** tcp_set_rto, tcp_bound_rto. */
export function tcpSetRto(sk: TcpSock): void {
  sk.icskRto = Math.min(usecsToJiffies((sk.srttUs >> 3) + sk.rttvarUs), sk.icskRtoMax);
}

/** tcp_update_rtt_min: the smallest RTT of the last tcp_min_rtt_wlen seconds. */
export function tcpUpdateRttMin(sk: TcpSock, rttUs: number): void {
  const wlen = sk.stack.sysctl.tcpMinRttWlenS * HZ;
  sk.rttMin.running(wlen, tcpJiffies(sk.stack), rttUs > 0 ? rttUs : JIFFY_NS / 1000);
}

/** tcp_min_rtt, us; 2^32 - 1 before the first measurement. */
export function tcpMinRtt(sk: TcpSock): number {
  return sk.rttMin.get();
}

/** inet_csk_reset_xmit_timer of the retransmit timer. @unit when, maxWhen: jiffies, fractions allowed */
export function resetXmitTimer(sk: TcpSock, what: number, when: number, maxWhen: number): void {
  sk.icskPending = what;
  sk.timers.set(TIMER_RETRANS, sk.stack.kernel.engine.nowNs + Math.round(Math.min(when, maxWhen) * JIFFY_NS));
}

/** tcp_reset_xmit_timer: later by what pacing holds the segment back. */
export function tcpResetXmitTimer(sk: TcpSock, what: number, when: number, paceDelay: boolean): void {
  const delayNs = paceDelay ? sk.tcpWstampNs - sk.tcpClockCache : 0;
  resetXmitTimer(sk, what, when + (delayNs > 0 ? Math.ceil(delayNs / JIFFY_NS) : 0), sk.icskRtoMax);
}

/** inet_csk_clear_xmit_timer of the retransmit timer, whatever it stands for. */
export function clearRetransTimer(sk: TcpSock): void {
  sk.icskPending = ICSK_TIME_NONE;
  sk.timers.stop(TIMER_RETRANS);
}

/** tcp_rto_delta_us: what is left of the oldest segment's timeout, us; below 0 when it is over. */
export function tcpRtoDeltaUs(sk: TcpSock): number {
  const skb = sk.txq.rtxHead;
  const rtoUs = sk.icskRto * (JIFFY_NS / 1000);
  if (skb === null) return rtoUs;
  return Math.floor(skb.mstampNs / 1000) + rtoUs - sk.tcpMstamp;
}

/** tcp_rearm_rto: after something was acknowledged. */
export function tcpRearmRto(sk: TcpSock): void {
  if (sk.packetsOut === 0) {
    clearRetransTimer(sk);
    return;
  }
  let rto = sk.icskRto;
  // "Offset the time elapsed after installing regular RTO"
  if (sk.icskPending === ICSK_TIME_REO_TIMEOUT || sk.icskPending === ICSK_TIME_LOSS_PROBE) {
    rto = usecsToJiffies(Math.max(tcpRtoDeltaUs(sk), 1));
  }
  tcpResetXmitTimer(sk, ICSK_TIME_RETRANS, rto, true);
}
