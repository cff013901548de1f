/** The queue that pfifo and bfifo share. @source net/sched/sch_fifo.c */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import { NET_XMIT_SUCCESS } from "../netdev.ts";
import { type Skb, SkbQueue } from "../skb.ts";
import { QdiscBase, type QdiscDef, type QdiscSite } from "./base.ts";
import { num, type QdiscOptions } from "./params.ts";

const USAGE = "Usage: ... <[p|b]fifo | pfifo_head_drop> [ limit NUMBER ]\n";

/** A FIFO with a limit in packets or bytes; drops at the tail. */
export class Fifo extends QdiscBase {
  private readonly queue: SkbQueue = new SkbQueue();
  private readonly inBytes: boolean;
  limit: number;

  constructor(kind: "pfifo" | "bfifo", limit: number, site: QdiscSite) {
    super(kind, site, true);
    this.inBytes = kind === "bfifo";
    this.limit = limit;
  }

  override enqueue(skb: Skb): number {
    const full = this.inBytes ? this.stats.backlog + skb.len > this.limit : this.queue.qlen >= this.limit;
    if (full) return this.dropNew(skb, SKB_DROP_REASON.QDISC_OVERLIMIT);
    this.queue.push(skb);
    this.queued(skb);
    return NET_XMIT_SUCCESS;
  }

  override dequeue(): Skb | null {
    const skb = this.queue.shift();
    if (skb !== null) this.sent(skb);
    return skb;
  }

  override peek(): Skb | null {
    return this.queue.head;
  }

  override reset(): void {
    for (let skb = this.queue.shift(); skb !== null; skb = this.queue.shift()) this.purge(skb);
    this.stats.qlen = 0;
    this.stats.backlog = 0;
  }

  override change(options: QdiscOptions): void {
    this.limit = num(options, "limit", defaultLimit(this.kind, this));
  }

  override printOptions(): string {
    return `limit ${this.limit}${this.inBytes ? "b" : "p"}`;
  }

  override jsonOptions(): Record<string, unknown> {
    return { limit: this.limit };
  }
}

function defaultLimit(kind: string, site: Pick<QdiscSite, "dev">): number {
  const packets = site.dev.txQueueLen || 1;
  return kind === "bfifo" ? packets * (site.dev.mtu + site.dev.hardHeaderLen) : packets;
}

/** Makes the record of a FIFO kind. */
export function fifoDef(kind: "pfifo" | "bfifo"): QdiscDef {
  const bytes = kind === "bfifo";
  return {
    kind,
    source: "net/sched/sch_fifo.c; tc-bfifo(8)",
    params: [
      {
        key: "limit",
        unit: bytes ? "size" : "packets",
        help: bytes
          ? "bytes queued at most; default txqueuelen times MTU and header"
          : "packets queued at most; default txqueuelen",
      },
    ],
    usage: USAGE,
    check: () => [],
    create: (options, site) => new Fifo(kind, num(options, "limit", defaultLimit(kind, site)), site),
  };
}
