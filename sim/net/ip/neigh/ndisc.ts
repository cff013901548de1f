/**
 * IPv6 neighbour discovery: solicitations and advertisements.
 *
 *      0               8               16                              31
 *     | type 135, 136 | code 0        | checksum                      |  0
 *     |R|S|O| reserved                                                |  4
 *     | target address, 16 bytes                                      |  8
 *     | option: type 1 (source) or 2 (target), length 1, six bytes of MAC                         | 24
 *
 * @source net/ipv6/ndisc.c ndisc_solicit, ndisc_recv_ns, ndisc_recv_na; RFC 4861 sections 4.3, 4.4, 7.2
 * @differs no duplicate address detection, no router discovery, no redirects
 */
import { csumFold, csumPartial, csumPseudo } from "../../checksum.ts";
import { SKB_DROP_REASON } from "../../drop-reason.ts";
import type { Netdev } from "../../netdev.ts";
import type { Skb } from "../../skb.ts";
import { AF_INET6, IpAddr, isLinkLocal6 } from "../address.ts";
import type { IpStack } from "../ip-stack.ts";
import { neighGet, neighOutput, neighUpdate } from "./neigh.ts";
import type { Neighbour } from "./neighbour.ts";
import {
  NEIGH_UPDATE_F_ISROUTER,
  NEIGH_UPDATE_F_OVERRIDE,
  NEIGH_UPDATE_F_OVERRIDE_ISROUTER,
  NEIGH_UPDATE_F_WEAK_OVERRIDE,
  NUD_FAILED,
  NUD_REACHABLE,
  NUD_STALE,
} from "./nud.ts";

const NS = 135;
const NA = 136;
const IP6_HLEN = 40;
const ND_LEN = 24;
const OPT_LEN = 8;
const OPT_SOURCE = 1;
const OPT_TARGET = 2;
const ICMPV6 = 58;
const FLAG_ROUTER = 0x80000000;
const FLAG_SOLICITED = 0x40000000;
const FLAG_OVERRIDE = 0x20000000;
const lladdr: Uint8Array = new Uint8Array(6);

function addrAt(stack: IpStack, at: number): IpAddr {
  const dv = stack.arena.dv;
  return new IpAddr(AF_INET6, dv.getUint32(at), dv.getUint32(at + 4), dv.getUint32(at + 8), dv.getUint32(at + 12));
}

function putAddr(stack: IpStack, at: number, x: IpAddr): void {
  const dv = stack.arena.dv;
  dv.setUint32(at, x.a);
  dv.setUint32(at + 4, x.b);
  dv.setUint32(at + 8, x.c);
  dv.setUint32(at + 12, x.d);
}

/** The solicited-node group of an address: ff02::1:ff00:0 and its last 24 bits. @source RFC 4291 section 2.7.1 */
function solicitedNode(x: IpAddr): IpAddr {
  return new IpAddr(AF_INET6, 0xff020000, 0, 1, 0xff000000 | (x.d & 0xffffff));
}

function owns(stack: IpStack, dev: Netdev, x: IpAddr): boolean {
  return stack.ipDev(dev).addrs6.some((y) => y.addr.equals(x));
}

/** ndisc_solicit: asks for a neighbour's MAC address; by unicast while an old one is being probed. @param skb the packet that waits */
export function ndiscSolicit(n: Neighbour, skb: Skb | null): void {
  const stack = n.stack;
  const target = new IpAddr(AF_INET6, n.a, n.b, n.c, n.d);
  let saddr: IpAddr | null = null;
  if (skb !== null && skb.protocol === 0x86dd && skb.networkHeader >= 0) {
    const s = addrAt(stack, skb.networkHeader + 8);
    if (owns(stack, n.dev, s)) saddr = s;
  }
  if (saddr === null) saddr = stack.ipDev(n.dev).addrs6.find((x) => isLinkLocal6(x.addr.a))?.addr ?? null;
  if (saddr === null) return;
  const unicast = n.probes < stack.ipDev(n.dev).neigh6.ucastSolicit;
  const to = unicast ? target : solicitedNode(target);
  send(stack, n.dev, NS, saddr, to, 0, target, OPT_SOURCE, unicast ? n.mac : null);
}

