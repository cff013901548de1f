/**
 * ARP.
 *
 *      0                               16                              31
 *     | hardware type (1)             | protocol type (0x0800)        |  0
 *     | hlen (6)      | plen (4)      | operation                     |  4
 *     | sender MAC (6), sender IP (4)                                 |  8
 *     | target MAC (6), target IP (4)                                 | 18
 *
 * @source net/ipv4/arp.c arp_solicit, arp_process, arp_create; RFC 826
 * @differs arp_ignore, arp_filter, arp_announce, arp_accept, arp_notify and proxy_arp are at their defaults and cannot be set
 */
import { SKB_DROP_REASON } from "../../drop-reason.ts";
import { ETH_HLEN, ETH_P_ARP } from "../../ether.ts";
import { IFF_NOARP, type Netdev } from "../../netdev.ts";
import { PACKET_HOST, PACKET_OTHERHOST, type Skb } from "../../skb.ts";
import { AF_INET, isLoopback4, isMulticast4 } from "../address.ts";
import { selectAddr4 } from "../addresses.ts";
import { RT_SCOPE_LINK, RTN_LOCAL } from "../fib/rtm.ts";
import type { IpStack } from "../ip-stack.ts";
import { neighGet, neighUpdate } from "./neigh.ts";
import type { Neighbour } from "./neighbour.ts";
import { NEIGH_UPDATE_F_OVERRIDE, NUD_REACHABLE, NUD_STALE, NUD_VALID } from "./nud.ts";

const ARP_LEN = 28;
const ARPOP_REQUEST = 1;
const ARPOP_REPLY = 2;
const BROADCAST: Uint8Array = new Uint8Array(6).fill(0xff);
const NO_MAC: Uint8Array = new Uint8Array(6);
const sha: Uint8Array = new Uint8Array(6);

/** arp_solicit: asks for a neighbour's MAC address; by unicast while an old one is being probed. @param skb the packet that waits */
export function arpSolicit(n: Neighbour, skb: Skb | null): void {
  const stack = n.stack;
  const dv = stack.arena.dv;
  const probes = n.probes - stack.ipDev(n.dev).neigh4.ucastSolicit;
  let saddr = 0;
  if (skb !== null && skb.protocol === 0x0800 && skb.networkHeader >= 0) {
    const s = dv.getUint32(skb.networkHeader + 12);
    if (stack.isLocal4(s)) saddr = s;
  }
  if (saddr === 0) saddr = selectAddr4(stack, n.dev, n.a, RT_SCOPE_LINK);
  if (saddr === 0) return;
  const unicast = probes < 0 && (n.state & NUD_VALID) !== 0;
  sendArp(stack, n.dev, ARPOP_REQUEST, unicast ? n.mac : BROADCAST, saddr, NO_MAC, n.a);
}

/** arp_send: builds and sends one packet. */
function sendArp(
  stack: IpStack,
  dev: Netdev,
  op: number,
  destMac: Uint8Array,
  saddr: number,
  targetMac: Uint8Array,
  taddr: number,
): void {
  if ((dev.flags & IFF_NOARP) !== 0) return;
  const skb = stack.kernel.allocSkb(ETH_HLEN + ARP_LEN);
  if (skb === null) return;
  const { u8, dv } = stack.arena;
  const p = skb.data;
  u8.set(destMac, p);
  u8.set(dev.mac, p + 6);
  dv.setUint16(p + 12, ETH_P_ARP);
  const a = p + ETH_HLEN;
  dv.setUint16(a, 1);
  dv.setUint16(a + 2, 0x0800);
  dv.setUint16(a + 4, 0x0604);
  dv.setUint16(a + 6, op);
  u8.set(dev.mac, a + 8);
  dv.setUint32(a + 14, saddr);
  u8.set(targetMac, a + 18);
  dv.setUint32(a + 24, taddr);
  skb.networkHeader = a;
  skb.protocol = ETH_P_ARP;
  skb.dev = dev;
  stack.kernel.paths.devQueueXmit(skb);
}

