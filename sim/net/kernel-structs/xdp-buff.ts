/**
 * `struct xdp_buff` with its `xdp_rxq_info`: what bpf_cast_to_kern_ctx gives XDP programs. Each context of a run under way has one of
 * its own, filled when the program asks.
 * @source include/net/xdp.h
 */
import type { Btf } from "../../bpf/btf/types.ts";
import type { Arena } from "../../engine/arena.ts";
import type { Netdev } from "../netdev.ts";
import type { Skb } from "../skb.ts";
import { putField, StructLayout } from "./layout.ts";
import type { NetDevices } from "./net-device.ts";

/** XDP_FLAGS_HAS_FRAGS. */
const HAS_FRAGS = 1;
/** REG_STATE_REGISTERED. */
const REGISTERED = 1;

/** The packets of drivers as programs see them. */
export class XdpBuffs {
  private readonly arena: Arena;
  private readonly devices: NetDevices;
  private readonly f: ReturnType<typeof fieldsOf>;
  /** By context: the buffer, its rxq and its txq. */
  private readonly placed: Map<number, readonly [number, number, number]> = new Map();

  constructor(arena: Arena, btf: Btf, devices: NetDevices) {
    this.arena = arena;
    this.devices = devices;
    this.f = fieldsOf(btf);
  }

  /** Address of the struct of a run's packet, filled. @param egress of devmap programs; null for all others */
  addressOf(ctx: number, skb: Skb, dev: Netdev, rxQueue: number, egress: Netdev | null): number {
    const { arena, f } = this;
    const [at, rxq, txq] = this.placed.get(ctx) ?? this.place(ctx);
    putField(arena, at, f.data, skb.data);
    putField(arena, at, f.data_end, skb.data + skb.len - skb.fragsLen);
    putField(arena, at, f.data_meta, skb.data - skb.metaLen);
    putField(arena, at, f.data_hard_start, skb.head);
    putField(arena, at, f.frame_sz, skb.frameSz);
    putField(arena, at, f.flags, skb.fragsLen > 0 ? HAS_FRAGS : 0);
    putField(arena, at, f.txq, egress === null ? 0 : txq);
    putField(arena, rxq, f.rxq_dev, this.devices.addressOf(dev));
    putField(arena, rxq, f.queue_index, rxQueue);
    if (egress !== null) putField(arena, txq, f.txq_dev, this.devices.addressOf(egress));
    return at;
  }

  private place(ctx: number): readonly [number, number, number] {
    const { arena, f } = this;
    const at = f.layout.place(arena);
    const rxq = f.rxqLayout.place(arena);
    putField(arena, at, f.rxq, rxq);
    putField(arena, rxq, f.reg_state, REGISTERED);
    const all = [at, rxq, f.txqLayout.place(arena)] as const;
    this.placed.set(ctx, all);
    return all;
  }
}

function fieldsOf(btf: Btf) {
  const layout = new StructLayout(btf, "xdp_buff");
  const rxqLayout = new StructLayout(btf, "xdp_rxq_info");
  const txqLayout = new StructLayout(btf, "xdp_txq_info");
  return {
    layout,
    rxqLayout,
    txqLayout,
    data: layout.field("data"),
    data_end: layout.field("data_end"),
    data_meta: layout.field("data_meta"),
    data_hard_start: layout.field("data_hard_start"),
    rxq: layout.field("rxq"),
    txq: layout.field("txq"),
    frame_sz: layout.field("frame_sz"),
    flags: layout.field("flags"),
    rxq_dev: rxqLayout.field("dev"),
    queue_index: rxqLayout.field("queue_index"),
    reg_state: rxqLayout.field("reg_state"),
    txq_dev: txqLayout.field("dev"),
  };
}
