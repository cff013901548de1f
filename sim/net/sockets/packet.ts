/**
 * Packet sockets (AF_PACKET, SOCK_RAW): whole frames from and to a device.
 *
 * With ETH_P_ALL the socket taps the device (or all devices): it sees what is received before tc, and what is sent behind it. With one
 * protocol it sees received packets of that ethertype only, after tc and the bridge, as a protocol does.
 *
 * @source net/packet/af_packet.c packet_rcv, packet_snd, packet_direct_xmit; net/core/dev.c dev_queue_xmit_nit
 * @differs SOCK_DGRAM, PACKET_MMAP rings and fanout are not there
 */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import { ETH_HLEN, ETH_P_8021AD, ETH_P_8021Q, ETH_P_ALL, VLAN_HLEN } from "../ether.ts";
import type { Host, PacketTypeHandler } from "../host.ts";
import { AF_INET } from "../ip/address.ts";
import { ipStack } from "../ip/ip-stack.ts";
import { NETDEV_TX_BUSY, NETDEV_TX_OK, type Netdev, type PacketTap } from "../netdev.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import { PACKET_OUTGOING, type Skb } from "../skb.ts";
import { SOCK_RAW } from "./bpf-sock.ts";
import { type PacketCallback, Socket } from "./socket.ts";

/** Tags of one frame that are looked through: one less than the kernel counts to. */
const VLAN_MAX_DEPTH = 7;

/** Address family of packet sockets. */
const AF_PACKET = 17;

/** What a packet socket is bound to. */
export interface PacketSocketOptions {
  /** null: all devices of the host. */
  readonly dev: Netdev | null;
  /** Ethertype, or ETH_P_ALL. */
  readonly protocol: number;
}

/** A packet socket (AF_PACKET, SOCK_RAW). */
export class PacketSocket extends Socket implements PacketTap {
  readonly skType: number = SOCK_RAW;
  readonly dev: Netdev | null;
  readonly protocol: number;
  /** tp_packets: seen and taken, dropped ones included. */
  packets: number = 0;
  /** PACKET_QDISC_BYPASS: frames go straight to the driver, past tc egress, qdisc and taps. */
  qdiscBypass: boolean = false;
  onFrame: PacketCallback<PacketSocket> | null = null;

  constructor(host: Host, o: PacketSocketOptions) {
    super(ipStack(host), AF_INET);
    this.dev = o.dev;
    this.protocol = o.protocol;
    if (o.protocol !== ETH_P_ALL) addTypeSocket(this);
    else if (o.dev === null) host.taps = [...host.taps, this];
    else o.dev.taps = [...o.dev.taps, this];
  }

  override get skFamily(): number {
    return AF_PACKET;
  }

  /** The ethertype in network order, as packet_create keeps it. */
  get skProtocol(): number {
    return ((this.protocol & 0xff) << 8) | (this.protocol >>> 8);
  }

  /** The tap: skb.data at the MAC header. */
  onPacket(skb: Skb, outgoing: boolean): void {
    // never back to the socket that sent it (skb_loop_sk)
    if (outgoing && skb.owner === this) return;
    const type = skb.pktType;
    if (outgoing) skb.pktType = PACKET_OUTGOING;
    const keep = this.filterKeep(skb);
    if (keep === 0) {
      skb.pktType = type;
      return;
    }
    this.packets++;
    const k = this.stack.kernel;
    const copy = this.hasRoom(skb) ? k.pool.clone(skb, k.engine.nowNs) : null;
    skb.pktType = type;
    if (copy === null) {
      this.drops++;
      return;
    }
    copy.dev = skb.dev;
    if (keep < copy.len) copy.len = keep;
    this.take(copy);
  }

  /** Length of the frame on the wire is lost when the filter cut it; what is kept is skb.len. */
  protected handOver(skb: Skb): boolean {
    if (this.onFrame === null) return false;
    this.from.ifindex = skb.dev!.ifindex;
    this.onFrame(this, skb.data, skb.len, skb);
    return true;
  }

  override describe(skb: Skb): void {
    this.from.ifindex = skb.dev!.ifindex;
  }

  /** Memory for a frame of `len` bytes, MAC header first. @returns null: try again later */
  begin(len: number): Skb | null {
    return this.beginSend(len);
  }

  /** Sends a copy of a frame by a device. @returns 0, or -errno */
  send(bytes: Uint8Array, dev: Netdev | null = this.dev): number {
    const skb = this.begin(bytes.length);
    if (skb === null) return -ERRNO.ENOBUFS;
    this.stack.arena.u8.set(bytes, skb.data);
    return this.sendSkb(skb, dev);
  }

