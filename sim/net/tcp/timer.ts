/**
 * What happens when a connection's timers run out.
 *
 * @source net/ipv4/tcp_timer.c tcp_write_timer_handler, tcp_retransmit_timer, tcp_write_timeout, tcp_probe_timer, tcp_keepalive_timer;
 *         net/ipv4/tcp_output.c tcp_send_probe0, tcp_pace_kick
 */
import { TCP_CLOSE, TCP_ESTABLISHED, TCP_LISTEN } from "../sockets/bpf-sock.ts";
import { tcpCompressedAckKick, tcpDelackTimer } from "./ack-send.ts";
import { msecsToJiffies, tcpJiffies, tcpMstampRefresh, tcpTimeStamp, timeStampOf, usecsToJiffies } from "./clock.ts";
import { tcpFinTime } from "./close-time.ts";
import {
  ETIMEDOUT,
  HZ,
  ICSK_TIME_NONE,
  ICSK_TIME_PROBE0,
  ICSK_TIME_RETRANS,
  JIFFY_NS,
  TCP_CA_Disorder,
  TCP_CA_Loss,
  TCP_CA_Recovery,
  TCP_FIN_WAIT2,
  TCP_RESOURCE_PROBE_INTERVAL,
  TCP_RTO_MIN,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
  TCP_TIMEOUT_INIT,
  TCP_TIMEWAIT_LEN,
  TIMER_COMPRESSED_ACK,
  TIMER_DELACK,
  TIMER_KEEPALIVE,
  TIMER_PACING,
  TIMER_RETRANS,
} from "./const.ts";
import { tcpCurrentMss } from "./mss.ts";
import { tcpProbe0When, tcpWriteWakeup, tcpWriteXmit } from "./output.ts";
import { tcpEnterLoss, tcpXmitRetransmitQueue } from "./recovery.ts";
import { tcpRetransmitSkb } from "./retransmit.ts";
import { icskRtoBackoff, resetXmitTimer, tcpResetXmitTimer } from "./rto.ts";
import { tcpDone, tcpWriteQueuePurge } from "./state.ts";
import type { TcpSock } from "./tcp-sock.ts";
import { tcpTimeWait } from "./time-wait.ts";
import { tcpSendActiveReset } from "./transmit.ts";
import { tcpDoneWithError } from "./validate.ts";

const TCP_THIN_LINEAR_RETRIES = 6;

/** The handler of the sockets' timer event. */
export function tcpTimer(sk: TcpSock, timer: number): void {
  if (!sk.timers.fire(timer)) return;
  switch (timer) {
    case TIMER_RETRANS:
      writeTimer(sk);
      break;
    case TIMER_DELACK:
      if (sk.state !== TCP_CLOSE && sk.state !== TCP_LISTEN) tcpDelackTimer(sk);
      break;
    case TIMER_KEEPALIVE:
      keepaliveTimer(sk);
      break;
    case TIMER_COMPRESSED_ACK:
      tcpCompressedAckKick(sk);
      break;
    case TIMER_PACING:
      tcpTsqHandler(sk);
      break;
    default:
  }
}

/** tcp_tsq_handler: sending goes on after pacing, or after the host's queues have drained. */
export function tcpTsqHandler(sk: TcpSock): void {
  if (sk.closed || sk.state === TCP_CLOSE || sk.state === TCP_LISTEN || sk.state === TCP_SYN_SENT) return;
  tcpMstampRefresh(sk);
  if (sk.lostOut > sk.retransOut && sk.sndCwnd > sk.packetsInFlight) tcpXmitRetransmitQueue(sk);
  tcpWriteXmit(sk, tcpCurrentMss(sk), sk.nonagle, 0);
}

/** tcp_write_timer_handler. */
function writeTimer(sk: TcpSock): void {
  if (sk.state === TCP_CLOSE || sk.state === TCP_LISTEN || sk.icskPending === ICSK_TIME_NONE) return;
  tcpMstampRefresh(sk);
  const event = sk.icskPending;
  sk.icskPending = ICSK_TIME_NONE;
  if (event === ICSK_TIME_RETRANS) tcpRetransmitTimer(sk);
  else if (event === ICSK_TIME_PROBE0) tcpProbeTimer(sk);
}

/** tcp_retransmit_timer, at once. */
export function tcpRetransmitTimerNow(sk: TcpSock): void {
  sk.icskPending = ICSK_TIME_NONE;
  tcpRetransmitTimer(sk);
}

