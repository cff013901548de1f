/**
 * What the driver knows of a frame, for programs that are bound to the device: each calls the driver's own function.
 * @source net/core/xdp.c bpf_xdp_metadata_rx_timestamp, bpf_xdp_metadata_rx_hash, bpf_xdp_metadata_rx_vlan_tag; kernel/bpf/offload.c
 *         bpf_dev_bound_resolve_kfunc. Costs: estimates
 */
import type { KfuncDef } from "../../bpf/helper.ts";
import { EOPNOTSUPP } from "../../bpf/maps/errno.ts";
import type { NetEnv } from "../net-env.ts";

/** Offset of rx_queue_index in struct xdp_md. */
const RX_QUEUE_INDEX = 16;

const plain = {
  gplOnly: false,
  progKinds: null,
  deviceBound: true,
  mapKinds: null,
  changesPacket: false,
  since: "6.3",
  ret: "int",
  flags: ["TRUSTED_ARGS"],
  costNs: 4,
} as const;

const rxQueue = (env: NetEnv, ctx: number): number => env.kernel.arena.u32[(ctx + RX_QUEUE_INDEX) >>> 2]!;

/** `bpf_xdp_metadata_rx_timestamp`. */
export const xdpMetadataRxTimestamp: KfuncDef<NetEnv> = {
  ...plain,
  name: "bpf_xdp_metadata_rx_timestamp",
  args: ["ctx", "mem_fixed"],
  fixed: 8,
  call: (env: NetEnv, ctx: number, at: number): number =>
    env.dev.ops.xdpMetadata?.rxTimestamp(env.dev, env.skb, rxQueue(env, ctx), at) ?? -EOPNOTSUPP,
};

/** `bpf_xdp_metadata_rx_hash`. */
export const xdpMetadataRxHash: KfuncDef<NetEnv> = {
  ...plain,
  name: "bpf_xdp_metadata_rx_hash",
  args: ["ctx", "mem_fixed", "mem_fixed"],
  fixed: 4,
  call: (env: NetEnv, ctx: number, hashAt: number, typeAt: number): number =>
    env.dev.ops.xdpMetadata?.rxHash(env.dev, env.skb, rxQueue(env, ctx), hashAt, typeAt) ?? -EOPNOTSUPP,
};

/** `bpf_xdp_metadata_rx_vlan_tag`. */
export const xdpMetadataRxVlanTag: KfuncDef<NetEnv> = {
  ...plain,
  name: "bpf_xdp_metadata_rx_vlan_tag",
  since: "6.8",
  args: ["ctx", "mem_fixed", "mem_fixed"],
  fixed: 2,
  call: (env: NetEnv, ctx: number, protoAt: number, tciAt: number): number =>
    env.dev.ops.xdpMetadata?.rxVlanTag(env.dev, env.skb, rxQueue(env, ctx), protoAt, tciAt) ?? -EOPNOTSUPP,
};
