/**
 * Addresses of devices, the routes that come with them, and what happens when a device goes up or down.
 *
 * @source net/ipv4/devinet.c __inet_insert_ifa, __inet_del_ifa, inet_select_addr; net/ipv4/fib_frontend.c fib_add_ifaddr,
 *         fib_del_ifaddr, fib_netdev_event; net/ipv6/addrconf.c inet6_addr_add, addrconf_notify, addrconf_ifdown
 * @differs duplicate address detection, router solicitations, MLD reports and anycast addresses are not modelled: an IPv6 address is
 *          valid at once; lifetimes are forever; promote_secondaries is 0 as the kernel starts with
 */
import { IFF_LOOPBACK, IFF_UP, type Netdev } from "../netdev.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import {
  AF_INET,
  AF_INET6,
  type Family,
  IpAddr,
  type IpPrefix,
  inPrefix,
  isLinkLocal6,
  isLoopback4,
  isZeronet4,
  linkLocalOf,
  mask4,
  maskAddr,
} from "./address.ts";
import { addKernelRoute, type ImpliedRoute, removeRoute, syncDown, syncUp } from "./fib/route-control.ts";
import {
  IP6_RT_PRIO_ADDRCONF,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_UNICAST,
  RTPROT_KERNEL,
} from "./fib/rtm.ts";
import type { IfAddr, IpDev } from "./ip-dev.ts";
import { type IpStack, ipStack } from "./ip-stack.ts";
import { neighFlushDev } from "./neigh/neigh.ts";

/** What `ip addr add` may state besides the address. */
export interface AddressOptions {
  /** The far end of a point-to-point link (`peer`). */
  readonly peer?: IpAddr;
  readonly broadcast?: IpAddr;
  readonly scope?: number;
  readonly label?: string;
  readonly noPrefixRoute?: boolean;
  readonly metric?: number;
}

/**
 * `ip addr add`.
 * @throws NetlinkError EEXIST with the kernel's extended ack, EINVAL
 */
export function addAddress(dev: Netdev, prefix: IpPrefix, options: AddressOptions = {}): IfAddr {
  const stack = ipStack(dev.host);
  return prefix.addr.family === AF_INET
    ? add4(stack, dev, prefix, options, false)
    : add6(stack, dev, prefix, options, false);
}

function add4(stack: IpStack, dev: Netdev, p: IpPrefix, o: AddressOptions, kernel: boolean): IfAddr {
  const d = stack.ipDev(dev);
  const scope = o.scope ?? (isLoopback4(p.addr.a) ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE);
  if (p.addr.a >>> 28 === 0xe || p.addr.a === 0xffffffff) throw new NetlinkError(ERRNO.EINVAL, "ipv4: Invalid address");
  let secondary = false;
  for (const x of d.addrs4) {
    if (x.len !== p.len || !inPrefix(p.addr, x.peer, x.len)) continue;
    if (x.addr.equals(p.addr)) throw new NetlinkError(ERRNO.EEXIST, "ipv4: Address already assigned");
    if (x.scope !== scope) throw new NetlinkError(ERRNO.EINVAL, "ipv4: Invalid scope value");
    secondary = true;
  }
  const ifa: IfAddr = {
    dev,
    addr: p.addr,
    peer: o.peer ?? p.addr,
    len: p.len,
    broadcast: o.broadcast ?? null,
    scope,
    secondary,
    noPrefixRoute: o.noPrefixRoute ?? false,
    kernel,
    label: o.label ?? dev.name,
    metric: o.metric ?? 0,
  };
  let at = d.addrs4.length;
  if (!secondary) {
    at = 0;
    for (let i = 0; i < d.addrs4.length; i++) {
      const x = d.addrs4[i]!;
      if (!x.secondary && ifa.scope <= x.scope) at = i + 1;
    }
  }
  d.addrs4.splice(at, 0, ifa);
  stack.holdLocal4(p.addr.a);
  for (const r of impliedRoutes4(d, ifa)) addKernelRoute(stack, dev, r);
  stack.routeGeneration++;
  return ifa;
}

