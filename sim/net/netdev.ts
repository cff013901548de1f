/** Network devices. One class for all kinds; what differs stands in the kind's record (devices/). */
import type { Program } from "../bpf/program.ts";
import { REASON_COUNT } from "./drop-reason.ts";
import type { Host } from "./host.ts";
import type { Qdisc } from "./qdisc.ts";
import type { Skb } from "./skb.ts";
import type { Napi } from "./softirq.ts";
import type { BulkQueue } from "./xdp/bulk-queue.ts";

/** Device flags. @source include/uapi/linux/if.h */
export const IFF_UP = 0x1;
export const IFF_BROADCAST = 0x2;
export const IFF_LOOPBACK = 0x8;
export const IFF_POINTOPOINT = 0x10;
export const IFF_RUNNING = 0x40;
export const IFF_NOARP = 0x80;
export const IFF_PROMISC = 0x100;
export const IFF_MULTICAST = 0x1000;
export const IFF_LOWER_UP = 0x10000;

/** Results of ndo_start_xmit. */
export const NETDEV_TX_OK = 0;
/** The driver's queue is full: the skb stays with the caller, the queue is stopped. */
export const NETDEV_TX_BUSY = 16;

/** What dev_queue_xmit answers besides -errno. @source include/linux/netdevice.h */
export const NET_XMIT_SUCCESS = 0;
export const NET_XMIT_DROP = 1;
export const NET_XMIT_CN = 2;
/** What the sender sees of a qdisc's answer. */
export const NET_XMIT_MASK = 0x0f;
/** Flags for the qdiscs above. A filter took the packet: it is not a drop. @source include/net/sch_generic.h */
export const NET_XMIT_STOLEN = 0x10000;
/** A filter shot the packet, or no class takes it. */
export const NET_XMIT_BYPASS = 0x20000;

/**
 * struct xdp_metadata_ops: what a driver says of the frame on which it runs a program that is bound to the device. What it says goes to
 * addresses in the arena; -ENODATA: it does not know.
 */
export interface XdpMetadataOps {
  /** @param at u64, ns @returns 0 or -errno */
  rxTimestamp(dev: Netdev, skb: Skb, rxQueue: number, at: number): number;
  /** @param hashAt u32; typeAt: u32, enum xdp_rss_hash_type @returns 0 or -errno */
  rxHash(dev: Netdev, skb: Skb, rxQueue: number, hashAt: number, typeAt: number): number;
  /** @param protoAt be16; tciAt: u16 @returns 0 or -errno */
  rxVlanTag(dev: Netdev, skb: Skb, rxQueue: number, protoAt: number, tciAt: number): number;
}

/** The record of one device kind. One file each in devices/. */
export interface NetdevOps {
  /** As `ip link add ... type KIND` names it; "nic" for netsim's physical NIC. */
  readonly kind: string;
  /** No qdisc and no queueing by default (IFF_NO_QUEUE). */
  readonly noQueue: boolean;
  /** dev->xdp_features says NETDEV_XDP_ACT_BASIC: native XDP can be attached. */
  readonly nativeXdp: boolean;
  /** For programs that are bound to the device; absent: none can be. */
  readonly xdpMetadata?: XdpMetadataOps;
  /** Called when the device goes up or down. */
  open(dev: Netdev): void;
  stop(dev: Netdev): void;
  /**
   * ndo_start_xmit. skb.data is at the MAC header. Takes the skb unless it answers NETDEV_TX_BUSY. Counts tx or tx_dropped.
   * @returns NETDEV_TX_OK, NETDEV_TX_BUSY, or NET_XMIT_DROP for a packet that was freed on the way
   */
  startXmit(skb: Skb, dev: Netdev, txq: TxQueue): number;
  /**
   * ndo_xdp_xmit: takes a bulk of frames from the front of `frames[0..n)`.
   * @returns how many were taken (the caller frees the rest), or -errno (none taken)
   */
  xdpXmit(dev: Netdev, frames: readonly Skb[], n: number): number;
  /** Called after attach and detach of a native program (prog null); may refuse: the extack message, or null when done. */
  xdpSet(dev: Netdev, prog: Program | null, frags: boolean): string | null;
  /** `ethtool -K DEV gro on|off`; absent where it changes nothing but the flag. */
  setGro?(dev: Netdev, on: boolean): void;
  /** dev_get_peer: the far end of a pair, for bpf_redirect_peer and `ip link`'s `@if`. */
  peer?(dev: Netdev): Netdev | null;
  /** What the kind does before the device is forgotten (a pair's other half, a bridge's ports). */
  destroy?(dev: Netdev): void;
  /** Rows of `ethtool -S`, in order. */
  ethtoolStats(dev: Netdev): readonly (readonly [string, number])[];
}

/** rtnl_link_stats64, the part that ip -s shows. Packets and bytes as doubles, exact to 2^53. */
class NetdevStats {
  rxPackets: number = 0;
  rxBytes: number = 0;
  rxErrors: number = 0;
  rxDropped: number = 0;
  rxMissed: number = 0;
  rxMulticast: number = 0;
  txPackets: number = 0;
  txBytes: number = 0;
  txErrors: number = 0;
  txDropped: number = 0;
  txCarrier: number = 0;
  txCollisions: number = 0;
}

