/** What all qdiscs share: counters, identity, children, the watchdog; and the record of a kind. */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import type { Netdev, TxQueue } from "../netdev.ts";
import { NET_XMIT_DROP } from "../netdev.ts";
import { type Qdisc, QdiscStats } from "../qdisc.ts";
import type { Skb } from "../skb.ts";
import type { QdiscOptions, QdiscParam } from "./params.ts";

/** TC_H_ROOT. */
export const TC_H_ROOT = 0xffffffff;

/** A class of a classful qdisc, for `tc class show` and grafting. */
export interface QdiscClass {
  /** Minor number. */
  readonly minor: number;
  readonly child: QdiscBase | null;
}

/** The base of every live qdisc. */
export abstract class QdiscBase implements Qdisc {
  readonly kind: string;
  handle: number;
  parent: number;
  readonly dev: Netdev;
  readonly txq: TxQueue;
  readonly stats: QdiscStats = new QdiscStats();
  readonly canBypass: boolean;
  private watchdogNs: number = -1;

  constructor(kind: string, site: QdiscSite, canBypass: boolean) {
    this.kind = kind;
    this.handle = site.handle;
    this.parent = site.parent;
    this.dev = site.dev;
    this.txq = site.txq;
    this.canBypass = canBypass;
  }

  abstract enqueue(skb: Skb): number;
  abstract dequeue(): Skb | null;
  /** The packet that dequeue would give next, left in place; null when none is ready or peeking is not supported. */
  abstract peek(): Skb | null;
  abstract reset(): void;
  /** New parameters while traffic flows. @throws NetlinkError */
  abstract change(options: QdiscOptions): void;
  /** The part of `tc qdisc show` behind `refcnt N `, without a newline. @param details as `tc -d` has it */
  abstract printOptions(details?: boolean): string;
  /** The `options` object of `tc -j`. */
  abstract jsonOptions(): Record<string, unknown>;
  /** Brings the counters up to date before they are shown (mq sums its children). */
  syncStats(): void {}
  /** Classes, for classful kinds. */
  classes(): readonly QdiscClass[] {
    return [];
  }
  /** Puts a qdisc below a class. @returns the one it replaces, or undefined when there is no such class */
  graft(_minor: number, _child: QdiscBase | null): QdiscBase | null | undefined {
    return undefined;
  }

  /** Drops an arriving packet. */
  protected dropNew(skb: Skb, reason: number = SKB_DROP_REASON.QDISC_DROP): number {
    this.stats.drops++;
    this.dev.host.kernel.kfreeSkb(skb, this.dev, reason);
    return NET_XMIT_DROP;
  }

  protected queued(skb: Skb): void {
    this.stats.qlen++;
    this.stats.backlog += skb.len;
  }

  protected sent(skb: Skb): void {
    this.stats.qlen--;
    this.stats.backlog -= skb.len;
    this.stats.bytes += skb.len;
    this.stats.packets++;
  }

  protected purge(skb: Skb): void {
    this.dev.host.kernel.kfreeSkb(skb, this.dev, SKB_DROP_REASON.QUEUE_PURGE);
  }

  protected nowNs(): number {
    return this.dev.host.kernel.engine.nowNs;
  }

  /** qdisc_watchdog_schedule: runs the queue again at that time, and not at one asked for before. */
  protected watchdog(atNs: number): void {
    if (this.watchdogNs === atNs) return;
    this.watchdogNs = atNs;
    const kernel = this.dev.host.kernel;
    kernel.engine.schedule(atNs, kernel.qdiscWatchdogEvent, this, 0);
  }

  /** The watchdog's event; one that was re-armed for another time is stale. */
  onWatchdog(): void {
    const kernel = this.dev.host.kernel;
    if (kernel.engine.nowNs !== this.watchdogNs) return;
    this.watchdogNs = -1;
    kernel.paths.qdiscRun(this.txq);
  }
}

/** Where a qdisc is to stand. */
export interface QdiscSite {
  readonly dev: Netdev;
  readonly txq: TxQueue;
  readonly handle: number;
  readonly parent: number;
}

/** The record of one kind. */
export interface QdiscDef {
  readonly kind: string;
  /** Kernel file and man page. */
  readonly source: string;
  readonly params: readonly QdiscParam[];
  /** Words that tc has for this kind and netsim does not: refused by name. */
  readonly refused?: readonly string[];
  /** Usage text as tc prints it, lines with newlines. */
  readonly usage: string;
  /** Findings about missing or contradicting parameters, in tc's words, one line each. */
  check(options: QdiscOptions): readonly string[];
  /** @throws NetlinkError with the kernel's extack */
  create(options: QdiscOptions, site: QdiscSite): QdiscBase;
}