/** fib_add_ifaddr: the routes that an address brings with the device in its present state. */
function impliedRoutes4(d: IpDev, ifa: IfAddr): ImpliedRoute[] {
  const dev = d.dev;
  const prefix = maskAddr(ifa.peer, ifa.len);
  const primary = ifa.secondary
    ? d.addrs4.find((x) => !x.secondary && x.len === ifa.len && inPrefix(x.peer, prefix, ifa.len))
    : ifa;
  const prefSrc = (primary ?? ifa).addr;
  const host = (a: IpAddr, type: number): ImpliedRoute => ({
    prefix: a,
    len: 32,
    table: RT_TABLE_LOCAL,
    type,
    scope: type === RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_LINK,
    metric: 0,
    prefSrc,
  });
  const out = [host(ifa.addr, RTN_LOCAL)];
  if ((dev.flags & IFF_UP) === 0) return out;
  if (ifa.broadcast !== null && ifa.broadcast.a !== 0xffffffff) out.push(host(ifa.broadcast, RTN_BROADCAST));
  if (isZeronet4(prefix.a) || ifa.secondary || (prefix.equals(ifa.addr) && ifa.len === 32)) return out;
  if (!ifa.noPrefixRoute) {
    const lo = (dev.flags & IFF_LOOPBACK) !== 0;
    out.push({
      prefix,
      len: ifa.len,
      table: lo ? RT_TABLE_LOCAL : RT_TABLE_MAIN,
      type: lo ? RTN_LOCAL : RTN_UNICAST,
      scope: lo ? RT_SCOPE_HOST : RT_SCOPE_LINK,
      metric: ifa.metric,
      prefSrc,
    });
  }
  if (ifa.len < 31) out.push(host(new IpAddr(AF_INET, prefix.a | ~mask4(ifa.len)), RTN_BROADCAST));
  return out;
}

function add6(stack: IpStack, dev: Netdev, p: IpPrefix, o: AddressOptions, kernel: boolean): IfAddr {
  const d = stack.ipDev(dev);
  if (d.conf.disableIpv6 !== 0) throw new NetlinkError(13, "ipv6: IPv6 is disabled on this device");
  if (p.addr.a >>> 24 === 0xff || p.addr.isAny) {
    throw new NetlinkError(ERRNO.EADDRNOTAVAIL, "ipv6: Cannot assign requested address");
  }
  if (d.addrs6.some((x) => x.addr.equals(p.addr)))
    throw new NetlinkError(ERRNO.EEXIST, "ipv6: address already assigned");
  const loopback = p.addr.equals(new IpAddr(AF_INET6, 0, 0, 0, 1));
  const ifa: IfAddr = {
    dev,
    addr: p.addr,
    peer: o.peer ?? p.addr,
    len: p.len,
    broadcast: null,
    scope: loopback ? RT_SCOPE_HOST : isLinkLocal6(p.addr.a) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
    secondary: false,
    noPrefixRoute: o.noPrefixRoute ?? false,
    kernel,
    label: dev.name,
    metric: o.metric ?? 0,
  };
  // ipv6_link_dev_addr: wider scopes first, the newest first among equals
  let at = d.addrs6.findIndex((x) => scope6(x) <= scope6(ifa));
  if (at < 0) at = d.addrs6.length;
  d.addrs6.splice(at, 0, ifa);
  if ((dev.flags & IFF_UP) !== 0) for (const r of impliedRoutes6(ifa)) addKernelRoute(stack, dev, r);
  stack.routeGeneration++;
  return ifa;
}

/** ipv6_addr_src_scope: 14 global, 2 link, 1 node. */
function scope6(x: IfAddr): number {
  return x.scope === RT_SCOPE_HOST ? 1 : x.scope === RT_SCOPE_LINK ? 2 : 14;
}

