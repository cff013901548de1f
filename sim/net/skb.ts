/**
 * The packet. One class serves as sk_buff, xdp_frame and xdp_buff: a packet crosses the network by reference, its bytes lie in
 * the arena and are never copied for a hop.
 *
 * Buffer
 *
 *     head            data-metaLen   data            data+len             head+bufBytes
 *      |--- headroom ---|-- meta --|---- packet ----|----- tailroom -----|
 *
 * Buffers come in three sizes, each an odd number of cache lines so that neighbouring buffers do not share cache sets.
 */
import type { Arena } from "../engine/arena.ts";
import { BugError } from "../engine/errors.ts";
import type { Netdev } from "./netdev.ts";
import type { BpfSocket } from "./sockets/bpf-sock.ts";
import type { TunnelInfo } from "./tunnel-info.ts";

/** XDP_PACKET_HEADROOM, and what every fresh packet has in front. */
export const HEADROOM = 256;
/** sizeof(struct skb_shared_info), aligned: what the kernel keeps at the end of every buffer. */
export const SHARED_INFO_BYTES = 320;
/** Room behind a fresh packet: where the kernel has its skb_shared_info. */
const TAILROOM: number = SHARED_INFO_BYTES;
const BUF_SMALL = 37 * 64;
const BUF_JUMBO = 161 * 64;
/** Holds the largest packet of several buffers: a page and MAX_SKB_FRAGS fragments. */
const BUF_MAX = 1153 * 64;
/** Frame size that XDP sees: a page. */
export const XDP_FRAME_SZ = 4096;
/** Size of a fragment's buffer. */
export const XDP_FRAG_BYTES = 4096;

/** skb->pkt_type. @source include/uapi/linux/if_packet.h */
export const PACKET_HOST = 0;
export const PACKET_BROADCAST = 1;
export const PACKET_MULTICAST = 2;
export const PACKET_OTHERHOST = 3;
export const PACKET_OUTGOING = 4;

/** Checksum states. @source include/linux/skbuff.h */
export const CHECKSUM_NONE = 0;
export const CHECKSUM_UNNECESSARY = 1;
export const CHECKSUM_COMPLETE = 2;
export const CHECKSUM_PARTIAL = 3;

/** Anything that may own a packet on its way out; sockets implement it. */
export interface SkbOwner {
  /** The socket as programs see it; absent means that the owner is none. */
  readonly sock?: BpfSocket;
  /** The packet has left the qdisc or was freed: wmem is free again. */
  onSkbFree(skb: Skb): void;
}

/** A route's next hop as the output path needs it; the IP layer implements it. */
export interface SkbDst {
  readonly dev: Netdev;
}

