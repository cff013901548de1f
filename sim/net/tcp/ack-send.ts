/**
 * Whether an ACK goes now, later, or held back with others.
 *
 * @source net/ipv4/tcp_input.c __tcp_ack_snd_check, tcp_data_snd_check; net/ipv4/tcp_output.c tcp_send_delayed_ack;
 *         net/ipv4/tcp_timer.c tcp_delack_timer_handler, tcp_compressed_ack_kick
 */
import { exitPingpongMode, inetCskAckScheduled, inPingpongMode, tcpInQuickackMode } from "./ack-state.ts";
import { tcpMstampRefresh, usecsToJiffies } from "./clock.ts";
import {
  HZ,
  ICSK_ACK_NOW,
  ICSK_ACK_PUSHED,
  ICSK_ACK_SCHED,
  ICSK_ACK_TIMER,
  JIFFY_NS,
  TCP_ATO_MIN,
  TCP_DELACK_MAX,
  TCP_DELACK_MIN,
  TIMER_COMPRESSED_ACK,
  TIMER_DELACK,
} from "./const.ts";
import { tcpPushPendingFrames } from "./output.ts";
import { tcpSackCompressSendAck } from "./sack-out.ts";
import { tcpCheckSpace } from "./sk-mem.ts";
import type { TcpSock } from "./tcp-sock.ts";
import { tcpSendAck } from "./transmit.ts";
import { tcpSelectWindowRaw } from "./window.ts";

/** TCP_FASTRETRANS_THRESH: so many duplicates go at once before they are compressed. */
const TCP_FASTRETRANS_THRESH = 3;

/** tcp_data_snd_check: sends what the ACK made room for, and tells the application. */
export function tcpDataSndCheck(sk: TcpSock): void {
  tcpPushPendingFrames(sk);
  tcpCheckSpace(sk);
}

/** tcp_ack_snd_check. */
export function tcpAckSndCheck(sk: TcpSock): void {
  if (inetCskAckScheduled(sk)) tcpAckSndCheckNow(sk, true);
}

/** __tcp_ack_snd_check. @param ofoPossible segments out of order may wait */
export function tcpAckSndCheckNow(sk: TcpSock, ofoPossible: boolean): void {
  const s = sk.stack.sysctl;
  if (
    ((sk.rcvNxt - sk.rcvWup) >>> 0 > sk.icskAckRcvMss &&
      ((sk.rcvNxt - sk.copiedSeq) >>> 0 < sk.rcvLowat || tcpSelectWindowRaw(sk) >= sk.rcvWnd)) ||
    tcpInQuickackMode(sk) ||
    (sk.icskAckPending & ICSK_ACK_NOW) !== 0
  ) {
    tcpSendAck(sk);
    return;
  }
  if (!ofoPossible || sk.oooQueue.length === 0) {
    tcpSendDelayedAck(sk);
    return;
  }
  if (!sk.rxOpt.sackOk || sk.compressedAck >= s.tcpCompSackNr) {
    tcpSendAck(sk);
    return;
  }
  if (sk.compressedAckRcvNxt !== sk.rcvNxt) {
    sk.compressedAckRcvNxt = sk.rcvNxt;
    sk.dupackCounter = 0;
  }
  if (sk.dupackCounter < TCP_FASTRETRANS_THRESH) {
    sk.dupackCounter++;
    tcpSendAck(sk);
    return;
  }
  sk.compressedAck++;
  if (sk.timers.isSet(TIMER_COMPRESSED_ACK)) return;
  // 5 % of the round trip time, at most a millisecond
  let rtt = sk.rcvRttUs;
  if (sk.srttUs !== 0 && sk.srttUs < rtt) rtt = sk.srttUs;
  const delayNs = Math.min(s.tcpCompSackDelayNs, Math.floor((rtt * 125) / 20));
  sk.timers.set(TIMER_COMPRESSED_ACK, sk.stack.kernel.engine.nowNs + delayNs);
}

/** tcp_compressed_ack_kick: the time of holding ACKs back is over. */
export function tcpCompressedAckKick(sk: TcpSock): void {
  if (sk.compressedAck === 0) return;
  sk.stack.snmp.TcpExtTCPAckCompressed += sk.compressedAck - 1;
  sk.compressedAck = 0;
  tcpMstampRefresh(sk);
  tcpSendAck(sk);
}

/** tcp_delack_max. */
function tcpDelackMax(sk: TcpSock): number {
  return Math.min(sk.icskDelackMax, Math.max(sk.icskRtoMin, 2) - 1);
}

/** tcp_send_delayed_ack. */
export function tcpSendDelayedAck(sk: TcpSock): void {
  let ato = sk.icskAckAto;
  if (ato > TCP_DELACK_MIN) {
    let maxAto = HZ / 2;
    if (inPingpongMode(sk) || (sk.icskAckPending & ICSK_ACK_PUSHED) !== 0) maxAto = TCP_DELACK_MAX;
    if (sk.srttUs !== 0) maxAto = Math.min(maxAto, Math.max(usecsToJiffies(sk.srttUs >> 3), TCP_DELACK_MIN));
    ato = Math.min(ato, maxAto);
  }
  ato = Math.min(ato, tcpDelackMax(sk));
  const now = sk.stack.kernel.engine.nowNs;
  let atNs = now + ato * JIFFY_NS;
  if ((sk.icskAckPending & ICSK_ACK_TIMER) !== 0) {
    const due = sk.timers.dueAtNs(TIMER_DELACK);
    if (due <= now + (ato >> 2) * JIFFY_NS) {
      tcpSendAck(sk);
      return;
    }
    if (atNs >= due) atNs = due;
  }
  sk.icskAckPending |= ICSK_ACK_SCHED | ICSK_ACK_TIMER;
  sk.timers.set(TIMER_DELACK, atNs);
}

/** tcp_delack_timer_handler. */
export function tcpDelackTimer(sk: TcpSock): void {
  if (sk.compressedAck > 0) {
    tcpMstampRefresh(sk);
    tcpSackCompressSendAck(sk);
    return;
  }
  if ((sk.icskAckPending & ICSK_ACK_TIMER) === 0) return;
  sk.icskAckPending &= ~ICSK_ACK_TIMER;
  if (!inetCskAckScheduled(sk)) return;
  if (!inPingpongMode(sk)) sk.icskAckAto = Math.min(sk.icskAckAto << 1, sk.icskRto);
  else {
    exitPingpongMode(sk);
    sk.icskAckAto = TCP_ATO_MIN;
  }
  tcpMstampRefresh(sk);
  tcpSendAck(sk);
  sk.stack.snmp.TcpExtDelayedACKs++;
}
