/**
 * VLAN tags of a packet: the outermost one lives in its metadata (vlanTci), further ones in its bytes. skb.data is at the MAC header.
 *
 * @source net/core/skbuff.c skb_vlan_push, skb_vlan_pop, __skb_vlan_pop; include/linux/if_vlan.h __vlan_insert_inner_tag,
 *         vlan_remove_tag
 */
import { ENOMEM } from "../bpf/maps/errno.ts";
import { bytesCome, bytesLeave } from "./complete-csum.ts";
import { frameType } from "./eth-type-trans.ts";
import { ETH_HLEN, ETH_P_8021AD, ETH_P_8021Q, VLAN_HLEN } from "./ether.ts";
import type { Kernel } from "./kernel.ts";
import type { Skb } from "./skb.ts";

/** Where a tag begins: behind the MAC addresses. */
const TAG_AT = 12;

/** Whether an ethertype is that of a tag. */
export function isVlanProto(proto: number): boolean {
  return proto === ETH_P_8021Q || proto === ETH_P_8021AD;
}

/** skb_vlan_push: one more tag, outside of those that are there. @param proto ethertype in host order. @returns 0 or -errno */
export function pushVlan(kernel: Kernel, skb: Skb, proto: number, tci: number): number {
  if (skb.vlanPresent) {
    const err = insertTag(kernel, skb);
    if (err !== 0) return err;
    skb.protocol = skb.vlanProto;
  }
  skb.vlanPresent = true;
  skb.vlanProto = proto;
  skb.vlanTci = tci & 0xffff;
  return 0;
}

/** skb_vlan_pop: the outermost tag goes, the next one moves into the metadata. @returns 0, also without a tag, or -errno */
export function popVlan(kernel: Kernel, skb: Skb): number {
  if (skb.vlanPresent) {
    clearVlan(skb);
  } else {
    if (!isVlanProto(skb.protocol)) return 0;
    const err = removeTag(kernel, skb);
    if (err < 0) return err;
  }
  if (!isVlanProto(skb.protocol)) return 0;
  const proto = skb.protocol;
  const tci = removeTag(kernel, skb);
  if (tci < 0) return tci;
  skb.vlanPresent = true;
  skb.vlanProto = proto;
  skb.vlanTci = tci;
  return 0;
}

/** Takes the outermost tag off, and no other. @returns its TCI, -1 when there is none, or -errno */
export function takeVlan(kernel: Kernel, skb: Skb): number {
  if (skb.vlanPresent) {
    const tci = skb.vlanTci;
    clearVlan(skb);
    return tci;
  }
  return isVlanProto(skb.protocol) ? removeTag(kernel, skb) : -1;
}

function clearVlan(skb: Skb): void {
  skb.vlanPresent = false;
  skb.vlanTci = 0;
  skb.vlanProto = 0;
}

/** Writes the tag of the metadata into the packet, behind the MAC addresses; the network header starts at the tag then. */
function insertTag(kernel: Kernel, skb: Skb): number {
  if (!kernel.pool.ensureRoom(skb, VLAN_HLEN, 0)) return -ENOMEM;
  const u8 = kernel.arena.u8;
  const old = skb.data;
  skb.push(VLAN_HLEN);
  const d = skb.data;
  u8.copyWithin(d, old, old + ETH_HLEN - 2);
  u8[d + 12] = skb.vlanProto >>> 8;
  u8[d + 13] = skb.vlanProto;
  u8[d + 14] = skb.vlanTci >>> 8;
  u8[d + 15] = skb.vlanTci;
  skb.macHeader -= VLAN_HLEN;
  skb.networkHeader -= VLAN_HLEN;
  bytesCome(kernel.arena, skb, d + TAG_AT, VLAN_HLEN);
  return 0;
}

/** Takes the tag out of the packet's bytes. @returns its TCI, or -errno */
function removeTag(kernel: Kernel, skb: Skb): number {
  if (skb.len < ETH_HLEN + VLAN_HLEN) return -ENOMEM;
  const u8 = kernel.arena.u8;
  const d = skb.data;
  const tci = (u8[d + 14]! << 8) | u8[d + 15]!;
  bytesLeave(kernel.arena, skb, d + TAG_AT, VLAN_HLEN);
  skb.protocol = frameType(u8, d + 16, d + skb.len);
  u8.copyWithin(d + VLAN_HLEN, d, d + ETH_HLEN - 2);
  skb.pull(VLAN_HLEN);
  skb.macHeader += VLAN_HLEN;
  if (skb.networkHeader - skb.data < ETH_HLEN) skb.networkHeader = skb.data + ETH_HLEN;
  skb.macLen = skb.networkHeader - skb.macHeader;
  return tci;
}