/** One transmit queue and its qdisc. */
export class TxQueue {
  readonly dev: Netdev;
  readonly index: number;
  /** Set while the driver's ring is full. */
  stopped: boolean = false;
  /** null: no queueing (noqueue). */
  qdisc: Qdisc | null = null;
  /** A packet that the driver gave back (NETDEV_TX_BUSY), first to go next time. */
  requeued: Skb | null = null;
  /** __QDISC_STATE_RUNNING. */
  running: boolean = false;
  constructor(dev: Netdev, index: number) {
    this.dev = dev;
    this.index = index;
  }
}

/** Where an XDP program runs: in the driver, or in the stack for any device. */
export type XdpMode = "xdp" | "xdpgeneric";

/** How many packets one XDP program on one device treated how, in netsim's own report; Linux has no such counter. */
export class VerdictCounts {
  aborted: number = 0;
  drop: number = 0;
  pass: number = 0;
  tx: number = 0;
  redirect: number = 0;
  /** A return code that is no action. */
  invalid: number = 0;
}

/** The program a device runs at its XDP hook. */
export interface XdpAttachment {
  readonly prog: Program;
  readonly mode: XdpMode;
  readonly verdicts: VerdictCounts;
}

/** What a tc hook did with a packet: it goes on, was freed as dropped, or was consumed (stolen, redirected). */
export const TC_HOOK_OK = 0;
export const TC_HOOK_DROPPED = 1;
export const TC_HOOK_CONSUMED = 2;

/** The tc programs of one direction; tc/ implements it. */
export interface TcHook {
  /** Runs tcx programs, then clsact filters, with skb.data at the MAC header. @returns TC_HOOK_* */
  run(skb: Skb): number;
}

/** A packet socket that taps a device or all devices; sockets/ implements it. */
export interface PacketTap {
  /** Gets a look at the packet; skb.data is at the MAC header. May clone, must neither free nor change it. */
  onPacket(skb: Skb, outgoing: boolean): void;
}

/** A master that takes over reception (bridge port). */
export interface RxHandler {
  /** @returns true when the packet was taken */
  handle(skb: Skb): boolean;
}

/** A network device (struct net_device). */
export class Netdev {
  readonly host: Host;
  /** Changed by setName (devices/device.ts) only. */
  name: string;
  /** Unique on the host, from 1. */
  readonly ifindex: number;
  readonly ops: NetdevOps;
  /** Six bytes. */
  readonly mac: Uint8Array;
  mtu: number = 1500;
  flags: number;
  /** The far end is there and up; true for devices that have none. */
  carrier: boolean = true;
  /** How often the carrier went or came, for `ip -s -s link`. */
  carrierChanges: number = 0;
  txQueueLen: number = 1000;
  /** ARPHRD_*: 1 Ethernet, 772 loopback, 768 IPIP tunnel. */
  hardwareType: number = 1;
  /** Bytes of the MAC header: 14, or 0 for tunnels. */
  hardHeaderLen: number = 14;
  readonly stats: NetdevStats = new NetdevStats();
  readonly txQueues: TxQueue[] = [];
  rxQueueCount: number = 1;
  /** Root qdisc as `tc qdisc show` lists it; null for noqueue. */
  rootQdisc: Qdisc | null = null;
  /** Qdiscs made on it so far. */
  qdiscsMade: number = 0;
  /** It was up once: without a root qdisc its kind is noqueue from then on, and noop before. */
  qdiscAttached: boolean = false;
  xdp: XdpAttachment | null = null;
  /** Programs that were attached before, with their verdicts, for reports. */
  readonly xdpPast: XdpAttachment[] = [];
  /** One test of null each on the packet path. */
  tcIngress: TcHook | null = null;
  tcEgress: TcHook | null = null;
  rxHandler: RxHandler | null = null;
  /** The bridge it is a port of. */
  master: Netdev | null = null;
  /** Taps of this device only. */
  taps: readonly PacketTap[] = [];
  /** Drops at this device by reason; null until the first. */
  drops: Float64Array | null = null;
  /** The kind's own state. */
  priv: unknown = null;
  /** NAPI instances of its receive queues. */
  readonly napis: Napi[] = [];
  /** NETDEV_XDP_ACT_NDO_XMIT: XDP programs may redirect to it. */
  xdpRedirectTarget: boolean = false;
  /** Frames redirected to it and not yet sent, by CPU index; made at first use. */
  readonly xdpBulk: BulkQueue[] = [];
  /** Bounds of the MTU; maxMtu 0: none. The upper one is lowered while a native program needs whole packets. */
  minMtu: number = 68;
  maxMtu: number = 65535;
  /** Generic receive offload was asked for (`ethtool -K DEV gro on`); it turns NAPI on for veth. */
  gro: boolean = false;
  /** Segmentation offload is on: decides on veth whether packets of the stack take the peer's NAPI. */
  tso: boolean = false;
  /** Checksum offload on transmit: packets leave the stack with CHECKSUM_PARTIAL, as on veth. */
  txChecksumOffload: boolean = false;

  constructor(host: Host, name: string, ifindex: number, ops: NetdevOps, mac: Uint8Array, flags: number) {
    this.host = host;
    this.name = name;
    this.ifindex = ifindex;
    this.ops = ops;
    this.mac = mac;
    this.flags = flags;
  }

  get up(): boolean {
    return (this.flags & IFF_UP) !== 0;
  }

  /** Counts a drop for the report; Linux's own counters are the caller's. */
  countDrop(reason: number): void {
    if (this.drops === null) this.drops = new Float64Array(REASON_COUNT);
    this.drops[reason]!++;
  }

  /** `host:name`, for reports. */
  get label(): string {
    return `${this.host.name}:${this.name}`;
  }
}
