/** Deficit round robin over classes. @source net/sched/sch_drr.c; iproute2 tc/q_drr.c; tc-drr(8) */
import { NET_XMIT_STOLEN, NET_XMIT_SUCCESS } from "../netdev.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import { QdiscStats } from "../qdisc.ts";
import type { Skb } from "../skb.ts";
import type { FilterBlock } from "../tc/classify.ts";
import { formatSize } from "../tc-units.ts";
import { type Active, ActiveList } from "./active-list.ts";
import { type QdiscBase, type QdiscDef, type QdiscSite, TC_H_ROOT } from "./base.ts";
import { ClassHash } from "./class-hash.ts";
import { type ClassRequest, QdiscClass } from "./classful.ts";
import { RateEstimator } from "./estimator.ts";
import { defaultPfifo, type Fifo } from "./fifo.ts";
import { FilteredQdisc, UNCLASSIFIED } from "./filtered.ts";
import { num } from "./params.ts";

class DrrClass extends QdiscClass implements Active<DrrClass> {
  private readonly qdisc: Drr;
  override child: QdiscBase;
  before: DrrClass | null = null;
  after: DrrClass | null = null;
  isActive: boolean = false;
  quantum: number;
  deficit: number = 0;
  readonly counted: QdiscStats = new QdiscStats();

  constructor(qdisc: Drr, classid: number, quantum: number) {
    super(classid);
    this.qdisc = qdisc;
    this.quantum = quantum;
    this.child = qdisc.defaultChild(classid);
  }
  override get parent(): number {
    return TC_H_ROOT;
  }
  override graft(child: QdiscBase | null): QdiscBase {
    const old = this.child;
    this.child = child ?? this.qdisc.defaultChild(this.classid);
    old.purgeQueue();
    return old;
  }
  override qlenNotify(): void {
    this.qdisc.active.remove(this);
  }
  override print(): string {
    return `quantum ${formatSize(this.quantum)} `;
  }
  count(bytes: number, nowNs: number): void {
    const s = this.counted;
    if (this.estimator !== null) this.estimator.advance(nowNs, s.bytes, s.packets);
    s.bytes += bytes;
    s.packets++;
  }
  /** What was sent is the class's own count, the rest is the child's (drr_dump_class_stats). */
  override stats(): QdiscStats {
    this.child.syncStats();
    this.estimator?.advance(this.qdisc.nowNs(), this.counted.bytes, this.counted.packets);
    return Object.assign(new QdiscStats(), this.child.stats, {
      bytes: this.counted.bytes,
      packets: this.counted.packets,
    });
  }
  override printXstats(): string {
    return ` deficit ${formatSize(this.child.stats.qlen > 0 ? this.deficit : 0)} `;
  }
}

class Drr extends FilteredQdisc {
  readonly active: ActiveList<DrrClass> = new ActiveList();
  private readonly hash: ClassHash<DrrClass> = new ClassHash();
  /** What classify() has to say when it finds no class. */
  private rc: number = 0;

  constructor(site: QdiscSite) {
    super("drr", site, false);
  }

  override enqueue(skb: Skb): number {
    const cl = this.classify(skb);
    if (cl === undefined) return this.refuse(skb, this.rc);
    const len = skb.len;
    const rc = cl.child.enqueue(skb);
    if (rc !== NET_XMIT_SUCCESS) {
      if ((rc & NET_XMIT_STOLEN) === 0) this.stats.drops++;
      return rc;
    }
    if (!cl.isActive) {
      this.active.add(cl);
      cl.deficit = cl.quantum;
    }
    this.stats.backlog += len;
    this.stats.qlen++;
    return rc;
  }

  override dequeue(): Skb | null {
    for (;;) {
      const cl = this.active.first;
      if (cl === null) return null;
      const next = cl.child.peek();
      if (next === null) return null;
      if (next.len > cl.deficit) {
        cl.deficit += cl.quantum;
        this.active.moveToEnd(cl);
        continue;
      }
      cl.deficit -= next.len;
      const skb = cl.child.dequeuePeeked();
      if (skb === null) return null;
      if (cl.child.stats.qlen === 0) this.active.remove(cl);
      cl.count(skb.len, this.nowNs());
      this.sent(skb);
      return skb;
    }
  }

  protected override onReset(): void {
    for (const cl of this.hash.list()) {
      this.active.remove(cl);
      cl.child.reset();
    }
  }

  override classes(): readonly QdiscClass[] {
    return this.hash.list();
  }

  override findClass(classid: number): DrrClass | undefined {
    return this.hash.get(classid);
  }

  override blockOf(cl: QdiscClass | null): FilterBlock {
    if (cl !== null) throw new NetlinkError(ERRNO.EINVAL, "DRR classid must be zero");
    return this.block;
  }

  /** drr_change_class */
  override changeClass(req: ClassRequest): string {
    if (req.options === null) throw new NetlinkError(ERRNO.EINVAL, "DRR options are required for this operation");
    const given = req.options.quantum;
    if (given === 0) throw new NetlinkError(ERRNO.EINVAL, "Specified DRR quantum cannot be zero");
    const quantum = num(req.options, "quantum", this.dev.mtu + this.dev.hardHeaderLen);
    let cl = this.hash.get(req.classid);
    if (cl === undefined) {
      cl = new DrrClass(this, req.classid, quantum);
      this.hash.insert(cl);
    } else if (given !== undefined) cl.quantum = quantum;
    if (req.estimator !== null) {
      const { bytes, packets } = cl.counted;
      cl.estimator = new RateEstimator(req.estimator, this.nowNs(), bytes, packets);
    }
    return "";
  }

  override deleteClass(classid: number): void {
    const cl = this.hash.get(classid)!;
    if (this.inUse(classid)) throw new NetlinkError(ERRNO.EBUSY, "DRR class is in use");
    cl.child.purgeQueue();
    this.active.remove(cl);
    this.hash.remove(cl);
    cl.child.destroy();
  }

  override change(): void {}

  override printOptions(): string {
    return "";
  }

  override jsonOptions(): Record<string, unknown> {
    return {};
  }

  defaultChild(classid: number): Fifo {
    return defaultPfifo(this.siteOf(classid));
  }

  /** drr_classify: there is no default class. */
  private classify(skb: Skb): DrrClass | undefined {
    const id = skb.priority >>> 0;
    if ((id & 0xffff0000) >>> 0 === this.handle) {
      const cl = this.hash.get(id);
      if (cl !== undefined) return cl;
    }
    this.rc = UNCLASSIFIED;
    const found = this.ask(this.block, skb);
    if (found === NET_XMIT_SUCCESS) return this.hash.get(this.res.classid);
    if (found > 0) this.rc = found;
    return undefined;
  }
}

/** The record of `drr`. */
export const drr: QdiscDef = {
  kind: "drr",
  source: "net/sched/sch_drr.c; tc-drr(8)",
  params: [],
  style: { illegal: (key) => `Illegal "${key}"`, unknown: (word) => `What is "${word}"?` },
  usage: "Usage: ... drr\n",
  lazyOptions: true,
  classes: {
    params: [{ key: "quantum", unit: "size", help: "bytes of one turn; default MTU and header" }],
    usage: "Usage: ... drr quantum SIZE\n",
  },
  check: () => [],
  create: (_options, site) => new Drr(site),
};
