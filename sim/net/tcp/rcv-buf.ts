/**
 * The receiver's measurements: how large the peer's segments are, how long a round trip is, how large window and buffer should be.
 *
 * @source net/ipv4/tcp_input.c tcp_measure_rcv_mss, tcp_grow_window, tcp_rcv_rtt_measure, tcp_rcv_rtt_measure_ts, tcp_rcv_space_adjust,
 *         tcp_rcvbuf_grow, tcp_init_buffer_space, tcp_clamp_window, tcp_event_data_recv
 */
import type { Skb } from "../skb.ts";
import { inetCskScheduleAck, tcpIncrQuickack } from "./ack-state.ts";
import { tcpRttTsoptUs } from "./clean-rtx.ts";
import { tcpJiffies, tcpMstampRefresh } from "./clock.ts";
import {
  ICSK_ACK_PUSHED,
  ICSK_ACK_PUSHED2,
  TCP_ATO_MIN,
  TCP_HLEN,
  TCP_INIT_CWND,
  TCP_MAX_QUICKACKS,
  TCP_MIN_MSS,
  TCP_MSS_DEFAULT,
  TCP_RMEM_TO_WIN_SCALE,
  TCPHDR_FIN,
  TCPHDR_PSH,
  TCPHDR_SYN,
  TCPHDR_URG,
} from "./const.ts";
import { tcpDataEcnCheck } from "./ecn.ts";
import { before } from "./seq.ts";
import { tcpSndbufExpand } from "./sk-mem.ts";
import type { TcpSock } from "./tcp-sock.ts";
import { tcpFullSpace, tcpSetWindowClamp, tcpSpace, tcpSpaceFromWin, tcpWinFromSpace } from "./window.ts";

/** TCP_REMNANT: flags of a segment that is short for a reason. */
const REMNANT = TCPHDR_FIN | TCPHDR_URG | TCPHDR_SYN | TCPHDR_PSH;

/** tcp_measure_rcv_mss: skb.data at the data. */
export function tcpMeasureRcvMss(sk: TcpSock, skb: Skb): void {
  const lss = sk.icskAckLastSegSize;
  sk.icskAckLastSegSize = 0;
  let len = skb.len;
  if (len >= sk.icskAckRcvMss) {
    if (len !== sk.icskAckRcvMss) measureScalingRatio(sk, skb);
    sk.icskAckRcvMss = Math.min(len, sk.advmss);
    if ((skb.tcpFlags & TCPHDR_PSH) !== 0) sk.icskAckPending |= ICSK_ACK_PUSHED;
    return;
  }
  // "Otherwise, we make more careful check taking into account that SACKs block is variable"
  len += skb.data - skb.transportHeader;
  if (len >= TCP_MSS_DEFAULT + TCP_HLEN || (len >= TCP_MIN_MSS + TCP_HLEN && (skb.tcpFlags & REMNANT) === 0)) {
    len -= sk.tcpHeaderLen;
    sk.icskAckLastSegSize = len;
    if (len === lss) {
      sk.icskAckRcvMss = len;
      return;
    }
  }
  if ((sk.icskAckPending & ICSK_ACK_PUSHED) !== 0) sk.icskAckPending |= ICSK_ACK_PUSHED2;
  sk.icskAckPending |= ICSK_ACK_PUSHED;
}

/** How much of a packet's memory is data: what a byte of buffer is worth as window. */
function measureScalingRatio(sk: TcpSock, skb: Skb): void {
  const ratio = Math.floor((skb.len * (1 << TCP_RMEM_TO_WIN_SCALE)) / skb.truesize) & 255 || 1;
  if (ratio === sk.scalingRatio) return;
  sk.scalingRatio = ratio;
  tcpSetWindowClamp(sk, tcpWinFromSpace(sk, sk.rcvBuf));
  if (sk.windowClamp < sk.rcvqSpaceSpace) sk.rcvqSpaceSpace = sk.windowClamp;
}

