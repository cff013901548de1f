/**
 * bpf: a program decides. PIPE, RECLASSIFY, OK, SHOT and REDIRECT are its verdict, -1 is the action's own, anything else none.
 *
 * @source net/sched/act_bpf.c tcf_bpf_act, tcf_bpf_init; tc-bpf(8)
 */
import type { ClassicProgram } from "../../../bpf/cbpf/insn.ts";
import type { Program } from "../../../bpf/program.ts";
import { loadClassic } from "../../classic-filter.ts";
import type { Host } from "../../host.ts";
import type { Netdev } from "../../netdev.ts";
import { ERRNO, NetlinkError } from "../../netlink-error.ts";
import type { Skb } from "../../skb.ts";
import { TC_ACT_OK, TC_ACT_PIPE, TC_ACT_RECLASSIFY, TC_ACT_REDIRECT, TC_ACT_SHOT, TC_ACT_UNSPEC } from "../act.ts";
import { TcAction } from "../action.ts";
import { type ActionDef, checkVerdict, setVerdict } from "../action-control.ts";
import type { TcfResult } from "../classify.ts";
import { runSchedCls } from "../run-prog.ts";

/** `action bpf ...`. */
export interface BpfActionOptions {
  readonly verdict: number;
  /** A loaded program, a classic one to be loaded, or null when the command names none. */
  readonly prog: Program | ClassicProgram | null;
  /** As tc prints it; "" for classic programs. */
  readonly name: string;
}

/** A live bpf action. */
export class BpfAction extends TcAction {
  prog: Program;
  name: string = "";

  constructor(host: Host, index: number, prog: Program) {
    super(host, "bpf", index);
    this.prog = prog;
  }

  override act(skb: Skb, dev: Netdev, res: TcfResult): number {
    this.used(res);
    const rc = runSchedCls(this.prog, skb, dev, res.pktLen);
    const { tp } = this.host.kernel;
    if (tp.tcRun.on) tp.tcRun.fire(skb, dev, rc, this.prog.id);
    switch (rc) {
      case TC_ACT_SHOT:
        this.stats.drops++;
        return rc;
      case TC_ACT_PIPE:
      case TC_ACT_RECLASSIFY:
      case TC_ACT_OK:
      case TC_ACT_REDIRECT:
        return rc;
      case TC_ACT_UNSPEC:
        return this.verdict;
      default:
        return TC_ACT_UNSPEC;
    }
  }
}

/** The record of `bpf`. */
export const bpf: ActionDef = {
  kind: "bpf",
  source: "net/sched/act_bpf.c; tc-bpf(8)",
  init({ host, spec, proto, old, index }) {
    // what the command parser made for this kind
    const o = spec.options as BpfActionOptions;
    if (o.prog === null) throw new NetlinkError(ERRNO.EINVAL);
    checkVerdict(o.verdict, proto);
    const prog = "run" in o.prog ? o.prog : loadClassic(host.kernel, o.prog, "sched_cls");
    // actions of a kind are of its class
    const action = old === null ? new BpfAction(host, index, prog) : (old as BpfAction);
    setVerdict(action, o.verdict, proto);
    action.prog = prog;
    action.name = o.name;
    return action;
  },
};
