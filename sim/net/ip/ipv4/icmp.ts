/**
 * ICMP: errors about packets, echo, and what arrives.
 *
 *      0               8               16                              31
 *     | type          | code          | checksum                      |  0
 *     | identifier or unused          | sequence or next-hop MTU      |  4
 *     | echo data, or the IP header and the beginning of the packet the error is about                                    |  8
 *
 * @source net/ipv4/icmp.c __icmp_send, icmp_reply, icmp_rcv, icmp_unreach; RFC 792, RFC 1122, RFC 1191
 * @differs timestamps are not answered; redirects are counted and ignored
 */
import { csumFold, csumPartial } from "../../checksum.ts";
import { SKB_DROP_REASON } from "../../drop-reason.ts";
import { IFF_LOOPBACK, type Netdev } from "../../netdev.ts";
import { PACKET_HOST, type Skb } from "../../skb.ts";
import { selectAddr4 } from "../addresses.ts";
import { DST_BROADCAST, DST_LOCAL, DST_MULTICAST, type Dst } from "../dst.ts";
import { RT_SCOPE_LINK } from "../fib/rtm.ts";
import { type IpStack, ipStack } from "../ip-stack.ts";
import { GlobalLimit } from "../rate-limit.ts";
import { transportCsumOk } from "../skb-csum.ts";
import {
  ICMP_DEST_UNREACH,
  ICMP_ECHO,
  ICMP_ECHOREPLY,
  ICMP_FRAG_NEEDED,
  ICMP_HOST_UNREACH,
  ICMP_PARAMETERPROB,
  ICMP_REDIRECT,
  ICMP_TIME_EXCEEDED,
  ICMP_TIMESTAMP,
  IP_HLEN,
  IP_OFFSET,
  IPPROTO_ICMP,
} from "./header.ts";
import { ipXmit, nextIdent } from "./output.ts";
import { Flow4, routeOutput4 } from "./route.ts";

const ICMP_HLEN = 8;
/** The largest type that means anything. */
const NR_ICMP_TYPES = 18;
/** RFC 1122 3.2.2: an error stays within 576 bytes. */
const ERROR_MAX = 576;
/** net.ipv4.route.min_pmtu and mtu_expires. */
const MIN_PMTU = 552;

/** ICMP's state of one host. */
class IcmpState {
  readonly global: GlobalLimit = new GlobalLimit();
}

const states: WeakMap<IpStack, IcmpState> = new WeakMap();
const flow: Flow4 = new Flow4();

function stateOf(stack: IpStack): IcmpState {
  let s = states.get(stack);
  if (s === undefined) {
    s = new IcmpState();
    states.set(stack, s);
  }
  return s;
}

function isErrorType(type: number): boolean {
  return (
    type === ICMP_DEST_UNREACH ||
    type === 4 ||
    type === ICMP_REDIRECT ||
    type === ICMP_TIME_EXCEEDED ||
    type === ICMP_PARAMETERPROB
  );
}

/** icmp_send: tells a packet's sender what became of it. Neither takes nor changes the skb. @param info second word (MTU, pointer) */
export function icmpSend(stack: IpStack, skb: Skb, type: number, code: number, info: number): void {
  const dv = stack.arena.dv;
  const ip = skb.networkHeader;
  const dst = skb.dst as Dst | null;
  if (dst === null || ip < 0 || skb.pktType !== PACKET_HOST) return;
  if (dst.kind === DST_BROADCAST || dst.kind === DST_MULTICAST) return;
  if ((dv.getUint16(ip + 6) & IP_OFFSET) !== 0) return;
  const hlen = (dv.getUint8(ip) & 15) * 4;
  const end = skb.data + skb.len;
  if (dv.getUint8(ip + 9) === IPPROTO_ICMP && isErrorType(type)) {
    if (ip + hlen >= end || isErrorType(dv.getUint8(ip + hlen))) return;
  }
  const peer = dv.getUint32(ip + 12);
  let saddr = 0;
  if (dst.kind === DST_LOCAL) saddr = dv.getUint32(ip + 16);
  else if (stack.sysctl.icmpErrorsUseInboundIfaddr !== 0 && skb.dev !== null) {
    saddr = selectAddr4(stack, skb.dev, peer, RT_SCOPE_LINK);
  }
  const fl = flow.set(peer, stack.isLocal4(saddr) ? saddr : 0, 0, IPPROTO_ICMP, 0);
  const out = routeOutput4(stack, fl);
  if (out === null) {
    stack.snmp.IcmpOutErrors++;
    return;
  }
  if (!allowed(stack, out, fl.daddr, type, code)) return;
  const room = Math.min(out.mtu, ERROR_MAX) - IP_HLEN - ICMP_HLEN;
  const quoted = Math.min(end - ip, room);
  const e = stack.kernel.allocSkb(ICMP_HLEN + quoted);
  if (e === null) return;
  const v = stack.arena.dv;
  v.setUint16(e.data, (type << 8) | code);
  v.setUint16(e.data + 2, 0);
  v.setUint32(e.data + 4, info);
  stack.arena.u8.copyWithin(e.data + ICMP_HLEN, ip, ip + quoted);
  e.parentId = skb.id;
  e.mark = 0;
  const tos = v.getUint8(ip + 1);
  push(stack, e, out, fl, (tos & 0x1e) | 0xc0, type);
}

