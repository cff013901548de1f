/**
 * Whether a segment belongs to a connection: timestamps, sequence numbers, RST and SYN.
 *
 * @source net/ipv4/tcp_input.c tcp_validate_incoming, tcp_sequence, tcp_disordered_ack_check, tcp_paws_check, tcp_reset, tcp_send_dupack;
 *         RFC 9293 section 3.10.7.4, RFC 5961, RFC 7323 section 5
 */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import { ERRNO } from "../netlink-error.ts";
import type { Skb } from "../skb.ts";
import { TCP_CLOSE } from "../sockets/bpf-sock.ts";
import { tcpEnterQuickackMode } from "./ack-state.ts";
import { oowRateLimited, tcpSendChallengeAck } from "./challenge-ack.ts";
import { tcpSeconds } from "./clock.ts";
import {
  ECONNRESET,
  EPIPE,
  TCP_CLOSE_WAIT,
  TCP_CLOSING,
  TCP_LAST_ACK,
  TCP_MAX_QUICKACKS,
  TCP_PAWS_24DAYS,
  TCP_PAWS_WINDOW,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
  TCPHDR_ACK,
  TCPHDR_RST,
  TCPHDR_SYN,
} from "./const.ts";
import { tcpDrop } from "./data-queue.ts";
import { tcpFastParseOptions } from "./options.ts";
import type { OptionsReceived } from "./options-received.ts";
import { tcpDsackSet } from "./sack-out.ts";
import { after, before, seqAdd } from "./seq.ts";
import { tcpDone, tcpWriteQueuePurge } from "./state.ts";
import type { TcpSock } from "./tcp-sock.ts";
import { tcpSendAck } from "./transmit.ts";
import { tcpReceiveWindow } from "./window.ts";

/** tcp_paws_check: whether a timestamp is not older than the connection's. */
export function tcpPawsCheck(opt: OptionsReceived, nowS: number, window: number): boolean {
  if (((opt.tsRecent - opt.rcvTsval) | 0) <= window) return true;
  // too old to judge by, or never set
  return nowS >= opt.tsRecentStamp + TCP_PAWS_24DAYS || opt.tsRecent === 0;
}

/** tcp_disordered_ack_check. @returns 0, or why the segment is refused: SKB_DROP_REASON_* */
function disordered(sk: TcpSock, skb: Skb): number {
  const opt = sk.rxOpt;
  if (tcpPawsCheck(opt, tcpSeconds(sk.stack), TCP_PAWS_WINDOW)) return 0;
  const reason = SKB_DROP_REASON.TCP_RFC7323_PAWS;
  if ((skb.tcpFlags & TCPHDR_ACK) === 0 || skb.seq !== skb.endSeq) return reason;
  if (skb.seq !== sk.rcvNxt) return before(skb.seq, sk.rcvNxt) ? SKB_DROP_REASON.TCP_RFC7323_PAWS_ACK : reason;
  if (skb.ackSeq !== sk.sndUna) return reason;
  const nwin = sk.stack.arena.dv.getUint16(skb.transportHeader + 14) * 2 ** opt.sndWscale;
  if (after(skb.seq, sk.sndWl1) || (skb.seq === sk.sndWl1 && (nwin > sk.sndWnd || nwin === 0))) return reason;
  // tcp_tsval_replay: 1.2 timeouts, ms
  return ((opt.tsRecent - opt.rcvTsval) | 0) > (sk.icskRto * 1200) / 250 ? reason : 0;
}

/** tcp_sequence. @returns 0, or why the segment is refused */
function tcpSequence(sk: TcpSock, skb: Skb): number {
  if (before(skb.endSeq, sk.rcvWup)) return SKB_DROP_REASON.TCP_OLD_SEQUENCE;
  const limit = seqAdd(sk.rcvNxt, tcpReceiveWindow(sk));
  if (!after(skb.endSeq, limit)) return 0;
  if (after(skb.seq, limit)) return SKB_DROP_REASON.TCP_INVALID_SEQUENCE;
  return sk.receiveQueue.qlen > 0 ? SKB_DROP_REASON.TCP_INVALID_END_SEQUENCE : 0;
}

/** tcp_reset_check: the RST of some stacks lies one before, when a FIN was received. */
function tcpResetCheck(sk: TcpSock, skb: Skb): boolean {
  return (
    skb.seq === (sk.rcvNxt - 1) >>> 0 &&
    (sk.state === TCP_CLOSE_WAIT || sk.state === TCP_LAST_ACK || sk.state === TCP_CLOSING)
  );
}

