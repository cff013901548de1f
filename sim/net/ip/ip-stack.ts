/** The IP layer of one host: everything its modules share. Made by registerIp (index.ts). */
import type { Arena } from "../../engine/arena.ts";
import type { EventKind } from "../../engine/engine.ts";
import { BugError } from "../../engine/errors.ts";
import type { RandomStream } from "../../engine/streams.ts";
import type { Host } from "../host.ts";
import type { Kernel } from "../kernel.ts";
import { IFF_LOOPBACK, type Netdev } from "../netdev.ts";
import type { Skb } from "../skb.ts";
import type { CongestionOps } from "../tcp/cong/ca.ts";
import { DEFAULT_CONGESTION } from "../tcp/cong/index.ts";
import { AF_INET, AF_INET6, type Family } from "./address.ts";
import { DST_ERROR, DST_LOCAL, Dst } from "./dst.ts";
import { Fib, FibResult, type FibRoute } from "./fib/fib.ts";
import { RT_TABLE_LOCAL, RT_TABLE_MAIN, RTN_BROADCAST } from "./fib/rtm.ts";
import { type FragQueue, FragTable } from "./frag-table.ts";
import { IpDev } from "./ip-dev.ts";
import { NeighTable } from "./neigh/neigh-table.ts";
import type { Neighbour } from "./neigh/neighbour.ts";
import { PmtuCache } from "./pmtu.ts";
import { PeerLimit } from "./rate-limit.ts";
import { Snmp } from "./snmp.ts";
import {
  defaultConf,
  defaultNeighConf,
  defaultSysctls,
  type IpConf,
  type IpSysctls,
  type NeighConf,
} from "./sysctl.ts";

/**
 * Receives a transport packet for this host: skb.data at the transport header, skb.networkHeader at the IP header. Takes the skb.
 */
export type ProtocolHandler = (stack: IpStack, skb: Skb, dev: Netdev) => void;

/** Learns of an ICMP error about a packet this host sent. `inner` is the address of the quoted IP header. Does not take the skb. */
export type ProtocolErrHandler = (
  stack: IpStack,
  skb: Skb,
  inner: number,
  type: number,
  code: number,
  info: number,
) => void;

/** Sees every local packet of a protocol before its handler (raw sockets). @returns true when a socket took a copy */
export type RawHandler = (stack: IpStack, skb: Skb, family: Family, proto: number) => boolean;

/** Calls between modules that would import each other in a circle; bound by index.ts. */
export interface IpCalls {
  /** icmp_send; neither takes nor changes the skb. skb.networkHeader is at the IP header. */
  icmpSend(stack: IpStack, skb: Skb, type: number, code: number, info: number): void;
  /** icmpv6_send. */
  icmp6Send(stack: IpStack, skb: Skb, type: number, code: number, info: number): void;
  arpSolicit(n: Neighbour, skb: Skb | null): void;
  ndiscSolicit(n: Neighbour, skb: Skb | null): void;
  /** ipv4_link_failure, ip6_link_failure: a packet's neighbour could not be resolved. */
  linkFailure4(skb: Skb): void;
  linkFailure6(skb: Skb): void;
}

/** Event kinds, one set per simulation. */
export interface IpEvents {
  readonly neigh: EventKind<Neighbour>;
  readonly frag: EventKind<FragQueue>;
}

const STACK = "ip";

