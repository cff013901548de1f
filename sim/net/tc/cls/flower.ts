/**
 * flower: fields of the packet compared under masks. Filters with the same mask share a hash table; masks are asked in the order in
 * which they first came.
 *
 * @source net/sched/cls_flower.c fl_classify, fl_mask_lookup, fl_change, fl_walk; tc-flower(8)
 */
import type { Netdev } from "../../netdev.ts";
import { ERRNO, NetlinkError } from "../../netlink-error.ts";
import type { Skb } from "../../skb.ts";
import { TC_ACT_UNSPEC } from "../act.ts";
import {
  type ClassifierDef,
  type FilterChange,
  type TcfChain,
  type TcfFilter,
  TcfProto,
  type TcfResult,
} from "../classify.ts";
import { type ExtsSpec, TcfExts } from "../exts.ts";
import { dissectFlower } from "./flower-dissect.ts";
import { FK, FK_WORDS, type PortRange } from "./flower-key.ts";

/** `tc filter ... flower`. */
export interface FlowerOptions {
  /** By the positions of FK, as given: not yet masked. */
  readonly key: Int32Array;
  readonly mask: Int32Array;
  readonly srcPorts: PortRange;
  readonly dstPorts: PortRange;
  /** Device of arrival, null: any. */
  readonly indev: string | null;
  /** 0: not said. */
  readonly classid: number;
  readonly skipHw: boolean;
  readonly skipSw: boolean;
  readonly exts: ExtsSpec;
}

/** One filter. */
export class FlowerFilter implements TcfFilter {
  readonly handle: number;
  readonly options: FlowerOptions;
  readonly classid: number;
  readonly exts: TcfExts;
  /** The key under its mask: only the words that the mask has. */
  readonly words: Int32Array;

  constructor(handle: number, options: FlowerOptions, classid: number, exts: TcfExts, words: Int32Array) {
    this.handle = handle;
    this.options = options;
    this.classid = classid;
    this.exts = exts;
    this.words = words;
  }
}

/** All filters of one mask (struct fl_flow_mask). */
class MaskTable {
  /** Positions of the words with a mask, and their masks. */
  readonly at: Int32Array;
  readonly masks: Int32Array;
  readonly ranges: boolean;
  private readonly id: string;
  /** In the order of their making; for ranges. */
  filters: readonly FlowerFilter[] = [];
  private readonly byHash: Map<number, FlowerFilter[]> = new Map();

  constructor(mask: Int32Array, ranges: boolean) {
    const at: number[] = [];
    for (let i = 0; i < FK_WORDS; i++) if (mask[i] !== 0) at.push(i);
    this.at = Int32Array.from(at);
    this.masks = Int32Array.from(at, (i) => mask[i]!);
    this.ranges = ranges;
    this.id = idOf(mask, ranges);
  }

  serves(mask: Int32Array, ranges: boolean): boolean {
    return this.id === idOf(mask, ranges);
  }

  wordsOf(key: Int32Array): Int32Array {
    return Int32Array.from(this.at, (i, k) => key[i]! & this.masks[k]!);
  }

  add(f: FlowerFilter): void {
    this.filters = [...this.filters, f];
    const hash = hashOf(f.words);
    const there = this.byHash.get(hash);
    if (there === undefined) this.byHash.set(hash, [f]);
    else there.push(f);
  }

  remove(f: FlowerFilter): void {
    this.filters = this.filters.filter((x) => x !== f);
    const hash = hashOf(f.words);
    const left = this.byHash.get(hash)!.filter((x) => x !== f);
    if (left.length === 0) this.byHash.delete(hash);
    else this.byHash.set(hash, left);
  }

  /** The filter with the same key, for the command that adds a second one. */
  same(words: Int32Array, o: FlowerOptions): FlowerFilter | undefined {
    return this.filters.find(
      (f) =>
        f.words.every((w, k) => w === words[k]) &&
        sameRange(f.options.srcPorts, o.srcPorts) &&
        sameRange(f.options.dstPorts, o.dstPorts),
    );
  }

  /** fl_mask_lookup. */
  lookup(key: Int32Array): FlowerFilter | null {
    const { at, masks } = this;
    if (this.ranges) {
      const list = this.filters;
      for (let i = 0; i < list.length; i++) {
        const f = list[i]!;
        if (this.matches(f, key) && inRange(f.options.srcPorts, key[FK.srcPort]!)) {
          if (inRange(f.options.dstPorts, key[FK.dstPort]!)) return f;
        }
      }
      return null;
    }
    let hash = 0;
    for (let k = 0; k < at.length; k++) hash = mix(hash, key[at[k]!]! & masks[k]!);
    const bucket = this.byHash.get(hash);
    if (bucket === undefined) return null;
    for (let i = 0; i < bucket.length; i++) if (this.matches(bucket[i]!, key)) return bucket[i]!;
    return null;
  }

  private matches(f: FlowerFilter, key: Int32Array): boolean {
    const { at, masks } = this;
    for (let k = 0; k < at.length; k++) if ((key[at[k]!]! & masks[k]!) !== f.words[k]!) return false;
    return true;
  }
}

