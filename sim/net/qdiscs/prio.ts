/** Strict priority over child qdiscs. @source net/sched/sch_prio.c; iproute2 tc/q_prio.c */
import { NET_XMIT_DROP, NET_XMIT_SUCCESS } from "../netdev.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import type { Skb } from "../skb.ts";
import { QdiscBase, type QdiscClass, type QdiscDef, type QdiscSite } from "./base.ts";
import { Fifo } from "./fifo.ts";
import { num, type QdiscOptions } from "./params.ts";
import { PRIO_TO_BAND } from "./pfifo-fast.ts";

const TCQ_PRIO_BANDS = 16;
const TCQ_MIN_PRIO_BANDS = 2;
const TC_PRIO_MAX = 15;

/**
 * Bands are chosen by skb.priority: as a class id when its major number is ours, else by the map.
 * @differs tc filters on a prio qdisc are not there yet
 */
class Prio extends QdiscBase {
  private bandCount: number;
  private prioMap: readonly number[];
  private children: QdiscBase[];

  constructor(options: QdiscOptions, site: QdiscSite) {
    super("prio", site, false);
    const { bands, map } = readOptions(options);
    this.bandCount = bands;
    this.prioMap = map;
    this.children = Array.from({ length: bands }, (_, i) => this.defaultChild(i));
  }

  override enqueue(skb: Skb): number {
    const child = this.children[this.classify(skb)]!;
    const len = skb.len;
    const rc = child.enqueue(skb);
    if (rc === NET_XMIT_SUCCESS) {
      this.stats.qlen++;
      this.stats.backlog += len;
    } else if (rc === NET_XMIT_DROP) this.stats.drops++;
    return rc;
  }

  override dequeue(): Skb | null {
    for (let i = 0; i < this.bandCount; i++) {
      const skb = this.children[i]!.dequeue();
      if (skb !== null) {
        this.sent(skb);
        return skb;
      }
    }
    return null;
  }

  override peek(): Skb | null {
    for (let i = 0; i < this.bandCount; i++) {
      const skb = this.children[i]!.peek();
      if (skb !== null) return skb;
    }
    return null;
  }

  override reset(): void {
    for (const child of this.children) child.reset();
    this.stats.qlen = 0;
    this.stats.backlog = 0;
  }

  override change(options: QdiscOptions): void {
    const { bands, map } = readOptions(options);
    for (const gone of this.children.slice(bands)) {
      this.stats.qlen -= gone.stats.qlen;
      this.stats.backlog -= gone.stats.backlog;
      gone.reset();
    }
    this.children = Array.from({ length: bands }, (_, i) => this.children[i] ?? this.defaultChild(i));
    this.bandCount = bands;
    this.prioMap = map;
  }

  override classes(): readonly QdiscClass[] {
    return this.children.map((child, i) => ({ minor: i + 1, child }));
  }

  override graft(minor: number, child: QdiscBase | null): QdiscBase | null | undefined {
    const old = this.children[minor - 1];
    if (old === undefined) return undefined;
    this.stats.qlen -= old.stats.qlen;
    this.stats.backlog -= old.stats.backlog;
    this.children[minor - 1] = child ?? this.defaultChild(minor - 1);
    return old;
  }

  override printOptions(): string {
    return `bands ${this.bandCount} priomap ${this.prioMap.join(" ")}`;
  }

  override jsonOptions(): Record<string, unknown> {
    return { bands: this.bandCount, priomap: this.prioMap, multiqueue: false };
  }

  /** prio_classify */
  private classify(skb: Skb): number {
    if (this.handle !== 0 && (skb.priority & 0xffff0000) >>> 0 === this.handle) {
      const band = (skb.priority & 0xffff) - 1;
      if (band >= 0 && band < this.bandCount) return band;
      return this.prioMap[0]!;
    }
    return this.prioMap[skb.priority & TC_PRIO_MAX]!;
  }

  private defaultChild(band: number): Fifo {
    const { dev, txq } = this;
    return new Fifo("pfifo", dev.txQueueLen || 1, { dev, txq, handle: 0, parent: this.handle + band + 1 });
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
  usage: "Usage: ... prio bands NUMBER priomap P1 P2...[multiqueue]\n",
  check: () => [],
  create: (options, site) => new Prio(options, site),
};
