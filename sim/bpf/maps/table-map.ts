/**
 * What the maps over a HashTable share: user space's walk, reads and writes by key. How programs look up, insert and delete is
 * each map's own, as are the rules of its flags.
 * @source kernel/bpf/hashtab.c htab_map_get_next_key, htab_map_lookup_elem
 */
import type { MapContext } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { BaseMap } from "./base-map.ts";
import { HashTable } from "./hash-table.ts";

/** A map over a HashTable. As it stands here an element has one value; per-CPU maps override what user space sees of it. */
export abstract class TableMap extends BaseMap {
  /** The elements; bpf_for_each_map_elem walks them. */
  readonly table: HashTable;

  /**
   * @param capacity elements at most
   * @param valueCpus 0: one value; otherwise one for each CPU
   */
  constructor(spec: MapSpec, ctx: MapContext, capacity: number, valueCpus: number) {
    super(spec, ctx);
    this.table = new HashTable(ctx.arena, spec, capacity, valueCpus, {
      writable: this.programsMayWrite,
      label: this.label,
    });
  }

  nextKey(key: Uint8Array | null): Uint8Array | null {
    return this.userMayNotRead() ? null : this.table.nextKey(key);
  }

  read(key: Uint8Array): Uint8Array | null {
    const el = this.elementForUser(key);
    return el === 0 ? null : this.copyOut(el);
  }

  count(): number {
    return this.table.count;
  }

  destroy(): void {
    this.table.destroy();
  }

  /** The element that user space asks for, 0 when there is none or it may not read. */
  protected elementForUser(key: Uint8Array): number {
    return this.userMayNotRead() || key.length !== this.spec.keySize ? 0 : this.table.findUser(key);
  }

  protected writeChecked(key: Uint8Array, value: Uint8Array, flags: number): number {
    return this.updateFromUser(this.table.stageUser(key), value, flags);
  }

  protected override removeChecked(key: Uint8Array): number {
    return this.delete(this.table.stageUser(key));
  }
}
