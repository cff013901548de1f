/**
 * connect and listen: how sockets come into the tables.
 *
 * @source net/ipv4/tcp_ipv4.c tcp_v4_connect; net/ipv4/tcp_output.c tcp_connect, tcp_connect_init; net/ipv4/inet_hashtables.c
 *         __inet_hash_connect, __inet_check_established; net/ipv4/inet_connection_sock.c inet_csk_listen_start
 */
import { AF_INET, IpAddr } from "../ip/address.ts";
import { DST_BROADCAST, DST_LOCAL, DST_MULTICAST, type Dst } from "../ip/dst.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import { TCP_CLOSE, TCP_LISTEN } from "../sockets/bpf-sock.ts";
import { inetCskDelackInit } from "./ack-state.ts";
import { tcpClockNs, tcpMstampRefresh, tcpTimeStamp } from "./clock.ts";
import {
  EALREADY,
  EISCONN,
  ICSK_TIME_RETRANS,
  TCP_HLEN,
  TCP_MSS_DEFAULT,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
  TCP_TIMEOUT_INIT,
  TCPHDR_SYN,
  TCPOLEN_TSTAMP_ALIGNED,
} from "./const.ts";
import { tcpEcnSendSyn } from "./ecn.ts";
import { ListenQueue } from "./listen-queue.ts";
import { dstAdvmss, tcpInitializeRcvMss, tcpSyncMss } from "./mss.ts";
import { findRoute, pathMtu, routeError, routeSource4, routeSource6 } from "./route.ts";
import { resetXmitTimer } from "./rto.ts";
import { securePortOffset, secureTcpSeq, secureTcpTsOff } from "./secure-seq.ts";
import { seqAdd } from "./seq.ts";
import { txTruesize } from "./sk-mem.ts";
import { inetPutPort, tcpSetState, tcpWriteQueuePurge } from "./state.ts";
import type { TcpSock } from "./tcp-sock.ts";
import { twKill, twReusable } from "./time-wait.ts";
import { TimeWaitSock } from "./time-wait-sock.ts";
import { tcpTransmitSkb } from "./transmit.ts";
import { takeTxSkb } from "./tx-skb.ts";
import { initialWindow, tcpFullSpace, tcpSelectInitialWindow } from "./window.ts";

/**
 * tcp_v4_connect, tcp_v6_connect: sends the SYN.
 * @throws NetlinkError EISCONN, EALREADY, EAFNOSUPPORT, EINVAL, ENETUNREACH, EADDRNOTAVAIL (no port left) and the like
 */
export function tcpConnect(sk: TcpSock, addr: IpAddr, port: number): void {
  const { stack } = sk;
  if (sk.state === TCP_SYN_SENT || sk.state === TCP_SYN_RECV) throw new NetlinkError(EALREADY);
  if (sk.state !== TCP_CLOSE || sk.closed) throw new NetlinkError(EISCONN);
  if (addr.family !== sk.family) throw new NetlinkError(ERRNO.EAFNOSUPPORT);
  const bound = sk.localAddr.isAny ? null : sk.localAddr;
  const ports = (sk.localPort << 16) | port;
  let dst = findRoute(stack, sk.family, bound, addr, sk.boundIfindex, ports);
  if (dst === null) {
    if (routeError === ERRNO.ENETUNREACH) {
      if (sk.family === AF_INET) stack.snmp.IpOutNoRoutes++;
      else stack.snmp.Ip6OutNoRoutes++;
    }
    throw new NetlinkError(routeError);
  }
  if (dst.kind === DST_MULTICAST || dst.kind === DST_BROADCAST) throw new NetlinkError(ERRNO.ENETUNREACH);
  const any = sk.localAddr;
  if (bound === null) sk.localAddr = sk.family === AF_INET ? new IpAddr(AF_INET, routeSource4) : routeSource6!;
  // 0.0.0.0 is this host
  sk.remoteAddr = addr.isAny ? (sk.family === AF_INET ? sk.localAddr : new IpAddr(sk.family, 0, 0, 0, 1)) : addr;
  sk.remotePort = port;
  sk.rxOpt.mssClamp = TCP_MSS_DEFAULT;
  sk.writeSeq = 0;
  tcpSetState(sk, TCP_SYN_SENT);
  const err = inetHashConnect(sk, dst);
  if (err !== 0) {
    tcpSetState(sk, TCP_CLOSE);
    sk.localAddr = any;
    sk.remoteAddr = null;
    sk.remotePort = 0;
    throw new NetlinkError(err);
  }
  sk.skTxhash = stack.random.u32() | 1;
  // the port is known now: it may lead by another path
  dst = findRoute(stack, sk.family, sk.localAddr, sk.remoteAddr, sk.boundIfindex, (sk.localPort << 16) | port) ?? dst;
  sk.skDst = dst;
  sk.skDstGeneration = stack.routeGeneration;
  const now = tcpClockNs(stack);
  if (sk.writeSeq === 0)
    sk.writeSeq = secureTcpSeq(sk.net.isnKey, sk.localAddr, sk.localPort, sk.remoteAddr, port, now);
  sk.tsoffset = secureTcpTsOff(sk.net.tsKey, sk.localAddr, sk.remoteAddr);
  sk.inetId = stack.random.u32() & 0xffff;
  sendSyn(sk, dst);
  sk.refreshView();
}

