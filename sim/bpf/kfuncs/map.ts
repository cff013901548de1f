/**
 * Kfuncs on maps.
 * @source kernel/bpf/map_iter.c bpf_map_sum_elem_count. Cost: an estimate
 */
import type { BpfEnv } from "../env.ts";
import type { KfuncDef } from "../helper.ts";
import { returnU64 } from "../helpers/time.ts";
import { TableMap } from "../maps/table-map.ts";

/** `bpf_map_sum_elem_count`: only hash maps count their elements, every other one answers 0. */
export const mapSumElemCount: KfuncDef = {
  name: "bpf_map_sum_elem_count",
  since: "6.6",
  args: ["map"],
  ret: "u64",
  gplOnly: false,
  progKinds: null,
  mapKinds: null,
  changesPacket: false,
  flags: ["TRUSTED_ARGS"],
  costNs: 10,
  call(env: BpfEnv, handle: number): number {
    const map = env.machine.mapOfHandle(handle);
    return returnU64(env, map instanceof TableMap ? map.count() : 0);
  },
};
