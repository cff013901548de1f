/**
 * Loss recovery of the sender. Owned by congestion control; what stands here is the plain form: a segment is lost when three later ones
 * were received (RFC 6675), everything is when the timer runs out (RFC 5681), and the window follows PRR (RFC 6937). No RACK, no tail
 * loss probe, no F-RTO, no undo; a retransmission that is lost again waits for the timer.
 *
 * @source net/ipv4/tcp_input.c tcp_fastretrans_alert, tcp_enter_recovery, tcp_enter_loss, tcp_cwnd_reduction;
 *         net/ipv4/tcp_output.c tcp_xmit_retransmit_queue
 */
import {
  FLAG_CA_ALERT,
  FLAG_DATA_ACKED,
  FLAG_ECE,
  FLAG_FORWARD_PROGRESS,
  FLAG_NOT_DUP,
  FLAG_SND_UNA_ADVANCED,
  REXMIT_LOST,
  REXMIT_NEW,
  REXMIT_NONE,
} from "./ack-flags.ts";
import { tcpCountDelivered, tcpLimitRenoSacked } from "./clean-rtx.ts";
import { tcpJiffies } from "./clock.ts";
import { CA_EVENT_COMPLETE_CWR, CA_EVENT_LOSS } from "./cong/ca.ts";
import {
  TCP_CA_CWR,
  TCP_CA_Disorder,
  TCP_CA_Loss,
  TCP_CA_Open,
  TCP_CA_Recovery,
  TCP_INFINITE_SSTHRESH,
  TCPCB_LOST,
  TCPCB_SACKED_ACKED,
  TCPCB_SACKED_RETRANS,
} from "./const.ts";
import { tcpEnterCwr, tcpInCwndReduction, tcpInitCwndReduction, tcpSetCaState } from "./cwnd.ts";
import { tcpEcnQueueCwr } from "./ecn.ts";
import { tcpCurrentMss } from "./mss.ts";
import { tcpPushPending } from "./output.ts";
import { markLost, tcpRetransmitSkb } from "./retransmit.ts";
import { tcpRearmRto } from "./rto.ts";
import { after, before } from "./seq.ts";
import type { TcpSock } from "./tcp-sock.ts";

/** tcp_ack_is_dubious: the ACK needs more than the window's growth. */
export function tcpAckIsDubious(sk: TcpSock, flag: number): boolean {
  return (flag & FLAG_NOT_DUP) === 0 || (flag & FLAG_CA_ALERT) !== 0 || sk.icskCaState !== TCP_CA_Open;
}

/**
 * tcp_fastretrans_alert: the state machine of recovery.
 * @param numDupack duplicates that the ACK stands for
 * @returns REXMIT_*
 */
export function tcpFastretransAlert(sk: TcpSock, numDupack: number, flag: number): number {
  if ((flag & FLAG_ECE) !== 0) sk.priorSsthresh = 0;
  if (sk.packetsOut === 0 && sk.sackedOut > 0) sk.sackedOut = 0;
  if (sk.icskCaState === TCP_CA_Loss || sk.icskCaState === TCP_CA_Recovery || sk.icskCaState === TCP_CA_CWR) {
    leaveWhenAcked(sk);
  }
  const reno = !sk.rxOpt.sackOk;
  if (reno && numDupack > 0) {
    sk.sackedOut += numDupack;
    tcpLimitRenoSacked(sk);
    tcpCountDelivered(sk, numDupack, (flag & FLAG_ECE) !== 0);
  }
  const isDup = numDupack > 0 || (flag & FLAG_FORWARD_PROGRESS) !== 0;
  const newlyLost = isDup ? updateScoreboard(sk, reno) : false;
  switch (sk.icskCaState) {
    case TCP_CA_Loss:
      return REXMIT_LOST;
    case TCP_CA_Recovery:
      if (reno && (flag & FLAG_SND_UNA_ADVANCED) !== 0 && sk.packetsOut > 0) markHeadLost(sk);
      return REXMIT_LOST;
    default:
      if (!newlyLost) {
        tryToOpen(sk, flag);
        return REXMIT_NONE;
      }
  }
  enterRecovery(sk, reno, (flag & FLAG_ECE) !== 0);
  return REXMIT_LOST;
}

/** Everything that was on its way when recovery began is acknowledged. */
function leaveWhenAcked(sk: TcpSock): void {
  if (before(sk.sndUna, sk.highSeq)) return;
  if (sk.icskCaState === TCP_CA_Loss) sk.icskRetransmits = 0;
  else if (sk.icskCaState === TCP_CA_CWR && sk.sndUna === sk.highSeq) return;
  if (!sk.rxOpt.sackOk) sk.sackedOut = 0;
  if (tcpInCwndReduction(sk)) endCwndReduction(sk);
  sk.undoMarker = 0;
  sk.retransStamp = 0;
  tcpSetCaState(sk, TCP_CA_Open);
}

