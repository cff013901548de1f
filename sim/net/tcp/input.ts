/**
 * Segments of a connection, by its state.
 *
 * @source net/ipv4/tcp_input.c tcp_rcv_established, tcp_rcv_state_process, tcp_urg; net/ipv4/tcp_ipv4.c tcp_v4_do_rcv;
 *         RFC 9293 section 3.10.7
 * @differs the urgent pointer is read and counts as text: SO_OOBINLINE is always on
 */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import type { Skb } from "../skb.ts";
import { TCP_CLOSE, TCP_ESTABLISHED } from "../sockets/bpf-sock.ts";
import { tcpAck, tcpReplaceTsRecent } from "./ack.ts";
import { FLAG_DATA, FLAG_NO_CHALLENGE_ACK, FLAG_SLOWPATH, FLAG_SYN_ACKED, FLAG_UPDATE_TS_RECENT } from "./ack-flags.ts";
import { tcpAckSndCheck, tcpAckSndCheckNow, tcpDataSndCheck } from "./ack-send.ts";
import { inetCskAckScheduled } from "./ack-state.ts";
import { tcpSendChallengeAck } from "./challenge-ack.ts";
import { tcpAckUpdateRtt } from "./clean-rtx.ts";
import { tcpJiffies, tcpMstampRefresh } from "./clock.ts";
import { tcpFinTime } from "./close-time.ts";
import {
  JIFFY_NS,
  RCV_SHUTDOWN,
  SEND_SHUTDOWN,
  TCP_CLOSE_WAIT,
  TCP_CLOSING,
  TCP_FIN_WAIT1,
  TCP_FIN_WAIT2,
  TCP_HLEN,
  TCP_LAST_ACK,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
  TCP_TIME_WAIT,
  TCP_TIMEWAIT_LEN,
  TCPHDR_ACK,
  TCPHDR_FIN,
  TCPHDR_RST,
  TCPHDR_SYN,
  TCPHDR_URG,
  TCPOLEN_TSTAMP_ALIGNED,
  TIMER_KEEPALIVE,
} from "./const.ts";
import { tcpUpdatePacingRate } from "./cwnd.ts";
import { pullHeader, tcpDataQueue, tcpDrop, tcpQueueRcv } from "./data-queue.ts";
import { tcpFastPathOn } from "./fast-path.ts";
import { tcpInitTransfer } from "./init-transfer.ts";
import { tcpInitializeRcvMss } from "./mss.ts";
import { tcpEventDataRecv, tcpRcvRttMeasureTs } from "./rcv-buf.ts";
import { after, before, seqAdd } from "./seq.ts";
import { tcpShutdown } from "./shutdown.ts";
import { skStateChange, tcpDataReady } from "./sk-mem.ts";
import { tcpDone, tcpSetState } from "./state.ts";
import { SYNSENT_CONNECTED, SYNSENT_TAKEN, tcpRcvSynsentStateProcess } from "./syn-sent.ts";
import type { TcpSock } from "./tcp-sock.ts";
import { tcpTimeWait } from "./time-wait.ts";
import { tcpReset, tcpValidateIncoming } from "./validate.ts";
import { tcpReceiveWindow } from "./window.ts";

/** TCP_HP_BITS: all of the third word but reserved bits and PSH. */
const HP_BITS = ~0x0f080000;

/** What tcpRcvStateProcess wants its caller to do. */
export const RCV_OK = 0;
/** Answer with RST and drop for the reason in rcvReason. */
export const RCV_RESET = 1;

/** Why tcpRcvStateProcess answered RCV_RESET. */
export const rcvReason = { value: SKB_DROP_REASON.NOT_SPECIFIED as number };

