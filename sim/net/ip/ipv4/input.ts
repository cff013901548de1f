/**
 * The IPv4 receive path.
 *
 *     ip_rcv -> ip_rcv_finish (route) -> ip_local_deliver -> (reassembly) -> raw sockets -> protocol
 *                                     -> ip_forward -> ip_output
 *                                     -> ip_error (no route: ICMP)
 *
 * @source net/ipv4/ip_input.c, ip_forward.c; net/ipv4/route.c ip_error
 * @differs IP options are carried but not acted upon; packets with a source route option are dropped
 *          (accept_source_route of `all` is 0)
 */
import { COST_NS } from "../../cost.ts";
import { SKB_DROP_REASON } from "../../drop-reason.ts";
import { IFF_LOOPBACK, type Netdev } from "../../netdev.ts";
import { ERRNO } from "../../netlink-error.ts";
import { PACKET_HOST, PACKET_OTHERHOST, type Skb } from "../../skb.ts";
import { AF_INET } from "../address.ts";
import { DST_BROADCAST, DST_ERROR, DST_LOCAL, DST_UNICAST, type Dst } from "../dst.ts";
import { EACCES } from "../fib/fib.ts";
import { RTN_UNICAST } from "../fib/rtm.ts";
import type { IpDev } from "../ip-dev.ts";
import type { IpStack } from "../ip-stack.ts";
import { fragAdd, fragJoin } from "../reassembly.ts";
import { ipHeaderCsumOk, ipSendCheck } from "../skb-csum.ts";
import {
  ICMP_DEST_UNREACH,
  ICMP_EXC_TTL,
  ICMP_FRAG_NEEDED,
  ICMP_HOST_UNREACH,
  ICMP_NET_UNREACH,
  ICMP_PKT_FILTERED,
  ICMP_PROT_UNREACH,
  ICMP_REDIR_HOST,
  ICMP_REDIRECT,
  ICMP_TIME_EXCEEDED,
  IP_DF,
  IP_HLEN,
  IP_MF,
  IP_OFFSET,
  tosToPriority,
} from "./header.ts";
import { ipOutput } from "./output.ts";
import { routeInput4 } from "./route.ts";

const IPOPT_LSRR = 131;
const IPOPT_SSRR = 137;

/** The handler of ETH_P_IP: skb.data at the IP header. Takes the skb. */
export function ipRcv(stack: IpStack, skb: Skb, dev: Netdev): void {
  const k = stack.kernel;
  const snmp = stack.snmp;
  if (skb.pktType === PACKET_OTHERHOST) {
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.OTHERHOST);
    return;
  }
  snmp.IpInReceives++;
  snmp.IpExtInOctets += skb.len;
  const p = skb.data;
  const arena = stack.arena;
  const dv = arena.dv;
  if (skb.len < IP_HLEN) {
    headerError(stack, skb, dev, SKB_DROP_REASON.IP_INHDR);
    return;
  }
  const vihl = arena.u8[p]!;
  const hlen = (vihl & 15) << 2;
  if (vihl >> 4 !== 4 || hlen < IP_HLEN || hlen > skb.len) {
    headerError(stack, skb, dev, SKB_DROP_REASON.IP_INHDR);
    return;
  }
  if (!ipHeaderCsumOk(arena, p, hlen)) {
    snmp.IpExtInCsumErrors++;
    headerError(stack, skb, dev, SKB_DROP_REASON.IP_CSUM);
    return;
  }
  const len = dv.getUint16(p + 2);
  if (skb.len < len) {
    snmp.IpExtInTruncatedPkts++;
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.PKT_TOO_SMALL);
    return;
  }
  if (len < hlen) {
    headerError(stack, skb, dev, SKB_DROP_REASON.IP_INHDR);
    return;
  }
  skb.len = len;
  skb.networkHeader = p;
  skb.transportHeader = p + hlen;

  let dst: Dst | null = keptDst(stack, skb, dev);
  if (dst === null) {
    const d = stack.ipDev(dev);
    dst = routeInput4(stack, skb, d, dv.getUint32(p + 12), dv.getUint32(p + 16));
    if (dst === null) {
      if (stack.dropReason === SKB_DROP_REASON.IP_RPFILTER) snmp.TcpExtIPReversePathFilter++;
      k.kfreeSkb(skb, dev, stack.dropReason);
      return;
    }
    skb.dst = dst;
  }
  if (hlen > IP_HLEN && !optionsOk(stack, skb, p, hlen, dev)) return;
  if (dst.kind === DST_UNICAST) {
    ipForward(stack, skb, dst, dev);
    return;
  }
  if (dst.kind === DST_LOCAL) {
    localDeliver(stack, skb, dev);
    return;
  }
  if (dst.kind === DST_ERROR) {
    ipError(stack, skb, dst, dev);
    return;
  }
  if (dst.kind === DST_BROADCAST) snmp.IpExtInBcastPkts++;
  else snmp.IpExtInMcastPkts++;
  localDeliver(stack, skb, dev);
}