/** tcp_model_timeout: how long so many timeouts take, each twice the one before, ms. */
function modelTimeout(sk: TcpSock, boundary: number, base: number): number {
  const linear = 31 - Math.clz32(sk.icskRtoMax / base);
  const jiffies =
    boundary <= linear
      ? (2 * 2 ** boundary - 1) * base
      : (2 * 2 ** linear - 1) * base + (boundary - linear) * sk.icskRtoMax;
  return jiffies * (1000 / HZ);
}

/** retransmits_timed_out. @param timeoutMs 0: by the number of retransmissions */
function retransmitsTimedOut(sk: TcpSock, boundary: number, timeoutMs: number): boolean {
  if (sk.icskRetransmits === 0) return false;
  let limit = timeoutMs;
  if (limit === 0) {
    const opening = sk.state === TCP_SYN_SENT || sk.state === TCP_SYN_RECV;
    limit = modelTimeout(sk, boundary, opening ? TCP_TIMEOUT_INIT : TCP_RTO_MIN);
  }
  return ((tcpTimeStamp(sk) - sk.retransStamp) | 0) - limit >= 0;
}

/** tcp_orphan_retries. */
function orphanRetries(sk: TcpSock, alive: boolean): number {
  let n = sk.stack.sysctl.tcpOrphanRetries;
  if (sk.skErrSoft !== 0 && !alive) n = 0;
  return n === 0 && alive ? 8 : n;
}

/** tcp_write_err: the peer is given up. */
export function tcpWriteErr(sk: TcpSock): void {
  tcpWriteQueuePurge(sk);
  tcpDoneWithError(sk, sk.skErrSoft !== 0 ? sk.skErrSoft : ETIMEDOUT);
  sk.stack.snmp.TcpExtTCPAbortOnTimeout++;
}

/** tcp_write_timeout. @returns whether the connection was given up */
function tcpWriteTimeout(sk: TcpSock): boolean {
  const s = sk.stack.sysctl;
  let retryUntil: number;
  let expired = false;
  if (sk.state === TCP_SYN_SENT || sk.state === TCP_SYN_RECV) {
    if (sk.icskRetransmits > 0) sk.skDst = null;
    retryUntil = sk.icskSynRetries !== 0 ? sk.icskSynRetries : s.tcpSynRetries;
    const max = retryUntil + (sk.state === TCP_SYN_SENT ? s.tcpSynLinearTimeouts : 0);
    expired = sk.icskRetransmits >= max;
  } else {
    if (retransmitsTimedOut(sk, s.tcpRetries1, 0)) sk.skDst = null;
    retryUntil = s.tcpRetries2;
    if (sk.dead) retryUntil = orphanRetries(sk, sk.icskRto < sk.icskRtoMax);
  }
  if (!expired) expired = retransmitsTimedOut(sk, retryUntil, sk.icskUserTimeout);
  if (expired) {
    tcpWriteErr(sk);
    return true;
  }
  // sk_rethink_txhash: perhaps another path works
  if (sk.skTxhash !== 0) {
    sk.skTxhash = sk.stack.random.u32() | 1;
    sk.flowLabel = -1;
    sk.stack.snmp.TcpExtTCPTimeoutRehash++;
  }
  return false;
}

/** tcp_clamp_rto_to_user_timeout, jiffies. */
function clampToUserTimeout(sk: TcpSock): number {
  if (sk.icskUserTimeout === 0) return sk.icskRto;
  const remaining = sk.icskUserTimeout - ((tcpTimeStamp(sk) - sk.retransStamp) | 0);
  return remaining <= 0 ? 1 : Math.min(sk.icskRto, msecsToJiffies(remaining));
}

