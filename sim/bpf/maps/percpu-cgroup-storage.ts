/**
 * BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE: cgroup_storage with a value for each CPU.
 * @source kernel/bpf/local_storage.c
 */
import type { MapTypeDef } from "../map.ts";
import { CgroupStorageMap, checkCgroupStorage } from "./cgroup-storage.ts";

/** `percpu_cgroup_storage`. */
export const percpuCgroupStorageType: MapTypeDef = {
  kind: "percpu_cgroup_storage",
  uapi: 21,
  since: "4.20",
  user: { take: false, batch: "none" },
  check: checkCgroupStorage,
  create: (spec, ctx) => new CgroupStorageMap(spec, ctx),
};