/** tcp_rcv_established: skb.data at the TCP header. Takes the skb. */
export function tcpRcvEstablished(sk: TcpSock, skb: Skb): void {
  const { snmp, arena, kernel } = sk.stack;
  const th = skb.transportHeader;
  tcpMstampRefresh(sk);
  sk.rxOpt.sawTstamp = false;
  sk.rxOpt.sackCount = 0;
  const word = arena.dv.getUint32(th + 12);
  if ((word & HP_BITS) >>> 0 === sk.predFlags && skb.seq === sk.rcvNxt && !after(skb.ackSeq, sk.sndNxt)) {
    const hlen = sk.tcpHeaderLen;
    let hit = true;
    let delta = 0;
    if (hlen === TCP_HLEN + TCPOLEN_TSTAMP_ALIGNED) {
      const opt = sk.rxOpt;
      if (arena.dv.getUint32(th + 20) !== 0x0101080a) hit = false;
      else {
        opt.sawTstamp = true;
        opt.rcvTsval = arena.dv.getUint32(th + 24);
        opt.rcvTsecr = arena.dv.getUint32(th + 28);
        if (opt.rcvTsecr !== 0) opt.rcvTsecr = (opt.rcvTsecr - sk.tsoffset) >>> 0;
        delta = (opt.rcvTsval - opt.tsRecent) | 0;
        if (delta < 0) hit = false;
      }
    }
    if (hit && skb.len === hlen) {
      // bulk transfer, the sender's side: a pure ACK
      if (sk.rxOpt.sawTstamp && sk.rcvNxt === sk.rcvWup) tcpReplaceTsRecent(sk, skb.seq);
      tcpAck(sk, skb, 0);
      kernel.consumeSkb(skb);
      tcpDataSndCheck(sk);
      sk.rcvRttLastTsecr = sk.rxOpt.rcvTsecr;
      return;
    }
    const inWindow = !after(skb.endSeq, seqAdd(sk.rcvNxt, tcpReceiveWindow(sk)));
    if (hit && skb.len > hlen && inWindow && sk.rmemAlloc <= sk.rcvBuf) {
      if (sk.rxOpt.sawTstamp && sk.rcvNxt === sk.rcvWup) tcpReplaceTsRecent(sk, skb.seq);
      pullHeader(sk, skb);
      tcpRcvRttMeasureTs(sk, skb);
      snmp.TcpExtTCPHPHits++;
      tcpQueueRcv(sk, skb);
      tcpEventDataRecv(sk, skb);
      if (skb.ackSeq !== sk.sndUna) {
        tcpAck(sk, skb, FLAG_DATA);
        tcpDataSndCheck(sk);
        if (inetCskAckScheduled(sk)) tcpAckSndCheckNow(sk, false);
      } else {
        sk.sndWl1 = skb.seq;
        tcpAckSndCheckNow(sk, false);
      }
      tcpDataReady(sk);
      return;
    }
  }
  slowPath(sk, skb);
}

function slowPath(sk: TcpSock, skb: Skb): void {
  if ((skb.tcpFlags & (TCPHDR_ACK | TCPHDR_RST | TCPHDR_SYN)) === 0) {
    tcpDrop(sk, skb, SKB_DROP_REASON.TCP_FLAGS);
    return;
  }
  if (!tcpValidateIncoming(sk, skb)) return;
  const reason = tcpAck(sk, skb, FLAG_SLOWPATH | FLAG_UPDATE_TS_RECENT);
  if (reason < 0) {
    tcpDrop(sk, skb, -reason);
    return;
  }
  tcpRcvRttMeasureTs(sk, skb);
  tcpUrg(sk, skb);
  tcpDataQueue(sk, skb);
  tcpDataSndCheck(sk);
  tcpAckSndCheck(sk);
}

/** tcp_check_urg: notes where urgent data end. */
function tcpUrg(sk: TcpSock, skb: Skb): void {
  if ((skb.tcpFlags & TCPHDR_URG) === 0) return;
  let ptr = sk.stack.arena.dv.getUint16(skb.transportHeader + 18);
  if (ptr > 0 && sk.stack.sysctl.tcpStdurg === 0) ptr--;
  sk.urgSeq = (skb.seq + ptr) >>> 0;
}

