/** The root of multi-queue devices: one child per transmit queue, no queue of its own. @source net/sched/sch_mq.c */
import type { TxQueue } from "../netdev.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import type { QdiscStats } from "../qdisc.ts";
import type { Skb } from "../skb.ts";
import { type QdiscBase, type QdiscDef, type QdiscSite, TC_H_ROOT } from "./base.ts";
import { ClassfulQdisc, QdiscClass } from "./classful.ts";
import { pfifoFast } from "./pfifo-fast.ts";

/** A transmit queue. Its qdisc is on its own: what it drops is no business of mq (TCQ_F_NOPARENT). */
class MqClass extends QdiscClass {
  private readonly txq: TxQueue;
  override child: QdiscBase;

  constructor(txq: TxQueue, classid: number) {
    super(classid);
    this.txq = txq;
    this.child = this.newChild();
  }
  override get parent(): number {
    return TC_H_ROOT;
  }
  override graft(child: QdiscBase | null): QdiscBase {
    const old = this.child;
    this.child = child ?? this.newChild();
    this.txq.qdisc = this.child;
    old.reset();
    return old;
  }
  override stats(): QdiscStats {
    this.child.syncStats();
    return this.child.stats;
  }
  private newChild(): QdiscBase {
    return pfifoFast.create({}, { dev: this.txq.dev, txq: this.txq, handle: 0, parent: this.classid });
  }
}

/** Packets go to the children directly (txq.qdisc); mq only shows and sums. */
class Mq extends ClassfulQdisc {
  private readonly queues: readonly MqClass[];

  constructor(site: QdiscSite) {
    super("mq", site, false);
    if (site.parent !== TC_H_ROOT || site.dev.txQueues.length < 2) throw new NetlinkError(ERRNO.EOPNOTSUPP);
    this.queues = site.dev.txQueues.map((txq, i) => new MqClass(txq, (this.handle + i + 1) >>> 0));
  }

  override enqueue(skb: Skb): number {
    return this.queues[skb.queueMapping % this.queues.length]!.child.enqueue(skb);
  }
  override dequeue(): Skb | null {
    return null;
  }
  protected override onReset(): void {
    for (const { child } of this.queues) child.reset();
  }
  override classes(): readonly QdiscClass[] {
    return this.queues;
  }
  override findClass(classid: number): QdiscClass | undefined {
    return this.queues[(classid & 0xffff) - 1];
  }
  override syncStats(): void {
    const sum = this.stats;
    sum.bytes = sum.packets = sum.drops = sum.overlimits = sum.requeues = sum.qlen = sum.backlog = 0;
    for (const { child } of this.queues) {
      const { stats } = child;
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
  lazyOptions: true,
  check: () => [],
  create: (_options, site) => new Mq(site),
};
