/**
 * A host's connection tracking table. Nothing but programs puts entries into it: packets are not tracked.
 *
 * A bucket holds nodes: the address of an entry, its lowest bit the direction of the tuple by which it is there.
 *
 * @source net/netfilter/nf_conntrack_core.c
 * @differs expired entries go when they are met, or once a minute when new ones are made, not by a worker of their own
 */
import type { Arena } from "../../engine/arena.ts";
import { VerifierError } from "../../engine/errors.ts";
import type { Host } from "../host.ts";
import { CONN_BY_SOURCE, CONN_HASHED, type NfConns, TUPLE_BYTES, zoneIdIn } from "../kernel-structs/nf-conn.ts";
import { IPS_ASSURED, IPS_DYING } from "./status.ts";
import { copyTuple, hashSource, hashTuple, invertTuple, sameSource, tupleEqual } from "./tuple.ts";

const TABLE = "conntrack";
/** net.netfilter.nf_conntrack_max of a machine with memory enough. */
const NF_CONNTRACK_MAX = 262144;
/** Buckets in which a full table looks for an entry to drop. */
const NF_CT_EVICTION_RANGE = 8;
/** GC_SCAN_INTERVAL_MAX at HZ=250. */
const GC_JIFFIES = 60 * 250;
const FIRST_BUCKETS = 64;

/** NF_CT_DEFAULT_ZONE_DIR. */
export const BOTH_DIRECTIONS = 3;
/** Tuples that may be in work at a time. */
const SCRATCH_TUPLES = 3;

/** The entries of a host. Times are jiffies, as 32 bits. */
export class Conntrack {
  readonly conns: NfConns;
  readonly arena: Arena;
  /** Memory for tuples in work, three of them. */
  readonly scratch: number;
  private readonly number: number;
  private buckets: Uint32Array = new Uint32Array(FIRST_BUCKETS);
  private bySource: Uint32Array = new Uint32Array(FIRST_BUCKETS);
  /** -1: never. */
  private lastGc: number = -1;
  /** Entries there are, those that are not in the table included. */
  count: number = 0;

  private readonly maxEntries: number;

  /** @param maxEntries net.netfilter.nf_conntrack_max */
  constructor(conns: NfConns, maxEntries: number = NF_CONNTRACK_MAX) {
    this.conns = conns;
    this.maxEntries = maxEntries;
    this.arena = conns.arena;
    this.number = conns.newTable();
    this.scratch = conns.arena.alloc(SCRATCH_TUPLES * TUPLE_BYTES);
  }

  /**
   * nf_conntrack_alloc: an entry that is not in the table yet.
   * @param original address of its tuple
   * @param zoneDirs bits of the directions in which the zone counts
   * @returns its address, 0 when the table or memory is full
   */
  alloc(original: number, zoneId: number, zoneDirs: number, now: number): number {
    const { conns, arena } = this;
    this.collect(now);
    if (this.count >= this.maxEntries && !this.dropEarly(original, zoneIdIn(zoneId, zoneDirs, 0), now)) return 0;
    const ct = conns.take(this.number);
    if (ct === 0) return 0;
    this.count++;
    copyTuple(arena, conns.tuple(ct, 0), original);
    invertTuple(arena, conns.tuple(ct, 1), original);
    conns.setZone(ct, zoneId, zoneDirs);
    return ct;
  }

  /** nf_conntrack_find_get. @returns the node, 0 for none; its entry has one reference more */
  findGet(tuple: number, zoneId: number, zoneDirs: number, now: number): number {
    const first = zoneIdIn(zoneId, zoneDirs, 0);
    const second = zoneIdIn(zoneId, zoneDirs, 1);
    let node = this.find(tuple, first, second, first, now);
    if (node === 0 && second !== first) node = this.find(tuple, first, second, second, now);
    if (node !== 0) this.conns.setRefs(node & ~1, this.conns.refs(node & ~1) + 1);
    return node;
  }

  /** nf_conntrack_hash_check_insert. @returns whether neither tuple was there; two references then, the table's and the caller's */
  insert(ct: number): boolean {
    const { conns } = this;
    for (let dir = 0; dir < 2; dir++) {
      const tuple = conns.tuple(ct, dir);
      const head = this.buckets[this.bucketOf(tuple, conns.zoneId(ct, dir))]!;
      for (let node = head; node !== 0; node = this.after(node)) if (this.isKey(node, tuple, ct)) return false;
    }
    if (this.count * 2 > this.buckets.length) this.grow();
    conns.setRefs(ct, 2);
    conns.setState(ct, conns.state(ct) | CONN_HASHED);
    this.hash(ct);
    return true;
  }

