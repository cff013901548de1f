/**
 * The IPv6 output path: header, fragmentation of our own packets, neighbour.
 *
 * @source net/ipv6/ip6_output.c ip6_xmit, ip6_output, ip6_fragment, ip6_finish_output2
 * @differs a sender does not hear its own multicasts
 */
import { SKB_DROP_REASON } from "../../drop-reason.ts";
import { ETH_P_IPV6 } from "../../ether.ts";
import { ERRNO } from "../../netlink-error.ts";
import { CHECKSUM_PARTIAL, type Skb } from "../../skb.ts";
import { AF_INET6, type IpAddr } from "../address.ts";
import { DST_UNICAST, type Dst } from "../dst.ts";
import type { IpStack } from "../ip-stack.ts";
import { neighGet, neighOutput } from "../neigh/neigh.ts";
import { skbChecksumHelp } from "../skb-csum.ts";
import { IP6_HLEN, NEXTHDR_FRAGMENT } from "./header.ts";
import { writeAddr6 } from "./route.ts";

const FRAG_HLEN = 8;

/** dst_mtu of a packet of ours: what was learned from ICMPv6, else the route's, else the device's. */
export function pathMtu6(stack: IpStack, dst: Dst, daddr: IpAddr): number {
  const mtu = dst.mtu;
  if (stack.pmtu6.isEmpty) return mtu;
  const learned = stack.pmtu6.get(daddr.toString(), stack.kernel.engine.nowNs);
  return learned === 0 ? mtu : Math.min(mtu, learned);
}

/** ip6_make_flowlabel: a label that is the same for all packets of a flow, 0 when net.ipv6.auto_flowlabels is off. */
export function makeFlowLabel(stack: IpStack, saddr: IpAddr, daddr: IpAddr, ports: number): number {
  if (stack.sysctl.ip6AutoFlowlabels === 0) return 0;
  let h = stack.hashSeed ^ ports;
  for (const w of [saddr.a, saddr.b, saddr.c, saddr.d, daddr.a, daddr.b, daddr.c, daddr.d]) {
    h = Math.imul(h ^ w, 0x9e3779b1);
    h ^= h >>> 15;
  }
  return h & 0xfffff;
}

/**
 * Puts an IPv6 header in front of skb.data (the transport header) and sends the packet. Takes the skb.
 * @returns NET_XMIT_* or -errno
 */
export function ip6Xmit(
  stack: IpStack,
  skb: Skb,
  dst: Dst,
  saddr: IpAddr,
  daddr: IpAddr,
  proto: number,
  tclass: number,
  hopLimit: number,
  label: number,
): number {
  const dv = stack.arena.dv;
  skb.transportHeader = skb.data;
  const payload = skb.len;
  skb.push(IP6_HLEN);
  const p = skb.data;
  dv.setUint32(p, 0x60000000 | (tclass << 20) | label);
  dv.setUint16(p + 4, payload);
  dv.setUint16(p + 6, (proto << 8) | hopLimit);
  writeAddr6(stack, p + 8, saddr);
  writeAddr6(stack, p + 24, daddr);
  skb.networkHeader = p;
  skb.protocol = ETH_P_IPV6;
  skb.dst = dst;
  skb.dev = dst.dev;
  stack.snmp.Ip6OutRequests++;
  const mtu = pathMtu6(stack, dst, daddr);
  return skb.len > mtu ? ip6Fragment(stack, skb, mtu) : ip6Output(stack, skb);
}

/** ip6_finish_output2: a complete packet, forwarded or ours, leaves by skb.dst. */
export function ip6Output(stack: IpStack, skb: Skb): number {
  stack.snmp.Ip6OutTransmits++;
  stack.snmp.Ip6OutOctets += skb.len;
  if (stack.arena.u8[skb.data + 24] === 0xff) stack.snmp.Ip6OutMcastPkts++;
  const dst = skb.dst as Dst;
  let n = dst.neigh;
  if (n === null || n.dead) {
    const gw = dst.gw;
    const dv = stack.arena.dv;
    const at = skb.data + 24;
    n =
      gw === null
        ? neighGet(
            stack,
            dst.dev,
            AF_INET6,
            dv.getUint32(at),
            dv.getUint32(at + 4),
            dv.getUint32(at + 8),
            dv.getUint32(at + 12),
          )
        : neighGet(stack, dst.dev, AF_INET6, gw.a, gw.b, gw.c, gw.d);
    if (n === null) {
      stack.snmp.Ip6OutNoRoutes++;
      stack.kernel.kfreeSkb(skb, dst.dev, SKB_DROP_REASON.NEIGH_CREATEFAIL);
      return -ERRNO.EINVAL;
    }
    if (gw !== null && dst.kind === DST_UNICAST) dst.neigh = n;
  }
  return neighOutput(stack, n, skb);
}

/** ip6_fragment: cuts a packet of ours that has no extension headers. Takes the skb. */
function ip6Fragment(stack: IpStack, skb: Skb, mtu: number): number {
  const k = stack.kernel;
  if (skb.ipSummed === CHECKSUM_PARTIAL) skbChecksumHelp(k, skb);
  const piece = (Math.max(mtu, 1280) - IP6_HLEN - FRAG_HLEN) & ~7;
  const total = skb.len - IP6_HLEN;
  const id = stack.random.u32();
  const proto = stack.arena.u8[skb.data + 6]!;
  let rc = 0;
  for (let at = 0; at < total; at += piece) {
    const n = Math.min(piece, total - at);
    const f = k.allocSkb(IP6_HLEN + FRAG_HLEN + n);
    if (f === null) {
      stack.snmp.Ip6FragFails++;
      k.kfreeSkb(skb, skb.dst!.dev, SKB_DROP_REASON.NOMEM);
      return -ERRNO.ENOMEM;
    }
    const { u8, dv } = stack.arena;
    u8.copyWithin(f.data, skb.data, skb.data + IP6_HLEN);
    dv.setUint16(f.data + 4, FRAG_HLEN + n);
    u8[f.data + 6] = NEXTHDR_FRAGMENT;
    const h = f.data + IP6_HLEN;
    dv.setUint16(h, proto << 8);
    dv.setUint16(h + 2, at | (at + n < total ? 1 : 0));
    dv.setUint32(h + 4, id);
    u8.copyWithin(h + FRAG_HLEN, skb.data + IP6_HLEN + at, skb.data + IP6_HLEN + at + n);
    f.parentId = skb.id;
    f.protocol = ETH_P_IPV6;
    f.networkHeader = f.data;
    f.transportHeader = h;
    f.priority = skb.priority;
    f.mark = skb.mark;
    f.dst = skb.dst;
    f.dev = skb.dev;
    stack.snmp.Ip6FragCreates++;
    const r = ip6Output(stack, f);
    if (r !== 0 && rc === 0) rc = r;
  }
  stack.snmp.Ip6FragOKs++;
  k.consumeSkb(skb);
  return rc;
}