/** A packet that went over the loopback keeps the route it was sent by. */
function keptDst(stack: IpStack, skb: Skb, dev: Netdev): Dst | null {
  if (skb.dst === null) return null;
  if ((dev.flags & IFF_LOOPBACK) !== 0 && skb.dst === stack.localDst) return stack.localDst;
  skb.dst = null;
  return null;
}

function headerError(stack: IpStack, skb: Skb, dev: Netdev, reason: number): void {
  stack.snmp.IpInHdrErrors++;
  stack.kernel.kfreeSkb(skb, dev, reason);
}

/** ip_rcv_options, the refusing part. @returns false when the packet was dropped */
function optionsOk(stack: IpStack, skb: Skb, p: number, hlen: number, dev: Netdev): boolean {
  const u8 = stack.arena.u8;
  for (let o = p + IP_HLEN; o < p + hlen; ) {
    const type = u8[o]!;
    if (type === 0) return true;
    if (type === 1) {
      o++;
      continue;
    }
    const len = o + 1 < p + hlen ? u8[o + 1]! : 0;
    if (len < 2 || o + len > p + hlen) {
      headerError(stack, skb, dev, SKB_DROP_REASON.IP_INHDR);
      return false;
    }
    if (type === IPOPT_LSRR || type === IPOPT_SSRR) {
      stack.kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.NOT_SPECIFIED);
      return false;
    }
    o += len;
  }
  return true;
}

/** ip_forward: skb.data at the IP header. */
function ipForward(stack: IpStack, skb: Skb, dst: Dst, dev: Netdev): void {
  const k = stack.kernel;
  if (skb.pktType !== PACKET_HOST) {
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.NOT_SPECIFIED);
    return;
  }
  stack.host.cpu().charge(COST_NS.ipForward);
  const p = skb.data;
  const u8 = stack.arena.u8;
  const ttl = u8[p + 8]!;
  if (ttl <= 1) {
    stack.snmp.IpInHdrErrors++;
    stack.calls.icmpSend(stack, skb, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0);
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.IP_INHDR);
    return;
  }
  stack.snmp.IpForwDatagrams++;
  const mtu = dst.mtu;
  if (skb.len > mtu && (u8[p + 6]! & (IP_DF >> 8)) !== 0) {
    stack.snmp.IpFragFails++;
    stack.calls.icmpSend(stack, skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu);
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.PKT_TOO_BIG);
    return;
  }
  // ip_decrease_ttl: the word with TTL in its high byte falls by 0x0100, so the checksum rises by that, with the carry put back
  const check = ((u8[p + 10]! << 8) | u8[p + 11]!) + 0x0100;
  const folded = check + (check >= 0xffff ? 1 : 0);
  u8[p + 10] = (folded >> 8) & 255;
  u8[p + 11] = folded & 255;
  u8[p + 8] = ttl - 1;
  if (dst.dev === dev) sendRedirect(stack, skb, dst, dev);
  skb.priority = tosToPriority(u8[p + 1]!);
  ipOutput(stack, skb, mtu);
}

/**
 * ip_rt_send_redirect: the packet leaves by the device it came in by, so its sender could have sent it there itself. Told to senders
 * on the link, up to nine times, ever more seldom.
 */
