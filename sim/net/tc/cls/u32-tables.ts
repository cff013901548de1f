/**
 * u32's hash tables and nodes, shared by all u32 instances of a block: a node may link to a table that another preference made.
 *
 * @source net/sched/cls_u32.c struct tc_u_common, tc_u_hnode, tc_u_knode, u32_init_knode, u32_set_parms, gen_new_htid, gen_new_kid
 */
import { ERRNO, NetlinkError } from "../../netlink-error.ts";
import type { FilterBlock, TcfFilter, TcfProto } from "../classify.ts";
import { type ExtsSpec, TcfExts } from "../exts.ts";

/** Flags of a selector. @source include/uapi/linux/pkt_cls.h TC_U32_* */
export const TC_U32_TERMINAL = 1;
export const TC_U32_OFFSET = 2;
export const TC_U32_VAROFFSET = 4;
export const TC_U32_EAT = 8;

/** What is compared, and how a linked table is reached (struct tc_u32_sel). */
export interface U32Sel {
  readonly flags: number;
  readonly offshift: number;
  /** Host order, 16 bits. */
  readonly offmask: number;
  readonly off: number;
  readonly offoff: number;
  readonly hoff: number;
  /** Host order, 32 bits, signed. */
  readonly hmask: number;
  /** Four words a key: value, mask (both in host order), offset from the network header, offmask (-1: `nexthdr+`). */
  readonly keys: Int32Array;
}

/** `tc filter ... u32`. */
export interface U32Options {
  /** Makes a table with that many buckets; 0: makes a node. */
  readonly divisor: number;
  /** Table and bucket of the node, 0: the root table. */
  readonly hash: number;
  /** Table to link to; null: not said, 0: none. */
  readonly link: number | null;
  /** 0: not said. */
  readonly classid: number;
  readonly sel: U32Sel | null;
  /** Device of arrival; null: any. */
  readonly indev: string | null;
  readonly skipHw: boolean;
  readonly skipSw: boolean;
  readonly exts: ExtsSpec;
}

/** TC_U32_HTID. */
export function u32Htid(handle: number): number {
  return (handle & 0xfff00000) >>> 0;
}
/** TC_U32_HASH. */
export function u32Hash(handle: number): number {
  return (handle >>> 12) & 0xff;
}
/** TC_U32_NODE. */
export function u32Node(handle: number): number {
  return handle & 0xfff;
}

/** The kernel's refusal, with the name of its module in front (NL_SET_ERR_MSG_MOD). */
export function refusal(errno: number, text: string): NetlinkError {
  return new NetlinkError(errno, `cls_u32: ${text}`);
}

/** A node: struct tc_u_knode. */
export class U32Key implements TcfFilter {
  readonly handle: number;
  readonly table: U32Table;
  next: U32Key | null = null;
  readonly flags: number;
  readonly offshift: number;
  readonly offmask: number;
  readonly off: number;
  readonly offoff: number;
  readonly hoff: number;
  readonly hmask: number;
  /** ffs(hmask) - 1. */
  readonly fshift: number;
  readonly keys: Int32Array;
  readonly classid: number;
  readonly link: U32Table | null;
  /** ifindex of `indev`, 0: any. */
  readonly indev: number;
  readonly indevName: string;
  readonly skipHw: boolean;
  /** Not for software: it never matches. The kernel takes it also where no hardware does. */
  readonly skipSw: boolean;
  readonly exts: TcfExts;

  constructor(handle: number, table: U32Table, sel: U32Sel, parms: U32Parms) {
    this.handle = handle;
    this.table = table;
    this.flags = sel.flags;
    this.offshift = sel.offshift;
    this.offmask = sel.offmask;
    this.off = sel.off;
    this.offoff = sel.offoff;
    this.hoff = sel.hoff;
    this.hmask = sel.hmask;
    this.fshift = sel.hmask === 0 ? 0 : 31 - Math.clz32(sel.hmask & -sel.hmask);
    this.keys = sel.keys;
    this.classid = parms.classid;
    this.link = parms.link;
    this.indev = parms.indev;
    this.indevName = parms.indevName;
    this.skipHw = parms.skipHw;
    this.skipSw = parms.skipSw;
    this.exts = parms.exts;
    if (this.link !== null) this.link.refs++;
  }

  destroy(): void {
    if (this.link !== null) this.link.refs--;
    this.exts.destroy();
  }
}

interface U32Parms {
  readonly classid: number;
  readonly link: U32Table | null;
  readonly indev: number;
  readonly indevName: string;
  readonly skipHw: boolean;
  readonly skipSw: boolean;
  readonly exts: TcfExts;
}

/** A hash table: struct tc_u_hnode. Its handle has neither bucket nor node. */
export class U32Table implements TcfFilter {
  readonly handle: number;
  readonly pref: number;
  /** Buckets less one: the mask of the hash. */
  readonly divisor: number;
  readonly isRoot: boolean;
  /** Its own, and one for each node that links to it. */
  refs: number = 1;
  /** First nodes, each list in the order of node numbers. */
  readonly buckets: (U32Key | null)[];

  constructor(handle: number, pref: number, divisor: number, isRoot: boolean) {
    this.handle = handle;
    this.pref = pref;
    this.divisor = divisor;
    this.isRoot = isRoot;
    this.buckets = new Array<U32Key | null>(divisor + 1).fill(null);
  }

  get isEmpty(): boolean {
    return this.buckets.every((b) => b === null);
  }

  /** Bucket by bucket. */
  nodes(): readonly U32Key[] {
    const out: U32Key[] = [];
    for (const first of this.buckets) for (let n: U32Key | null = first; n !== null; n = n.next) out.push(n);
    return out;
  }

