/**
 * The SYN-ACK of a half-open connection, and its repetitions.
 *
 * @source net/ipv4/tcp_output.c tcp_make_synack, tcp_rtx_synack; net/ipv4/tcp_ipv4.c tcp_v4_send_synack;
 *         net/ipv4/inet_connection_sock.c reqsk_timer_handler, inet_csk_reqsk_queue_drop; net/ipv4/syncookies.c cookie_init_timestamp
 */

import { AF_INET } from "../ip/address.ts";
import { makeFlowLabel } from "../ip/ipv6/output.ts";
import { TCP_LISTEN } from "../sockets/bpf-sock.ts";
import { tcpClockNs, tcpTimeStampRaw } from "./clock.ts";
import { HZ, JIFFY_NS, TCP_HLEN, TCP_TIMEOUT_INIT, TCPHDR_ACK, TCPHDR_ECE, TCPHDR_SYN } from "./const.ts";
import { dstAdvmss } from "./mss.ts";
import { outOptions, tcpOptionsWrite, tcpSynackOptions } from "./options.ts";
import type { RequestSock } from "./request-sock.ts";
import { findRoute, tcpIpXmit } from "./route.ts";

/** Bits of a cookie's timestamp that hold options. */
export const TS_OPT_WSCALE_MASK = 0xf;
export const TS_OPT_SACK = 0x10;
export const TS_OPT_ECN = 0x20;
const TSBITS = 6;

/** tcp_mss_clamp of dst_metric_advmss: the MSS that we announce. */
export function announcedMss(req: RequestSock, advmss: number): number {
  const user = req.listener.rxOpt.userMss;
  return user !== 0 && user < advmss ? user : advmss;
}

/** cookie_init_timestamp: the options of a connection, in the low bits of a timestamp that is not later than now. */
function cookieTimestamp(req: RequestSock, now: number): number {
  let options = req.wscaleOk ? req.sndWscale : TS_OPT_WSCALE_MASK;
  if (req.sackOk) options |= TS_OPT_SACK;
  if (req.ecnOk) options |= TS_OPT_ECN;
  const ts = ((now >>> TSBITS) << TSBITS) | options;
  return (ts >>> 0 > now ? ts - (1 << TSBITS) : ts) >>> 0;
}

/** tcp_v4_send_synack, tcp_v6_send_synack. @returns whether it left */
export function tcpSendSynack(req: RequestSock): boolean {
  const stack = req.net.stack;
  const listener = req.listener;
  const ports = (req.localPort << 16) | req.remotePort;
  const dst = findRoute(stack, req.family, req.localAddr, req.remoteAddr, req.boundIfindex, ports);
  if (dst === null) return false;
  const now = tcpTimeStampRaw(stack);
  const ts = req.isCookie && req.tstampOk ? cookieTimestamp(req, now) : now;
  if (req.sntTsvalFirst === -1) req.sntTsvalFirst = ts;
  req.sntTsvalLast = ts;
  tcpSynackOptions(req, announcedMss(req, dstAdvmss(req.family, dst)), (ts + req.tsOff) >>> 0);
  const len = TCP_HLEN + outOptions.size;
  const skb = stack.kernel.allocSkb(len);
  if (skb === null) return false;
  skb.owner = listener;
  skb.ownerBytes = 0;
  skb.priority = listener.priority;
  skb.mark = req.mark;
  skb.hash = req.txhash;
  const dv = stack.arena.dv;
  const p = skb.data;
  const flags = TCPHDR_SYN | TCPHDR_ACK | (req.ecnOk ? TCPHDR_ECE : 0);
  dv.setUint32(p, ports);
  dv.setUint32(p + 4, req.sntIsn);
  dv.setUint32(p + 8, req.rcvNxt);
  dv.setUint32(p + 12, (len << 26) | (flags << 16) | Math.min(req.rskRcvWnd, 65535));
  dv.setUint32(p + 16, 0);
  tcpOptionsWrite(stack.arena, p + TCP_HLEN, null);
  if (req.sntSynack === 0) req.sntSynack = Math.floor(tcpClockNs(stack) / 1000) + 1;
  stack.snmp.TcpOutSegs++;
  const label = req.family === AF_INET ? 0 : makeFlowLabel(stack, req.localAddr, req.remoteAddr, ports ^ req.txhash);
  const rc = tcpIpXmit(stack, skb, dst, req.localAddr, req.remoteAddr, listener.tos & ~3, listener.ttl, 0, label);
  return rc === 0 || rc === 2;
}