  /** nf_ct_put: one reference less; the last one ends the entry. @throws VerifierError when the caller had none */
  put(ct: number): void {
    const { conns } = this;
    const left = conns.refs(ct) - 1;
    if (left <= 0 && (conns.state(ct) & CONN_HASHED) !== 0) {
      const message = "release kernel function bpf_ct_release expects refcounted PTR_TO_BTF_ID";
      throw new VerifierError({ code: "CONNTRACK_RELEASE", message });
    }
    conns.setRefs(ct, Math.max(left, 0));
    if (left <= 0) this.free(ct);
  }

  /** nf_conntrack_free. */
  free(ct: number): void {
    const { conns } = this;
    if ((conns.state(ct) & CONN_BY_SOURCE) !== 0) this.unlinkSource(ct);
    conns.give(ct);
    this.count--;
  }

  /** Whether an entry of this table begins at an address. */
  has(ct: number): boolean {
    return this.conns.isOf(this.number, ct);
  }

  /** nf_conntrack_tuple_taken: by another entry than `ignored`, and not for the same flow. */
  isTaken(tuple: number, ignored: number, now: number): boolean {
    const { conns, arena } = this;
    let next = 0;
    for (let node = this.buckets[this.bucketOf(tuple, conns.zoneId(ignored, 1))]!; node !== 0; node = next) {
      next = this.after(node);
      const ct = node & ~1;
      if (ct === ignored) continue;
      if (this.isExpired(ct, now)) {
        if (next === (ct | (1 - (node & 1)))) next = this.after(next);
        this.expire(ct);
        continue;
      }
      if (!this.isKey(node, tuple, ignored)) continue;
      const same = tupleEqual(arena, conns.tuple(ignored, 0), conns.tuple(ct, 0));
      if (!same || conns.zoneId(ct, 0) !== conns.zoneId(ignored, 0)) return true;
    }
    return false;
  }

  /** Puts an entry among those of its source (nf_nat_bysource). */
  linkSource(ct: number): void {
    const { conns } = this;
    const at = this.sourceBucketOf(ct);
    conns.setNextBySource(ct, this.bySource[at]!);
    this.bySource[at] = ct;
    conns.setState(ct, conns.state(ct) | CONN_BY_SOURCE);
  }

  /** The next entry whose original tuple has a tuple's source, in a zone; 0 for none. @param after 0: the first */
  nextOfSource(tuple: number, zoneId: number, after: number): number {
    const { conns, arena } = this;
    const head = this.bySource[hashSource(arena, tuple, zoneId) & (this.bySource.length - 1)]!;
    let ct = after === 0 ? head : conns.nextBySource(after);
    while (ct !== 0 && !(sameSource(arena, conns.tuple(ct, 0), tuple) && conns.zoneId(ct, 0) === zoneId)) {
      ct = conns.nextBySource(ct);
    }
    return ct;
  }

  /** ____nf_conntrack_find. @param zone0 and zone1: ids of the zone in each direction; bucketZone: the one to look in */
  private find(tuple: number, zone0: number, zone1: number, bucketZone: number, now: number): number {
    const { conns, arena } = this;
    let next = 0;
    for (let node = this.buckets[this.bucketOf(tuple, bucketZone)]!; node !== 0; node = next) {
      next = this.after(node);
      const ct = node & ~1;
      const dir = node & 1;
      if (this.isExpired(ct, now)) {
        if (next === (ct | (1 - dir))) next = this.after(next);
        this.expire(ct);
      } else if (
        tupleEqual(arena, conns.tuple(ct, dir), tuple) &&
        conns.zoneId(ct, dir) === (dir === 0 ? zone0 : zone1)
      ) {
        return node;
      }
    }
    return 0;
  }

  /** nf_ct_key_equal, in the zone of another entry. */
  private isKey(node: number, tuple: number, other: number): boolean {
    const { conns, arena } = this;
    const ct = node & ~1;
    const dir = node & 1;
    return tupleEqual(arena, conns.tuple(ct, dir), tuple) && conns.zoneId(ct, dir) === conns.zoneId(other, dir);
  }

  private isExpired(ct: number, now: number): boolean {
    return ((this.conns.timeout(ct) - now) | 0) <= 0;
  }

