/**
 * SYN_SENT: the answer to our SYN, or a SYN that crosses it.
 *
 * @source net/ipv4/tcp_input.c tcp_rcv_synsent_state_process, tcp_finish_connect; RFC 9293 section 3.10.7.3
 */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import type { Skb } from "../skb.ts";
import { TCP_ESTABLISHED } from "../sockets/bpf-sock.ts";
import { tcpAck, tcpStoreTsRecent } from "./ack.ts";
import { FLAG_SLOWPATH } from "./ack-flags.ts";
import { inetCskScheduleAck, inPingpongMode, tcpEnterQuickackMode } from "./ack-state.ts";
import { tcpJiffies, tcpTimeStamp } from "./clock.ts";
import {
  HZ,
  ICSK_ACK_SCHED,
  ICSK_ACK_TIMER,
  ICSK_TIME_RETRANS,
  JIFFY_NS,
  TCP_DELACK_MAX,
  TCP_HLEN,
  TCP_MAX_QUICKACKS,
  TCP_SYN_RECV,
  TCPHDR_ACK,
  TCPHDR_RST,
  TCPHDR_SYN,
  TCPOLEN_TSTAMP_ALIGNED,
  TIMER_DELACK,
  TIMER_KEEPALIVE,
} from "./const.ts";
import { tcpDrop } from "./data-queue.ts";
import { tcpEcnRcvSyn, tcpEcnRcvSynack } from "./ecn.ts";
import { tcpFastPathOn } from "./fast-path.ts";
import { tcpInitTransfer } from "./init-transfer.ts";
import { tcpInitializeRcvMss, tcpSyncMss } from "./mss.ts";
import { parsed, tcpParseOptions } from "./options.ts";
import { tcpResetXmitTimer } from "./rto.ts";
import { after, between, seqAdd } from "./seq.ts";
import { skStateChange } from "./sk-mem.ts";
import { tcpSetState } from "./state.ts";
import type { TcpSock } from "./tcp-sock.ts";
import { tcpResendSynAsSynack, tcpSendAck } from "./transmit.ts";
import { tcpReset } from "./validate.ts";

/** Answers of tcpRcvSynsentStateProcess: the skb was taken; connected, the skb stays. Others: RST, and the reason to drop. */
export const SYNSENT_TAKEN = 0;
export const SYNSENT_CONNECTED = -1;
const TCP_TIMEOUT_MIN = 2;

/** tcp_clear_options. */
function undoOptions(sk: TcpSock, mssClamp: number): void {
  const opt = sk.rxOpt;
  opt.tstampOk = false;
  opt.sackOk = false;
  opt.wscaleOk = false;
  opt.sndWscale = 0;
  opt.mssClamp = mssClamp;
}

/** tcp_rcv_synsent_state_process. @returns SYNSENT_*, or the reason why the segment is answered with RST */
export function tcpRcvSynsentStateProcess(sk: TcpSock, skb: Skb): number {
  const opt = sk.rxOpt;
  const savedClamp = opt.mssClamp;
  const flags = skb.tcpFlags;
  tcpParseOptions(sk.stack, skb.transportHeader, (flags & TCPHDR_SYN) !== 0, opt, false, 0);
  if (parsed.mss !== 0) opt.mssClamp = parsed.mss;
  if (opt.sawTstamp && opt.rcvTsecr !== 0) opt.rcvTsecr = (opt.rcvTsecr - sk.tsoffset) >>> 0;
  const discard = (reason: number): number => {
    undoOptions(sk, savedClamp);
    tcpDrop(sk, skb, reason);
    return SYNSENT_TAKEN;
  };
  if ((flags & TCPHDR_ACK) !== 0) {
    if (!after(skb.ackSeq, sk.sndUna) || after(skb.ackSeq, sk.sndNxt)) {
      // what is left of an old connection may be about to be reset: try again soon
      if (sk.icskRetransmits === 0) tcpResetXmitTimer(sk, ICSK_TIME_RETRANS, TCP_TIMEOUT_MIN, false);
      undoOptions(sk, savedClamp);
      return SKB_DROP_REASON.TCP_INVALID_ACK_SEQUENCE;
    }
    if (opt.sawTstamp && opt.rcvTsecr !== 0 && !between(opt.rcvTsecr, sk.retransStamp, tcpTimeStamp(sk))) {
      sk.stack.snmp.TcpExtPAWSActive++;
      undoOptions(sk, savedClamp);
      return SKB_DROP_REASON.TCP_RFC7323_PAWS;
    }
    if ((flags & TCPHDR_RST) !== 0) {
      tcpReset(sk);
      sk.stack.kernel.consumeSkb(skb);
      return SYNSENT_TAKEN;
    }
    if ((flags & TCPHDR_SYN) === 0) return discard(SKB_DROP_REASON.TCP_FLAGS);
    return connected(sk, skb);
  }
  if ((flags & TCPHDR_RST) !== 0) return discard(SKB_DROP_REASON.TCP_RESET);
  if ((flags & TCPHDR_SYN) === 0) return discard(SKB_DROP_REASON.TCP_FLAGS);
  crossedSyn(sk, skb);
  return SYNSENT_TAKEN;
}

