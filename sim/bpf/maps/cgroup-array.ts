/**
 * BPF_MAP_TYPE_CGROUP_ARRAY: cgroups by index. netsim has no cgroups: a slot is always empty, and user space's update is answered as Linux
 * answers it for what is no cgroup.
 * @source kernel/bpf/arraymap.c cgroup_fd_array_*; errno asked of Linux 6.18
 */
import type { MapTypeDef } from "../map.ts";
import { u32Of } from "./base-map.ts";
import { checkEmptyArray, EmptyArray } from "./empty-array.ts";
import { E2BIG, EBADF, EINVAL, ENOENT, ENOTSUPP } from "./errno.ts";

/** An array of cgroups. */
class CgroupArrayMap extends EmptyArray {
  override readonly readErrno: number = -ENOTSUPP;

  protected writeChecked(key: Uint8Array, _value: Uint8Array, flags: number): number {
    if (flags !== 0) return -EINVAL;
    return u32Of(key) >= this.spec.maxEntries ? -E2BIG : -EBADF;
  }

  protected override removeChecked(key: Uint8Array): number {
    return u32Of(key) >= this.spec.maxEntries ? -E2BIG : -ENOENT;
  }
}

/** `cgroup_array`. */
export const cgroupArrayType: MapTypeDef = {
  kind: "cgroup_array",
  uapi: 8,
  since: "4.8",
  typed: "none",
  user: { take: false, batch: "none" },
  check: checkEmptyArray,
  create: (spec, ctx) => new CgroupArrayMap(spec, ctx),
};
