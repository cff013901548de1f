/** Classful qdiscs that ask filters which class a packet belongs to. @source net/sched/cls_api.c tcf_classify and its callers in net/sched/sch_*.c */
import { NETSIM_REASON, SKB_DROP_REASON } from "../drop-reason.ts";
import { NET_XMIT_BYPASS, NET_XMIT_STOLEN, NET_XMIT_SUCCESS } from "../netdev.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import type { Skb } from "../skb.ts";
import { TC_ACT_CONSUMED, TC_ACT_QUEUED, TC_ACT_SHOT, TC_ACT_STOLEN, TC_ACT_TRAP, TC_ACT_UNSPEC } from "../tc/act.ts";
import { FilterBlock, TcfResult } from "../tc/classify.ts";
import type { QdiscSite } from "./base.ts";
import { ClassfulQdisc, type QdiscClass } from "./classful.ts";

/** What `ask` answers when no filter matches. */
export const NO_MATCH = -1;
/** What `ask` answers when an action has sent the packet elsewhere: nobody may touch it. */
const GONE: number = NET_XMIT_SUCCESS | NET_XMIT_STOLEN | 0x40000;
/** For `refuse`: no class takes the packet. */
export const UNCLASSIFIED: number = NET_XMIT_SUCCESS | NET_XMIT_BYPASS;

/** The base of kinds with filters. */
export abstract class FilteredQdisc extends ClassfulQdisc {
  /** Filters of the qdisc itself. */
  readonly block: FilterBlock;
  protected readonly res: TcfResult = new TcfResult();

  constructor(kind: string, site: QdiscSite, canBypass: boolean) {
    super(kind, site, canBypass);
    this.block = new FilterBlock(site.dev.host);
  }

  /** Kinds whose classes have filters, or words for their having none, override this. */
  override blockOf(cl: QdiscClass | null): FilterBlock {
    if (cl !== null) throw new NetlinkError(ERRNO.EINVAL);
    return this.block;
  }

  /** qdisc_class_in_use: filters of the qdisc or of its classes name the class. */
  protected inUse(classid: number): boolean {
    for (const block of this.blocks()) {
      for (const { filter } of block.list()) if (filter.classid === classid) return true;
    }
    return false;
  }

  /** All blocks of filters that hang here. */
  protected blocks(): readonly FilterBlock[] {
    return [this.block];
  }

  override destroy(): void {
    this.block.flush();
    super.destroy();
  }

  /**
   * Asks filters for the class; this.res.classid has it when they know one.
   * @returns NET_XMIT_SUCCESS when one matched, NO_MATCH when none did, else what to hand to refuse()
   */
  protected ask(block: FilterBlock, skb: Skb): number {
    if (block.isEmpty) return NO_MATCH;
    switch (block.classify(skb, this.dev, this.res)) {
      case TC_ACT_UNSPEC:
        return NO_MATCH;
      case TC_ACT_STOLEN:
      case TC_ACT_QUEUED:
      case TC_ACT_TRAP:
        return NET_XMIT_SUCCESS | NET_XMIT_STOLEN;
      case TC_ACT_CONSUMED:
        return GONE;
      case TC_ACT_SHOT:
        return UNCLASSIFIED;
      default:
        return NET_XMIT_SUCCESS;
    }
  }

  /** Frees a packet that filters took or shot, or that belongs to no class. @returns `rc`, for the caller to answer with */
  protected refuse(skb: Skb, rc: number): number {
    if (rc === GONE) return NET_XMIT_SUCCESS | NET_XMIT_STOLEN;
    const stolen = (rc & NET_XMIT_STOLEN) !== 0;
    if (!stolen) this.stats.drops++;
    this.dev.host.kernel.kfreeSkb(skb, this.dev, stolen ? NETSIM_REASON.TC_STOLEN : SKB_DROP_REASON.QDISC_DROP);
    return rc;
  }
}
