/**
 * u32: 32-bit words of the packet compared under masks, in hash tables that link to each other.
 *
 *     handle   htid (12 bits) : bucket (8 bits) : node (12 bits); the root table of a preference is 800:, 801: ...
 *     root table, one bucket -> nodes -> link -> table with divisor buckets (bucket by hashkey) -> nodes ...
 *
 * A node that links moves the base by its `offset`, permanently with `eat`, else for keys `at nexthdr+`.
 *
 * @source net/sched/cls_u32.c (without CONFIG_CLS_U32_PERF and CONFIG_CLS_U32_MARK, as the reference kernel); tc-u32(8)
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
import {
  refusal,
  TC_U32_EAT,
  TC_U32_OFFSET,
  TC_U32_TERMINAL,
  TC_U32_VAROFFSET,
  type U32Key,
  type U32Options,
  U32Table,
  U32Tables,
  u32Hash,
  u32Htid,
  u32Node,
} from "./u32-tables.ts";

/** TC_U32_MAXDEPTH. */
const MAX_DEPTH = 8;
/** TC_U32_ROOT. */
const ROOT_HTID = 0xfff00000;

/** All u32 filters of one preference: its root table and what the block's tables of that preference hold. */
export class U32Proto extends TcfProto {
  readonly root: U32Table;
  private readonly tables: U32Tables;
  /** Nodes and bases to come back to. */
  private readonly stackNode: (U32Key | null)[] = new Array<U32Key | null>(MAX_DEPTH).fill(null);
  private readonly stackOff: Int32Array = new Int32Array(MAX_DEPTH);

  constructor(chain: TcfChain, pref: number, protocol: number) {
    super("u32", chain, pref, protocol);
    this.tables = U32Tables.of(chain.block);
    this.root = this.tables.addRoot(pref);
  }

  override classify(skb: Skb, dev: Netdev, res: TcfResult): number {
    const { arena } = dev.host.kernel;
    let dv = arena.dv;
    let base = skb.networkHeader;
    let start = skb.head - base;
    let end = skb.data + skb.len - base;
    let table = this.root;
    // offsets from the network header
    let off = 0;
    let off2 = 0;
    let sel = 0;
    let depth = 0;
    for (;;) {
      let node: U32Key | null = table.buckets[sel] ?? null;
      let returning = false;
      while (node !== null || depth > 0) {
        if (node === null) {
          depth--;
          node = this.stackNode[depth] ?? null;
          if (node === null) return TC_ACT_UNSPEC;
          off = this.stackOff[depth]!;
          returning = true;
        }
        if (!returning) {
          const matched = node.skipSw ? 0 : matchKeys(dv, node, base, off, off2, start, end);
          if (matched < 0) return TC_ACT_UNSPEC;
          if (matched === 0) {
            node = node.next;
            continue;
          }
          if (node.link !== null) break;
        }
        returning = false;
        if ((node.flags & TC_U32_TERMINAL) !== 0 && (node.indev === 0 || node.indev === skb.skbIif)) {
          res.classid = node.classid;
          const verdict = node.exts.exec(skb, dev, res);
          if (verdict >= 0) return verdict;
          // actions may have moved the packet, and the memory
          dv = arena.dv;
          base = skb.networkHeader;
          start = skb.head - base;
          end = skb.data + skb.len - base;
        }
        node = node.next;
      }
      if (node === null || depth >= MAX_DEPTH) return TC_ACT_UNSPEC;

      this.stackNode[depth] = node;
      this.stackOff[depth] = off;
      depth++;
      table = node.link!;
      sel = 0;
      if (table.divisor > 0) {
        const at = off + node.hoff;
        if (at < start || at + 4 > end) return TC_ACT_UNSPEC;
        sel = table.divisor & ((dv.getInt32(base + at, false) & node.hmask) >>> node.fshift);
      }
      if ((node.flags & (TC_U32_OFFSET | TC_U32_VAROFFSET | TC_U32_EAT)) === 0) continue;
      if ((node.flags & (TC_U32_OFFSET | TC_U32_VAROFFSET)) !== 0) {
        off2 = node.off + 3;
        if ((node.flags & TC_U32_VAROFFSET) !== 0) {
          const at = off + node.offoff;
          if (at < start || at + 2 > end) return TC_ACT_UNSPEC;
          off2 += (node.offmask & dv.getUint16(base + at, false)) >>> node.offshift;
        }
        off2 &= ~3;
      }
      if ((node.flags & TC_U32_EAT) !== 0) {
        off += off2;
        off2 = 0;
      }
      if (off >= end) {
        // behind the packet's end: back to the node that led there
        table = EMPTY;
        sel = 0;
      }
    }
  }

  override get(handle: number): TcfFilter | null {
    const table = u32Htid(handle) === ROOT_HTID ? this.root : this.tables.find(u32Htid(handle));
    if (table === undefined) return null;
    if ((handle & 0xfffff) === 0) return table;
    return table.find(handle);
  }