/** tcp_grow_window: the window may grow when packets like this one do not waste the buffer. */
export function tcpGrowWindow(sk: TcpSock, skb: Skb): void {
  const room = Math.min(sk.windowClamp, tcpSpace(sk)) - sk.rcvSsthresh;
  if (room <= 0) return;
  let incr: number;
  if (tcpWinFromSpace(sk, skb.truesize) <= skb.len) incr = 2 * sk.advmss;
  else incr = growBySmall(sk, skb);
  if (incr === 0) return;
  sk.rcvSsthresh += Math.min(room, Math.max(incr, 2 * skb.len));
  sk.icskAckQuick |= 1;
}

/** __tcp_grow_window: small packets are allowed while the window is small as well. */
function growBySmall(sk: TcpSock, skb: Skb): number {
  let truesize = tcpWinFromSpace(sk, skb.truesize) >> 1;
  let window = tcpWinFromSpace(sk, sk.stack.sysctl.tcpRmemMax) >> 1;
  while (sk.rcvSsthresh <= window) {
    if (truesize <= skb.len) return 2 * sk.icskAckRcvMss;
    truesize >>= 1;
    window >>= 1;
  }
  return 0;
}

/** tcp_init_buffer_space: the connection is established. */
export function tcpInitBufferSpace(sk: TcpSock): void {
  const appWin = sk.stack.sysctl.tcpAppWin;
  if (!sk.sndBufLock) tcpSndbufExpand(sk);
  tcpMstampRefresh(sk);
  sk.rcvqSpaceTime = sk.tcpMstamp;
  sk.rcvqSpaceSeq = sk.copiedSeq;
  const maxWin = tcpFullSpace(sk);
  if (sk.windowClamp >= maxWin) {
    sk.windowClamp = maxWin;
    if (appWin !== 0 && maxWin > 4 * sk.advmss) {
      sk.windowClamp = Math.max(maxWin - Math.floor(maxWin / 2 ** appWin), 4 * sk.advmss);
    }
  }
  // one segment is kept for the application
  if (appWin !== 0 && sk.windowClamp > 2 * sk.advmss && sk.windowClamp + sk.advmss > maxWin) {
    sk.windowClamp = Math.max(2 * sk.advmss, maxWin - sk.advmss);
  }
  sk.rcvSsthresh = Math.min(sk.rcvSsthresh, sk.windowClamp);
  sk.sndCwndStamp = tcpJiffies(sk.stack);
  sk.rcvqSpaceSpace = Math.min(sk.rcvSsthresh, sk.rcvWnd, TCP_INIT_CWND * sk.advmss);
}

/** tcp_clamp_window: more waits than the buffer holds. */
export function tcpClampWindow(sk: TcpSock): void {
  const max = sk.stack.sysctl.tcpRmemMax;
  sk.icskAckQuick = 0;
  if (sk.rcvBuf < max && !sk.rcvBufLock) sk.rcvBuf = Math.min(sk.rmemAlloc, max);
  if (sk.rmemAlloc > sk.rcvBuf) sk.rcvSsthresh = Math.min(sk.windowClamp, 2 * sk.advmss);
}

/** tcp_rcv_rtt_update. rcvRttUs is eight times the estimate. @param winDep measured from window to window, which may take long */
function tcpRcvRttUpdate(sk: TcpSock, sample: number, winDep: boolean): void {
  const old = sk.rcvRttUs;
  const m = sample * 8;
  if (old === 0 || m < old) {
    sk.rcvRttUs = m;
    return;
  }
  if (winDep || sk.rcvNxt !== sk.copiedSeq) return;
  sk.rcvRttUs = old - Math.floor(old / 8) + sample;
}

/** tcp_rcv_rtt_measure: the time in which a window was received. */
function tcpRcvRttMeasure(sk: TcpSock): void {
  if (sk.rcvRttTime !== 0) {
    if (before(sk.rcvNxt, sk.rcvRttSeq)) return;
    tcpRcvRttUpdate(sk, Math.max(sk.tcpMstamp - sk.rcvRttTime, 1), true);
  }
  sk.rcvRttSeq = (sk.rcvNxt + sk.rcvWnd) >>> 0;
  sk.rcvRttTime = sk.tcpMstamp;
}

