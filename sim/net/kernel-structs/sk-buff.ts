/**
 * `struct sk_buff` and the `struct skb_shared_info` behind its buffer: what bpf_cast_to_kern_ctx gives programs on packets of the stack.
 * Each context of a run under way has one of its own, filled when the program asks.
 * @source include/linux/skbuff.h, include/net/sch_generic.h struct qdisc_skb_cb
 * @differs `next`, `prev`, route, destructor and extensions are null; `users` is 1; `truesize` is the buffer's size
 */
import type { Btf } from "../../bpf/btf/types.ts";
import type { Arena } from "../../engine/arena.ts";
import type { Netdev } from "../netdev.ts";
import { SHARED_INFO_BYTES, type Skb, XDP_FRAG_BYTES } from "../skb.ts";
import { putField, StructLayout, swap16 } from "./layout.ts";
import type { NetDevices } from "./net-device.ts";
import type { Socks } from "./sock.ts";

/** Of a header that is not set. */
const UNSET = 0xffff;

/** The packets of the stack as programs see them. */
export class SkBuffs {
  private readonly arena: Arena;
  private readonly devices: NetDevices;
  private readonly socks: Socks;
  private readonly f: ReturnType<typeof fieldsOf>;
  private readonly shared: ReturnType<typeof sharedFieldsOf>;
  /** By context. */
  private readonly placed: Map<number, number> = new Map();
  private sharedAt: number = 0;

  constructor(arena: Arena, btf: Btf, devices: NetDevices, socks: Socks) {
    this.arena = arena;
    this.devices = devices;
    this.socks = socks;
    this.f = fieldsOf(btf);
    this.shared = sharedFieldsOf(btf);
  }

  /** Address of the struct of a run's packet, filled. @param pktLen qdisc_skb_cb's pkt_len */
  addressOf(ctx: number, skb: Skb, dev: Netdev, pktLen: number): number {
    const { arena, f } = this;
    let at = this.placed.get(ctx);
    if (at === undefined) {
      at = f.layout.place(arena);
      this.placed.set(ctx, at);
      putField(arena, at, f.users, 1);
    }
    putField(arena, at, f.dev, this.devices.addressOf(dev));
    putField(arena, at, f.sk, this.socks.addressOf(skb.owner?.sock));
    putField(arena, at, f.tstamp, skb.tstampNs);
    putField(arena, at, f.len, skb.len);
    putField(arena, at, f.data_len, skb.fragsLen);
    putField(arena, at, f.mac_len, skb.macLen);
    putField(arena, at, f.queue_mapping, skb.queueMapping);
    putField(arena, at, f.pkt_type, skb.pktType);
    putField(arena, at, f.ip_summed, skb.ipSummed);
    putField(arena, at, f.csum_level, skb.csumLevel);
    putField(arena, at, f.tc_at_ingress, skb.atIngress ? 1 : 0);
    putField(arena, at, f.redirected, skb.redirected ? 1 : 0);
    putField(arena, at, f.from_ingress, skb.fromIngress ? 1 : 0);
    putField(arena, at, f.encapsulation, skb.innerNetworkHeader >= 0 ? 1 : 0);
    putField(arena, at, f.tc_index, skb.tcIndex);
    putField(arena, at, f.csum_start, skb.csumStart < 0 ? 0 : skb.csumStart - skb.head);
    putField(arena, at, f.csum_offset, skb.csumOffset);
    putField(arena, at, f.priority, skb.priority);
    putField(arena, at, f.skb_iif, skb.skbIif);
    putField(arena, at, f.hash, skb.hash);
    putField(arena, at, f.vlan_proto, skb.vlanPresent ? swap16(skb.vlanProto) : 0);
    putField(arena, at, f.vlan_tci, skb.vlanPresent ? skb.vlanTci : 0);
    putField(arena, at, f.napi_id, skb.napiId);
    putField(arena, at, f.mark, skb.mark);
    putField(arena, at, f.protocol, swap16(skb.protocol));
    putField(arena, at, f.inner_network_header, skb.innerNetworkHeader < 0 ? 0 : skb.innerNetworkHeader - skb.head);
    putField(arena, at, f.transport_header, skb.transportHeader < 0 ? UNSET : skb.transportHeader - skb.head);
    putField(arena, at, f.network_header, skb.networkHeader < 0 ? 0 : skb.networkHeader - skb.head);
    putField(arena, at, f.mac_header, skb.macHeader < 0 ? UNSET : skb.macHeader - skb.head);
    putField(arena, at, f.head, skb.head);
    putField(arena, at, f.data, skb.data);
    putField(arena, at, f.tail, skb.data + skb.len - skb.fragsLen - skb.head);
    putField(arena, at, f.end, skb.bufBytes - SHARED_INFO_BYTES);
    putField(arena, at, f.truesize, skb.bufBytes);
    this.putControlBlock(at + f.cb.offset, skb, pktLen);
    return at;
  }