/** tcp_rtx_synack. */
export function tcpRtxSynack(req: RequestSock): boolean {
  if (!tcpSendSynack(req)) return false;
  req.net.stack.snmp.TcpRetransSegs++;
  req.net.stack.snmp.TcpExtTCPSynRetrans++;
  req.numRetrans++;
  return true;
}

/** tcp_reqsk_timeout, jiffies. */
export function tcpReqskTimeout(req: RequestSock): number {
  return Math.min(TCP_TIMEOUT_INIT * 2 ** req.numTimeout, req.listener.icskRtoMax);
}

/** Starts the timer of the next SYN-ACK. */
export function armRequestTimer(req: RequestSock): void {
  req.timers.set(0, req.net.stack.kernel.engine.nowNs + tcpReqskTimeout(req) * JIFFY_NS);
}

/** inet_csk_reqsk_queue_hash_add. */
export function reqskQueueAdd(req: RequestSock): void {
  const q = req.listener.listenQueue!;
  q.qlen++;
  q.young++;
  req.net.ehash.insert(req);
  armRequestTimer(req);
}

/** inet_csk_reqsk_queue_drop, reqsk_queue_removed: it is half-open no more. @returns whether it was */
export function reqskQueueRemove(req: RequestSock): boolean {
  if (!req.inEhash) return false;
  const q = req.listener.listenQueue;
  if (q !== null) {
    if (req.numTimeout === 0) q.young--;
    q.qlen--;
  }
  req.timers.stopAll();
  req.mini?.forget();
  req.net.ehash.remove(req);
  return true;
}

/** reqsk_timer_handler: the peer has not answered. */
export function reqskTimer(req: RequestSock): void {
  if (!req.inEhash) return;
  const listener = req.listener;
  const q = listener.listenQueue;
  if (listener.state !== TCP_LISTEN || q === null) {
    reqskQueueRemove(req);
    return;
  }
  const stack = req.net.stack;
  let max = listener.icskSynRetries !== 0 ? listener.icskSynRetries : stack.sysctl.tcpSynackRetries;
  if (q.qlen * 2 > Math.max(8, q.maxAckBacklog)) {
    // many wait: those that were asked often have less patience
    for (let young = q.young * 2; max > 2 && q.qlen >= young; young *= 2) max--;
  }
  const defer = listener.deferAccept;
  let expire = req.numTimeout >= max;
  let resend = true;
  if (defer !== 0) {
    expire = expire && (!req.acked || req.numTimeout >= defer);
    resend = !req.acked || req.numTimeout >= defer - 1;
  }
  stack.snmp.TcpExtTCPTimeouts++;
  if (!expire && (!resend || tcpRtxSynack(req) || req.acked)) {
    if (req.numTimeout++ === 0) q.young--;
    armRequestTimer(req);
    return;
  }
  reqskQueueRemove(req);
}

/** TCP_DEFER_ACCEPT as a number of SYN-ACKs. @source net/ipv4/tcp.c secs_to_retrans @param seconds 0 for off */
export function secsToRetrans(seconds: number, timeoutS: number, rtoMaxS: number): number {
  if (seconds <= 0) return 0;
  let period = timeoutS;
  let timeout = timeoutS;
  let res = 1;
  while (seconds > period && res < 255) {
    res++;
    timeout = Math.min(timeout * 2, rtoMaxS);
    period += timeout;
  }
  return res;
}

/** TCP_TIMEOUT_INIT and TCP_RTO_MAX in seconds, for secsToRetrans. */
export const TIMEOUT_INIT_S: number = TCP_TIMEOUT_INIT / HZ;