function idOf(mask: Int32Array, ranges: boolean): string {
  return `${mask.join(" ")} ${ranges}`;
}

function sameRange(a: PortRange, b: PortRange): boolean {
  return a.min === b.min && a.max === b.max;
}

function inRange(range: PortRange, port: number): boolean {
  return range.min === 0 || (port >= range.min && port <= range.max);
}

function mix(hash: number, word: number): number {
  const h = Math.imul(hash ^ word, 0x9e3779b1);
  return h ^ (h >>> 15);
}

function hashOf(words: Int32Array): number {
  let hash = 0;
  for (let k = 0; k < words.length; k++) hash = mix(hash, words[k]!);
  return hash;
}

/** All flower filters of one preference. */
export class FlowerProto extends TcfProto {
  private tables: readonly MaskTable[] = [];
  private readonly filters: Map<number, { readonly filter: FlowerFilter; readonly table: MaskTable }> = new Map();
  private readonly key: Int32Array = new Int32Array(FK_WORDS);

  constructor(chain: TcfChain, pref: number, protocol: number) {
    super("flower", chain, pref, protocol);
  }

  override classify(skb: Skb, dev: Netdev, res: TcfResult): number {
    const { tables, key } = this;
    if (tables.length === 0) return TC_ACT_UNSPEC;
    dissectFlower(dev.host.kernel.arena, skb, key);
    for (let i = 0; i < tables.length; i++) {
      const f = tables[i]!.lookup(key);
      if (f === null) continue;
      res.classid = f.classid;
      return f.exts.exec(skb, dev, res);
    }
    return TC_ACT_UNSPEC;
  }

  override get(handle: number): FlowerFilter | null {
    return this.filters.get(handle)?.filter ?? null;
  }

  override change(change: FilterChange): FlowerFilter {
    // what the command parser made for this kind
    const o = change.options as FlowerOptions | null;
    if (o === null) throw new NetlinkError(ERRNO.EINVAL);
    const exts = TcfExts.init(this, o.exts, change.replace);
    try {
      return this.insert(o, exts, change);
    } catch (error) {
      exts.destroy();
      throw error;
    }
  }

  private insert(o: FlowerOptions, exts: TcfExts, change: FilterChange): FlowerFilter {
    // no device of the simulation runs filters itself
    if (o.skipSw) throw new NetlinkError(ERRNO.EOPNOTSUPP);
    const mask = Int32Array.from(o.mask);
    const key = Int32Array.from(o.key);
    if (o.indev !== null) {
      const dev = this.chain.block.host.devByName.get(o.indev);
      if (dev === undefined) throw new NetlinkError(ERRNO.EINVAL, "Network device not found");
      key[FK.indev] = dev.ifindex;
      mask[FK.indev] = -1;
    }
    this.fitTemplate(mask);
    const old = change.old === null ? undefined : this.filters.get(change.old.handle);
    const ranges = o.srcPorts.min !== 0 || o.dstPorts.min !== 0;
    const table = this.tables.find((t) => t.serves(mask, ranges)) ?? new MaskTable(mask, ranges);
    const words = table.wordsOf(key);
    if (old === undefined && table.same(words, o) !== undefined) throw new NetlinkError(ERRNO.EEXIST);
    const handle = old?.filter.handle ?? (change.handle !== 0 ? change.handle : this.freeHandle());
    const filter = new FlowerFilter(handle, { ...o, key, mask }, o.classid, exts, words);
    if (!this.tables.includes(table)) this.tables = [...this.tables, table];
    table.add(filter);
    if (old !== undefined) this.take(old.filter);
    this.filters.set(handle, { filter, table });
    return filter;
  }

  private freeHandle(): number {
    let handle = 1;
    while (this.filters.has(handle)) handle++;
    return handle;
  }

  /** fl_mask_fits_tmplt. */
  private fitTemplate(mask: Int32Array): void {
    const template = this.chain.template;
    if (template === null || template.kind !== "flower") return;
    // made by the same parser
    const allowed = (template.options as FlowerOptions).mask;
    if (mask.some((m, i) => (m & ~allowed[i]!) !== 0)) {
      throw new NetlinkError(ERRNO.EINVAL, "cls_flower: Mask does not fit the template");
    }
  }

  private take(filter: FlowerFilter): void {
    const entry = this.filters.get(filter.handle)!;
    this.filters.delete(filter.handle);
    entry.table.remove(filter);
    if (entry.table.filters.length === 0) this.tables = this.tables.filter((t) => t !== entry.table);
    filter.exts.destroy();
  }

  override delete(filter: TcfFilter): void {
    this.take(this.get(filter.handle)!);
  }

  override list(): readonly FlowerFilter[] {
    return [...this.filters.values()].map((e) => e.filter).sort((a, b) => a.handle - b.handle);
  }

  override isEmpty(): boolean {
    return this.filters.size === 0;
  }

  override destroy(): void {
    for (const { filter } of [...this.filters.values()]) this.take(filter);
  }
}

/** The record of `flower`. */
export const flower: ClassifierDef = {
  kind: "flower",
  source: "net/sched/cls_flower.c; tc-flower(8)",
  template: true,
  create: (chain, pref, protocol) => new FlowerProto(chain, pref, protocol),
};
