/**
 * bpf_get_local_storage: the value that a cgroup keeps for the program (maps/cgroup-storage.ts).
 * @source kernel/bpf/cgroup.c bpf_get_local_storage; kernel/bpf/verifier.c check_helper_call. Cost: an estimate
 */
import { BugError, VerifierError } from "../../engine/errors.ts";
import type { BpfEnv } from "../env.ts";
import type { HelperDef } from "../helper.ts";
import { CgroupStorageMap } from "../maps/cgroup-storage.ts";

/** `bpf_get_local_storage`. */
export const getLocalStorage: HelperDef = {
  id: 81,
  name: "get_local_storage",
  since: "4.19",
  args: ["map", "u64"],
  ret: "map_value_or_null",
  gplOnly: false,
  progKinds: ["cgroup_skb", "sock_ops", "cgroup_sock_addr"],
  mapKinds: ["cgroup_storage", "percpu_cgroup_storage"],
  changesPacket: false,
  costNs: 3,
  call(env: BpfEnv, handle: number, flags: number, flagsHi: number): number {
    if (flags !== 0 || flagsHi !== 0) {
      const message = "get_local_storage() doesn't support non-zero flags";
      throw new VerifierError({ code: "PROGRAM_FAULT", message });
    }
    const map = env.machine.mapOfHandle(handle);
    if (map instanceof CgroupStorageMap) return map.valueOfRun(env.cpu());
    throw new BugError("CGROUP_STORAGE_MAP", `map ${handle} is no cgroup_storage map`);
  },
};