/** The IP layer of one host. */
export class IpStack {
  readonly host: Host;
  readonly kernel: Kernel;
  readonly arena: Arena;
  readonly random: RandomStream;
  readonly events: IpEvents;
  readonly calls: IpCalls;
  readonly snmp: Snmp = new Snmp();
  readonly sysctl: IpSysctls = defaultSysctls();
  /** net.ipv4.tcp_congestion_control: the module of new sockets. */
  congestion: CongestionOps = DEFAULT_CONGESTION;
  readonly confAll: IpConf = defaultConf();
  readonly confDefault: IpConf = defaultConf();
  readonly neighDefault4: NeighConf = defaultNeighConf(4);
  readonly neighDefault6: NeighConf = defaultNeighConf(6);
  readonly neighbours: NeighTable = new NeighTable();
  /** IPv4: local and main. */
  readonly fib4: Fib = new Fib(AF_INET);
  readonly fib6Local: Fib = new Fib(AF_INET6);
  readonly fib6Main: Fib = new Fib(AF_INET6);
  /** Tables other than these, by number. */
  readonly otherTables4: Map<number, Fib> = new Map();
  readonly otherTables6: Map<number, Fib> = new Map();
  /** Scratch result of lookups. */
  readonly fibRes: FibResult = new FibResult();
  private readonly typeRes: FibResult = new FibResult();
  /** Transport protocols by number, with holes. TCP's connections register here. */
  readonly protocols4: (ProtocolHandler | undefined)[] = [];
  readonly protocols6: (ProtocolHandler | undefined)[] = [];
  readonly errHandlers4: (ProtocolErrHandler | undefined)[] = [];
  readonly errHandlers6: (ProtocolErrHandler | undefined)[] = [];
  /** Datagrams that wait for their other fragments. */
  readonly frags4: FragTable = new FragTable();
  readonly frags6: FragTable = new FragTable();
  /** Set while raw sockets exist. */
  raw: RawHandler | null = null;
  /** What is known of hosts we send errors to, by address (inet_peer). */
  readonly peers4: PeerLimit<number> = new PeerLimit();
  readonly peers6: PeerLimit<string> = new PeerLimit();
  /** Learned path MTUs by destination: IPv4 as a number, IPv6 as text. */
  readonly pmtu4: PmtuCache<number> = new PmtuCache();
  readonly pmtu6: PmtuCache<string> = new PmtuCache();
  /** Goes up with every change of routes or addresses: caches compare it. */
  routeGeneration: number = 1;
  /** Number of IPv4 routes of type local that no address made (fib_has_custom_local_routes). */
  customLocalRoutes: number = 0;
  /** Why the last input route lookup refused a packet: SKB_DROP_REASON_*. */
  dropReason: number = 0;
  /** Local IPv4 addresses as signed words: how many devices hold each. */
  private readonly local4: Map<number, number> = new Map();
  /** Counter of IP identification, see ipv4/ident.ts. */
  ident: number = 0;
  /** Seed of the multipath hash. */
  readonly hashSeed: number;
  private readonly devs: (IpDev | undefined)[] = [];
  private boundLocal: Dst | null = null;
  private readonly errorDsts: Map<number, Dst> = new Map();

  constructor(host: Host, events: IpEvents, calls: IpCalls) {
    this.host = host;
    this.kernel = host.kernel;
    this.arena = host.kernel.arena;
    this.events = events;
    this.calls = calls;
    this.random = host.kernel.streams.stream(`host ${host.name} ip`);
    this.hashSeed = this.random.u32() | 0;
    this.ident = this.random.u32() & 0xffff;
  }

  /** The IP layer's part of a device, made at first use. */
  ipDev(dev: Netdev): IpDev {
    const d = this.devs[dev.ifindex];
    if (d !== undefined && d.dev === dev) return d;
    const made = new IpDev(dev, this.confDefault, this.neighDefault4, this.neighDefault6);
    this.devs[dev.ifindex] = made;
    this.refreshConf(made);
    return made;
  }

  /** Forgets a device. */
  dropDev(dev: Netdev): void {
    if (this.devs[dev.ifindex]?.dev === dev) this.devs[dev.ifindex] = undefined;
  }

  /** By ifindex. */
  ipDevs(): readonly IpDev[] {
    return this.devs.filter((d): d is IpDev => d !== undefined);
  }

  /** Recomputes what the packet path reads (IN_DEV_ANDCONF, IN_DEV_ORCONF, IN_DEV_MAXCONF). */
  refreshConf(d: IpDev): void {
    d.forwarding4 = d.conf.forwarding !== 0;
    d.forwarding6 = d.conf.forwarding6 !== 0;
    d.rpFilter = Math.max(d.conf.rpFilter, this.confAll.rpFilter);
    d.acceptLocal = d.conf.acceptLocal !== 0 || this.confAll.acceptLocal !== 0;
    d.routeLocalnet = d.conf.routeLocalnet !== 0 || this.confAll.routeLocalnet !== 0;
  }

