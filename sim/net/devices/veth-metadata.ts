/**
 * What veth says of its frames to programs that are bound to it: of packets of the stack what stands in the sk_buff, of frames that XDP
 * sent nothing.
 * @source drivers/net/veth.c veth_xdp_rx_timestamp, veth_xdp_rx_hash, veth_xdp_rx_vlan_tag; include/linux/if_vlan.h
 *         __vlan_hwaccel_get_tag
 */
import { ENODATA } from "../../bpf/maps/errno.ts";
import { skbGetHash, skbHashIsL4 } from "../flow.ts";
import type { Netdev, XdpMetadataOps } from "../netdev.ts";
import type { Skb } from "../skb.ts";

/** XDP_RSS_TYPE_L4_ANY. */
const XDP_RSS_L4 = 8;

/** Frames of ndo_xdp_xmit and XDP_TX, unlike packets of the stack, have no MAC header set. */
const isFrame = (skb: Skb): boolean => skb.macHeader < 0;

/** The record for the device. */
export const vethMetadata: XdpMetadataOps = {
  /** skb_hwtstamps: nobody sets any. */
  rxTimestamp(dev: Netdev, skb: Skb, _rxQueue: number, at: number): number {
    if (isFrame(skb)) return -ENODATA;
    dev.host.kernel.arena.u8.fill(0, at, at + 8);
    return 0;
  },
  rxHash(dev: Netdev, skb: Skb, _rxQueue: number, hashAt: number, typeAt: number): number {
    if (isFrame(skb)) return -ENODATA;
    const { arena } = dev.host.kernel;
    arena.dv.setUint32(hashAt, skbGetHash(arena, skb), true);
    arena.dv.setUint32(typeAt, skbHashIsL4(arena, skb) ? XDP_RSS_L4 : 0, true);
    return 0;
  },
  rxVlanTag(dev: Netdev, skb: Skb, _rxQueue: number, protoAt: number, tciAt: number): number {
    if (isFrame(skb)) return -ENODATA;
    const { dv } = dev.host.kernel.arena;
    dv.setUint16(tciAt, skb.vlanPresent ? skb.vlanTci : 0, true);
    if (!skb.vlanPresent) return -ENODATA;
    dv.setUint16(protoAt, skb.vlanProto);
    return 0;
  },
};
