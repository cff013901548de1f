/** `noop`: takes nothing. What stands below a class when its qdisc was deleted and the kind puts no FIFO there. @source net/sched/sch_generic.c noop_qdisc_ops */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import { NET_XMIT_CN } from "../netdev.ts";
import type { Skb } from "../skb.ts";
import { QdiscBase, type QdiscSite } from "./base.ts";

/** Drops every packet; the device counts it in tx_dropped. Cannot be named by a user. */
export class Noop extends QdiscBase {
  constructor(site: Omit<QdiscSite, "handle">) {
    super("noop", { ...site, handle: 0 }, false);
  }

  override enqueue(skb: Skb): number {
    this.dev.stats.txDropped++;
    this.dev.host.kernel.kfreeSkb(skb, this.dev, SKB_DROP_REASON.QDISC_DROP);
    return NET_XMIT_CN;
  }
  override dequeue(): Skb | null {
    return null;
  }
  protected override onReset(): void {}
  override printOptions(): string {
    return "";
  }
  override jsonOptions(): Record<string, unknown> {
    return {};
  }
}
