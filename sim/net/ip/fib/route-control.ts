/**
 * Adding, deleting and listing routes, with Linux's checks and its words.
 *
 * @source net/ipv4/fib_semantics.c fib_create_info, fib_check_nh; net/ipv4/fib_trie.c fib_table_insert, fib_table_delete;
 *         net/ipv6/route.c ip6_route_info_create, ip6_validate_gw; net/ipv6/ip6_fib.c fib6_add_rt2node
 * @differs TOS, realms, nexthop objects, route metrics other than mtu, gateways of the other family (`via inet6`) and encapsulations
 *          are not there; multipath IPv6 routes are one route with several next hops
 */
import type { Host } from "../../host.ts";
import { IFF_LOOPBACK, IFF_UP, type Netdev } from "../../netdev.ts";
import { ERRNO, NetlinkError } from "../../netlink-error.ts";
import { AF_INET, AF_INET6, type Family, type IpAddr, type IpPrefix, isLinkLocal6, maskAddr } from "../address.ts";
import { type IpStack, ipStack } from "../ip-stack.ts";
import { EACCES, FibRoute, type FibRouteInit, isHostRoute } from "./fib.ts";
import {
  IP6_RT_PRIO_USER,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_NOWHERE,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTN_ANYCAST,
  RTN_BLACKHOLE,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_PROHIBIT,
  RTN_THROW,
  RTN_UNICAST,
  RTN_UNREACHABLE,
  RTPROT_BOOT,
  RTPROT_KERNEL,
} from "./rtm.ts";

/** One next hop as a user states it. */
export interface NexthopSpec {
  readonly dev?: Netdev;
  readonly via?: IpAddr;
  /** 1 to 256; 1 by default. */
  readonly weight?: number;
  readonly onlink?: boolean;
}

/** A route as a user states it; what is left out gets the default of `ip route`. */
export interface RouteSpec {
  readonly dst: IpPrefix;
  /** RTN_*. */
  readonly type?: number;
  readonly table?: number;
  readonly scope?: number;
  readonly protocol?: number;
  readonly metric?: number;
  readonly prefSrc?: IpAddr;
  readonly mtu?: number;
  /** `mtu lock`. */
  readonly mtuLocked?: boolean;
  readonly nexthops?: readonly NexthopSpec[];
}

/** `ip route add|replace|change|append|prepend`. */
export type RouteVerb = "add" | "replace" | "change" | "append" | "prepend";

/**
 * Adds a route.
 * @throws NetlinkError with the kernel's errno and extended ack
 */
export function addRoute(host: Host, spec: RouteSpec, verb: RouteVerb = "add"): FibRoute {
  const stack = ipStack(host);
  const route = spec.dst.addr.family === AF_INET ? createRoute4(stack, spec) : createRoute6(stack, spec);
  insertRoute(stack, route, verb);
  return route;
}

/** Puts a checked route into its table. @throws NetlinkError EEXIST, ENOENT */
function insertRoute(stack: IpStack, route: FibRoute, verb: RouteVerb): void {
  const fib = stack.tableMake(route.family, route.table);
  const peers = fib
    .routesOf(route.prefix, route.len)
    .filter((r) => r.table === route.table && r.metric === route.metric);
  if (peers.length > 0) {
    if (verb === "add") throw new NetlinkError(ERRNO.EEXIST);
    const same = peers.find((r) => sameRoute(r, route));
    if (verb === "replace" || verb === "change") {
      if (same === undefined || same !== peers[0]) {
        if (same !== undefined) throw new NetlinkError(ERRNO.EEXIST);
        removeRoute(stack, peers[0]!);
      } else return;
    } else if (same !== undefined) throw new NetlinkError(ERRNO.EEXIST);
    else if (route.family === AF_INET6 && verb === "append" && joinSiblings(peers, route)) {
      fib.changed(peers[0]!);
      stack.routeGeneration++;
      return;
    }
  } else if (verb === "change") throw new NetlinkError(ERRNO.ENOENT);
  fib.insert(route, verb === "prepend");
  if (route.family === AF_INET && route.type === RTN_LOCAL && route.protocol !== RTPROT_KERNEL)
    stack.customLocalRoutes++;
  stack.routeGeneration++;
}

