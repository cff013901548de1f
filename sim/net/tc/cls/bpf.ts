/**
 * Filters that are programs.
 *
 *     direct-action  OK, SHOT, STOLEN, TRAP, REDIRECT are the verdict, everything else goes to the next filter
 *     else           0 is no match, -1 matches with the filter's class, anything else is the class; then the actions decide
 *
 * @source net/sched/cls_bpf.c cls_bpf_classify, cls_bpf_exec_opcode, cls_bpf_change; tc-bpf(8)
 * @differs skb->cb is not shared with other layers, so a program finds zeroes or what another tc program has left there
 */
import type { ClassicProgram } from "../../../bpf/cbpf/insn.ts";
import type { Program } from "../../../bpf/program.ts";
import { loadClassic } from "../../classic-filter.ts";
import type { Netdev } from "../../netdev.ts";
import { ERRNO, NetlinkError } from "../../netlink-error.ts";
import type { Skb } from "../../skb.ts";
import {
  countTcVerdict,
  TC_ACT_OK,
  TC_ACT_REDIRECT,
  TC_ACT_SHOT,
  TC_ACT_STOLEN,
  TC_ACT_TRAP,
  TC_ACT_UNSPEC,
  TcVerdicts,
} from "../act.ts";
import {
  type ClassifierDef,
  type FilterChange,
  type TcfChain,
  type TcfFilter,
  TcfProto,
  type TcfResult,
} from "../classify.ts";
import { type ExtsSpec, TcfExts } from "../exts.ts";
import { runSchedCls } from "../run-prog.ts";

/** `tc filter ... bpf`. */
export interface BpfOptions {
  /** A loaded program (TCA_BPF_FD), or a classic one to be loaded (TCA_BPF_OPS); null when the command names none. */
  readonly prog: Program | ClassicProgram | null;
  /** As `tc filter show` prints it, `prog.o:[tc]`. null: the program's name, none for classic ones. */
  readonly name: string | null;
  readonly directAction: boolean;
  /** 0: not said. */
  readonly classid: number;
  readonly skipHw: boolean;
  readonly exts: ExtsSpec;
}

/** One filter. */
export interface BpfFilter extends TcfFilter {
  readonly pref: number;
  /** Ethertype in host order, ETH_P_ALL for all. */
  readonly protocol: number;
  readonly prog: Program;
  /** "" for classic programs, which have none. */
  readonly name: string;
  readonly directAction: boolean;
  /** 0 when not given. */
  readonly classid: number;
  readonly skipHw: boolean;
  readonly exts: TcfExts;
  readonly verdicts: TcVerdicts;
}

/** Whether a filter is one of this kind. */
export function isBpfFilter(filter: TcfFilter): filter is BpfFilter {
  return "prog" in filter && "directAction" in filter;
}

/** All bpf filters of one preference. */
export class BpfProto extends TcfProto {
  /** Newest first, as they run. */
  private filters: readonly BpfFilter[] = [];

  constructor(chain: TcfChain, pref: number, protocol: number) {
    super("bpf", chain, pref, protocol);
  }

  override classify(skb: Skb, dev: Netdev, res: TcfResult): number {
    const list = this.filters;
    const tp = dev.host.kernel.tp;
    for (let i = 0; i < list.length; i++) {
      const f = list[i]!;
      skb.tcClassid = f.classid & 0xffff;
      const rc = runSchedCls(f.prog, skb, dev, res.pktLen);
      countTcVerdict(f.verdicts, rc);
      if (tp.tcRun.on) tp.tcRun.fire(skb, dev, rc, f.prog.id);
      if (f.directAction) {
        res.classid = ((f.classid & 0xffff0000) | skb.tcClassid) >>> 0;
        if (rc === TC_ACT_OK || rc === TC_ACT_SHOT || rc === TC_ACT_STOLEN || rc === TC_ACT_TRAP) return rc;
        if (rc === TC_ACT_REDIRECT) return rc;
        continue;
      }
      if (rc === 0) continue;
      res.classid = rc === -1 ? f.classid : rc >>> 0;
      const verdict = f.exts.exec(skb, dev, res);
      if (verdict >= 0) return verdict;
    }
    return TC_ACT_UNSPEC;
  }

  override get(handle: number): BpfFilter | null {
    return this.filters.find((f) => f.handle === handle) ?? null;
  }

  override change(change: FilterChange): BpfFilter {
    // what the command parser made for this kind
    const o = change.options as BpfOptions | null;
    if (o === null || o.prog === null) throw new NetlinkError(ERRNO.EINVAL);
    if ("run" in o.prog && o.prog.kind !== "sched_cls") throw new NetlinkError(ERRNO.EINVAL);
    const exts = TcfExts.init(this, o.exts, change.replace);
    const old = change.old === null ? null : this.get(change.old.handle);
    let prog: Program;
    try {
      prog = "run" in o.prog ? o.prog : loadClassic(this.chain.block.host.kernel, o.prog, "sched_cls");
    } catch (error) {
      exts.destroy();
      throw error;
    }
    const filter: BpfFilter = {
      pref: this.pref,
      protocol: this.protocol,
      handle: old !== null ? old.handle : change.handle === 0 ? this.freeHandle() : change.handle,
      prog,
      name: o.name ?? (prog.spec.classic === undefined ? prog.spec.name : ""),
      directAction: o.directAction,
      classid: o.classid !== 0 ? o.classid : (old?.classid ?? 0),
      skipHw: o.skipHw,
      exts,
      verdicts: new TcVerdicts(),
    };
    if (old === null) this.filters = [filter, ...this.filters];
    else this.filters = this.filters.map((f) => (f === old ? filter : f));
    old?.exts.destroy();
    return filter;
  }

  override delete(filter: TcfFilter): void {
    const gone = this.get(filter.handle)!;
    this.filters = this.filters.filter((f) => f !== gone);
    gone.exts.destroy();
  }

  override list(): readonly BpfFilter[] {
    return this.filters;
  }

  override isEmpty(): boolean {
    return this.filters.length === 0;
  }

  override destroy(): void {
    for (const f of this.filters) f.exts.destroy();
    this.filters = [];
  }

  private freeHandle(): number {
    let handle = 1;
    while (this.get(handle) !== null) handle++;
    return handle;
  }
}

/** The record of `bpf`. */
export const bpf: ClassifierDef = {
  kind: "bpf",
  source: "net/sched/cls_bpf.c; tc-bpf(8)",
  create: (chain, pref, protocol) => new BpfProto(chain, pref, protocol),
};
