/**
 * UDP sockets over IPv4 and IPv6.
 *
 *      0                               16                              31
 *     | source port                   | destination port              |  0
 *     | length                        | checksum                      |  4
 *
 * @source net/ipv4/udp.c udp_sendmsg, udp_send_skb, udp_queue_rcv_one_skb, __udp_enqueue_schedule_skb; net/ipv6/udp.c; RFC 768
 * @differs IPv6 sockets take IPv6 only (IPV6_V6ONLY); SO_REUSEPORT, SO_REUSEADDR, UDP_SEGMENT, UDP_GRO and multicast groups are not
 *          there
 */
import { csumFold, csumPartial, csumPseudo } from "../checksum.ts";
import { COST_NS } from "../cost.ts";
import { SKB_DROP_REASON } from "../drop-reason.ts";
import { AF_INET, ANY4, ANY6, type Family, IpAddr, isLinkLocal6 } from "../ip/address.ts";
import { DST_BROADCAST, DST_MULTICAST, type Dst } from "../ip/dst.ts";
import type { IpStack } from "../ip/ip-stack.ts";
import { IP_DF, IPPROTO_UDP } from "../ip/ipv4/header.ts";
import { ipXmit, nextIdent, pathMtu4 } from "../ip/ipv4/output.ts";
import { Flow4, routeOutput4 } from "../ip/ipv4/route.ts";
import { pseudo6 } from "../ip/ipv6/icmp6.ts";
import { ip6Xmit, makeFlowLabel, pathMtu6 } from "../ip/ipv6/output.ts";
import { Flow6, isLocal6, routeOutput6 } from "../ip/ipv6/route.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import { CHECKSUM_PARTIAL, type Skb } from "../skb.ts";
import { SOCK_DGRAM } from "./bpf-sock.ts";
import { type PacketCallback, Socket } from "./socket.ts";
import type { UdpTable } from "./udp-table.ts";

/** Bytes of the UDP header. */
export const UDP_HLEN = 8;
const EACCES = 13;
const MAX_PAYLOAD4 = 65507;
const MAX_PAYLOAD6 = 65527;
const flow4: Flow4 = new Flow4();
const flow6: Flow6 = new Flow6();

/** A UDP socket. */
export class UdpSocket extends Socket {
  readonly skType: number = SOCK_DGRAM;
  readonly skProtocol: number = IPPROTO_UDP;
  declare localAddr: IpAddr;
  /** IP_PKTINFO, IPV6_PKTINFO: what is sent from now on has this source, on a socket bound to none; null: the route's. */
  source: IpAddr | null = null;
  /** SO_BROADCAST. */
  broadcast: boolean = false;
  /** IP_TTL, IPV6_UNICAST_HOPS; -1 for the host's default. */
  ttl: number = -1;
  /** IP_TOS, IPV6_TCLASS. */
  tos: number = 0;
  /** IP_MTU_DISCOVER: IP_PMTUDISC_WANT (DF on what fits), or IP_PMTUDISC_DONT. */
  pmtuDiscover: boolean = true;
  /** Takes each packet at once; null: packets queue up. */
  onPacket: PacketCallback<UdpSocket> | null = null;
  /** An ICMP error came back; errno positive. Without IP_RECVERR Linux tells connected sockets only. */
  onError: ((errno: number) => void) | null = null;
  private readonly table: UdpTable;
  /** The route of the last destination, good while the generation stands. */
  private dst: Dst | null = null;
  private dstGeneration: number = 0;
  private dstAddr: IpAddr | null = null;
  private dstSource: IpAddr;
  /** What `source` was then. */
  private dstAsked: IpAddr | null = null;

  constructor(stack: IpStack, family: Family, table: UdpTable) {
    super(stack, family);
    this.table = table;
    this.localAddr = family === AF_INET ? ANY4 : ANY6;
    this.dstSource = this.localAddr;
  }

  /**
   * bind(2). @param port 0 for a free one
   * @throws NetlinkError EADDRNOTAVAIL, EADDRINUSE, EINVAL when bound already
   */
  bind(addr: IpAddr, port: number): void {
    if (this.localPort !== 0 || addr.family !== this.family) throw new NetlinkError(ERRNO.EINVAL);
    if (!addr.isAny && !this.isOurs(addr)) throw new NetlinkError(ERRNO.EADDRNOTAVAIL);
    const any = this.localAddr;
    this.localAddr = addr;
    this.localPort = port === 0 ? this.table.freePort(this.family) : port;
    try {
      this.table.add(this);
    } catch (e) {
      this.localAddr = any;
      this.localPort = 0;
      throw e;
    }
    this.refreshView();
  }

  /**
   * bind(2) as bpf_bind does it: port 0 leaves the port open until something is sent.
   * @throws NetlinkError as bind
   */
  bindAddress(addr: IpAddr, port: number): void {
    if (port !== 0) {
      this.bind(addr, port);
      return;
    }
    if (this.localPort !== 0 || addr.family !== this.family) throw new NetlinkError(ERRNO.EINVAL);
    if (!addr.isAny && !this.isOurs(addr)) throw new NetlinkError(ERRNO.EADDRNOTAVAIL);
    this.localAddr = addr;
    this.refreshView();
  }

