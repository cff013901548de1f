/**
 * BPF_MAP_TYPE_PERF_EVENT_ARRAY: where bpf_perf_event_output puts records, a slot for each CPU. A slot without a reader answers
 * -ENOENT, as on Linux. User space's update wants the descriptor of a perf event, and nothing here is one: readers open the slots by
 * `openAll`.
 * @source kernel/bpf/arraymap.c perf_event_fd_array_get_ptr, kernel/events/core.c perf_event_get, kernel/trace/bpf_trace.c
 *         __bpf_perf_event_output; errno asked of Linux 6.18
 * @differs the reader always keeps up: no record is lost for want of room
 */
import type { MapContext, MapTypeDef } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { nextIndex } from "./array.ts";
import { BaseMap, u32Of } from "./base-map.ts";
import { E2BIG, EBADF, EINVAL, ENOENT, ENOTSUPP } from "./errno.ts";
import { BPF_F_NUMA_NODE, BPF_F_PRESERVE_ELEMS, BPF_F_RDONLY, BPF_F_WRONLY, checkFdArray } from "./flags.ts";

/** An array of perf event readers. */
export class PerfEventArrayMap extends BaseMap {
  override readonly readErrno: number = -ENOTSUPP;
  private readonly maxEntries: number;
  private readonly opened: Set<number> = new Set();

  constructor(spec: MapSpec, ctx: MapContext) {
    super(spec, ctx);
    this.maxEntries = spec.maxEntries;
  }

  /** Attaches a reader to every CPU's slot. */
  openAll(): void {
    for (let cpu = 0; cpu < Math.min(this.ctx.numCpus, this.maxEntries); cpu++) this.opened.add(cpu);
  }

  /**
   * What bpf_perf_event_output answers for a slot, seen from a CPU, before it hands a record over.
   * @returns 0, -E2BIG, or -ENOENT when nobody reads it
   */
  slotError(index: number): number {
    if (index >= this.maxEntries) return -E2BIG;
    return this.opened.has(index) ? 0 : -ENOENT;
  }

  nextKey(key: Uint8Array | null): Uint8Array | null {
    return !this.userMayRead ? null : nextIndex(key, this.maxEntries);
  }

  /** Linux answers -ENOTSUPP: perf events cannot be read back. */
  read(_key: Uint8Array): Uint8Array | null {
    return null;
  }

  /** Slots with a reader. */
  count(): number {
    return this.opened.size;
  }

  destroy(): void {
    this.opened.clear();
  }

  protected writeChecked(key: Uint8Array, _value: Uint8Array, flags: number): number {
    if (flags !== 0) return -EINVAL;
    return u32Of(key) >= this.maxEntries ? -E2BIG : -EBADF;
  }

  protected override removeChecked(key: Uint8Array): number {
    const index = u32Of(key);
    if (index >= this.maxEntries) return -E2BIG;
    return this.opened.delete(index) ? 0 : -ENOENT;
  }
}

/** `perf_event_array`. */
export const perfEventArrayType: MapTypeDef = {
  kind: "perf_event_array",
  uapi: 4,
  since: "4.3",
  typed: "none",
  user: { take: false, batch: "none" },
  check: (spec) => checkFdArray(spec, BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_PRESERVE_ELEMS),
  create: (spec, ctx) => new PerfEventArrayMap(spec, ctx),
};
