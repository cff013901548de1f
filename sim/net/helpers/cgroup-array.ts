/**
 * Whether something belongs to a cgroup of a cgroup array. netsim has no cgroups (bpf/maps/cgroup-array.ts): every slot is empty, which
 * these helpers answer as Linux does.
 * @source net/core/filter.c bpf_skb_under_cgroup; kernel/bpf/cgroup.c bpf_current_task_under_cgroup. Costs: estimates
 */
import type { BpfEnv } from "../../bpf/env.ts";
import type { HelperDef } from "../../bpf/helper.ts";
import { E2BIG, EAGAIN, ENOENT } from "../../bpf/maps/errno.ts";
import type { NetEnv } from "../net-env.ts";
import { TC_LWT_KINDS } from "./packet.ts";

const plain = { ret: "int", gplOnly: false, mapKinds: ["cgroup_array"], changesPacket: false, costNs: 4 } as const;

/** -E2BIG beyond the end, else that the slot is empty. */
function emptySlot(env: BpfEnv, handle: number, index: number): number {
  return index >>> 0 >= env.machine.mapOfHandle(handle)!.spec.maxEntries ? -E2BIG : -EAGAIN;
}

/** `bpf_skb_under_cgroup`. */
export const skbUnderCgroup: HelperDef<NetEnv> = {
  ...plain,
  id: 33,
  name: "skb_under_cgroup",
  since: "4.8",
  args: ["ctx", "map", "u32"],
  progKinds: TC_LWT_KINDS,
  call(env: NetEnv, _ctx: number, map: number, index: number): number {
    return (env.skb.owner?.sock ?? null) === null ? -ENOENT : emptySlot(env, map, index);
  },
};

/** `bpf_current_task_under_cgroup`. */
export const currentTaskUnderCgroup: HelperDef<NetEnv> = {
  ...plain,
  id: 37,
  name: "current_task_under_cgroup",
  since: "4.9",
  args: ["map", "u32"],
  progKinds: null,
  call: (env: NetEnv, map: number, index: number): number => emptySlot(env, map, index),
};
