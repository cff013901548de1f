/**
 * `struct bpf_cpumask` objects that programs made.
 * @source kernel/bpf/cpumask.c
 */
import type { Btf } from "../../bpf/btf/types.ts";
import { Slab } from "../../bpf/maps/slab.ts";
import type { ObjectOwner } from "../../bpf/objects.ts";
import { type Arena, roundUp } from "../../engine/arena.ts";
import type { Cpu } from "../softirq.ts";
import { StructLayout } from "./layout.ts";

const MAX_MASKS = 2 ** 20;

/** All masks of a simulation. */
export class Cpumasks implements ObjectOwner {
  private readonly arena: Arena;
  private readonly slab: Slab;
  private readonly sizeBytes: number;
  private readonly usage: number;
  private readonly live: Set<number> = new Set();
  private readonly given: WeakMap<Cpu, number> = new WeakMap();

  constructor(arena: Arena, btf: Btf) {
    const layout = new StructLayout(btf, "bpf_cpumask");
    this.arena = arena;
    this.sizeBytes = roundUp(layout.sizeBytes, 8);
    this.usage = layout.field("usage").offset;
    const strideBytes = this.sizeBytes + 8;
    const region = { strideBytes, valueBytes: layout.sizeBytes, writable: false, label: "struct bpf_cpumask" };
    this.slab = new Slab(arena, { strideBytes, region, linkOffset: this.sizeBytes, maxRecords: MAX_MASKS });
  }

  /** An empty mask with one owner, 0 when memory is used up. */
  create(): number {
    const at = this.slab.take();
    if (at === 0) return 0;
    this.arena.u8.fill(0, at, at + this.sizeBytes);
    this.arena.u32[(at + this.usage) >>> 2] = 1;
    this.live.add(at);
    return at;
  }

  /** Whether a mask begins at an address. */
  owns(at: number): boolean {
    return this.live.has(at);
  }

  /** One owner more. */
  acquire(at: number): void {
    this.arena.u32[(at + this.usage) >>> 2]!++;
  }

  /** One owner less; the last one ends the mask. */
  drop(at: number): void {
    const left = --this.arena.u32[(at + this.usage) >>> 2]!;
    if (left > 0) return;
    this.live.delete(at);
    this.slab.give(at);
  }

  /** distribute_cpu_mask_prev of a CPU. */
  lastGiven(by: Cpu): number {
    return this.given.get(by) ?? 0;
  }

  gave(by: Cpu, cpu: number): void {
    this.given.set(by, cpu);
  }
}
