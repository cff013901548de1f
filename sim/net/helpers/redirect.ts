/**
 * bpf_redirect, bpf_redirect_map, bpf_redirect_neigh, bpf_redirect_peer, bpf_clone_redirect. All but the last only note where the
 * packet shall go; it goes there after the program has returned.
 *
 * @source net/core/filter.c bpf_redirect, bpf_xdp_redirect, bpf_redirect_neigh, bpf_redirect_peer, bpf_clone_redirect;
 *         include/linux/filter.h __bpf_xdp_redirect_map
 */
import type { HelperDef } from "../../bpf/helper.ts";
import type { BpfMap } from "../../bpf/map.ts";
import { CpumapMap } from "../../bpf/maps/cpumap.ts";
import { asDevmap } from "../../bpf/maps/devmap-entry.ts";
import { EINVAL, ENOMEM } from "../../bpf/maps/errno.ts";
import { TC_KINDS } from "../../bpf/prog-kinds.ts";
import { AF_INET, AF_INET6 } from "../ip/address.ts";
import {
  type NetEnv,
  REDIRECT_CPU,
  REDIRECT_IFINDEX,
  REDIRECT_MAP,
  REDIRECT_NEIGH,
  REDIRECT_PEER,
  type RedirectInfo,
} from "../net-env.ts";
import { TC_ACT_REDIRECT, TC_ACT_SHOT } from "../tc/act.ts";
import { BPF_F_INGRESS, bpfRedirect } from "../tc/redirect.ts";
import { syncSkb } from "../tc/run-prog.ts";
import { XDP_ABORTED, XDP_REDIRECT } from "../xdp/actions.ts";
import { inXdp, TC_XMIT_KINDS, XDP_KINDS } from "./packet.ts";

/** Lower bits of bpf_redirect_map's flags: what to answer when the lookup fails. */
const ACTION_MASK = 3;
const BPF_F_BROADCAST = 8;
const BPF_F_EXCLUDE_INGRESS = 16;
/** sizeof(struct bpf_redir_neigh): u32 nh_family, then be32 ipv4_nh or u32 ipv6_nh[4]. */
const REDIR_NEIGH_BYTES = 20;

/** What all of them have. */
const plain = { gplOnly: false, ret: "int" } as const;

/** `bpf_redirect`. */
export const redirect: HelperDef<NetEnv> = {
  ...plain,
  id: 23,
  name: "redirect",
  since: "4.4",
  args: ["u32", "u64"],
  progKinds: [...XDP_KINDS, ...TC_XMIT_KINDS],
  mapKinds: null,
  changesPacket: false,
  costNs: 3,
  call: (env: NetEnv, ifindex: number, flags: number, flagsHi: number): number => {
    const xdp = inXdp(env);
    const allowed = xdp ? 0 : BPF_F_INGRESS;
    if ((flags & ~allowed) !== 0 || flagsHi !== 0) return xdp ? XDP_ABORTED : TC_ACT_SHOT;
    const ri = env.redirect;
    ri.kind = REDIRECT_IFINDEX;
    ri.tgtIndex = ifindex >>> 0;
    ri.flags = flags;
    return xdp ? XDP_REDIRECT : TC_ACT_REDIRECT;
  },
};

/** `bpf_redirect_map`. */
export const redirectMap: HelperDef<NetEnv> = {
  ...plain,
  id: 51,
  name: "redirect_map",
  since: "4.14",
  args: ["map", "u32", "u64"],
  progKinds: XDP_KINDS,
  mapKinds: ["devmap", "devmap_hash", "cpumap", "xskmap"],
  changesPacket: false,
  costNs: 6,
  call: (env: NetEnv, handle: number, key: number, flags: number, flagsHi: number): number => {
    const map = env.machine.mapOfHandle(handle);
    if (map === undefined || flagsHi !== 0) return XDP_ABORTED;
    const ri = env.redirect;
    const devices = asDevmap(map);
    const allowed = devices === null ? ACTION_MASK : ACTION_MASK | BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS;
    if ((flags & ~allowed) !== 0) return XDP_ABORTED;
    if (devices === null) return redirectToCpu(ri, map, key >>> 0, flags);
    if ((flags & BPF_F_BROADCAST) === 0 && devices.ifindexOf(key >>> 0) === 0) return noTarget(ri, flags);
    ri.kind = REDIRECT_MAP;
    ri.map = devices;
    ri.tgtIndex = key >>> 0;
    ri.flags = (flags & BPF_F_BROADCAST) === 0 ? 0 : flags;
    return XDP_REDIRECT;
  },
};

