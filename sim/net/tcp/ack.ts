/**
 * Acknowledgements: what an incoming ACK does to the sender. The order of things is tcp_ack's; what it means for lost segments stands in
 * sack.ts and recovery.ts, which are owned by congestion control.
 *
 * @source net/ipv4/tcp_input.c tcp_ack, tcp_ack_update_window, tcp_ack_probe, tcp_replace_ts_recent; RFC 5961 section 5
 */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import type { Skb } from "../skb.ts";
import {
  FLAG_ACK_MAYBE_DELAYED,
  FLAG_DATA,
  FLAG_DSACKING_ACK,
  FLAG_ECE,
  FLAG_NO_CHALLENGE_ACK,
  FLAG_NOT_DUP,
  FLAG_SET_XMIT_TIMER,
  FLAG_SLOWPATH,
  FLAG_SND_UNA_ADVANCED,
  FLAG_UPDATE_TS_RECENT,
  FLAG_WIN_UPDATE,
  REXMIT_NONE,
} from "./ack-flags.ts";
import { tcpSendChallengeAck } from "./challenge-ack.ts";
import { tcpCleanRtxQueue, tcpCountDelivered } from "./clean-rtx.ts";
import { tcpJiffies, tcpSeconds } from "./clock.ts";
import { CA_ACK_ECE, CA_ACK_SLOWPATH, CA_ACK_WIN_UPDATE, type RateSample } from "./cong/ca.ts";
import { ICSK_TIME_PROBE0, TCP_PAWS_24DAYS, TCPHDR_ECE, TCPHDR_SYN } from "./const.ts";
import { tcpSlowStartAfterIdleCheck, tcpUpdatePacingRate } from "./cwnd.ts";
import { tcpEcnRcvEcnEcho } from "./ecn.ts";
import { tcpFastPathCheck } from "./fast-path.ts";
import { tcpSyncMss } from "./mss.ts";
import { tcpProbe0When } from "./output.ts";
import { tcpRateGen } from "./rate.ts";
import { tcpAckIsDubious, tcpCongControlPlain, tcpFastretransAlert, tcpXmitRecovery } from "./recovery.ts";
import { clearRetransTimer, tcpRearmRto, tcpResetXmitTimer } from "./rto.ts";
import { resetSackState, sackState, tcpSacktagWriteQueue } from "./sack.ts";
import { after, before } from "./seq.ts";
import type { TcpSock } from "./tcp-sock.ts";
import { tcpScheduleLossProbe } from "./tlp.ts";
import { tcpWndEnd } from "./transmit.ts";

/**
 * tcp_ack. @param flagIn FLAG_SLOWPATH and the like
 * @returns 1: it was good, 0: it was old, below 0: minus the reason to drop the segment
 */