  /** skb_shinfo: address of the struct at the end of the packet's buffer, if that is where an address leads to; else 0. */
  sharedInfoAt(addr: number, skb: Skb): number {
    if (skb.head === 0 || addr !== skb.head + skb.bufBytes - SHARED_INFO_BYTES) return 0;
    const { arena, shared } = this;
    if (this.sharedAt === 0) this.sharedAt = shared.layout.place(arena);
    putField(arena, this.sharedAt, shared.nr_frags, Math.ceil(skb.fragsLen / XDP_FRAG_BYTES));
    putField(arena, this.sharedAt, shared.meta_len, skb.metaLen);
    putField(arena, this.sharedAt, shared.xdp_frags_size, skb.fragsLen);
    putField(arena, this.sharedAt, shared.dataref, 1);
    return this.sharedAt;
  }

  private putControlBlock(at: number, skb: Skb, pktLen: number): void {
    const { arena, f } = this;
    putField(arena, at, f.pkt_len, pktLen);
    putField(arena, at, f.tc_classid, skb.tcClassid);
    const { dv } = arena;
    const data = at + f.cb_data.offset;
    dv.setUint32(data, skb.cb0, true);
    dv.setUint32(data + 4, skb.cb1, true);
    dv.setUint32(data + 8, skb.cb2, true);
    dv.setUint32(data + 12, skb.cb3, true);
    dv.setUint32(data + 16, skb.cb4, true);
  }
}

function fieldsOf(btf: Btf) {
  const layout = new StructLayout(btf, "sk_buff");
  const cb = new StructLayout(btf, "qdisc_skb_cb");
  return {
    layout,
    pkt_len: cb.field("pkt_len"),
    tc_classid: cb.field("tc_classid"),
    cb_data: cb.field("data"),
    dev: layout.field("dev"),
    sk: layout.field("sk"),
    tstamp: layout.field("tstamp"),
    cb: layout.field("cb"),
    len: layout.field("len"),
    data_len: layout.field("data_len"),
    mac_len: layout.field("mac_len"),
    queue_mapping: layout.field("queue_mapping"),
    pkt_type: layout.field("pkt_type"),
    ip_summed: layout.field("ip_summed"),
    csum_level: layout.field("csum_level"),
    tc_at_ingress: layout.field("tc_at_ingress"),
    redirected: layout.field("redirected"),
    from_ingress: layout.field("from_ingress"),
    encapsulation: layout.field("encapsulation"),
    tc_index: layout.field("tc_index"),
    csum_start: layout.field("csum_start"),
    csum_offset: layout.field("csum_offset"),
    priority: layout.field("priority"),
    skb_iif: layout.field("skb_iif"),
    hash: layout.field("hash"),
    vlan_proto: layout.field("vlan_proto"),
    vlan_tci: layout.field("vlan_tci"),
    napi_id: layout.field("napi_id"),
    mark: layout.field("mark"),
    protocol: layout.field("protocol"),
    inner_network_header: layout.field("inner_network_header"),
    transport_header: layout.field("transport_header"),
    network_header: layout.field("network_header"),
    mac_header: layout.field("mac_header"),
    tail: layout.field("tail"),
    end: layout.field("end"),
    head: layout.field("head"),
    data: layout.field("data"),
    truesize: layout.field("truesize"),
    users: layout.field("users"),
  };
}

function sharedFieldsOf(btf: Btf) {
  const layout = new StructLayout(btf, "skb_shared_info");
  return {
    layout,
    nr_frags: layout.field("nr_frags"),
    meta_len: layout.field("meta_len"),
    xdp_frags_size: layout.field("xdp_frags_size"),
    dataref: layout.field("dataref"),
  };
}
