/**
 * Dynptrs of packets. They keep the length that the packet had when they were made, as Linux's do.
 * @source net/core/filter.c bpf_dynptr_from_skb, bpf_dynptr_from_skb_meta, bpf_dynptr_from_xdp; kernel/bpf/verifier.c
 *         may_access_direct_pkt_data for who may write. Costs: estimates
 */
import {
  DYNPTR_SKB,
  DYNPTR_SKB_META,
  DYNPTR_XDP,
  initDynptr,
  nullDynptr,
  setDynptrReadonly,
} from "../../bpf/dynptr.ts";
import type { KfuncDef } from "../../bpf/helper.ts";
import { EINVAL } from "../../bpf/maps/errno.ts";
import { TC_KINDS } from "../../bpf/prog-kinds.ts";
import type { ProgKind } from "../../bpf/prog-type.ts";
import { XDP_KINDS } from "../helpers/packet.ts";
import type { NetEnv } from "../net-env.ts";

const plain = {
  gplOnly: false,
  mapKinds: null,
  changesPacket: false,
  args: ["ctx", "u64", "dynptr"],
  ret: "int",
  costNs: 4,
} as const;

/** Program types whose programs may write packets directly; the others get read-only dynptrs. */
const WRITERS: readonly ProgKind[] = ["sched_cls", "sched_act", "lwt_xmit"];

/** `bpf_dynptr_from_skb`. */
export const dynptrFromSkb: KfuncDef<NetEnv> = {
  ...plain,
  name: "bpf_dynptr_from_skb",
  since: "6.4",
  progKinds: [
    "socket_filter",
    "sched_cls",
    "sched_act",
    "cgroup_skb",
    "lwt_in",
    "lwt_out",
    "lwt_xmit",
    "sock_ops",
    "cgroup_sock_addr",
    "lwt_seg6local",
  ],
  flags: ["TRUSTED_ARGS"],
  specialize: (kind: ProgKind): KfuncDef<NetEnv> => (WRITERS.includes(kind) ? dynptrFromSkb : dynptrFromSkbRdonly),
  call: (env: NetEnv, ctx: number, flags: number, flagsHi: number, p: number): number =>
    make(env, p, ctx, DYNPTR_SKB, env.skb.len, flags | flagsHi),
};

/** bpf_dynptr_from_skb_rdonly, which the verifier puts in its place. */
const dynptrFromSkbRdonly: KfuncDef<NetEnv> = {
  ...dynptrFromSkb,
  call(env: NetEnv, ctx: number, flags: number, flagsHi: number, p: number): number {
    const err = make(env, p, ctx, DYNPTR_SKB, env.skb.len, flags | flagsHi);
    if (err === 0) setDynptrReadonly(env.machine.arena, p);
    return err;
  },
};

/** `bpf_dynptr_from_skb_meta`: the metadata that XDP left in front of the packet. */
export const dynptrFromSkbMeta: KfuncDef<NetEnv> = {
  ...plain,
  name: "bpf_dynptr_from_skb_meta",
  since: "6.18",
  progKinds: TC_KINDS,
  flags: ["TRUSTED_ARGS"],
  call: (env: NetEnv, ctx: number, flags: number, flagsHi: number, p: number): number =>
    make(env, p, ctx, DYNPTR_SKB_META, env.skb.metaLen, flags | flagsHi),
};

/** `bpf_dynptr_from_xdp`. */
export const dynptrFromXdp: KfuncDef<NetEnv> = {
  ...plain,
  name: "bpf_dynptr_from_xdp",
  since: "6.4",
  progKinds: XDP_KINDS,
  flags: [],
  call: (env: NetEnv, ctx: number, flags: number, flagsHi: number, p: number): number =>
    make(env, p, ctx, DYNPTR_XDP, env.skb.len, flags | flagsHi),
};

function make(env: NetEnv, p: number, ctx: number, type: number, sizeBytes: number, flags: number): number {
  const { arena } = env.machine;
  if (flags !== 0) {
    nullDynptr(arena, p);
    return -EINVAL;
  }
  initDynptr(arena, p, ctx, type, sizeBytes);
  return 0;
}
