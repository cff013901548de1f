/**
 * Helpers of End.BPF, the action of segment routing that a program is: bpf_lwt_seg6_store_bytes, _adjust_srh, _action. They work on the
 * header of seg6/bpf-state.ts, and without one they answer -EINVAL.
 * @source net/core/filter.c, the functions of these names. Costs: estimates
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { EFAULT, EINVAL } from "../../bpf/maps/errno.ts";
import { bytesLeave } from "../complete-csum.ts";
import { IP6_HLEN } from "../ip/ipv6/header.ts";
import type { NetEnv } from "../net-env.ts";
import { ERRNO } from "../netlink-error.ts";
import { BPF_LWT_ENCAP_SEG6, BPF_LWT_ENCAP_SEG6_INLINE, pushSeg6 } from "../seg6/encap.ts";
import { lookupNextHop } from "../seg6/next-hop.ts";
import { findHeader, SEGMENT_BYTES, SRH, SRH_BYTES } from "../seg6/srh.ts";
import { refreshSkb } from "./packet.ts";
import { headerPop, headerPush } from "./skb-room.ts";

/** @source include/uapi/linux/seg6_local.h */
const SEG6_LOCAL_ACTION_END_X = 2;
const SEG6_LOCAL_ACTION_END_T = 3;
const SEG6_LOCAL_ACTION_END_DT6 = 7;
const SEG6_LOCAL_ACTION_END_B6 = 9;
const SEG6_LOCAL_ACTION_END_B6_ENCAP = 10;
const IPPROTO_IPV6 = 41;

const plain = {
  since: "4.18",
  ret: "int",
  gplOnly: false,
  progKinds: ["lwt_seg6local"],
  mapKinds: null,
  changesPacket: true,
} as const;

/** Bytes from skb.data to the header's TLVs. */
function tlvsAt(env: NetEnv, extra: number): number {
  const at = env.seg6.offset;
  return at + extra + (env.kernel.arena.u8[env.skb.data + at + SRH.firstSegment]! + 1) * SEGMENT_BYTES;
}

/** Bytes from skb.data to the header's end. */
function endAt(env: NetEnv): number {
  return env.seg6.offset + SRH_BYTES + env.seg6.hdrlenBytes;
}

/** `bpf_lwt_seg6_store_bytes`: flags, tag and TLVs may be written. */
export const lwtSeg6StoreBytes: HelperDef<NetEnv> = {
  ...plain,
  id: 74,
  name: "lwt_seg6_store_bytes",
  args: ["ctx", "u32", "mem", "size"],
  costNs: 20,
  call(env: NetEnv, _ctx: number, offset: number, from: number, size: number): number {
    const { skb, seg6 } = env;
    const { arena } = env.kernel;
    if (seg6.offset < 0) return -EINVAL;
    const at = offset >>> 0;
    const end = at + (size >>> 0);
    // the kernel counts the TLVs from 8 bytes before them
    if (at >= tlvsAt(env, 0) && end <= endAt(env)) seg6.valid = false;
    else if (at < seg6.offset + SRH.flags || end > seg6.offset + SRH.segments) return -EFAULT;
    if (end > skb.len) return -EFAULT;
    if (!seg6.moved(arena, skb)) return -EINVAL;
    arena.u8.copyWithin(skb.data + at, from, from + (size >>> 0));
    return 0;
  },
};

/** `bpf_lwt_seg6_adjust_srh`: room for TLVs grows or shrinks. */
export const lwtSeg6AdjustSrh: HelperDef<NetEnv> = {
  ...plain,
  id: 75,
  name: "lwt_seg6_adjust_srh",
  args: ["ctx", "u32", "u32"],
  costNs: 30,
  call(env: NetEnv, _ctx: number, offset: number, len: number): number {
    const { skb, seg6 } = env;
    const { arena } = env.kernel;
    if (seg6.offset < 0) return -EINVAL;
    const at = offset >>> 0;
    if (at < tlvsAt(env, SRH_BYTES) || at > endAt(env)) return -EFAULT;
    if (len < 0 && at - len > endAt(env)) return -EFAULT;
    const err = len > 0 ? headerPush(env, at, len) : headerPop(env, at, -len);
    refreshSkb(env);
    if (err !== 0) return err;
    arena.dv.setUint16(skb.data + 4, skb.len - IP6_HLEN);
    if (!seg6.moved(arena, skb)) return -EINVAL;
    seg6.hdrlenBytes += len;
    seg6.valid = false;
    return 0;
  },
};

/** `bpf_lwt_seg6_action`. */
export const lwtSeg6Action: HelperDef<NetEnv> = {
  ...plain,
  id: 76,
  name: "lwt_seg6_action",
  args: ["ctx", "u32", "mem", "size"],
  costNs: 90,
  call(env: NetEnv, _ctx: number, action: number, param: number, size: number): number {
    const { arena } = env.kernel;
    const { skb, seg6 } = env;
    const valid = (): boolean => seg6.isValid(arena, skb);
    switch (action) {
      case SEG6_LOCAL_ACTION_END_X:
        if (!valid()) return -ERRNO.EBADMSG;
        return size === SEGMENT_BYTES ? lookupNextHop(env, param, 0) : -EINVAL;
      case SEG6_LOCAL_ACTION_END_T:
        if (!valid()) return -ERRNO.EBADMSG;
        return size === 4 ? lookupNextHop(env, 0, arena.dv.getUint32(param, true)) : -EINVAL;
      case SEG6_LOCAL_ACTION_END_DT6:
        if (!valid()) return -ERRNO.EBADMSG;
        return size === 4 ? decapsulate(env, arena.dv.getUint32(param, true)) : -EINVAL;
      case SEG6_LOCAL_ACTION_END_B6:
      case SEG6_LOCAL_ACTION_END_B6_ENCAP: {
        if (seg6.offset >= 0 && !valid()) return -ERRNO.EBADMSG;
        const type = action === SEG6_LOCAL_ACTION_END_B6 ? BPF_LWT_ENCAP_SEG6_INLINE : BPF_LWT_ENCAP_SEG6;
        const err = pushSeg6(env, type, param, size);
        refreshSkb(env);
        if (err === 0) seg6.update(arena, skb);
        return err;
      }
      default:
        return -EINVAL;
    }
  },
};

/** The packet within becomes the packet. */
function decapsulate(env: NetEnv, table: number): number {
  const { arena } = env.kernel;
  const { skb, seg6 } = env;
  const inner = findHeader(arena, skb, IPPROTO_IPV6);
  if (inner === 0 || inner > skb.data + skb.len) return -ERRNO.EBADMSG;
  bytesLeave(arena, skb, skb.data, inner - skb.data);
  skb.pull(inner - skb.data);
  skb.networkHeader = skb.data;
  skb.transportHeader = skb.data;
  skb.innerNetworkHeader = -1;
  refreshSkb(env);
  seg6.update(arena, skb);
  return lookupNextHop(env, 0, table);
}