/** Frees a segment that a state has no use for. */
function discard(sk: TcpSock, skb: Skb, reason: number): number {
  tcpDrop(sk, skb, reason);
  return RCV_OK;
}

/** tcp_rcv_state_process: a segment in any state but ESTABLISHED, LISTEN and TIME_WAIT. Takes the skb unless it answers RCV_RESET. */
export function tcpRcvStateProcess(sk: TcpSock, skb: Skb): number {
  const flags = skb.tcpFlags;
  switch (sk.state) {
    case TCP_CLOSE:
      return discard(sk, skb, SKB_DROP_REASON.TCP_CLOSE);
    case TCP_SYN_SENT: {
      sk.rxOpt.sawTstamp = false;
      tcpMstampRefresh(sk);
      const verdict = tcpRcvSynsentStateProcess(sk, skb);
      if (verdict === SYNSENT_CONNECTED) {
        tcpUrg(sk, skb);
        sk.stack.kernel.consumeSkb(skb);
        tcpDataSndCheck(sk);
        return RCV_OK;
      }
      if (verdict === SYNSENT_TAKEN) return RCV_OK;
      rcvReason.value = verdict;
      return RCV_RESET;
    }
    default:
  }
  tcpMstampRefresh(sk);
  sk.rxOpt.sawTstamp = false;
  sk.rxOpt.sackCount = 0;
  if ((flags & (TCPHDR_ACK | TCPHDR_RST | TCPHDR_SYN)) === 0) return discard(sk, skb, SKB_DROP_REASON.TCP_FLAGS);
  if (!tcpValidateIncoming(sk, skb)) return RCV_OK;
  const reason = tcpAck(sk, skb, FLAG_SLOWPATH | FLAG_UPDATE_TS_RECENT | FLAG_NO_CHALLENGE_ACK);
  if (reason <= 0) {
    if (sk.state === TCP_SYN_RECV) {
      rcvReason.value = reason < 0 ? -reason : SKB_DROP_REASON.TCP_OLD_ACK;
      return RCV_RESET;
    }
    // an old ACK is accepted while closing
    if (reason < 0) {
      tcpSendChallengeAck(sk);
      return discard(sk, skb, -reason);
    }
  }
  switch (sk.state) {
    case TCP_SYN_RECV:
      established(sk, skb);
      break;
    case TCP_FIN_WAIT1: {
      const done = finWait1(sk, skb);
      if (done !== 0) return done === 1 ? RCV_OK : RCV_RESET;
      break;
    }
    case TCP_CLOSING:
      if (sk.sndUna === sk.writeSeq) {
        tcpTimeWait(sk, TCP_TIME_WAIT, 0);
        sk.stack.kernel.consumeSkb(skb);
        return RCV_OK;
      }
      break;
    case TCP_LAST_ACK:
      if (sk.sndUna === sk.writeSeq) {
        tcpDone(sk);
        sk.stack.kernel.consumeSkb(skb);
        return RCV_OK;
      }
      break;
    default:
  }
  tcpUrg(sk, skb);
  return text(sk, skb);
}

/** Step 7: the segment's text, by the state that its ACK led to. */
function text(sk: TcpSock, skb: Skb): number {
  const st = sk.state;
  const peerClosed = st === TCP_CLOSE_WAIT || st === TCP_CLOSING || st === TCP_LAST_ACK;
  const open = peerClosed ? before(skb.seq, sk.rcvNxt) : st !== TCP_CLOSE && st !== TCP_SYN_RECV;
  if (!open) {
    // data are not processed in other states
    tcpDataSndCheckOpen(sk);
    sk.stack.kernel.consumeSkb(skb);
    return RCV_OK;
  }
  // RFC 793 says to queue data while closing, RFC 1122 says to reset when nobody can read them
  const finLen = (skb.tcpFlags & TCPHDR_FIN) !== 0 ? 1 : 0;
  if (
    st !== TCP_ESTABLISHED &&
    (sk.skShutdown & RCV_SHUTDOWN) !== 0 &&
    skb.endSeq !== skb.seq &&
    after((skb.endSeq - finLen) >>> 0, sk.rcvNxt)
  ) {
    sk.stack.snmp.TcpExtTCPAbortOnData++;
    tcpReset(sk);
    rcvReason.value = SKB_DROP_REASON.TCP_ABORT_ON_DATA;
    return RCV_RESET;
  }
  queueText(sk, skb);
  return RCV_OK;
}

