/** skbedit: the packet's priority, mark, queue and type. @source net/sched/act_skbedit.c tcf_skbedit_act, tcf_skbedit_init; tc-skbedit(8) */
import { ETH_P_IP, ETH_P_IPV6 } from "../../ether.ts";
import type { Netdev } from "../../netdev.ts";
import { ERRNO, NetlinkError } from "../../netlink-error.ts";
import type { Skb } from "../../skb.ts";
import { TC_ACT_SHOT } from "../act.ts";
import { TcAction } from "../action.ts";
import { type ActionDef, checkVerdict, setVerdict } from "../action-control.ts";
import type { TcfResult } from "../classify.ts";

/** `action skbedit ...`; null: not said. */
export interface SkbeditOptions {
  readonly verdict: number;
  readonly queueMapping: number | null;
  /** Unsigned. */
  readonly priority: number | null;
  readonly mark: number | null;
  readonly mask: number | null;
  /** PACKET_HOST ... */
  readonly ptype: number | null;
  readonly inheritDsfield: boolean;
}

/** A live skbedit. */
export class Skbedit extends TcAction {
  /** What it sets; replaced as a whole. */
  options: SkbeditOptions = {
    verdict: 0,
    queueMapping: null,
    priority: null,
    mark: null,
    mask: null,
    ptype: null,
    inheritDsfield: false,
  };

  override act(skb: Skb, dev: Netdev, res: TcfResult): number {
    this.used(res);
    const o = this.options;
    if (o.priority !== null) skb.priority = o.priority;
    if (o.inheritDsfield && !this.inheritDsfield(skb)) {
      this.stats.drops++;
      return TC_ACT_SHOT;
    }
    // skb_set_queue_mapping; the queue is kept one higher, as a recorded receive queue is
    if (o.queueMapping !== null && dev.txQueues.length > o.queueMapping) skb.queueMapping = o.queueMapping + 1;
    if (o.mark !== null) {
      const mask = o.mask ?? 0xffffffff;
      skb.mark = ((skb.mark & ~mask) | (o.mark & mask)) >>> 0;
    }
    if (o.ptype !== null) skb.pktType = o.ptype;
    return this.verdict;
  }

  /** The DS field without its ECN bits becomes the priority. @returns false when the header is cut off */
  private inheritDsfield(skb: Skb): boolean {
    const { u8 } = this.host.kernel.arena;
    const at = skb.networkHeader;
    const left = skb.data + skb.len - at;
    if (skb.protocol === ETH_P_IP) {
      if (left < 20) return false;
      skb.priority = u8[at + 1]! >>> 2;
    } else if (skb.protocol === ETH_P_IPV6) {
      if (left < 40) return false;
      skb.priority = (((u8[at]! & 15) << 4) | (u8[at + 1]! >>> 4)) >>> 2;
    }
    return true;
  }
}

/** The record of `skbedit`. */
export const skbedit: ActionDef = {
  kind: "skbedit",
  source: "net/sched/act_skbedit.c; tc-skbedit(8)",
  init({ host, spec, proto, old, index }) {
    // what the command parser made for this kind
    const o = spec.options as SkbeditOptions;
    const says =
      o.queueMapping !== null || o.priority !== null || o.mark !== null || o.ptype !== null || o.inheritDsfield;
    if (!says) throw new NetlinkError(ERRNO.EINVAL);
    checkVerdict(o.verdict, proto);
    // actions of a kind are of its class
    const action = old === null ? new Skbedit(host, "skbedit", index) : (old as Skbedit);
    setVerdict(action, o.verdict, proto);
    action.options = o;
    return action;
  },
};
