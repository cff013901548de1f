/** basic: a tree of extended matches. @source net/sched/cls_basic.c basic_classify, basic_change; tc-basic(8), tc-ematch(8) */
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
import { type EmatchTerm, matchTerms } from "../ematch/ematch.ts";
import { type ExtsSpec, TcfExts } from "../exts.ts";

/** `tc filter ... basic`. */
export interface BasicOptions {
  /** Empty: every packet. */
  readonly terms: readonly EmatchTerm[];
  /** 0: not said. */
  readonly classid: number;
  readonly exts: ExtsSpec;
}

/** One filter. */
export class BasicFilter implements TcfFilter {
  readonly handle: number;
  readonly classid: number;
  readonly terms: readonly EmatchTerm[];
  readonly exts: TcfExts;

  constructor(handle: number, classid: number, terms: readonly EmatchTerm[], exts: TcfExts) {
    this.handle = handle;
    this.classid = classid;
    this.terms = terms;
    this.exts = exts;
  }
}

/** All basic filters of one preference. */
class BasicProto extends TcfProto {
  /** The newest first. */
  private filters: readonly BasicFilter[] = [];

  constructor(chain: TcfChain, pref: number, protocol: number) {
    super("basic", chain, pref, protocol);
  }

  override classify(skb: Skb, dev: Netdev, res: TcfResult): number {
    const list = this.filters;
    for (let i = 0; i < list.length; i++) {
      const f = list[i]!;
      if (!matchTerms(f.terms, skb, dev)) continue;
      res.classid = f.classid;
      const verdict = f.exts.exec(skb, dev, res);
      if (verdict >= 0) return verdict;
    }
    return TC_ACT_UNSPEC;
  }

  override get(handle: number): BasicFilter | null {
    return this.filters.find((f) => f.handle === handle) ?? null;
  }

  override change(change: FilterChange): BasicFilter {
    // what the command parser made for this kind
    const o = change.options as BasicOptions | null;
    if (o === null) throw new NetlinkError(ERRNO.EINVAL);
    const exts = TcfExts.init(this, o.exts, change.replace);
    const old = change.old === null ? null : this.get(change.old.handle);
    const handle = old?.handle ?? (change.handle !== 0 ? change.handle : this.freeHandle());
    const filter = new BasicFilter(handle, o.classid || (old?.classid ?? 0), o.terms, exts);
    if (old === null) this.filters = [filter, ...this.filters];
    else this.filters = this.filters.map((f) => (f === old ? filter : f));
    old?.exts.destroy();
    return filter;
  }

  private freeHandle(): number {
    let handle = 1;
    while (this.get(handle) !== null) handle++;
    return handle;
  }

  override delete(filter: TcfFilter): void {
    const gone = this.get(filter.handle)!;
    this.filters = this.filters.filter((f) => f !== gone);
    gone.exts.destroy();
  }

  override list(): readonly BasicFilter[] {
    return this.filters;
  }

  override isEmpty(): boolean {
    return this.filters.length === 0;
  }

  override destroy(): void {
    for (const f of this.filters) f.exts.destroy();
    this.filters = [];
  }
}

/** The record of `basic`. */
export const basic: ClassifierDef = {
  kind: "basic",
  source: "net/sched/cls_basic.c; tc-basic(8), tc-ematch(8)",
  create: (chain, pref, protocol) => new BasicProto(chain, pref, protocol),
};