/** ndisc_send_na. @param to the all-nodes group for an unsolicited one */
function sendAdvert(
  stack: IpStack,
  dev: Netdev,
  to: IpAddr,
  target: IpAddr,
  solicited: boolean,
  override: boolean,
  withOption: boolean,
): void {
  let flags = stack.ipDev(dev).forwarding6 ? FLAG_ROUTER : 0;
  if (solicited) flags |= FLAG_SOLICITED;
  if (override) flags |= FLAG_OVERRIDE;
  send(stack, dev, NA, target, to, flags, target, withOption ? OPT_TARGET : 0, null);
}

/** Builds and sends one message. @param mac to this MAC address; null: the group's, or by the neighbour entry of `to` */
function send(
  stack: IpStack,
  dev: Netdev,
  type: number,
  saddr: IpAddr,
  to: IpAddr,
  flags: number,
  target: IpAddr,
  option: number,
  mac: Uint8Array | null,
): void {
  const hasOption = option !== 0 && dev.hardHeaderLen !== 0;
  const len = ND_LEN + (hasOption ? OPT_LEN : 0);
  const skb = stack.kernel.allocSkb(IP6_HLEN + len);
  if (skb === null) return;
  const { u8, dv } = stack.arena;
  const p = skb.data;
  dv.setUint32(p, 0x60000000);
  dv.setUint16(p + 4, len);
  dv.setUint16(p + 6, (ICMPV6 << 8) | 255);
  putAddr(stack, p + 8, saddr);
  putAddr(stack, p + 24, to);
  const m = p + IP6_HLEN;
  dv.setUint32(m, type << 24);
  dv.setUint32(m + 4, flags);
  putAddr(stack, m + 8, target);
  if (hasOption) {
    dv.setUint16(m + 24, (option << 8) | 1);
    u8.set(dev.mac, m + 26);
  }
  dv.setUint16(
    m + 2,
    csumFold(csumPartial(stack.arena, m, len, csumPseudo(stack.arena, p + 8, 32, len, ICMPV6))),
    true,
  );
  skb.networkHeader = p;
  skb.transportHeader = m;
  skb.protocol = 0x86dd;
  skb.dev = dev;
  const s = stack.snmp;
  s.Ip6OutRequests++;
  s.Ip6OutTransmits++;
  s.Ip6OutOctets += skb.len;
  if (to.a >>> 24 === 0xff) s.Ip6OutMcastPkts++;
  s.Icmp6OutMsgs++;
  if (type === NS) s.Icmp6OutNeighborSolicits++;
  else s.Icmp6OutNeighborAdvertisements++;
  if (mac === null) {
    const n = neighGet(stack, dev, AF_INET6, to.a, to.b, to.c, to.d);
    if (n === null) stack.kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.NEIGH_CREATEFAIL);
    else neighOutput(stack, n, skb);
    return;
  }
  skb.push(14);
  u8.set(mac, skb.data);
  u8.set(dev.mac, skb.data + 6);
  dv.setUint16(skb.data + 12, 0x86dd);
  stack.kernel.paths.devQueueXmit(skb);
}

/**
 * ndisc_rcv: skb.data at the ICMPv6 header, checksum verified. Does not take the skb.
 * @returns 0, or the reason to drop it
 */
