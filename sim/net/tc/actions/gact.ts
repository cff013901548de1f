/**
 * gact: a verdict, for every packet or for a share of them.
 *
 *     netrand  one packet in VAL, drawn
 *     determ   every VAL-th packet
 *
 * @source net/sched/act_gact.c tcf_gact_act, gact_net_rand, gact_determ; tc-actions(8)
 */
import type { Netdev } from "../../netdev.ts";
import { ERRNO, NetlinkError } from "../../netlink-error.ts";
import type { Skb } from "../../skb.ts";
import { TC_ACT_EXT_VAL_MASK, TC_ACT_GOTO_CHAIN, TC_ACT_SHOT } from "../act.ts";
import { TcAction } from "../action.ts";
import { type ActionDef, checkVerdict, setVerdict } from "../action-control.ts";
import type { TcfResult } from "../classify.ts";

/** How a packet is chosen. @source include/uapi/linux/tc_act/tc_gact.h PGACT_* */
export const PGACT_NONE = 0;
export const PGACT_NETRAND = 1;
export const PGACT_DETERM = 2;

/** `action gact ...`. */
export interface GactOptions {
  readonly verdict: number;
  readonly random: { readonly type: number; readonly verdict: number; readonly value: number } | null;
}

/** A live gact. */
export class Gact extends TcAction {
  randomType: number = PGACT_NONE;
  randomVerdict: number = 0;
  randomValue: number = 0;

  override act(_skb: Skb, _dev: Netdev, res: TcfResult): number {
    const verdict = this.choose();
    this.used(res);
    if (verdict === TC_ACT_SHOT) this.stats.drops++;
    return verdict;
  }

  private choose(): number {
    if (this.randomType === PGACT_NONE) return this.verdict;
    const others =
      this.randomType === PGACT_NETRAND
        ? this.host.kernel.env.prandomU32() % this.randomValue !== 0
        : (this.stats.packets + 1) % this.randomValue !== 0;
    return others ? this.verdict : this.randomVerdict;
  }
}

/** The record of `gact`. */
export const gact: ActionDef = {
  kind: "gact",
  source: "net/sched/act_gact.c; tc-actions(8)",
  init({ host, spec, proto, old, index }) {
    // what the command parser made for this kind
    const o = spec.options as GactOptions;
    if (o.random !== null && (o.random.verdict & ~TC_ACT_EXT_VAL_MASK) === TC_ACT_GOTO_CHAIN) {
      throw new NetlinkError(ERRNO.EINVAL, "goto chain not allowed on fallback");
    }
    checkVerdict(o.verdict, proto);
    // actions of a kind are of its class
    const action = old === null ? new Gact(host, "gact", index) : (old as Gact);
    setVerdict(action, o.verdict, proto);
    if (o.random !== null) {
      action.randomVerdict = o.random.verdict;
      action.randomValue = Math.max(1, o.random.value);
      action.randomType = o.random.type;
    }
    return action;
  },
};
