/**
 * Stochastic fairness queueing. @source net/sched/sch_sfq.c; iproute2 tc/q_sfq.c; tc-sfq(8)
 * @differs the hash function: Linux takes siphash of the flow with a random key, netsim mixes the flow's hash with one; Linux lets
 *          packets pass an empty sfq without filters by, which only the tracepoints tell
 */

import type { RandomStream } from "../../engine/streams.ts";
import { dissectFlow, FlowKeys, flowHash } from "../flow.ts";
import { murmurFinish, murmurMix } from "../murmur3.ts";
import { NET_XMIT_CN, NET_XMIT_SUCCESS } from "../netdev.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import { QdiscStats } from "../qdisc.ts";
import { type Skb, SkbQueue } from "../skb.ts";
import { formatSize } from "../tc-units.ts";
import type { QdiscBase, QdiscDef, QdiscSite } from "./base.ts";
import { QdiscClass } from "./classful.ts";
import { FilteredQdisc, NO_MATCH, UNCLASSIFIED } from "./filtered.ts";
import { num, type QdiscOptions } from "./params.ts";
import { SFQ_EMPTY_SLOT, SFQ_MAX_DEPTH, SFQ_MAX_FLOWS, SfqFlows } from "./sfq-flows.ts";

const DEFAULT_DIVISOR = 1024;
const DEFAULT_FLOWS = 128;
const HZ = 1000;
const INT_MAX = 0x7fffffff;

/** A flow as `tc class show` lists it. */
class SfqClass extends QdiscClass {
  override readonly countsSent: boolean = false;
  private readonly qdisc: Sfq;
  private readonly queue: SkbQueue;
  private readonly allot: number;

  constructor(qdisc: Sfq, classid: number, queue: SkbQueue, allot: number) {
    super(classid);
    this.qdisc = qdisc;
    this.queue = queue;
    this.allot = allot;
  }
  override get parent(): number {
    return this.qdisc.handle;
  }
  override graft(): QdiscBase {
    throw new NetlinkError(ERRNO.EOPNOTSUPP);
  }
  override stats(): QdiscStats {
    return Object.assign(new QdiscStats(), { qlen: this.queue.qlen, backlog: this.queue.bytes });
  }
  override printXstats(): string {
    return `  allot ${this.allot}`;
  }
}

class Sfq extends FilteredQdisc {
  private readonly limit: number;
  private readonly quantum: number;
  private readonly divisor: number;
  private readonly headDrop: boolean;
  private readonly maxDepth: number;
  private readonly maxFlows: number;
  private readonly perturbNs: number;
  private readonly flows: SfqFlows;
  private readonly random: RandomStream;
  private readonly keys: FlowKeys = new FlowKeys();
  private key: number;
  private nextPerturbNs: number;

  constructor(options: QdiscOptions, site: QdiscSite) {
    super("sfq", site, false);
    const divisor = num(options, "divisor", 0);
    if (divisor !== 0 && ((divisor & (divisor - 1)) !== 0 || divisor > 65536)) throw new NetlinkError(ERRNO.EINVAL);
    const quantum = num(options, "quantum", 0);
    if (quantum > INT_MAX) throw new NetlinkError(ERRNO.EINVAL, "sch_sfq: invalid quantum");
    const perturb = num(options, "perturb", 0);
    if (perturb > Math.floor(INT_MAX / HZ)) throw new NetlinkError(ERRNO.EINVAL, "sch_sfq: invalid perturb period");
    this.quantum = quantum || site.dev.mtu + site.dev.hardHeaderLen;
    this.divisor = divisor || DEFAULT_DIVISOR;
    this.headDrop = num(options, "headdrop", 0) !== 0;
    this.maxDepth = Math.min(num(options, "depth", 0) || SFQ_MAX_DEPTH, SFQ_MAX_DEPTH);
    let flows = Math.min(num(options, "flows", 0) || DEFAULT_FLOWS, SFQ_MAX_FLOWS);
    if (divisor !== 0) flows = Math.min(flows, divisor);
    const limit = num(options, "limit", 0);
    this.limit = limit === 0 ? SFQ_MAX_DEPTH : Math.min(limit, this.maxDepth * flows);
    if (this.limit === 1) throw new NetlinkError(ERRNO.EINVAL, "sch_sfq: invalid limit");
    this.maxFlows = limit === 0 ? flows : Math.min(flows, this.limit);
    this.flows = new SfqFlows(this.divisor, this.maxFlows);
    this.perturbNs = perturb * 1e9;
    this.random = site.dev.host.kernel.streams.stream(`sfq ${site.dev.label} ${site.handle}`);
    this.key = this.random.u32();
    this.nextPerturbNs = perturb === 0 ? Number.POSITIVE_INFINITY : this.nowNs() + this.perturbNs;
  }

