/**
 * `struct bpf_key`: keys that programs looked up. The system's keyrings are numbers, and the keys of users are none.
 * @source include/linux/bpf.h; kernel/trace/bpf_trace.c bpf_lookup_system_key
 */
import type { Btf } from "../../bpf/btf/types.ts";
import { Slab } from "../../bpf/maps/slab.ts";
import { type Arena, roundUp } from "../../engine/arena.ts";
import { StructLayout } from "./layout.ts";

const MAX_KEYS = 2 ** 20;

/** All of a simulation. */
export class Keys {
  private readonly arena: Arena;
  private readonly slab: Slab;
  private readonly sizeBytes: number;
  private readonly key: number;
  private readonly live: Set<number> = new Set();

  constructor(arena: Arena, btf: Btf) {
    const layout = new StructLayout(btf, "bpf_key");
    this.arena = arena;
    this.sizeBytes = roundUp(layout.sizeBytes, 8);
    this.key = layout.field("key").offset;
    const strideBytes = this.sizeBytes + 8;
    const region = { strideBytes, valueBytes: layout.sizeBytes, writable: false, label: "struct bpf_key" };
    this.slab = new Slab(arena, { strideBytes, region, linkOffset: this.sizeBytes, maxRecords: MAX_KEYS });
  }

  /** A key that is a keyring of the system's. @returns 0 when memory is used up */
  create(keyring: number): number {
    const at = this.slab.take();
    if (at === 0) return 0;
    this.arena.u8.fill(0, at, at + this.sizeBytes);
    this.arena.u32[(at + this.key) >>> 2] = keyring;
    this.live.add(at);
    return at;
  }

  /** @returns false when there was no such key */
  drop(at: number): boolean {
    if (!this.live.delete(at)) return false;
    this.slab.give(at);
    return true;
  }
}
