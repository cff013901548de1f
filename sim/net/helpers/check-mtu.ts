/**
 * bpf_check_mtu.
 *
 * @source net/core/filter.c bpf_skb_check_mtu, bpf_xdp_check_mtu
 * @differs packets are never GSO, so BPF_MTU_CHK_SEGS changes nothing
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { EINVAL, ENODEV } from "../../bpf/maps/errno.ts";
import type { NetEnv } from "../net-env.ts";
import { inXdp } from "./packet.ts";

const BPF_MTU_CHK_SEGS = 1;
const BPF_MTU_CHK_RET_SUCCESS = 0;
const BPF_MTU_CHK_RET_FRAG_NEEDED = 1;

/** `bpf_check_mtu`. */
export const checkMtu: HelperDef<NetEnv> = {
  id: 163,
  name: "check_mtu",
  since: "5.12",
  args: ["ctx", "u32", "mem_fixed", "u32", "u64"],
  fixed: 4,
  ret: "int",
  gplOnly: true,
  progKinds: ["xdp", "sched_cls", "sched_act"],
  mapKinds: null,
  changesPacket: false,
  costNs: 5,
  call: (
    env: NetEnv,
    _ctx: number,
    ifindex: number,
    mtuLen: number,
    lenDiff: number,
    flags: number,
    flagsHi: number,
  ): number => {
    const dv = env.kernel.arena.dv;
    const xdp = inXdp(env);
    const given = dv.getUint32(mtuLen, true);
    const allowed = xdp ? 0 : BPF_MTU_CHK_SEGS;
    if ((flags & ~allowed) !== 0 || flagsHi !== 0) return -EINVAL;
    if ((flags & BPF_MTU_CHK_SEGS) !== 0 && (lenDiff !== 0 || given !== 0)) return -EINVAL;
    const dev = ifindex === 0 ? env.dev : env.host.devices[ifindex >>> 0];
    if (dev === undefined) return -ENODEV;
    const len = ((given !== 0 ? given + dev.hardHeaderLen : env.skb.len) + (lenDiff | 0)) | 0;
    const fits = len <= dev.mtu + dev.hardHeaderLen;
    dv.setUint32(mtuLen, dev.mtu, true);
    return fits ? BPF_MTU_CHK_RET_SUCCESS : BPF_MTU_CHK_RET_FRAG_NEEDED;
  },
};