/** tcp_end_cwnd_reduction. */
function endCwndReduction(sk: TcpSock): void {
  if (sk.icskCaOps.congControl !== null) return;
  if (sk.sndSsthresh < TCP_INFINITE_SSTHRESH && (sk.undoMarker !== 0 || sk.icskCaState === TCP_CA_CWR)) {
    sk.sndCwnd = sk.sndSsthresh;
    sk.sndCwndStamp = tcpJiffies(sk.stack);
  }
  sk.icskCaOps.cwndEvent?.(sk, CA_EVENT_COMPLETE_CWR);
}

/** tcp_try_to_open. */
function tryToOpen(sk: TcpSock, flag: number): void {
  if ((flag & FLAG_ECE) !== 0) tcpEnterCwr(sk);
  if (sk.icskCaState === TCP_CA_CWR) return;
  const state = sk.sackedOut > 0 ? TCP_CA_Disorder : TCP_CA_Open;
  if (state === sk.icskCaState) return;
  tcpSetCaState(sk, state);
  sk.highSeq = sk.sndNxt;
}

/** tcp_update_scoreboard: marks what is lost by what was received behind it. @returns whether something is newly lost */
function updateScoreboard(sk: TcpSock, reno: boolean): boolean {
  if (sk.sackedOut < sk.reordering) return false;
  if (reno) return sk.icskCaState < TCP_CA_Recovery && markHeadLost(sk);
  const q = sk.txq;
  let above = sk.sackedOut;
  let found = false;
  for (let i = 0; i < q.sent && above >= sk.reordering; i++) {
    const skb = q.at(i);
    if ((skb.sacked & TCPCB_SACKED_ACKED) !== 0) above -= skb.gsoSegs;
    else if ((skb.sacked & (TCPCB_LOST | TCPCB_SACKED_RETRANS)) === 0) {
      markLost(sk, skb);
      sk.lost += skb.gsoSegs;
      found = true;
    }
  }
  return found;
}

function markHeadLost(sk: TcpSock): boolean {
  const skb = sk.txq.rtxHead;
  if (skb === null || (skb.sacked & TCPCB_LOST) !== 0) return false;
  markLost(sk, skb);
  sk.lost += skb.gsoSegs;
  return true;
}

/** tcp_enter_recovery. */
function enterRecovery(sk: TcpSock, reno: boolean, ece: boolean): void {
  const snmp = sk.stack.snmp;
  if (reno) snmp.TcpExtTCPRenoRecovery++;
  else snmp.TcpExtTCPSackRecovery++;
  sk.priorSsthresh = 0;
  sk.undoMarker = sk.sndUna;
  sk.undoRetrans = sk.retransOut > 0 ? sk.retransOut : -1;
  if (!tcpInCwndReduction(sk)) {
    if (!ece) sk.priorSsthresh = sk.sndSsthresh;
    tcpInitCwndReduction(sk);
  }
  tcpSetCaState(sk, TCP_CA_Recovery);
}

/** tcp_enter_loss: the timer has run out; everything that was not received is lost, and the window is one segment. */
export function tcpEnterLoss(sk: TcpSock): void {
  const q = sk.txq;
  const reno = !sk.rxOpt.sackOk;
  const fresh = sk.icskCaState < TCP_CA_Recovery;
  if (reno) sk.sackedOut = 0;
  for (let i = 0; i < q.sent; i++) {
    const skb = q.at(i);
    if ((skb.sacked & TCPCB_SACKED_ACKED) !== 0) continue;
    if ((skb.sacked & TCPCB_SACKED_RETRANS) !== 0) {
      skb.sacked &= ~TCPCB_SACKED_RETRANS;
      sk.retransOut -= skb.gsoSegs;
    }
    if ((skb.sacked & TCPCB_LOST) === 0) sk.lost += skb.gsoSegs;
    markLost(sk, skb);
  }
  if (
    sk.icskCaState <= TCP_CA_Disorder ||
    !after(sk.highSeq, sk.sndUna) ||
    (sk.icskCaState === TCP_CA_Loss && sk.icskRetransmits === 0)
  ) {
    sk.priorSsthresh = tcpCurrentSsthreshOf(sk);
    sk.priorCwnd = sk.sndCwnd;
    sk.sndSsthresh = sk.icskCaOps.ssthresh(sk);
    sk.icskCaOps.cwndEvent?.(sk, CA_EVENT_LOSS);
    sk.undoMarker = sk.sndUna;
    sk.undoRetrans = sk.retransOut > 0 ? sk.retransOut : -1;
  }
  sk.sndCwnd = sk.packetsInFlight + 1;
  sk.sndCwndCnt = 0;
  sk.sndCwndStamp = tcpJiffies(sk.stack);
  if (fresh && reno) sk.reordering = Math.min(sk.reordering, sk.stack.sysctl.tcpReordering);
  tcpSetCaState(sk, TCP_CA_Loss);
  sk.highSeq = sk.sndNxt;
  tcpEcnQueueCwr(sk);
}