  override enqueue(skb: Skb): number {
    if (this.nowNs() >= this.nextPerturbNs) this.perturb();
    const hash = this.classify(skb);
    if (hash < 0) return this.refuse(skb, -hash);
    const { flows } = this;
    const x = flows.slotFor(hash);
    if (x < 0) return this.dropNew(skb);
    const queue = flows.queues[x]!;
    if (queue.qlen >= this.maxDepth) return this.headDrop ? this.replaceHead(queue, skb) : this.dropNew(skb);
    const { len } = skb;
    this.stats.backlog += len;
    this.stats.qlen++;
    flows.push(x, skb, this.quantum);
    if (this.stats.qlen <= this.limit) return NET_XMIT_SUCCESS;
    const before = queue.qlen;
    const dropped = this.dropLongest();
    if (before !== queue.qlen) {
      // the sender of this flow hears of it
      this.reduceBacklogAbove(0, dropped - len);
      return NET_XMIT_CN;
    }
    this.reduceBacklogAbove(1, dropped);
    return NET_XMIT_SUCCESS;
  }

  override dequeue(): Skb | null {
    if (this.nowNs() >= this.nextPerturbNs) this.perturb();
    const skb = this.flows.shift(this.quantum);
    if (skb !== null) this.sent(skb);
    return skb;
  }

  protected override onReset(): void {
    const all = new SkbQueue();
    this.flows.takeAll(all);
    for (let skb = all.shift(); skb !== null; skb = all.shift()) this.purge(skb);
  }

  override syncStats(): void {
    if (this.nowNs() >= this.nextPerturbNs) this.perturb();
    super.syncStats();
  }

  /** sfq_walk: the flows that have packets, by hash value. */
  override classes(): readonly QdiscClass[] {
    const out: SfqClass[] = [];
    this.flows.hashTable.forEach((x, i) => {
      if (x === SFQ_EMPTY_SLOT) return;
      out.push(new SfqClass(this, (this.handle + i + 1) >>> 0, this.flows.queues[x]!, this.flows.allot[x]!));
    });
    return out;
  }

  /** sfq_find: a flow cannot be named. */
  override findClass(): undefined {
    return undefined;
  }

  override printOptions(details: boolean = false): string {
    const head = this.headDrop ? "headdrop " : "";
    const flows = details ? `flows ${this.maxFlows} ` : "";
    const perturb = this.perturbNs > 0 ? `perturb ${this.perturbNs / 1e9}sec ` : "";
    return `limit ${this.limit}p quantum ${formatSize(this.quantum)} depth ${this.maxDepth} ${head}${flows}divisor ${this.divisor} ${perturb}`;
  }

  override jsonOptions(details: boolean = false): Record<string, unknown> {
    return {
      limit: this.limit,
      quantum: this.quantum,
      depth: this.maxDepth,
      ...(this.headDrop ? { headdrop: true } : {}),
      ...(details ? { flows: this.maxFlows } : {}),
      divisor: this.divisor,
      ...(this.perturbNs > 0 ? { perturb: this.perturbNs / 1e9 } : {}),
    };
  }

  /** sfq_classify. @returns the hash value, or what refuse() takes, negated */
  private classify(skb: Skb): number {
    const minor = skb.priority & 0xffff;
    if ((skb.priority & 0xffff0000) >>> 0 === this.handle && minor > 0 && minor <= this.divisor) return minor - 1;
    if (this.block.isEmpty) return this.hash(skb);
    const found = this.ask(this.block, skb);
    if (found === NO_MATCH) return -UNCLASSIFIED;
    if (found !== NET_XMIT_SUCCESS) return -found;
    const named = this.res.classid & 0xffff;
    return named > 0 && named <= this.divisor ? named - 1 : -UNCLASSIFIED;
  }

