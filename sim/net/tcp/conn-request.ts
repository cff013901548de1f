/**
 * A SYN to a listener.
 *
 * @source net/ipv4/tcp_input.c tcp_conn_request, tcp_openreq_init, tcp_syn_flood_action, tcp_ecn_create_request;
 *         net/ipv4/tcp_minisocks.c tcp_openreq_init_rwin
 */

import { AF_INET, type Family, IpAddr, isLinkLocal6 } from "../ip/address.ts";
import { DST_LOCAL, type Dst } from "../ip/dst.ts";
import type { IpStack } from "../ip/ip-stack.ts";
import { IPV6_MIN_MTU } from "../ip/ipv6/header.ts";
import { readAddr6 } from "../ip/ipv6/route.ts";
import type { Skb } from "../skb.ts";
import { cookieMss, makeCookie } from "../sockets/syn-cookie.ts";
import { tcpClockNs, tcpJiffies } from "./clock.ts";
import { TCP_MSS_DEFAULT, TCPHDR_CWR, TCPHDR_ECE, TCPOLEN_TSTAMP_ALIGNED } from "./const.ts";
import { dsfieldOf, tcpCaNeedsEcn } from "./ecn.ts";
import { dstAdvmss } from "./mss.ts";
import { parsed, tcpParseOptions } from "./options.ts";
import { OptionsReceived } from "./options-received.ts";
import { RequestSock } from "./request-sock.ts";
import { findRoute } from "./route.ts";
import { secureTcpSeq, secureTcpTsOff } from "./secure-seq.ts";
import { announcedMss, reqskQueueAdd, tcpSendSynack } from "./synack.ts";
import type { TcpSock } from "./tcp-sock.ts";
import { initialWindow, tcpFullSpace, tcpSelectInitialWindow } from "./window.ts";

const opt: OptionsReceived = new OptionsReceived();

/** The packet's addresses as objects. */
export function sourceOf(stack: IpStack, family: Family, skb: Skb): IpAddr {
  const ip = skb.networkHeader;
  return family === AF_INET ? new IpAddr(AF_INET, stack.arena.dv.getUint32(ip + 12)) : readAddr6(stack, ip + 8);
}

/** Destination address of a packet. */
export function destinationOf(stack: IpStack, family: Family, skb: Skb): IpAddr {
  const ip = skb.networkHeader;
  return family === AF_INET ? new IpAddr(AF_INET, stack.arena.dv.getUint32(ip + 16)) : readAddr6(stack, ip + 24);
}

/** A request from a packet's addresses, not entered anywhere. */
export function newRequest(sk: TcpSock, skb: Skb): RequestSock {
  const { stack } = sk;
  const remote = sourceOf(stack, sk.family, skb);
  const dv = stack.arena.dv;
  const th = skb.transportHeader;
  const scoped = sk.family !== AF_INET && isLinkLocal6(remote.a);
  const oif = sk.boundIfindex !== 0 ? sk.boundIfindex : scoped ? skb.skbIif : 0;
  const local = destinationOf(stack, sk.family, skb);
  return new RequestSock(sk.net, sk, local, dv.getUint16(th + 2), remote, dv.getUint16(th), oif);
}

/** tcp_openreq_init_rwin: the window of the SYN-ACK. @param mss that a full segment of the peer carries */
export function tcpOpenreqInitRwin(req: RequestSock, mss: number): void {
  const sk = req.listener;
  const full = tcpFullSpace(sk);
  let clamp = sk.userWindowClamp;
  if (sk.rcvBufLock && (clamp > full || clamp === 0)) clamp = full;
  tcpSelectInitialWindow(sk, full, mss, clamp, req.wscaleOk);
  req.rskRcvWnd = initialWindow.rcvWnd;
  req.rskWindowClamp = initialWindow.windowClamp;
  req.rcvWscale = initialWindow.rcvWscale;
}

/** tcp_listendrop. */
function listenDrop(sk: TcpSock): void {
  sk.drops++;
  sk.stack.snmp.TcpExtListenDrops++;
}

/**
 * tcp_conn_request. Does not take the skb.
 * @param twIsn initial sequence number when the SYN takes the place of a TIME_WAIT, 0 else
 */