function tcpCurrentSsthreshOf(sk: TcpSock): number {
  return Math.max(sk.sndSsthresh, (sk.sndCwnd >> 1) + (sk.sndCwnd >> 2));
}

/** tcp_simple_retransmit: segments larger than the path takes are lost, and no congestion is. */
export function tcpSimpleRetransmit(sk: TcpSock): void {
  const q = sk.txq;
  const mss = tcpCurrentMss(sk);
  let any = false;
  for (let i = 0; i < q.sent; i++) {
    const skb = q.at(i);
    if (skb.len <= mss || (skb.sacked & TCPCB_SACKED_ACKED) !== 0) continue;
    if ((skb.sacked & TCPCB_SACKED_RETRANS) !== 0) {
      skb.sacked &= ~TCPCB_SACKED_RETRANS;
      sk.retransOut -= skb.gsoSegs;
    }
    markLost(sk, skb);
    any = true;
  }
  if (!any) return;
  if (!sk.rxOpt.sackOk) tcpLimitRenoSacked(sk);
  if (sk.icskCaState !== TCP_CA_Loss) {
    sk.highSeq = sk.sndNxt;
    sk.sndSsthresh = tcpCurrentSsthreshOf(sk);
    sk.priorSsthresh = 0;
    sk.undoMarker = 0;
    tcpSetCaState(sk, TCP_CA_Loss);
  }
  tcpXmitRetransmitQueue(sk);
}

/** tcp_cwnd_reduction: PRR, RFC 6937. */
function tcpCwndReduction(sk: TcpSock, newlyAckedSacked: number, newlyLost: number, flag: number): void {
  if (newlyAckedSacked <= 0 || sk.priorCwnd === 0) return;
  const inFlight = sk.packetsInFlight;
  const delta = sk.sndSsthresh - inFlight;
  sk.prrDelivered += newlyAckedSacked;
  let n: number;
  if (delta < 0) n = Math.floor((sk.sndSsthresh * sk.prrDelivered + sk.priorCwnd - 1) / sk.priorCwnd) - sk.prrOut;
  else {
    n = Math.max(sk.prrDelivered - sk.prrOut, newlyAckedSacked);
    if ((flag & FLAG_SND_UNA_ADVANCED) !== 0 && newlyLost === 0) n++;
    n = Math.min(delta, n);
  }
  // the first retransmission goes in any case
  n = Math.max(n, sk.prrOut > 0 ? 0 : 1);
  sk.sndCwnd = inFlight + n;
}

/** tcp_cong_control without congControl: the window after an ACK. */
export function tcpCongControlPlain(sk: TcpSock, ack: number, acked: number, lost: number, flag: number): void {
  if (tcpInCwndReduction(sk)) {
    tcpCwndReduction(sk, acked, lost, flag);
    return;
  }
  const may =
    sk.reordering > sk.stack.sysctl.tcpReordering
      ? (flag & FLAG_FORWARD_PROGRESS) !== 0
      : (flag & FLAG_DATA_ACKED) !== 0;
  if (!may) return;
  sk.icskCaOps.congAvoid!(sk, ack, acked);
  sk.sndCwndStamp = tcpJiffies(sk.stack);
}

/** tcp_xmit_recovery: sends what recovery wants to be sent. */
export function tcpXmitRecovery(sk: TcpSock, rexmit: number): void {
  if (rexmit === REXMIT_NONE) return;
  if (rexmit === REXMIT_NEW) tcpPushPending(sk, tcpCurrentMss(sk), 1);
  tcpXmitRetransmitQueue(sk);
}

/** tcp_xmit_retransmit_queue: lost segments again, as many as the window lets out. */
export function tcpXmitRetransmitQueue(sk: TcpSock): void {
  const q = sk.txq;
  const snmp = sk.stack.snmp;
  if (sk.packetsOut === 0) return;
  for (let i = 0; i < q.sent; i++) {
    const skb = q.at(i);
    const room = sk.sndCwnd - sk.packetsInFlight;
    if (room <= 0) break;
    if ((skb.sacked & TCPCB_LOST) === 0 || (skb.sacked & (TCPCB_SACKED_ACKED | TCPCB_SACKED_RETRANS)) !== 0) continue;
    if (sk.icskCaState === TCP_CA_Loss) snmp.TcpExtTCPSlowStartRetrans++;
    else snmp.TcpExtTCPFastRetrans++;
    if (tcpRetransmitSkb(sk, skb, room) !== 0) return;
    if (tcpInCwndReduction(sk)) sk.prrOut += skb.gsoSegs;
    if (i === 0) tcpRearmRto(sk);
  }
}
