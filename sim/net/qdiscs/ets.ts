/** Enhanced transmission selection: strict bands before bands that share by quanta. @source net/sched/sch_ets.c; tc-ets(8) */
import { NET_XMIT_STOLEN, NET_XMIT_SUCCESS } from "../netdev.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import type { QdiscStats } from "../qdisc.ts";
import type { Skb } from "../skb.ts";
import type { FilterBlock } from "../tc/classify.ts";
import { type Active, ActiveList } from "./active-list.ts";
import { type QdiscBase, type QdiscDef, type QdiscSite, TC_H_ROOT } from "./base.ts";
import { type ClassRequest, QdiscClass } from "./classful.ts";
import { ETS_USAGE, parseEtsWords } from "./ets-words.ts";
import { defaultPfifo, type Fifo } from "./fifo.ts";
import { FilteredQdisc, NO_MATCH } from "./filtered.ts";
import { num, type QdiscOptions } from "./params.ts";

const TCQ_ETS_MAX_BANDS = 16;
const TC_PRIO_MAX = 15;

class EtsBand extends QdiscClass implements Active<EtsBand> {
  private readonly qdisc: Ets;
  override child: QdiscBase;
  before: EtsBand | null = null;
  after: EtsBand | null = null;
  isActive: boolean = false;
  /** 0: strict. */
  quantum: number = 0;
  deficit: number = 0;

  constructor(qdisc: Ets, classid: number) {
    super(classid);
    this.qdisc = qdisc;
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
    return this.quantum > 0 ? `quantum ${this.quantum} ` : "";
  }
  override stats(): QdiscStats {
    this.child.syncStats();
    return this.child.stats;
  }
}

class Ets extends FilteredQdisc {
  readonly active: ActiveList<EtsBand> = new ActiveList();
  private bands: EtsBand[] = [];
  private strict: number = 0;
  private prioMap: readonly number[] = [];

  constructor(options: QdiscOptions, site: QdiscSite) {
    super("ets", site, false);
    this.change(options);
  }

  override enqueue(skb: Skb): number {
    const index = this.classify(skb);
    if (index < 0) return this.refuse(skb, -index);
    const band = this.bands[index]!;
    const len = skb.len;
    const rc = band.child.enqueue(skb);
    if (rc !== NET_XMIT_SUCCESS) {
      if ((rc & NET_XMIT_STOLEN) === 0) this.stats.drops++;
      return rc;
    }
    if (!band.isActive && index >= this.strict) {
      this.active.add(band);
      band.deficit = band.quantum;
    }
    this.stats.backlog += len;
    this.stats.qlen++;
    return rc;
  }

  override dequeue(): Skb | null {
    for (;;) {
      for (let i = 0; i < this.strict; i++) {
        const skb = this.bands[i]!.child.dequeuePeeked();
        if (skb !== null) {
          this.sent(skb);
          return skb;
        }
      }
      const band = this.active.first;
      if (band === null) return null;
      const next = band.child.peek();
      if (next === null) return null;
      if (next.len > band.deficit) {
        band.deficit += band.quantum;
        this.active.moveToEnd(band);
        continue;
      }
      band.deficit -= next.len;
      const skb = band.child.dequeuePeeked();
      if (skb === null) return null;
      if (band.child.stats.qlen === 0) this.active.remove(band);
      this.sent(skb);
      return skb;
    }
  }

  protected override onReset(): void {
    for (const band of this.bands) {
      this.active.remove(band);
      band.child.reset();
    }
  }

