/**
 * `struct __sk_buff` in the arena, as programs of type sched_cls, sched_act and socket_filter see it: filled from the packet
 * before a run, read back after it.
 *
 *     0 len              4 pkt_type        8 mark           12 queue_mapping
 *    16 protocol (be16) 20 vlan_present   24 vlan_tci       28 vlan_proto (be16)
 *    32 priority        36 ingress_ifindex 40 ifindex       44 tc_index
 *    48 cb[5]           68 hash           72 tc_classid     76 data
 *    80 data_end        84 napi_id        88 family .. 136 local_port (zero here)
 *   140 data_meta      144 flow_keys     152 tstamp (u64)  160 wire_len
 *   164 gso_segs       168 sk            176 gso_size      180 tstamp_type (u8)  184 hwtstamp (u64)
 *
 * Behind it, out of the program's reach, what the helpers' code (helpers/code/skb-code.ts) must know: 192 whether the checksum is left
 * to the device (CHECKSUM_PARTIAL), 196 whether a device summed the packet (CHECKSUM_COMPLETE).
 *
 * @source include/uapi/linux/bpf.h struct __sk_buff; net/core/filter.c bpf_convert_ctx_access, tc_cls_act_is_valid_access
 */
import type { Arena } from "../../engine/arena.ts";
import type { Netdev } from "../netdev.ts";
import { CHECKSUM_COMPLETE, CHECKSUM_PARTIAL, type Skb } from "../skb.ts";
import type { BpfSockets } from "../sockets/bpf-sock.ts";

/** Programs within programs: one more than transmit recursion allows (XMIT_RECURSION_LIMIT 8), and the receive side. */
export const MAX_RUN_DEPTH = 16;
/** Slots are kept apart by cache lines. */
const SLOT_BYTES = 256;
/** queue_mapping is 16 bits wide; this value is refused on write. @source include/linux/skbuff.h NO_QUEUE_MAPPING */
const NO_QUEUE_MAPPING = 0xffff;
const TWO_32 = 4294967296;

// word offsets
const W_LEN = 0;
const W_PKT_TYPE = 1;
const W_MARK = 2;
const W_QUEUE_MAPPING = 3;
const W_PROTOCOL = 4;
const W_VLAN_PRESENT = 5;
const W_VLAN_TCI = 6;
const W_VLAN_PROTO = 7;
const W_PRIORITY = 8;
const W_INGRESS_IFINDEX = 9;
const W_IFINDEX = 10;
const W_TC_INDEX = 11;
const W_CB = 12;
const W_HASH = 17;
const W_TC_CLASSID = 18;
const W_DATA = 19;
const W_DATA_END = 20;
const W_NAPI_ID = 21;
const W_DATA_META = 35;
const W_TSTAMP = 38;
const W_WIRE_LEN = 40;
const W_SK = 42;
const W_PARTIAL = 48;
const W_COMPLETE = 49;

/** Offsets of what the helpers' code reads, bytes. */
export const SKB_CTX_LEN: number = W_LEN * 4;
export const SKB_CTX_DATA: number = W_DATA * 4;
export const SKB_CTX_PARTIAL: number = W_PARTIAL * 4;
export const SKB_CTX_COMPLETE: number = W_COMPLETE * 4;

/** The contexts of nested runs, in one block. */
export class SkbContexts {
  /** Runs under way. */
  depth: number = 0;
  /** Cost of nested runs that was charged already, in sixteenths of a ns; zero outside of runs. */
  nestedCost16: number = 0;
  private readonly arena: Arena;
  private readonly sockets: BpfSockets;
  private readonly base: number;

  constructor(arena: Arena, sockets: BpfSockets) {
    this.arena = arena;
    this.sockets = sockets;
    this.base = arena.alloc(MAX_RUN_DEPTH * SLOT_BYTES, 64);
  }

  /** Address of the context of the run at a depth. */
  at(depth: number): number {
    return this.base + depth * SLOT_BYTES;
  }

  /** Whether an address is a context of ours: a packet buffer's, not an XDP one. */
  owns(ctx: number): boolean {
    return ctx >= this.base && ctx < this.base + MAX_RUN_DEPTH * SLOT_BYTES;
  }

