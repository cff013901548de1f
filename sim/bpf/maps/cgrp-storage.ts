/**
 * BPF_MAP_TYPE_CGRP_STORAGE: a value for a cgroup, which is the address of its struct. User space's key is a descriptor of a cgroup, and no process of
 * a simulated host has one.
 * @source kernel/bpf/bpf_cgrp_storage.c; errno asked of Linux 6.18
 */
import type { MapTypeDef } from "../map.ts";
import { checkLocalStorage, LocalStorageMap } from "./local-storage.ts";

/** Values by cgroup. */
export class CgrpStorageMap extends LocalStorageMap<number> {
  protected ownerOf(_key: Uint8Array): number | undefined {
    return undefined;
  }
}

/** `cgrp_storage`. */
export const cgrpStorageType: MapTypeDef = {
  kind: "cgrp_storage",
  uapi: 32,
  since: "6.2",
  typed: "int key",
  user: { take: false, batch: "none" },
  check: checkLocalStorage,
  create: (spec, ctx) => new CgrpStorageMap(spec, ctx),
};
