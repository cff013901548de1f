/**
 * The IPv4 output path: from a transport packet to the neighbour.
 *
 *     ip_queue_xmit / ip_push_pending_frames -> ip_local_out -> ip_output -> (ip_fragment) -> ip_finish_output2 -> neigh_output
 *
 * @source net/ipv4/ip_output.c
 * @differs a sender does not hear its own broadcasts; IP identification is one counter per host
 */
import { SKB_DROP_REASON } from "../../drop-reason.ts";
import { ETH_P_IP } from "../../ether.ts";
import { ERRNO } from "../../netlink-error.ts";
import { CHECKSUM_PARTIAL, type Skb } from "../../skb.ts";
import { AF_INET } from "../address.ts";
import { DST_UNICAST, type Dst } from "../dst.ts";
import type { IpStack } from "../ip-stack.ts";
import { neighGet, neighOutput } from "../neigh/neigh.ts";
import { ipSendCheck, skbChecksumHelp } from "../skb-csum.ts";
import { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, IP_DF, IP_HLEN, IP_MF, IP_OFFSET, tosToPriority } from "./header.ts";

/** The next IP identification (__ip_select_ident). */
export function nextIdent(stack: IpStack): number {
  stack.ident = (stack.ident + 1) & 0xffff;
  return stack.ident;
}

/** dst_mtu of a packet of ours: what was learned from ICMP, else the route's, else the device's. */
export function pathMtu4(stack: IpStack, dst: Dst, daddr: number): number {
  const mtu = dst.mtu;
  if (stack.pmtu4.isEmpty || dst.mtuLocked) return mtu;
  const learned = stack.pmtu4.get(daddr, stack.kernel.engine.nowNs);
  return learned === 0 ? mtu : Math.min(mtu, learned);
}

/**
 * Puts an IPv4 header in front of skb.data (the transport header) and sends the packet. Takes the skb.
 * @param frag IP_DF or 0
 * @returns NET_XMIT_* or -errno
 */
export function ipXmit(
  stack: IpStack,
  skb: Skb,
  dst: Dst,
  saddr: number,
  daddr: number,
  proto: number,
  tos: number,
  ttl: number,
  frag: number,
  id: number,
  priority: number = tosToPriority(tos),
): number {
  const dv = stack.arena.dv;
  skb.push(IP_HLEN);
  const p = skb.data;
  dv.setUint16(p, 0x4500 | tos);
  dv.setUint16(p + 2, skb.len);
  dv.setUint16(p + 4, id);
  dv.setUint16(p + 6, frag);
  dv.setUint16(p + 8, (ttl << 8) | proto);
  dv.setUint32(p + 12, saddr);
  dv.setUint32(p + 16, daddr);
  skb.networkHeader = p;
  skb.transportHeader = p + IP_HLEN;
  skb.protocol = ETH_P_IP;
  skb.priority = priority;
  skb.dst = dst;
  return ipLocalOut(stack, skb);
}

/** ip_local_out: length and checksum of a complete header, then out. skb.data at the IP header, skb.dst set. */
function ipLocalOut(stack: IpStack, skb: Skb): number {
  const p = skb.data;
  stack.arena.dv.setUint16(p + 2, skb.len);
  ipSendCheck(stack.arena, p, (stack.arena.u8[p]! & 15) * 4);
  stack.snmp.IpOutRequests++;
  skb.dev = (skb.dst as Dst).dev;
  return ipOutput(stack, skb, pathMtu4(stack, skb.dst as Dst, stack.arena.dv.getUint32(p + 16)));
}

/** ip_output: a complete packet, forwarded or ours, leaves by skb.dst. @param mtu of its path */
export function ipOutput(stack: IpStack, skb: Skb, mtu: number): number {
  if (skb.len > mtu) return ipFragment(stack, skb, mtu);
  return finishOutput(stack, skb);
}

