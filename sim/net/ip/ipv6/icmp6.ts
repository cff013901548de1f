/**
 * ICMPv6: errors about packets, echo, and what arrives.
 *
 * @source net/ipv6/icmp.c icmp6_send, icmpv6_echo_reply, icmpv6_rcv, icmpv6_notify; RFC 4443
 * @differs multicast listener messages and router messages are received and ignored
 */
import { csumFold, csumPartial, csumPseudo } from "../../checksum.ts";
import { SKB_DROP_REASON } from "../../drop-reason.ts";
import { IFF_LOOPBACK, type Netdev } from "../../netdev.ts";
import { PACKET_HOST, type Skb } from "../../skb.ts";
import type { IpAddr } from "../address.ts";
import { isLinkLocal6 } from "../address.ts";
import { DST_MULTICAST, type Dst } from "../dst.ts";
import { type IpStack, ipStack } from "../ip-stack.ts";
import { ndiscRcv } from "../neigh/ndisc.ts";
import { transportCsumOk } from "../skb-csum.ts";
import {
  ICMPV6_ADDR_UNREACH,
  ICMPV6_DEST_UNREACH,
  ICMPV6_ECHO_REPLY,
  ICMPV6_ECHO_REQUEST,
  ICMPV6_PARAMPROB,
  ICMPV6_PKT_TOOBIG,
  ICMPV6_TIME_EXCEED,
  IP6_HLEN,
  IPV6_MIN_MTU,
  Ip6Payload,
  NDISC_NEIGHBOUR_ADVERTISEMENT,
  NDISC_NEIGHBOUR_SOLICITATION,
  NEXTHDR_ICMP,
  skipExtHeaders,
} from "./header.ts";
import { ip6Xmit, makeFlowLabel } from "./output.ts";
import { Flow6, isLocal6, readAddr6, routeOutput6 } from "./route.ts";

const ICMP6_HLEN = 8;
const INFOMSG = 0x80;

const flow: Flow6 = new Flow6();
const payload: Ip6Payload = new Ip6Payload();

/** icmpv6_send: tells a packet's sender what became of it. Neither takes nor changes the skb. */
export function icmp6Send(stack: IpStack, skb: Skb, type: number, code: number, info: number): void {
  const ip = skb.networkHeader;
  if (ip < 0) return;
  const end = skb.data + skb.len;
  const dv = stack.arena.dv;
  const tooBig = type === ICMPV6_PKT_TOOBIG;
  const toGroup = dv.getUint8(ip + 24) === 0xff;
  if ((skb.pktType !== PACKET_HOST || toGroup) && !tooBig) return;
  const peer = readAddr6(stack, ip + 8);
  if (peer.isAny || peer.a >>> 24 === 0xff) return;
  skipExtHeaders(stack, ip, end, false, payload);
  if (payload.truncated) return;
  if (payload.proto === NEXTHDR_ICMP && (payload.at >= end || (dv.getUint8(payload.at) & INFOMSG) === 0)) return;
  const asked = toGroup ? null : readAddr6(stack, ip + 24);
  const dst = skb.dst as Dst | null;
  const iif = skb.skbIif !== 0 ? skb.skbIif : (dst?.dev.ifindex ?? 0);
  const saddr = asked !== null && isLocal6(stack, asked, iif) ? asked : null;
  const fl = flow.set(peer, saddr, isLinkLocal6(peer.a) ? iif : 0, NEXTHDR_ICMP, 0);
  const out = routeOutput6(stack, fl);
  if (out === null) {
    stack.snmp.Icmp6OutErrors++;
    return;
  }
  if (!allowed(stack, out, peer, type)) return;
  const quoted = Math.min(end - ip, IPV6_MIN_MTU - IP6_HLEN - ICMP6_HLEN);
  const e = stack.kernel.allocSkb(ICMP6_HLEN + quoted);
  if (e === null) return;
  const v = stack.arena.dv;
  v.setUint16(e.data, (type << 8) | code);
  v.setUint16(e.data + 2, 0);
  v.setUint32(e.data + 4, info);
  stack.arena.u8.copyWithin(e.data + ICMP6_HLEN, ip, ip + quoted);
  e.parentId = skb.id;
  push(stack, e, out, fl, type);
}

