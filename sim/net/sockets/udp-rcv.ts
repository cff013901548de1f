/**
 * UDP's receiving side: from the IP layer to the socket, and ICMP errors to the socket they concern.
 *
 * @source net/ipv4/udp.c __udp4_lib_rcv, __udp4_lib_mcast_deliver, __udp4_lib_err; net/ipv6/udp.c
 * @differs checksums are verified on arrival, not when the application reads
 */
import { csumPseudo } from "../checksum.ts";
import { SKB_DROP_REASON } from "../drop-reason.ts";
import { AF_INET, AF_INET6, IpAddr } from "../ip/address.ts";
import { DST_LOCAL, type Dst } from "../ip/dst.ts";
import type { IpStack } from "../ip/ip-stack.ts";
import {
  ICMP_DEST_UNREACH,
  ICMP_FRAG_NEEDED,
  ICMP_PARAMETERPROB,
  ICMP_PORT_UNREACH,
  ICMP_TIME_EXCEEDED,
  IPPROTO_UDP,
} from "../ip/ipv4/header.ts";
import { ICMPV6_DEST_UNREACH, ICMPV6_PKT_TOOBIG, ICMPV6_PORT_UNREACH } from "../ip/ipv6/header.ts";
import { transportCsumOk } from "../ip/skb-csum.ts";
import type { Netdev } from "../netdev.ts";
import { ERRNO } from "../netlink-error.ts";
import { CHECKSUM_NONE, type Skb } from "../skb.ts";
import { icmpErrno, icmpFatal } from "./icmp-errno.ts";
import { UDP_HLEN, UdpSocket } from "./udp.ts";
import type { UdpTable } from "./udp-table.ts";

/** inet_steal_sock: the socket that bpf_sk_assign chose, taken off the packet; null when none was. */
function stealSock(skb: Skb): UdpSocket | null {
  if (!skb.prefetched) return null;
  const sock = skb.owner;
  skb.orphan();
  return sock instanceof UdpSocket && !sock.closed ? sock : null;
}

/** The handler of IPPROTO_UDP for IPv4: skb.data at the UDP header. Takes the skb. */
export function udpRcv(stack: IpStack, table: UdpTable, skb: Skb, dev: Netdev): void {
  const s = stack.snmp;
  const k = stack.kernel;
  const dv = stack.arena.dv;
  const ip = skb.networkHeader;
  if (!trimToLength(skb, dv)) {
    s.UdpInErrors++;
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.PKT_TOO_SMALL);
    return;
  }
  const ulen = skb.len;
  if (skb.ipSummed === CHECKSUM_NONE && dv.getUint16(skb.data + 6) !== 0) {
    const pseudo = csumPseudo(stack.arena, ip + 12, 8, ulen, IPPROTO_UDP);
    if (!transportCsumOk(stack.arena, skb.data, ulen, pseudo)) {
      s.UdpInCsumErrors++;
      s.UdpInErrors++;
      k.kfreeSkb(skb, dev, SKB_DROP_REASON.UDP_CSUM);
      return;
    }
  }
  const saddr = dv.getUint32(ip + 12);
  const daddr = dv.getUint32(ip + 16);
  const dport = dv.getUint16(skb.data + 2);
  if ((skb.dst as Dst).kind !== DST_LOCAL) {
    deliverToAll(stack, table, skb, dev, daddr, dport);
    return;
  }
  const sport = dv.getUint16(skb.data);
  const sock = stealSock(skb) ?? table.lookup(AF_INET, saddr, 0, 0, 0, sport, daddr, 0, 0, 0, dport, dev.ifindex);
  if (sock !== null) {
    sock.deliver(skb);
    return;
  }
  s.UdpNoPorts++;
  stack.calls.icmpSend(stack, skb, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
  k.kfreeSkb(skb, dev, SKB_DROP_REASON.NO_SOCKET);
}

/** Cuts off what lies behind the datagram. @returns false when the header or what it says does not fit */
function trimToLength(skb: Skb, dv: DataView): boolean {
  const ulen = skb.len < UDP_HLEN ? 0 : dv.getUint16(skb.data + 4);
  if (ulen < UDP_HLEN || ulen > skb.len) return false;
  skb.len = ulen;
  return true;
}