/** arp_rcv, arp_process: skb.data at the ARP header. Takes the skb. */
export function arpRcv(stack: IpStack, skb: Skb, dev: Netdev): void {
  const k = stack.kernel;
  if ((dev.flags & IFF_NOARP) !== 0 || skb.pktType === PACKET_OTHERHOST) {
    k.kfreeSkb(skb, dev, skb.pktType === PACKET_OTHERHOST ? SKB_DROP_REASON.OTHERHOST : SKB_DROP_REASON.NOT_SPECIFIED);
    return;
  }
  const dv = stack.arena.dv;
  const a = skb.data;
  const op = skb.len < ARP_LEN ? 0 : dv.getUint16(a + 6);
  const wellFormed =
    skb.len >= ARP_LEN &&
    (dv.getUint16(a) === 1 || dv.getUint16(a) === 6) &&
    dv.getUint16(a + 2) === 0x0800 &&
    dv.getUint16(a + 4) === 0x0604 &&
    (op === ARPOP_REQUEST || op === ARPOP_REPLY);
  const tip = wellFormed ? dv.getUint32(a + 24) : 0;
  if (!wellFormed || isMulticast4(tip) || isLoopback4(tip)) {
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.NOT_SPECIFIED);
    return;
  }
  const sip = dv.getUint32(a + 14);
  for (let i = 0; i < 6; i++) sha[i] = stack.arena.u8[a + 8 + i]!;
  const thaSame = sameAsTarget(stack, a);
  process(stack, dev, op, sip, tip, skb.pktType === PACKET_HOST, thaSame);
  k.consumeSkb(skb);
}

function sameAsTarget(stack: IpStack, a: number): boolean {
  const u8 = stack.arena.u8;
  for (let i = 0; i < 6; i++) if (u8[a + 18 + i] !== u8[a + 8 + i]) return false;
  return true;
}

function process(
  stack: IpStack,
  dev: Netdev,
  op: number,
  sip: number,
  tip: number,
  toUs: boolean,
  thaSame: boolean,
): void {
  const local = isLocalTarget(stack, tip);
  if (sip === 0) {
    // RFC 5227: somebody asks whether the address is free
    if (op === ARPOP_REQUEST && local) sendArp(stack, dev, ARPOP_REPLY, sha, tip, sha, sip);
    return;
  }
  if (op === ARPOP_REQUEST && local && !stack.isLocal4(sip)) {
    // neigh_event_ns: who asks will be talked to
    const n = neighGet(stack, dev, AF_INET, sip, 0, 0, 0);
    if (n === null) return;
    neighUpdate(stack, n, sha, NUD_STALE, NEIGH_UPDATE_F_OVERRIDE);
    sendArp(stack, dev, ARPOP_REPLY, sha, tip, sha, sip);
    return;
  }
  const n = stack.neighbours.find4(dev, sip);
  if (n === null) return;
  // a gratuitous one: RFC 5227's announcement, or a reply that names itself as target
  const garp = tip === sip && (op === ARPOP_REQUEST || thaSame);
  const locktimeNs = stack.ipDev(dev).neigh4.locktimeCs * 1e7;
  const override = stack.kernel.engine.nowNs > n.updatedNs + locktimeNs || garp;
  const state = op === ARPOP_REPLY && toUs ? NUD_REACHABLE : NUD_STALE;
  neighUpdate(stack, n, sha, state, override ? NEIGH_UPDATE_F_OVERRIDE : 0);
}

/** Whether the target is an address that this host answers for (inet_addr_type RTN_LOCAL). */
function isLocalTarget(stack: IpStack, tip: number): boolean {
  return stack.fib4.lookup(tip, 0, 0, 0, 0, 0, stack.fibRes) === 0 && stack.fibRes.route!.type === RTN_LOCAL;
}