  /** ets_qdisc_change */
  override change(options: QdiscOptions): void {
    const count = num(options, "bands", 0);
    if (count < 1 || count > TCQ_ETS_MAX_BANDS) throw invalid("sch_ets: Invalid number of bands");
    const strict = num(options, "strict", 0);
    if (strict > count) throw invalid("sch_ets: Invalid number of strict bands");
    const map = numbers(options, "priomap");
    if (map.length > TC_PRIO_MAX + 1) throw invalid("sch_ets: Too many priorities in ETS priomap");
    if (map.some((b) => b >= count)) throw invalid("sch_ets: Invalid band number in ETS priomap");
    const quanta = numbers(options, "quanta");
    if (strict + quanta.length > count) throw invalid("sch_ets: ETS quanta has more values than bands");
    if (quanta.includes(0)) throw invalid("ETS quantum cannot be zero");
    const gone = this.bands.slice(count);
    this.bands = Array.from({ length: count }, (_, i) => this.bands[i] ?? new EtsBand(this, this.handle + i + 1));
    const psched = this.dev.mtu + this.dev.hardHeaderLen;
    for (let i = 0; i < count; i++) {
      const band = this.bands[i]!;
      band.quantum = i < strict ? 0 : (quanta[i - strict] ?? psched);
      // a band that has packets joins the round when it begins to share, and leaves it when it becomes strict
      if (i < strict) this.active.remove(band);
      else if (i < this.strict && band.child.stats.qlen > 0) {
        this.active.add(band);
        band.deficit = band.quantum;
      }
    }
    this.strict = strict;
    this.prioMap = Array.from({ length: TC_PRIO_MAX + 1 }, (_, i) => map[i] ?? count - 1);
    for (const band of gone) {
      this.active.remove(band);
      band.child.purgeQueue();
      band.child.destroy();
    }
  }

  override classes(): readonly QdiscClass[] {
    return this.bands;
  }

  override findClass(classid: number): EtsBand | undefined {
    return this.bands[(classid & 0xffff) - 1];
  }

  override blockOf(cl: QdiscClass | null): FilterBlock {
    if (cl !== null) throw invalid("ETS classid must be zero");
    return this.block;
  }

  /** ets_class_change: only the quantum of a band that is there. */
  override changeClass(req: ClassRequest): string {
    const band = this.findClass(req.classid);
    if (band === undefined || req.classid === 0) {
      throw new NetlinkError(ERRNO.EOPNOTSUPP, "Fine-grained class addition and removal is not supported");
    }
    if (req.options === null) throw invalid("ETS options are required for this operation");
    const quantum = req.options.quantum;
    if (typeof quantum !== "number") return "";
    if (band.quantum === 0) throw invalid("Strict bands do not have a configurable quantum");
    band.quantum = quantum;
    return "";
  }

  override printOptions(): string {
    const strict = this.strict > 0 ? `strict ${this.strict} ` : "";
    const quanta = this.strict < this.bands.length ? `quanta ${this.quanta().join(" ")} ` : "";
    return `bands ${this.bands.length} ${strict}${quanta}priomap ${this.prioMap.join(" ")} `;
  }

  override jsonOptions(): Record<string, unknown> {
    return {
      bands: this.bands.length,
      ...(this.strict > 0 ? { strict: this.strict } : {}),
      ...(this.strict < this.bands.length ? { quanta: this.quanta() } : {}),
      priomap: this.prioMap,
    };
  }

  defaultChild(classid: number): Fifo {
    return defaultPfifo(this.siteOf(classid));
  }

  private quanta(): readonly number[] {
    return this.bands.slice(this.strict).map((b) => b.quantum);
  }

  /** ets_classify. @returns the band, or what refuse() takes, negated */
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

function invalid(extack: string): NetlinkError {
  return new NetlinkError(ERRNO.EINVAL, extack);
}

function numbers(options: QdiscOptions, key: string): readonly number[] {
  const v = options[key];
  return v === undefined || typeof v === "number" ? [] : v;
}

/** The record of `ets`. */
export const ets: QdiscDef = {
  kind: "ets",
  source: "net/sched/sch_ets.c; tc-ets(8)",
  params: [
    { key: "bands", unit: "number", help: "number of bands, 1 to 16; default strict and quanta together" },
    { key: "strict", unit: "number", help: "bands that come before all others, in order; default 0" },
    { key: "quanta", unit: "numbers", help: "bytes of one turn of each other band; default MTU and header" },
    { key: "priomap", unit: "numbers", help: "band of each of the 16 priorities; default the last" },
  ],
  parse: parseEtsWords,
  style: {
    illegal: (_key, value) => (value === "0" ? '"quanta" must be > 0' : 'Illegal "quanta" element'),
    unknown: (word) => `What is "${word}"?`,
  },
  usage: ETS_USAGE,
  classes: {
    params: [{ key: "quantum", unit: "number", min: 1, help: "bytes of one turn" }],
    usage: "Usage: ... ets [quantum Q1]\n",
  },
  check: () => [],
  create: (options, site) => new Ets(options, site),
};
