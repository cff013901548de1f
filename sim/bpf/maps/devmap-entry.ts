/**
 * What devmap and devmap_hash share: the value, its checks, and the view that the network's redirect has of both.
 *
 *     value: u32 ifindex | u32 program (user space writes an id, 0 or a negative number for none; reads an id)
 *
 * @source kernel/bpf/devmap.c __dev_map_alloc_node; errno asked of Linux 6.18
 */
import type { Program } from "../program.ts";
import type { MapSpec } from "../spec.ts";
import { BaseMap, u32Of } from "./base-map.ts";
import { EINVAL } from "./errno.ts";
import {
  BPF_F_NUMA_NODE,
  BPF_F_RDONLY,
  BPF_F_WRONLY,
  checkFlags,
  checkKeySize,
  invalid,
  type Refusal,
} from "./flags.ts";

/** Bytes from slot to slot, whichever size the value has. */
export const DEVMAP_STRIDE = 8;

/** A device map as the network sees it; programs may read it, not change it. Keys are plain numbers; nothing is allocated. */
export abstract class DevmapBase extends BaseMap {
  protected readonly programs: Map<number, Program> = new Map();
  // what checkEntry accepted, until storeEntry
  private pendingProgram: Program | null = null;
  private pendingKey: number = 0;

  /** Ifindex of the device under a key, 0 when there is none. */
  abstract ifindexOf(key: number): number;
  /** The next key above or behind `key` that has a device, in Linux's order; -1 starts and ends. For BPF_F_BROADCAST. */
  abstract nextDevice(key: number): number;
  /** A device left the host: its entries go, as dev_map_notification does. */
  abstract removeDevice(ifindex: number): void;

  /** The devmap program under a key, null when there is none. */
  programOf(key: number): Program | null {
    return this.programs.size === 0 ? null : (this.programs.get(key) ?? null);
  }

  /**
   * Checks user space's value and settles its program.
   * @returns 0 or -errno
   */
  protected checkEntry(value: Uint8Array, key: number, mayBeEmpty: boolean): number {
    const ifindex = u32Of(value);
    const prog = value.length === 8 ? u32Of(value.subarray(4)) | 0 : 0;
    if (ifindex === 0) {
      if (!mayBeEmpty || prog > 0) return -EINVAL;
    } else if (this.ctx.devExists?.(ifindex) === false) {
      return -EINVAL;
    }
    this.pendingProgram = null;
    if (prog > 0) {
      const found = this.ctx.programOfId?.(prog);
      if (found === undefined || found.kind !== "xdp" || found.attach !== "xdp_devmap") return -EINVAL;
      if (found.device !== null) return -EINVAL;
      this.pendingProgram = found;
    }
    this.pendingKey = key;
    return 0;
  }

  /** Stores what checkEntry accepted. @param at address of the slot */
  protected storeEntry(at: number, value: Uint8Array): void {
    const u32 = this.arena.u32;
    u32[at >>> 2] = u32Of(value);
    u32[(at >>> 2) + 1] = this.pendingProgram === null ? 0 : this.pendingProgram.id;
    if (this.pendingProgram === null) this.programs.delete(this.pendingKey);
    else this.programs.set(this.pendingKey, this.pendingProgram);
  }
}

/** What BPF_MAP_CREATE checks for both. @source dev_map_alloc_check */
export function checkDevmap(spec: MapSpec): Refusal | null {
  if (spec.maxEntries === 0) return invalid("max_entries is 0");
  if (spec.valueSize !== 4 && spec.valueSize !== 8) {
    return invalid(`value_size is ${spec.valueSize}, type ${spec.kind} takes 4 (ifindex) or 8 (ifindex and program)`);
  }
  return checkKeySize(spec, 4) ?? checkFlags(spec, BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY);
}

/** Live maps made by devmap.ts and devmap-hash.ts, for the network: null when `map` is none. */
export function asDevmap(map: object): DevmapBase | null {
  return map instanceof DevmapBase ? map : null;
}
