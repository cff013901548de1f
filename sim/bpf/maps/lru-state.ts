/** Memory of an LRU map's lists, which code/lru-code.ts works on. */
import type { Arena } from "../../engine/arena.ts";
import type { MapSpec } from "../spec.ts";
import { mustAlloc } from "./base-map.ts";
import { COMMON_BATCH, COMMON_CPU_BYTES, COMMON_CPUS, CPU_SENTINELS, CPU_STEAL, LOCAL_BATCH } from "./code/lru-code.ts";
import { INACTIVE_AT, LIST_BYTES, LIST_FRESH, LIST_ROTATION, LIST_SENTINELS } from "./code/lru-list-code.ts";

/** How a map evicts: by lists that all CPUs share, or, with BPF_F_NO_COMMON_LRU, by each CPU's own. */
export type LruKind = "common" | "percpu";

/** Lists that are all empty, all elements still to be made. */
export class LruState {
  readonly address: number;
  private readonly arena: Arena;
  private readonly bytes: number;

  constructor(arena: Arena, spec: MapSpec, kind: LruKind, capacity: number, numCpus: number) {
    this.arena = arena;
    this.bytes = kind === "common" ? COMMON_CPUS + COMMON_CPU_BYTES * numCpus : LIST_BYTES * numCpus;
    this.address = mustAlloc(arena.alloc(this.bytes), spec, this.bytes);
    if (kind === "common") this.initCommon(capacity, numCpus);
    else {
      const share = Math.floor(capacity / numCpus);
      for (let cpu = 0; cpu < numCpus; cpu++) this.initLists(this.address + LIST_BYTES * cpu, share);
    }
  }

  destroy(): void {
    this.arena.free(this.address, this.bytes);
  }

  private initCommon(capacity: number, numCpus: number): void {
    this.initLists(this.address, capacity);
    const share = Math.floor(Math.floor(capacity / numCpus) / 2);
    this.set(this.address + COMMON_BATCH, Math.min(LOCAL_BATCH, Math.max(1, share)));
    for (let cpu = 0; cpu < numCpus; cpu++) {
      const at = this.address + COMMON_CPUS + COMMON_CPU_BYTES * cpu;
      this.initSentinels(at, CPU_SENTINELS);
      this.set(at + CPU_STEAL, cpu);
    }
  }

  private initLists(at: number, fresh: number): void {
    this.initSentinels(at, LIST_SENTINELS);
    this.set(at + LIST_ROTATION, at + INACTIVE_AT);
    this.set(at + LIST_FRESH, fresh);
  }

  private initSentinels(first: number, count: number): void {
    for (let at = first; at < first + 8 * count; at += 8) {
      this.set(at, at);
      this.set(at + 4, at);
    }
  }

  private set(at: number, value: number): void {
    this.arena.i32[at >>> 2] = value;
  }
}
