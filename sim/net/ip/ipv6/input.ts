/**
 * The IPv6 receive path.
 *
 *     ipv6_rcv -> ip6_route_input -> ip6_input -> extension headers, (reassembly) -> raw sockets -> protocol
 *                                 -> ip6_forward -> ip6_output
 *                                 -> ip6_pkt_discard (no route: ICMPv6)
 *
 * @source net/ipv6/ip6_input.c, ip6_output.c ip6_forward, exthdrs.c, reassembly.c
 * @differs options in hop-by-hop and destination headers are skipped; routing headers with segments left are refused; no redirects
 */
import { COST_NS } from "../../cost.ts";
import { SKB_DROP_REASON } from "../../drop-reason.ts";
import { IFF_LOOPBACK, type Netdev } from "../../netdev.ts";
import { ERRNO } from "../../netlink-error.ts";
import { PACKET_HOST, PACKET_OTHERHOST, type Skb } from "../../skb.ts";
import { AF_INET6, isLinkLocal6 } from "../address.ts";
import { DST_ERROR, DST_LOCAL, DST_MULTICAST, type Dst } from "../dst.ts";
import { EACCES } from "../fib/fib.ts";
import type { IpStack } from "../ip-stack.ts";
import { fragAdd, fragJoin } from "../reassembly.ts";
import {
  ICMPV6_ADM_PROHIBITED,
  ICMPV6_DEST_UNREACH,
  ICMPV6_EXC_HOPLIMIT,
  ICMPV6_HDR_FIELD,
  ICMPV6_NOROUTE,
  ICMPV6_NOT_NEIGHBOUR,
  ICMPV6_PARAMPROB,
  ICMPV6_PKT_TOOBIG,
  ICMPV6_TIME_EXCEED,
  ICMPV6_UNK_NEXTHDR,
  IP6_HLEN,
  IPV6_MIN_MTU,
  NEXTHDR_DEST,
  NEXTHDR_FRAGMENT,
  NEXTHDR_HOP,
  NEXTHDR_NONE,
  NEXTHDR_ROUTING,
} from "./header.ts";
import { ip6Output } from "./output.ts";
import { isOurGroup6, routeInput6 } from "./route.ts";

/** The handler of ETH_P_IPV6: skb.data at the IPv6 header. Takes the skb. */
export function ip6Rcv(stack: IpStack, skb: Skb, dev: Netdev): void {
  const k = stack.kernel;
  const s = stack.snmp;
  if (skb.pktType === PACKET_OTHERHOST) {
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.OTHERHOST);
    return;
  }
  s.Ip6InReceives++;
  s.Ip6InOctets += skb.len;
  const d = stack.ipDev(dev);
  if (d.conf.disableIpv6 !== 0) {
    s.Ip6InDiscards++;
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.IPV6DISABLED);
    return;
  }
  const p = skb.data;
  const dv = stack.arena.dv;
  if (skb.len < IP6_HLEN || dv.getUint8(p) >> 4 !== 6 || badAddresses(stack, p, dev)) {
    s.Ip6InHdrErrors++;
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.IP_INHDR);
    return;
  }
  const payload = dv.getUint16(p + 4);
  if (payload !== 0 || dv.getUint8(p + 6) !== NEXTHDR_HOP) {
    if (payload + IP6_HLEN > skb.len) {
      s.Ip6InTruncatedPkts++;
      k.kfreeSkb(skb, dev, SKB_DROP_REASON.PKT_TOO_SMALL);
      return;
    }
    skb.len = payload + IP6_HLEN;
  }
  skb.networkHeader = p;
  skb.transportHeader = p + IP6_HLEN;
  let dst: Dst;
  if (skb.dst !== null && (dev.flags & IFF_LOOPBACK) !== 0 && skb.dst === stack.localDst) dst = stack.localDst;
  else {
    dst = routeInput6(stack, skb, d);
    skb.dst = dst;
  }
  if (dst.kind === DST_LOCAL) {
    ip6Input(stack, skb, dev);
    return;
  }
  if (dst.kind === DST_MULTICAST) {
    s.Ip6InMcastPkts++;
    if (isOurGroup6(stack, d, p + 24)) {
      ip6Input(stack, skb, dev);
      return;
    }
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.NOT_SPECIFIED);
    return;
  }
  if (dst.kind === DST_ERROR) {
    discard(stack, skb, dst, dev);
    return;
  }
  ip6Forward(stack, skb, dst, dev);
}

