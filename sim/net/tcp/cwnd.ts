/**
 * Rules of the congestion window that are no module's.
 *
 * @source net/ipv4/tcp_output.c tcp_cwnd_restart, tcp_cwnd_validate; net/ipv4/tcp_input.c tcp_enter_cwr, tcp_init_cwnd_reduction,
 *         tcp_update_pacing_rate; include/net/tcp.h tcp_current_ssthresh
 */
import { tcpJiffies } from "./clock.ts";
import { CA_EVENT_CWND_RESTART } from "./cong/ca.ts";
import { tcpIsCwndLimited } from "./cong/slow-start.ts";
import { TCP_CA_CWR, TCP_CA_Open, TCP_CA_Recovery, TCP_INIT_CWND } from "./const.ts";
import { tcpEcnQueueCwr } from "./ecn.ts";
import { before } from "./seq.ts";
import type { TcpSock } from "./tcp-sock.ts";

/** tcp_init_cwnd: RFC 6928. */
export function tcpInitCwnd(sk: TcpSock): number {
  return Math.min(TCP_INIT_CWND, sk.sndCwndClamp);
}

/** tcp_in_cwnd_reduction. */
export function tcpInCwndReduction(sk: TcpSock): boolean {
  return sk.icskCaState === TCP_CA_CWR || sk.icskCaState === TCP_CA_Recovery;
}

/** tcp_current_ssthresh. */
export function tcpCurrentSsthresh(sk: TcpSock): number {
  if (tcpInCwndReduction(sk)) return sk.sndSsthresh;
  return Math.max(sk.sndSsthresh, (sk.sndCwnd >> 1) + (sk.sndCwnd >> 2));
}

/** tcp_set_ca_state. */
export function tcpSetCaState(sk: TcpSock, state: number): void {
  sk.icskCaOps.setState?.(sk, state);
  sk.icskCaState = state;
}

/** tcp_init_cwnd_reduction. */
export function tcpInitCwndReduction(sk: TcpSock): void {
  sk.highSeq = sk.sndNxt;
  sk.tlpHighSeq = 0;
  sk.sndCwndCnt = 0;
  sk.priorCwnd = sk.sndCwnd;
  sk.prrDelivered = 0;
  sk.prrOut = 0;
  sk.sndSsthresh = sk.icskCaOps.ssthresh(sk);
  tcpEcnQueueCwr(sk);
}

/** tcp_enter_cwr: the host's own queue, or ECN, says that the window is too large. */
export function tcpEnterCwr(sk: TcpSock): void {
  sk.priorSsthresh = 0;
  if (sk.icskCaState >= TCP_CA_CWR) return;
  sk.undoMarker = 0;
  tcpInitCwndReduction(sk);
  tcpSetCaState(sk, TCP_CA_CWR);
}

/** tcp_cwnd_restart: after an idle time the window is smaller. @param delta jiffies since the last segment */
function tcpCwndRestart(sk: TcpSock, delta: number): void {
  let left = delta;
  let cwnd = sk.sndCwnd;
  sk.icskCaOps.cwndEvent?.(sk, CA_EVENT_CWND_RESTART);
  sk.sndSsthresh = tcpCurrentSsthresh(sk);
  const restart = Math.min(tcpInitCwnd(sk), cwnd);
  for (left -= sk.icskRto; left > 0 && cwnd > restart; left -= sk.icskRto) cwnd >>= 1;
  sk.sndCwnd = Math.max(cwnd, restart);
  sk.sndCwndStamp = tcpJiffies(sk.stack);
  sk.sndCwndUsed = 0;
}

/** tcp_slow_start_after_idle_check: before data are queued. */
export function tcpSlowStartAfterIdleCheck(sk: TcpSock): void {
  if (sk.stack.sysctl.tcpSlowStartAfterIdle === 0 || sk.packetsOut > 0 || sk.icskCaOps.congControl !== null) return;
  const delta = tcpJiffies(sk.stack) - sk.lsndtime;
  if (delta > sk.icskRto) tcpCwndRestart(sk, delta);
}

/** tcp_cwnd_validate: whether the window was used. */
export function tcpCwndValidate(sk: TcpSock, isCwndLimited: boolean): void {
  if (!before(sk.sndUna, sk.cwndUsageSeq) || isCwndLimited || (!sk.isCwndLimited && sk.packetsOut > sk.maxPacketsOut)) {
    sk.isCwndLimited = isCwndLimited;
    sk.maxPacketsOut = sk.packetsOut;
    sk.cwndUsageSeq = sk.sndNxt;
  }
  const now = tcpJiffies(sk.stack);
  if (tcpIsCwndLimited(sk)) {
    sk.sndCwndUsed = 0;
    sk.sndCwndStamp = now;
    return;
  }
  if (sk.packetsOut > sk.sndCwndUsed) sk.sndCwndUsed = sk.packetsOut;
  if (
    sk.stack.sysctl.tcpSlowStartAfterIdle !== 0 &&
    now - sk.sndCwndStamp >= sk.icskRto &&
    sk.icskCaOps.congControl === null
  ) {
    tcpCwndApplicationLimited(sk, now);
  }
}

/** tcp_cwnd_application_limited: RFC 2861, congestion window validation. */
function tcpCwndApplicationLimited(sk: TcpSock, now: number): void {
  if (sk.icskCaState === TCP_CA_Open && !sk.dead && !sk.noSpace) {
    const used = Math.max(sk.sndCwndUsed, tcpInitCwnd(sk));
    if (used < sk.sndCwnd) {
      sk.sndSsthresh = tcpCurrentSsthresh(sk);
      sk.sndCwnd = (sk.sndCwnd + used) >> 1;
    }
    sk.sndCwndUsed = 0;
  }
  sk.sndCwndStamp = now;
}

/** tcp_update_pacing_rate: twice the window in slow start, 1.2 times after it, in a round trip. */
export function tcpUpdatePacingRate(sk: TcpSock): void {
  const s = sk.stack.sysctl;
  let rate = sk.mssCache * ((1e6 / 100) * 8);
  rate *= sk.sndCwnd < sk.sndSsthresh >> 1 ? s.tcpPacingSsRatio : s.tcpPacingCaRatio;
  rate *= Math.max(sk.sndCwnd, sk.packetsOut);
  if (sk.srttUs > 0) rate = Math.floor(rate / sk.srttUs);
  sk.skPacingRate = Math.min(rate, sk.skMaxPacingRate);
}