/** Checksum, header, out (icmp_push_reply). */
function push(stack: IpStack, skb: Skb, dst: Dst, fl: Flow4, tos: number, type: number): void {
  const arena = stack.arena;
  arena.dv.setUint16(skb.data + 2, csumFold(csumPartial(arena, skb.data, skb.len, 0)), true);
  countOut(stack, type);
  ipXmit(stack, skb, dst, fl.saddr, fl.daddr, IPPROTO_ICMP, tos, stack.sysctl.ipDefaultTtl, 0, nextIdent(stack));
}

/** Counts a sent ICMP message by its type (icmp_out_count); raw sockets call it as well. */
export function countOut(stack: IpStack, type: number): void {
  const s = stack.snmp;
  s.IcmpOutMsgs++;
  if (type === ICMP_DEST_UNREACH) s.IcmpOutDestUnreachs++;
  else if (type === ICMP_TIME_EXCEEDED) s.IcmpOutTimeExcds++;
  else if (type === ICMP_PARAMETERPROB) s.IcmpOutParmProbs++;
  else if (type === ICMP_REDIRECT) s.IcmpOutRedirects++;
  else if (type === ICMP_ECHO) s.IcmpOutEchos++;
  else if (type === ICMP_ECHOREPLY) s.IcmpOutEchoReps++;
}

/** icmpv4_global_allow and icmpv4_xrlim_allow. */
function allowed(stack: IpStack, out: Dst, daddr: number, type: number, code: number): boolean {
  const s = stack.sysctl;
  if (type > 18 || ((1 << type) & s.icmpRatemask) === 0) return true;
  if (type === ICMP_DEST_UNREACH && code === ICMP_FRAG_NEEDED) return true;
  if ((out.dev.flags & IFF_LOOPBACK) !== 0) return true;
  const nowNs = stack.kernel.engine.nowNs;
  const st = stateOf(stack);
  if (!stack.peers4.allow(daddr, s.icmpRatelimitMs * 1e6, nowNs)) {
    stack.snmp.IcmpOutRateLimitHost++;
    return false;
  }
  if (!st.global.allow(s.icmpMsgsPerSec, s.icmpMsgsBurst, nowNs)) {
    stack.snmp.IcmpOutRateLimitGlobal++;
    return false;
  }
  return true;
}

/** icmp_rcv: skb.data at the ICMP header. Takes the skb. */
export function icmpRcv(stack: IpStack, skb: Skb, dev: Netdev): void {
  const s = stack.snmp;
  const k = stack.kernel;
  s.IcmpInMsgs++;
  if (skb.len < ICMP_HLEN) {
    s.IcmpInErrors++;
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.PKT_TOO_SMALL);
    return;
  }
  if (!transportCsumOk(stack.arena, skb.data, skb.len, 0)) {
    s.IcmpInCsumErrors++;
    s.IcmpInErrors++;
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.ICMP_CSUM);
    return;
  }
  const type = stack.arena.u8[skb.data]!;
  const kind = (skb.dst as Dst).kind;
  countIn(stack, type);
  if (kind === DST_BROADCAST || kind === DST_MULTICAST) {
    const asks = type === ICMP_ECHO || type === ICMP_TIMESTAMP;
    if (asks && stack.sysctl.icmpEchoIgnoreBroadcasts !== 0) {
      s.IcmpInErrors++;
      k.kfreeSkb(skb, dev, SKB_DROP_REASON.INVALID_PROTO);
      return;
    }
  }
  if (type > NR_ICMP_TYPES) {
    // RFC 1122 3.2.2: unknown types are silently discarded
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.UNHANDLED_PROTO);
    return;
  }
  if (type === ICMP_ECHO) {
    if (stack.sysctl.icmpEchoIgnoreAll === 0) echoReply(stack, skb, kind);
  } else if (type === ICMP_DEST_UNREACH || type === ICMP_TIME_EXCEEDED || type === ICMP_PARAMETERPROB) {
    icmpError(stack, skb, type);
  }
  k.consumeSkb(skb);
}