  /** nf_ct_delete. */
  private expire(ct: number): void {
    const { conns } = this;
    conns.setStatus(ct, conns.status(ct) | IPS_DYING);
    conns.setState(ct, conns.state(ct) & ~CONN_HASHED);
    this.unhash(ct, 0);
    this.unhash(ct, 1);
    this.put(ct);
  }

  /** gc_worker: once a minute. */
  private collect(now: number): void {
    if (this.lastGc >= 0 && ((now - this.lastGc) | 0) < GC_JIFFIES) return;
    this.lastGc = now;
    for (let i = 0; i < this.buckets.length; i++) this.dropIn(i, (ct) => this.isExpired(ct, now));
  }

  /** early_drop: entries that are not assured, out of the first of eight buckets that has some. */
  private dropEarly(tuple: number, zoneId: number, now: number): boolean {
    const first = this.bucketOf(tuple, zoneId);
    for (let i = 0; i < NF_CT_EVICTION_RANGE; i++) {
      const bucket = (first + i) & (this.buckets.length - 1);
      this.dropIn(bucket, (ct) => this.isExpired(ct, now));
      const dropped = this.dropIn(bucket, (ct) => (this.conns.status(ct) & IPS_ASSURED) === 0);
      if (dropped > 0) return true;
    }
    return false;
  }

  /** @returns how many entries went out of a bucket */
  private dropIn(bucket: number, which: (ct: number) => boolean): number {
    let dropped = 0;
    let next = 0;
    for (let node = this.buckets[bucket]!; node !== 0; node = next) {
      next = this.after(node);
      const ct = node & ~1;
      if (!which(ct)) continue;
      if (next === (ct | (1 - (node & 1)))) next = this.after(next);
      this.expire(ct);
      dropped++;
    }
    return dropped;
  }

  private after(node: number): number {
    return this.conns.next(node & ~1, node & 1);
  }

  private bucketOf(tuple: number, zoneId: number): number {
    return hashTuple(this.arena, tuple, zoneId) & (this.buckets.length - 1);
  }

  private sourceBucketOf(ct: number): number {
    const { conns, arena } = this;
    return hashSource(arena, conns.tuple(ct, 0), conns.zoneId(ct, 0)) & (this.bySource.length - 1);
  }

  private hash(ct: number): void {
    const { conns, buckets } = this;
    for (let dir = 0; dir < 2; dir++) {
      const at = this.bucketOf(conns.tuple(ct, dir), conns.zoneId(ct, dir));
      conns.setNext(ct, dir, buckets[at]!);
      buckets[at] = ct | dir;
    }
  }

  private unhash(ct: number, dir: number): void {
    const { conns, buckets } = this;
    const at = this.bucketOf(conns.tuple(ct, dir), conns.zoneId(ct, dir));
    const node = ct | dir;
    let before = buckets[at]!;
    if (before === node) {
      buckets[at] = this.after(node);
      return;
    }
    while (this.after(before) !== node) before = this.after(before);
    conns.setNext(before & ~1, before & 1, this.after(node));
  }

  private unlinkSource(ct: number): void {
    const { conns, bySource } = this;
    const at = this.sourceBucketOf(ct);
    let before = bySource[at]!;
    if (before === ct) {
      bySource[at] = conns.nextBySource(ct);
      return;
    }
    while (conns.nextBySource(before) !== ct) before = conns.nextBySource(before);
    conns.setNextBySource(before, conns.nextBySource(ct));
  }

  /** Twice as many buckets, of both kinds. */
  private grow(): void {
    const { conns } = this;
    const entries: number[] = [];
    const sources: number[] = [];
    for (const head of this.buckets) {
      for (let node = head; node !== 0; node = this.after(node)) if ((node & 1) === 0) entries.push(node);
    }
    for (const head of this.bySource) for (let ct = head; ct !== 0; ct = conns.nextBySource(ct)) sources.push(ct);
    this.buckets = new Uint32Array(this.buckets.length * 2);
    this.bySource = new Uint32Array(this.buckets.length);
    for (const ct of entries) this.hash(ct);
    for (let i = sources.length - 1; i >= 0; i--) this.linkSource(sources[i]!);
  }
}

/** A host's table, made when it is first asked for. */
export function conntrackOf(host: Host): Conntrack {
  let table = host.proto.get(TABLE);
  if (!(table instanceof Conntrack)) {
    table = new Conntrack(host.kernel.env.structs.conns);
    host.proto.set(TABLE, table);
  }
  return table as Conntrack;
}
