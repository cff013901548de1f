/**
 * IPv6 route lookups of the input and the output side.
 *
 * @source net/ipv6/route.c ip6_route_output_flags, ip6_route_input, fib6_table_lookup
 * @differs router preference, reachability of gateways (RFC 4191) and anycast addresses do not count
 */
import { IFF_LOOPBACK } from "../../netdev.ts";
import { ERRNO } from "../../netlink-error.ts";
import type { Skb } from "../../skb.ts";
import { ANY6, IpAddr, isLinkLocal6 } from "../address.ts";
import { DST_MULTICAST, Dst } from "../dst.ts";
import { RTN_LOCAL, RTN_MULTICAST } from "../fib/rtm.ts";
import type { IpDev } from "../ip-dev.ts";
import type { IpStack } from "../ip-stack.ts";
import { multipathHash6, multipathHash6At, portsAt, selectPath } from "../multipath.ts";
import { flowLabelOf, Ip6Payload, skipExtHeaders } from "./header.ts";
import { selectSource6 } from "./source.ts";

/** What a sender wants to reach; reused. The lookup fills saddr and err. */
export class Flow6 {
  daddr: IpAddr = ANY6;
  /** null: chosen by the lookup. */
  saddr: IpAddr | null = null;
  oif: number = 0;
  proto: number = 0;
  ports: number = 0;
  err: number = 0;

  set(daddr: IpAddr, saddr: IpAddr | null, oif: number, proto: number, ports: number): this {
    this.daddr = daddr;
    this.saddr = saddr;
    this.oif = oif;
    this.proto = proto;
    this.ports = ports | 0;
    this.err = 0;
    return this;
  }
}

/** Reads an IPv6 address. */
export function readAddr6(stack: IpStack, at: number): IpAddr {
  const dv = stack.arena.dv;
  return new IpAddr(10, dv.getUint32(at), dv.getUint32(at + 4), dv.getUint32(at + 8), dv.getUint32(at + 12));
}

/** Writes one. */
export function writeAddr6(stack: IpStack, at: number, x: IpAddr): void {
  const dv = stack.arena.dv;
  dv.setUint32(at, x.a);
  dv.setUint32(at + 4, x.b);
  dv.setUint32(at + 8, x.c);
  dv.setUint32(at + 12, x.d);
}

/** Whether an IPv6 address is one of this host's; link-local ones only on their device. */
export function isLocal6(stack: IpStack, x: IpAddr, oif: number): boolean {
  for (const d of stack.ipDevs()) {
    if (isLinkLocal6(x.a) && oif !== 0 && d.dev.ifindex !== oif) continue;
    for (const y of d.addrs6) if (y.addr.equals(x)) return true;
  }
  return false;
}

/**
 * ip6_route_output: where a packet of ours goes, and from which address.
 * @returns null with fl.err set when there is no way
 */
export function routeOutput6(stack: IpStack, fl: Flow6): Dst | null {
  fl.err = 0;
  const x = fl.daddr.isAny ? new IpAddr(10, 0, 0, 0, 1) : fl.daddr;
  fl.daddr = x;
  if (fl.saddr !== null && !isLocal6(stack, fl.saddr, 0)) return fail(fl, ERRNO.EINVAL);
  const res = stack.fibRes;
  const scoped = isLinkLocal6(x.a) || x.a >>> 24 === 0xff;
  if (stack.fib6Local.lookup(x.a, x.b, x.c, x.d, scoped ? fl.oif : 0, 0, res) === 0) {
    if (res.route!.type === RTN_LOCAL) {
      if (fl.saddr === null) fl.saddr = x;
      return stack.localDst;
    }
    if (res.route!.type === RTN_MULTICAST) return withSource(stack, fl, res.nh!.dst);
  }
  const err = stack.fib6Main.lookup(x.a, x.b, x.c, x.d, fl.oif, 0, res);
  if (err !== 0) return fail(fl, err === ERRNO.ESRCH ? ERRNO.ENETUNREACH : err);
  const route = res.route!;
  let nh = res.nh!;
  if (route.nhs.length > 1 && fl.oif === 0) {
    nh = selectPath(stack, route, multipathHash6(stack, fl.saddr ?? ANY6, x, 0, fl.proto, fl.ports), 0);
  }
  if (fl.saddr === null && route.prefSrc !== null) fl.saddr = route.prefSrc;
  return withSource(stack, fl, nh.dst);
}

function withSource(stack: IpStack, fl: Flow6, dst: Dst): Dst | null {
  if (fl.saddr === null) fl.saddr = selectSource6(stack, dst.dev, fl.daddr);
  return fl.saddr === null ? fail(fl, ERRNO.EADDRNOTAVAIL) : dst;
}

function fail(fl: Flow6, errno: number): null {
  fl.err = errno;
  return null;
}

const payload: Ip6Payload = new Ip6Payload();

/**
 * ip6_route_input: what to do with a received packet. skb.data at the IPv6 header.
 * @returns a destination; one of kind DST_ERROR when there is no way
 */
export function routeInput6(stack: IpStack, skb: Skb, d: IpDev): Dst {
  const dv = stack.arena.dv;
  const ip = skb.data;
  const a = dv.getUint32(ip + 24);
  const b = dv.getUint32(ip + 28);
  const c = dv.getUint32(ip + 32);
  const e = dv.getUint32(ip + 36);
  if (a >>> 24 === 0xff) return new Dst(d.dev, DST_MULTICAST, null);
  const res = stack.fibRes;
  const strict = isLinkLocal6(a) && (d.dev.flags & IFF_LOOPBACK) === 0;
  if (stack.fib6Local.lookup(a, b, c, e, strict ? d.dev.ifindex : 0, 0, res) === 0 && res.route!.type === RTN_LOCAL) {
    return stack.localDst;
  }
  const err = stack.fib6Main.lookup(a, b, c, e, strict ? d.dev.ifindex : 0, 0, res);
  if (err !== 0) return stack.errorDst(err === ERRNO.ESRCH ? ERRNO.ENETUNREACH : err);
  const route = res.route!;
  if (route.type === RTN_LOCAL) return stack.localDst;
  if (route.nhs.length === 1) return res.nh!.dst;
  skipExtHeaders(stack, ip, ip + skb.len, false, payload);
  const ports = payload.fragAt >= 0 ? 0 : portsAt(stack, payload.proto, payload.at, ip + skb.len);
  const hash = multipathHash6At(stack, ip + 8, flowLabelOf(stack, ip), payload.proto, ports);
  return selectPath(stack, route, hash, 0).dst;
}

/** ipv6_chk_mcast_addr: whether the multicast group at `at` is one this device listens to. */
export function isOurGroup6(stack: IpStack, d: IpDev, at: number): boolean {
  const dv = stack.arena.dv;
  const a = dv.getUint32(at);
  const b = dv.getUint32(at + 4);
  const c = dv.getUint32(at + 8);
  const e = dv.getUint32(at + 12);
  const allX = b === 0 && c === 0;
  if (allX && e === 1 && (a === 0xff020000 || a === 0xff010000)) return true;
  if (allX && e === 2 && d.forwarding6 && (a === 0xff020000 || a === 0xff010000 || a === 0xff050000)) return true;
  if (a === 0xff020000 && b === 0 && c === 1 && e >>> 24 === 0xff) {
    for (let i = 0; i < d.addrs6.length; i++) if ((d.addrs6[i]!.addr.d & 0xffffff) === (e & 0xffffff)) return true;
  }
  return false;
}