  /** Writes all fields. `wireLen` is qdisc_skb_cb's pkt_len. */
  fill(ctx: number, skb: Skb, dev: Netdev, wireLen: number): void {
    const w = this.arena.u32;
    const c = ctx >>> 2;
    this.refreshPacket(ctx, skb);
    w[c + W_MARK] = skb.mark;
    w[c + W_QUEUE_MAPPING] = skb.queueMapping;
    w[c + W_PRIORITY] = skb.priority;
    w[c + W_INGRESS_IFINDEX] = skb.skbIif;
    w[c + W_IFINDEX] = dev.ifindex;
    w[c + W_TC_INDEX] = skb.tcIndex;
    w[c + W_CB] = skb.cb0;
    w[c + W_CB + 1] = skb.cb1;
    w[c + W_CB + 2] = skb.cb2;
    w[c + W_CB + 3] = skb.cb3;
    w[c + W_CB + 4] = skb.cb4;
    w[c + W_TC_CLASSID] = skb.tcClassid;
    w[c + W_NAPI_ID] = skb.napiId;
    const t = skb.tstampNs;
    w[c + W_TSTAMP] = t;
    w[c + W_TSTAMP + 1] = t < TWO_32 ? 0 : Math.floor(t / TWO_32);
    w[c + W_WIRE_LEN] = wireLen;
    const sock = skb.owner?.sock;
    if (sock === undefined) w[c + W_SK] = 0;
    else w[c + W_SK] = sock.view !== 0 ? sock.view : this.sockets.addressOf(sock);
  }

  /**
   * Writes the fields that follow from where the packet lies and what it is; helpers that move or retype a packet call it
   * (bpf_compute_data_pointers).
   */
  refreshPacket(ctx: number, skb: Skb): void {
    const w = this.arena.u32;
    const c = ctx >>> 2;
    const data = skb.data;
    const proto = skb.protocol;
    w[c + W_LEN] = skb.len;
    w[c + W_PKT_TYPE] = skb.pktType;
    w[c + W_PROTOCOL] = ((proto & 0xff) << 8) | (proto >>> 8);
    if (skb.vlanPresent) {
      w[c + W_VLAN_PRESENT] = 1;
      w[c + W_VLAN_TCI] = skb.vlanTci;
      w[c + W_VLAN_PROTO] = ((skb.vlanProto & 0xff) << 8) | (skb.vlanProto >>> 8);
    } else {
      w[c + W_VLAN_PRESENT] = 0;
      w[c + W_VLAN_TCI] = 0;
      w[c + W_VLAN_PROTO] = 0;
    }
    w[c + W_HASH] = skb.hash;
    w[c + W_DATA] = data;
    w[c + W_DATA_END] = data + skb.len;
    w[c + W_DATA_META] = data - skb.metaLen;
    w[c + W_PARTIAL] = skb.ipSummed === CHECKSUM_PARTIAL ? 1 : 0;
    w[c + W_COMPLETE] = skb.ipSummed === CHECKSUM_COMPLETE ? 1 : 0;
  }

  /** Takes over what a tc program may write: mark, queue_mapping, priority, tc_index, cb, tc_classid, tstamp. */
  readBack(ctx: number, skb: Skb): void {
    const w = this.arena.u32;
    const c = ctx >>> 2;
    skb.mark = w[c + W_MARK]!;
    const q = w[c + W_QUEUE_MAPPING]! & 0xffff;
    if (q !== NO_QUEUE_MAPPING) skb.queueMapping = q;
    skb.priority = w[c + W_PRIORITY]!;
    skb.tcIndex = w[c + W_TC_INDEX]! & 0xffff;
    skb.cb0 = w[c + W_CB]!;
    skb.cb1 = w[c + W_CB + 1]!;
    skb.cb2 = w[c + W_CB + 2]!;
    skb.cb3 = w[c + W_CB + 3]!;
    skb.cb4 = w[c + W_CB + 4]!;
    skb.tcClassid = w[c + W_TC_CLASSID]! & 0xffff;
    skb.tstampNs = w[c + W_TSTAMP]! + w[c + W_TSTAMP + 1]! * TWO_32;
  }

  /** qdisc_skb_cb's pkt_len as fill got it. */
  wireLen(ctx: number): number {
    return this.arena.u32[(ctx >>> 2) + W_WIRE_LEN]!;
  }

  /** Sets the timestamp in the context (bpf_skb_set_tstamp). */
  setTstamp(ctx: number, lo: number, hi: number): void {
    const c = ctx >>> 2;
    this.arena.u32[c + W_TSTAMP] = lo;
    this.arena.u32[c + W_TSTAMP + 1] = hi;
  }
}