  private isOurs(addr: IpAddr): boolean {
    if (this.family !== AF_INET) return isLocal6(this.stack, addr, this.boundIfindex);
    return this.stack.isLocal4(addr.a) || addr.a >>> 24 === 127 || this.stack.isBroadcast4(null, addr.a);
  }

  /**
   * connect(2): fixes the peer and the source address.
   * @throws NetlinkError ENETUNREACH and the like
   */
  connect(addr: IpAddr, port: number): void {
    if (addr.family !== this.family) throw new NetlinkError(ERRNO.EAFNOSUPPORT);
    if (this.localPort === 0) this.bind(this.localAddr, 0);
    const err = this.findRoute(addr, port);
    if (err !== 0) throw new NetlinkError(err);
    this.remoteAddr = addr;
    this.remotePort = port;
    if (this.localAddr.isAny) this.localAddr = this.dstSource;
    this.refreshView();
  }

  /** Memory for a datagram of `len` bytes, to be filled at skb.data and given to `sendSkb`. @returns null: try again later */
  begin(len: number): Skb | null {
    return this.beginSend(len);
  }

  /**
   * Sends a copy of some bytes; to the connected peer when no address is given.
   * @returns 0, or -errno
   */
  sendTo(bytes: Uint8Array, addr: IpAddr | null = this.remoteAddr, port: number = this.remotePort): number {
    const skb = this.begin(bytes.length);
    if (skb === null) return -ERRNO.EAGAIN;
    this.stack.arena.u8.set(bytes, skb.data);
    return this.sendSkb(skb, addr, port);
  }

  /** Sends a datagram from `begin`. Takes the skb. @returns 0, or -errno */
  sendSkb(skb: Skb, addr: IpAddr | null, port: number): number {
    const stack = this.stack;
    stack.host.cpu().charge(COST_NS.syscallTx);
    const bad = this.checkSend(skb, addr, port);
    if (bad !== 0) return this.refuse(skb, bad);
    if (this.localPort === 0) this.bind(this.localAddr, 0);
    const err = this.dstFresh(addr!) ? 0 : this.findRoute(addr!, port);
    if (err !== 0) {
      if (err === ERRNO.ENETUNREACH) {
        if (this.family === AF_INET) stack.snmp.IpOutNoRoutes++;
        else stack.snmp.Ip6OutNoRoutes++;
      }
      return this.refuse(skb, err);
    }
    const dst = this.dst!;
    if (dst.kind === DST_BROADCAST && !this.broadcast) return this.refuse(skb, EACCES);
    skb.mark = this.mark;
    skb.push(UDP_HLEN);
    const dv = stack.arena.dv;
    const p = skb.data;
    dv.setUint16(p, this.localPort);
    dv.setUint16(p + 2, port);
    dv.setUint16(p + 4, skb.len);
    dv.setUint16(p + 6, 0);
    return this.account(this.family === AF_INET ? this.send4(skb, dst, addr!.a) : this.send6(skb, dst, addr!, port));
  }

  private checkSend(skb: Skb, addr: IpAddr | null, port: number): number {
    if (addr === null) return 89;
    if (addr.family !== this.family) return ERRNO.EAFNOSUPPORT;
    if (port <= 0 || port > 65535) return ERRNO.EINVAL;
    return skb.len > (this.family === AF_INET ? MAX_PAYLOAD4 : MAX_PAYLOAD6) ? ERRNO.EMSGSIZE : 0;
  }

  private dstFresh(addr: IpAddr): boolean {
    const d = this.dstAddr;
    if (this.dst === null || this.dstGeneration !== this.stack.routeGeneration || this.dstAsked !== this.source)
      return false;
    return d?.equals(addr) === true;
  }

  private findRoute(addr: IpAddr, port: number): number {
    const ports = (this.localPort << 16) | port;
    const bound = this.localAddr.isAny ? this.source : this.localAddr;
    if (this.family === AF_INET) {
      flow4.set(addr.a, bound === null ? 0 : bound.a, this.boundIfindex, IPPROTO_UDP, ports);
      this.dst = routeOutput4(this.stack, flow4);
      if (this.dst === null) return flow4.err;
      if (flow4.saddr !== this.dstSource.a || this.dstAddr === null) this.dstSource = new IpAddr(AF_INET, flow4.saddr);
    } else {
      if (isLinkLocal6(addr.a) && this.boundIfindex === 0) return ERRNO.EINVAL;
      flow6.set(addr, bound, this.boundIfindex, IPPROTO_UDP, ports);
      this.dst = routeOutput6(this.stack, flow6);
      if (this.dst === null) return flow6.err;
      this.dstSource = flow6.saddr!;
    }
    this.dstAddr = addr;
    this.dstAsked = this.source;
    this.dstGeneration = this.stack.routeGeneration;
    return 0;
  }