/** tcp_retransmit_timer. */
function tcpRetransmitTimer(sk: TcpSock): void {
  const { snmp, sysctl } = sk.stack;
  const head = sk.txq.rtxHead;
  if (sk.packetsOut === 0 || head === null) return;
  const opening = sk.state === TCP_SYN_SENT || sk.state === TCP_SYN_RECV;
  if (sk.sndWnd === 0 && !sk.dead && !opening) {
    // the peer has closed its window over what was sent: retransmissions are probes, and do not end the connection
    const since = sk.retransStamp !== 0 ? sk.retransStamp : timeStampOf(head.mstampNs);
    if (probe0TimedOut(sk, (tcpTimeStamp(sk) - since) | 0)) {
      tcpWriteErr(sk);
      return;
    }
    tcpEnterLoss(sk);
    tcpRetransmitSkb(sk, head, 1);
    sk.skDst = null;
    resetRetransTimer(sk);
    return;
  }
  snmp.TcpExtTCPTimeouts++;
  if (tcpWriteTimeout(sk)) return;
  if (sk.icskRetransmits === 0) countFailure(sk);
  tcpEnterLoss(sk);
  sk.icskRetransmits++;
  sk.totalRto++;
  if (tcpRetransmitSkb(sk, sk.txq.rtxHead!, 1) > 0) {
    resetXmitTimer(sk, ICSK_TIME_RETRANS, TCP_RESOURCE_PROBE_INTERVAL, sk.icskRtoMax);
    return;
  }
  resetRetransTimer(sk);
  if (retransmitsTimedOut(sk, sysctl.tcpRetries1 + 1, 0)) sk.skDst = null;
}

/** What kind of recovery the timeout ended. */
function countFailure(sk: TcpSock): void {
  const { snmp } = sk.stack;
  const sack = sk.rxOpt.sackOk;
  if (sk.icskCaState === TCP_CA_Recovery) {
    if (sack) snmp.TcpExtTCPSackRecoveryFail++;
    else snmp.TcpExtTCPRenoRecoveryFail++;
  } else if (sk.icskCaState === TCP_CA_Loss) snmp.TcpExtTCPLossFailures++;
  else if (sk.icskCaState === TCP_CA_Disorder || sk.sackedOut > 0) {
    if (sack) snmp.TcpExtTCPSackFailures++;
    else snmp.TcpExtTCPRenoFailures++;
  }
}

/** out_reset_timer: the next timeout is twice as long. */
function resetRetransTimer(sk: TcpSock): void {
  const s = sk.stack.sysctl;
  const thin = sk.state === TCP_ESTABLISHED && s.tcpThinLinearTimeouts !== 0 && sk.packetsOut < 4;
  if (thin && sk.sndSsthresh < 0x7fffffff && sk.icskRetransmits <= TCP_THIN_LINEAR_RETRIES) {
    sk.icskBackoff = 0;
    const rto = usecsToJiffies((sk.srttUs >> 3) + sk.rttvarUs);
    sk.icskRto = Math.min(Math.max(rto, sk.icskRtoMin), sk.icskRtoMax);
  } else if (sk.state !== TCP_SYN_SENT || sk.totalRto > s.tcpSynLinearTimeouts) {
    sk.icskBackoff++;
    sk.icskRto = Math.min(sk.icskRto * 2, sk.icskRtoMax);
  }
  resetXmitTimer(sk, ICSK_TIME_RETRANS, clampToUserTimeout(sk), sk.icskRtoMax);
}

/** tcp_rtx_probe0_timed_out. @unit rtxDelta: ms since the first retransmission */
function probe0TimedOut(sk: TcpSock, rtxDelta: number): boolean {
  let timeout = sk.icskRtoMax * 2;
  if (sk.icskUserTimeout !== 0) {
    if (rtxDelta > sk.icskUserTimeout) return true;
    timeout = Math.min(timeout, msecsToJiffies(sk.icskUserTimeout));
  }
  if (tcpJiffies(sk.stack) - sk.rcvTstamp <= timeout) return false;
  return msecsToJiffies(rtxDelta) > timeout;
}

/** tcp_probe_timer: the peer's window is closed. */
function tcpProbeTimer(sk: TcpSock): void {
  if (sk.packetsOut > 0 || sk.txq.sendHead === null) {
    sk.icskProbesOut = 0;
    sk.icskProbesTstamp = 0;
    return;
  }
  const now = tcpJiffies(sk.stack);
  if (sk.icskProbesTstamp === 0) sk.icskProbesTstamp = now;
  else if (sk.icskUserTimeout !== 0 && now - sk.icskProbesTstamp >= msecsToJiffies(sk.icskUserTimeout)) {
    tcpWriteErr(sk);
    return;
  }
  let max = sk.stack.sysctl.tcpRetries2;
  if (sk.dead) {
    const alive = icskRtoBackoff(sk, sk.icskRtoMax) < sk.icskRtoMax;
    max = orphanRetries(sk, alive);
    if (!alive && sk.icskBackoff >= max) {
      tcpWriteErr(sk);
      return;
    }
  }
  if (sk.icskProbesOut >= max) tcpWriteErr(sk);
  else tcpSendProbe0(sk);
}

