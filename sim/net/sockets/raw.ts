/**
 * Raw IP sockets: every packet of one protocol, before the protocol itself; what `ping` and `traceroute` use.
 *
 * IPv4 hands over the packet with its IP header, IPv6 from the transport header on.
 *
 * @source net/ipv4/raw.c raw_v4_input, raw_sendmsg; net/ipv6/raw.c
 * @differs ICMP_FILTER, IP_HDRINCL and IPv6 checksum offsets other than ICMPv6's are not there; SOCK_DGRAM ping sockets are not there
 */
import { COST_NS } from "../cost.ts";
import { SKB_DROP_REASON } from "../drop-reason.ts";
import { AF_INET, ANY4, ANY6, type Family, type IpAddr, isLinkLocal6 } from "../ip/address.ts";
import { DST_BROADCAST } from "../ip/dst.ts";
import type { IpStack } from "../ip/ip-stack.ts";
import { IP_DF, IPPROTO_ICMP, IPPROTO_ICMPV6 } from "../ip/ipv4/header.ts";
import { countOut } from "../ip/ipv4/icmp.ts";
import { ipXmit, nextIdent, pathMtu4 } from "../ip/ipv4/output.ts";
import { Flow4, routeOutput4 } from "../ip/ipv4/route.ts";
import { countOut6, icmp6Checksum } from "../ip/ipv6/icmp6.ts";
import { ip6Xmit, makeFlowLabel } from "../ip/ipv6/output.ts";
import { Flow6, routeOutput6 } from "../ip/ipv6/route.ts";
import { ERRNO } from "../netlink-error.ts";
import type { Skb } from "../skb.ts";
import { SOCK_RAW } from "./bpf-sock.ts";
import { type PacketCallback, Socket } from "./socket.ts";

const EACCES = 13;
const flow4: Flow4 = new Flow4();
const flow6: Flow6 = new Flow6();

/** The raw sockets of a host. */
export class RawTable {
  sockets: readonly RawSocket[] = [];
  private readonly stack: IpStack;

  constructor(stack: IpStack) {
    this.stack = stack;
  }

  add(s: RawSocket): void {
    this.sockets = [...this.sockets, s];
    this.stack.raw = (_stack, skb, family, proto) => this.deliver(skb, family, proto);
  }

  remove(s: RawSocket): void {
    this.sockets = this.sockets.filter((x) => x !== s);
    if (this.sockets.length === 0) this.stack.raw = null;
  }

  /** A copy to every socket of the protocol. */
  private deliver(skb: Skb, family: Family, proto: number): boolean {
    let taken = false;
    const list = this.sockets;
    for (let i = 0; i < list.length; i++) {
      const s = list[i]!;
      if (s.family !== family || s.proto !== proto || !s.wants(skb)) continue;
      s.offer(skb);
      taken = true;
    }
    return taken;
  }
}

/** A raw IP socket. */
export class RawSocket extends Socket {
  readonly proto: number;
  readonly skType: number = SOCK_RAW;
  declare localAddr: IpAddr;
  /** -1 for the host's default. */
  ttl: number = -1;
  tos: number = 0;
  /** IP_MTU_DISCOVER is on, as for every new socket. */
  pmtuDiscover: boolean = true;
  broadcast: boolean = false;
  onPacket: PacketCallback<RawSocket> | null = null;
  private readonly table: RawTable;

  constructor(stack: IpStack, family: Family, proto: number, table: RawTable) {
    super(stack, family);
    this.proto = proto;
    this.table = table;
    this.localAddr = family === AF_INET ? ANY4 : ANY6;
    table.add(this);
  }

  get skProtocol(): number {
    return this.proto;
  }

  /** Whether the packet's destination and device are the ones the socket is bound to. */
  wants(skb: Skb): boolean {
    if (this.boundIfindex !== 0 && skb.skbIif !== this.boundIfindex) return false;
    if (this.localAddr.isAny) return true;
    const dv = this.stack.arena.dv;
    const ip = skb.networkHeader;
    if (this.family === AF_INET) return dv.getUint32(ip + 16) === this.localAddr.a;
    const l = this.localAddr;
    const w = (i: number): number => dv.getUint32(ip + 24 + i);
    return w(0) === l.a && w(4) === l.b && w(8) === l.c && w(12) === l.d;
  }

