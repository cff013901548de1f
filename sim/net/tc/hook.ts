/**
 * The tc hook of one direction of one device: tcx programs in their order, then the filters of the clsact (or ingress) qdisc.
 *
 *     tcx      NEXT: the next program, at the end the filters; PASS, DROP, REDIRECT: that is the verdict;
 *              anything else skips the other tcx programs but not the filters
 *
 * @source net/core/dev.c sch_handle_ingress, sch_handle_egress, tcx_run, tc_run
 */
import type { Program } from "../../bpf/program.ts";
import { COST_NS } from "../cost.ts";
import { NETSIM_REASON, SKB_DROP_REASON } from "../drop-reason.ts";
import type { Netdev, TcHook } from "../netdev.ts";
import { TC_HOOK_CONSUMED, TC_HOOK_DROPPED, TC_HOOK_OK } from "../netdev.ts";
import type { QdiscStats } from "../qdisc.ts";
import type { Skb } from "../skb.ts";
import {
  countTcVerdict,
  TC_ACT_CONSUMED,
  TC_ACT_OK,
  TC_ACT_QUEUED,
  TC_ACT_RECLASSIFY,
  TC_ACT_REDIRECT,
  TC_ACT_SHOT,
  TC_ACT_STOLEN,
  TC_ACT_TRAP,
  TCX_DROP,
  TCX_NEXT,
  TCX_PASS,
  TCX_REDIRECT,
  type TcVerdicts,
} from "./act.ts";
import { forgetBlock } from "./blocks.ts";
import { type BlockUser, type FilterBlock, TcfResult } from "./classify.ts";
import { skbDoRedirect } from "./redirect.ts";
import { runSchedCls } from "./run-prog.ts";

/** One program of the tcx list. */
export interface TcxProgram {
  readonly prog: Program;
  /** Link id, 0 for a program attached without a link. */
  readonly linkId: number;
  readonly verdicts: TcVerdicts;
}

/** The tc programs and filters of one direction of a device. */
export class TcDirection implements TcHook, BlockUser {
  readonly dev: Netdev;
  readonly ingress: boolean;
  /** In order of running. */
  tcx: readonly TcxProgram[] = [];
  /** The filters, null without clsact. */
  block: FilterBlock | null = null;
  /** The counters of the qdisc the filters belong to; null without one. */
  private stats: QdiscStats | null = null;
  /** Filters are there to be asked. */
  private hasFilters: boolean = false;
  private readonly res: TcfResult = new TcfResult();

  constructor(dev: Netdev, ingress: boolean) {
    this.dev = dev;
    this.ingress = ingress;
  }

  /** Another list of tcx programs. */
  setTcx(tcx: readonly TcxProgram[]): void {
    this.tcx = tcx;
    this.apply();
  }

  /** The qdisc comes with its block, or goes. */
  setBlock(block: FilterBlock | null, stats: QdiscStats | null): void {
    const old = this.block;
    this.block = block;
    this.stats = stats;
    if (old?.detach(this)) forgetBlock(old);
    block?.attach(this);
    this.blockChanged();
  }

  blockChanged(): void {
    this.hasFilters = this.block !== null && !this.block.isEmpty;
    this.apply();
  }

  /** The device carries the hook only while something is attached. */
  private apply(): void {
    const hook = this.tcx.length === 0 && !this.hasFilters ? null : this;
    if (this.ingress) this.dev.tcIngress = hook;
    else this.dev.tcEgress = hook;
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
    let reason: number = this.ingress ? SKB_DROP_REASON.TC_INGRESS : SKB_DROP_REASON.TC_EGRESS;
    if (verdict === TCX_NEXT && this.hasFilters) {
      verdict = this.runFilters(skb, wireLen);
      if (this.res.dropReason !== 0) reason = this.res.dropReason;
    }
    switch (verdict) {
      case TC_ACT_REDIRECT:
        skbDoRedirect(skb, dev, this.ingress);
        return TC_HOOK_CONSUMED;
      case TC_ACT_SHOT:
        kernel.kfreeSkb(skb, dev, reason);
        return TC_HOOK_DROPPED;
      case TC_ACT_STOLEN:
      case TC_ACT_QUEUED:
      case TC_ACT_TRAP:
        kernel.kfreeSkb(skb, dev, NETSIM_REASON.TC_STOLEN);
        return TC_HOOK_CONSUMED;
      case TC_ACT_CONSUMED:
        return TC_HOOK_CONSUMED;
      default:
        return TC_HOOK_OK;
    }
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

  /** tc_run: counts the packet at the qdisc and asks the filters. @returns TC_ACT_* */
  private runFilters(skb: Skb, wireLen: number): number {
    const stats = this.stats!;
    const { res } = this;
    stats.bytes += wireLen;
    stats.packets++;
    const verdict = this.block!.classify(skb, this.dev, res);
    if (verdict === TC_ACT_SHOT) stats.drops++;
    else if (verdict === TC_ACT_OK || verdict === TC_ACT_RECLASSIFY) skb.tcIndex = res.classid & 0xffff;
    return verdict;
  }
}