  private send4(skb: Skb, dst: Dst, daddr: number): number {
    const stack = this.stack;
    const arena = stack.arena;
    const saddr = this.dstSource.a;
    // the addresses go where the IP header will have them, so that the pseudo header can be summed
    arena.dv.setUint32(skb.data - 8, saddr);
    arena.dv.setUint32(skb.data - 4, daddr);
    const pseudo = csumPseudo(arena, skb.data - 8, 8, skb.len, IPPROTO_UDP);
    const fits = skb.len + 20 <= pathMtu4(stack, dst, daddr);
    this.checksum(skb, pseudo, dst.dev.txChecksumOffload && fits);
    const frag = this.pmtuDiscover && fits ? IP_DF : 0;
    const ttl = this.ttl >= 0 ? this.ttl : stack.sysctl.ipDefaultTtl;
    return ipXmit(stack, skb, dst, saddr, daddr, IPPROTO_UDP, this.tos, ttl, frag, nextIdent(stack));
  }

  private send6(skb: Skb, dst: Dst, daddr: IpAddr, port: number): number {
    const stack = this.stack;
    const saddr = this.dstSource;
    const fits = skb.len + 40 <= pathMtu6(stack, dst, daddr);
    this.checksum(skb, pseudo6(stack, saddr, daddr, skb.len, IPPROTO_UDP), dst.dev.txChecksumOffload && fits);
    const label = makeFlowLabel(stack, saddr, daddr, (this.localPort << 16) | port);
    const hops = this.ttl >= 0 ? this.ttl : dst.kind === DST_MULTICAST ? 1 : stack.ipDev(dst.dev).conf.hopLimit;
    return ip6Xmit(stack, skb, dst, saddr, daddr, IPPROTO_UDP, this.tos, hops, label);
  }

  /** The whole sum, or with the device's help the pseudo header's only (CHECKSUM_PARTIAL). */
  private checksum(skb: Skb, pseudo: number, offload: boolean): void {
    const arena = this.stack.arena;
    if (offload) {
      skb.ipSummed = CHECKSUM_PARTIAL;
      skb.csumStart = skb.data;
      skb.csumOffset = 6;
      arena.dv.setUint16(skb.data + 6, ~csumFold(pseudo) & 0xffff, true);
      return;
    }
    const sum = csumFold(csumPartial(arena, skb.data, skb.len, pseudo));
    arena.dv.setUint16(skb.data + 6, sum === 0 ? 0xffff : sum, true);
  }

  /** net_xmit_errno, udp_send_skb: what a full queue lost is not the sender's business, but it is counted. */
  private account(rc: number): number {
    const s = this.stack.snmp;
    const v4 = this.family === AF_INET;
    const err = rc === 2 ? 0 : rc > 0 ? -ERRNO.ENOBUFS : rc;
    if (err === 0) {
      if (v4) s.UdpOutDatagrams++;
      else s.Udp6OutDatagrams++;
      return 0;
    }
    if (v4) s.IpOutDiscards++;
    else s.Ip6OutDiscards++;
    if (err !== -ERRNO.ENOBUFS) return err;
    if (v4) s.UdpSndbufErrors++;
    else s.Udp6SndbufErrors++;
    return 0;
  }

  private refuse(skb: Skb, errno: number): number {
    const reason = errno === ERRNO.ENETUNREACH ? SKB_DROP_REASON.IP_OUTNOROUTES : SKB_DROP_REASON.NOT_SPECIFIED;
    this.stack.kernel.kfreeSkb(skb, this.stack.localDst.dev, reason);
    return -errno;
  }

  /** udp_queue_rcv_one_skb: a packet for this socket, skb.data at the UDP header, checksum verified. Takes the skb. */
  deliver(skb: Skb): void {
    const s = this.stack.snmp;
    const v4 = this.family === AF_INET;
    const keep = this.filterKeep(skb);
    if (keep === 0 || !this.hasRoom(skb)) {
      this.drops++;
      if (v4) s.UdpInErrors++;
      else s.Udp6InErrors++;
      if (keep !== 0) {
        if (v4) s.UdpRcvbufErrors++;
        else s.Udp6RcvbufErrors++;
      }
      const reason = keep === 0 ? SKB_DROP_REASON.SOCKET_FILTER : SKB_DROP_REASON.SOCKET_RCVBUFF;
      this.stack.kernel.kfreeSkb(skb, skb.dev!, reason);
      return;
    }
    if (keep < skb.len) skb.len = Math.max(keep, UDP_HLEN);
    skb.pull(UDP_HLEN);
    if (v4) s.UdpInDatagrams++;
    else s.Udp6InDatagrams++;
    this.take(skb);
  }

  override describe(skb: Skb): void {
    super.describe(skb);
    this.from.port = this.stack.arena.dv.getUint16(skb.transportHeader);
  }

  protected handOver(skb: Skb): boolean {
    if (this.onPacket === null) return false;
    this.describe(skb);
    this.onPacket(this, skb.data, skb.len, skb);
    return true;
  }

  override close(): void {
    if (this.closed) return;
    if (this.localPort !== 0) this.table.remove(this);
    super.close();
  }
}