/** rt6_qualify_for_ecmp: gateway routes of one metric become one multipath route. */
function joinSiblings(peers: readonly FibRoute[], route: FibRoute): boolean {
  const first = peers[0]!;
  if (first.type !== RTN_UNICAST || route.type !== RTN_UNICAST) return false;
  if (first.nhs.some((n) => n.gw === null) || route.nhs.some((n) => n.gw === null)) return false;
  for (const nh of route.nhs) {
    if (first.nhs.some((n) => n.dev === nh.dev && n.gw!.equals(nh.gw!))) throw new NetlinkError(ERRNO.EEXIST);
  }
  for (const nh of route.nhs) first.addNh(nh.dev, nh.gw, nh.weight, nh.onlink, nh.scope);
  return true;
}

function sameRoute(x: FibRoute, y: FibRoute): boolean {
  const src = x.prefSrc === null ? y.prefSrc === null : y.prefSrc?.equals(x.prefSrc) === true;
  return (
    x.type === y.type &&
    x.scope === y.scope &&
    x.protocol === y.protocol &&
    x.mtu === y.mtu &&
    x.mtuLocked === y.mtuLocked &&
    src &&
    sameNhs(x, y)
  );
}

function sameNhs(x: FibRoute, y: FibRoute): boolean {
  return (
    x.nhs.length === y.nhs.length &&
    x.nhs.every((n, i) => {
      const m = y.nhs[i]!;
      const gw = n.gw === null ? m.gw === null : m.gw?.equals(n.gw) === true;
      return n.dev === m.dev && gw && n.weight === m.weight;
    })
  );
}

/** Takes a route out of its table. */
export function removeRoute(stack: IpStack, route: FibRoute): void {
  stack.table(route.family, route.table)?.remove(route);
  if (route.family === AF_INET && route.type === RTN_LOCAL && route.protocol !== RTPROT_KERNEL)
    stack.customLocalRoutes--;
  stack.routeGeneration++;
}

/**
 * Deletes the first route that has everything the spec states.
 * @throws NetlinkError ESRCH when there is none
 */
export function delRoute(host: Host, spec: RouteSpec): void {
  const stack = ipStack(host);
  checkPrefix(spec.dst);
  const table = spec.table ?? RT_TABLE_MAIN;
  const routes = stack.table(spec.dst.addr.family, table)?.routesOf(spec.dst.addr, spec.dst.len) ?? [];
  const hit = routes.find((r) => r.table === table && matches(r, spec));
  if (hit === undefined) throw new NetlinkError(ERRNO.ESRCH);
  const only = spec.nexthops?.length === 1 ? spec.nexthops[0]! : undefined;
  if (hit.family === AF_INET6 && hit.nhs.length > 1 && only?.via !== undefined) {
    const i = hit.nhs.findIndex((n) => nhMatches(n.dev, n.gw, only));
    hit.nhs = hit.nhs.toSpliced(i, 1);
    stack.table(AF_INET6, table)!.changed(hit);
    stack.routeGeneration++;
    return;
  }
  removeRoute(stack, hit);
}

function matches(r: FibRoute, spec: RouteSpec): boolean {
  if (spec.type !== undefined && spec.type !== r.type) return false;
  if (spec.metric !== undefined && spec.metric !== 0 && spec.metric !== r.metric) return false;
  if (spec.scope !== undefined && spec.scope !== RT_SCOPE_NOWHERE && spec.scope !== r.scope) return false;
  if (spec.protocol !== undefined && spec.protocol !== r.protocol) return false;
  if (spec.prefSrc !== undefined && r.prefSrc?.equals(spec.prefSrc) !== true) return false;
  const nhs = spec.nexthops ?? [];
  if (nhs.length === 0) return true;
  if (nhs.length === 1) {
    const some = r.nhs.some((n) => nhMatches(n.dev, n.gw, nhs[0]!));
    return r.family === AF_INET6 ? some : some && r.nhs.length === 1;
  }
  return nhs.length === r.nhs.length && nhs.every((s, i) => nhMatches(r.nhs[i]!.dev, r.nhs[i]!.gw, s));
}

function nhMatches(dev: Netdev, gw: IpAddr | null, s: NexthopSpec): boolean {
  return (s.dev === undefined || s.dev === dev) && (s.via === undefined || gw?.equals(s.via) === true);
}

/** Routes of a table in Linux's order; of all tables (main, local, others) when `table` is left out. */
export function listRoutes(host: Host, family: Family, table?: number): FibRoute[] {
  const stack = ipStack(host);
  if (table !== undefined) return (stack.table(family, table)?.list() ?? []).filter((r) => r.table === table);
  const all = stack.allRoutes(family);
  const rank = (t: number): number => (t === RT_TABLE_MAIN ? 0 : t === RT_TABLE_LOCAL ? 1 : t + 2);
  return all
    .map((r, i) => ({ r, i }))
    .sort((x, y) => rank(x.r.table) - rank(y.r.table) || x.i - y.i)
    .map((x) => x.r);
}

