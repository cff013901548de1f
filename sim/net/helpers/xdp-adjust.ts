/**
 * bpf_xdp_adjust_head, bpf_xdp_adjust_tail, bpf_xdp_adjust_meta.
 *
 *     hard start   +40                data-metaLen  data          data_end      hard start + 4096 - 320
 *        | xdp_frame | ... headroom ... |-- meta --|-- packet --|-- tailroom --|
 *
 * @source net/core/filter.c bpf_xdp_adjust_head, bpf_xdp_adjust_tail, bpf_xdp_frags_increase_tail,
 *         bpf_xdp_frags_shrink_tail, bpf_xdp_adjust_meta; include/net/xdp.h xdp_metalen_invalid
 * Of a packet with fragments the tail is that of the last one: it grows to the end of its page, and shrinks fragment by fragment.
 *
 * @differs a packet whose buffer is too small to grow is moved into a larger one, which restores its headroom to 256 bytes; a packet
 *          that would lie in several buffers on Linux, but came in by a device, lies in one here, and cannot be grown (-EOPNOTSUPP, as
 *          on veth)
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { EACCES, EINVAL, EOPNOTSUPP } from "../../bpf/maps/errno.ts";
import { ETH_HLEN } from "../ether.ts";
import type { NetEnv } from "../net-env.ts";
import { XDP_FRAG_BYTES, XDP_FRAME_SZ } from "../skb.ts";
import { refreshXdp, XDP_KINDS } from "./packet.ts";

/** sizeof(struct xdp_frame). */
const XDP_FRAME_BYTES = 40;
/** SKB_DATA_ALIGN(sizeof(struct skb_shared_info)). */
const SHARED_INFO_BYTES = 320;
/** Largest metadata: skb_shared_info.meta_len is a u8. */
const META_MAX = 255;

/** What all of them have. */
const plain = { gplOnly: false, progKinds: XDP_KINDS, mapKinds: null, changesPacket: true, ret: "int" } as const;

/** `bpf_xdp_adjust_head`. */
export const xdpAdjustHead: HelperDef<NetEnv> = {
  ...plain,
  id: 44,
  name: "xdp_adjust_head",
  since: "4.10",
  args: ["ctx", "u32"],
  costNs: 9,
  call: (env: NetEnv, _ctx: number, offset: number): number => {
    const skb = env.skb;
    const by = offset | 0;
    const meta = skb.metaLen;
    if (skb.data + by < skb.head + XDP_FRAME_BYTES + meta || by > skb.len - skb.fragsLen - ETH_HLEN) return -EINVAL;
    if (meta !== 0) {
      const from = skb.data - meta;
      env.kernel.arena.u8.copyWithin(from + by, from, from + meta);
    }
    skb.data += by;
    skb.len -= by;
    refreshXdp(env);
    return 0;
  },
};

/** `bpf_xdp_adjust_tail`. */
export const xdpAdjustTail: HelperDef<NetEnv> = {
  ...plain,
  id: 65,
  name: "xdp_adjust_tail",
  since: "4.18",
  args: ["ctx", "u32"],
  costNs: 9,
  call: (env: NetEnv, _ctx: number, offset: number): number => {
    const skb = env.skb;
    const by = offset | 0;
    if (skb.fragsLen > 0) return adjustFrags(env, by);
    const room = XDP_FRAME_SZ - SHARED_INFO_BYTES - skb.headroom();
    if (by > 0 && skb.len > room) return -EOPNOTSUPP;
    if (by > 0 && skb.len + by > room) return -EINVAL;
    if (skb.len + by < ETH_HLEN) return -EINVAL;
    if (by > 0) {
      if (!env.kernel.pool.ensureRoom(skb, 0, by)) return -EINVAL;
      const end = skb.data + skb.len;
      env.kernel.arena.u8.fill(0, end, end + by);
    }
    skb.len += by;
    refreshXdp(env);
    return 0;
  },
};

/** The tail of a packet whose last bytes lie in fragments. */
function adjustFrags(env: NetEnv, by: number): number {
  const skb = env.skb;
  if (by < 0) {
    if (-by > skb.len - ETH_HLEN) return -EINVAL;
    skb.fragsLen = Math.max(0, skb.fragsLen + by);
  } else {
    const last = skb.fragsLen % XDP_FRAG_BYTES || XDP_FRAG_BYTES;
    if (by > XDP_FRAG_BYTES - last || !env.kernel.pool.ensureRoom(skb, 0, by)) return -EINVAL;
    const end = skb.data + skb.len;
    env.kernel.arena.u8.fill(0, end, end + by);
    skb.fragsLen += by;
  }
  skb.len += by;
  refreshXdp(env);
  return 0;
}

/** `bpf_xdp_adjust_meta`. */
export const xdpAdjustMeta: HelperDef<NetEnv> = {
  ...plain,
  id: 54,
  name: "xdp_adjust_meta",
  since: "4.15",
  args: ["ctx", "u32"],
  costNs: 6,
  call: (env: NetEnv, _ctx: number, offset: number): number => {
    const skb = env.skb;
    const meta = skb.metaLen - (offset | 0);
    if (meta < 0 || skb.data - meta < skb.head + XDP_FRAME_BYTES) return -EINVAL;
    if ((meta & 3) !== 0 || meta > META_MAX) return -EACCES;
    skb.metaLen = meta;
    refreshXdp(env);
    return 0;
  },
};
