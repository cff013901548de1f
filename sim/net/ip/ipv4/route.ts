/**
 * IPv4 route lookups of the input and the output side.
 *
 * @source net/ipv4/route.c ip_route_input_slow, __mkroute_input, ip_route_output_key_hash_rcu; net/ipv4/fib_frontend.c
 *         fib_validate_source
 * @differs multicast is accepted for 224.0.0.1 only (no IGMP); several default routes of one metric do not
 *          fail over (fib_select_default)
 */
import { SKB_DROP_REASON } from "../../drop-reason.ts";
import { IFF_LOOPBACK, IFF_UP } from "../../netdev.ts";
import { ERRNO } from "../../netlink-error.ts";
import type { Skb } from "../../skb.ts";
import { isLoopback4, isMulticast4, isZeronet4 } from "../address.ts";
import { selectAddr4 } from "../addresses.ts";
import { DST_BROADCAST, DST_MULTICAST, Dst } from "../dst.ts";
import type { FibNh, FibRoute } from "../fib/fib.ts";
import { RT_SCOPE_LINK, RT_SCOPE_UNIVERSE, RTN_BROADCAST, RTN_LOCAL, RTN_UNICAST } from "../fib/rtm.ts";
import type { IpDev } from "../ip-dev.ts";
import type { IpStack } from "../ip-stack.ts";
import { multipathHash4, portsAt, selectPath } from "../multipath.ts";
import {
  ICMP_DEST_UNREACH,
  ICMP_PARAMETERPROB,
  ICMP_REDIRECT,
  ICMP_TIME_EXCEEDED,
  IP_OFFSET,
  IPPROTO_ICMP,
} from "./header.ts";

const ALL_HOSTS = 0xe0000001;

/** What a sender wants to reach; reused. The lookup fills saddr and err. */
export class Flow4 {
  daddr: number = 0;
  /** 0: chosen by the lookup. */
  saddr: number = 0;
  /** 0: any device. */
  oif: number = 0;
  proto: number = 0;
  /** Source port in the upper half, destination port in the lower. */
  ports: number = 0;
  /** FLOWI_FLAG_ANYSRC: saddr need not be ours. */
  anySrc: boolean = false;
  /** errno after a lookup that found nothing. */
  err: number = 0;

  set(daddr: number, saddr: number, oif: number, proto: number, ports: number): this {
    this.daddr = daddr >>> 0;
    this.saddr = saddr >>> 0;
    this.oif = oif;
    this.proto = proto;
    this.ports = ports | 0;
    this.anySrc = false;
    this.err = 0;
    return this;
  }
}

/**
 * ip_route_output_flow: where a packet of ours goes, and from which address.
 * @returns null with fl.err set when there is no way
 */
export function routeOutput4(stack: IpStack, fl: Flow4): Dst | null {
  fl.err = 0;
  if (fl.saddr !== 0) {
    if (isMulticast4(fl.saddr) || fl.saddr === 0xffffffff || isZeronet4(fl.saddr)) return fail(fl, ERRNO.EINVAL);
    if (!fl.anySrc && !stack.isLocal4(fl.saddr) && !coveredByLocal(stack, fl.saddr)) return fail(fl, ERRNO.EINVAL);
  }
  if (fl.oif !== 0) {
    const dev = stack.host.dev(fl.oif);
    if (dev === undefined) return fail(fl, ERRNO.ENODEV);
    if ((dev.flags & IFF_UP) === 0) return fail(fl, ERRNO.ENETUNREACH);
    if (isMulticast4(fl.daddr) || fl.daddr === 0xffffffff) {
      if (fl.saddr === 0) fl.saddr = selectAddr4(stack, dev, 0, RT_SCOPE_LINK);
      return new Dst(dev, fl.daddr === 0xffffffff ? DST_BROADCAST : DST_MULTICAST, null);
    }
    if (fl.saddr === 0 && fl.daddr === 0) fl.saddr = selectAddr4(stack, dev, 0, 254);
  }
  if (fl.daddr === 0) {
    fl.daddr = fl.saddr !== 0 ? fl.saddr : 0x7f000001;
    fl.saddr = fl.daddr;
    return stack.localDst;
  }
  if (isZeronet4(fl.daddr)) return fail(fl, ERRNO.EINVAL);
  if (fl.daddr === 0xffffffff) return limitedBroadcast(stack, fl);
  const res = stack.fibRes;
  const err = stack.fib4.lookup(fl.daddr, 0, 0, 0, fl.oif, 0, res);
  if (err !== 0) {
    if (fl.oif !== 0) {
      // "Apparently, routing tables are wrong": with a device given, the destination is on its link
      const dev = stack.host.dev(fl.oif)!;
      if (fl.saddr === 0) fl.saddr = selectAddr4(stack, dev, 0, RT_SCOPE_LINK);
      return new Dst(dev, 1, null);
    }
    return fail(fl, err === ERRNO.ESRCH ? ERRNO.ENETUNREACH : err);
  }
  const route = res.route!;
  if (route.type === RTN_LOCAL) {
    if (fl.saddr === 0) fl.saddr = route.prefSrc !== null ? route.prefSrc.a : fl.daddr;
    return stack.localDst;
  }
  let nh = res.nh!;
  if (route.nhs.length > 1 && fl.oif === 0) {
    nh = selectPath(stack, route, multipathHash4(stack, fl.saddr, fl.daddr, fl.proto, fl.ports), fl.saddr);
  }
  if (fl.saddr === 0) fl.saddr = preferredSource(stack, route, nh);
  if (isLoopback4(fl.saddr) && (nh.dev.flags & IFF_LOOPBACK) === 0) return fail(fl, ERRNO.EINVAL);
  return nh.dst;
}