export function ndiscRcv(stack: IpStack, skb: Skb, dev: Netdev, type: number): number {
  const dv = stack.arena.dv;
  const ip = skb.networkHeader;
  if (dv.getUint8(ip + 7) !== 255) return SKB_DROP_REASON.IPV6_NDISC_HOP_LIMIT;
  if (dv.getUint8(skb.data + 1) !== 0) return SKB_DROP_REASON.IPV6_NDISC_BAD_CODE;
  if (skb.len < ND_LEN) return SKB_DROP_REASON.PKT_TOO_SMALL;
  const target = addrAt(stack, skb.data + 8);
  if (target.a >>> 24 === 0xff) return SKB_DROP_REASON.NOT_SPECIFIED;
  const found = readOption(stack, skb, type === NS ? OPT_SOURCE : OPT_TARGET);
  if (found < 0) return SKB_DROP_REASON.IPV6_NDISC_BAD_OPTIONS;
  if (type === NS) return solicited(stack, skb, dev, target, found === 1);
  return advertised(stack, skb, dev, target, found === 1);
}

/** Looks for a link-layer address option. @returns 1 found (in lladdr), 0 not there, -1 malformed */
function readOption(stack: IpStack, skb: Skb, want: number): number {
  const u8 = stack.arena.u8;
  let found = 0;
  for (let o = skb.data + ND_LEN; o < skb.data + skb.len; ) {
    const len = o + 1 < skb.data + skb.len ? u8[o + 1]! * 8 : 0;
    if (len === 0 || o + len > skb.data + skb.len) return -1;
    if (u8[o] === want && len === OPT_LEN) {
      for (let i = 0; i < 6; i++) lladdr[i] = u8[o + 2 + i]!;
      found = 1;
    }
    o += len;
  }
  return found;
}

function solicited(stack: IpStack, skb: Skb, dev: Netdev, target: IpAddr, hasMac: boolean): number {
  const saddr = addrAt(stack, skb.networkHeader + 8);
  const multicast = stack.arena.u8[skb.networkHeader + 24] === 0xff;
  if (!owns(stack, dev, target)) return SKB_DROP_REASON.IPV6_NDISC_NS_OTHERHOST;
  if (saddr.isAny) {
    // somebody asks whether the address is free
    if (hasMac || !multicast) return SKB_DROP_REASON.IPV6_NDISC_BAD_OPTIONS;
    sendAdvert(stack, dev, new IpAddr(AF_INET6, 0xff020000, 0, 0, 1), target, false, true, true);
    return 0;
  }
  const find = stack.neighbours.find(dev, AF_INET6, saddr.a, saddr.b, saddr.c, saddr.d);
  const n = find ?? (hasMac || !multicast ? neighGet(stack, dev, AF_INET6, saddr.a, saddr.b, saddr.c, saddr.d) : null);
  if (n === null) return 0;
  neighUpdate(stack, n, hasMac ? lladdr : null, NUD_STALE, NEIGH_UPDATE_F_WEAK_OVERRIDE | NEIGH_UPDATE_F_OVERRIDE);
  sendAdvert(stack, dev, saddr, target, true, multicast, multicast);
  return 0;
}

function advertised(stack: IpStack, skb: Skb, dev: Netdev, target: IpAddr, hasMac: boolean): number {
  const flags = stack.arena.dv.getUint32(skb.data + 4);
  const multicast = stack.arena.u8[skb.networkHeader + 24] === 0xff;
  const wasAsked = (flags & FLAG_SOLICITED) !== 0;
  if (multicast && wasAsked) return SKB_DROP_REASON.NOT_SPECIFIED;
  if (owns(stack, dev, target)) return 0;
  const n = stack.neighbours.find(dev, AF_INET6, target.a, target.b, target.c, target.d);
  if (n === null || n.state === NUD_FAILED) return 0;
  let update = NEIGH_UPDATE_F_WEAK_OVERRIDE | NEIGH_UPDATE_F_OVERRIDE_ISROUTER;
  if ((flags & FLAG_OVERRIDE) !== 0) update |= NEIGH_UPDATE_F_OVERRIDE;
  if ((flags & FLAG_ROUTER) !== 0) update |= NEIGH_UPDATE_F_ISROUTER;
  neighUpdate(stack, n, hasMac ? lladdr : null, wasAsked ? NUD_REACHABLE : NUD_STALE, update);
  return 0;
}