  /** Takes a copy of a packet, skb.data at the IP header, or drops it for want of buffer. */
  offer(skb: Skb): void {
    const k = this.stack.kernel;
    const copy = k.pool.clone(skb, k.engine.nowNs);
    if (copy === null) {
      this.drops++;
      return;
    }
    copy.dst = null;
    if (this.family !== AF_INET) copy.pull(copy.transportHeader - copy.data);
    const keep = this.filterKeep(copy);
    if (keep === 0 || !this.hasRoom(copy)) {
      this.drops++;
      k.kfreeSkb(copy, copy.dev!, keep === 0 ? SKB_DROP_REASON.SOCKET_FILTER : SKB_DROP_REASON.SOCKET_RCVBUFF);
      return;
    }
    if (keep < copy.len) copy.len = keep;
    this.take(copy);
  }

  /** Memory for a packet of `len` bytes behind the IP header. @returns null: try again later */
  begin(len: number): Skb | null {
    return this.beginSend(len);
  }

  /** Sends a copy of some bytes (an ICMP message, its checksum included; ICMPv6's is filled in). @returns 0, or -errno */
  sendTo(bytes: Uint8Array, addr: IpAddr): number {
    const skb = this.begin(bytes.length);
    if (skb === null) return -ERRNO.EAGAIN;
    this.stack.arena.u8.set(bytes, skb.data);
    return this.sendSkb(skb, addr);
  }

  /** Sends a packet from `begin`. Takes the skb. @returns 0, or -errno */
  sendSkb(skb: Skb, addr: IpAddr): number {
    const stack = this.stack;
    stack.host.cpu().charge(COST_NS.syscallTx);
    const rc = this.family === AF_INET ? this.send4(skb, addr) : this.send6(skb, addr);
    return rc === 2 ? 0 : rc > 0 ? -ERRNO.ENOBUFS : rc;
  }

  private send4(skb: Skb, addr: IpAddr): number {
    const stack = this.stack;
    const fl = flow4.set(addr.a, this.localAddr.a, this.boundIfindex, this.proto, 0);
    const dst = routeOutput4(stack, fl);
    if (dst === null) return this.refuse(skb, fl.err);
    if (dst.kind === DST_BROADCAST && !this.broadcast) return this.refuse(skb, EACCES);
    if (this.proto === IPPROTO_ICMP && skb.len > 0) countOut(stack, stack.arena.u8[skb.data]!);
    const frag = this.pmtuDiscover && skb.len + 20 <= pathMtu4(stack, dst, fl.daddr) ? IP_DF : 0;
    const ttl = this.ttl >= 0 ? this.ttl : stack.sysctl.ipDefaultTtl;
    return ipXmit(stack, skb, dst, fl.saddr, fl.daddr, this.proto, this.tos, ttl, frag, nextIdent(stack));
  }

  private send6(skb: Skb, addr: IpAddr): number {
    const stack = this.stack;
    if (isLinkLocal6(addr.a) && this.boundIfindex === 0) return this.refuse(skb, ERRNO.EINVAL);
    const fl = flow6.set(addr, this.localAddr.isAny ? null : this.localAddr, this.boundIfindex, this.proto, 0);
    const dst = routeOutput6(stack, fl);
    if (dst === null) return this.refuse(skb, fl.err);
    const saddr = fl.saddr!;
    if (this.proto === IPPROTO_ICMPV6) {
      icmp6Checksum(stack, skb, saddr, fl.daddr);
      countOut6(stack, stack.arena.u8[skb.data]!);
    }
    const hops = this.ttl >= 0 ? this.ttl : stack.ipDev(dst.dev).conf.hopLimit;
    const label = makeFlowLabel(stack, saddr, fl.daddr, 0);
    return ip6Xmit(stack, skb, dst, saddr, fl.daddr, this.proto, this.tos, hops, label);
  }

  private refuse(skb: Skb, errno: number): number {
    this.stack.kernel.kfreeSkb(skb, this.stack.localDst.dev, SKB_DROP_REASON.IP_OUTNOROUTES);
    return -errno;
  }

  protected handOver(skb: Skb): boolean {
    if (this.onPacket === null) return false;
    this.describe(skb);
    this.onPacket(this, skb.data, skb.len, skb);
    return true;
  }

  override close(): void {
    if (this.closed) return;
    this.table.remove(this);
    super.close();
  }
}