  find(handle: number): U32Key | null {
    if (u32Hash(handle) > this.divisor) return null;
    for (let n: U32Key | null = this.buckets[u32Hash(handle)] ?? null; n !== null; n = n.next)
      if (n.handle === handle) return n;
    return null;
  }

  holds(handle: number): boolean {
    return this.find(handle) !== null;
  }

  /** gen_new_kid: the first free node number from 800 on, then from 1 on. */
  newHandle(htid: number): number {
    const base = (htid & 0xfffff000) >>> 0;
    for (let i = 0x800; i <= 0xfff; i++) if (!this.holds(base + i)) return base + i;
    for (let i = 1; i < 0x800; i++) if (!this.holds(base + i)) return base + i;
    return base + 0xfff;
  }

  insert(node: U32Key): void {
    const bucket = u32Hash(node.handle);
    let before: U32Key | null = null;
    let at: U32Key | null = this.buckets[bucket] ?? null;
    while (at !== null && u32Node(node.handle) >= u32Node(at.handle)) {
      before = at;
      at = at.next;
    }
    node.next = at;
    if (before === null) this.buckets[bucket] = node;
    else before.next = node;
  }

  replace(old: U32Key, fresh: U32Key): void {
    fresh.next = old.next;
    this.putInPlaceOf(old, fresh);
    if (old.link !== null) old.link.refs--;
  }

  remove(node: U32Key): void {
    this.putInPlaceOf(node, node.next);
  }

  private putInPlaceOf(old: U32Key, now: U32Key | null): void {
    const bucket = u32Hash(old.handle);
    if (this.buckets[bucket] === old) {
      this.buckets[bucket] = now;
      return;
    }
    for (let n: U32Key | null = this.buckets[bucket] ?? null; n !== null; n = n.next) if (n.next === old) n.next = now;
  }
}

/** All tables of a block: struct tc_u_common. */
export class U32Tables {
  /** The newest first. */
  list: U32Table[] = [];
  /** Position of idr_alloc_cyclic. */
  private lastId: number = 0;
  private readonly block: FilterBlock;
  private instances: number = 0;

  private constructor(block: FilterBlock) {
    this.block = block;
  }

  static of(block: FilterBlock): U32Tables {
    if (block.u32 === null) block.u32 = new U32Tables(block);
    // only this file writes the field
    return block.u32 as U32Tables;
  }

  find(handle: number): U32Table | undefined {
    return this.list.find((t) => t.handle === handle);
  }

  /** What u32_delete means by its last filter: no other instance of the block, and every table empty. */
  get allIdle(): boolean {
    return this.instances <= 1 && this.list.every((t) => t.isEmpty && t.refs <= 1);
  }

  /** u32_init: the first root table of a block is 800:, later ones take the next free number. */
  addRoot(pref: number): U32Table {
    const handle = this.instances === 0 && this.list.length === 0 ? 0x80000000 : this.newHtid();
    const table = new U32Table(handle, pref, 0, true);
    this.list.unshift(table);
    this.instances++;
    return table;
  }

  /** @throws NetlinkError ENOMEM when all numbers are taken */
  addTable(handle: number, pref: number, divisor: number): U32Table {
    const table = new U32Table(handle === 0 ? this.newHtid() : handle, pref, divisor - 1, false);
    this.list.unshift(table);
    return table;
  }

  removeTable(table: U32Table): void {
    for (const node of table.nodes()) {
      table.remove(node);
      node.destroy();
    }
    this.list = this.list.filter((t) => t !== table);
  }

  /** u32_destroy: the instance's root goes; with the last instance of the block all tables go. */
  removeInstance(root: U32Table): void {
    this.instances--;
    root.refs--;
    if (root.refs === 0) this.removeTable(root);
    if (this.instances > 0) return;
    for (const table of [...this.list]) this.removeTable(table);
    this.block.u32 = null;
  }

  /** Makes a node, not yet in its table. @param old the one that it takes the place of. @throws NetlinkError */
  makeNode(
    proto: TcfProto,
    table: U32Table,
    handle: number,
    o: U32Options,
    old: U32Key | null,
    replace: boolean,
  ): U32Key {
    const exts = TcfExts.init(proto, o.exts, replace);
    try {
      const device = o.indev === null ? null : (this.block.host.devByName.get(o.indev) ?? undefined);
      if (device === undefined) throw new NetlinkError(ERRNO.ENODEV, "Network device not found");
      return new U32Key(handle, table, old ?? o.sel!, {
        classid: o.classid !== 0 ? o.classid : (old?.classid ?? 0),
        link: o.link === null ? (old?.link ?? null) : this.linked(o.link),
        indev: device?.ifindex ?? old?.indev ?? 0,
        indevName: device?.name ?? old?.indevName ?? "",
        skipHw: o.skipHw,
        skipSw: o.skipSw,
        exts,
      });
    } catch (error) {
      exts.destroy();
      throw error;
    }
  }

  private linked(handle: number): U32Table | null {
    if ((handle & 0xfffff) !== 0) throw refusal(ERRNO.EINVAL, "u32 Link handle must be a hash table");
    if (handle === 0) return null;
    const table = this.find(handle);
    if (table === undefined) throw refusal(ERRNO.EINVAL, "Link hash table not found");
    if (table.isRoot) throw refusal(ERRNO.EINVAL, "Not linking to root node");
    return table;
  }

  /** gen_new_htid: idr_alloc_cyclic from 1 to 7fe, above 800. */
  private newHtid(): number {
    for (let i = 0; i < 0x7fe; i++) {
      this.lastId = this.lastId >= 0x7fe ? 1 : this.lastId + 1;
      const handle = ((this.lastId | 0x800) << 20) >>> 0;
      if (this.find(handle) === undefined) return handle;
    }
    throw new NetlinkError(ERRNO.ENOMEM);
  }
}
