/** What all qdiscs share: counters, identity, the place in the tree, the peeked packet, the watchdog; and the record of a kind. */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import type { Netdev, TxQueue } from "../netdev.ts";
import { NET_XMIT_DROP } from "../netdev.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import { type Qdisc, QdiscStats } from "../qdisc.ts";
import type { Skb } from "../skb.ts";
import { type EstimatorSpec, RateEstimator } from "./estimator.ts";
import type { ParseResult, QdiscOptions, QdiscParam, WordStyle } from "./params.ts";

/** TC_H_ROOT. */
export const TC_H_ROOT = 0xffffffff;

/** The base of every live qdisc. */
export abstract class QdiscBase implements Qdisc {
  readonly kind: string;
  readonly handle: number;
  readonly parent: number;
  /** The qdisc that `parent` is a class of; null for a root and for the children of mq, which answer to nobody (TCQ_F_NOPARENT). */
  readonly upper: QdiscBase | null;
  readonly dev: Netdev;
  readonly txq: TxQueue;
  /** Number of its making on the device, which orders `tc qdisc show`. */
  readonly serial: number;
  readonly stats: QdiscStats = new QdiscStats();
  canBypass: boolean;
  /** `estimator`, null without one. */
  estimator: RateEstimator | null = null;
  /** gso_skb: taken out by peek, still counted in qlen and backlog. */
  private peeked: Skb | null = null;
  private watchdogNs: number = -1;

  constructor(kind: string, site: QdiscSite, canBypass: boolean) {
    this.kind = kind;
    this.handle = site.handle;
    this.parent = site.parent;
    this.upper = site.upper ?? null;
    this.dev = site.dev;
    this.txq = site.txq;
    this.serial = site.dev.qdiscsMade++;
    this.canBypass = canBypass;
  }

  abstract enqueue(skb: Skb): number;
  /** Takes the next packet and counts it as sent. Parents that peek call dequeuePeeked instead. */
  abstract dequeue(): Skb | null;
  /** Frees what the kind itself holds and forgets its state; its classes' qdiscs are reset as well. */
  protected abstract onReset(): void;
  /** New parameters while traffic flows. @throws NetlinkError */
  change(_options: QdiscOptions): void {
    throw new NetlinkError(ERRNO.EINVAL, "Change operation not supported by specified qdisc");
  }
  /** The part of `tc qdisc show` behind `refcnt N `, without a newline. @param details as `tc -d` has it */
  abstract printOptions(details?: boolean): string;
  /** The `options` object of `tc -j`. */
  abstract jsonOptions(details?: boolean): Record<string, unknown>;
  /** What `tc -s` prints below the counters (TCA_XSTATS), with its newline; "" for kinds that have nothing there. */
  printXstats(): string {
    return "";
  }
  /** The same as members of the qdisc's object in `tc -s -j`. */
  jsonXstats(): Record<string, unknown> {
    return {};
  }
  /** Brings the counters up to date before they are shown (mq sums its children). */
  syncStats(): void {
    this.estimator?.advance(this.nowNs(), this.stats.bytes, this.stats.packets);
  }
  /** qlen_notify: a child qdisc below that class has become empty by other means than dequeueing. May come more than once. */
  qlenNotify(_classid: number): void {}
  /** The qdisc goes away for good (ops->destroy), after reset: filters and other things that it holds. */
  destroy(): void {
    this.reset();
  }

  /**
   * The packet that dequeue would give next; null when none is ready. It leaves the kind's own queue and counts as sent, but stays
   * part of qlen and backlog until dequeuePeeked fetches it, so that a shaper above any qdisc may look first.
   * @source include/net/sch_generic.h qdisc_peek_dequeued
   */
  peek(): Skb | null {
    if (this.peeked !== null) return this.peeked;
    const skb = this.dequeue();
    if (skb === null) return null;
    this.peeked = skb;
    this.stats.qlen++;
    this.stats.backlog += skb.len;
    return skb;
  }

