/** matchall: every packet. One filter a preference. @source net/sched/cls_matchall.c mall_classify, mall_change; tc-matchall(8) */
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

/** `tc filter ... matchall`. */
export interface MatchallOptions {
  /** 0: not said. */
  readonly classid: number;
  readonly skipHw: boolean;
  readonly skipSw: boolean;
  readonly exts: ExtsSpec;
}

/** The filter. */
export class MatchallFilter implements TcfFilter {
  readonly handle: number;
  readonly classid: number;
  readonly skipHw: boolean;
  readonly exts: TcfExts;
  /** Packets that came to it. */
  hits: number = 0;

  constructor(handle: number, classid: number, skipHw: boolean, exts: TcfExts) {
    this.handle = handle;
    this.classid = classid;
    this.skipHw = skipHw;
    this.exts = exts;
  }
}

/** The one matchall filter of a preference. */
class MatchallProto extends TcfProto {
  private head: MatchallFilter | null = null;

  constructor(chain: TcfChain, pref: number, protocol: number) {
    super("matchall", chain, pref, protocol);
  }

  override classify(skb: Skb, dev: Netdev, res: TcfResult): number {
    const { head } = this;
    if (head === null) return TC_ACT_UNSPEC;
    res.classid = head.classid;
    head.hits++;
    return head.exts.exec(skb, dev, res);
  }

  override get(handle: number): MatchallFilter | null {
    return this.head !== null && this.head.handle === handle ? this.head : null;
  }

  override change(change: FilterChange): MatchallFilter {
    // what the command parser made for this kind
    const o = change.options as MatchallOptions | null;
    if (o === null) throw new NetlinkError(ERRNO.EINVAL);
    if (this.head !== null) throw new NetlinkError(ERRNO.EEXIST);
    // no device of the simulation runs filters itself
    if (o.skipSw) throw new NetlinkError(ERRNO.EOPNOTSUPP);
    const exts = TcfExts.init(this, o.exts, change.replace);
    this.head = new MatchallFilter(change.handle === 0 ? 1 : change.handle, o.classid, o.skipHw, exts);
    return this.head;
  }

  override delete(): void {
    throw new NetlinkError(ERRNO.EOPNOTSUPP);
  }

  override list(): readonly MatchallFilter[] {
    return this.head === null ? [] : [this.head];
  }

  override isEmpty(): boolean {
    return this.head === null;
  }

  override destroy(): void {
    this.head?.exts.destroy();
    this.head = null;
  }
}

/** The record of `matchall`. */
export const matchall: ClassifierDef = {
  kind: "matchall",
  source: "net/sched/cls_matchall.c; tc-matchall(8)",
  create: (chain, pref, protocol) => new MatchallProto(chain, pref, protocol),
};
