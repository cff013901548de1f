/** Three FIFOs in strict priority, the default of single queues. @source net/sched/sch_generic.c pfifo_fast_ops */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import { NET_XMIT_SUCCESS } from "../netdev.ts";
import { type Skb, SkbQueue } from "../skb.ts";
import { QdiscBase, type QdiscDef, type QdiscSite } from "./base.ts";

/** TC_PRIO_* to band, sch_generic.c prio2band. */
export const PRIO_TO_BAND: readonly number[] = [1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];
const TC_PRIO_MAX = 15;

class PfifoFast extends QdiscBase {
  private readonly bands: readonly [SkbQueue, SkbQueue, SkbQueue] = [new SkbQueue(), new SkbQueue(), new SkbQueue()];
  /** Each band holds txqueuelen packets. */
  private readonly limitPkts: number;

  constructor(site: QdiscSite) {
    super("pfifo_fast", site, true);
    this.limitPkts = site.dev.txQueueLen;
  }

  override enqueue(skb: Skb): number {
    const band = this.bands[PRIO_TO_BAND[skb.priority & TC_PRIO_MAX]!]!;
    if (band.qlen >= this.limitPkts) return this.dropNew(skb, SKB_DROP_REASON.QDISC_OVERLIMIT);
    band.push(skb);
    this.queued(skb);
    return NET_XMIT_SUCCESS;
  }

  override dequeue(): Skb | null {
    const skb = this.bands[0].shift() ?? this.bands[1].shift() ?? this.bands[2].shift();
    if (skb !== null) this.sent(skb);
    return skb;
  }

  override peek(): Skb | null {
    return this.bands[0].head ?? this.bands[1].head ?? this.bands[2].head;
  }

  override dequeuePeeked(): Skb | null {
    return this.dequeue();
  }

  protected override onReset(): void {
    for (const band of this.bands) for (let skb = band.shift(); skb !== null; skb = band.shift()) this.purge(skb);
  }

  override printOptions(): string {
    return `bands 3 priomap ${PRIO_TO_BAND.join(" ")}`;
  }

  override jsonOptions(): Record<string, unknown> {
    return { bands: 3, priomap: PRIO_TO_BAND, multiqueue: false };
  }
}

/** The record of `pfifo_fast`. */
export const pfifoFast: QdiscDef = {
  kind: "pfifo_fast",
  source: "net/sched/sch_generic.c; tc-pfifo_fast(8)",
  params: [],
  usage: "",
  lazyOptions: true,
  check: () => [],
  create: (_options, site) => new PfifoFast(site),
};
