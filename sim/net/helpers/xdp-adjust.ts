/**
 * bpf_xdp_adjust_head, bpf_xdp_adjust_tail, bpf_xdp_adjust_meta; what they do is in code/xdp-code.ts.
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
import { EINVAL } from "../../bpf/maps/errno.ts";
import { ETH_HLEN } from "../ether.ts";
import type { NetEnv } from "../net-env.ts";
import { XDP_FRAG_BYTES } from "../skb.ts";
import { refreshXdp, XDP_KINDS } from "./packet.ts";

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
  call: (env: NetEnv, _ctx: number, by: number): number => env.xdpCode.adjustHead(env.ctx, by),
  code: { of: (env) => env.xdpCode.adjustHead },
};

/** `bpf_xdp_adjust_tail`. */
export const xdpAdjustTail: HelperDef<NetEnv> = {
  ...plain,
  id: 65,
  name: "xdp_adjust_tail",
  since: "4.18",
  args: ["ctx", "u32"],
  costNs: 9,
  call: (env: NetEnv, _ctx: number, by: number): number => env.xdpCode.adjustTail(env.ctx, by),
  code: { of: (env) => env.xdpCode.adjustTail },
};

/** What the code leaves of bpf_xdp_adjust_tail: fragments, and a buffer that is too small. @returns 0 or -errno */
export function adjustTailOutside(env: NetEnv, by: number): number {
  const skb = env.skb;
  if (skb.fragsLen > 0) return adjustFrags(env, by);
  if (!appendZeros(env, by)) return -EINVAL;
  skb.len += by;
  refreshXdp(env);
  return 0;
}

/** Room behind the packet, zeroed. @returns false when there is none */
function appendZeros(env: NetEnv, bytes: number): boolean {
  const skb = env.skb;
  if (!env.kernel.pool.ensureRoom(skb, 0, bytes)) return false;
  const end = skb.data + skb.len;
  env.kernel.arena.u8.fill(0, end, end + bytes);
  return true;
}

/** The tail of a packet whose last bytes lie in fragments. */
function adjustFrags(env: NetEnv, by: number): number {
  const skb = env.skb;
  if (by < 0) {
    if (-by > skb.len - ETH_HLEN) return -EINVAL;
    skb.fragsLen = Math.max(0, skb.fragsLen + by);
  } else {
    const last = skb.fragsLen % XDP_FRAG_BYTES || XDP_FRAG_BYTES;
    if (by > XDP_FRAG_BYTES - last || !appendZeros(env, by)) return -EINVAL;
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
  call: (env: NetEnv, _ctx: number, by: number): number => env.xdpCode.adjustMeta(env.ctx, by),
  code: { of: (env) => env.xdpCode.adjustMeta },
};
