/**
 * The way of a connection's packets: route, IP header, checksum.
 *
 * @source net/ipv4/ip_output.c __ip_queue_xmit; net/ipv6/inet6_connection_sock.c inet6_csk_xmit; net/ipv4/tcp_ipv4.c
 *         __tcp_v4_send_check; net/ipv4/af_inet.c inet_sk_rebuild_header
 */
import { csumFold, csumPartial, csumPseudo } from "../checksum.ts";
import { AF_INET, type Family, type IpAddr, isLinkLocal6 } from "../ip/address.ts";
import type { Dst } from "../ip/dst.ts";
import type { IpStack } from "../ip/ip-stack.ts";
import { IP_DF, IPPROTO_TCP } from "../ip/ipv4/header.ts";
import { ipXmit, pathMtu4 } from "../ip/ipv4/output.ts";
import { Flow4, routeOutput4 } from "../ip/ipv4/route.ts";
import { ip6Xmit, makeFlowLabel, pathMtu6 } from "../ip/ipv6/output.ts";
import { Flow6, routeOutput6 } from "../ip/ipv6/route.ts";
import { ERRNO } from "../netlink-error.ts";
import { CHECKSUM_PARTIAL, type Skb } from "../skb.ts";
import type { TcpSock } from "./tcp-sock.ts";

const flow4: Flow4 = new Flow4();
const flow6: Flow6 = new Flow6();

/** Why the last lookup found no route: errno. */
export let routeError = 0;
/** Source address that the last lookup of IPv6 chose, and of IPv4 as a word. */
export let routeSource6: IpAddr | null = null;
export let routeSource4 = 0;

/** Looks a route up. @param saddr null: chosen by the lookup (routeSource4, routeSource6) */
export function findRoute(
  stack: IpStack,
  family: Family,
  saddr: IpAddr | null,
  daddr: IpAddr,
  oif: number,
  ports: number,
): Dst | null {
  if (family === AF_INET) {
    const fl = flow4.set(daddr.a, saddr === null ? 0 : saddr.a, oif, IPPROTO_TCP, ports);
    const dst = routeOutput4(stack, fl);
    routeError = fl.err;
    routeSource4 = fl.saddr;
    return dst;
  }
  if (isLinkLocal6(daddr.a) && oif === 0) {
    routeError = ERRNO.EINVAL;
    return null;
  }
  const fl = flow6.set(daddr, saddr, oif, IPPROTO_TCP, ports);
  const dst = routeOutput6(stack, fl);
  routeError = fl.err;
  routeSource6 = fl.saddr;
  return dst;
}

/** __sk_dst_check, inet_sk_rebuild_header: the route of a connection, looked up anew when routes have changed. */
export function skRoute(sk: TcpSock): Dst | null {
  if (sk.skDst !== null && sk.skDstGeneration === sk.stack.routeGeneration) return sk.skDst;
  const ports = (sk.localPort << 16) | sk.remotePort;
  sk.skDst = findRoute(sk.stack, sk.family, sk.localAddr, sk.remoteAddr!, sk.boundIfindex, ports);
  sk.skDstGeneration = sk.stack.routeGeneration;
  return sk.skDst;
}

/** dst_mtu of a connection's path. */
export function skPathMtu(sk: TcpSock, dst: Dst): number {
  return pathMtu(sk.stack, dst, sk.remoteAddr!);
}

/** dst_mtu. */
export function pathMtu(stack: IpStack, dst: Dst, daddr: IpAddr): number {
  return daddr.family === AF_INET ? pathMtu4(stack, dst, daddr.a) : pathMtu6(stack, dst, daddr);
}

/** Bytes of the IP header. */
export function netHeaderLen(family: Family): number {
  return family === AF_INET ? 20 : 40;
}

/**
 * Fills the checksum of the TCP segment at skb.data and sends it. Takes the skb.
 * @param id identification of IPv4
 * @param label flow label of IPv6
 * @returns NET_XMIT_* or -errno
 */
export function tcpIpXmit(
  stack: IpStack,
  skb: Skb,
  dst: Dst,
  saddr: IpAddr,
  daddr: IpAddr,
  tos: number,
  ttl: number,
  id: number,
  label: number,
): number {
  const { arena } = stack;
  const dv = arena.dv;
  const p = skb.data;
  if (saddr.family === AF_INET) {
    // the addresses go where the IP header will have them, so that the pseudo header can be summed
    dv.setUint32(p - 8, saddr.a);
    dv.setUint32(p - 4, daddr.a);
    tcpSendCheck(stack, skb, dst, csumPseudo(arena, p - 8, 8, skb.len, IPPROTO_TCP));
    const hops = ttl >= 0 ? ttl : stack.sysctl.ipDefaultTtl;
    return ipXmit(stack, skb, dst, saddr.a, daddr.a, IPPROTO_TCP, tos, hops, IP_DF, id, skb.priority);
  }
  writeAddr(dv, p - 32, saddr);
  writeAddr(dv, p - 16, daddr);
  tcpSendCheck(stack, skb, dst, csumPseudo(arena, p - 32, 32, skb.len, IPPROTO_TCP));
  const hops = ttl >= 0 ? ttl : stack.ipDev(dst.dev).conf.hopLimit;
  return ip6Xmit(stack, skb, dst, saddr, daddr, IPPROTO_TCP, tos, hops, label);
}

/** The flow label of a connection. */
export function skFlowLabel(sk: TcpSock): number {
  if (sk.family === AF_INET) return 0;
  if (sk.flowLabel < 0) {
    const ports = ((sk.localPort << 16) | sk.remotePort) ^ sk.skTxhash;
    sk.flowLabel = makeFlowLabel(sk.stack, sk.localAddr, sk.remoteAddr!, ports);
  }
  return sk.flowLabel;
}

/** The whole sum, or with the device's help the pseudo header's only (CHECKSUM_PARTIAL). */
function tcpSendCheck(stack: IpStack, skb: Skb, dst: Dst, pseudo: number): void {
  const { arena } = stack;
  const at = skb.data + 16;
  if (dst.dev.txChecksumOffload) {
    skb.ipSummed = CHECKSUM_PARTIAL;
    skb.csumStart = skb.data;
    skb.csumOffset = 16;
    arena.dv.setUint16(at, ~csumFold(pseudo) & 0xffff, true);
    return;
  }
  arena.dv.setUint16(at, 0);
  arena.dv.setUint16(at, csumFold(csumPartial(arena, skb.data, skb.len, pseudo)), true);
}

function writeAddr(dv: DataView, at: number, x: IpAddr): void {
  dv.setUint32(at, x.a);
  dv.setUint32(at + 4, x.b);
  dv.setUint32(at + 8, x.c);
  dv.setUint32(at + 12, x.d);
}
