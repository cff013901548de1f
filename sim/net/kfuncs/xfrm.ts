/**
 * States of IPsec.
 *
 *     struct bpf_xfrm_state_opts, 36 bytes
 *      0 s32 error   4 s32 netns_id   8 u32 mark   12 daddr[16]   28 be32 spi   32 u8 proto   34 u16 family
 *
 * @source net/xfrm/xfrm_state_bpf.c. Costs: estimates
 * @differs there is no IPsec: no state is found
 */
import type { KfuncDef } from "../../bpf/helper.ts";
import { EINVAL, ENOENT, ENONET } from "../../bpf/maps/errno.ts";
import { VerifierError } from "../../engine/errors.ts";
import { XDP_KINDS } from "../helpers/packet.ts";
import type { NetEnv } from "../net-env.ts";

/** BPF_XFRM_STATE_OPTS_SZ. */
const OPTS_BYTES = 36;
const OPTS_NETNS = 4;
const BPF_F_CURRENT_NETNS = -1;

const plain = { gplOnly: false, progKinds: XDP_KINDS, mapKinds: null, changesPacket: false, since: "6.8" } as const;

/** `bpf_xdp_get_xfrm_state`. */
export const xdpGetXfrmState: KfuncDef<NetEnv> = {
  ...plain,
  name: "bpf_xdp_get_xfrm_state",
  args: ["ctx", "mem_out", "size0"],
  ret: "obj_or_null",
  flags: ["ACQUIRE", "RET_NULL"],
  costNs: 30,
  call(env: NetEnv, _ctx: number, opts: number, len: number): number {
    const { dv } = env.kernel.arena;
    if (len >>> 0 < OPTS_NETNS) return 0;
    const netns = len === OPTS_BYTES ? dv.getInt32(opts + OPTS_NETNS, true) : BPF_F_CURRENT_NETNS - 1;
    const error = netns < BPF_F_CURRENT_NETNS ? EINVAL : netns >= 0 ? ENONET : ENOENT;
    dv.setInt32(opts, -error, true);
    return 0;
  },
};

/** `bpf_xdp_xfrm_state_release`. */
export const xdpXfrmStateRelease: KfuncDef<NetEnv> = {
  ...plain,
  name: "bpf_xdp_xfrm_state_release",
  args: ["any"],
  ret: "void",
  flags: ["RELEASE"],
  costNs: 5,
  call(): number {
    throw new VerifierError({ code: "XFRM_ARGUMENT", message: "expected pointer to STRUCT xfrm_state" });
  },
};