function sendRedirect(stack: IpStack, skb: Skb, dst: Dst, dev: Netdev): void {
  const dv = stack.arena.dv;
  const saddr = dv.getUint32(skb.data + 12);
  const res = stack.fibRes;
  if (stack.fib4.lookup(saddr, 0, 0, 0, 0, 0, res) !== 0) return;
  if (res.route!.type !== RTN_UNICAST || res.nh!.dev !== dev || res.nh!.gw !== null) return;
  if (!stack.peers4.redirectAllowed(saddr, stack.kernel.engine.nowNs)) return;
  const gw = dst.gw === null ? dv.getUint32(skb.data + 16) : dst.gw.a;
  stack.calls.icmpSend(stack, skb, ICMP_REDIRECT, ICMP_REDIR_HOST, gw);
}

/** ip_error: the input route says no; hosts that forward tell the sender. */
function ipError(stack: IpStack, skb: Skb, dst: Dst, dev: Netdev): void {
  const d: IpDev = stack.ipDev(dev);
  let reason: number = SKB_DROP_REASON.NOT_SPECIFIED;
  let code = -1;
  switch (dst.error) {
    case ERRNO.EHOSTUNREACH:
      if (!d.forwarding4) {
        stack.snmp.IpInAddrErrors++;
        reason = SKB_DROP_REASON.IP_INADDRERRORS;
      }
      code = ICMP_HOST_UNREACH;
      break;
    case ERRNO.ENETUNREACH:
      stack.snmp.IpExtInNoRoutes++;
      reason = SKB_DROP_REASON.IP_INNOROUTES;
      code = ICMP_NET_UNREACH;
      break;
    case EACCES:
      code = ICMP_PKT_FILTERED;
      break;
    default:
  }
  const told = d.forwarding4 && code >= 0;
  if (told && stack.peers4.errorAllowed(stack.arena.dv.getUint32(skb.data + 12), stack.kernel.engine.nowNs)) {
    stack.calls.icmpSend(stack, skb, ICMP_DEST_UNREACH, code, 0);
  }
  stack.kernel.kfreeSkb(skb, dev, reason);
}

/** ip_local_deliver: reassembles and hands to the protocol. skb.data at the IP header. */
function localDeliver(stack: IpStack, skb: Skb, dev: Netdev): void {
  const dv = stack.arena.dv;
  const off = dv.getUint16(skb.data + 6);
  if ((off & (IP_MF | IP_OFFSET)) === 0) {
    deliverToProtocol(stack, skb, dev);
    return;
  }
  const p = skb.data;
  const hlen = skb.transportHeader - p;
  const key = `${dv.getUint32(p + 12)},${dv.getUint32(p + 16)},${dv.getUint16(p + 4)},${dv.getUint8(p + 9)}`;
  const len = skb.len - hlen;
  const q = fragAdd(
    stack,
    stack.frags4,
    false,
    key,
    skb,
    dev,
    p + hlen,
    (off & IP_OFFSET) * 8,
    len,
    (off & IP_MF) !== 0,
  );
  if (q === null) return;
  const headBytes = q.parts[0]!.skb.transportHeader - q.parts[0]!.skb.data;
  const whole = fragJoin(q, headBytes);
  if (whole === null) return;
  stack.arena.dv.setUint16(whole.data + 2, whole.len);
  stack.arena.dv.setUint16(whole.data + 6, 0);
  ipSendCheck(stack.arena, whole.data, headBytes);
  deliverToProtocol(stack, whole, dev);
}

/** ip_local_deliver_finish, ip_protocol_deliver_rcu. */
function deliverToProtocol(stack: IpStack, skb: Skb, dev: Netdev): void {
  const proto = stack.arena.u8[skb.data + 9]!;
  const raw = stack.raw?.(stack, skb, AF_INET, proto) ?? false;
  const handler = stack.protocols4[proto];
  if (handler !== undefined) {
    stack.snmp.IpInDelivers++;
    skb.pull(skb.transportHeader - skb.data);
    handler(stack, skb, dev);
    return;
  }
  if (raw) {
    stack.snmp.IpInDelivers++;
    stack.kernel.consumeSkb(skb);
    return;
  }
  stack.snmp.IpInUnknownProtos++;
  stack.calls.icmpSend(stack, skb, ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 0);
  stack.kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.IP_NOPROTO);
}