function fail(fl: Flow4, errno: number): null {
  fl.err = errno;
  return null;
}

/** An address inside a local route that is no device's own: 127.0.0.5 and the like. */
function coveredByLocal(stack: IpStack, a: number): boolean {
  return stack.fib4.lookup(a, 0, 0, 0, 0, 0, stack.fibRes) === 0 && stack.fibRes.route!.type === RTN_LOCAL;
}

/** 255.255.255.255 without a device goes where the default route goes. */
function limitedBroadcast(stack: IpStack, fl: Flow4): Dst | null {
  const err = stack.fib4.lookup(fl.daddr, 0, 0, 0, 0, 0, stack.fibRes);
  if (err !== 0) return fail(fl, err === ERRNO.ESRCH ? ERRNO.ENETUNREACH : err);
  const nh = stack.fibRes.nh!;
  if (fl.saddr === 0) fl.saddr = preferredSource(stack, stack.fibRes.route!, nh);
  return new Dst(nh.dev, DST_BROADCAST, null);
}

/** fib_result_prefsrc. */
export function preferredSource(stack: IpStack, route: FibRoute, nh: FibNh): number {
  if (route.prefSrc !== null) return route.prefSrc.a;
  return selectAddr4(stack, nh.dev, nh.gw === null ? 0 : nh.gw.a, route.scope);
}

/**
 * ip_route_input_noref: what to do with a received packet.
 * @param skb.data at the IP header
 * @returns null when the packet is to be dropped for stack.dropReason
 */
export function routeInput4(stack: IpStack, skb: Skb, d: IpDev, saddr: number, daddr: number): Dst | null {
  if (daddr >>> 28 === 0xe) return multicastInput(stack, d, saddr, daddr);
  const loopback = (d.dev.flags & IFF_LOOPBACK) !== 0;
  if (isMulticast4(saddr) || saddr === 0xffffffff) return martian(stack, SKB_DROP_REASON.IP_INVALID_SOURCE);
  if (daddr === 0xffffffff || (saddr === 0 && daddr === 0)) return broadcastInput(stack, d, saddr);
  if (isZeronet4(saddr)) return martian(stack, SKB_DROP_REASON.IP_INVALID_SOURCE);
  if (isZeronet4(daddr)) return martian(stack, SKB_DROP_REASON.IP_INVALID_DEST);
  if ((isLoopback4(daddr) || isLoopback4(saddr)) && !d.routeLocalnet && !loopback) {
    return martian(stack, SKB_DROP_REASON.IP_LOCALNET);
  }
  const res = stack.fibRes;
  const err = stack.fib4.lookup(daddr, 0, 0, 0, 0, 0, res);
  if (err !== 0) {
    if (!d.forwarding4) return stack.errorDst(ERRNO.EHOSTUNREACH);
    return stack.errorDst(err === ERRNO.ESRCH ? ERRNO.ENETUNREACH : err);
  }
  const route = res.route!;
  if (route.type === RTN_BROADCAST) return broadcastInput(stack, d, saddr);
  if (route.type === RTN_LOCAL) {
    const reason = loopback ? 0 : validateSource(stack, d, saddr);
    return reason === 0 ? stack.localDst : martian(stack, reason);
  }
  if (!d.forwarding4) return stack.errorDst(ERRNO.EHOSTUNREACH);
  if (route.type !== RTN_UNICAST) return martian(stack, SKB_DROP_REASON.IP_INVALID_DEST);
  let nh = res.nh!;
  if (route.nhs.length > 1) nh = selectPath(stack, route, inputHash(stack, skb, saddr, daddr), 0);
  const reason = validateSource(stack, d, saddr);
  return reason === 0 ? nh.dst : martian(stack, reason);
}