export function tcpConnRequest(sk: TcpSock, skb: Skb, twIsn: number): void {
  const { stack, net } = sk;
  const { snmp, sysctl } = stack;
  const q = sk.listenQueue!;
  // SYNs to broadcast and multicast addresses are not answered
  if ((skb.dst as Dst | null)?.kind !== DST_LOCAL) {
    listenDrop(sk);
    return;
  }
  let cookie = false;
  if (twIsn === 0 && (sysctl.tcpSyncookies === 2 || q.reqskQueueIsFull)) {
    if (sysctl.tcpSyncookies === 0) {
      snmp.TcpExtTCPReqQFullDrop++;
      listenDrop(sk);
      return;
    }
    snmp.TcpExtTCPReqQFullDoCookies++;
    cookie = true;
  }
  if (q.acceptqIsFull) {
    snmp.TcpExtListenOverflows++;
    listenDrop(sk);
    return;
  }
  const v6 = sk.family !== AF_INET;
  parseSyn(sk, skb, cookie);
  const req = newRequest(sk, skb);
  req.isCookie = cookie;
  req.rcvIsn = skb.seq;
  req.rcvNxt = (skb.seq + 1) >>> 0;
  req.mss = opt.mssClamp;
  req.tstampOk = opt.sawTstamp;
  req.tsRecent = opt.sawTstamp ? opt.rcvTsval : 0;
  req.sackOk = opt.sackOk;
  req.wscaleOk = opt.wscaleOk;
  req.sndWscale = opt.sndWscale;
  req.mark = sk.mark;
  const ports = (req.localPort << 16) | req.remotePort;
  const dst = findRoute(stack, req.family, req.localAddr, req.remoteAddr, req.boundIfindex, ports);
  if (dst === null) {
    listenDrop(sk);
    return;
  }
  if (req.tstampOk) req.tsOff = secureTcpTsOff(net.tsKey, req.localAddr, req.remoteAddr);
  let isn = twIsn;
  if (!cookie && isn === 0) {
    const limit = sysctl.tcpMaxSynBacklog;
    if (sysctl.tcpSyncookies === 0 && limit - q.qlen < limit >> 2) {
      // the last quarter is for peers that are known to be alive, and nothing is remembered of peers
      listenDrop(sk);
      return;
    }
    isn = secureTcpSeq(net.isnKey, req.localAddr, req.localPort, req.remoteAddr, req.remotePort, tcpClockNs(stack));
  }
  const both = TCPHDR_ECE | TCPHDR_CWR;
  if ((skb.tcpFlags & both) === both) {
    const ect = (dsfieldOf(sk, skb) & 3) !== 0;
    req.ecnOk = (!ect && sysctl.tcpEcn !== 0) || tcpCaNeedsEcn(sk);
  }
  if (cookie) {
    snmp.TcpExtSyncookiesSent++;
    q.synqOverflowStamp = tcpJiffies(stack);
    isn = makeCookie(stack.host, stack.arena, v6, skb.networkHeader, skb.transportHeader, req.mss, tcpClockNs(stack));
    req.mss = cookieMss(v6, req.mss);
    if (!req.tstampOk) req.ecnOk = false;
  }
  req.sntIsn = isn;
  req.txhash = stack.random.u32() | 1;
  req.tos = dsfieldOf(sk, skb);
  tcpOpenreqInitRwin(req, announcedMss(req, dstAdvmss(req.family, dst)) - (req.tstampOk ? TCPOLEN_TSTAMP_ALIGNED : 0));
  if (!cookie) reqskQueueAdd(req);
  tcpSendSynack(req);
}

/** Options of a SYN, into `opt`. */
function parseSyn(sk: TcpSock, skb: Skb, cookie: boolean): void {
  opt.tstampOk = false;
  opt.sackOk = false;
  opt.wscaleOk = false;
  opt.sndWscale = 0;
  opt.userMss = sk.rxOpt.userMss;
  opt.mssClamp = sk.family === AF_INET ? TCP_MSS_DEFAULT : IPV6_MIN_MTU - 60;
  tcpParseOptions(sk.stack, skb.transportHeader, true, opt, false, 0);
  if (parsed.mss !== 0) opt.mssClamp = parsed.mss;
  if (cookie && !opt.sawTstamp) {
    opt.sackOk = false;
    opt.wscaleOk = false;
    opt.sndWscale = 0;
  }
}