/** Sources and destinations that never appear on a wire. */
function badAddresses(stack: IpStack, p: number, dev: Netdev): boolean {
  const dv = stack.arena.dv;
  if (dv.getUint8(p + 8) === 0xff) return true;
  if ((dev.flags & IFF_LOOPBACK) !== 0) return false;
  return isLoopbackAt(stack, p + 8) || isLoopbackAt(stack, p + 24);
}

function isLoopbackAt(stack: IpStack, at: number): boolean {
  const dv = stack.arena.dv;
  return (
    dv.getUint32(at) === 0 && dv.getUint32(at + 4) === 0 && dv.getUint32(at + 8) === 0 && dv.getUint32(at + 12) === 1
  );
}

/** ip6_pkt_discard, ip6_pkt_prohibit, blackholes. */
function discard(stack: IpStack, skb: Skb, dst: Dst, dev: Netdev): void {
  const s = stack.snmp;
  if (dst.error === ERRNO.EINVAL) {
    stack.kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.NOT_SPECIFIED);
    return;
  }
  s.Ip6InNoRoutes++;
  const code = dst.error === EACCES ? ICMPV6_ADM_PROHIBITED : ICMPV6_NOROUTE;
  stack.calls.icmp6Send(stack, skb, ICMPV6_DEST_UNREACH, code, 0);
  stack.kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.IP_INNOROUTES);
}

/** ip6_forward: skb.data at the IPv6 header. */
function ip6Forward(stack: IpStack, skb: Skb, dst: Dst, dev: Netdev): void {
  const k = stack.kernel;
  const s = stack.snmp;
  const dv = stack.arena.dv;
  const p = skb.data;
  if (stack.sysctl.ip6Forwarding === 0) {
    s.Ip6InAddrErrors++;
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.IP_INADDRERRORS);
    return;
  }
  if (skb.pktType !== PACKET_HOST) {
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.NOT_SPECIFIED);
    return;
  }
  stack.host.cpu().charge(COST_NS.ipForward);
  const hop = dv.getUint8(p + 7);
  if (hop <= 1) {
    stack.calls.icmp6Send(stack, skb, ICMPV6_TIME_EXCEED, ICMPV6_EXC_HOPLIMIT, 0);
    s.Ip6InHdrErrors++;
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.IP_INHDR);
    return;
  }
  const src = dv.getUint32(p + 8);
  if (isLinkLocal6(src) || isLinkLocal6(dv.getUint32(p + 24))) {
    if (isLinkLocal6(src)) stack.calls.icmp6Send(stack, skb, ICMPV6_DEST_UNREACH, ICMPV6_NOT_NEIGHBOUR, 0);
    s.Ip6InAddrErrors++;
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.IP_INADDRERRORS);
    return;
  }
  s.Ip6OutForwDatagrams++;
  const mtu = Math.max(dst.mtu, IPV6_MIN_MTU);
  if (skb.len > mtu) {
    stack.calls.icmp6Send(stack, skb, ICMPV6_PKT_TOOBIG, 0, mtu);
    s.Ip6InTooBigErrors++;
    s.Ip6FragFails++;
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.PKT_TOO_BIG);
    return;
  }
  dv.setUint8(p + 7, hop - 1);
  ip6Output(stack, skb);
}