/** A broadcast goes to every socket that listens; the last one gets the packet itself. */
function deliverToAll(stack: IpStack, table: UdpTable, skb: Skb, dev: Netdev, daddr: number, dport: number): void {
  const list = table.matching(AF_INET, new IpAddr(AF_INET, daddr), dport, dev.ifindex);
  if (list.length === 0) {
    stack.kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.NO_SOCKET);
    return;
  }
  for (let i = 0; i < list.length - 1; i++) {
    const copy = stack.kernel.pool.clone(skb, stack.kernel.engine.nowNs);
    if (copy === null) break;
    copy.dst = skb.dst;
    list[i]!.deliver(copy);
  }
  list[list.length - 1]!.deliver(skb);
}

/** The handler of IPPROTO_UDP for IPv6: skb.data at the UDP header. Takes the skb. */
export function udp6Rcv(stack: IpStack, table: UdpTable, skb: Skb, dev: Netdev): void {
  const s = stack.snmp;
  const k = stack.kernel;
  const dv = stack.arena.dv;
  const ip = skb.networkHeader;
  if (!trimToLength(skb, dv)) {
    s.Udp6InErrors++;
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.PKT_TOO_SMALL);
    return;
  }
  const ulen = skb.len;
  if (skb.ipSummed === CHECKSUM_NONE) {
    const pseudo = csumPseudo(stack.arena, ip + 8, 32, ulen, IPPROTO_UDP);
    // RFC 8200 8.1: a zero checksum is no checksum, and not allowed
    if (dv.getUint16(skb.data + 6) === 0 || !transportCsumOk(stack.arena, skb.data, ulen, pseudo)) {
      s.Udp6InCsumErrors++;
      s.Udp6InErrors++;
      k.kfreeSkb(skb, dev, SKB_DROP_REASON.UDP_CSUM);
      return;
    }
  }
  const sock =
    stealSock(skb) ??
    table.lookup(
      AF_INET6,
      dv.getUint32(ip + 8),
      dv.getUint32(ip + 12),
      dv.getUint32(ip + 16),
      dv.getUint32(ip + 20),
      dv.getUint16(skb.data),
      dv.getUint32(ip + 24),
      dv.getUint32(ip + 28),
      dv.getUint32(ip + 32),
      dv.getUint32(ip + 36),
      dv.getUint16(skb.data + 2),
      dev.ifindex,
    );
  if (sock !== null) {
    sock.deliver(skb);
    return;
  }
  s.Udp6NoPorts++;
  stack.calls.icmp6Send(stack, skb, ICMPV6_DEST_UNREACH, ICMPV6_PORT_UNREACH, 0);
  k.kfreeSkb(skb, dev, SKB_DROP_REASON.NO_SOCKET);
}

/** udp_err: an ICMP error about a datagram of ours. @param inner address of the quoted IP header */
export function udpErr(stack: IpStack, table: UdpTable, inner: number, type: number, code: number): void {
  const dv = stack.arena.dv;
  const uh = inner + (dv.getUint8(inner) & 15) * 4;
  const s = table.lookup(
    AF_INET,
    dv.getUint32(inner + 16),
    0,
    0,
    0,
    dv.getUint16(uh + 2),
    dv.getUint32(inner + 12),
    0,
    0,
    0,
    dv.getUint16(uh),
    0,
  );
  if (s === null) return;
  let errno: number = ERRNO.EHOSTUNREACH;
  let fatal = false;
  if (type === ICMP_PARAMETERPROB) {
    errno = 71;
    fatal = true;
  } else if (type === ICMP_DEST_UNREACH) {
    errno = icmpErrno(code);
    fatal = icmpFatal(code) || (code === ICMP_FRAG_NEEDED && s.pmtuDiscover);
  } else if (type !== ICMP_TIME_EXCEEDED) return;
  if (fatal && s.remoteAddr !== null) s.onError?.(errno);
}

/** udpv6_err. */
export function udp6Err(stack: IpStack, table: UdpTable, inner: number, uh: number, type: number, code: number): void {
  const dv = stack.arena.dv;
  const w = (i: number): number => dv.getUint32(inner + i);
  const s = table.lookup(
    AF_INET6,
    w(24),
    w(28),
    w(32),
    w(36),
    dv.getUint16(uh + 2),
    w(8),
    w(12),
    w(16),
    w(20),
    dv.getUint16(uh),
    0,
  );
  if (s === null || s.remoteAddr === null) return;
  if (type === ICMPV6_PKT_TOOBIG) s.onError?.(ERRNO.EMSGSIZE);
  else if (type === ICMPV6_DEST_UNREACH && code === ICMPV6_PORT_UNREACH) s.onError?.(ERRNO.ECONNREFUSED);
}