export function tcpAck(sk: TcpSock, skb: Skb, flagIn: number): number {
  const snmp = sk.stack.snmp;
  const priorSndUna = sk.sndUna;
  const priorPackets = sk.packetsOut;
  const wasDelivered = sk.delivered;
  const wasLost = sk.lost;
  const wasReneg = sk.isSackReneg;
  const ack = skb.ackSeq;
  const rs = sk.net.rs;
  let flag = flagIn;
  let rexmit = REXMIT_NONE;
  resetSample(rs);
  resetSackState();
  if (before(ack, priorSndUna)) {
    // RFC 5961 5.2: an ACK older than the largest window there ever was
    const maxWindow = Math.min(sk.maxWindow, sk.bytesAcked);
    if (before(ack, (priorSndUna - maxWindow) >>> 0)) {
      if ((flag & FLAG_NO_CHALLENGE_ACK) === 0) tcpSendChallengeAck(sk);
      return -SKB_DROP_REASON.TCP_TOO_OLD_ACK;
    }
    return oldAck(sk, skb, priorSndUna, rs);
  }
  if (after(ack, sk.sndNxt)) {
    if ((flag & FLAG_NO_CHALLENGE_ACK) === 0) tcpSendChallengeAck(sk);
    return -SKB_DROP_REASON.TCP_ACK_UNSENT_DATA;
  }
  if (after(ack, priorSndUna)) {
    flag |= FLAG_SND_UNA_ADVANCED;
    sk.icskRetransmits = 0;
  }
  rs.priorInFlight = sk.packetsInFlight;
  if ((flag & FLAG_UPDATE_TS_RECENT) !== 0) tcpReplaceTsRecent(sk, skb.seq);
  if ((flag & (FLAG_SLOWPATH | FLAG_SND_UNA_ADVANCED)) === FLAG_SND_UNA_ADVANCED) {
    // the window is what it was: forward, no more checks
    sk.sndWl1 = skb.seq;
    sndUnaUpdate(sk, ack);
    flag |= FLAG_WIN_UPDATE;
    snmp.TcpExtTCPHPAcks++;
  } else {
    if (skb.seq !== skb.endSeq) flag |= FLAG_DATA;
    else snmp.TcpExtTCPPureAcks++;
    flag |= tcpAckUpdateWindow(sk, skb, ack);
    if (sk.rxOpt.sackCount > 0) flag |= tcpSacktagWriteQueue(sk, skb, priorSndUna, rs);
    if (tcpEcnRcvEcnEcho(sk, skb.tcpFlags & (TCPHDR_ECE | TCPHDR_SYN))) flag |= FLAG_ECE;
    if (sackState.sackDelivered > 0) tcpCountDelivered(sk, sackState.sackDelivered, (flag & FLAG_ECE) !== 0);
  }
  inAckEvent(sk, flag);
  sk.skErrSoft = 0;
  sk.icskProbesOut = 0;
  sk.rcvTstamp = tcpJiffies(sk.stack);
  if (priorPackets === 0) {
    if ((flag & FLAG_DSACKING_ACK) !== 0) tcpFastretransAlert(sk, 0, flag);
    tcpAckProbe(sk);
    return 1;
  }
  flag |= tcpCleanRtxQueue(sk, priorSndUna, (flag & FLAG_ECE) !== 0, flag, rs);
  if (tcpAckIsDubious(sk, flag)) {
    const dup = (flag & (FLAG_SND_UNA_ADVANCED | FLAG_NOT_DUP | FLAG_DSACKING_ACK)) === 0 ? 1 : 0;
    rexmit = tcpFastretransAlert(sk, dup, flag);
  }
  if ((flag & FLAG_SET_XMIT_TIMER) !== 0 && !tcpScheduleLossProbe(sk, true)) tcpRearmRto(sk);
  const delivered = sk.delivered - wasDelivered;
  countDelivered(sk, delivered, flag);
  rs.isAckDelayed = (flag & FLAG_ACK_MAYBE_DELAYED) !== 0;
  tcpRateGen(sk, delivered, sk.lost - wasLost, wasReneg, rs);
  tcpCongControl(sk, ack, delivered, flag, rs);
  tcpXmitRecovery(sk, rexmit);
  return 1;
}

/** An ACK for what was acknowledged before: its SACK blocks may still say something. */
function oldAck(sk: TcpSock, skb: Skb, priorSndUna: number, rs: RateSample): number {
  if (sk.rxOpt.sackCount === 0) return 0;
  const was = sk.delivered;
  const flag = tcpSacktagWriteQueue(sk, skb, priorSndUna, rs);
  if (sackState.sackDelivered > 0) tcpCountDelivered(sk, sackState.sackDelivered, false);
  const rexmit = tcpFastretransAlert(sk, 0, flag);
  countDelivered(sk, sk.delivered - was, flag);
  tcpXmitRecovery(sk, rexmit);
  return 0;
}

/** tcp_newly_delivered. */
function countDelivered(sk: TcpSock, n: number, flag: number): void {
  sk.stack.snmp.TcpExtTCPDelivered += n;
  if ((flag & FLAG_ECE) !== 0) sk.stack.snmp.TcpExtTCPDeliveredCE += n;
}

/** tcp_cong_control. */
function tcpCongControl(sk: TcpSock, ack: number, delivered: number, flag: number, rs: RateSample): void {
  const control = sk.icskCaOps.congControl;
  if (control !== null) {
    control(sk, ack, flag, rs);
    return;
  }
  tcpCongControlPlain(sk, ack, delivered, rs.losses, flag);
  tcpUpdatePacingRate(sk);
}

