/** The root of multi-queue devices: one child per transmit queue, no queue of its own. @source net/sched/sch_mq.c */
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import type { Skb } from "../skb.ts";
import { QdiscBase, type QdiscClass, type QdiscDef, type QdiscSite, TC_H_ROOT } from "./base.ts";
import { pfifoFast } from "./pfifo-fast.ts";

/** Packets go to the children directly (txq.qdisc); mq only shows and sums. */
class Mq extends QdiscBase {
  private readonly children: QdiscBase[];

  constructor(site: QdiscSite) {
    super("mq", site, false);
    if (site.parent !== TC_H_ROOT || site.dev.txQueues.length < 2) throw new NetlinkError(ERRNO.EOPNOTSUPP);
    this.children = site.dev.txQueues.map((txq, i) =>
      pfifoFast.create({}, { dev: site.dev, txq, handle: 0, parent: site.handle + i + 1 }),
    );
  }

  override enqueue(skb: Skb): number {
    return this.children[skb.queueMapping % this.children.length]!.enqueue(skb);
  }
  override dequeue(): Skb | null {
    return null;
  }
  override peek(): Skb | null {
    return null;
  }
  override reset(): void {
    for (const child of this.children) child.reset();
  }
  override change(): void {
    throw new NetlinkError(ERRNO.EOPNOTSUPP, "Change operation not supported by specified qdisc");
  }
  override classes(): readonly QdiscClass[] {
    return this.children.map((child, i) => ({ minor: i + 1, child }));
  }
  override graft(minor: number, child: QdiscBase | null): QdiscBase | null | undefined {
    const old = this.children[minor - 1];
    if (old === undefined) return undefined;
    const txq = this.dev.txQueues[minor - 1]!;
    const now = child ?? pfifoFast.create({}, { dev: this.dev, txq, handle: 0, parent: this.handle + minor });
    this.children[minor - 1] = now;
    txq.qdisc = now;
    return old;
  }
  override syncStats(): void {
    const sum = this.stats;
    sum.bytes = sum.packets = sum.drops = sum.overlimits = sum.requeues = sum.qlen = sum.backlog = 0;
    for (const { stats } of this.children) {
      sum.bytes += stats.bytes;
      sum.packets += stats.packets;
      sum.drops += stats.drops;
      sum.overlimits += stats.overlimits;
      sum.requeues += stats.requeues;
      sum.qlen += stats.qlen;
      sum.backlog += stats.backlog;
    }
  }
  override printOptions(): string {
    return "";
  }
  override jsonOptions(): Record<string, unknown> {
    return {};
  }
}

/** The record of `mq`. */
export const mq: QdiscDef = {
  kind: "mq",
  source: "net/sched/sch_mq.c; tc-mq(8)",
  params: [],
  usage: "",
  check: () => [],
  create: (_options, site) => new Mq(site),
};