function push(stack: IpStack, skb: Skb, dst: Dst, fl: Flow6, type: number): void {
  const saddr = fl.saddr!;
  const daddr = fl.daddr;
  icmp6Checksum(stack, skb, saddr, daddr);
  countOut6(stack, type);
  const label = makeFlowLabel(stack, saddr, daddr, 0);
  ip6Xmit(stack, skb, dst, saddr, daddr, NEXTHDR_ICMP, 0, stack.ipDev(dst.dev).conf.hopLimit, label);
}

/** Fills the checksum of the ICMPv6 message at skb.data. */
export function icmp6Checksum(stack: IpStack, skb: Skb, saddr: IpAddr, daddr: IpAddr): void {
  const arena = stack.arena;
  arena.dv.setUint16(skb.data + 2, 0);
  const sum = csumPartial(arena, skb.data, skb.len, pseudo6(stack, saddr, daddr, skb.len, NEXTHDR_ICMP));
  arena.dv.setUint16(skb.data + 2, csumFold(sum), true);
}

/** Sum of a pseudo header that is nowhere in memory, in the words of net/checksum.ts. */
export function pseudo6(stack: IpStack, s: IpAddr, d: IpAddr, len: number, proto: number): number {
  const at = scratchOf(stack);
  const dv = stack.arena.dv;
  const words = [s.a, s.b, s.c, s.d, d.a, d.b, d.c, d.d];
  for (let i = 0; i < 8; i++) dv.setUint32(at + 4 * i, words[i]!);
  return csumPseudo(stack.arena, at, 32, len, proto);
}

const scratch: WeakMap<IpStack["arena"], number> = new WeakMap();

function scratchOf(stack: IpStack): number {
  let at = scratch.get(stack.arena);
  if (at === undefined) {
    at = stack.arena.alloc(32, 8);
    scratch.set(stack.arena, at);
  }
  return at;
}

/** Counts a sent ICMPv6 message by its type. */
export function countOut6(stack: IpStack, type: number): void {
  const s = stack.snmp;
  s.Icmp6OutMsgs++;
  if (type === ICMPV6_DEST_UNREACH) s.Icmp6OutDestUnreachs++;
  else if (type === ICMPV6_PKT_TOOBIG) s.Icmp6OutPktTooBigs++;
  else if (type === ICMPV6_TIME_EXCEED) s.Icmp6OutTimeExcds++;
  else if (type === ICMPV6_PARAMPROB) s.Icmp6OutParmProblems++;
  else if (type === ICMPV6_ECHO_REQUEST) s.Icmp6OutEchos++;
  else if (type === ICMPV6_ECHO_REPLY) s.Icmp6OutEchoReplies++;
  else if (type === NDISC_NEIGHBOUR_SOLICITATION) s.Icmp6OutNeighborSolicits++;
  else if (type === NDISC_NEIGHBOUR_ADVERTISEMENT) s.Icmp6OutNeighborAdvertisements++;
}

/** icmpv6_xrlim_allow: all errors but packet too big; the shorter the route's prefix, the more may go. */
function allowed(stack: IpStack, out: Dst, peer: IpAddr, type: number): boolean {
  if (type === ICMPV6_PKT_TOOBIG || (out.dev.flags & IFF_LOOPBACK) !== 0) return true;
  let everyNs = stack.sysctl.icmp6RatelimitMs * 1e6;
  if (out.plen < 128) everyNs = Math.floor(everyNs / 2 ** ((128 - out.plen) >> 5));
  if (stack.peers6.allow(peer.toString(), everyNs, stack.kernel.engine.nowNs)) return true;
  stack.snmp.Icmp6OutRateLimitHost++;
  return false;
}

