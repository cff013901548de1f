/** Strict priority over child qdiscs. @source net/sched/sch_prio.c; iproute2 tc/q_prio.c */
import { NET_XMIT_STOLEN, NET_XMIT_SUCCESS } from "../netdev.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import type { QdiscStats } from "../qdisc.ts";
import type { Skb } from "../skb.ts";
import type { QdiscBase, QdiscDef, QdiscSite } from "./base.ts";
import { QdiscClass } from "./classful.ts";
import { defaultPfifo, type Fifo } from "./fifo.ts";
import { FilteredQdisc, NO_MATCH } from "./filtered.ts";
import { num, type QdiscOptions } from "./params.ts";
import { PRIO_TO_BAND } from "./pfifo-fast.ts";

const TCQ_PRIO_BANDS = 16;
const TCQ_MIN_PRIO_BANDS = 2;
const TC_PRIO_MAX = 15;

/** A band: its counters are those of the qdisc below it. */
class Band extends QdiscClass {
  private readonly qdisc: Prio;
  override child: QdiscBase;

  constructor(qdisc: Prio, classid: number) {
    super(classid);
    this.qdisc = qdisc;
    this.child = qdisc.defaultChild(classid);
  }
  override get parent(): number {
    return this.qdisc.handle;
  }
  override graft(child: QdiscBase | null): QdiscBase {
    const old = this.child;
    this.child = child ?? this.qdisc.defaultChild(this.classid);
    old.purgeQueue();
    return old;
  }
  override stats(): QdiscStats {
    this.child.syncStats();
    return this.child.stats;
  }
}

class Prio extends FilteredQdisc {
  private prioMap: readonly number[];
  private bands: Band[];

  constructor(options: QdiscOptions, site: QdiscSite) {
    super("prio", site, false);
    const { bands, map } = readOptions(options);
    this.prioMap = map;
    this.bands = Array.from({ length: bands }, (_, i) => new Band(this, this.handle + i + 1));
  }

  override enqueue(skb: Skb): number {
    const band = this.classify(skb);
    if (band < 0) return this.refuse(skb, -band);
    const len = skb.len;
    const rc = this.bands[band]!.child.enqueue(skb);
    if (rc === NET_XMIT_SUCCESS) {
      this.stats.qlen++;
      this.stats.backlog += len;
    } else if ((rc & NET_XMIT_STOLEN) === 0) this.stats.drops++;
    return rc;
  }

  override dequeue(): Skb | null {
    for (let i = 0; i < this.bands.length; i++) {
      const skb = this.bands[i]!.child.dequeuePeeked();
      if (skb !== null) {
        this.sent(skb);
        return skb;
      }
    }
    return null;
  }

  /** prio_peek: the packet stays with the child. */
  override peek(): Skb | null {
    for (let i = 0; i < this.bands.length; i++) {
      const skb = this.bands[i]!.child.peek();
      if (skb !== null) return skb;
    }
    return null;
  }

  override dequeuePeeked(): Skb | null {
    return this.dequeue();
  }

  protected override onReset(): void {
    for (const band of this.bands) band.child.reset();
  }

  /** prio_tune */
  override change(options: QdiscOptions): void {
    const { bands, map } = readOptions(options);
    this.prioMap = map;
    const gone = this.bands.slice(bands);
    for (const { child } of gone) child.purgeQueue();
    this.bands = Array.from({ length: bands }, (_, i) => this.bands[i] ?? new Band(this, this.handle + i + 1));
    for (const { child } of gone) child.destroy();
  }

  override classes(): readonly QdiscClass[] {
    return this.bands;
  }

  override findClass(classid: number): QdiscClass | undefined {
    return this.bands[(classid & 0xffff) - 1];
  }

  override printOptions(): string {
    return `bands ${this.bands.length} priomap ${this.prioMap.join(" ")}`;
  }

  override jsonOptions(): Record<string, unknown> {
    return { bands: this.bands.length, priomap: this.prioMap, multiqueue: false };
  }

  /** The queue of a band that nobody has grafted on. */
  defaultChild(classid: number): Fifo {
    return defaultPfifo(this.siteOf(classid));
  }

  /**
   * prio_classify: a class id of ours in skb.priority, else the filters, else the map.
   * @returns the band, or what refuse() takes, negated
   */
  private classify(skb: Skb): number {
    let classid = skb.priority;
    if ((classid & 0xffff0000) >>> 0 !== this.handle) {
      const found = this.ask(this.block, skb);
      if (found === NO_MATCH) return this.prioMap[classid >>> 16 !== 0 ? 0 : classid & TC_PRIO_MAX]!;
      if (found !== NET_XMIT_SUCCESS) return -found;
      classid = this.res.classid;
    }
    const band = (classid & 0xffff) - 1;
    return band >= 0 && band < this.bands.length ? band : this.prioMap[0]!;
  }
}

function readOptions(options: QdiscOptions): { readonly bands: number; readonly map: readonly number[] } {
  const bands = num(options, "bands", 3);
  const given = options.priomap;
  const map = PRIO_TO_BAND.map((band, i) => (Array.isArray(given) ? ((given as readonly number[])[i] ?? band) : band));
  if (bands > TCQ_PRIO_BANDS || bands < TCQ_MIN_PRIO_BANDS) throw new NetlinkError(ERRNO.EINVAL);
  if (map.some((band) => band >= bands)) throw new NetlinkError(ERRNO.EINVAL);
  return { bands, map };
}

/** The record of `prio`. */
export const prio: QdiscDef = {
  kind: "prio",
  source: "net/sched/sch_prio.c; tc-prio(8)",
  params: [
    { key: "bands", unit: "number", help: "number of bands, 2 to 16; default 3" },
    { key: "priomap", unit: "numbers", help: "band of each of the 16 priorities" },
  ],
  refused: ["multiqueue"],
  style: { illegal: (key) => `Illegal "${key}"`, unknown: (word) => `What is "${word}"?` },
  usage: "Usage: ... prio bands NUMBER priomap P1 P2...[multiqueue]\n",
  check: () => [],
  create: (options, site) => new Prio(options, site),
};