function checkPrefix(dst: IpPrefix): void {
  if (!maskAddr(dst.addr, dst.len).equals(dst.addr)) {
    throw new NetlinkError(ERRNO.EINVAL, dst.addr.family === AF_INET ? "Invalid prefix for given prefix length" : "");
  }
}

function isErrorType(type: number): boolean {
  return type === RTN_BLACKHOLE || type === RTN_UNREACHABLE || type === RTN_PROHIBIT || type === RTN_THROW;
}

/** The scope that `ip route` sends when the user names none. */
function defaultScope4(type: number, nhs: readonly NexthopSpec[]): number {
  if (type === RTN_LOCAL) return RT_SCOPE_HOST;
  if (type === RTN_BROADCAST || type === RTN_MULTICAST || type === RTN_ANYCAST) return RT_SCOPE_LINK;
  if (type === RTN_UNICAST && nhs.length === 1 && nhs[0]!.via === undefined) return RT_SCOPE_LINK;
  return RT_SCOPE_UNIVERSE;
}

function createRoute4(stack: IpStack, spec: RouteSpec): FibRoute {
  checkPrefix(spec.dst);
  const type = spec.type ?? RTN_UNICAST;
  const nhs = spec.nexthops ?? [];
  const table =
    spec.table ??
    (type === RTN_LOCAL || type === RTN_BROADCAST || type === RTN_ANYCAST ? RT_TABLE_LOCAL : RT_TABLE_MAIN);
  const scope = spec.scope ?? defaultScope4(type, nhs);
  const floor = type === RTN_LOCAL ? RT_SCOPE_HOST : type === RTN_BROADCAST || type === RTN_ANYCAST ? RT_SCOPE_LINK : 0;
  if (floor > scope) throw new NetlinkError(ERRNO.EINVAL, "Invalid scope");
  const route = new FibRoute({
    prefix: spec.dst.addr,
    len: spec.dst.len,
    table,
    type,
    scope,
    protocol: spec.protocol ?? RTPROT_BOOT,
    metric: spec.metric ?? 0,
    prefSrc: spec.prefSrc ?? null,
    mtu: spec.mtu ?? 0,
    mtuLocked: spec.mtuLocked ?? false,
  });
  if (isErrorType(type)) {
    if (nhs.length > 0) {
      throw new NetlinkError(ERRNO.EINVAL, "Gateway, device and multipath can not be specified for this route type");
    }
    return route;
  }
  if (nhs.length === 0) throw new NetlinkError(ERRNO.ENODEV);
  if (scope === RT_SCOPE_HOST) {
    if (nhs.length !== 1) throw new NetlinkError(ERRNO.EINVAL, "Route with host scope can not have multiple nexthops");
    const nh = nhs[0]!;
    if (nh.via !== undefined) throw new NetlinkError(ERRNO.EINVAL, "Route with host scope can not have a gateway");
    if (nh.dev === undefined) throw new NetlinkError(ERRNO.ENODEV);
    route.addNh(nh.dev, null, weightOf(nh), false, RT_SCOPE_NOWHERE);
  } else for (const nh of nhs) addNexthop4(stack, route, nh);
  if (spec.prefSrc !== undefined && !stack.isLocal4(spec.prefSrc.a)) {
    if (type !== RTN_LOCAL || !isHostRoute(route) || !spec.prefSrc.equals(route.prefix)) {
      throw new NetlinkError(ERRNO.EINVAL, "Invalid prefsrc address");
    }
  }
  return route;
}

function weightOf(nh: NexthopSpec): number {
  const w = nh.weight ?? 1;
  if (!Number.isInteger(w) || w < 1 || w > 256) throw new NetlinkError(ERRNO.EINVAL, "Invalid nexthop weight");
  return w;
}