  override change(change: FilterChange): TcfFilter {
    // what the command parser made for this kind
    const o = change.options as U32Options | null;
    if (o === null) {
      if (change.handle !== 0) throw refusal(ERRNO.EINVAL, "Filter handle requires options");
      return this.root;
    }
    if (change.old !== null) return this.changeNode(change.old, o, change);
    if (o.divisor !== 0) return this.addTable(o.divisor, change.handle);
    let table: U32Table | undefined = this.root;
    let htid = table.handle;
    if (o.hash !== 0) {
      htid = o.hash;
      if (u32Htid(htid) === ROOT_HTID) htid = this.root.handle;
      else {
        table = this.tables.find(u32Htid(htid));
        if (table === undefined) throw refusal(ERRNO.EINVAL, "Specified hash table not found");
      }
    }
    if (table.divisor < u32Hash(htid)) {
      throw refusal(ERRNO.EINVAL, "Specified hash table buckets exceed configured value");
    }
    let { handle } = change;
    if (handle !== 0) {
      if (u32Htid(handle) !== 0 && u32Htid(handle ^ htid) !== 0) {
        throw refusal(ERRNO.EINVAL, "Handle specified hash table address mismatch");
      }
      handle = (htid | u32Node(handle)) >>> 0;
      if (table.holds(handle)) throw new NetlinkError(ERRNO.ENOSPC);
    } else handle = table.newHandle(htid);
    if (o.sel === null) throw refusal(ERRNO.EINVAL, "Selector not specified");
    const node = this.tables.makeNode(this, table, handle, o, null, change.replace);
    table.insert(node);
    return node;
  }

  private changeNode(old: TcfFilter, o: U32Options, change: FilterChange): TcfFilter {
    if (old instanceof U32Table) throw refusal(ERRNO.EINVAL, "Key node id cannot be zero");
    // what get() found and is no table
    const node = old as U32Key;
    if (node.skipHw !== o.skipHw || node.skipSw !== o.skipSw)
      throw refusal(ERRNO.EINVAL, "Key node flags do not match passed flags");
    const fresh = this.tables.makeNode(this, node.table, node.handle, o, node, change.replace);
    node.table.replace(node, fresh);
    node.exts.destroy();
    return fresh;
  }

  private addTable(divisor: number, handle: number): U32Table {
    if ((divisor & (divisor - 1)) !== 0) throw refusal(ERRNO.EINVAL, "Divisor is not a power of 2");
    if (divisor > 0x100) throw refusal(ERRNO.EINVAL, "Exceeded maximum 256 hash buckets");
    if ((handle & 0xfffff) !== 0) throw refusal(ERRNO.EINVAL, "Divisor can only be used on a hash table");
    if (handle !== 0 && this.tables.find(handle) !== undefined) throw new NetlinkError(ERRNO.ENOSPC);
    return this.tables.addTable(handle, this.pref, divisor);
  }

  override delete(filter: TcfFilter): void {
    if (!(filter instanceof U32Table)) {
      // everything in the tables that is no table is a node
      const node = filter as U32Key;
      node.table.remove(node);
      node.destroy();
      return;
    }
    if (filter.isRoot) throw refusal(ERRNO.EINVAL, "Not allowed to delete root node");
    if (filter.refs > 1) throw refusal(ERRNO.EBUSY, "Can not delete in-use filter");
    this.tables.removeTable(filter);
  }

  override list(): readonly TcfFilter[] {
    const out: TcfFilter[] = [];
    for (const table of this.tables.list) {
      if (table.pref !== this.pref) continue;
      out.push(table, ...table.nodes());
    }
    return out;
  }

  override isEmpty(): boolean {
    return this.tables.allIdle;
  }

  override destroy(): void {
    this.tables.removeInstance(this.root);
  }
}

/** @returns 1 when all keys match, 0 when one does not, -1 when one lies outside of the packet */
function matchKeys(
  dv: DataView,
  node: U32Key,
  base: number,
  off: number,
  off2: number,
  start: number,
  end: number,
): number {
  const keys = node.keys;
  for (let k = 0; k < keys.length; k += 4) {
    const at = off + keys[k + 2]! + (off2 & keys[k + 3]!);
    if (at < start || at + 4 > end) return -1;
    if (((dv.getInt32(base + at, false) ^ keys[k]!) & keys[k + 1]!) !== 0) return 0;
  }
  return 1;
}

const EMPTY: U32Table = new U32Table(0, 0, 0, false);

/** The record of `u32`. */
export const u32: ClassifierDef = {
  kind: "u32",
  source: "net/sched/cls_u32.c; tc-u32(8)",
  create: (chain, pref, protocol) => new U32Proto(chain, pref, protocol),
};