/** ip_finish_output2: finds the neighbour and hands the packet to it. */
function finishOutput(stack: IpStack, skb: Skb): number {
  stack.snmp.IpOutTransmits++;
  stack.snmp.IpExtOutOctets += skb.len;
  const dst = skb.dst as Dst;
  let n = dst.neigh;
  if (n === null || n.dead) {
    const gw = dst.gw;
    n = neighGet(stack, dst.dev, AF_INET, gw === null ? stack.arena.dv.getUint32(skb.data + 16) : gw.a, 0, 0, 0);
    if (n === null) {
      stack.kernel.kfreeSkb(skb, dst.dev, SKB_DROP_REASON.NEIGH_CREATEFAIL);
      return -ERRNO.ENOBUFS;
    }
    if (gw !== null && dst.kind === DST_UNICAST) dst.neigh = n;
  }
  return neighOutput(stack, n, skb);
}

/**
 * ip_fragment: cuts a packet into pieces of at most mtu bytes; one that must not be cut is refused with ICMP_FRAG_NEEDED.
 * Takes the skb.
 */
function ipFragment(stack: IpStack, skb: Skb, mtu: number): number {
  const k = stack.kernel;
  const dv = stack.arena.dv;
  const dev = skb.dst!.dev;
  const off = dv.getUint16(skb.data + 6);
  if ((off & IP_DF) !== 0) {
    stack.snmp.IpFragFails++;
    stack.calls.icmpSend(stack, skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu);
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.PKT_TOO_BIG);
    return -ERRNO.EMSGSIZE;
  }
  if (skb.ipSummed === CHECKSUM_PARTIAL) skbChecksumHelp(k, skb);
  const hlen = (stack.arena.u8[skb.data]! & 15) * 4;
  const piece = (mtu - hlen) & ~7;
  const total = skb.len - hlen;
  let rc = 0;
  for (let at = 0; at < total; at += piece) {
    const n = Math.min(piece, total - at);
    const f = k.allocSkb(hlen + n);
    if (f === null) {
      stack.snmp.IpFragFails++;
      k.kfreeSkb(skb, dev, SKB_DROP_REASON.NOMEM);
      return -ERRNO.ENOMEM;
    }
    const u8 = stack.arena.u8;
    u8.copyWithin(f.data, skb.data, skb.data + hlen);
    u8.copyWithin(f.data + hlen, skb.data + hlen + at, skb.data + hlen + at + n);
    if (at > 0) blankOptions(stack, f.data, hlen);
    const more = at + n < total || (off & IP_MF) !== 0 ? IP_MF : 0;
    stack.arena.dv.setUint16(f.data + 2, f.len);
    stack.arena.dv.setUint16(f.data + 6, ((off & IP_OFFSET) + (at >>> 3)) | more);
    ipSendCheck(stack.arena, f.data, hlen);
    f.parentId = skb.id;
    f.protocol = ETH_P_IP;
    f.networkHeader = f.data;
    f.transportHeader = f.data + hlen;
    f.priority = skb.priority;
    f.mark = skb.mark;
    f.skbIif = skb.skbIif;
    f.dst = skb.dst;
    f.dev = dev;
    stack.snmp.IpFragCreates++;
    const r = finishOutput(stack, f);
    if (r !== 0 && rc === 0) rc = r;
  }
  stack.snmp.IpFragOKs++;
  k.consumeSkb(skb);
  return rc;
}

/** ip_options_fragment: options that are not copied into every fragment become no-operations. */
function blankOptions(stack: IpStack, ip: number, hlen: number): void {
  const u8 = stack.arena.u8;
  for (let p = ip + IP_HLEN; p < ip + hlen; ) {
    const type = u8[p]!;
    if (type === 0) return;
    if (type === 1) {
      p++;
      continue;
    }
    const len = u8[p + 1]!;
    if (len < 2 || p + len > ip + hlen) return;
    if ((type & 0x80) === 0) u8.fill(1, p, p + len);
    p += len;
  }
}
