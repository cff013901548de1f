/**
 * What the maps over a HashTable share: user space's walk, reads and writes by key, and programs' operations as the table's code has
 * them. Maps of maps have methods of their own.
 * @source kernel/bpf/hashtab.c htab_map_get_next_key, htab_map_lookup_elem
 */
import type { MapCode, MapContext } from "../map.ts";
import type { MapSpec } from "../spec.ts";
import { BaseMap } from "./base-map.ts";
import { HashTable, type TableUse } from "./hash-table.ts";

/** A map over a HashTable. As it stands here an element has one value; per-CPU maps override what user space sees of it. */
export abstract class TableMap extends BaseMap {
  /** The elements; bpf_for_each_map_elem walks them. */
  readonly table: HashTable;
  override readonly code: MapCode;

  /**
   * @param capacity elements at most
   * @param numCpus 0: one value; otherwise one for each CPU
   */
  constructor(spec: MapSpec, ctx: MapContext, use: Pick<TableUse, "capacity" | "numCpus" | "lru" | "handles">) {
    super(spec, ctx);
    this.table = new HashTable(ctx.arena, spec, {
      ...use,
      machineCpus: ctx.numCpus,
      writable: this.programsMayWrite,
      label: this.label,
      fields: this.fields,
      ...(this.fields.length > 0 ? { removed: (el: number): void => this.dropElement(el) } : {}),
    });
    const { code, state } = this.table;
    const changes = use.handles === true ? {} : { update: code.update, delete: code.delete };
    this.code = { state, lookup: code.lookup, ...changes };
  }

  override lookup(key: number, cpu: number): number {
    return this.table.code.lookup(this.table.state, key, cpu);
  }

  override update(key: number, value: number, flags: number, cpu: number): number {
    return this.table.code.update(this.table.state, key, value, flags, cpu);
  }

  override delete(key: number): number {
    return this.table.code.delete(this.table.state, key);
  }

  override writeKey(value: number, to: number): void {
    const from = this.table.keyOf(value);
    this.arena.u8.copyWithin(to, from, from + this.spec.keySize);
  }

  /** Ends what the fields of an element hold, on all CPUs, and leaves them zero for the next one. */
  private dropElement(el: number): void {
    for (let cpu = 0; cpu < this.numCpus; cpu++) {
      const value = this.table.valueOf(el, cpu);
      this.dropFields(value);
      for (const f of this.fields) this.arena.u8.fill(0, value + f.offset, value + f.offset + f.size);
    }
  }

  nextKey(key: Uint8Array | null): Uint8Array | null {
    return !this.userMayRead ? null : this.table.nextKey(key);
  }

  read(key: Uint8Array): Uint8Array | null {
    const el = this.elementForUser(key);
    return el === 0 ? null : this.copyOut(el);
  }

  /** A batch has read the element and takes it out. */
  removeTaken(key: Uint8Array): void {
    this.removeChecked(key);
  }

  count(): number {
    return this.table.count;
  }

  destroy(): void {
    if (this.fields.length > 0)
      for (let el = this.table.next(0); el !== 0; el = this.table.next(el)) this.dropElement(el);
    this.table.destroy();
  }

  /** The element that user space asks for, 0 when there is none or it may not read. */
  protected elementForUser(key: Uint8Array): number {
    return !this.userMayRead || key.length !== this.spec.keySize ? 0 : this.table.findUser(key);
  }

  protected writeChecked(key: Uint8Array, value: Uint8Array, flags: number): number {
    return this.updateFromUser(this.table.stageUser(key), value, flags);
  }

  protected override removeChecked(key: Uint8Array): number {
    return this.delete(this.table.stageUser(key));
  }
}
