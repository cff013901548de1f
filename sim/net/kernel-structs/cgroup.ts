/**
 * `struct cgroup` of the one cgroup that a simulated host has, the root of cgroup2.
 * @source include/linux/cgroup-defs.h
 * @differs counters and controllers are zero; `root` and `self.cgroup` lead back to it, other pointers are null
 */
import type { Btf } from "../../bpf/btf/types.ts";
import type { ObjectOwner } from "../../bpf/objects.ts";
import type { Arena } from "../../engine/arena.ts";
import type { Host } from "../host.ts";
import { putField, StructLayout } from "./layout.ts";

/** Inode of the root: its id. */
export const ROOT_CGROUP_ID = 1;

/** The cgroups that programs have met. */
export class Cgroups implements ObjectOwner {
  private readonly arena: Arena;
  private readonly btf: Btf;
  private readonly placed: WeakMap<Host, number> = new WeakMap();
  private readonly addresses: Set<number> = new Set();

  constructor(arena: Arena, btf: Btf) {
    this.arena = arena;
    this.btf = btf;
  }

  owns(at: number): boolean {
    return this.addresses.has(at);
  }

  /** The root stays. */
  drop(): void {}

  /** Address of the struct of a host's root. */
  rootOf(host: Host): number {
    let at = this.placed.get(host);
    if (at === undefined) {
      const { arena } = this;
      const layout = new StructLayout(this.btf, "cgroup");
      const node = new StructLayout(this.btf, "kernfs_node");
      at = layout.place(arena);
      const kn = node.place(arena);
      putField(arena, at, layout.field("self.cgroup"), at);
      putField(arena, at, layout.field("kn"), kn);
      putField(arena, kn, node.field("id"), ROOT_CGROUP_ID);
      this.placed.set(host, at);
      this.addresses.add(at);
    }
    return at;
  }
}