/** tcp_reset: the peer has torn the connection down. */
export function tcpReset(sk: TcpSock): void {
  let err = ECONNRESET;
  if (sk.state === TCP_SYN_SENT) err = ERRNO.ECONNREFUSED;
  else if (sk.state === TCP_CLOSE_WAIT) err = EPIPE;
  else if (sk.state === TCP_CLOSE) return;
  tcpWriteQueuePurge(sk);
  tcpDoneWithError(sk, err);
}

/** tcp_done_with_error. */
export function tcpDoneWithError(sk: TcpSock, err: number): void {
  sk.skErr = err;
  tcpDone(sk);
}

/** tcp_send_dupack. */
function tcpSendDupack(sk: TcpSock, skb: Skb): void {
  if (skb.seq !== skb.endSeq && before(skb.seq, sk.rcvNxt)) {
    sk.stack.snmp.TcpExtDelayedACKLost++;
    tcpEnterQuickackMode(sk, TCP_MAX_QUICKACKS);
    tcpDsackSet(sk, skb.seq, after(skb.endSeq, sk.rcvNxt) ? sk.rcvNxt : skb.endSeq);
  }
  tcpSendAck(sk);
}

/** tcp_validate_incoming. Takes the skb when it answers false. */
export function tcpValidateIncoming(sk: TcpSock, skb: Skb): boolean {
  const { snmp } = sk.stack;
  const rst = (skb.tcpFlags & TCPHDR_RST) !== 0;
  const syn = (skb.tcpFlags & TCPHDR_SYN) !== 0;
  if (tcpFastParseOptions(sk, skb.transportHeader)) {
    const reason = disordered(sk, skb);
    if (reason !== 0 && !rst) {
      if (syn) return synChallenge(sk, skb);
      if (reason === SKB_DROP_REASON.TCP_RFC7323_PAWS_ACK) snmp.TcpExtPAWSOldAck++;
      else {
        snmp.TcpExtPAWSEstab++;
        if (limited(sk, skb)) snmp.TcpExtTCPACKSkippedPAWS++;
        else tcpSendDupack(sk, skb);
      }
      tcpDrop(sk, skb, reason);
      return false;
    }
  }
  const reason = tcpSequence(sk, skb);
  if (reason !== 0) {
    if (rst) {
      if (tcpResetCheck(sk, skb)) return reset(sk, skb);
    } else {
      if (syn) return synChallenge(sk, skb);
      if (reason !== SKB_DROP_REASON.TCP_OLD_SEQUENCE) snmp.TcpExtBeyondWindow++;
      if (limited(sk, skb)) snmp.TcpExtTCPACKSkippedSeq++;
      else tcpSendDupack(sk, skb);
    }
    tcpDrop(sk, skb, reason);
    return false;
  }
  if (rst) {
    // RFC 5961 3.2: exactly the next byte, or the end of the last SACK block; anything else is challenged
    if (skb.seq === sk.rcvNxt || tcpResetCheck(sk, skb) || isRightmostSack(sk, skb.seq)) return reset(sk, skb);
    tcpSendChallengeAck(sk);
    tcpDrop(sk, skb, SKB_DROP_REASON.TCP_RESET);
    return false;
  }
  if (syn) {
    const repeated =
      sk.state === TCP_SYN_RECV &&
      (skb.tcpFlags & TCPHDR_ACK) !== 0 &&
      seqAdd(skb.seq, 1) === skb.endSeq &&
      seqAdd(skb.seq, 1) === sk.rcvNxt &&
      skb.ackSeq === sk.sndNxt;
    if (!repeated) return synChallenge(sk, skb);
  }
  return true;
}

/** tcp_oow_rate_limited: data are always answered. */
function limited(sk: TcpSock, skb: Skb): boolean {
  if (skb.seq !== skb.endSeq && (skb.tcpFlags & TCPHDR_SYN) === 0) return false;
  return oowRateLimited(sk.stack, sk);
}

function isRightmostSack(sk: TcpSock, seq: number): boolean {
  const { numSacks } = sk.rxOpt;
  if (numSacks === 0) return false;
  let max = sk.selectiveAcks[0]!.endSeq;
  for (let i = 1; i < numSacks; i++) if (after(sk.selectiveAcks[i]!.endSeq, max)) max = sk.selectiveAcks[i]!.endSeq;
  return seq === max;
}

function reset(sk: TcpSock, skb: Skb): false {
  tcpReset(sk);
  sk.stack.kernel.consumeSkb(skb);
  return false;
}

/** RFC 5961 4.2: a SYN within a connection is answered with an ACK. */
function synChallenge(sk: TcpSock, skb: Skb): false {
  const { snmp } = sk.stack;
  snmp.TcpInErrs++;
  snmp.TcpExtTCPSYNChallenge++;
  tcpSendChallengeAck(sk);
  tcpDrop(sk, skb, SKB_DROP_REASON.TCP_INVALID_SYN);
  return false;
}
