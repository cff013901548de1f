/**
 * Sending: which segments may go now.
 *
 * @source net/ipv4/tcp_output.c tcp_write_xmit, __tcp_push_pending_frames, tcp_push_one, tcp_nagle_test, tcp_small_queue_check,
 *         tcp_event_new_data_sent, tcp_send_fin, tcp_write_wakeup, tcp_send_probe0; RFC 9293 section 3.8.6.2.1 (silly windows), RFC 896
 */
import { TCP_CLOSE } from "../sockets/bpf-sock.ts";
import { tcpMstampRefresh } from "./clock.ts";
import {
  HZ,
  ICSK_TIME_LOSS_PROBE,
  ICSK_TIME_NONE,
  ICSK_TIME_PROBE0,
  TCP_NAGLE_CORK,
  TCP_NAGLE_OFF,
  TCP_NAGLE_PUSH,
  TCP_RTO_MIN,
  TCPHDR_ACK,
  TCPHDR_FIN,
  TCPHDR_PSH,
  TIMER_PACING,
} from "./const.ts";
import { tcpCwndValidate, tcpInCwndReduction } from "./cwnd.ts";
import { tcpFragment } from "./fragment.ts";
import { tcpCurrentMss, tcpTsoSegs } from "./mss.ts";
import { tcpRearmRto, tcpResetXmitTimer } from "./rto.ts";
import { after, before, seqAdd } from "./seq.ts";
import { tcpCheckSpace, txTruesize } from "./sk-mem.ts";
import type { TcpSock } from "./tcp-sock.ts";
import { tcpScheduleLossProbe } from "./tlp.ts";
import { tcpTransmitSkb, tcpWndEnd, tcpXmitProbeSkb } from "./transmit.ts";
import { type TxSkb, takeTxSkb } from "./tx-skb.ts";

/** push_one of a loss probe: the window does not hold it back. */
export const PUSH_LOSS_PROBE = 2;

/** tcp_write_xmit with push_one 0: everything that may go. @returns true when data wait and nothing is on its way: probe */
export function tcpWriteXmit(sk: TcpSock, mss: number, nonagle: number, pushOne: number): boolean {
  const q = sk.txq;
  let sent = 0;
  let cwndLimited = false;
  tcpMstampRefresh(sk);
  const maxSegs = tcpTsoSegs(sk, mss);
  for (let skb = q.sendHead; skb !== null; skb = q.sendHead) {
    if (tcpPacingCheck(sk)) break;
    let quota = tcpCwndTest(sk);
    if (quota === 0) {
      if (pushOne !== PUSH_LOSS_PROBE) {
        cwndLimited = true;
        break;
      }
      quota = 1;
    }
    const limit = Math.min(quota, maxSegs) * mss;
    skb.gsoSegs = Math.max(1, Math.ceil(skb.len / mss));
    if (!tcpSndWndTest(sk, skb, mss)) break;
    const last = q.sent === q.count - 1;
    if (!tcpNagleTest(sk, skb, mss, last ? nonagle : TCP_NAGLE_PUSH)) break;
    if (skb.len > limit) tcpFragment(sk, q.sent, limit, mss);
    if (tcpSmallQueueCheck(sk, skb)) break;
    if (skb.endSeq === skb.seq) break;
    if (tcpTransmitSkb(sk, skb) !== 0) break;
    tcpEventNewDataSent(sk, skb);
    if (skb.len < skb.gsoSegs * mss) sk.sndSml = skb.endSeq;
    sent += skb.gsoSegs;
    if (pushOne !== 0) break;
  }
  if (sk.packetsInFlight >= sk.sndCwnd) cwndLimited = true;
  if (sent > 0 || cwndLimited) tcpCwndValidate(sk, cwndLimited);
  if (sent > 0) {
    if (tcpInCwndReduction(sk)) sk.prrOut += sent;
    if (pushOne !== PUSH_LOSS_PROBE) tcpScheduleLossProbe(sk, false);
    return false;
  }
  return sk.packetsOut === 0 && q.sendHead !== null;
}

