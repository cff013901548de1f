/**
 * From a half-open connection to a socket.
 *
 * @source net/ipv4/tcp_minisocks.c tcp_create_openreq_child; net/ipv4/tcp_ipv4.c tcp_v4_syn_recv_sock;
 *         net/ipv4/inet_connection_sock.c inet_csk_clone_lock, inet_csk_complete_hashdance
 */
import type { Skb } from "../skb.ts";
import { TCP_LISTEN } from "../sockets/bpf-sock.ts";
import { tcpJiffies, tcpMstampRefresh, tcpSeconds } from "./clock.ts";
import { HZ, JIFFY_NS, TCP_ECN_OK, TCP_HLEN, TCP_SYN_RECV, TCPOLEN_TSTAMP_ALIGNED, TIMER_KEEPALIVE } from "./const.ts";
import { dstAdvmss, tcpInitializeRcvMss, tcpSyncMss } from "./mss.ts";
import type { RequestSock } from "./request-sock.ts";
import { pathMtu, skRoute } from "./route.ts";
import { seqAdd } from "./seq.ts";
import { announcedMss } from "./synack.ts";
import type { TcpSock } from "./tcp-sock.ts";

/** tcp_v4_syn_recv_sock. @returns the child in SYN_RECV, or null when the listener's queue is full or there is no route */
export function tcpSynRecvSock(sk: TcpSock, skb: Skb, req: RequestSock): TcpSock | null {
  const { stack, net } = sk;
  const { snmp } = stack;
  if (sk.listenQueue!.acceptqIsFull) {
    snmp.TcpExtListenOverflows++;
    sk.drops++;
    snmp.TcpExtListenDrops++;
    return null;
  }
  const child = net.create(net, sk.family);
  child.localAddr = req.localAddr;
  child.localPort = req.localPort;
  child.remoteAddr = req.remoteAddr;
  child.remotePort = req.remotePort;
  child.boundIfindex = req.boundIfindex;
  const dst = skRoute(child);
  if (dst === null) {
    sk.drops++;
    snmp.TcpExtListenDrops++;
    child.releaseSock();
    return null;
  }
  inherit(child, sk);
  child.mark = req.mark;
  child.skTxhash = req.txhash;
  child.inetId = stack.random.u32() & 0xffff;
  createOpenreqChild(child, skb, req);
  tcpSyncMss(child, pathMtu(stack, dst, req.remoteAddr));
  child.advmss = announcedMss(req, dstAdvmss(child.family, dst));
  tcpInitializeRcvMss(child);
  // __inet_inherit_port: the child shares the listener's port
  net.ports.add(child, false);
  child.inBhash = true;
  net.ehash.insert(child);
  return child;
}

/** What a connection has from its listener. */
function inherit(child: TcpSock, sk: TcpSock): void {
  child.parent = sk;
  child.priority = sk.priority;
  child.tos = sk.tos & ~3;
  child.ttl = sk.ttl;
  child.rcvBuf = sk.rcvBuf;
  child.sndBuf = sk.sndBuf;
  child.rcvBufLock = sk.rcvBufLock;
  child.sndBufLock = sk.sndBufLock;
  child.rcvLowat = sk.rcvLowat;
  child.skReuse = sk.skReuse;
  child.reuseport = sk.reuseport;
  child.keepOpen = sk.keepOpen;
  child.lingerS = sk.lingerS;
  child.linger2 = sk.linger2;
  child.nonagle = sk.nonagle;
  child.keepaliveTime = sk.keepaliveTime;
  child.keepaliveIntvl = sk.keepaliveIntvl;
  child.keepaliveProbes = sk.keepaliveProbes;
  child.icskUserTimeout = sk.icskUserTimeout;
  child.icskSynRetries = sk.icskSynRetries;
  child.icskRtoMin = sk.icskRtoMin;
  child.icskRtoMax = sk.icskRtoMax;
  child.icskDelackMax = sk.icskDelackMax;
  child.userWindowClamp = sk.userWindowClamp;
  child.notsentLowat = sk.notsentLowat;
  child.skMaxPacingRate = sk.skMaxPacingRate;
  child.skPacingStatus = sk.skPacingStatus;
  child.rxOpt.userMss = sk.rxOpt.userMss;
  child.icskCaOps = sk.icskCaOps;
  child.icskCaSetsockopt = sk.icskCaSetsockopt;
  child.filter = sk.filter;
  child.bindPortLock = sk.bindPortLock;
}

function createOpenreqChild(child: TcpSock, skb: Skb, req: RequestSock): void {
  const { stack } = child;
  const now = tcpJiffies(stack);
  const opt = child.rxOpt;
  tcpMstampRefresh(child);
  child.state = TCP_SYN_RECV;
  const theirs = seqAdd(req.rcvIsn, 1);
  child.rcvWup = theirs;
  child.copiedSeq = theirs;
  child.rcvNxt = theirs;
  child.segsIn = 1;
  const ours = seqAdd(req.sntIsn, 1);
  child.sndSml = ours;
  child.sndUna = ours;
  child.sndNxt = ours;
  child.sndUp = ours;
  child.writeSeq = ours;
  child.pushedSeq = ours;
  child.sendRing.start(ours);
  child.sndWl1 = req.rcvIsn;
  child.icskAckLrcvtime = now;
  child.lsndtime = now;
  child.totalRetrans = req.numRetrans;
  child.cwndUsageSeq = ours;
  opt.tstampOk = req.tstampOk;
  opt.sackOk = req.sackOk;
  child.windowClamp = req.rskWindowClamp;
  child.rcvSsthresh = req.rskRcvWnd;
  child.rcvWnd = req.rskRcvWnd;
  opt.wscaleOk = req.wscaleOk;
  if (opt.wscaleOk) {
    opt.sndWscale = req.sndWscale;
    opt.rcvWscale = req.rcvWscale;
  } else child.windowClamp = Math.min(child.windowClamp, 65535);
  child.sndWnd = stack.arena.dv.getUint16(skb.transportHeader + 14) * 2 ** opt.sndWscale;
  child.maxWindow = child.sndWnd;
  child.tcpHeaderLen = TCP_HLEN;
  if (opt.tstampOk) {
    opt.tsRecent = req.tsRecent;
    opt.tsRecentStamp = tcpSeconds(stack);
    child.tcpHeaderLen += TCPOLEN_TSTAMP_ALIGNED;
  }
  if (req.numTimeout > 0) {
    child.totalRetrans = req.numTimeout;
    child.undoMarker = req.sntIsn;
    child.retransStamp = req.sntTsvalFirst;
  }
  child.tsoffset = req.tsOff;
  opt.mssClamp = req.mss;
  child.ecnFlags = req.ecnOk ? TCP_ECN_OK : 0;
  child.reordering = stack.sysctl.tcpReordering;
  if (child.keepOpen) {
    const idle = child.keepaliveTime !== 0 ? child.keepaliveTime : stack.sysctl.tcpKeepaliveTimeS * HZ;
    child.timers.set(TIMER_KEEPALIVE, stack.kernel.engine.nowNs + idle * JIFFY_NS);
  }
  stack.snmp.TcpPassiveOpens++;
}

/** inet_csk_reqsk_queue_add: the child waits to be accepted. @returns false when the listener is gone */
export function reqskQueueAddChild(listener: TcpSock, child: TcpSock): boolean {
  if (listener.state !== TCP_LISTEN || listener.listenQueue === null) return false;
  listener.listenQueue.push(child);
  return true;
}
