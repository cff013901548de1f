/**
 * TIME_WAIT, and orphans in FIN_WAIT2: small sockets that only answer.
 *
 * @source net/ipv4/tcp_minisocks.c tcp_time_wait, tcp_timewait_state_process; net/ipv4/inet_timewait_sock.c; RFC 9293 section 3.10.7.4,
 *         RFC 1337, RFC 6191
 */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import type { Skb } from "../skb.ts";
import { oowRateLimited } from "./challenge-ack.ts";
import { tcpSeconds, tcpTimeStampRaw } from "./clock.ts";
import {
  JIFFY_NS,
  TCP_FIN_WAIT2,
  TCP_PAWS_24DAYS,
  TCP_PAWS_MSL,
  TCP_TIME_WAIT,
  TCP_TIMEWAIT_LEN,
  TCPHDR_ACK,
  TCPHDR_FIN,
  TCPHDR_RST,
  TCPHDR_SYN,
} from "./const.ts";
import { tcpParseOptions } from "./options.ts";
import { OptionsReceived } from "./options-received.ts";
import { after, before, seqAdd } from "./seq.ts";
import { tcpDone } from "./state.ts";
import type { TcpSock } from "./tcp-sock.ts";
import { TimeWaitSock } from "./time-wait-sock.ts";
import { tcpReceiveWindow } from "./window.ts";

/** Answers of tcpTimewaitStateProcess. @source enum tcp_tw_status */
export const TCP_TW_SUCCESS = 0;
export const TCP_TW_RST = 1;
export const TCP_TW_ACK = 2;
export const TCP_TW_SYN = 3;

const opt: OptionsReceived = new OptionsReceived();

/** Initial sequence number for a connection that takes a TIME_WAIT's place, after TCP_TW_SYN; why a packet is dropped, else. */
export const twAnswer = { isn: 0, reason: SKB_DROP_REASON.NOT_SPECIFIED as number };

/** tcp_time_wait: a small socket takes the connection's place. @param timeo jiffies */
export function tcpTimeWait(sk: TcpSock, substate: number, timeo: number): void {
  const net = sk.net;
  if (net.twCount < sk.stack.sysctl.tcpMaxTwBuckets) {
    const tw = new TimeWaitSock(sk, substate, tcpReceiveWindow(sk));
    const rto = sk.icskRto * 4 - (sk.icskRto >> 1);
    const wait = substate === TCP_TIME_WAIT ? TCP_TIMEWAIT_LEN : Math.max(timeo, rto);
    net.ehash.remove(sk);
    net.ehash.insert(tw);
    if (sk.inBhash) net.ports.add(tw, net.ports.isShareable(sk.localPort));
    net.twCount++;
    tw.timers.set(0, sk.stack.kernel.engine.nowNs + wait * JIFFY_NS);
  } else sk.stack.snmp.TcpExtTCPTimeWaitOverflow++;
  tcpDone(sk);
}

/** inet_twsk_deschedule_put, inet_twsk_kill: the end of TIME_WAIT. */
export function twKill(tw: TimeWaitSock): void {
  if (!tw.inEhash) return;
  tw.timers.stopAll();
  tw.mini?.forget();
  tw.net.ehash.remove(tw);
  tw.net.ports.remove(tw);
  tw.net.twCount--;
}

/** tw_timer_handler. */
export function twTimer(tw: TimeWaitSock): void {
  if (!tw.inEhash) return;
  tw.net.stack.snmp.TcpExtTW++;
  twKill(tw);
}

/** inet_twsk_reschedule. */
function reschedule(tw: TimeWaitSock, jiffies: number): void {
  tw.timers.set(0, tw.net.stack.kernel.engine.nowNs + jiffies * JIFFY_NS);
}

/** tcp_in_window. */
function inWindow(seq: number, endSeq: number, start: number, end: number): boolean {
  if (seq === start) return true;
  if (after(endSeq, start) && before(seq, end)) return true;
  return seq === end && seq === endSeq;
}

/** tcp_paws_reject: an older timestamp than the connection had, not too old to judge by. */
function pawsReject(tw: TimeWaitSock, rst: boolean): boolean {
  const now = tcpSeconds(tw.net.stack);
  if (((tw.tsRecent - opt.rcvTsval) | 0) <= 0 || now >= tw.tsRecentStamp + TCP_PAWS_24DAYS || tw.tsRecent === 0) {
    return false;
  }
  return !(rst && now >= tw.tsRecentStamp + TCP_PAWS_MSL);
}