/** The lookup failed: a program that answers XDP_REDIRECT nevertheless has no target. @returns the flags' action */
function noTarget(ri: RedirectInfo, flags: number): number {
  ri.kind = REDIRECT_IFINDEX;
  ri.map = null;
  ri.tgtIndex = 0;
  return flags & ACTION_MASK;
}

/** cpu_map_redirect and xsk_map_redirect; an xskmap holds no socket (bpf/maps/xskmap.ts). */
function redirectToCpu(ri: RedirectInfo, map: BpfMap, key: number, flags: number): number {
  const entry = map instanceof CpumapMap ? map.entryOf(key) : null;
  if (entry === null) return noTarget(ri, flags);
  ri.kind = REDIRECT_CPU;
  ri.map = null;
  ri.cpu = entry;
  ri.tgtIndex = key;
  ri.flags = 0;
  return XDP_REDIRECT;
}

/** `bpf_redirect_neigh`. */
export const redirectNeigh: HelperDef<NetEnv> = {
  ...plain,
  id: 152,
  name: "redirect_neigh",
  since: "5.10",
  args: ["u32", "mem_or_null", "size0", "u64"],
  progKinds: TC_KINDS,
  mapKinds: null,
  changesPacket: false,
  costNs: 4,
  call: (env: NetEnv, ifindex: number, params: number, plen: number, flags: number, flagsHi: number): number => {
    if ((plen !== 0 && plen < REDIR_NEIGH_BYTES) || flags !== 0 || flagsHi !== 0) return TC_ACT_SHOT;
    const ri = env.redirect;
    ri.kind = REDIRECT_NEIGH;
    ri.tgtIndex = ifindex >>> 0;
    ri.flags = 0;
    ri.nhFamily = 0;
    if (plen !== 0) {
      const arena = env.kernel.arena;
      const family = arena.dv.getUint32(params, true);
      // a family that is none must not look like "no parameters"
      ri.nhFamily = family === AF_INET || family === AF_INET6 ? family : -1;
      for (let i = 0; i < 16; i++) ri.nh[i] = arena.u8[params + 4 + i]!;
    }
    return TC_ACT_REDIRECT;
  },
};

/** `bpf_redirect_peer`. */
export const redirectPeer: HelperDef<NetEnv> = {
  ...plain,
  id: 155,
  name: "redirect_peer",
  since: "5.10",
  args: ["u32", "u64"],
  progKinds: TC_KINDS,
  mapKinds: null,
  changesPacket: false,
  costNs: 3,
  call: (env: NetEnv, ifindex: number, flags: number, flagsHi: number): number => {
    if (flags !== 0 || flagsHi !== 0) return TC_ACT_SHOT;
    const ri = env.redirect;
    ri.kind = REDIRECT_PEER;
    ri.tgtIndex = ifindex >>> 0;
    ri.flags = 0;
    return TC_ACT_REDIRECT;
  },
};

/** `bpf_clone_redirect`. */
export const cloneRedirect: HelperDef<NetEnv> = {
  ...plain,
  id: 13,
  name: "clone_redirect",
  since: "4.2",
  args: ["ctx", "u32", "u64"],
  progKinds: TC_XMIT_KINDS,
  mapKinds: null,
  changesPacket: true,
  costNs: 60,
  call: (env: NetEnv, _ctx: number, ifindex: number, flags: number, flagsHi: number): number => {
    if ((flags & ~BPF_F_INGRESS) !== 0 || flagsHi !== 0) return -EINVAL;
    const dev = env.dev;
    const target = env.host.devices[ifindex >>> 0];
    if (target === undefined) return -EINVAL;
    syncSkb(env);
    const clone = env.kernel.pool.clone(env.skb, env.kernel.engine.nowNs);
    if (clone === null) return -ENOMEM;
    return bpfRedirect(clone, dev, target, flags);
  },
};