/** A packet: sk_buff, xdp_buff and xdp_frame at once. */
export class Skb {
  /** Address of the buffer, 0 while pooled without one. */
  head: number = 0;
  bufBytes: number = 0;
  /** Address of the first byte now: the MAC header on a device, the network header within IP. */
  data: number = 0;
  /** bytes from data */
  len: number = 0;
  /** bytes of XDP metadata right before data; 0 when none or not supported */
  metaLen: number = 0;
  /** Bytes of the frame from its hard start that XDP sees (xdp_buff.frame_sz): bounds bpf_xdp_adjust_tail. */
  frameSz: number = XDP_FRAME_SZ;
  /**
   * Bytes at the packet's end that lie in fragments on Linux: XDP programs see the packet end before them. The bytes themselves lie
   * right behind the others; every fragment but the last is a full page.
   */
  fragsLen: number = 0;
  /** Addresses of the headers, -1 while unset. */
  macHeader: number = -1;
  networkHeader: number = -1;
  transportHeader: number = -1;
  /** Outer packet's inner network header for tunnels, -1 while unset. */
  innerNetworkHeader: number = -1;
  /** Bytes of the MAC header. */
  macLen: number = 0;
  /** Ethertype, host order; ETH_P_IP is 0x0800. */
  protocol: number = 0;
  dev: Netdev | null = null;
  /** ifindex it was received on, 0 for local packets. */
  skbIif: number = 0;
  pktType: number = PACKET_HOST;
  mark: number = 0;
  priority: number = 0;
  queueMapping: number = 0;
  /** Flow hash, 0 while not computed. */
  hash: number = 0;
  /** Hardware-accelerated VLAN tag: TCI when vlanPresent. */
  vlanPresent: boolean = false;
  vlanTci: number = 0;
  vlanProto: number = 0;
  tcIndex: number = 0;
  tcClassid: number = 0;
  napiId: number = 0;
  /** skb->cb[0..4] as BPF sees them. */
  cb0: number = 0;
  cb1: number = 0;
  cb2: number = 0;
  cb3: number = 0;
  cb4: number = 0;
  /** skb->tstamp: ns, 0 when unset. */
  tstampNs: number = 0;
  ipSummed: number = CHECKSUM_NONE;
  /** For CHECKSUM_UNNECESSARY: checksums known to be good beyond the first, 0 to 3. */
  csumLevel: number = 0;
  /** For CHECKSUM_COMPLETE: the sum, 32 bits (complete-csum.ts). */
  csum: number = 0;
  /** For CHECKSUM_PARTIAL: where the sum starts (address) and where it goes (offset from there). */
  csumStart: number = -1;
  csumOffset: number = 0;
  /** Redirected by tc: skip the ingress taps; tc_at_ingress. */
  redirected: boolean = false;
  fromIngress: boolean = false;
  /** The last tc hook it came to was an ingress one (tc_at_ingress). */
  atIngress: boolean = false;
  /** Set by tc while the packet is in a qdisc: time of enqueueing, ns. */
  enqueuedNs: number = 0;
  dst: SkbDst | null = null;
  /** What a tunnel shall put around it, or took off it: the dst is the metadata_dst of a collect_md device. */
  tunnel: TunnelInfo | null = null;
  /** TCP's control block of a received segment: first sequence number, the one after the last, acknowledgement and TCPHDR_*. */
  seq: number = 0;
  endSeq: number = 0;
  ackSeq: number = 0;
  tcpFlags: number = 0;
  /** What it costs the receive buffer that it waits in, bytes; set there. */
  truesize: number = 0;
  owner: SkbOwner | null = null;
  /** truesize charged to the owner's send buffer; set together with owner. */
  ownerBytes: number = 0;
  /** bpf_sk_assign chose the owner to receive it (skb_sk_is_prefetched). */
  prefetched: boolean = false;
  /** Identity for traces: unique per simulation, kept across hops and encapsulation. */
  id: number = 0;
  /** Identity of the packet it was cloned from, 0 when it is no clone. */
  parentId: number = 0;
  /** Number of the raw traffic that made it, 0: none. Clones have none. */
  source: number = 0;
  /** Simulated time at which it entered the simulation, ns. */
  bornNs: number = 0;
  /** Intrusive list link of the queue it stands in. */
  next: Skb | null = null;
  /** Scratch of the queue it stands in (netem's time to send, a wire's arrival time), ns. */
  queueNs: number = 0;
  /** Bumped at each free; tests check that nobody keeps a freed packet. */
  generation: number = 0;
  live: boolean = false;

  /** bytes in front of data (XDP metadata included) */
  headroom(): number {
    return this.data - this.head;
  }
  /** bytes behind the packet */
  tailroom(): number {
    return this.head + this.bufBytes - this.data - this.len;
  }
  /** Makes room in front: moves data down. The caller has checked the headroom. */
  push(bytes: number): void {
    this.data -= bytes;
    this.len += bytes;
  }
  /** Takes bytes off the front. */
  pull(bytes: number): void {
    this.data += bytes;
    this.len -= bytes;
  }
  /** skb_orphan: the sender's memory is free again. Drivers call it when the packet leaves the host. */
  orphan(): void {
    if (this.owner === null) return;
    this.owner.onSkbFree(this);
    this.owner = null;
    this.prefetched = false;
  }
}

/** Hands packets out and takes them back. */
export class SkbPool {
  private readonly arena: Arena;
  private readonly shells: Skb[] = [];
  /** Every packet object there is, live or not. */
  private readonly all: Skb[] = [];
  private readonly buffers: [number[], number[], number[]] = [[], [], []];
  private nextId: number = 1;
  /** Packets handed out and not yet given back. */
  live: number = 0;
  /** Packets handed out since the beginning. */
  created: number = 0;

  constructor(arena: Arena) {
    this.arena = arena;
  }

  /**
   * A fresh packet of `len` bytes (contents undefined) with HEADROOM in front.
   * @returns null when the arena is used up
   */
  alloc(len: number, nowNs: number): Skb | null {
    const skb = this.shells.pop() ?? this.makeShell();
    if (!this.giveBuffer(skb, len + HEADROOM + TAILROOM)) {
      this.shells.push(skb);
      return null;
    }
    skb.data = skb.head + HEADROOM;
    skb.len = len;
    skb.id = this.nextId++;
    skb.bornNs = nowNs;
    skb.live = true;
    this.live++;
    this.created++;
    return skb;
  }

