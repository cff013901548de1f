/**
 * A segment for a half-open connection, and an ACK that may answer a SYN cookie.
 *
 * @source net/ipv4/tcp_minisocks.c tcp_check_req; net/ipv4/syncookies.c cookie_v4_check, cookie_timestamp_decode;
 *         net/ipv4/tcp_input.c tcp_synack_rtt_meas; RFC 9293 section 3.10.7.4
 */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import { AF_INET } from "../ip/address.ts";
import type { Skb } from "../skb.ts";
import { checkCookie } from "../sockets/syn-cookie.ts";
import { FLAG_SYN_ACKED } from "./ack-flags.ts";
import { BpfRequest } from "./bpf-request.ts";
import { oowRateLimited } from "./challenge-ack.ts";
import { tcpAckUpdateRtt } from "./clean-rtx.ts";
import { tcpClockNs, tcpJiffies, tcpSeconds, tcpTimeStampRaw } from "./clock.ts";
import { newRequest, tcpOpenreqInitRwin } from "./conn-request.ts";
import { HZ, TCP_PAWS_MSL, TCPHDR_ACK, TCPHDR_RST, TCPHDR_SYN } from "./const.ts";
import { reqskQueueAddChild, tcpSynRecvSock } from "./openreq-child.ts";
import { tcpParseOptions } from "./options.ts";
import { OptionsReceived } from "./options-received.ts";
import { tcpReply, tcpSendReset } from "./reply.ts";
import type { RequestSock } from "./request-sock.ts";
import { findRoute } from "./route.ts";
import { secureTcpTsOff } from "./secure-seq.ts";
import { after, before, between, seqAdd } from "./seq.ts";
import {
  armRequestTimer,
  reqskQueueRemove,
  TS_OPT_ECN,
  TS_OPT_SACK,
  TS_OPT_WSCALE_MASK,
  tcpReqskTimeout,
  tcpRtxSynack,
} from "./synack.ts";
import type { TcpSock } from "./tcp-sock.ts";

/** A cookie is good for two minutes after the last SYN that found the queue full. */
const COOKIE_VALID = 120 * HZ;
const opt: OptionsReceived = new OptionsReceived();

/** What tcpCheckReq and tcpCookieCheck found, beside their answer: why the segment is dropped. */
export const reqAnswer = { reason: SKB_DROP_REASON.NOT_SPECIFIED as number };

/**
 * tcp_check_req. Does not take the skb.
 * @returns the child that the segment goes on to, the listener itself when the segment is for it, or null: drop the segment for
 *          reqAnswer.reason
 */