function queueText(sk: TcpSock, skb: Skb): void {
  tcpDataQueue(sk, skb);
  tcpDataSndCheckOpen(sk);
}

/** tcp_data could move the socket to TIME_WAIT: nothing is sent then. */
function tcpDataSndCheckOpen(sk: TcpSock): void {
  if (sk.state === TCP_CLOSE) return;
  tcpDataSndCheck(sk);
  tcpAckSndCheck(sk);
}

/** SYN_RECV: the ACK of our SYN has come. */
function established(sk: TcpSock, skb: Skb): void {
  sk.delivered++;
  if (sk.srttUs === 0) tcpAckUpdateRtt(sk, FLAG_SYN_ACKED, -1, -1, -1, sk.net.rs);
  sk.retransStamp = 0;
  tcpInitTransfer(sk);
  sk.copiedSeq = sk.rcvNxt;
  tcpSetState(sk, TCP_ESTABLISHED);
  skStateChange(sk);
  sk.sndUna = skb.ackSeq;
  sk.sndWnd = sk.stack.arena.dv.getUint16(skb.transportHeader + 14) * 2 ** sk.rxOpt.sndWscale;
  sk.sndWl1 = skb.seq;
  if (sk.rxOpt.tstampOk) sk.advmss -= TCPOLEN_TSTAMP_ALIGNED;
  if (sk.icskCaOps.congControl === null) tcpUpdatePacingRate(sk);
  sk.lsndtime = tcpJiffies(sk.stack);
  tcpInitializeRcvMss(sk);
  tcpFastPathOn(sk);
  if ((sk.skShutdown & SEND_SHUTDOWN) !== 0) tcpShutdown(sk);
}

/** FIN_WAIT1: our FIN may be acknowledged. @returns 0: go on; 1: the skb was taken; 2: answer with RST */
function finWait1(sk: TcpSock, skb: Skb): number {
  if (sk.sndUna !== sk.writeSeq) return 0;
  const { snmp, kernel } = sk.stack;
  tcpSetState(sk, TCP_FIN_WAIT2);
  sk.skShutdown |= SEND_SHUTDOWN;
  if (!sk.dead) {
    skStateChange(sk);
    return 0;
  }
  const finLen = (skb.tcpFlags & TCPHDR_FIN) !== 0 ? 1 : 0;
  const data = skb.endSeq !== skb.seq && after((skb.endSeq - finLen) >>> 0, sk.rcvNxt);
  if (sk.linger2 < 0 || data) {
    // data for an application that is gone
    tcpDone(sk);
    snmp.TcpExtTCPAbortOnData++;
    rcvReason.value = SKB_DROP_REASON.TCP_ABORT_ON_DATA;
    return 2;
  }
  const wait = tcpFinTime(sk);
  const now = kernel.engine.nowNs;
  if (wait > TCP_TIMEWAIT_LEN) sk.timers.set(TIMER_KEEPALIVE, now + (wait - TCP_TIMEWAIT_LEN) * JIFFY_NS);
  else if (finLen !== 0) sk.timers.set(TIMER_KEEPALIVE, now + wait * JIFFY_NS);
  else {
    tcpTimeWait(sk, TCP_FIN_WAIT2, wait);
    kernel.consumeSkb(skb);
    return 1;
  }
  return 0;
}
