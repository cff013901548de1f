/**
 * Helpers over what is known about a packet: its type, hash, mark of congestion, timestamp, route realm and xfrm state.
 *
 * @source net/core/filter.c, the functions of these names; include/net/inet_ecn.h IP_ECN_set_ce, IP6_ECN_set_ce
 * @differs routes have no realms, so a realm is 0; there is no xfrm, so no packet has its state; a hash that was set to 0 counts as not
 *          computed
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { EINVAL, EOPNOTSUPP } from "../../bpf/maps/errno.ts";
import { TC_KINDS } from "../../bpf/prog-kinds.ts";
import { ETH_P_8021AD, ETH_P_8021Q, ETH_P_IP, ETH_P_IPV6 } from "../ether.ts";
import { skbGetHash } from "../flow.ts";
import type { NetEnv } from "../net-env.ts";
import { PACKET_OTHERHOST } from "../skb.ts";
import { refreshSkb, TC_LWT_KINDS, TC_XMIT_KINDS } from "./packet.ts";

const SKB_CLOCK_REALTIME = 0;
const SKB_CLOCK_MONOTONIC = 1;
const SKB_CLOCK_TAI = 2;

const plain = { gplOnly: false, mapKinds: null, changesPacket: false } as const;

/** `bpf_skb_change_type`. */
export const skbChangeType: HelperDef<NetEnv> = {
  ...plain,
  id: 32,
  name: "skb_change_type",
  since: "4.8",
  args: ["ctx", "u32"],
  ret: "int",
  progKinds: TC_KINDS,
  costNs: 3,
  call: (env: NetEnv, _ctx: number, type: number): number => {
    const skb = env.skb;
    if (skb.pktType > PACKET_OTHERHOST || type >>> 0 > PACKET_OTHERHOST) return -EINVAL;
    skb.pktType = type;
    refreshSkb(env);
    return 0;
  },
};

/** `bpf_get_hash_recalc`. */
export const getHashRecalc: HelperDef<NetEnv> = {
  ...plain,
  id: 34,
  name: "get_hash_recalc",
  since: "4.8",
  args: ["ctx"],
  ret: "u32",
  progKinds: TC_LWT_KINDS,
  costNs: 40,
  call: (env: NetEnv): number => {
    const hash = skbGetHash(env.kernel.arena, env.skb);
    refreshSkb(env);
    return hash;
  },
};

/** `bpf_set_hash`. */
export const setHash: HelperDef<NetEnv> = {
  ...plain,
  id: 48,
  name: "set_hash",
  since: "4.13",
  args: ["ctx", "u32"],
  ret: "int",
  progKinds: TC_KINDS,
  costNs: 3,
  call: (env: NetEnv, _ctx: number, hash: number): number => {
    env.skb.hash = hash >>> 0;
    refreshSkb(env);
    return 0;
  },
};

/** `bpf_set_hash_invalid`. */
export const setHashInvalid: HelperDef<NetEnv> = {
  ...plain,
  id: 41,
  name: "set_hash_invalid",
  since: "4.9",
  args: ["ctx"],
  ret: "int",
  progKinds: TC_XMIT_KINDS,
  costNs: 3,
  call: (env: NetEnv): number => {
    env.skb.hash = 0;
    refreshSkb(env);
    return 0;
  },
};

/** `bpf_get_route_realm`. */
export const getRouteRealm: HelperDef<NetEnv> = {
  ...plain,
  id: 24,
  name: "get_route_realm",
  since: "4.4",
  args: ["ctx"],
  ret: "u32",
  progKinds: TC_LWT_KINDS,
  costNs: 3,
  call: (): number => 0,
};

/** `bpf_skb_set_tstamp`. */
export const skbSetTstamp: HelperDef<NetEnv> = {
  ...plain,
  id: 192,
  name: "skb_set_tstamp",
  since: "5.18",
  args: ["ctx", "u64", "u32"],
  ret: "int",
  progKinds: TC_KINDS,
  costNs: 3,
  call: (env: NetEnv, _ctx: number, lo: number, hi: number, type: number): number => {
    const skb = env.skb;
    if (skb.protocol !== ETH_P_IP && skb.protocol !== ETH_P_IPV6) return -EOPNOTSUPP;
    if (type === SKB_CLOCK_MONOTONIC || type === SKB_CLOCK_TAI) {
      if (lo === 0 && hi === 0) return -EINVAL;
    } else if (type !== SKB_CLOCK_REALTIME) return -EINVAL;
    env.skbContexts.setTstamp(env.ctx, lo, hi);
    return 0;
  },
};

/** `bpf_skb_ecn_set_ce`. */
export const skbEcnSetCe: HelperDef<NetEnv> = {
  ...plain,
  id: 97,
  name: "skb_ecn_set_ce",
  since: "5.1",
  args: ["ctx"],
  ret: "int",
  progKinds: [...TC_KINDS, "cgroup_skb"],
  costNs: 6,
  call: (env: NetEnv): number => {
    const skb = env.skb;
    const u8 = env.kernel.arena.u8;
    const h = skb.networkHeader;
    const end = skb.data + skb.len;
    let proto = skb.protocol;
    for (let p = h; (proto === ETH_P_8021Q || proto === ETH_P_8021AD) && p + 4 <= end; p += 4) {
      proto = (u8[p + 2]! << 8) | u8[p + 3]!;
    }
    if (proto === ETH_P_IP) {
      if (h + 20 > end) return 0;
      const ecn = (u8[h + 1]! + 1) & 3;
      // not capable: 0; marked already: 1
      if ((ecn & 2) === 0) return ecn === 0 ? 1 : 0;
      const sum = (u8[h + 10]! | (u8[h + 11]! << 8)) + 0xfbff + (ecn << 8);
      const folded = (sum & 0xffff) + (sum >>> 16);
      u8[h + 10] = folded;
      u8[h + 11] = folded >>> 8;
      u8[h + 1] = u8[h + 1]! | 3;
      return 1;
    }
    if (proto === ETH_P_IPV6) {
      if (h + 40 > end || (u8[h + 1]! & 0x30) === 0) return 0;
      u8[h + 1] = u8[h + 1]! | 0x30;
      return 1;
    }
    return 0;
  },
};

/** `bpf_skb_get_xfrm_state`. */
export const skbGetXfrmState: HelperDef<NetEnv> = {
  ...plain,
  id: 66,
  name: "skb_get_xfrm_state",
  since: "4.18",
  args: ["ctx", "u32", "mem_out", "size", "u64"],
  ret: "int",
  progKinds: TC_KINDS,
  costNs: 4,
  call: (env: NetEnv, _ctx: number, _index: number, to: number, size: number): number => {
    // no packet has a security path
    env.kernel.arena.u8.fill(0, to, to + size);
    return -EINVAL;
  },
};
