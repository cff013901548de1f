/**
 * What BPF helpers ask of the IP layer: the implementation of net/fib-api.ts.
 *
 * @source net/core/filter.c bpf_ipv4_fib_lookup, bpf_ipv6_fib_lookup, bpf_out_neigh_v4, bpf_out_neigh_v6
 */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import {
  FIB_BLACKHOLE,
  FIB_NO_ROUTE,
  FIB_OTHER,
  FIB_PROHIBIT,
  FIB_UNICAST,
  FIB_UNREACHABLE,
  FibAnswer,
  type FibApi,
  FibQuery,
} from "../fib-api.ts";
import type { Host } from "../host.ts";
import type { Netdev } from "../netdev.ts";
import { ERRNO } from "../netlink-error.ts";
import type { Skb } from "../skb.ts";
import { AF_INET, AF_INET6, IpAddr } from "./address.ts";
import { EACCES, type Fib, type FibNh, type FibRoute } from "./fib/fib.ts";
import { RTN_UNICAST } from "./fib/rtm.ts";
import { type IpStack, ipStack } from "./ip-stack.ts";
import { Flow4, preferredSource, routeOutput4 } from "./ipv4/route.ts";
import { Flow6, readAddr6, routeOutput6 } from "./ipv6/route.ts";
import { selectSource6 } from "./ipv6/source.ts";
import { multipathHash4, multipathHash6, selectPath } from "./multipath.ts";
import { neighGet, neighOutput } from "./neigh/neigh.ts";
import type { Neighbour } from "./neigh/neighbour.ts";
import { NUD_VALID } from "./neigh/nud.ts";

const IP_MAX_MTU = 0xffff;
const IPV6_MIN_MTU = 1280;

function word(b: Uint8Array, i: number): number {
  return ((b[i]! << 24) | (b[i + 1]! << 16) | (b[i + 2]! << 8) | b[i + 3]!) >>> 0;
}

function putWord(b: Uint8Array, i: number, w: number): void {
  b[i] = w >>> 24;
  b[i + 1] = w >>> 16;
  b[i + 2] = w >>> 8;
  b[i + 3] = w;
}

function putAddr(b: Uint8Array, x: IpAddr): void {
  putWord(b, 0, x.a);
  if (x.family === AF_INET) return;
  putWord(b, 4, x.b);
  putWord(b, 8, x.c);
  putWord(b, 12, x.d);
}

function addr6(b: Uint8Array): IpAddr {
  return new IpAddr(AF_INET6, word(b, 0), word(b, 4), word(b, 8), word(b, 12));
}

class IpFib implements FibApi {
  readonly query: FibQuery = new FibQuery();
  readonly answer: FibAnswer = new FibAnswer();
  private readonly flow4: Flow4 = new Flow4();
  private readonly flow6: Flow6 = new Flow6();

  lookup(host: Host): number {
    const stack = ipStack(host);
    const v4 = this.query.family === AF_INET;
    const err = v4 ? this.search4(stack) : this.search6(stack);
    if (err !== 0) return verdict(err);
    const route = stack.fibRes.route!;
    if (route.type !== RTN_UNICAST) return FIB_OTHER;
    const nh = route.nhs.length > 1 && this.query.oif === 0 ? this.choose(stack, route, v4) : stack.fibRes.nh!;
    this.fill(stack, route, nh, v4);
    return FIB_UNICAST;
  }

  private search4(stack: IpStack): number {
    const q = this.query;
    const fib = q.table === 0 ? stack.fib4 : stack.table(AF_INET, q.table);
    return fib === undefined ? ERRNO.ESRCH : fib.lookup(word(q.dst, 0), 0, 0, 0, q.oif, 0, stack.fibRes);
  }

  private search6(stack: IpStack): number {
    const { table } = this.query;
    if (table !== 0) return this.searchTable6(stack, stack.table(AF_INET6, table));
    const err = this.searchTable6(stack, stack.fib6Local);
    return err === ERRNO.ESRCH ? this.searchTable6(stack, stack.fib6Main) : err;
  }

  /** The longest prefix; among its routes one by the wanted device is preferred, not required (rt6_score_route). */
  private searchTable6(stack: IpStack, fib: Fib | undefined): number {
    if (fib === undefined) return ERRNO.ESRCH;
    const q = this.query;
    const res = stack.fibRes;
    const find = (oif: number): number =>
      fib.lookup(word(q.dst, 0), word(q.dst, 4), word(q.dst, 8), word(q.dst, 12), oif, 0, res);
    const err = find(0);
    if (err !== 0 || q.oif === 0 || res.nh?.dev.ifindex === q.oif) return err;
    const { route, nh } = res;
    if (find(q.oif) === 0 && res.route!.len === route!.len) return 0;
    res.route = route;
    res.nh = nh;
    return 0;
  }

  private choose(stack: IpStack, route: FibRoute, v4: boolean): FibNh {
    const q = this.query;
    const ports = (q.sport << 16) | q.dport;
    if (v4) {
      const hash = multipathHash4(stack, word(q.src, 0), word(q.dst, 0), q.proto, ports);
      return selectPath(stack, route, hash, 0);
    }
    return selectPath(stack, route, multipathHash6(stack, addr6(q.src), addr6(q.dst), 0, q.proto, ports), 0);
  }