  /** Shows every live packet, for reports; slow. The order is that of first use of the objects. */
  forEachLive(visit: (skb: Skb) => void): void {
    for (const skb of this.all) if (skb.live) visit(skb);
  }

  private makeShell(): Skb {
    const skb = new Skb();
    this.all.push(skb);
    return skb;
  }

  /** A copy with bytes and metadata of its own; null when the arena is used up. Neither dst nor owner are copied. */
  clone(from: Skb, nowNs: number): Skb | null {
    const skb = this.shells.pop() ?? this.makeShell();
    if (!this.giveBuffer(skb, from.bufBytes)) {
      this.shells.push(skb);
      return null;
    }
    const shift = skb.head - from.head;
    const start = from.data - from.metaLen;
    const macStart = from.macHeader >= 0 && from.macHeader < start ? from.macHeader : start;
    this.arena.u8.copyWithin(macStart + shift, macStart, from.data + from.len);
    skb.data = from.data + shift;
    skb.len = from.len;
    skb.metaLen = from.metaLen;
    skb.frameSz = from.frameSz;
    skb.macHeader = from.macHeader < 0 ? -1 : from.macHeader + shift;
    skb.networkHeader = from.networkHeader < 0 ? -1 : from.networkHeader + shift;
    skb.transportHeader = from.transportHeader < 0 ? -1 : from.transportHeader + shift;
    skb.innerNetworkHeader = from.innerNetworkHeader < 0 ? -1 : from.innerNetworkHeader + shift;
    skb.macLen = from.macLen;
    skb.protocol = from.protocol;
    skb.dev = from.dev;
    skb.skbIif = from.skbIif;
    skb.pktType = from.pktType;
    skb.mark = from.mark;
    skb.priority = from.priority;
    skb.queueMapping = from.queueMapping;
    skb.hash = from.hash;
    skb.vlanPresent = from.vlanPresent;
    skb.vlanTci = from.vlanTci;
    skb.vlanProto = from.vlanProto;
    skb.tcIndex = from.tcIndex;
    skb.tcClassid = from.tcClassid;
    skb.napiId = from.napiId;
    skb.cb0 = from.cb0;
    skb.cb1 = from.cb1;
    skb.cb2 = from.cb2;
    skb.cb3 = from.cb3;
    skb.cb4 = from.cb4;
    skb.tstampNs = from.tstampNs;
    skb.ipSummed = from.ipSummed;
    skb.csumLevel = from.csumLevel;
    skb.csum = from.csum;
    skb.csumStart = from.csumStart < 0 ? -1 : from.csumStart + shift;
    skb.csumOffset = from.csumOffset;
    skb.redirected = from.redirected;
    skb.fromIngress = from.fromIngress;
    skb.atIngress = from.atIngress;
    skb.tunnel = from.tunnel;
    skb.parentId = from.id;
    skb.id = this.nextId++;
    skb.bornNs = nowNs;
    skb.live = true;
    this.live++;
    this.created++;
    return skb;
  }

  /** Takes a packet back. Use Kernel.consumeSkb or Kernel.kfreeSkb, which account for it. */
  release(skb: Skb): void {
    if (!skb.live) throw new BugError("SKB_DOUBLE_FREE", `packet ${skb.id} was freed twice`);
    if (skb.owner !== null) {
      skb.owner.onSkbFree(skb);
      skb.owner = null;
      skb.prefetched = false;
    }
    this.takeBuffer(skb);
    skb.live = false;
    skb.generation++;
    skb.len = 0;
    skb.metaLen = 0;
    skb.frameSz = XDP_FRAME_SZ;
    skb.fragsLen = 0;
    skb.macHeader = -1;
    skb.networkHeader = -1;
    skb.transportHeader = -1;
    skb.innerNetworkHeader = -1;
    skb.macLen = 0;
    skb.protocol = 0;
    skb.dev = null;
    skb.skbIif = 0;
    skb.pktType = PACKET_HOST;
    skb.mark = 0;
    skb.priority = 0;
    skb.queueMapping = 0;
    skb.hash = 0;
    skb.vlanPresent = false;
    skb.vlanTci = 0;
    skb.vlanProto = 0;
    skb.tcIndex = 0;
    skb.tcClassid = 0;
    skb.napiId = 0;
    skb.cb0 = 0;
    skb.cb1 = 0;
    skb.cb2 = 0;
    skb.cb3 = 0;
    skb.cb4 = 0;
    skb.tstampNs = 0;
    skb.ipSummed = CHECKSUM_NONE;
    skb.csumLevel = 0;
    skb.csum = 0;
    skb.csumStart = -1;
    skb.csumOffset = 0;
    skb.redirected = false;
    skb.fromIngress = false;
    skb.atIngress = false;
    skb.enqueuedNs = 0;
    skb.dst = null;
    skb.tunnel = null;
    skb.seq = 0;
    skb.endSeq = 0;
    skb.ackSeq = 0;
    skb.tcpFlags = 0;
    skb.truesize = 0;
    skb.parentId = 0;
    skb.source = 0;
    skb.next = null;
    skb.queueNs = 0;
    this.live--;
    this.shells.push(skb);
  }