  /** The peeked packet, or dequeue. @source include/net/sch_generic.h qdisc_dequeue_peeked */
  dequeuePeeked(): Skb | null {
    const skb = this.peeked;
    if (skb === null) return this.dequeue();
    this.peeked = null;
    this.stats.qlen--;
    this.stats.backlog -= skb.len;
    return skb;
  }

  /** Frees everything queued and stops the watchdog (qdisc_reset). */
  reset(): void {
    this.onReset();
    if (this.peeked !== null) {
      this.purge(this.peeked);
      this.peeked = null;
    }
    this.watchdogNs = -1;
    this.stats.qlen = 0;
    this.stats.backlog = 0;
  }

  /** Empties it where it stands: what was queued counts as dropped in all qdiscs above (qdisc_purge_queue). */
  purgeQueue(): void {
    const { qlen, backlog } = this.stats;
    this.reset();
    this.reduceBacklogAbove(qlen, backlog);
  }

  /**
   * Tells the qdiscs above that packets, which they count as queued, are gone from this one; its own counters have been corrected.
   * @param packets negative when there are more than they know of
   * @source net/sched/sch_api.c qdisc_tree_reduce_backlog
   */
  reduceBacklogAbove(packets: number, bytes: number): void {
    const drops = packets > 0 ? packets : 0;
    let q: QdiscBase = this;
    for (let up = q.upper; up !== null; up = up.upper) {
      if (q.stats.qlen === 0) up.qlenNotify(q.parent);
      up.stats.qlen -= packets;
      up.stats.backlog -= bytes;
      up.stats.drops += drops;
      q = up;
    }
  }

  /** `estimator INTERVAL TIME_CONSTANT`. */
  setEstimator(spec: EstimatorSpec): void {
    this.estimator = new RateEstimator(spec, this.nowNs(), this.stats.bytes, this.stats.packets);
  }

  /** Drops an arriving packet (qdisc_drop). @returns NET_XMIT_DROP */
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
    this.countSent(skb.len);
  }

  countSent(bytes: number): void {
    const s = this.stats;
    if (this.estimator !== null) this.estimator.advance(this.nowNs(), s.bytes, s.packets);
    s.bytes += bytes;
    s.packets++;
  }

  protected purge(skb: Skb): void {
    this.dev.host.kernel.kfreeSkb(skb, this.dev, SKB_DROP_REASON.QUEUE_PURGE);
  }

  /** Simulated time, ns. */
  nowNs(): number {
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
  /** TC_H_ROOT or a class. */
  readonly parent: number;
  /** The qdisc that has that class; absent for a root. */
  readonly upper?: QdiscBase | null;
}

/** What `tc class add ... KIND` takes. */
export interface ClassWords {
  readonly params: readonly QdiscParam[];
  readonly refused?: readonly string[];
  /** Usage text where it is another than the qdisc's. */
  readonly usage?: string;
  /** Findings about missing or contradicting parameters, in tc's words, one line each. */
  check?(options: QdiscOptions): readonly string[];
}

/** The record of one kind. */
export interface QdiscDef {
  readonly kind: string;
  /** Kernel file and man page. */
  readonly source: string;
  readonly params: readonly QdiscParam[];
  /** Words that tc has for this kind and netsim does not: refused by name. */
  readonly refused?: readonly string[];
  /** How tc's parser of this kind says no, where it is not like that of the FIFOs. */
  readonly style?: WordStyle;
  /** Reads the words instead of `params`, for kinds whose words follow no such scheme. */
  readonly parse?: (words: readonly string[]) => ParseResult;
  /** tc sends no options (TCA_OPTIONS) when no word was said: `change` changes nothing then. */
  readonly lazyOptions?: boolean;
  /** Usage text as tc prints it, lines with newlines. */
  readonly usage: string;
  /** Parameters of its classes; absent when tc calls the kind classless. */
  readonly classes?: ClassWords;
  /** Findings about missing or contradicting parameters, in tc's words, one line each. */
  check(options: QdiscOptions): readonly string[];
  /** @throws NetlinkError with the kernel's extack */
  create(options: QdiscOptions, site: QdiscSite): QdiscBase;
}