export function tcpCheckReq(sk: TcpSock, skb: Skb, req: RequestSock): TcpSock | null {
  const { stack } = sk;
  const { snmp } = stack;
  const flags = skb.tcpFlags & (TCPHDR_RST | TCPHDR_SYN | TCPHDR_ACK);
  let paws = false;
  let tsecr = false;
  reqAnswer.reason = SKB_DROP_REASON.NOT_SPECIFIED;
  opt.sawTstamp = false;
  opt.tstampOk = req.tstampOk;
  if (stack.arena.u8[skb.transportHeader + 12]! >> 4 > 5) {
    tcpParseOptions(stack, skb.transportHeader, (flags & TCPHDR_SYN) !== 0, opt, false, 0);
    if (opt.sawTstamp) {
      if (opt.rcvTsecr !== 0) {
        opt.rcvTsecr = (opt.rcvTsecr - req.tsOff) >>> 0;
        tsecr = !between(opt.rcvTsecr, req.sntTsvalFirst, req.sntTsvalLast);
      }
      paws = req.tsRecent !== 0 && ((req.tsRecent - opt.rcvTsval) | 0) > 0;
      // the true time is not known; a RST may come later than a minute
      if (paws && (flags & TCPHDR_RST) !== 0 && tcpReqskTimeout(req) / HZ >= TCP_PAWS_MSL) paws = false;
    }
  }
  if (skb.seq === req.rcvIsn && flags === TCPHDR_SYN && !paws) {
    // the SYN again: our answer was lost
    if (oowRateLimited(stack, req)) snmp.TcpExtTCPACKSkippedSynRecv++;
    else if (tcpRtxSynack(req)) armRequestTimer(req);
    return null;
  }
  if ((flags & TCPHDR_ACK) !== 0 && skb.ackSeq !== seqAdd(req.sntIsn, 1)) return sk;
  if (paws || tsecr || !inWindow(skb, req.rcvNxt, seqAdd(req.rcvNxt, req.rskRcvWnd))) {
    if ((flags & TCPHDR_RST) === 0) {
      if (oowRateLimited(stack, req)) snmp.TcpExtTCPACKSkippedSynRecv++;
      else sendAck(req, skb);
    }
    if (paws) {
      reqAnswer.reason = SKB_DROP_REASON.TCP_RFC7323_PAWS;
      snmp.TcpExtPAWSEstab++;
    } else if (tsecr) {
      reqAnswer.reason = SKB_DROP_REASON.TCP_RFC7323_TSECR;
      snmp.TcpExtTSEcrRejected++;
    } else reqAnswer.reason = SKB_DROP_REASON.TCP_OVERWINDOW;
    return null;
  }
  const synOutside = skb.seq === req.rcvIsn;
  if ((flags & TCPHDR_RST) !== 0 || ((flags & TCPHDR_SYN) !== 0 && !synOutside)) {
    snmp.TcpAttemptFails++;
    return embryonicReset(req, skb, SKB_DROP_REASON.TCP_RESET);
  }
  if ((flags & TCPHDR_ACK) === 0) return null;
  if (req.numTimeout < sk.deferAccept && skb.endSeq === seqAdd(req.rcvIsn, 1)) {
    // TCP_DEFER_ACCEPT: the connection is made when data come
    req.acked = true;
    snmp.TcpExtTCPDeferAcceptDrop++;
    return null;
  }
  const child = tcpSynRecvSock(sk, skb, req);
  if (child === null) {
    if (stack.sysctl.tcpAbortOnOverflow === 0) {
      req.acked = true;
      reqAnswer.reason = SKB_DROP_REASON.TCP_LISTEN_OVERFLOW;
      return null;
    }
    return embryonicReset(req, skb, SKB_DROP_REASON.TCP_LISTEN_OVERFLOW);
  }
  synackRttMeas(child, req);
  reqskQueueRemove(req);
  reqskQueueAddChild(sk, child);
  return child;
}

/** tcp_in_window. */
function inWindow(skb: Skb, start: number, end: number): boolean {
  if (skb.seq === start) return true;
  if (after(skb.endSeq, start) && before(skb.seq, end)) return true;
  return skb.seq === end && skb.seq === skb.endSeq;
}

function embryonicReset(req: RequestSock, skb: Skb, reason: number): null {
  const { stack } = req.net;
  if ((skb.tcpFlags & TCPHDR_RST) === 0) tcpSendReset(stack, skb, req.family !== AF_INET, true);
  if (reqskQueueRemove(req)) stack.snmp.TcpExtEmbryonicRsts++;
  reqAnswer.reason = reason;
  return null;
}

/** tcp_v4_reqsk_send_ack. */
function sendAck(req: RequestSock, skb: Skb): void {
  const { stack } = req.net;
  const tsval = (tcpTimeStampRaw(stack) + req.tsOff) >>> 0;
  const window = req.rskRcvWnd >> req.rcvWscale;
  const tsecr = req.tstampOk ? req.tsRecent : 0;
  const v6 = req.family !== AF_INET;
  tcpReply(stack, skb, v6, seqAdd(req.sntIsn, 1), req.rcvNxt, TCPHDR_ACK, window, tsval, tsecr, req.tos & ~3);
}

/** tcp_synack_rtt_meas: the handshake's round trip, unless a SYN-ACK was repeated. */
function synackRttMeas(child: TcpSock, req: RequestSock): void {
  const us = req.numRetrans === 0 && req.sntSynack !== 0 ? child.tcpMstamp - (req.sntSynack - 1) : -1;
  tcpAckUpdateRtt(child, FLAG_SYN_ACKED, us, -1, us, child.net.rs);
}

/**
 * tcp_v4_cookie_check: an ACK to a listener that answers a SYN cookie makes a connection. Does not take the skb.
 * @returns the child, the listener itself when the segment is no answer, or null: drop the segment
 */