/** tcp_send_probe0. */
function tcpSendProbe0(sk: TcpSock): void {
  const err = tcpWriteWakeup(sk, false);
  if (sk.packetsOut > 0 || sk.txq.sendHead === null) {
    sk.icskProbesOut = 0;
    sk.icskBackoff = 0;
    sk.icskProbesTstamp = 0;
    return;
  }
  sk.icskProbesOut++;
  let timeout = TCP_RESOURCE_PROBE_INTERVAL;
  if (err <= 0) {
    if (sk.icskBackoff < sk.stack.sysctl.tcpRetries2) sk.icskBackoff++;
    timeout = tcpProbe0When(sk, sk.icskRtoMax);
  }
  if (sk.icskUserTimeout !== 0 && sk.icskProbesTstamp !== 0) {
    // tcp_clamp_probe0_to_user_timeout
    const elapsed = Math.max(tcpJiffies(sk.stack) - sk.icskProbesTstamp, 0);
    const left = Math.max(msecsToJiffies(sk.icskUserTimeout) - elapsed, 2);
    timeout = Math.min(timeout, left);
  }
  tcpResetXmitTimer(sk, ICSK_TIME_PROBE0, timeout, true);
}

/** keepalive_time_when, jiffies. */
function keepaliveTimeWhen(sk: TcpSock): number {
  return sk.keepaliveTime !== 0 ? sk.keepaliveTime : sk.stack.sysctl.tcpKeepaliveTimeS * HZ;
}

/** tcp_reset_keepalive_timer. */
export function resetKeepaliveTimer(sk: TcpSock, jiffies: number): void {
  sk.timers.set(TIMER_KEEPALIVE, sk.stack.kernel.engine.nowNs + jiffies * JIFFY_NS);
}

/** tcp_set_keepalive: SO_KEEPALIVE is switched on or off. */
export function tcpSetKeepalive(sk: TcpSock, on: boolean): void {
  if (sk.state !== TCP_CLOSE && sk.state !== TCP_LISTEN) {
    if (on && !sk.keepOpen) resetKeepaliveTimer(sk, keepaliveTimeWhen(sk));
    else if (!on) sk.timers.stop(TIMER_KEEPALIVE);
  }
  sk.keepOpen = on;
}

/** tcp_keepalive_timer: keepalive, and the end of orphans in FIN_WAIT2. */
function keepaliveTimer(sk: TcpSock): void {
  const s = sk.stack.sysctl;
  if (sk.state === TCP_LISTEN) return;
  tcpMstampRefresh(sk);
  if (sk.state === TCP_FIN_WAIT2 && sk.dead) {
    if (sk.linger2 >= 0) {
      const wait = tcpFinTime(sk) - TCP_TIMEWAIT_LEN;
      if (wait > 0) {
        tcpTimeWait(sk, TCP_FIN_WAIT2, wait);
        return;
      }
    }
    tcpSendActiveReset(sk);
    tcpDone(sk);
    return;
  }
  if (!sk.keepOpen || sk.state === TCP_CLOSE || sk.state === TCP_SYN_SENT) return;
  const when = keepaliveTimeWhen(sk);
  if (sk.packetsOut > 0 || sk.txq.sendHead !== null) {
    // it is alive without keepalive
    resetKeepaliveTimer(sk, when);
    return;
  }
  const now = tcpJiffies(sk.stack);
  const elapsed = Math.min(now - sk.icskAckLrcvtime, now - sk.rcvTstamp);
  if (elapsed < when) {
    resetKeepaliveTimer(sk, when - elapsed);
    return;
  }
  const probes = sk.keepaliveProbes !== 0 ? sk.keepaliveProbes : s.tcpKeepaliveProbes;
  const user = sk.icskUserTimeout;
  if (user !== 0 ? elapsed >= msecsToJiffies(user) && sk.icskProbesOut > 0 : sk.icskProbesOut >= probes) {
    tcpSendActiveReset(sk);
    tcpWriteErr(sk);
    return;
  }
  if (tcpWriteWakeup(sk, true) > 0) {
    resetKeepaliveTimer(sk, TCP_RESOURCE_PROBE_INTERVAL);
    return;
  }
  sk.icskProbesOut++;
  resetKeepaliveTimer(sk, sk.keepaliveIntvl !== 0 ? sk.keepaliveIntvl : s.tcpKeepaliveIntvlS * HZ);
}