/** tcp_cwnd_test: packets that the congestion window lets out, at most half of it at once. */
function tcpCwndTest(sk: TcpSock): number {
  const inFlight = sk.packetsInFlight;
  if (inFlight >= sk.sndCwnd) return 0;
  return Math.min(Math.max(sk.sndCwnd >> 1, 1), sk.sndCwnd - inFlight);
}

/** tcp_snd_wnd_test: whether at least its first segment fits into the peer's window. */
function tcpSndWndTest(sk: TcpSock, skb: TxSkb, mss: number): boolean {
  const end = skb.len > mss ? seqAdd(skb.seq, mss) : skb.endSeq;
  return !after(end, tcpWndEnd(sk));
}

/** tcp_nagle_test, tcp_nagle_check with Minshall's modification. */
function tcpNagleTest(sk: TcpSock, skb: TxSkb, mss: number, nonagle: number): boolean {
  if ((nonagle & TCP_NAGLE_PUSH) !== 0 || (skb.tcpFlags & TCPHDR_FIN) !== 0 || skb.len >= mss) return true;
  if ((nonagle & TCP_NAGLE_CORK) !== 0) return false;
  return !(nonagle === 0 && sk.packetsOut > 0 && after(sk.sndSml, sk.sndUna) && !after(sk.sndSml, sk.sndNxt));
}

/** tcp_pacing_check: whether pacing holds sending back; the timer goes on then. */
function tcpPacingCheck(sk: TcpSock): boolean {
  if (sk.skPacingStatus !== 1) return false;
  if (sk.tcpWstampNs <= sk.tcpClockCache) return false;
  if (!sk.timers.isSet(TIMER_PACING)) sk.timers.set(TIMER_PACING, sk.tcpWstampNs);
  return true;
}

/** tcp_small_queue_check: not more than about a millisecond of data between here and the wire. */
function tcpSmallQueueCheck(sk: TcpSock, skb: TxSkb): boolean {
  const rate = sk.skPacingRate === Number.POSITIVE_INFINITY ? Number.MAX_SAFE_INTEGER : sk.skPacingRate;
  let limit = Math.max(2 * txTruesize(skb.len), Math.floor(rate / (1 << sk.skPacingShift)));
  limit = Math.min(limit, sk.stack.sysctl.tcpLimitOutputBytes);
  if (sk.wmemAlloc <= limit) return false;
  if (sk.txq.sent <= 1) return false;
  sk.tsqThrottled = true;
  return true;
}

/** tcp_event_new_data_sent: the send head moves on. */
function tcpEventNewDataSent(sk: TcpSock, skb: TxSkb): void {
  const prior = sk.packetsOut;
  sk.sndNxt = skb.endSeq;
  sk.txq.sent++;
  sk.packetsOut += skb.gsoSegs;
  if (prior === 0 || sk.icskPending === ICSK_TIME_LOSS_PROBE) tcpRearmRto(sk);
  sk.stack.snmp.TcpExtTCPOrigDataSent += skb.gsoSegs;
  tcpCheckSpace(sk);
}

/** __tcp_push_pending_frames. */
export function tcpPushPending(sk: TcpSock, mss: number, nonagle: number): void {
  if (sk.state === TCP_CLOSE) return;
  if (tcpWriteXmit(sk, mss, nonagle, 0)) tcpCheckProbeTimer(sk);
}

/** tcp_push_pending_frames. */
export function tcpPushPendingFrames(sk: TcpSock): void {
  if (sk.txq.sendHead !== null) tcpPushPending(sk, tcpCurrentMss(sk), sk.nonagle);
}

/** tcp_push_one: the first that waits, Nagle or not. */
export function tcpPushOne(sk: TcpSock, mss: number): void {
  tcpWriteXmit(sk, mss, TCP_NAGLE_PUSH, 1);
}

