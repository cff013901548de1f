/**
 * `struct nf_conn`: the entries of connection tracking. What stands in the struct is the entry; behind it, hidden from programs, are
 * the words by which its table holds it:
 *
 *     +0  u32 next      entry and direction behind the original tuple in its bucket; link while free
 *     +4  u32 next      likewise behind the reply tuple
 *     +8  u32 next      entry behind it among those of its source (nf_nat_bysource)
 *     +12 u32 table     number of its table, 0 while free
 *     +16 u32 state     bit 0: in the table; bit 1: among those of its source
 *
 * A tuple is 10 words. All but the direction tells tuples apart.
 *
 *      0 source address[4]   16 be16 source port        18 u16 family
 *     20 destination[4]      36 be16 destination port   38 u8 protocol   39 u8 direction
 *
 * @source include/net/netfilter/nf_conntrack.h, nf_conntrack_tuple.h
 * @differs hash chains, `ct_net`, `master` and `ext` are null, `proto` is zero
 */
import type { Btf } from "../../bpf/btf/types.ts";
import { Slab } from "../../bpf/maps/slab.ts";
import { type Arena, roundUp } from "../../engine/arena.ts";
import { BugError } from "../../engine/errors.ts";
import { putField, StructLayout } from "./layout.ts";

/** sizeof(struct nf_conntrack_tuple). */
export const TUPLE_BYTES = 40;
/** Offsets in a tuple. */
export const TUPLE_SRC = 0;
export const TUPLE_SRC_PORT = 16;
export const TUPLE_FAMILY = 18;
export const TUPLE_DST = 20;
export const TUPLE_DST_PORT = 36;
export const TUPLE_PROTOCOL = 38;
export const TUPLE_DIR = 39;

/** Offsets of the hidden words. */
const HIDDEN_BY_SOURCE = 8;
const HIDDEN_TABLE = 12;
const HIDDEN_STATE = 16;
const HIDDEN_BYTES = 24;

/** Bits of the hidden state. */
export const CONN_HASHED = 1;
export const CONN_BY_SOURCE = 2;

const LABEL = "struct nf_conn";
/** More than all tables of a simulation hold in 2 GiB. */
const MAX_CONNS = 2 ** 23;

/** Memory of all entries of a simulation. */
export class NfConns {
  readonly arena: Arena;
  /** Index in words from an entry to its hidden words. */
  private readonly hidden: number;
  private readonly slab: Slab;
  private readonly f: ReturnType<typeof fieldsOf>;
  private readonly original: number;
  private readonly tupleHashBytes: number;
  private tables: number = 0;

  constructor(arena: Arena, btf: Btf) {
    this.arena = arena;
    this.f = fieldsOf(btf);
    const { layout } = this.f;
    const sizeBytes = roundUp(layout.sizeBytes, 8);
    const strideBytes = sizeBytes + HIDDEN_BYTES;
    const mark = layout.field("mark");
    const writablePart = { from: mark.offset, to: mark.offset + mark.bytes };
    const region = { strideBytes, valueBytes: layout.sizeBytes, writable: false, writablePart, label: LABEL };
    this.slab = new Slab(arena, { strideBytes, region, linkOffset: sizeBytes, maxRecords: MAX_CONNS });
    this.hidden = sizeBytes;
    const hash = new StructLayout(btf, "nf_conntrack_tuple_hash");
    const tuple = new StructLayout(btf, "nf_conntrack_tuple");
    if (tuple.sizeBytes !== TUPLE_BYTES || tuple.field("dst.dir").offset !== TUPLE_DIR) {
      throw new BugError("STRUCT_UNKNOWN", "kernel.btf lays struct nf_conntrack_tuple out in another way");
    }
    this.original = this.f.tuplehash.offset + hash.field("tuple").offset;
    this.tupleHashBytes = hash.sizeBytes;
  }

  /** A number for a new table. */
  newTable(): number {
    this.tables++;
    return this.tables;
  }

  /** A zeroed entry for a table, 0 when memory is used up. */
  take(table: number): number {
    const ct = this.slab.take();
    if (ct === 0) return 0;
    this.arena.u8.fill(0, ct, ct + this.hidden + HIDDEN_BYTES);
    this.arena.u32[(ct + this.hidden + HIDDEN_TABLE) >>> 2] = table;
    return ct;
  }