  /**
   * Makes sure of room in front and behind, moving the packet into a larger buffer when need be (pskb_expand_head).
   * @returns false when the arena is used up or the packet would pass the largest buffer
   */
  ensureRoom(skb: Skb, headBytes: number, tailBytes: number): boolean {
    if (skb.headroom() - skb.metaLen >= headBytes && skb.tailroom() >= tailBytes) return true;
    const front = Math.max(headBytes, HEADROOM) + skb.metaLen;
    const oldHead = skb.head;
    const oldBytes = skb.bufBytes;
    const oldData = skb.data;
    if (!this.giveBuffer(skb, front + skb.len + Math.max(tailBytes, TAILROOM))) {
      skb.head = oldHead;
      skb.bufBytes = oldBytes;
      return false;
    }
    const newData = skb.head + front;
    // headers before data (a pulled MAC header) move along
    const keep = skb.macHeader >= 0 && skb.macHeader < oldData - skb.metaLen ? oldData - skb.macHeader : skb.metaLen;
    this.arena.u8.copyWithin(newData - keep, oldData - keep, oldData + skb.len);
    const shift = newData - oldData;
    skb.data = newData;
    if (skb.macHeader >= 0) skb.macHeader += shift;
    if (skb.networkHeader >= 0) skb.networkHeader += shift;
    if (skb.transportHeader >= 0) skb.transportHeader += shift;
    if (skb.innerNetworkHeader >= 0) skb.innerNetworkHeader += shift;
    if (skb.csumStart >= 0) skb.csumStart += shift;
    this.buffers[sizeClass(oldBytes)]!.push(oldHead);
    return true;
  }

  private giveBuffer(skb: Skb, bytes: number): boolean {
    if (bytes > BUF_MAX) return false;
    const c = sizeClass(bytes);
    const size = c === 0 ? BUF_SMALL : c === 1 ? BUF_JUMBO : BUF_MAX;
    let addr = this.buffers[c]!.pop() ?? 0;
    if (addr === 0) addr = this.arena.alloc(size, 64);
    if (addr === 0) return false;
    skb.head = addr;
    skb.bufBytes = size;
    return true;
  }

  private takeBuffer(skb: Skb): void {
    this.buffers[sizeClass(skb.bufBytes)]!.push(skb.head);
    skb.head = 0;
    skb.bufBytes = 0;
    skb.data = 0;
  }
}

function sizeClass(bytes: number): number {
  return bytes <= BUF_SMALL ? 0 : bytes <= BUF_JUMBO ? 1 : 2;
}

/** A FIFO of packets through their `next` links; knows its length in packets and bytes. */
export class SkbQueue {
  head: Skb | null = null;
  tail: Skb | null = null;
  qlen: number = 0;
  bytes: number = 0;

  push(skb: Skb): void {
    skb.next = null;
    if (this.tail === null) this.head = skb;
    else this.tail.next = skb;
    this.tail = skb;
    this.qlen++;
    this.bytes += skb.len;
  }

  /** Takes the last one; walks the queue. */
  pop(): Skb | null {
    const skb = this.tail;
    if (skb === null) return null;
    if (this.head === skb) {
      this.head = null;
      this.tail = null;
    } else {
      let before = this.head!;
      while (before.next !== skb) before = before.next!;
      before.next = null;
      this.tail = before;
    }
    this.qlen--;
    this.bytes -= skb.len;
    return skb;
  }

  shift(): Skb | null {
    const skb = this.head;
    if (skb === null) return null;
    this.head = skb.next;
    if (this.head === null) this.tail = null;
    skb.next = null;
    this.qlen--;
    this.bytes -= skb.len;
    return skb;
  }
}