/** tcp_mark_push. */
export function tcpMarkPush(sk: TcpSock, skb: TxSkb): void {
  skb.tcpFlags |= TCPHDR_PSH;
  sk.pushedSeq = sk.writeSeq;
}

/** tcp_queue_skb: a segment that takes sequence numbers joins the queue. */
export function tcpQueueSkb(sk: TcpSock, skb: TxSkb): void {
  sk.writeSeq = skb.endSeq;
  sk.txq.push(skb);
  sk.wmemQueued += txTruesize(skb.len);
}

/** tcp_send_fin: FIN goes with the last data that wait, or by itself. */
export function tcpSendFin(sk: TcpSock): void {
  const tail = sk.txq.writeTail;
  if (tail !== null) {
    tail.tcpFlags |= TCPHDR_FIN;
    tail.endSeq = seqAdd(tail.endSeq, 1);
    sk.writeSeq = seqAdd(sk.writeSeq, 1);
  } else {
    const skb = takeTxSkb();
    skb.seq = sk.writeSeq;
    skb.endSeq = seqAdd(sk.writeSeq, 1);
    skb.tcpFlags = TCPHDR_ACK | TCPHDR_FIN;
    tcpQueueSkb(sk, skb);
  }
  tcpPushPending(sk, tcpCurrentMss(sk), TCP_NAGLE_OFF);
}

/** tcp_probe0_base. */
function tcpProbe0Base(sk: TcpSock): number {
  return Math.max(sk.icskRto, TCP_RTO_MIN);
}

/** ilog2(TCP_RTO_MAX / TCP_RTO_MIN) + 1. */
const MAX_PROBE_BACKOFF = 32 - Math.clz32((120 * HZ) / TCP_RTO_MIN);

/** tcp_probe0_when: time of the next zero window probe, jiffies. */
export function tcpProbe0When(sk: TcpSock, maxWhen: number): number {
  const backoff = Math.min(MAX_PROBE_BACKOFF, sk.icskBackoff);
  return Math.min(tcpProbe0Base(sk) * 2 ** backoff, maxWhen);
}

/** tcp_check_probe_timer: data wait, nothing is on its way, no timer runs. */
export function tcpCheckProbeTimer(sk: TcpSock): void {
  if (sk.packetsOut > 0 || sk.icskPending !== ICSK_TIME_NONE) return;
  tcpResetXmitTimer(sk, ICSK_TIME_PROBE0, tcpProbe0Base(sk), true);
}

/** tcp_write_wakeup: a probe of the window or of life: data when the window has room for some, else an old byte. @returns as tcpTransmitSkb */
export function tcpWriteWakeup(sk: TcpSock, keepalive: boolean): number {
  if (sk.state === TCP_CLOSE) return -1;
  const q = sk.txq;
  const skb = q.sendHead;
  if (skb === null || !before(skb.seq, tcpWndEnd(sk))) {
    if (keepalive) sk.stack.snmp.TcpExtTCPKeepAlive++;
    else sk.stack.snmp.TcpExtTCPWinProbe++;
    return tcpXmitProbeSkb(sk, false);
  }
  const room = (tcpWndEnd(sk) - skb.seq) >>> 0;
  const mss = tcpCurrentMss(sk);
  if (before(sk.pushedSeq, skb.endSeq)) sk.pushedSeq = skb.endSeq;
  if (room < (skb.endSeq - skb.seq) >>> 0 || skb.len > mss) {
    skb.tcpFlags |= TCPHDR_PSH;
    tcpFragment(sk, q.sent, Math.min(room, mss), mss);
  } else skb.gsoSegs = Math.max(1, Math.ceil(skb.len / mss));
  skb.tcpFlags |= TCPHDR_PSH;
  const err = tcpTransmitSkb(sk, skb);
  if (err === 0) tcpEventNewDataSent(sk, skb);
  return err;
}