  private fill(stack: IpStack, route: FibRoute, nh: FibNh, v4: boolean): void {
    const a = this.answer;
    a.dev = nh.dev;
    a.gwFamily = nh.gw === null ? 0 : nh.gw.family;
    if (nh.gw !== null) putAddr(a.gw, nh.gw);
    a.metric = route.metric;
    a.mtu = v4 ? this.mtu4(stack, route, nh) : this.mtu6(stack, route, nh);
    if (v4) {
      const src = preferredSource(stack, route, nh);
      a.srcKnown = src !== 0;
      putWord(a.src, 0, src);
      return;
    }
    const src = route.prefSrc ?? selectSource6(stack, nh.dev, addr6(this.query.dst));
    a.srcKnown = src !== null;
    if (src !== null) putAddr(a.src, src);
  }

  /** ip_mtu_from_fib_result: a route's MTU counts when it is locked, else what was learned, else the device's. */
  private mtu4(stack: IpStack, route: FibRoute, nh: FibNh): number {
    if (route.mtuLocked && route.mtu !== 0) return route.mtu;
    const learned = stack.pmtu4.get(word(this.query.dst, 0), stack.kernel.engine.nowNs);
    if (learned !== 0) return learned;
    return Math.min(nh.dev.mtu, IP_MAX_MTU);
  }

  /** ip6_mtu_from_fib6. */
  private mtu6(stack: IpStack, route: FibRoute, nh: FibNh): number {
    if (route.mtuLocked && route.mtu !== 0) return route.mtu;
    const now = stack.kernel.engine.nowNs;
    const learned = stack.pmtu6.isEmpty ? 0 : stack.pmtu6.get(addr6(this.query.dst).toString(), now);
    if (learned !== 0) return learned;
    return Math.max(nh.dev.mtu, IPV6_MIN_MTU);
  }

  forwarding(dev: Netdev, family: number): boolean {
    const d = ipStack(dev.host).ipDev(dev);
    return family === AF_INET ? d.forwarding4 : d.forwarding6;
  }

  neighMac(dev: Netdev, family: number, addr: Uint8Array, mac: Uint8Array): boolean {
    const t = ipStack(dev.host).neighbours;
    const n: Neighbour | null =
      family === AF_INET
        ? t.find4(dev, word(addr, 0))
        : t.find(dev, AF_INET6, word(addr, 0), word(addr, 4), word(addr, 8), word(addr, 12));
    if (n === null || (n.state & NUD_VALID) === 0) return false;
    mac.set(n.mac);
    return true;
  }

  neighOutput(dev: Netdev, family: number, addr: Uint8Array, skb: Skb): number {
    const stack = ipStack(dev.host);
    const n =
      family === AF_INET
        ? neighGet(stack, dev, AF_INET, word(addr, 0), 0, 0, 0)
        : neighGet(stack, dev, AF_INET6, word(addr, 0), word(addr, 4), word(addr, 8), word(addr, 12));
    if (n === null) {
      stack.kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.NEIGH_CREATEFAIL);
      return -ERRNO.ENOMEM;
    }
    skb.networkHeader = skb.data;
    return neighOutput(stack, n, skb);
  }

  outputNextHop(dev: Netdev, skb: Skb): number {
    const stack = ipStack(dev.host);
    const dv = stack.arena.dv;
    const ip = skb.data;
    const version = skb.len > 0 ? dv.getUint8(ip) >> 4 : 0;
    if (version === 4 && skb.len >= 20) {
      const fl = this.flow4.set(dv.getUint32(ip + 16), dv.getUint32(ip + 12), dev.ifindex, dv.getUint8(ip + 9), 0);
      fl.anySrc = true;
      const dst = routeOutput4(stack, fl);
      if (dst === null || dst.dev !== dev) return 0;
      skb.dst = dst;
      if (dst.gw !== null) putAddr(this.answer.gw, dst.gw);
      else putWord(this.answer.gw, 0, fl.daddr);
      return AF_INET;
    }
    if (version !== 6 || skb.len < 40) return 0;
    const fl = this.flow6.set(readAddr6(stack, ip + 24), null, dev.ifindex, dv.getUint8(ip + 6), 0);
    const dst = routeOutput6(stack, fl);
    if (dst === null || dst.dev !== dev) return 0;
    skb.dst = dst;
    putAddr(this.answer.gw, dst.gw ?? fl.daddr);
    return AF_INET6;
  }
}

function verdict(err: number): number {
  if (err === ERRNO.EINVAL) return FIB_BLACKHOLE;
  if (err === ERRNO.EHOSTUNREACH) return FIB_UNREACHABLE;
  return err === EACCES ? FIB_PROHIBIT : FIB_NO_ROUTE;
}

/** Makes the lookup service of one simulation; registerIp binds it to the environment. */
export function createFibApi(): FibApi {
  return new IpFib();
}