  /** Destination of packets for this host; its device is the loopback. */
  get localDst(): Dst {
    if (this.boundLocal === null) {
      const lo = this.host.devices.find((d) => d !== undefined && (d.flags & IFF_LOOPBACK) !== 0);
      if (lo === undefined) throw new BugError("NO_LOOPBACK", `host ${this.host.name} has no loopback device`);
      this.boundLocal = new Dst(lo, DST_LOCAL, null, 0, 0, 128);
    }
    return this.boundLocal;
  }

  /** Destination of packets that a route or the lack of one refuses. @param errno positive */
  errorDst(errno: number): Dst {
    const found = this.errorDsts.get(errno);
    if (found !== undefined) return found;
    const made = new Dst(this.localDst.dev, DST_ERROR, null, errno);
    this.errorDsts.set(errno, made);
    return made;
  }

  /** Whether an IPv4 address is one of this host's (inet_lookup_ifaddr). */
  isLocal4(a: number): boolean {
    return this.local4.has(a | 0);
  }

  /** Counts a device that has the address. */
  holdLocal4(a: number): void {
    this.local4.set(a | 0, (this.local4.get(a | 0) ?? 0) + 1);
  }

  /** Takes one back. @returns true when no device has the address any more */
  dropLocal4(a: number): boolean {
    const n = (this.local4.get(a | 0) ?? 1) - 1;
    if (n > 0) this.local4.set(a | 0, n);
    else this.local4.delete(a | 0);
    return n <= 0;
  }

  /** Whether an IPv4 address is a broadcast address on a device, null for any device (inet_addr_type RTN_BROADCAST). */
  isBroadcast4(dev: Netdev | null, a: number): boolean {
    if (a === 0xffffffff) return true;
    const res = this.typeRes;
    const oif = dev === null ? 0 : dev.ifindex;
    return this.fib4.lookup(a, 0, 0, 0, oif, 0, res) === 0 && res.route!.type === RTN_BROADCAST;
  }

  /** The table of a number, or undefined when it has no routes. */
  table(family: Family, id: number): Fib | undefined {
    if (family === AF_INET)
      return id === RT_TABLE_MAIN || id === RT_TABLE_LOCAL ? this.fib4 : this.otherTables4.get(id);
    if (id === RT_TABLE_MAIN) return this.fib6Main;
    return id === RT_TABLE_LOCAL ? this.fib6Local : this.otherTables6.get(id);
  }

  /** The same, made when there is none. */
  tableMake(family: Family, id: number): Fib {
    const found = this.table(family, id);
    if (found !== undefined) return found;
    const made = new Fib(family);
    (family === AF_INET ? this.otherTables4 : this.otherTables6).set(id, made);
    return made;
  }

  /** Every table with its number, main first, then local, then the others in order: the order of `ip route show table all`. */
  tables(family: Family): readonly Fib[] {
    const other = family === AF_INET ? this.otherTables4 : this.otherTables6;
    const rest = [...other].sort((x, y) => x[0] - y[0]).map((x) => x[1]);
    return family === AF_INET ? [this.fib4, ...rest] : [this.fib6Main, this.fib6Local, ...rest];
  }

  /** Routes of all tables of a family. */
  allRoutes(family: Family): FibRoute[] {
    return this.tables(family).flatMap((t) => t.list());
  }
}

/** The IP layer of a host. @throws BugError when the host has none */
export function ipStack(host: Host): IpStack {
  const s = host.proto.get(STACK);
  if (!(s instanceof IpStack)) throw new BugError("NO_IP", `host ${host.name} has no IP layer`);
  return s;
}

/** Whether a host has its IP layer. */
export function hasIpStack(host: Host): boolean {
  return host.proto.has(STACK);
}

/** Gives a host its IP layer. */
export function setIpStack(host: Host, stack: IpStack): void {
  host.proto.set(STACK, stack);
}