/** ICMPMSGIN_INC_STATS: counts a received message by its type. */
function countIn(stack: IpStack, type: number): void {
  const s = stack.snmp;
  if (type === ICMP_ECHO) s.IcmpInEchos++;
  else if (type === ICMP_ECHOREPLY) s.IcmpInEchoReps++;
  else if (type === ICMP_DEST_UNREACH) s.IcmpInDestUnreachs++;
  else if (type === ICMP_TIME_EXCEEDED) s.IcmpInTimeExcds++;
  else if (type === ICMP_PARAMETERPROB) s.IcmpInParmProbs++;
  else if (type === ICMP_REDIRECT) s.IcmpInRedirects++;
  else if (type === ICMP_TIMESTAMP) s.IcmpInTimestamps++;
}

/** icmp_echo, icmp_reply: the same data back, from the address that was asked. */
function echoReply(stack: IpStack, skb: Skb, kind: number): void {
  const ip = skb.networkHeader;
  const dv = stack.arena.dv;
  const saddr = kind === DST_LOCAL ? dv.getUint32(ip + 16) : 0;
  const fl = flow.set(dv.getUint32(ip + 12), saddr, 0, IPPROTO_ICMP, 0);
  const out = routeOutput4(stack, fl);
  if (out === null) return;
  const r = stack.kernel.allocSkb(skb.len);
  if (r === null) return;
  stack.arena.u8.copyWithin(r.data, skb.data, skb.data + skb.len);
  stack.arena.dv.setUint32(r.data, ICMP_ECHOREPLY << 24);
  r.mark = 0;
  r.parentId = skb.id;
  push(stack, r, out, fl, stack.arena.u8[ip + 1]!, ICMP_ECHOREPLY);
}

/** icmp_unreach: an error about a packet that this host sent. */
function icmpError(stack: IpStack, skb: Skb, type: number): void {
  const dv = stack.arena.dv;
  const inner = skb.data + ICMP_HLEN;
  if (skb.len < ICMP_HLEN + IP_HLEN || (dv.getUint8(inner) & 15) < 5) {
    stack.snmp.IcmpInErrors++;
    return;
  }
  const code = dv.getUint8(skb.data + 1);
  let info = 0;
  if (type === ICMP_DEST_UNREACH && code === ICMP_FRAG_NEEDED) {
    info = dv.getUint16(skb.data + 6);
    if (stack.sysctl.ipNoPmtuDisc !== 0) return;
    learnPmtu(stack, inner, info);
  } else if (type === ICMP_PARAMETERPROB) info = dv.getUint8(skb.data + 4);
  // RFC 1122: at least the IP header and 8 bytes more
  if (skb.len < ICMP_HLEN + (dv.getUint8(inner) & 15) * 4 + 8) {
    stack.snmp.IcmpInErrors++;
    return;
  }
  stack.errHandlers4[dv.getUint8(inner + 9)]?.(stack, skb, inner, type, code, info);
}

/** __ip_rt_update_pmtu. */
function learnPmtu(stack: IpStack, inner: number, info: number): void {
  const dv = stack.arena.dv;
  if (!stack.isLocal4(dv.getUint32(inner + 12))) return;
  const daddr = dv.getUint32(inner + 16);
  const mtu = Math.max(info, MIN_PMTU);
  stack.pmtu4.learn(daddr, mtu, stack.kernel.engine.nowNs);
}

/** ipv4_link_failure: the next hop of a packet of ours, or of one we forward, does not answer. */
export function linkFailure4(skb: Skb): void {
  icmpSend(ipStack(skb.dst!.dev.host), skb, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
}