  private hash(skb: Skb): number {
    dissectFlow(this.dev.host.kernel.arena, skb, this.keys);
    return murmurFinish(murmurMix(this.key, flowHash(this.keys))) & (this.divisor - 1);
  }

  /** sfq_drop. @returns bytes */
  private dropLongest(): number {
    const skb = this.flows.takeFromLongest(this.headDrop)!;
    const { len } = skb;
    this.stats.qlen--;
    this.stats.backlog -= len;
    this.dropNew(skb);
    return len;
  }

  /** A full flow with `headdrop`: its oldest packet makes room. */
  private replaceHead(queue: SkbQueue, skb: Skb): number {
    const oldest = queue.shift()!;
    const delta = oldest.len - skb.len;
    this.stats.backlog -= delta;
    this.dropNew(oldest);
    queue.push(skb);
    this.reduceBacklogAbove(0, delta);
    return NET_XMIT_CN;
  }

  /**
   * sfq_perturbation: a new key, and all that is queued is sorted into flows anew. It is done at the first packet after the timer's
   * time: nothing changes in between.
   */
  private perturb(): void {
    const missed = Math.floor((this.nowNs() - this.nextPerturbNs) / this.perturbNs);
    this.nextPerturbNs += (missed + 1) * this.perturbNs;
    this.key = this.random.u32();
    if (!this.block.isEmpty || this.flows.isEmpty) return;
    const all = new SkbQueue();
    this.flows.takeAll(all);
    let lost = 0;
    let lostBytes = 0;
    for (let skb = all.shift(); skb !== null; skb = all.shift()) {
      const x = this.flows.slotFor(this.hash(skb));
      if (x >= 0 && this.flows.queues[x]!.qlen < this.maxDepth) {
        this.flows.push(x, skb, this.quantum);
        continue;
      }
      lost++;
      lostBytes += skb.len;
      this.dropNew(skb);
    }
    this.stats.qlen -= lost;
    this.stats.backlog -= lostBytes;
    if (lost > 0) this.reduceBacklogAbove(lost, lostBytes);
  }
}

/** The record of `sfq`. */
export const sfq: QdiscDef = {
  kind: "sfq",
  source: "net/sched/sch_sfq.c; tc-sfq(8)",
  params: [
    { key: "limit", unit: "number", min: 2, help: "packets queued at most; default 127" },
    { key: "perturb", unit: "number", help: "seconds after which flows are hashed anew; default never" },
    { key: "quantum", unit: "size", help: "bytes of one turn; default MTU and header" },
    { key: "divisor", unit: "number", help: "hash values, a power of two up to 65536; default 1024" },
    { key: "flows", unit: "number", help: "flows at most; default 128" },
    { key: "depth", unit: "number", help: "packets of one flow at most; default 127" },
    { key: "headdrop", unit: "flag", help: "a full flow drops its oldest packet" },
  ],
  refused: ["redflowlimit", "min", "max", "avpkt", "burst", "probability", "ecn", "harddrop"],
  style: {
    // tc's own texts name the wrong word for two of them
    illegal: (key, value) =>
      key === "limit" && /^[01]$/.test(value)
        ? 'Illegal "limit", must be > 1'
        : `Illegal "${key === "quantum" ? "limit" : key === "depth" ? "flows" : key}"`,
    unknown: (word) => `What is "${word}"?`,
  },
  usage:
    "Usage: ... sfq	[ limit NUMBER ] [ perturb SECS ] [ quantum BYTES ]\n" +
    "		[ divisor NUMBER ] [ flows NUMBER] [ depth NUMBER ]\n" +
    "		[ headdrop ]\n" +
    "		[ redflowlimit BYTES ] [ min BYTES ] [ max BYTES ]\n" +
    "		[ avpkt BYTES ] [ burst PACKETS ] [ probability P ]\n" +
    "		[ ecn ] [ harddrop ]\n",
  lazyOptions: true,
  check: () => [],
  create: (options, site) => new Sfq(options, site),
};