/** tcp_rcv_rtt_measure_ts: the age of the timestamp that a full segment echoes. */
export function tcpRcvRttMeasureTs(sk: TcpSock, skb: Skb): void {
  const opt = sk.rxOpt;
  if (opt.rcvTsecr === sk.rcvRttLastTsecr || !opt.sawTstamp) return;
  sk.rcvRttLastTsecr = opt.rcvTsecr;
  if ((skb.endSeq - skb.seq) >>> 0 < sk.icskAckRcvMss) return;
  const delta = tcpRttTsoptUs(sk, 0);
  if (delta > 0) tcpRcvRttUpdate(sk, delta, false);
}

/** tcp_rcvbuf_grow: dynamic right-sizing. @param newval bytes that the application took in a round trip */
export function tcpRcvbufGrow(sk: TcpSock, newval: number): void {
  const s = sk.stack.sysctl;
  const oldval = sk.rcvqSpaceSpace;
  sk.rcvqSpaceSpace = newval;
  if (s.tcpModerateRcvbuf === 0 || sk.rcvBufLock) return;
  // "DRS is always one RTT late", and in slow start the sender doubles its rate
  let rcvwin = newval * 2;
  rcvwin += Math.floor((rcvwin * (newval - oldval)) / oldval) * 2;
  const last = sk.oooQueue[sk.oooQueue.length - 1];
  if (last !== undefined) rcvwin += (last.endSeq - sk.rcvNxt) >>> 0;
  const rcvbuf = Math.min(tcpSpaceFromWin(sk, rcvwin), s.tcpRmemMax);
  if (rcvbuf <= sk.rcvBuf) return;
  sk.rcvBuf = rcvbuf;
  sk.windowClamp = tcpWinFromSpace(sk, rcvbuf);
}

/** tcp_rcv_space_adjust: after the application has read. */
export function tcpRcvSpaceAdjust(sk: TcpSock): void {
  tcpMstampRefresh(sk);
  const time = sk.tcpMstamp - sk.rcvqSpaceTime;
  if (sk.rcvRttUs === 0 || time < Math.floor(sk.rcvRttUs / 8)) return;
  let copied = (sk.copiedSeq - sk.rcvqSpaceSeq) >>> 0;
  // what waits was not taken
  copied -= (sk.rcvNxt - sk.copiedSeq) >>> 0;
  if (copied > sk.rcvqSpaceSpace) tcpRcvbufGrow(sk, copied);
  sk.rcvqSpaceSeq = sk.copiedSeq;
  sk.rcvqSpaceTime = sk.tcpMstamp;
}

/** tcp_event_data_recv: data have arrived in order; adapts the delay of ACKs. */
export function tcpEventDataRecv(sk: TcpSock, skb: Skb): void {
  inetCskScheduleAck(sk);
  tcpMeasureRcvMss(sk, skb);
  tcpRcvRttMeasure(sk);
  const now = tcpJiffies(sk.stack);
  if (sk.icskAckAto === 0) {
    // the first data: ACKs go at once
    tcpIncrQuickack(sk, TCP_MAX_QUICKACKS);
    sk.icskAckAto = TCP_ATO_MIN;
  } else {
    const m = now - sk.icskAckLrcvtime;
    if (m <= TCP_ATO_MIN / 2) sk.icskAckAto = (sk.icskAckAto >> 1) + TCP_ATO_MIN / 2;
    else if (m < sk.icskAckAto) sk.icskAckAto = Math.min((sk.icskAckAto >> 1) + m, sk.icskRto);
    else if (m > sk.icskRto) tcpIncrQuickack(sk, TCP_MAX_QUICKACKS);
  }
  sk.icskAckLrcvtime = now;
  tcpDataEcnCheck(sk, skb);
  if (skb.len >= 128) tcpGrowWindow(sk, skb);
}
