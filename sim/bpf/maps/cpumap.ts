/**
 * BPF_MAP_TYPE_CPUMAP: CPUs by number, targets of bpf_redirect_map. An entry is a queue of frames and a kthread of its CPU that turns
 * them into packets, with a program that sees them first.
 *
 *     value: u32 qsize (0 empties the slot) | u32 program (user space writes an id, 0 or a negative number for none; reads an id)
 *
 * @source kernel/bpf/cpumap.c; errno asked of Linux 6.18
 */
import type { MapContext, MapTypeDef } from "../map.ts";
import { BPF_EXIST, BPF_NOEXIST } from "../map.ts";
import type { Program } from "../program.ts";
import type { MapSpec } from "../spec.ts";
import { nextIndex } from "./array.ts";
import { BaseMap, bytesOfU32, u32Of } from "./base-map.ts";
import { E2BIG, EEXIST, EINVAL, ENODEV, ENOMEM, EOVERFLOW } from "./errno.ts";
import { BPF_F_NUMA_NODE, checkFlags, checkKeySize, checkMaxEntries, invalid, tooBig } from "./flags.ts";

/** Sanity bound of an entry's queue, frames. */
const MAX_QSIZE = 16384;
/** CONFIG_NR_CPUS of the reference kernel; a cpumap has no more entries. */
const NR_CPUS = 256;

/** One CPU as a target. The network hangs its queue and its kthread on it. */
export class CpumapEntry {
  readonly cpu: number;
  /** Frames that may wait. */
  readonly qsize: number;
  readonly program: Program | null;
  /** Still in its map. What waits in the queue of an entry that is not goes on to the stack. */
  live: boolean = true;
  /** The network's. */
  queue: object | null = null;

  constructor(cpu: number, qsize: number, program: Program | null) {
    this.cpu = cpu;
    this.qsize = qsize;
    this.program = program;
  }
}

/** An array of CPUs. */
export class CpumapMap extends BaseMap {
  private readonly entries: (CpumapEntry | null)[];

  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx);
    this.entries = new Array<CpumapEntry | null>(spec.maxEntries).fill(null);
  }

  /** The target under a key, null when there is none. */
  entryOf(key: number): CpumapEntry | null {
    return key < this.entries.length ? this.entries[key]! : null;
  }

  nextKey(key: Uint8Array | null): Uint8Array | null {
    return this.userMayRead ? nextIndex(key, this.entries.length) : null;
  }

  read(key: Uint8Array): Uint8Array | null {
    if (!this.userMayRead || key.length !== 4) return null;
    const entry = this.entryOf(u32Of(key));
    if (entry === null) return null;
    const out = new Uint8Array(this.spec.valueSize);
    out.set(bytesOfU32(entry.qsize));
    if (out.length === 8) out.set(bytesOfU32(entry.program === null ? 0 : entry.program.id), 4);
    return out;
  }

  /** CPUs that are targets. */
  count(): number {
    let n = 0;
    for (const entry of this.entries) if (entry !== null) n++;
    return n;
  }

  destroy(): void {
    for (let i = 0; i < this.entries.length; i++) this.put(i, null);
  }

  /** A program that is no xdp/cpumap one makes the entry fail with -ENOMEM, as on Linux. @source cpu_map_update_elem */
  protected writeChecked(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (flags >>> 0 > BPF_EXIST) return -EINVAL;
    const cpu = u32Of(key);
    if (cpu >= this.entries.length) return -E2BIG;
    if (flags === BPF_NOEXIST) return -EEXIST;
    const qsize = u32Of(value);
    if (qsize > MAX_QSIZE) return -EOVERFLOW;
    if (cpu >= this.ctx.numCpus) return -ENODEV;
    if (qsize === 0) {
      this.put(cpu, null);
      return 0;
    }
    const id = value.length === 8 ? u32Of(value.subarray(4)) | 0 : 0;
    const program = id > 0 ? this.ctx.programOfId?.(id) : null;
    if (program === undefined) return -ENOMEM;
    if (program !== null && (program.kind !== "xdp" || program.attach !== "xdp_cpumap" || program.device !== null)) {
      return -ENOMEM;
    }
    this.put(cpu, new CpumapEntry(cpu, qsize, program));
    return 0;
  }

  /** Emptying an empty slot succeeds. */
  protected override removeChecked(key: Uint8Array): number {
    const cpu = u32Of(key);
    if (cpu >= this.entries.length) return -EINVAL;
    this.put(cpu, null);
    return 0;
  }

  private put(cpu: number, entry: CpumapEntry | null): void {
    const old = this.entries[cpu]!;
    if (old !== null) old.live = false;
    this.entries[cpu] = entry;
  }
}

/** `cpumap`. */
export const cpumapType: MapTypeDef = {
  kind: "cpumap",
  uapi: 16,
  since: "4.15",
  typed: "none",
  user: { take: false, batch: "none" },
  check(spec) {
    if (spec.valueSize !== 4 && spec.valueSize !== 8) {
      return invalid(`value_size is ${spec.valueSize}, type cpumap takes 4 (qsize) or 8 (qsize and program)`);
    }
    const common = checkMaxEntries(spec) ?? checkKeySize(spec, 4) ?? checkFlags(spec, BPF_F_NUMA_NODE);
    if (common !== null) return common;
    return spec.maxEntries > NR_CPUS ? tooBig(`max_entries ${spec.maxEntries} is above NR_CPUS (${NR_CPUS})`) : null;
  },
  create: (spec, ctx) => new CpumapMap(spec, ctx),
};
