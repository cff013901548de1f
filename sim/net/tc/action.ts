/**
 * Actions of filters: what all have in common, and how a filter's actions run one after another.
 *
 * An action's verdict steers the pipeline: `pipe` goes on, `jump N` begins anew behind N actions, `goto chain N` and everything else
 * ends it and is the filter's answer.
 *
 * @source net/sched/act_api.c tcf_action_exec, tcf_action_update_bstats; include/net/act_api.h struct tc_action
 */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import type { Host } from "../host.ts";
import type { Netdev } from "../netdev.ts";
import { QdiscStats } from "../qdisc.ts";
import type { Skb } from "../skb.ts";
import {
  TC_ACT_EXT_VAL_MASK,
  TC_ACT_GOTO_CHAIN,
  TC_ACT_JUMP,
  TC_ACT_OK,
  TC_ACT_PIPE,
  TC_ACT_REPEAT,
  TC_ACT_SHOT,
  TCA_ACT_MAX_PRIO,
  TCA_ACT_MAX_PRIO_MASK,
} from "./act.ts";
import type { TcfChain, TcfResult } from "./classify.ts";

/** How often an action may answer TC_ACT_REPEAT for one packet. */
const REPEAT_TTL = 32;

/** What an action is told about itself, besides what its kind needs. */
export interface ActionSpec {
  readonly kind: string;
  /** Number of a shared action; 0: a new one with a number of its own. */
  readonly index: number;
  /** The kind's own parameters; its record narrows them. */
  readonly options: unknown;
  /** Bytes of `cookie`, in hex; "" for none. */
  readonly cookie: string;
  /** `no_percpu`. */
  readonly noPercpu: boolean;
}

/** A live action. It may belong to several filters. */
export abstract class TcAction {
  readonly host: Host;
  readonly kind: string;
  readonly index: number;
  /** The control word: TC_ACT_*, with its argument for `jump` and `goto chain`. */
  verdict: number = TC_ACT_PIPE;
  /** Where `goto chain` leads. */
  gotoChain: TcfChain | null = null;
  readonly stats: QdiscStats = new QdiscStats();
  /** Simulated times, ns; -1: not yet. */
  readonly installedNs: number;
  firstUseNs: number = -1;
  lastUseNs: number;
  cookie: string = "";
  noPercpu: boolean = false;
  /** `tc actions ls` or `get` has shown it: since then it says that no hardware counts for it (used_hw_stats_valid). */
  hwStatsAsked: boolean = false;
  /** References: one for each filter, and one when it was made by `tc actions add`. */
  refs: number = 0;
  /** Filters that use it. */
  binds: number = 0;

  constructor(host: Host, kind: string, index: number) {
    this.host = host;
    this.kind = kind;
    this.index = index;
    this.installedNs = host.kernel.engine.nowNs;
    this.lastUseNs = this.installedNs;
  }

  /** What it does with a packet, statistics included. @returns TC_ACT_* */
  abstract act(skb: Skb, dev: Netdev, res: TcfResult): number;
  /** The last reference is gone. */
  destroy(): void {}

  /** tcf_lastuse_update and tcf_action_update_bstats. */
  protected used(res: TcfResult): void {
    const nowNs = this.host.kernel.engine.nowNs;
    if (this.firstUseNs < 0) this.firstUseNs = nowNs;
    this.lastUseNs = nowNs;
    this.stats.bytes += res.pktLen;
    this.stats.packets++;
  }
}

/**
 * tcf_action_exec: runs a filter's actions.
 * @returns the filter's verdict; TC_ACT_OK when there are none
 */
export function runActions(actions: readonly TcAction[], skb: Skb, dev: Netdev, res: TcfResult): number {
  let verdict = TC_ACT_OK;
  let skip = 0;
  let jumps = TCA_ACT_MAX_PRIO;
  for (let i = 0; i < actions.length; i++) {
    if (skip > 0) {
      skip--;
      continue;
    }
    const action = actions[i]!;
    let repeats = REPEAT_TTL;
    verdict = action.act(skb, dev, res);
    while (verdict === TC_ACT_REPEAT) {
      if (--repeats === 0) return TC_ACT_OK;
      verdict = action.act(skb, dev, res);
    }
    const opcode = verdict & ~TC_ACT_EXT_VAL_MASK;
    if (opcode === TC_ACT_JUMP) {
      skip = verdict & TCA_ACT_MAX_PRIO_MASK;
      if (skip === 0 || skip > actions.length || --jumps <= 0) return TC_ACT_OK;
      i = -1;
      continue;
    }
    if (opcode === TC_ACT_GOTO_CHAIN) {
      if (action.gotoChain === null) {
        res.dropReason = SKB_DROP_REASON.TC_CHAIN_NOTFOUND;
        return TC_ACT_SHOT;
      }
      res.gotoChain = action.gotoChain;
    }
    if (verdict !== TC_ACT_PIPE) break;
  }
  return verdict;
}
