/**
 * BPF_MAP_TYPE_CGROUP_STORAGE: the value that a cgroup keeps for each program that is attached to it. netsim attaches nothing to cgroups; a
 * test run has a value of its own, as on Linux: zeroes at its beginning, and gone at its end.
 * @source kernel/bpf/local_storage.c; net/bpf/test_run.c bpf_test_run; errno asked of Linux 6.18
 */
import { roundUp } from "../../engine/arena.ts";
import type { MapContext, MapTypeDef } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { BaseMap } from "./base-map.ts";
import { EINVAL, ENOENT } from "./errno.ts";
import {
  ACCESS_FLAGS,
  BPF_F_LOCK,
  BPF_F_NUMA_NODE,
  checkFlags,
  invalid,
  PCPU_MIN_UNIT_SIZE,
  type Refusal,
  tooBig,
} from "./flags.ts";
import { LOCAL_STORAGE_MAX_VALUE } from "./local-storage.ts";
import { zeroBytes } from "./memory.ts";

/** struct bpf_cgroup_storage_key: u64 cgroup_inode_id, u32 attach_type. Or the inode alone, for all attach types. */
const KEY_BYTES = 16;
const SHARED_KEY_BYTES = 8;

/** The value of the run that is under way. */
export class CgroupStorageMap extends BaseMap {
  override readonly numCpus: number;
  private readonly strideBytes: number;
  private readonly bytes: number;
  private at: number = 0;

  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx);
    this.numCpus = spec.kind === "percpu_cgroup_storage" ? ctx.numCpus : 1;
    this.strideBytes = roundUp(spec.valueSize, 8);
    this.bytes = this.strideBytes * this.numCpus;
  }

  /** Address of the value in this run; 0 when memory is used up. */
  valueOfRun(cpu: number): number {
    if (this.at === 0) {
      const { bytes: sizeBytes, strideBytes, label } = this;
      const valueBytes = this.spec.valueSize;
      this.at = this.arena.allocRegion({ sizeBytes, strideBytes, valueBytes, writable: this.programsMayWrite, label });
      if (this.at === 0) return 0;
      zeroBytes(this.arena, this.at, this.bytes);
    }
    return this.numCpus === 1 ? this.at : this.at + cpu * this.strideBytes;
  }

  /** The run is over. */
  endRun(): void {
    if (this.at === 0) return;
    this.dropFields(this.at);
    this.arena.freeRegion(this.at);
    this.at = 0;
  }

  override get userValueBytes(): number {
    return this.numCpus === 1 ? this.spec.valueSize : this.bytes;
  }

  nextKey(_key: Uint8Array | null): Uint8Array | null {
    return null;
  }

  read(_key: Uint8Array): Uint8Array | null {
    return null;
  }

  /** Values that attached programs have. */
  count(): number {
    return 0;
  }

  destroy(): void {
    this.endRun();
  }

  /** @source cgroup_storage_update_elem, bpf_percpu_cgroup_storage_update */
  protected writeChecked(_key: Uint8Array, _value: Uint8Array, flags: number): number {
    if (this.spec.kind === "percpu_cgroup_storage") return flags === 0 || flags === 2 ? -ENOENT : -EINVAL;
    return (flags & ~(BPF_F_LOCK | 2)) === 0 ? -ENOENT : -EINVAL;
  }
}

/** What BPF_MAP_CREATE refuses. @source kernel/bpf/local_storage.c cgroup_storage_map_alloc */
export function checkCgroupStorage(spec: MapSpec): Refusal | null {
  const flags = checkFlags(spec, BPF_F_NUMA_NODE | ACCESS_FLAGS);
  if (flags !== null) return flags;
  if (spec.keySize !== KEY_BYTES && spec.keySize !== SHARED_KEY_BYTES) {
    return invalid(`key_size is ${spec.keySize}, type ${spec.kind} takes ${KEY_BYTES} or ${SHARED_KEY_BYTES}`);
  }
  if (spec.valueSize === 0) return invalid("value_size is 0");
  const most = spec.kind === "percpu_cgroup_storage" ? PCPU_MIN_UNIT_SIZE : LOCAL_STORAGE_MAX_VALUE;
  if (spec.valueSize > most) return tooBig(`value_size ${spec.valueSize} is above ${most}`);
  return spec.maxEntries === 0 ? null : invalid(`max_entries is ${spec.maxEntries}, type ${spec.kind} takes 0`);
}

/** `cgroup_storage`. */
export const cgroupStorageType: MapTypeDef = {
  kind: "cgroup_storage",
  uapi: 19,
  since: "4.19",
  user: { take: false, batch: "none" },
  check: checkCgroupStorage,
  create: (spec, ctx) => new CgroupStorageMap(spec, ctx),
};
