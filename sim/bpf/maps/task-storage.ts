/**
 * BPF_MAP_TYPE_TASK_STORAGE: a value for a task, which is the address of its struct. User space's key is a pidfd, and no process of
 * a simulated host has one.
 * @source kernel/bpf/bpf_task_storage.c; errno asked of Linux 6.18
 */
import type { MapTypeDef } from "../map.ts";
import { checkLocalStorage, LocalStorageMap } from "./local-storage.ts";

/** Values by task. */
export class TaskStorageMap extends LocalStorageMap<number> {
  protected ownerOf(_key: Uint8Array): number | undefined {
    return undefined;
  }
}

/** `task_storage`. */
export const taskStorageType: MapTypeDef = {
  kind: "task_storage",
  uapi: 29,
  since: "5.11",
  typed: "int key",
  user: { take: false, batch: "none" },
  check: checkLocalStorage,
  create: (spec, ctx) => new TaskStorageMap(spec, ctx),
};