function martian(stack: IpStack, reason: number): null {
  stack.dropReason = reason;
  return null;
}

function broadcastInput(stack: IpStack, d: IpDev, saddr: number): Dst | null {
  const reason = isZeronet4(saddr) ? 0 : validateSource(stack, d, saddr);
  return reason === 0 ? new Dst(d.dev, DST_BROADCAST, null) : martian(stack, reason);
}

function multicastInput(stack: IpStack, d: IpDev, saddr: number, daddr: number): Dst | null {
  if (daddr !== ALL_HOSTS) return martian(stack, SKB_DROP_REASON.IP_INVALID_DEST);
  if (isMulticast4(saddr) || saddr === 0xffffffff || isLoopback4(saddr)) {
    return martian(stack, SKB_DROP_REASON.IP_INVALID_SOURCE);
  }
  return new Dst(d.dev, DST_MULTICAST, null);
}

/** The flow of a received packet; an ICMP error counts as the flow it quotes (ip_multipath_l3_keys). */
function inputHash(stack: IpStack, skb: Skb, saddr: number, daddr: number): number {
  const dv = stack.arena.dv;
  const ip = skb.data;
  const end = ip + skb.len;
  const proto = dv.getUint8(ip + 9);
  const th = ip + (dv.getUint8(ip) & 15) * 4;
  const first = (dv.getUint16(ip + 6) & IP_OFFSET) === 0;
  if (stack.sysctl.multipathHashPolicy === 0 && proto === IPPROTO_ICMP && first && th + 28 <= end) {
    const type = dv.getUint8(th);
    if (
      type === ICMP_DEST_UNREACH ||
      type === ICMP_REDIRECT ||
      type === ICMP_TIME_EXCEEDED ||
      type === ICMP_PARAMETERPROB
    ) {
      return multipathHash4(stack, dv.getUint32(th + 20), dv.getUint32(th + 24), proto, 0);
    }
  }
  const whole = (dv.getUint16(ip + 6) & 0x3fff) === 0;
  return multipathHash4(stack, saddr, daddr, proto, whole ? portsAt(stack, proto, th, end) : 0);
}

/**
 * fib_validate_source: may a packet with this source come in by this device?
 * @returns 0, or the reason to drop it
 */
function validateSource(stack: IpStack, d: IpDev, saddr: number): number {
  const rpf = d.rpFilter;
  if (rpf === 0 && stack.customLocalRoutes === 0) {
    return !d.acceptLocal && stack.isLocal4(saddr) ? SKB_DROP_REASON.IP_LOCAL_SOURCE : 0;
  }
  const res = stack.fibRes;
  if (stack.fib4.lookup(saddr, 0, 0, 0, 0, RT_SCOPE_UNIVERSE, res) !== 0)
    return rpf === 0 ? 0 : SKB_DROP_REASON.IP_RPFILTER;
  const route = res.route!;
  if (route.type === RTN_LOCAL) return d.acceptLocal ? 0 : SKB_DROP_REASON.IP_LOCAL_SOURCE;
  if (route.type !== RTN_UNICAST) return SKB_DROP_REASON.IP_INVALID_SOURCE;
  for (let i = 0; i < route.nhs.length; i++) if (route.nhs[i]!.dev === d.dev) return 0;
  return rpf === 1 ? SKB_DROP_REASON.IP_RPFILTER : 0;
}