  /** Sends a frame from `begin`. Takes the skb. @returns 0, or -errno */
  sendSkb(skb: Skb, dev: Netdev | null = this.dev): number {
    const k = this.stack.kernel;
    if (dev === null || !dev.up || skb.len < dev.hardHeaderLen) {
      k.kfreeSkb(skb, dev ?? this.stack.localDst.dev, SKB_DROP_REASON.NOT_SPECIFIED);
      return dev === null ? -6 : dev.up ? -ERRNO.EINVAL : -ERRNO.ENETDOWN;
    }
    if (skb.len > dev.mtu + dev.hardHeaderLen + 4) {
      k.kfreeSkb(skb, dev, SKB_DROP_REASON.PKT_TOO_BIG);
      return -ERRNO.EMSGSIZE;
    }
    skb.dev = dev;
    skb.macHeader = skb.data;
    skb.networkHeader = skb.data + dev.hardHeaderLen;
    skb.protocol = protocolOf(skb, dev, this.protocol);
    if (skb.protocol === ETH_P_8021Q || skb.protocol === ETH_P_8021AD) skb.networkHeader += tagBytes(skb);
    if (!this.qdiscBypass) {
      const rc = k.paths.devQueueXmit(skb);
      return rc === 2 ? 0 : rc > 0 ? -ERRNO.ENOBUFS : rc;
    }
    skb.macLen = dev.hardHeaderLen;
    const txq = dev.txQueues[0]!;
    const rc = txq.stopped ? NETDEV_TX_BUSY : dev.ops.startXmit(skb, dev, txq);
    if (rc !== NETDEV_TX_BUSY) return rc === NETDEV_TX_OK ? 0 : -ERRNO.ENOBUFS;
    dev.stats.txDropped++;
    k.kfreeSkb(skb, dev, SKB_DROP_REASON.DEV_READY);
    return -ERRNO.ENOBUFS;
  }

  override close(): void {
    if (this.closed) return;
    if (this.protocol !== ETH_P_ALL) dropTypeSocket(this);
    else if (this.dev === null) this.host.taps = this.host.taps.filter((t) => t !== this);
    else this.dev.taps = this.dev.taps.filter((t) => t !== this);
    super.close();
  }
}

function protocolOf(skb: Skb, dev: Netdev, bound: number): number {
  if (dev.hardHeaderLen < ETH_HLEN) return bound === ETH_P_ALL ? ipVersionProtocol(skb, dev) : bound;
  const type = dev.host.kernel.arena.dv.getUint16(skb.data + 12);
  return type >= 0x0600 ? type : 0x0004;
}

/** vlan_get_protocol_and_depth: bytes of the VLAN tags behind the MAC header; 0 when one is cut off or there are too many. */
function tagBytes(skb: Skb): number {
  const dv = skb.dev!.host.kernel.arena.dv;
  const start = skb.data + ETH_HLEN;
  const end = skb.data + skb.len;
  for (let p = start; p + VLAN_HLEN <= end && p < start + VLAN_MAX_DEPTH * VLAN_HLEN; ) {
    const type = dv.getUint16(p + 2);
    p += VLAN_HLEN;
    if (type !== ETH_P_8021Q && type !== ETH_P_8021AD) return p - start;
  }
  return 0;
}

function ipVersionProtocol(skb: Skb, dev: Netdev): number {
  const v = dev.host.kernel.arena.u8[skb.data]! >> 4;
  return v === 4 ? 0x0800 : v === 6 ? 0x86dd : 0;
}

/** Sockets of one ethertype stand before the protocol's handler (ptype_base has both). */
interface TypeEntry {
  readonly original: PacketTypeHandler | undefined;
  readonly handler: PacketTypeHandler;
  sockets: readonly PacketSocket[];
}

const byHost: WeakMap<Host, Map<number, TypeEntry>> = new WeakMap();

function addTypeSocket(s: PacketSocket): void {
  let types = byHost.get(s.host);
  if (types === undefined) {
    types = new Map();
    byHost.set(s.host, types);
  }
  const found = types.get(s.protocol);
  if (found !== undefined && s.host.packetTypes.get(s.protocol) === found.handler) {
    found.sockets = [...found.sockets, s];
    return;
  }
  if (s.protocol <= 0 || s.protocol > 0xffff) throw new NetlinkError(ERRNO.EPROTONOSUPPORT);
  const entry: TypeEntry = {
    original: s.host.packetTypes.get(s.protocol),
    handler: (skb, dev) => deliverType(entry, skb, dev),
    sockets: [s],
  };
  types.set(s.protocol, entry);
  s.host.packetTypes.set(s.protocol, entry.handler);
}

function dropTypeSocket(s: PacketSocket): void {
  const entry = byHost.get(s.host)?.get(s.protocol);
  if (entry === undefined) return;
  entry.sockets = entry.sockets.filter((x) => x !== s);
  if (entry.sockets.length > 0) return;
  byHost.get(s.host)!.delete(s.protocol);
  if (s.host.packetTypes.get(s.protocol) !== entry.handler) return;
  if (entry.original === undefined) s.host.packetTypes.delete(s.protocol);
  else s.host.packetTypes.set(s.protocol, entry.original);
}

function deliverType(entry: TypeEntry, skb: Skb, dev: Netdev): void {
  const header = skb.macHeader >= 0 ? skb.data - skb.macHeader : 0;
  skb.push(header);
  const list = entry.sockets;
  for (let i = 0; i < list.length; i++) {
    const s = list[i]!;
    if (s.dev === null || s.dev === dev) s.onPacket(skb, false);
  }
  skb.pull(header);
  if (entry.original !== undefined) entry.original(skb, dev);
  else dev.host.kernel.consumeSkb(skb);
}