/** tcp_in_ack_event. */
function inAckEvent(sk: TcpSock, flag: number): void {
  const event = sk.icskCaOps.inAckEvent;
  if (event === null) return;
  let ev = 0;
  if ((flag & FLAG_WIN_UPDATE) !== 0) ev |= CA_ACK_WIN_UPDATE;
  if ((flag & FLAG_SLOWPATH) !== 0) {
    ev |= CA_ACK_SLOWPATH;
    if ((flag & FLAG_ECE) !== 0) ev |= CA_ACK_ECE;
  }
  event(sk, ev);
}

function resetSample(rs: RateSample): void {
  rs.priorDelivered = -1;
  rs.priorDeliveredCe = 0;
  rs.priorMstamp = 0;
  rs.delivered = -1;
  rs.deliveredCe = 0;
  rs.intervalUs = -1;
  rs.sndIntervalUs = 0;
  rs.rcvIntervalUs = 0;
  rs.rttUs = -1;
  rs.losses = 0;
  rs.ackedSacked = 0;
  rs.priorInFlight = 0;
  rs.lastEndSeq = 0;
  rs.isAppLimited = false;
  rs.isRetrans = false;
  rs.isAckDelayed = false;
}

/** tcp_snd_una_update. */
function sndUnaUpdate(sk: TcpSock, ack: number): void {
  sk.bytesAcked += (ack - sk.sndUna) >>> 0;
  sk.sndUna = ack;
}

/** tcp_ack_update_window. @returns FLAG_WIN_UPDATE or 0 */
function tcpAckUpdateWindow(sk: TcpSock, skb: Skb, ack: number): number {
  let flag = 0;
  let nwin = sk.stack.arena.dv.getUint16(skb.transportHeader + 14);
  if ((skb.tcpFlags & TCPHDR_SYN) === 0) nwin *= 2 ** sk.rxOpt.sndWscale;
  const may =
    after(ack, sk.sndUna) || after(skb.seq, sk.sndWl1) || (skb.seq === sk.sndWl1 && (nwin > sk.sndWnd || nwin === 0));
  if (may) {
    flag = FLAG_WIN_UPDATE;
    sk.sndWl1 = skb.seq;
    if (sk.sndWnd !== nwin) {
      sk.sndWnd = nwin;
      sk.predFlags = 0;
      tcpFastPathCheck(sk);
      if (sk.txq.sendHead !== null) tcpSlowStartAfterIdleCheck(sk);
      if (nwin > sk.maxWindow) {
        sk.maxWindow = nwin;
        tcpSyncMss(sk, sk.icskPmtuCookie);
      }
    }
  }
  sndUnaUpdate(sk, ack);
  return flag;
}

/** tcp_ack_probe: an ACK while nothing is on its way: does the window take the next segment? */
function tcpAckProbe(sk: TcpSock): void {
  const head = sk.txq.sendHead;
  if (head === null) return;
  if (!after(head.endSeq, tcpWndEnd(sk))) {
    sk.icskBackoff = 0;
    sk.icskProbesTstamp = 0;
    if (sk.icskPending === ICSK_TIME_PROBE0) clearRetransTimer(sk);
    return;
  }
  tcpResetXmitTimer(sk, ICSK_TIME_PROBE0, tcpProbe0When(sk, sk.icskRtoMax), true);
}

/** tcp_store_ts_recent. */
export function tcpStoreTsRecent(sk: TcpSock): void {
  sk.rxOpt.tsRecent = sk.rxOpt.rcvTsval;
  sk.rxOpt.tsRecentStamp = tcpSeconds(sk.stack);
}

/** tcp_replace_ts_recent: RFC 7323 section 4.3, the timestamp of the segment at the left edge. */
export function tcpReplaceTsRecent(sk: TcpSock, seq: number): void {
  const opt = sk.rxOpt;
  if (!opt.sawTstamp || after(seq, sk.rcvWup)) return;
  const delta = (opt.tsRecent - opt.rcvTsval) | 0;
  if (delta <= 0 || tcpSeconds(sk.stack) >= opt.tsRecentStamp + TCP_PAWS_24DAYS) tcpStoreTsRecent(sk);
}
