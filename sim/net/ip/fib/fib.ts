/**
 * Routes and the tables that hold them.
 *
 * IPv4's tables local and main share one trie, as in a Linux without policy rules: the longest prefix wins over both, local goes first at
 * the same length. IPv6 looks into local, then main. Other tables are kept and searched only when asked for by number.
 *
 * @source net/ipv4/fib_semantics.c, fib_trie.c; net/ipv6/ip6_fib.c
 */
import type { Netdev } from "../../netdev.ts";
import { ERRNO } from "../../netlink-error.ts";
import { addressBits, compareAddr, type Family, type IpAddr, inPrefix, maskAddr } from "../address.ts";
import { DST_BROADCAST, DST_MULTICAST, DST_UNICAST, Dst } from "../dst.ts";
import {
  RT_SCOPE_NOWHERE,
  RTN_BLACKHOLE,
  RTN_BROADCAST,
  RTN_MULTICAST,
  RTN_PROHIBIT,
  RTN_THROW,
  RTN_UNREACHABLE,
} from "./rtm.ts";
import { PrefixTrie } from "./trie.ts";

/** EACCES, which only routes of type prohibit answer. */
export const EACCES = 13;

/** One next hop of a route. */
export class FibNh {
  readonly dev: Netdev;
  readonly gw: IpAddr | null;
  /** 1 to 256. */
  readonly weight: number;
  readonly onlink: boolean;
  /** RT_SCOPE_*: how far away the next hop is. */
  readonly scope: number;
  /** RTNH_F_DEAD: the device is down. */
  dead: boolean = false;
  /** RTNH_F_LINKDOWN: the device has no carrier. */
  linkdown: boolean = false;
  /** Hashes (31 bits) up to here take this next hop; -1 for none (fib_rebalance). */
  upperBound: number = -1;
  readonly dst: Dst;
  constructor(dev: Netdev, gw: IpAddr | null, weight: number, onlink: boolean, scope: number, dst: Dst) {
    this.dev = dev;
    this.gw = gw;
    this.weight = weight;
    this.onlink = onlink;
    this.scope = scope;
    this.dst = dst;
  }
}

/** What a route is made from; all validated. */
export interface FibRouteInit {
  readonly prefix: IpAddr;
  readonly len: number;
  readonly table: number;
  readonly type: number;
  readonly scope: number;
  readonly protocol: number;
  readonly metric: number;
  readonly prefSrc: IpAddr | null;
  readonly mtu: number;
  /** `mtu lock`: path MTU discovery leaves it alone. */
  readonly mtuLocked?: boolean;
}

/** One route (fib_alias with its fib_info; fib6_info with its siblings). */
export class FibRoute implements FibRouteInit {
  readonly family: Family;
  readonly prefix: IpAddr;
  readonly len: number;
  readonly table: number;
  /** RTN_*. */
  readonly type: number;
  readonly scope: number;
  readonly protocol: number;
  readonly metric: number;
  readonly prefSrc: IpAddr | null;
  /** RTAX_MTU, 0 when unset. */
  readonly mtu: number;
  /** RTAX_LOCK has RTAX_MTU. */
  readonly mtuLocked: boolean;
  nhs: readonly FibNh[] = [];
  /** errno of the types that refuse, 0 for the others. */
  readonly error: number;

  constructor(r: FibRouteInit) {
    this.family = r.prefix.family;
    this.prefix = maskAddr(r.prefix, r.len);
    this.len = r.len;
    this.table = r.table;
    this.type = r.type;
    this.scope = r.scope;
    this.protocol = r.protocol;
    this.metric = r.metric;
    this.prefSrc = r.prefSrc;
    this.mtu = r.mtu;
    this.mtuLocked = r.mtuLocked ?? false;
    this.error = routeError(r.type);
  }

  /** Adds a next hop. */
  addNh(dev: Netdev, gw: IpAddr | null, weight: number, onlink: boolean, scope: number): void {
    const kind =
      this.type === RTN_BROADCAST ? DST_BROADCAST : this.type === RTN_MULTICAST ? DST_MULTICAST : DST_UNICAST;
    const nh = new FibNh(dev, gw, weight, onlink, scope, new Dst(dev, kind, gw, 0, this.mtu, this.len, this.mtuLocked));
    nh.linkdown = !dev.carrier;
    // spread, not push: an array that grew by push keeps room for sixteen more, and there are many routes
    this.nhs = [...this.nhs, nh];
  }

  /** fib_rebalance: spreads the 31-bit hash space over the live next hops by weight. */
  rebalance(): void {
    let total = 0;
    for (const nh of this.nhs) if (!nh.dead) total += nh.weight;
    let w = 0;
    for (const nh of this.nhs) {
      if (nh.dead) {
        nh.upperBound = -1;
        continue;
      }
      w += nh.weight;
      nh.upperBound = Math.round((w * 2147483648) / total) - 1;
    }
  }

  get isDead(): boolean {
    return this.nhs.length > 0 && this.nhs.every((nh) => nh.dead);
  }
}

function routeError(type: number): number {
  switch (type) {
    case RTN_BLACKHOLE:
      return ERRNO.EINVAL;
    case RTN_UNREACHABLE:
      return ERRNO.EHOSTUNREACH;
    case RTN_PROHIBIT:
      return EACCES;
    case RTN_THROW:
      return ERRNO.EAGAIN;
    default:
      return 0;
  }
}