export function tcpCookieCheck(sk: TcpSock, skb: Skb): TcpSock | null {
  const { stack } = sk;
  const { sysctl } = stack;
  if ((skb.tcpFlags & (TCPHDR_SYN | TCPHDR_RST)) !== 0 || (skb.tcpFlags & TCPHDR_ACK) === 0) return sk;
  if (sysctl.tcpSyncookies === 0) return sk;
  const checked = skb.owner instanceof BpfRequest ? skb.owner : null;
  const req = checked === null ? cookieRequest(sk, skb) : bpfRequest(sk, skb, checked);
  if (req === null) return sk;
  req.isCookie = true;
  req.rcvIsn = (skb.seq - 1) >>> 0;
  req.rcvNxt = skb.seq;
  req.sntIsn = (skb.ackSeq - 1) >>> 0;
  req.mark = sk.mark;
  req.txhash = stack.random.u32() | 1;
  const ports = (req.localPort << 16) | req.remotePort;
  const dst = findRoute(stack, req.family, req.localAddr, req.remoteAddr, req.boundIfindex, ports);
  if (dst === null) return null;
  tcpOpenreqInitRwin(req, req.mss);
  // the program said what its SYN-ACK had announced
  if (checked !== null) req.rcvWscale = checked.attrs.rcvWscale;
  if (sysctl.tcpEcn === 0) req.ecnOk = false;
  const child = tcpSynRecvSock(sk, skb, req);
  if (child === null || !reqskQueueAddChild(sk, child)) return null;
  child.rxOpt.tsRecentStamp = req.tstampOk ? tcpSeconds(stack) : 0;
  return child;
}

/** Not tcp_synq_no_recent_overflow: a listener's queue was full within the last two minutes. */
export function hasRecentOverflow(sk: TcpSock): boolean {
  const stamp = sk.listenQueue?.synqOverflowStamp ?? -1;
  return stamp >= 0 && tcpJiffies(sk.stack) <= stamp + COOKIE_VALID;
}

/** cookie_tcp_check: the connection that our own cookie speaks of, null when there is none in the ACK. */
function cookieRequest(sk: TcpSock, skb: Skb): RequestSock | null {
  const { stack, net } = sk;
  const { snmp, sysctl, arena } = stack;
  if (sysctl.tcpSyncookies !== 2 && !hasRecentOverflow(sk)) return null;
  const v6 = sk.family !== AF_INET;
  const mss = checkCookie(stack.host, arena, v6, skb.networkHeader, skb.transportHeader, tcpClockNs(stack));
  if (mss === 0) {
    snmp.TcpExtSyncookiesFailed++;
    return null;
  }
  snmp.TcpExtSyncookiesRecv++;
  const req = newRequest(sk, skb);
  opt.tstampOk = false;
  opt.sackOk = false;
  opt.wscaleOk = false;
  opt.sndWscale = 0;
  tcpParseOptions(stack, skb.transportHeader, false, opt, false, 0);
  if (opt.sawTstamp && opt.rcvTsecr !== 0) {
    req.tsOff = secureTcpTsOff(net.tsKey, req.localAddr, req.remoteAddr);
    opt.rcvTsecr = (opt.rcvTsecr - req.tsOff) >>> 0;
  }
  if (!decodeTimestamp(sk, req)) return null;
  req.mss = mss;
  req.tsRecent = opt.sawTstamp ? opt.rcvTsval : 0;
  return req;
}

/** cookie_bpf_check: the connection as a program described it; the packet is nobody's from here on. */
function bpfRequest(sk: TcpSock, skb: Skb, { attrs }: BpfRequest): RequestSock {
  skb.orphan();
  const req = newRequest(sk, skb);
  req.mss = attrs.mss;
  req.tsRecent = attrs.rcvTsval;
  req.tsOff = attrs.tsOff;
  req.tstampOk = attrs.tstampOk;
  req.sackOk = attrs.sackOk;
  req.wscaleOk = attrs.wscaleOk;
  req.sndWscale = attrs.sndWscale;
  req.ecnOk = attrs.ecnOk;
  return req;
}

/** cookie_timestamp_decode: options that our timestamp carried. @returns false when they are not what we would have agreed on */
function decodeTimestamp(sk: TcpSock, req: RequestSock): boolean {
  const s = sk.stack.sysctl;
  if (!opt.sawTstamp) return true;
  if (s.tcpTimestamps === 0) return false;
  const options = opt.rcvTsecr;
  req.tstampOk = true;
  req.sackOk = (options & TS_OPT_SACK) !== 0;
  req.ecnOk = (options & TS_OPT_ECN) !== 0;
  if (req.sackOk && s.tcpSack === 0) return false;
  if ((options & TS_OPT_WSCALE_MASK) === TS_OPT_WSCALE_MASK) return true;
  req.wscaleOk = true;
  req.sndWscale = options & TS_OPT_WSCALE_MASK;
  return s.tcpWindowScaling !== 0;
}