/** ip6_input: walks the extension headers to the protocol. skb.data at the IPv6 header. */
function ip6Input(stack: IpStack, skb: Skb, dev: Netdev): void {
  const u8 = stack.arena.u8;
  const ip = skb.data;
  const end = ip + skb.len;
  let nhoff = ip + 6;
  let at = ip + IP6_HLEN;
  for (;;) {
    const h = u8[nhoff]!;
    if (h === NEXTHDR_HOP || h === NEXTHDR_DEST || h === NEXTHDR_ROUTING) {
      if (at + 8 > end || at + (u8[at + 1]! + 1) * 8 > end) {
        badHeader(stack, skb, dev);
        return;
      }
      if (h === NEXTHDR_ROUTING && u8[at + 3] !== 0) {
        stack.snmp.Ip6InHdrErrors++;
        stack.calls.icmp6Send(stack, skb, ICMPV6_PARAMPROB, ICMPV6_HDR_FIELD, at + 2 - ip);
        stack.kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.IPV6_BAD_EXTHDR);
        return;
      }
      nhoff = at;
      at += (u8[at + 1]! + 1) * 8;
      continue;
    }
    if (h === NEXTHDR_FRAGMENT) {
      if (at + 8 > end) {
        badHeader(stack, skb, dev);
        return;
      }
      const word = (u8[at + 2]! << 8) | u8[at + 3]!;
      if ((word & 0xfff9) === 0) {
        // an atomic fragment
        nhoff = at;
        at += 8;
        continue;
      }
      reassemble(stack, skb, dev, nhoff, at, word);
      return;
    }
    deliver(stack, skb, dev, h, nhoff, at);
    return;
  }
}

function badHeader(stack: IpStack, skb: Skb, dev: Netdev): void {
  stack.snmp.Ip6InHdrErrors++;
  stack.kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.IPV6_BAD_EXTHDR);
}

/** ipv6_frag_rcv: the part in front of the fragment header stays, the header itself goes. */
function reassemble(stack: IpStack, skb: Skb, dev: Netdev, nhoff: number, at: number, word: number): void {
  const dv = stack.arena.dv;
  const ip = skb.data;
  const words: number[] = [];
  for (let i = 8; i < 40; i += 4) words.push(dv.getUint32(ip + i));
  const key = `${words.join(",")},${dv.getUint32(at + 4)}`;
  const proto = dv.getUint8(at);
  const nhIn = nhoff - ip;
  const from = at + 8;
  skb.transportHeader = at;
  const len = ip + skb.len - from;
  const q = fragAdd(stack, stack.frags6, true, key, skb, dev, from, word & 0xfff8, len, (word & 1) !== 0);
  if (q === null) return;
  const first = q.parts[0]!.skb;
  const whole = fragJoin(q, first.transportHeader - first.data);
  if (whole === null) return;
  stack.arena.dv.setUint16(whole.data + 4, whole.len - IP6_HLEN);
  stack.arena.u8[whole.data + nhIn] = proto;
  ip6Input(stack, whole, dev);
}

/** ip6_protocol_deliver_rcu. */
function deliver(stack: IpStack, skb: Skb, dev: Netdev, proto: number, nhoff: number, at: number): void {
  const ip = skb.data;
  skb.transportHeader = at;
  const raw = stack.raw?.(stack, skb, AF_INET6, proto) ?? false;
  const handler = stack.protocols6[proto];
  if (handler !== undefined) {
    stack.snmp.Ip6InDelivers++;
    skb.pull(at - ip);
    handler(stack, skb, dev);
    return;
  }
  if (raw || proto === NEXTHDR_NONE) {
    stack.snmp.Ip6InDelivers++;
    stack.kernel.consumeSkb(skb);
    return;
  }
  stack.snmp.Ip6InUnknownProtos++;
  stack.calls.icmp6Send(stack, skb, ICMPV6_PARAMPROB, ICMPV6_UNK_NEXTHDR, nhoff - ip);
  stack.kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.IP_NOPROTO);
}