/** tcp_connect_init and tcp_connect. */
function sendSyn(sk: TcpSock, dst: Dst): void {
  const { stack } = sk;
  const { rxOpt } = sk;
  sk.tcpHeaderLen = TCP_HLEN + (stack.sysctl.tcpTimestamps !== 0 ? TCPOLEN_TSTAMP_ALIGNED : 0);
  if (rxOpt.userMss !== 0) rxOpt.mssClamp = rxOpt.userMss;
  sk.maxWindow = 0;
  tcpSyncMss(sk, pathMtu(stack, dst, sk.remoteAddr!));
  sk.windowClamp = sk.userWindowClamp;
  const advmss = dstAdvmss(sk.family, dst);
  sk.advmss = rxOpt.userMss !== 0 ? Math.min(advmss, rxOpt.userMss) : advmss;
  tcpInitializeRcvMss(sk);
  const full = tcpFullSpace(sk);
  if (sk.rcvBufLock && (sk.windowClamp > full || sk.windowClamp === 0)) sk.windowClamp = full;
  tcpSelectInitialWindow(sk, full, sk.advmss, sk.windowClamp, stack.sysctl.tcpWindowScaling !== 0);
  sk.rcvWnd = initialWindow.rcvWnd;
  sk.windowClamp = initialWindow.windowClamp;
  rxOpt.rcvWscale = initialWindow.rcvWscale;
  sk.rcvSsthresh = sk.rcvWnd;
  sk.skErr = 0;
  sk.sndWnd = 0;
  sk.sndWl1 = 0;
  tcpWriteQueuePurge(sk);
  sk.sndUna = sk.writeSeq;
  sk.sndSml = sk.writeSeq;
  sk.sndUp = sk.writeSeq;
  sk.sndNxt = sk.writeSeq;
  sk.rcvNxt = 0;
  sk.rcvWup = 0;
  sk.copiedSeq = 0;
  sk.icskRto = TCP_TIMEOUT_INIT;
  sk.icskRetransmits = 0;
  sk.reordering = stack.sysctl.tcpReordering;
  const skb = takeTxSkb();
  skb.seq = sk.writeSeq;
  skb.endSeq = seqAdd(skb.seq, 1);
  tcpMstampRefresh(sk);
  sk.retransStamp = tcpTimeStamp(sk);
  sk.writeSeq = skb.endSeq;
  sk.sendRing.start(skb.endSeq);
  sk.wmemQueued += txTruesize(0);
  skb.tcpFlags = TCPHDR_SYN | tcpEcnSendSyn(sk);
  sk.txq.push(skb);
  sk.txq.sent = 1;
  sk.packetsOut = 1;
  tcpTransmitSkb(sk, skb);
  sk.sndNxt = sk.writeSeq;
  sk.pushedSeq = sk.writeSeq;
  sk.cwndUsageSeq = sk.writeSeq;
  stack.snmp.TcpActiveOpens++;
  resetXmitTimer(sk, ICSK_TIME_RETRANS, sk.icskRto, sk.icskRtoMax);
}

