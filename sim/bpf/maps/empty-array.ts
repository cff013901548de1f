/** What cgroup_array and xskmap share: arrays of things that netsim does not have, so that every slot is empty. */

import type { MapSpec } from "../spec.ts";
import { nextIndex } from "./array.ts";
import { BaseMap } from "./base-map.ts";
import type { Refusal } from "./flags.ts";
import { BPF_F_NUMA_NODE, BPF_F_RDONLY, BPF_F_WRONLY, checkFdArray } from "./flags.ts";

/** An array of nothing. */
export abstract class EmptyArray extends BaseMap {
  nextKey(key: Uint8Array | null): Uint8Array | null {
    return this.userMayRead ? nextIndex(key, this.spec.maxEntries) : null;
  }

  /** What stands in such arrays cannot be read back; the type's `readErrno` says so. */
  read(_key: Uint8Array): Uint8Array | null {
    return null;
  }

  count(): number {
    return 0;
  }

  destroy(): void {}
}

/** What BPF_MAP_CREATE checks of both. */
export function checkEmptyArray(spec: MapSpec): Refusal | null {
  return checkFdArray(spec, BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY);
}
