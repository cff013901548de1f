/**
 * The tc hook of one direction of one device: tcx programs in their order, then the filters of the clsact (or ingress) qdisc.
 *
 *     tcx      NEXT: the next program, at the end the filters; PASS, DROP, REDIRECT: that is the verdict;
 *              anything else skips the other tcx programs but not the filters
 *     cls_bpf  direct-action: OK, SHOT, STOLEN, TRAP, REDIRECT are the verdict, everything else goes to the next filter;
 *              classic: 0 is no match, -1 matches with the filter's class, else the class is what the program said
 *
 * @source net/core/dev.c sch_handle_ingress, sch_handle_egress, tcx_run, tc_run; net/sched/cls_bpf.c cls_bpf_classify,
 *         cls_bpf_exec_opcode; net/sched/cls_api.c tcf_classify
 * @differs skb->cb is not shared with other layers, so a program finds zeroes or what another tc program has left there
 */
import type { Program } from "../../bpf/program.ts";
import { COST_NS } from "../cost.ts";
import { NETSIM_REASON, SKB_DROP_REASON } from "../drop-reason.ts";
import { ETH_P_ALL } from "../ether.ts";
import type { Netdev, TcHook } from "../netdev.ts";
import { TC_HOOK_CONSUMED, TC_HOOK_DROPPED, TC_HOOK_OK } from "../netdev.ts";
import type { QdiscStats } from "../qdisc.ts";
import type { Skb } from "../skb.ts";
import {
  countTcVerdict,
  TC_ACT_OK,
  TC_ACT_REDIRECT,
  TC_ACT_SHOT,
  TC_ACT_STOLEN,
  TC_ACT_TRAP,
  TC_ACT_UNSPEC,
  TCX_DROP,
  TCX_NEXT,
  TCX_PASS,
  TCX_REDIRECT,
  type TcVerdicts,
} from "./act.ts";
import { skbDoRedirect } from "./redirect.ts";
import { runSchedCls } from "./run-prog.ts";

/** One cls_bpf filter. */
export interface BpfFilter {
  readonly pref: number;
  /** Ethertype in host order, ETH_P_ALL for all. */
  readonly protocol: number;
  readonly handle: number;
  readonly prog: Program;
  /** As `tc filter show` prints it: `prog.o:[tc]`; "" for classic programs, which have none. */
  readonly name: string;
  readonly directAction: boolean;
  /** `classid` of the command, 0 when not given. */
  readonly classid: number;
  readonly verdicts: TcVerdicts;
}

/** One program of the tcx list. */
export interface TcxProgram {
  readonly prog: Program;
  /** Link id, 0 for a program attached without a link. */
  readonly linkId: number;
  readonly verdicts: TcVerdicts;
}

/** The tc programs of one direction of a device. */
export class TcDirection implements TcHook {
  readonly dev: Netdev;
  readonly ingress: boolean;
  /** In order of running. */
  tcx: readonly TcxProgram[] = [];
  /** In order of running: by preference, the newest first within one. */
  filters: readonly BpfFilter[] = [];
  /** The counters of the qdisc the filters belong to; null without one. */
  stats: QdiscStats | null = null;

  constructor(dev: Netdev, ingress: boolean) {
    this.dev = dev;
    this.ingress = ingress;
  }

  run(skb: Skb): number {
    const dev = this.dev;
    const kernel = dev.host.kernel;
    const env = kernel.env;
    dev.host.cpu().charge(COST_NS.tcHook);
    skb.atIngress = this.ingress;
    if (env.skbContexts.depth === 0) env.redirect.reset();
    // raw senders have set none
    if (skb.networkHeader < 0) skb.networkHeader = skb.data + skb.macLen;
    const wireLen = this.ingress ? skb.len - skb.macLen : skb.len;
    let verdict = this.tcx.length > 0 ? this.runTcx(skb, wireLen) : TCX_NEXT;
    if (verdict === TCX_NEXT && this.filters.length > 0) verdict = this.runFilters(skb, wireLen);
    if (verdict === TC_ACT_OK || verdict === TC_ACT_UNSPEC) return TC_HOOK_OK;
    if (verdict === TC_ACT_REDIRECT) {
      skbDoRedirect(skb, dev, this.ingress);
      return TC_HOOK_CONSUMED;
    }
    if (verdict === TC_ACT_SHOT) {
      kernel.kfreeSkb(skb, dev, this.ingress ? SKB_DROP_REASON.TC_INGRESS : SKB_DROP_REASON.TC_EGRESS);
      return TC_HOOK_DROPPED;
    }
    kernel.kfreeSkb(skb, dev, NETSIM_REASON.TC_STOLEN);
    return TC_HOOK_CONSUMED;
  }

  /** @returns TCX_PASS, TCX_DROP, TCX_REDIRECT, or TCX_NEXT for the filters to decide */
  private runTcx(skb: Skb, wireLen: number): number {
    const list = this.tcx;
    const dev = this.dev;
    const tp = dev.host.kernel.tp;
    skb.tcClassid = 0;
    let rc = TCX_NEXT;
    for (let i = 0; i < list.length; i++) {
      const entry = list[i]!;
      rc = runSchedCls(entry.prog, skb, dev, wireLen);
      countTcVerdict(entry.verdicts, rc);
      if (tp.tcRun.on) tp.tcRun.fire(skb, dev, rc, entry.prog.id);
      if (rc !== TCX_NEXT) break;
    }
    if (rc === TCX_PASS) {
      skb.tcIndex = skb.tcClassid;
      return TCX_PASS;
    }
    return rc === TCX_DROP || rc === TCX_REDIRECT ? rc : TCX_NEXT;
  }

  /** Counts the packet at the qdisc. @returns TC_ACT_OK, SHOT, STOLEN, TRAP, REDIRECT or UNSPEC */
  private runFilters(skb: Skb, wireLen: number): number {
    const list = this.filters;
    const dev = this.dev;
    const tp = dev.host.kernel.tp;
    const stats = this.stats!;
    stats.bytes += wireLen;
    stats.packets++;
    const protocol = skb.vlanPresent ? skb.vlanProto : skb.protocol;
    for (let i = 0; i < list.length; i++) {
      const f = list[i]!;
      if (f.protocol !== ETH_P_ALL && f.protocol !== protocol) continue;
      skb.tcClassid = f.classid & 0xffff;
      const rc = runSchedCls(f.prog, skb, dev, wireLen);
      countTcVerdict(f.verdicts, rc);
      if (tp.tcRun.on) tp.tcRun.fire(skb, dev, rc, f.prog.id);
      if (f.directAction) {
        if (rc === TC_ACT_OK) {
          skb.tcIndex = skb.tcClassid;
          return rc;
        }
        if (rc === TC_ACT_SHOT) {
          stats.drops++;
          return rc;
        }
        if (rc === TC_ACT_STOLEN || rc === TC_ACT_TRAP || rc === TC_ACT_REDIRECT) return rc;
      } else if (rc !== 0) {
        // a match without actions ends the classification with TC_ACT_OK
        skb.tcIndex = (rc === -1 ? f.classid : rc) & 0xffff;
        return TC_ACT_OK;
      }
    }
    return TC_ACT_UNSPEC;
  }
}