/** fib_check_nh_v4_gw, fib_check_nh_nongw. */
function addNexthop4(stack: IpStack, route: FibRoute, nh: NexthopSpec): void {
  if (nh.via === undefined) {
    if (nh.onlink === true) {
      throw new NetlinkError(ERRNO.EINVAL, "Invalid flags for nexthop - PERVASIVE and ONLINK can not be set");
    }
    if (nh.dev === undefined) throw new NetlinkError(ERRNO.ENODEV);
    if ((nh.dev.flags & IFF_UP) === 0) throw new NetlinkError(ERRNO.ENETDOWN, "Device for nexthop is not up");
    route.addNh(nh.dev, null, weightOf(nh), false, RT_SCOPE_HOST);
    return;
  }
  if (nh.via.family !== AF_INET)
    throw new NetlinkError(ERRNO.EOPNOTSUPP, "IPv6 gateways of IPv4 routes are not modelled");
  if (nh.onlink === true) {
    if (route.scope >= RT_SCOPE_LINK) throw new NetlinkError(ERRNO.EINVAL, "Nexthop has invalid scope");
    if (nh.dev === undefined) throw new NetlinkError(ERRNO.ENODEV, "Nexthop device required for onlink");
    if ((nh.dev.flags & IFF_UP) === 0) throw new NetlinkError(ERRNO.ENETDOWN, "Nexthop device is not up");
    if (stack.isLocal4(nh.via.a) || stack.isBroadcast4(nh.dev, nh.via.a) || nh.via.a >>> 28 === 0xe) {
      throw new NetlinkError(ERRNO.EINVAL, "Nexthop has invalid gateway");
    }
    route.addNh(nh.dev, nh.via, weightOf(nh), true, RT_SCOPE_LINK);
    return;
  }
  if (route.scope >= RT_SCOPE_LINK) throw new NetlinkError(ERRNO.EINVAL, "Nexthop has invalid scope");
  const res = stack.fibRes;
  const err = stack.fib4.lookup(nh.via.a, 0, 0, 0, nh.dev?.ifindex ?? 0, RT_SCOPE_LINK, res);
  if (err !== 0) {
    throw new NetlinkError(err === ERRNO.ESRCH ? ERRNO.ENETUNREACH : err, "Nexthop has invalid gateway");
  }
  if (res.route!.type !== RTN_UNICAST && res.route!.type !== RTN_LOCAL) {
    throw new NetlinkError(ERRNO.EINVAL, "Nexthop has invalid gateway");
  }
  const dev = res.nh!.dev;
  if ((dev.flags & IFF_UP) === 0) throw new NetlinkError(ERRNO.ENETDOWN);
  route.addNh(dev, nh.via, weightOf(nh), false, res.route!.scope);
}

function createRoute6(stack: IpStack, spec: RouteSpec): FibRoute {
  const type = spec.type ?? RTN_UNICAST;
  const nhs = spec.nexthops ?? [];
  const route = new FibRoute({
    prefix: spec.dst.addr,
    len: spec.dst.len,
    table: spec.table ?? (type === RTN_LOCAL || type === RTN_ANYCAST ? RT_TABLE_LOCAL : RT_TABLE_MAIN),
    type,
    scope: RT_SCOPE_UNIVERSE,
    protocol: spec.protocol ?? RTPROT_BOOT,
    metric: spec.metric === undefined || spec.metric === 0 ? IP6_RT_PRIO_USER : spec.metric,
    prefSrc: spec.prefSrc ?? null,
    mtu: spec.mtu ?? 0,
    mtuLocked: spec.mtuLocked ?? false,
  });
  if (isErrorType(type)) {
    // ip6_route_info_create: such a route hangs on the loopback device
    route.addNh(stack.localDst.dev, null, 1, false, RT_SCOPE_UNIVERSE);
    return route;
  }
  if (nhs.length === 0) throw new NetlinkError(ERRNO.ENODEV);
  for (const nh of nhs) addNexthop6(stack, route, nh);
  if (spec.prefSrc !== undefined && !hasAddr6(stack, spec.prefSrc)) {
    throw new NetlinkError(ERRNO.EINVAL, "Invalid source address");
  }
  return route;
}

function hasAddr6(stack: IpStack, addr: IpAddr): boolean {
  return stack.ipDevs().some((d) => d.addrs6.some((x) => x.addr.equals(addr)));
}