/** All routes of one prefix, in the order in which they are tried. */
class FibLeaf {
  readonly prefix: IpAddr;
  readonly len: number;
  routes: FibRoute[] = [];
  /** The one live unicast next hop, when that is all there is: the packet path's short cut. */
  fast: FibRoute | null = null;
  constructor(prefix: IpAddr, len: number) {
    this.prefix = prefix;
    this.len = len;
  }
}

/** A lookup's answer. One object serves all lookups of a stack. */
export class FibResult {
  route: FibRoute | null = null;
  nh: FibNh | null = null;
}

/** One table, or IPv4's local and main together. */
export class Fib {
  readonly family: Family;
  private readonly trie: PrefixTrie = new PrefixTrie();
  private readonly leaves: (FibLeaf | null)[] = [null];
  private readonly freeLeaves: number[] = [];

  constructor(family: Family) {
    this.family = family;
  }

  /**
   * fib_table_lookup, fib6_table_lookup: the best route for an address.
   * @param oif 0, or the only output device allowed
   * @param scope routes of a narrower scope only (RT_SCOPE_*), 0 for all
   * @returns 0 with `res` filled, or an errno: ESRCH when nothing matched, else the route's own
   */
  lookup(a: number, b: number, c: number, d: number, oif: number, scope: number, res: FibResult): number {
    let i = this.family === 2 ? this.trie.lookup4(a) : this.trie.lookup6(a, b, c, d);
    if (i === 0) return ERRNO.ESRCH;
    let leaf = this.leaves[i]!;
    const fast = leaf.fast;
    if (fast !== null && oif === 0 && scope === 0) {
      res.route = fast;
      res.nh = fast.nhs[0]!;
      return 0;
    }
    for (;;) {
      for (let k = 0; k < leaf.routes.length; k++) {
        const r = leaf.routes[k]!;
        if (r.scope < scope) continue;
        if (r.error !== 0) {
          res.route = r;
          return r.error === ERRNO.EAGAIN ? ERRNO.ESRCH : r.error;
        }
        for (let j = 0; j < r.nhs.length; j++) {
          const nh = r.nhs[j]!;
          if (nh.dead || (oif !== 0 && nh.dev.ifindex !== oif)) continue;
          res.route = r;
          res.nh = nh;
          return 0;
        }
      }
      i = this.trie.covering(leaf.prefix, leaf.len);
      if (i === 0) return ERRNO.ESRCH;
      leaf = this.leaves[i]!;
    }
  }

  /** Routes of exactly one prefix, in their order. */
  routesOf(prefix: IpAddr, len: number): readonly FibRoute[] {
    const i = this.trie.find(prefix, len);
    return i === 0 ? [] : this.leaves[i]!.routes;
  }

  /** Adds a route behind those that come before it: local before main, smaller metric first. @param first before its equals */
  insert(r: FibRoute, first: boolean = false): void {
    let i = this.trie.find(r.prefix, r.len);
    if (i === 0) {
      i = this.freeLeaves.pop() ?? this.leaves.length;
      this.leaves[i] = new FibLeaf(r.prefix, r.len);
      this.trie.insert(r.prefix, r.len, i);
    }
    const leaf = this.leaves[i]!;
    let at = 0;
    for (; at < leaf.routes.length; at++) {
      const o = leaf.routes[at]!;
      if (o.table !== r.table ? o.table < r.table : first ? o.metric >= r.metric : o.metric > r.metric) break;
    }
    leaf.routes = leaf.routes.toSpliced(at, 0, r);
    r.rebalance();
    refresh(leaf);
  }

  /** Takes a route out. */
  remove(r: FibRoute): void {
    const i = this.trie.find(r.prefix, r.len);
    if (i === 0) return;
    const leaf = this.leaves[i]!;
    leaf.routes = leaf.routes.filter((x) => x !== r);
    if (leaf.routes.length > 0) {
      refresh(leaf);
      return;
    }
    this.trie.remove(r.prefix, r.len);
    this.leaves[i] = null;
    this.freeLeaves.push(i);
  }

  /** After next hops of a route died or came back. */
  changed(r: FibRoute): void {
    r.rebalance();
    const i = this.trie.find(r.prefix, r.len);
    if (i !== 0) refresh(this.leaves[i]!);
  }

  /** All routes in the order in which Linux lists them. */
  list(): FibRoute[] {
    const leaves = this.leaves.filter((l): l is FibLeaf => l !== null);
    leaves.sort(this.family === 2 ? trieOrder4 : treeOrder6);
    return leaves.flatMap((l) => l.routes);
  }
}

function refresh(leaf: FibLeaf): void {
  const r = leaf.routes[0]!;
  const simple = r.nhs.length === 1 && !r.nhs[0]!.dead && r.error === 0 && r.scope !== RT_SCOPE_NOWHERE;
  leaf.fast = simple ? r : null;
}

/** fib_trie's dump: by address, at the same address the longer prefix first. */
function trieOrder4(x: FibLeaf, y: FibLeaf): number {
  return compareAddr(x.prefix, y.prefix) || y.len - x.len;
}

/** fib6_walk: a prefix comes after all longer ones that it covers. */
function treeOrder6(x: FibLeaf, y: FibLeaf): number {
  if (inPrefix(y.prefix, x.prefix, Math.min(x.len, y.len))) return y.len - x.len;
  return compareAddr(x.prefix, y.prefix);
}

/** Whether a route goes to a single address. */
export function isHostRoute(r: FibRoute): boolean {
  return r.len === addressBits(r.family);
}