/** A good SYN-ACK. */
function connected(sk: TcpSock, skb: Skb): number {
  const opt = sk.rxOpt;
  tcpEcnRcvSynack(sk, skb.tcpFlags);
  sk.sndWl1 = skb.seq;
  if (sk.undoMarker !== 0 && sk.retransStamp !== 0 && opt.sawTstamp && opt.rcvTsecr === sk.retransStamp) {
    // tcp_try_undo_spurious_syn: the first SYN was answered, the timer was too fast
    sk.undoMarker = 0;
  }
  tcpAck(sk, skb, FLAG_SLOWPATH);
  sk.rcvNxt = seqAdd(skb.seq, 1);
  sk.rcvWup = sk.rcvNxt;
  // RFC 7323: the window of SYN and SYN-ACK is never scaled
  sk.sndWnd = sk.stack.arena.dv.getUint16(skb.transportHeader + 14);
  if (!opt.wscaleOk) {
    opt.sndWscale = 0;
    opt.rcvWscale = 0;
    sk.windowClamp = Math.min(sk.windowClamp, 65535);
  }
  if (opt.sawTstamp) {
    opt.tstampOk = true;
    sk.tcpHeaderLen = TCP_HLEN + TCPOLEN_TSTAMP_ALIGNED;
    sk.advmss -= TCPOLEN_TSTAMP_ALIGNED;
    tcpStoreTsRecent(sk);
  } else sk.tcpHeaderLen = TCP_HLEN;
  tcpSyncMss(sk, sk.icskPmtuCookie);
  tcpInitializeRcvMss(sk);
  sk.copiedSeq = sk.rcvNxt;
  finishConnect(sk);
  if (!sk.dead) skStateChange(sk);
  if (sk.deferAccept !== 0 || inPingpongMode(sk)) {
    // the ACK goes with the data that will come
    inetCskScheduleAck(sk);
    tcpEnterQuickackMode(sk, TCP_MAX_QUICKACKS);
    sk.icskAckPending |= ICSK_ACK_SCHED | ICSK_ACK_TIMER;
    sk.timers.set(TIMER_DELACK, sk.stack.kernel.engine.nowNs + TCP_DELACK_MAX * JIFFY_NS);
    sk.stack.kernel.consumeSkb(skb);
    return SYNSENT_TAKEN;
  }
  tcpSendAck(sk);
  return SYNSENT_CONNECTED;
}

/** tcp_finish_connect. */
function finishConnect(sk: TcpSock): void {
  tcpSetState(sk, TCP_ESTABLISHED);
  sk.icskAckLrcvtime = tcpJiffies(sk.stack);
  tcpInitTransfer(sk);
  sk.lsndtime = tcpJiffies(sk.stack);
  if (sk.keepOpen) {
    const idle = sk.keepaliveTime !== 0 ? sk.keepaliveTime : sk.stack.sysctl.tcpKeepaliveTimeS * HZ;
    sk.timers.set(TIMER_KEEPALIVE, sk.stack.kernel.engine.nowNs + idle * JIFFY_NS);
  }
  if (sk.rxOpt.sndWscale === 0) tcpFastPathOn(sk);
  else sk.predFlags = 0;
}

/** Simultaneous open: our SYN goes again, with ACK. */
function crossedSyn(sk: TcpSock, skb: Skb): void {
  const opt = sk.rxOpt;
  tcpSetState(sk, TCP_SYN_RECV);
  if (opt.sawTstamp) {
    opt.tstampOk = true;
    tcpStoreTsRecent(sk);
    sk.tcpHeaderLen = TCP_HLEN + TCPOLEN_TSTAMP_ALIGNED;
  } else sk.tcpHeaderLen = TCP_HLEN;
  sk.rcvNxt = seqAdd(skb.seq, 1);
  sk.copiedSeq = sk.rcvNxt;
  sk.rcvWup = sk.rcvNxt;
  sk.sndWnd = sk.stack.arena.dv.getUint16(skb.transportHeader + 14);
  sk.sndWl1 = skb.seq;
  sk.maxWindow = sk.sndWnd;
  tcpEcnRcvSyn(sk, skb.tcpFlags);
  tcpSyncMss(sk, sk.icskPmtuCookie);
  tcpInitializeRcvMss(sk);
  tcpResendSynAsSynack(sk);
  sk.stack.kernel.consumeSkb(skb);
}
