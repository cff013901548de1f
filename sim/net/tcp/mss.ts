/**
 * Segment sizes: from the path's MTU, the peer's MSS and its window.
 *
 * @source net/ipv4/tcp_output.c tcp_mtu_to_mss, tcp_sync_mss, tcp_current_mss, tcp_advertise_mss; include/net/tcp.h
 *         tcp_bound_to_half_wnd; net/ipv4/tcp_input.c tcp_initialize_rcv_mss; net/ipv4/route.c ipv4_default_advmss
 * @differs no packetization layer PMTU discovery (net.ipv4.tcp_mtu_probing)
 */
import { AF_INET } from "../ip/address.ts";
import type { Dst } from "../ip/dst.ts";
import { TCP_HLEN, TCP_MIN_MSS, TCP_MSS_DEFAULT } from "./const.ts";
import { outOptions, tcpEstablishedOptions } from "./options.ts";
import { netHeaderLen, skPathMtu, skRoute } from "./route.ts";
import type { TcpSock } from "./tcp-sock.ts";

/** ip_rt_min_advmss, ip6_rt_min_advmss; and the largest MSS of IPv4. */
const MIN_ADVMSS4 = 256;
const MIN_ADVMSS6 = 1220;
const MAX_MSS = 65535 - 40;

/** dst_metric_advmss: what the device of a route lets the peer send. */
export function dstAdvmss(family: number, dst: Dst): number {
  const mss = dst.mtu - (family === AF_INET ? 40 : 60);
  return Math.min(Math.max(mss, family === AF_INET ? MIN_ADVMSS4 : MIN_ADVMSS6), MAX_MSS);
}

/** tcp_advertise_mss. */
export function tcpAdvertiseMss(sk: TcpSock): number {
  const dst = skRoute(sk);
  if (dst === null) return sk.advmss;
  sk.advmss = Math.min(sk.advmss, dstAdvmss(sk.family, dst));
  return sk.advmss;
}

/** tcp_mtu_to_mss: bytes of data in a packet of an MTU, without room for SACK blocks. */
export function tcpMtuToMss(sk: TcpSock, pmtu: number): number {
  const bare = Math.min(pmtu - netHeaderLen(sk.family) - TCP_HLEN, sk.rxOpt.mssClamp) - sk.icskExtHdrLen;
  return Math.max(bare, sk.stack.sysctl.tcpMinSndMss) - (sk.tcpHeaderLen - TCP_HLEN);
}

/** tcp_mss_to_mtu. */
export function tcpMssToMtu(sk: TcpSock, mss: number): number {
  return mss + sk.tcpHeaderLen + sk.icskExtHdrLen + netHeaderLen(sk.family);
}

/** tcp_bound_to_half_wnd: at most half of the largest window that the peer ever had. */
function tcpBoundToHalfWnd(sk: TcpSock, bytes: number): number {
  const cutoff = sk.maxWindow > TCP_MSS_DEFAULT ? sk.maxWindow >>> 1 : sk.maxWindow;
  return cutoff !== 0 && bytes > cutoff ? Math.max(cutoff, 68 - sk.tcpHeaderLen) : bytes;
}

/** tcp_sync_mss: the path's MTU is known, or has changed. */
export function tcpSyncMss(sk: TcpSock, pmtu: number): number {
  const mss = tcpBoundToHalfWnd(sk, tcpMtuToMss(sk, pmtu));
  sk.icskPmtuCookie = pmtu;
  sk.mssCache = mss;
  return mss;
}

/** tcp_current_mss: bytes of data of a full segment now, options counted. */
export function tcpCurrentMss(sk: TcpSock): number {
  let mss = sk.mssCache;
  const dst = skRoute(sk);
  if (dst !== null) {
    const mtu = skPathMtu(sk, dst);
    if (mtu !== sk.icskPmtuCookie) mss = tcpSyncMss(sk, mtu);
  }
  if (!sk.rxOpt.dsack && sk.rxOpt.numSacks === 0) return mss;
  tcpEstablishedOptions(sk);
  return mss - (TCP_HLEN + outOptions.size - sk.tcpHeaderLen);
}

/** tcp_initialize_rcv_mss: a first guess at what the peer sends. */
export function tcpInitializeRcvMss(sk: TcpSock): void {
  let hint = Math.min(sk.advmss, sk.mssCache);
  hint = Math.min(hint, Math.floor(sk.rcvWnd / 2));
  hint = Math.min(hint, TCP_MSS_DEFAULT);
  sk.icskAckRcvMss = Math.max(hint, TCP_MIN_MSS);
}

/**
 * Whether a connection may send packets of several segments, and how many at most (sk_can_gso, tcp_tso_autosize): the one place that
 * decides. Devices that cut them are not there, so a packet is a segment.
 */
export function tcpTsoSegs(_sk: TcpSock, _mss: number): number {
  return 1;
}