/** tcp_timewait_state_process: a segment for a connection that is over. @returns TCP_TW_* */
export function tcpTimewaitStateProcess(tw: TimeWaitSock, skb: Skb): number {
  const stack = tw.net.stack;
  const th = skb.transportHeader;
  const flags = skb.tcpFlags;
  const rst = (flags & TCPHDR_RST) !== 0;
  const syn = (flags & TCPHDR_SYN) !== 0;
  twAnswer.reason = SKB_DROP_REASON.NOT_SPECIFIED;
  opt.sawTstamp = false;
  let paws = false;
  if (stack.arena.u8[th + 12]! >> 4 > 5 && tw.tsRecentStamp !== 0) {
    opt.tstampOk = true;
    tcpParseOptions(stack, th, false, opt, true, tw.tsOffset);
    if (opt.sawTstamp) paws = pawsReject(tw, rst);
  }
  if (tw.substate === TCP_FIN_WAIT2) {
    if (paws || !inWindow(skb.seq, skb.endSeq, tw.rcvNxt, seqAdd(tw.rcvNxt, tw.rcvWnd))) {
      return checkOow(tw, skb, TCP_FIN_WAIT2);
    }
    if (rst) {
      twKill(tw);
      return TCP_TW_SUCCESS;
    }
    if (syn && !before(skb.seq, tw.rcvNxt)) return TCP_TW_RST;
    const noAck = (flags & TCPHDR_ACK) === 0;
    if (noAck || !after(skb.endSeq, tw.rcvNxt) || skb.endSeq === skb.seq) return TCP_TW_SUCCESS;
    // data or FIN after close: only a FIN right behind what was received is taken
    if ((flags & TCPHDR_FIN) === 0 || skb.endSeq !== seqAdd(tw.rcvNxt, 1)) return TCP_TW_RST;
    tw.substate = TCP_TIME_WAIT;
    tw.rcvNxt = skb.endSeq;
    if (opt.sawTstamp) {
      tw.tsRecent = opt.rcvTsval;
      tw.tsRecentStamp = tcpSeconds(stack);
    }
    reschedule(tw, TCP_TIMEWAIT_LEN);
    return TCP_TW_ACK;
  }
  if (!paws && skb.seq === tw.rcvNxt && (skb.seq === skb.endSeq || rst)) {
    if (rst) {
      // RFC 1337: a reset does not end TIME_WAIT when the administrator says so
      if (stack.sysctl.tcpRfc1337 === 0) {
        twKill(tw);
        return TCP_TW_SUCCESS;
      }
    } else reschedule(tw, TCP_TIMEWAIT_LEN);
    if (opt.sawTstamp) {
      tw.tsRecent = opt.rcvTsval;
      tw.tsRecentStamp = tcpSeconds(stack);
    }
    return TCP_TW_SUCCESS;
  }
  // RFC 6191: a SYN beyond the old connection may begin a new one
  if (
    syn &&
    !rst &&
    (flags & TCPHDR_ACK) === 0 &&
    !paws &&
    (after(skb.seq, tw.rcvNxt) || (opt.sawTstamp && ((tw.tsRecent - opt.rcvTsval) | 0) < 0))
  ) {
    const isn = seqAdd(tw.sndNxt, 65535 + 2);
    twAnswer.isn = isn === 0 ? 1 : isn;
    return TCP_TW_SYN;
  }
  if (paws) {
    stack.snmp.TcpExtPAWSEstab++;
    twAnswer.reason = SKB_DROP_REASON.TCP_RFC7323_TW_PAWS;
  }
  if (!rst) {
    if (paws || (flags & TCPHDR_ACK) !== 0) reschedule(tw, TCP_TIMEWAIT_LEN);
    return checkOow(tw, skb, TCP_TIME_WAIT);
  }
  return TCP_TW_SUCCESS;
}

/** tcp_timewait_check_oow_rate_limit. */
function checkOow(tw: TimeWaitSock, skb: Skb, substate: number): number {
  const stack = tw.net.stack;
  if (skb.seq === skb.endSeq && oowRateLimited(stack, tw)) {
    if (substate === TCP_FIN_WAIT2) stack.snmp.TcpExtTCPACKSkippedFinWait2++;
    else stack.snmp.TcpExtTCPACKSkippedTimeWait++;
    return TCP_TW_SUCCESS;
  }
  return TCP_TW_ACK;
}

/** tcp_timestamp of a TIME_WAIT's answers. */
export function twTimestamp(tw: TimeWaitSock): number {
  return (tcpTimeStampRaw(tw.net.stack) + tw.tsOffset) >>> 0;
}

/** twsk_unique: whether connect may take the place of a TIME_WAIT (net.ipv4.tcp_tw_reuse; 2: over the loopback only). */
export function twReusable(tw: TimeWaitSock, loopback: boolean): boolean {
  const s = tw.net.stack.sysctl;
  if (s.tcpTwReuse === 0 || (s.tcpTwReuse === 2 && !loopback)) return false;
  if (tw.tsRecentStamp === 0 || tw.substate === TCP_FIN_WAIT2) return false;
  const age = tw.net.stack.kernel.engine.nowNs - tw.entryNs;
  return age > s.tcpTwReuseDelayMs * 1e6;
}