function impliedRoutes6(ifa: IfAddr): ImpliedRoute[] {
  const out: ImpliedRoute[] = [
    { prefix: ifa.addr, len: 128, table: RT_TABLE_LOCAL, type: RTN_LOCAL, scope: 0, metric: 0, prefSrc: null },
  ];
  if (ifa.len < 128 && !ifa.noPrefixRoute) {
    const metric = ifa.metric !== 0 ? ifa.metric : IP6_RT_PRIO_ADDRCONF;
    const prefix = maskAddr(ifa.peer, ifa.len);
    out.push({ prefix, len: ifa.len, table: RT_TABLE_MAIN, type: RTN_UNICAST, scope: 0, metric, prefSrc: null });
  }
  return out;
}

/**
 * `ip addr del`.
 * @throws NetlinkError EADDRNOTAVAIL when the device has no such address
 */
export function delAddress(dev: Netdev, prefix: IpPrefix): void {
  const stack = ipStack(dev.host);
  const d = stack.ipDev(dev);
  const v4 = prefix.addr.family === AF_INET;
  const list = v4 ? d.addrs4 : d.addrs6;
  const ifa = list.find((x) => x.addr.equals(prefix.addr) && x.len === prefix.len);
  if (ifa === undefined) {
    throw new NetlinkError(ERRNO.EADDRNOTAVAIL, v4 ? "ipv4: Address not found" : "ipv6: address not found");
  }
  removeIfa(stack, d, ifa);
  if (v4 && !ifa.secondary) {
    const subnet = d.addrs4.filter((x) => x.secondary && x.len === ifa.len && inPrefix(x.addr, ifa.peer, ifa.len));
    for (const x of subnet) removeIfa(stack, d, x);
  }
}

function removeIfa(stack: IpStack, d: IpDev, ifa: IfAddr): void {
  const v4 = ifa.addr.family === AF_INET;
  const had = v4 ? impliedRoutes4(d, ifa) : impliedRoutes6(ifa);
  if (v4) d.addrs4 = d.addrs4.filter((x) => x !== ifa);
  else d.addrs6 = d.addrs6.filter((x) => x !== ifa);
  const still = (v4 ? d.addrs4 : d.addrs6).flatMap((x) => (v4 ? impliedRoutes4(d, x) : impliedRoutes6(x)));
  for (const r of had) {
    if (still.some((s) => sameImplied(s, r))) continue;
    const fib = stack.table(ifa.addr.family, r.table);
    const hit = fib
      ?.routesOf(r.prefix, r.len)
      .find((x) => x.protocol === RTPROT_KERNEL && x.type === r.type && x.nhs[0]?.dev === d.dev && x.table === r.table);
    if (hit !== undefined) removeRoute(stack, hit);
  }
  if (v4) {
    if (stack.dropLocal4(ifa.addr.a)) {
      // fib_sync_down_addr: routes that prefer the address as their source go with it
      for (const r of stack.allRoutes(AF_INET)) if (r.prefSrc?.equals(ifa.addr) === true) removeRoute(stack, r);
    }
  }
  stack.routeGeneration++;
}

function sameImplied(x: ImpliedRoute, y: ImpliedRoute): boolean {
  return x.prefix.equals(y.prefix) && x.len === y.len && x.table === y.table && x.type === y.type;
}

/** Addresses of a device in the order of `ip addr`. */
export function listAddresses(dev: Netdev, family: Family): readonly IfAddr[] {
  const d = ipStack(dev.host).ipDev(dev);
  return family === AF_INET ? d.addrs4 : d.addrs6;
}

/** `ip addr flush`: takes all addresses of a family off. */
export function flushAddresses(dev: Netdev, family: Family): void {
  const stack = ipStack(dev.host);
  const d = stack.ipDev(dev);
  for (const x of [...(family === AF_INET ? d.addrs4 : d.addrs6)]) removeIfa(stack, d, x);
}

