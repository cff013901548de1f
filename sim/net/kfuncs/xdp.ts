/**
 * Kfuncs of XDP programs besides dynptrs.
 * @source net/core/filter.c bpf_xdp_pull_data. Cost: an estimate
 */
import type { KfuncDef } from "../../bpf/helper.ts";
import { EINVAL } from "../../bpf/maps/errno.ts";
import { XDP_KINDS } from "../helpers/packet.ts";
import type { NetEnv } from "../net-env.ts";

/** `bpf_xdp_pull_data`: the first bytes of a packet in one buffer lie together already. */
export const xdpPullData: KfuncDef<NetEnv> = {
  name: "bpf_xdp_pull_data",
  since: "6.18",
  args: ["ctx", "u32"],
  ret: "int",
  gplOnly: false,
  progKinds: XDP_KINDS,
  mapKinds: null,
  changesPacket: true,
  flags: [],
  costNs: 3,
  call: (env: NetEnv, _ctx: number, len: number): number => (len >>> 0 > env.skb.len ? -EINVAL : 0),
};
