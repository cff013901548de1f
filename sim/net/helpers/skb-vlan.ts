/**
 * bpf_skb_vlan_push, bpf_skb_vlan_pop. The outermost tag lives in the packet's metadata (vlanTci), further ones in its bytes.
 *
 * @source net/core/skbuff.c skb_vlan_push, skb_vlan_pop, __skb_vlan_pop; include/linux/if_vlan.h __vlan_insert_inner_tag,
 *         vlan_remove_tag
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { ENOMEM } from "../../bpf/maps/errno.ts";
import { TC_KINDS } from "../../bpf/prog-kinds.ts";
import { frameType } from "../eth-type-trans.ts";
import { ETH_HLEN, ETH_P_8021AD, ETH_P_8021Q, VLAN_HLEN } from "../ether.ts";
import type { NetEnv } from "../net-env.ts";
import { refreshSkb } from "./packet.ts";

/** What all of them have. */
const plain = { gplOnly: false, progKinds: TC_KINDS, mapKinds: null, changesPacket: true, ret: "int" } as const;

/** `bpf_skb_vlan_push`. */
export const skbVlanPush: HelperDef<NetEnv> = {
  ...plain,
  id: 18,
  name: "skb_vlan_push",
  since: "4.3",
  args: ["ctx", "u32", "u32"],
  costNs: 15,
  call: (env: NetEnv, _ctx: number, protoBe: number, tci: number): number => {
    const skb = env.skb;
    let proto = ((protoBe & 0xff) << 8) | ((protoBe >>> 8) & 0xff);
    if (proto !== ETH_P_8021Q && proto !== ETH_P_8021AD) proto = ETH_P_8021Q;
    let err = 0;
    if (skb.vlanPresent) {
      err = insertTag(env);
      if (err === 0) skb.protocol = skb.vlanProto;
    }
    if (err === 0) {
      skb.vlanPresent = true;
      skb.vlanProto = proto;
      skb.vlanTci = tci & 0xffff;
    }
    skb.macLen = skb.networkHeader - skb.macHeader;
    refreshSkb(env);
    return err;
  },
};

/** `bpf_skb_vlan_pop`. */
export const skbVlanPop: HelperDef<NetEnv> = {
  ...plain,
  id: 19,
  name: "skb_vlan_pop",
  since: "4.3",
  args: ["ctx"],
  costNs: 15,
  call: (env: NetEnv): number => {
    const err = popTag(env);
    refreshSkb(env);
    return err;
  },
};

function isVlan(proto: number): boolean {
  return proto === ETH_P_8021Q || proto === ETH_P_8021AD;
}

function popTag(env: NetEnv): number {
  const skb = env.skb;
  if (skb.vlanPresent) {
    skb.vlanPresent = false;
    skb.vlanTci = 0;
    skb.vlanProto = 0;
  } else {
    if (!isVlan(skb.protocol)) return 0;
    const err = removeTag(env);
    if (err < 0) return err;
  }
  // the next tag moves into the metadata
  if (!isVlan(skb.protocol)) return 0;
  const proto = skb.protocol;
  const tci = removeTag(env);
  if (tci < 0) return tci;
  skb.vlanPresent = true;
  skb.vlanProto = proto;
  skb.vlanTci = tci;
  return 0;
}

/** Writes the tag of the metadata into the packet, behind the MAC addresses; the network header starts at the tag then. */
function insertTag(env: NetEnv): number {
  const skb = env.skb;
  if (!env.kernel.pool.ensureRoom(skb, VLAN_HLEN, 0)) return -ENOMEM;
  const u8 = env.kernel.arena.u8;
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
  return 0;
}

/** Takes the tag out of the packet's bytes. @returns its TCI, or -errno */
function removeTag(env: NetEnv): number {
  const skb = env.skb;
  if (skb.len < ETH_HLEN + VLAN_HLEN) return -ENOMEM;
  const u8 = env.kernel.arena.u8;
  const d = skb.data;
  const tci = (u8[d + 14]! << 8) | u8[d + 15]!;
  skb.protocol = frameType(u8, d + 16, d + skb.len);
  u8.copyWithin(d + VLAN_HLEN, d, d + ETH_HLEN - 2);
  skb.pull(VLAN_HLEN);
  skb.macHeader += VLAN_HLEN;
  if (skb.networkHeader - skb.data < ETH_HLEN) skb.networkHeader = skb.data + ETH_HLEN;
  skb.macLen = skb.networkHeader - skb.macHeader;
  return tci;
}
