/**
 * The values that maps of type task_storage and cgrp_storage keep for tasks and cgroups, which are structs in memory.
 * @source kernel/bpf/bpf_task_storage.c, kernel/bpf/bpf_cgrp_storage.c. Costs: estimates, those of socket storage
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { EINVAL } from "../../bpf/maps/errno.ts";
import { LocalStorageMap } from "../../bpf/maps/local-storage.ts";
import { BugError } from "../../engine/errors.ts";
import type { NetEnv } from "../net-env.ts";

/** An owner that has no value gets one. */
const BPF_LOCAL_STORAGE_GET_F_CREATE = 1;

const plain = { gplOnly: false, progKinds: null, changesPacket: false } as const;
const get = {
  ...plain,
  args: ["map", "obj_or_null", "map_value_or_null", "u64"],
  ret: "map_value_or_null",
  costNs: 6,
  call(env: NetEnv, map: number, owner: number, value: number, flags: number, flagsHi: number): number {
    if (owner === 0 || flagsHi !== 0 || flags >>> 0 > BPF_LOCAL_STORAGE_GET_F_CREATE) return 0;
    const values = storage(env, map);
    const at = values.valueFor(owner);
    return at !== 0 || flags !== BPF_LOCAL_STORAGE_GET_F_CREATE ? at : values.createFor(owner, value);
  },
} as const;
const del = {
  ...plain,
  args: ["map", "obj_or_null"],
  ret: "int",
  costNs: 50,
  call: (env: NetEnv, map: number, owner: number): number =>
    owner === 0 ? -EINVAL : storage(env, map).deleteFor(owner),
} as const;

function storage(env: NetEnv, handle: number): LocalStorageMap<number> {
  const map = env.machine.mapOfHandle(handle);
  if (map instanceof LocalStorageMap) return map;
  throw new BugError("OWNER_STORAGE_MAP", `map ${handle} keeps no values for owners`);
}

/** `bpf_task_storage_get`. */
export const taskStorageGet: HelperDef<NetEnv> = {
  ...get,
  id: 156,
  name: "task_storage_get",
  since: "5.11",
  mapKinds: ["task_storage"],
};

/** `bpf_task_storage_delete`. */
export const taskStorageDelete: HelperDef<NetEnv> = {
  ...del,
  id: 157,
  name: "task_storage_delete",
  since: "5.11",
  mapKinds: ["task_storage"],
};

/** `bpf_cgrp_storage_get`. */
export const cgrpStorageGet: HelperDef<NetEnv> = {
  ...get,
  id: 210,
  name: "cgrp_storage_get",
  since: "6.2",
  mapKinds: ["cgrp_storage"],
};

/** `bpf_cgrp_storage_delete`. */
export const cgrpStorageDelete: HelperDef<NetEnv> = {
  ...del,
  id: 211,
  name: "cgrp_storage_delete",
  since: "6.2",
  mapKinds: ["cgrp_storage"],
};
