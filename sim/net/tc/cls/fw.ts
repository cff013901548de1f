/**
 * fw: the packet's mark, under a mask, is the handle of a filter. Without any filter of its own a preference takes the mark for the
 * class itself (the old method).
 *
 * @source net/sched/cls_fw.c fw_classify, fw_change, fw_set_parms; tc-fw(8)
 */
import type { Netdev } from "../../netdev.ts";
import { ERRNO, NetlinkError } from "../../netlink-error.ts";
import type { Skb } from "../../skb.ts";
import { TC_ACT_OK, TC_ACT_UNSPEC } from "../act.ts";
import {
  type ClassifierDef,
  type FilterChange,
  type TcfChain,
  type TcfFilter,
  TcfProto,
  type TcfResult,
} from "../classify.ts";
import { type ExtsSpec, TcfExts } from "../exts.ts";

/** `tc filter ... handle MARK[/MASK] fw`. */
export interface FwOptions {
  /** null: not said. All filters of a preference have the same. */
  readonly mask: number | null;
  /** 0: not said. */
  readonly classid: number;
  readonly indev: string | null;
  readonly exts: ExtsSpec;
}

/** One filter; its handle is the mark. */
export class FwFilter implements TcfFilter {
  readonly handle: number;
  /** Unsigned. */
  readonly mask: number;
  readonly classid: number;
  /** ifindex of `indev`, 0: any. */
  readonly indev: number;
  readonly indevName: string;
  readonly exts: TcfExts;

  constructor(handle: number, mask: number, classid: number, indev: Netdev | null, exts: TcfExts) {
    this.handle = handle;
    this.mask = mask;
    this.classid = classid;
    this.indev = indev?.ifindex ?? 0;
    this.indevName = indev?.name ?? "";
    this.exts = exts;
  }
}

/** All fw filters of one preference. */
class FwProto extends TcfProto {
  private readonly filters: Map<number, FwFilter> = new Map();
  /** Unsigned; -1 until the first filter sets it. */
  private mask: number = -1;

  constructor(chain: TcfChain, pref: number, protocol: number) {
    super("fw", chain, pref, protocol);
  }

  override classify(skb: Skb, dev: Netdev, res: TcfResult): number {
    const mark = skb.mark >>> 0;
    if (this.mask < 0) {
      // the old method: the mark is a class, whatever qdisc it belongs to
      if (mark === 0) return TC_ACT_UNSPEC;
      res.classid = mark;
      return TC_ACT_OK;
    }
    const f = this.filters.get((mark & this.mask) >>> 0);
    if (f === undefined || (f.indev !== 0 && f.indev !== skb.skbIif)) return TC_ACT_UNSPEC;
    res.classid = f.classid;
    return f.exts.exec(skb, dev, res);
  }

  override get(handle: number): FwFilter | null {
    return this.filters.get(handle) ?? null;
  }

  override change(change: FilterChange): TcfFilter {
    // what the command parser made for this kind
    const o = change.options as FwOptions | null;
    if (o === null) {
      if (change.handle !== 0) throw new NetlinkError(ERRNO.EINVAL);
      return { handle: 0 };
    }
    const mask = o.mask ?? 0xffffffff;
    if (this.mask >= 0 && mask !== this.mask) throw new NetlinkError(ERRNO.EINVAL);
    if (change.old === null && change.handle === 0) throw new NetlinkError(ERRNO.EINVAL);
    const device = o.indev === null ? null : this.chain.block.host.devByName.get(o.indev);
    if (device === undefined) throw new NetlinkError(ERRNO.EINVAL, "Network device not found");
    const exts = TcfExts.init(this, o.exts, change.replace);
    const old = change.old === null ? undefined : this.filters.get(change.old.handle);
    const filter = new FwFilter(change.handle, mask, o.classid || (old?.classid ?? 0), device, exts);
    this.mask = mask;
    this.filters.set(change.handle, filter);
    old?.exts.destroy();
    return filter;
  }

  override delete(filter: TcfFilter): void {
    const gone = this.filters.get(filter.handle)!;
    this.filters.delete(filter.handle);
    gone.exts.destroy();
  }

  override list(): readonly FwFilter[] {
    return [...this.filters.values()].sort((a, b) => bucketOf(a.handle) - bucketOf(b.handle));
  }

  override isEmpty(): boolean {
    return this.filters.size === 0;
  }

  override destroy(): void {
    for (const f of this.filters.values()) f.exts.destroy();
    this.filters.clear();
  }
}

/** fw_hash: its table has 256 buckets. */
function bucketOf(handle: number): number {
  const folded = handle ^ (handle >>> 16);
  return (folded ^ (folded >>> 8)) & 0xff;
}

/** The record of `fw`. */
export const fw: ClassifierDef = {
  kind: "fw",
  source: "net/sched/cls_fw.c; tc-fw(8)",
  create: (chain, pref, protocol) => new FwProto(chain, pref, protocol),
};
