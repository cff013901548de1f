/** What filters of all classifiers carry: their actions. @source net/sched/cls_api.c tcf_exts_validate_ex, tcf_exts_exec, tcf_exts_destroy */
import type { Netdev } from "../netdev.ts";
import type { Skb } from "../skb.ts";
import { TC_ACT_OK } from "./act.ts";
import { type ActionSpec, runActions, type TcAction } from "./action.ts";
import { initActions, releaseActions } from "./action-control.ts";
import { actionDef } from "./actions/index.ts";
import type { TcfProto, TcfResult } from "./classify.ts";

/** The actions that a command names. */
export interface ExtsSpec {
  readonly actions: readonly ActionSpec[];
  /** Said in the old way, by `police` alone: listed in that way, too (TCA_OLD_COMPAT). */
  readonly oldPolice: boolean;
}

/** A filter without actions. */
export const NO_ACTIONS: ExtsSpec = { actions: [], oldPolice: false };

/** The live actions of one filter. */
export class TcfExts {
  readonly actions: readonly TcAction[];
  readonly oldPolice: boolean;

  private constructor(actions: readonly TcAction[], oldPolice: boolean) {
    this.actions = actions;
    this.oldPolice = oldPolice;
  }

  /** @throws NetlinkError; nothing is held then */
  static init(proto: TcfProto, spec: ExtsSpec, replace: boolean): TcfExts {
    const { host } = proto.chain.block;
    return new TcfExts(initActions(host, spec.actions, { proto, replace }, actionDef), spec.oldPolice);
  }

  /** @returns the verdict; TC_ACT_OK without actions */
  exec(skb: Skb, dev: Netdev, res: TcfResult): number {
    return this.actions.length === 0 ? TC_ACT_OK : runActions(this.actions, skb, dev, res);
  }

  destroy(): void {
    releaseActions(this.actions, true);
  }
}
