/** The queue that pfifo, bfifo and pfifo_head_drop share. @source net/sched/sch_fifo.c */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import { NET_XMIT_CN, NET_XMIT_SUCCESS } from "../netdev.ts";
import { type Skb, SkbQueue } from "../skb.ts";
import { formatSize } from "../tc-units.ts";
import { QdiscBase, type QdiscDef, type QdiscSite } from "./base.ts";
import { num, type QdiscOptions } from "./params.ts";

const USAGE = "Usage: ... <[p|b]fifo | pfifo_head_drop> [ limit NUMBER ]\n";

/** The kinds. */
export type FifoKind = "pfifo" | "bfifo" | "pfifo_head_drop";

/** A FIFO with a limit in packets or bytes; drops at the tail, pfifo_head_drop at the head. */
export class Fifo extends QdiscBase {
  private readonly queue: SkbQueue = new SkbQueue();
  private readonly inBytes: boolean;
  private readonly dropsHead: boolean;
  private limit: number = 0;

  constructor(kind: FifoKind, limit: number, site: QdiscSite) {
    super(kind, site, true);
    this.inBytes = kind === "bfifo";
    this.dropsHead = kind === "pfifo_head_drop";
    this.setLimit(limit);
  }

  /** fifo_set_limit, fifo_init: a queue that holds no packet is never passed by. */
  setLimit(limit: number): void {
    this.limit = limit;
    this.canBypass = limit >= (this.inBytes ? this.dev.mtu + this.dev.hardHeaderLen : 1);
  }

  override enqueue(skb: Skb): number {
    const full = this.inBytes ? this.stats.backlog + skb.len > this.limit : this.stats.qlen >= this.limit;
    if (full) {
      if (this.dropsHead && this.limit > 0) return this.replaceHead(skb);
      return this.dropNew(skb, SKB_DROP_REASON.QDISC_OVERLIMIT);
    }
    this.queue.push(skb);
    this.queued(skb);
    return NET_XMIT_SUCCESS;
  }

  override dequeue(): Skb | null {
    const skb = this.queue.shift();
    if (skb !== null) this.sent(skb);
    return skb;
  }

  /** qdisc_peek_head: it stays where it is. */
  override peek(): Skb | null {
    return this.queue.head;
  }

  override dequeuePeeked(): Skb | null {
    return this.dequeue();
  }

  protected override onReset(): void {
    for (let skb = this.queue.shift(); skb !== null; skb = this.queue.shift()) this.purge(skb);
  }

  override change(options: QdiscOptions): void {
    this.setLimit(num(options, "limit", defaultLimit(this.kind, this)));
  }

  override printOptions(): string {
    return `limit ${this.inBytes ? formatSize(this.limit) : `${this.limit}p`}`;
  }

  override jsonOptions(): Record<string, unknown> {
    return { limit: this.limit };
  }

  /** pfifo_tail_enqueue: the oldest packet makes room. */
  private replaceHead(skb: Skb): number {
    const before = this.stats.backlog;
    const oldest = this.queue.shift()!;
    this.stats.qlen--;
    this.stats.backlog -= oldest.len;
    this.dropNew(oldest, SKB_DROP_REASON.QDISC_OVERLIMIT);
    this.queue.push(skb);
    this.queued(skb);
    this.reduceBacklogAbove(0, before - this.stats.backlog);
    return NET_XMIT_CN;
  }
}

function defaultLimit(kind: string, site: Pick<QdiscSite, "dev">): number {
  const packets = site.dev.txQueueLen;
  return kind === "bfifo" ? packets * (site.dev.mtu + site.dev.hardHeaderLen) : packets;
}

/** qdisc_create_dflt of pfifo: the queue of a class below which nobody has put another. */
export function defaultPfifo(site: QdiscSite): Fifo {
  return new Fifo("pfifo", site.dev.txQueueLen, site);
}

/** Makes the record of a FIFO kind. */
export function fifoDef(kind: FifoKind): QdiscDef {
  const bytes = kind === "bfifo";
  return {
    kind,
    source: "net/sched/sch_fifo.c; tc-bfifo(8)",
    params: [
      {
        key: "limit",
        // tc reads packets as a size, too: 1k are 1024
        unit: "size",
        help: bytes
          ? "bytes queued at most; default txqueuelen times MTU and header"
          : "packets queued at most; default txqueuelen",
      },
    ],
    usage: USAGE,
    lazyOptions: true,
    check: () => [],
    create: (options, site) => new Fifo(kind, num(options, "limit", defaultLimit(kind, site)), site),
  };
}