/** __inet_check_established: whether the four numbers are free; a TIME_WAIT may give way. */
function checkEstablished(sk: TcpSock, port: number, dst: Dst): boolean {
  const { net } = sk;
  const found = net.ehash.find(sk.localAddr, port, sk.remoteAddr!, sk.remotePort, sk.boundIfindex);
  if (found === null) return true;
  if (!(found instanceof TimeWaitSock) || !twReusable(found, dst.kind === DST_LOCAL)) return false;
  // the new connection goes on where the old one ended
  sk.writeSeq = seqAdd(found.sndNxt, 65535 + 2);
  sk.rxOpt.tsRecent = found.tsRecent;
  sk.rxOpt.tsRecentStamp = found.tsRecentStamp;
  sk.stack.snmp.TcpExtTWRecycled++;
  twKill(found);
  return true;
}

/** __inet_hash_connect: chooses a port unless there is one, and enters the connection. @returns 0, or errno */
function inetHashConnect(sk: TcpSock, dst: Dst): number {
  const { net, stack } = sk;
  if (sk.localPort !== 0) {
    if (!checkEstablished(sk, sk.localPort, dst)) return ERRNO.EADDRNOTAVAIL;
    net.ehash.insert(sk);
    return 0;
  }
  const { portRangeLow: low, portRangeHigh } = stack.sysctl;
  const high = portRangeHigh + 1;
  let remaining = high - low;
  if (remaining > 1) remaining &= ~1;
  const perturb = securePortOffset(net.portKey, sk.localAddr, sk.remoteAddr!, sk.remotePort);
  // ports of the low bound's parity first; bind takes the others first
  const start = ((net.connectOffset + perturb) % remaining) & ~1;
  for (let parity = 0; parity < 2; parity++) {
    for (let i = 0; i < remaining; i += 2) {
      let port = low + start + parity + i;
      if (port >= high) port -= remaining;
      if (!net.ports.isShareable(port)) continue;
      if (!net.ports.isFree(port) && !checkEstablished(sk, port, dst)) continue;
      net.connectOffset += i + 2;
      sk.localPort = port;
      net.ports.add(sk, net.ports.isFree(port) || net.ports.isShareable(port));
      sk.inBhash = true;
      net.ehash.insert(sk);
      return 0;
    }
  }
  return ERRNO.EADDRNOTAVAIL;
}

/**
 * inet_csk_get_port: bind(2).
 * @param port 0 for a free one
 * @throws NetlinkError EADDRINUSE
 */
export function tcpBind(sk: TcpSock, addr: IpAddr, port: number): void {
  const { ports } = sk.net;
  const chosen = port === 0 ? ports.findOpen(sk, addr) : port;
  if (chosen === 0 || !ports.allows(sk, addr, chosen)) throw new NetlinkError(ERRNO.EADDRINUSE);
  sk.localAddr = addr;
  sk.localPort = chosen;
  sk.bindPortLock = port !== 0;
  sk.bindAddrLock = !addr.isAny;
  ports.add(sk, false);
  sk.inBhash = true;
  sk.refreshView();
}

/** inet_csk_listen_start. @throws NetlinkError EINVAL when connected, EADDRINUSE */
export function tcpListen(sk: TcpSock, backlog: number): void {
  const limit = Math.min(backlog < 0 ? sk.stack.sysctl.somaxconn : backlog, sk.stack.sysctl.somaxconn);
  if (sk.state === TCP_LISTEN) {
    sk.listenQueue!.maxAckBacklog = limit;
    return;
  }
  if (sk.state !== TCP_CLOSE || sk.closed) throw new NetlinkError(ERRNO.EINVAL);
  if (sk.localPort === 0) tcpBind(sk, sk.localAddr, 0);
  inetCskDelackInit(sk);
  sk.state = TCP_LISTEN;
  // another socket may have begun to listen here since bind
  if (!sk.net.ports.allows(sk, sk.localAddr, sk.localPort)) {
    sk.state = TCP_CLOSE;
    inetPutPort(sk);
    throw new NetlinkError(ERRNO.EADDRINUSE);
  }
  sk.listenQueue = new ListenQueue(limit);
  sk.net.ports.addListener(sk);
  sk.refreshView();
}
