/** bpf_skb_vlan_push, bpf_skb_vlan_pop. @source net/core/filter.c bpf_skb_vlan_push, bpf_skb_vlan_pop */
import type { HelperDef } from "../../bpf/helper.ts";
import { TC_KINDS } from "../../bpf/prog-kinds.ts";
import { ETH_P_8021Q } from "../ether.ts";
import type { NetEnv } from "../net-env.ts";
import { isVlanProto, popVlan, pushVlan } from "../vlan-tag.ts";
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
    if (!isVlanProto(proto)) proto = ETH_P_8021Q;
    const err = pushVlan(env.kernel, skb, proto, tci);
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
    const err = popVlan(env.kernel, env.skb);
    refreshSkb(env);
    return err;
  },
};