/** ip6_validate_gw, ip6_route_check_nh. */
function addNexthop6(stack: IpStack, route: FibRoute, nh: NexthopSpec): void {
  let dev = nh.dev;
  if (nh.via !== undefined) {
    const gw = nh.via;
    if (gw.family !== AF_INET6) throw new NetlinkError(ERRNO.EINVAL, "Invalid gateway address");
    if (hasAddr6(stack, gw) && (dev === undefined || !isLinkLocal6(gw.a) || ownsAddr6(stack, dev, gw))) {
      throw new NetlinkError(ERRNO.EINVAL, "Gateway can not be a local address");
    }
    if (!isLinkLocal6(gw.a)) {
      if (gw.a >>> 24 === 0xff || gw.isAny) throw new NetlinkError(ERRNO.EINVAL, "Invalid gateway address");
      if (nh.onlink === true) {
        if (dev === undefined) throw new NetlinkError(ERRNO.ENODEV, "Nexthop device required for onlink");
      } else {
        const res = stack.fibRes;
        const err = stack.fib6Main.lookup(gw.a, gw.b, gw.c, gw.d, dev?.ifindex ?? 0, 0, res);
        if (err !== 0 || res.nh!.gw !== null || res.route!.type !== RTN_UNICAST)
          throw new NetlinkError(ERRNO.EHOSTUNREACH);
        dev = res.nh!.dev;
      }
    }
    if (dev === undefined) throw new NetlinkError(ERRNO.EINVAL, "Egress device not specified");
    if ((dev.flags & IFF_LOOPBACK) !== 0) {
      throw new NetlinkError(ERRNO.EINVAL, "Egress device can not be loopback device for this route");
    }
  }
  if (dev === undefined) throw new NetlinkError(ERRNO.ENODEV);
  if (stack.ipDev(dev).conf.disableIpv6 !== 0) throw new NetlinkError(EACCES, "IPv6 is disabled on nexthop device");
  if ((dev.flags & IFF_UP) === 0) throw new NetlinkError(ERRNO.ENETDOWN, "Nexthop device is not up");
  route.addNh(dev, nh.via ?? null, weightOf(nh), nh.onlink === true, RT_SCOPE_UNIVERSE);
}

function ownsAddr6(stack: IpStack, dev: Netdev, addr: IpAddr): boolean {
  return stack.ipDev(dev).addrs6.some((x) => x.addr.equals(addr));
}

/** What an address brings with it, but for the device. */
export type ImpliedRoute = Pick<FibRouteInit, "prefix" | "len" | "table" | "type" | "scope" | "metric" | "prefSrc">;

/** A route that the kernel makes by itself for an address; already there is fine (fib_magic, addrconf_prefix_route). */
export function addKernelRoute(stack: IpStack, dev: Netdev, r: ImpliedRoute): void {
  const nhScope = r.scope === RT_SCOPE_HOST ? RT_SCOPE_NOWHERE : RT_SCOPE_HOST;
  const route = new FibRoute({ ...r, protocol: RTPROT_KERNEL, mtu: 0 });
  route.addNh(dev, null, 1, false, nhScope);
  const fib = stack.tableMake(route.family, route.table);
  const there = fib
    .routesOf(route.prefix, route.len)
    .some((o) => o.table === r.table && o.metric === r.metric && sameRoute(o, route));
  if (!there) fib.insert(route);
  stack.routeGeneration++;
}

/**
 * Routes after a device went down or away: next hops on it die, routes without a live one are removed (fib_sync_down_dev, fib_flush;
 * rt6_disable_ip).
 * @param gone the device is removed: local routes go as well
 */
export function syncDown(stack: IpStack, dev: Netdev, gone: boolean): void {
  for (const family of [AF_INET, AF_INET6] as const) {
    for (const fib of stack.tables(family)) {
      for (const r of fib.list()) {
        if (!r.nhs.some((n) => n.dev === dev)) continue;
        for (const n of r.nhs) {
          if (n.dev === dev && (gone || family === AF_INET6 || n.scope !== RT_SCOPE_NOWHERE)) n.dead = true;
        }
        if (r.isDead || (gone && family === AF_INET)) removeRoute(stack, r);
        else fib.changed(r);
      }
    }
  }
  stack.routeGeneration++;
}

/** fib_sync_up: next hops of multipath routes come back with their device. */
export function syncUp(stack: IpStack, dev: Netdev): void {
  for (const family of [AF_INET, AF_INET6] as const) {
    for (const fib of stack.tables(family)) {
      for (const r of fib.list()) {
        if (!r.nhs.some((n) => n.dev === dev)) continue;
        for (const n of r.nhs) if (n.dev === dev) n.dead = false;
        fib.changed(r);
      }
    }
  }
  syncCarrier(stack, dev);
  stack.routeGeneration++;
}

/** RTNH_F_LINKDOWN follows the carrier; routes stay in use (ignore_routes_with_linkdown is 0). */
export function syncCarrier(stack: IpStack, dev: Netdev): void {
  for (const family of [AF_INET, AF_INET6] as const) {
    for (const r of stack.allRoutes(family)) {
      for (const n of r.nhs) if (n.dev === dev) n.linkdown = !dev.carrier;
    }
  }
}