/** A device of this host has come up: its addresses' routes, 127.0.0.1 and ::1 on the loopback, fe80:: elsewhere. */
export function onDevUp(stack: IpStack, dev: Netdev): void {
  const d = stack.ipDev(dev);
  const lo = (dev.flags & IFF_LOOPBACK) !== 0;
  if (lo && d.addrs4.length === 0) {
    add4(stack, dev, { addr: new IpAddr(AF_INET, 0x7f000001), len: 8 }, { scope: RT_SCOPE_HOST }, true);
  }
  for (const x of d.addrs4) for (const r of impliedRoutes4(d, x)) addKernelRoute(stack, dev, r);
  if (d.conf.disableIpv6 === 0) bringUp6(stack, d, lo);
  syncUp(stack, dev);
}

function bringUp6(stack: IpStack, d: IpDev, lo: boolean): void {
  const dev = d.dev;
  for (const x of d.addrs6) for (const r of impliedRoutes6(x)) addKernelRoute(stack, dev, r);
  if (lo) {
    if (d.addrs6.length === 0) add6(stack, dev, { addr: new IpAddr(AF_INET6, 0, 0, 0, 1), len: 128 }, {}, true);
    return;
  }
  if (dev.mtu < 1280 || dev.hardHeaderLen === 0) return;
  const ll = linkLocalOf(dev.mac);
  if (!d.addrs6.some((x) => isLinkLocal6(x.addr.a))) add6(stack, dev, { addr: ll, len: 64 }, {}, true);
  addKernelRoute(stack, dev, {
    prefix: new IpAddr(AF_INET6, 0xff000000),
    len: 8,
    table: RT_TABLE_LOCAL,
    type: RTN_MULTICAST,
    scope: 0,
    metric: IP6_RT_PRIO_ADDRCONF,
    prefSrc: null,
  });
}

/** A device has gone down: routes and neighbours of it go, and its IPv6 addresses. */
export function onDevDown(stack: IpStack, dev: Netdev): void {
  const d = stack.ipDev(dev);
  syncDown(stack, dev, false);
  if (d.conf.keepAddrOnDown <= 0 && stack.confAll.keepAddrOnDown <= 0) {
    for (const x of [...d.addrs6]) removeIfa(stack, d, x);
  }
  neighFlushDev(stack, dev, AF_INET, true);
  neighFlushDev(stack, dev, AF_INET6, true);
}

/** A device is about to be removed. */
export function onDevGone(stack: IpStack, dev: Netdev): void {
  onDevDown(stack, dev);
  flushAddresses(dev, AF_INET);
  flushAddresses(dev, AF_INET6);
  syncDown(stack, dev, true);
  stack.dropDev(dev);
}

/** A device has another MAC address: every learned neighbour of it is forgotten (neigh_changeaddr). */
export function onDevAddr(stack: IpStack, dev: Netdev): void {
  neighFlushDev(stack, dev, AF_INET, false);
  neighFlushDev(stack, dev, AF_INET6, false);
  for (const family of [AF_INET, AF_INET6] as const) {
    for (const n of stack.neighbours.list(family))
      if (n.dev === dev) n.updateHeader(family === AF_INET ? 0x0800 : 0x86dd);
  }
}

/**
 * inet_select_addr: an IPv4 address of ours for talking through a device.
 * @param dst prefer the subnet of this address; 0 for none
 * @param scope RT_SCOPE_*: addresses of at most this scope
 * @returns 0 when there is none
 */
export function selectAddr4(stack: IpStack, dev: Netdev, dst: number, scope: number): number {
  const list = stack.ipDev(dev).addrs4;
  let addr = 0;
  for (let i = 0; i < list.length; i++) {
    const x = list[i]!;
    if (x.secondary || Math.min(x.scope, RT_SCOPE_LINK) > scope) continue;
    if (dst === 0 || ((dst ^ x.peer.a) & mask4(x.len)) === 0) return x.addr.a;
    if (addr === 0) addr = x.addr.a;
  }
  if (addr !== 0) return addr;
  for (const d of stack.ipDevs()) {
    const x = d.addrs4.find((y) => !y.secondary && y.scope !== RT_SCOPE_LINK && y.scope <= scope);
    if (x !== undefined) return x.addr.a;
  }
  return 0;
}