/** icmpv6_rcv: skb.data at the ICMPv6 header. Takes the skb. */
export function icmp6Rcv(stack: IpStack, skb: Skb, dev: Netdev): void {
  const s = stack.snmp;
  const k = stack.kernel;
  s.Icmp6InMsgs++;
  if (skb.len < 4) {
    bad(stack, skb, dev, SKB_DROP_REASON.PKT_TOO_SMALL);
    return;
  }
  const ps = csumPseudo(stack.arena, skb.networkHeader + 8, 32, skb.len, NEXTHDR_ICMP);
  if (!transportCsumOk(stack.arena, skb.data, skb.len, ps)) {
    s.Icmp6InCsumErrors++;
    bad(stack, skb, dev, SKB_DROP_REASON.ICMP_CSUM);
    return;
  }
  const type = stack.arena.u8[skb.data]!;
  switch (type) {
    case ICMPV6_ECHO_REQUEST:
      s.Icmp6InEchos++;
      if (skb.len >= ICMP6_HLEN) echoReply(stack, skb);
      break;
    case ICMPV6_ECHO_REPLY:
      s.Icmp6InEchoReplies++;
      break;
    case ICMPV6_PKT_TOOBIG:
      s.Icmp6InPktTooBigs++;
      if (skb.len >= ICMP6_HLEN + IP6_HLEN) learnPmtu(stack, skb);
      notify(stack, skb, type);
      break;
    case ICMPV6_DEST_UNREACH:
      s.Icmp6InDestUnreachs++;
      notify(stack, skb, type);
      break;
    case ICMPV6_TIME_EXCEED:
      s.Icmp6InTimeExcds++;
      notify(stack, skb, type);
      break;
    case ICMPV6_PARAMPROB:
      s.Icmp6InParmProblems++;
      notify(stack, skb, type);
      break;
    case NDISC_NEIGHBOUR_SOLICITATION:
    case NDISC_NEIGHBOUR_ADVERTISEMENT: {
      if (type === NDISC_NEIGHBOUR_SOLICITATION) s.Icmp6InNeighborSolicits++;
      else s.Icmp6InNeighborAdvertisements++;
      const reason = ndiscRcv(stack, skb, dev, type);
      if (reason !== 0) {
        k.kfreeSkb(skb, dev, reason);
        return;
      }
      break;
    }
    default:
      if ((type & INFOMSG) === 0) notify(stack, skb, type);
  }
  k.consumeSkb(skb);
}

function bad(stack: IpStack, skb: Skb, dev: Netdev, reason: number): void {
  stack.snmp.Icmp6InErrors++;
  stack.kernel.kfreeSkb(skb, dev, reason);
}

/** icmpv6_echo_reply. */
function echoReply(stack: IpStack, skb: Skb): void {
  const ip = skb.networkHeader;
  const peer = readAddr6(stack, ip + 8);
  const asked = readAddr6(stack, ip + 24);
  const saddr = (skb.dst as Dst).kind === DST_MULTICAST ? null : asked;
  const fl = flow.set(peer, saddr, isLinkLocal6(peer.a) ? skb.skbIif : 0, NEXTHDR_ICMP, 0);
  const out = routeOutput6(stack, fl);
  if (out === null) return;
  const r = stack.kernel.allocSkb(skb.len);
  if (r === null) return;
  stack.arena.u8.copyWithin(r.data, skb.data, skb.data + skb.len);
  stack.arena.u8[r.data] = ICMPV6_ECHO_REPLY;
  r.parentId = skb.id;
  push(stack, r, out, fl, ICMPV6_ECHO_REPLY);
}

/** icmpv6_notify: hands an error to the protocol that sent the quoted packet. */
function notify(stack: IpStack, skb: Skb, type: number): void {
  const inner = skb.data + ICMP6_HLEN;
  if (skb.len < ICMP6_HLEN + IP6_HLEN) {
    stack.snmp.Icmp6InErrors++;
    return;
  }
  const dv = stack.arena.dv;
  skipExtHeaders(stack, inner, skb.data + skb.len, false, payload);
  if (payload.truncated || payload.at + 8 > skb.data + skb.len) {
    stack.snmp.Icmp6InErrors++;
    return;
  }
  stack.errHandlers6[payload.proto]?.(stack, skb, inner, type, dv.getUint8(skb.data + 1), dv.getUint32(skb.data + 4));
}

/** ip6_update_pmtu. */
function learnPmtu(stack: IpStack, skb: Skb): void {
  const inner = skb.data + ICMP6_HLEN;
  if (!isLocal6(stack, readAddr6(stack, inner + 8), 0)) return;
  const daddr = readAddr6(stack, inner + 24).toString();
  const mtu = Math.max(stack.arena.dv.getUint32(skb.data + 4), IPV6_MIN_MTU);
  stack.pmtu6.learn(daddr, mtu, stack.kernel.engine.nowNs);
}

/** ip6_link_failure: the next hop of a packet does not answer. */
export function linkFailure6(skb: Skb): void {
  icmp6Send(ipStack(skb.dst!.dev.host), skb, ICMPV6_DEST_UNREACH, ICMPV6_ADDR_UNREACH, 0);
}