  give(ct: number): void {
    this.arena.u32[(ct + this.hidden + HIDDEN_TABLE) >>> 2] = 0;
    this.slab.give(ct);
  }

  /** Whether an entry of a table begins at an address. */
  isOf(table: number, ct: number): boolean {
    const region = this.arena.regionAt(ct);
    if (region?.label !== LABEL || (ct - region.addr) % region.strideBytes !== 0) return false;
    return this.arena.u32[(ct + this.hidden + HIDDEN_TABLE) >>> 2] === table;
  }

  /** Address of the original (0) or the reply tuple (1). */
  tuple(ct: number, dir: number): number {
    return ct + this.original + dir * this.tupleHashBytes;
  }

  /** What stands behind an entry's tuple in its bucket. */
  next(ct: number, dir: number): number {
    return this.arena.u32[(ct + this.hidden + dir * 4) >>> 2]!;
  }

  setNext(ct: number, dir: number, node: number): void {
    this.arena.u32[(ct + this.hidden + dir * 4) >>> 2] = node;
  }

  nextBySource(ct: number): number {
    return this.arena.u32[(ct + this.hidden + HIDDEN_BY_SOURCE) >>> 2]!;
  }

  setNextBySource(ct: number, next: number): void {
    this.arena.u32[(ct + this.hidden + HIDDEN_BY_SOURCE) >>> 2] = next;
  }

  /** CONN_* bits. */
  state(ct: number): number {
    return this.arena.u32[(ct + this.hidden + HIDDEN_STATE) >>> 2]!;
  }

  setState(ct: number, state: number): void {
    this.arena.u32[(ct + this.hidden + HIDDEN_STATE) >>> 2] = state;
  }

  status(ct: number): number {
    return this.arena.u32[(ct + this.f.status.offset) >>> 2]!;
  }

  setStatus(ct: number, status: number): void {
    this.arena.u32[(ct + this.f.status.offset) >>> 2] = status;
  }

  /** @unit jiffies, 32 bits: of an entry in the table when it ends, of any other how long it shall live */
  timeout(ct: number): number {
    return this.arena.u32[(ct + this.f.timeout.offset) >>> 2]!;
  }

  setTimeout(ct: number, jiffies: number): void {
    this.arena.u32[(ct + this.f.timeout.offset) >>> 2] = jiffies;
  }

  refs(ct: number): number {
    return this.arena.u32[(ct + this.f.refs.offset) >>> 2]!;
  }

  setRefs(ct: number, n: number): void {
    this.arena.u32[(ct + this.f.refs.offset) >>> 2] = n;
  }

  /** @param dir bits of the directions in which the zone counts */
  setZone(ct: number, id: number, dir: number): void {
    putField(this.arena, ct, this.f.zoneId, id);
    putField(this.arena, ct, this.f.zoneDir, dir);
  }

  /** The zone as it was given. */
  zone(ct: number): number {
    return this.arena.dv.getUint16(ct + this.f.zoneId.offset, true);
  }

  zoneDirs(ct: number): number {
    return this.arena.u8[ct + this.f.zoneDir.offset]!;
  }

  /** nf_ct_zone_id: of the zone in which one direction of an entry lies. */
  zoneId(ct: number, dir: number): number {
    return zoneIdIn(this.zone(ct), this.zoneDirs(ct), dir);
  }
}

/** nf_ct_zone_id: a zone that does not count in a direction is the default one there. */
export function zoneIdIn(id: number, dirs: number, dir: number): number {
  return (dirs & (1 << dir)) !== 0 ? id : 0;
}

function fieldsOf(btf: Btf) {
  const layout = new StructLayout(btf, "nf_conn");
  return {
    layout,
    refs: layout.field("ct_general.use.refs.counter"),
    timeout: layout.field("timeout"),
    zoneId: layout.field("zone.id"),
    zoneDir: layout.field("zone.dir"),
    tuplehash: layout.field("tuplehash"),
    status: layout.field("status"),
  };
}
