/** Network emulator: delay, loss, duplication, corruption, reordering, rate. @source net/sched/sch_netem.c; iproute2 tc/q_netem.c */
import { NETSIM_REASON, SKB_DROP_REASON } from "../drop-reason.ts";
import { skbChecksumHelp } from "../ip/skb-csum.ts";
import { NET_XMIT_SUCCESS } from "../netdev.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import { Prandom } from "../prandom.ts";
import { CHECKSUM_PARTIAL, type Skb, SkbQueue } from "../skb.ts";
import { formatPercent, formatRate, formatTimeNs } from "../tc-units.ts";
import { QdiscBase, type QdiscDef, type QdiscSite } from "./base.ts";
import { num, type QdiscOptions } from "./params.ts";
import { TimeFifo } from "./time-fifo.ts";

/** crndstate: a random number that leans on the one before. */
class Correlated {
  private readonly rho: number;
  private last: number;
  private readonly prng: Prandom;
  constructor(rho: number, prng: Prandom) {
    this.rho = rho;
    this.prng = prng;
    this.last = rho === 0 ? 0 : prng.u32();
  }

  /** get_crandom: (value * (2^32 - rho) + last * rho) >> 32, exact by 16-bit halves. */
  next(): number {
    const value = this.prng.u32();
    if (this.rho === 0) return value;
    const rho = this.rho + 1;
    const rest = 4294967296 - rho;
    const high = value * Math.floor(rest / 65536) + this.last * Math.floor(rho / 65536);
    const low = value * (rest % 65536) + this.last * (rho % 65536);
    this.last = Math.floor((high + Math.floor(low / 65536)) / 65536);
    return this.last;
  }
}

class Netem extends QdiscBase {
  private options: QdiscOptions;
  private readonly queue: TimeFifo = new TimeFifo();
  /** Reordered packets: go out at once. */
  private readonly immediate: SkbQueue = new SkbQueue();
  private readonly seed: number;
  private readonly prng: Prandom;
  private limit: number = 1000;
  private latencyNs: number = 0;
  private jitterNs: number = 0;
  private rateBytes: number = 0;
  private gap: number = 0;
  private counter: number = 0;
  private loss: number = 0;
  private duplicate: number = 0;
  private corrupt: number = 0;
  private reorder: number = 0;
  private delayCor!: Correlated;
  private lossCor!: Correlated;
  private dupCor!: Correlated;
  private corruptCor!: Correlated;
  private reorderCor!: Correlated;
  /** Guards against duplicating a duplicate. */
  private duplicating: boolean = false;

  constructor(options: QdiscOptions, site: QdiscSite) {
    super("netem", site, false);
    const { dev } = site;
    this.seed = num(options, "seed", -1);
    const drawn = dev.host.kernel.streams.stream(`netem ${dev.label} ${site.handle}`).u32();
    this.prng = new Prandom(this.seed >= 0 ? this.seed : drawn);
    this.options = options;
    this.apply(options);
  }

  override enqueue(skb: Skb): number {
    const kernel = this.dev.host.kernel;
    let count = 1;
    if (this.duplicate > 0 && !this.duplicating && this.duplicate >= this.dupCor.next()) count++;
    if (this.loss > 0 && this.loss >= this.lossCor.next()) count--;
    if (count === 0) {
      this.stats.drops++;
      kernel.kfreeSkb(skb, this.dev, NETSIM_REASON.NETEM_LOSS);
      return NET_XMIT_SUCCESS;
    }
    if (count > 1) this.enqueueDuplicate(skb);
    if (this.corrupt > 0 && this.corrupt >= this.corruptCor.next()) {
      // a sum that the device would fill in is filled in first, so that the damage shows
      if (skb.ipSummed === CHECKSUM_PARTIAL) skbChecksumHelp(kernel, skb);
      kernel.arena.u8[skb.data + (this.prng.u32() % skb.len)]! ^= 1 << (this.prng.u32() % 8);
    }
    if (this.stats.qlen >= this.limit) return this.dropNew(skb, SKB_DROP_REASON.QDISC_OVERLIMIT);
    this.queued(skb);
    if (this.gap === 0 || this.counter < this.gap - 1 || this.reorder < this.reorderCor.next()) {
      skb.queueNs = this.timeToSend(skb);
      this.counter++;
      this.queue.push(skb);
    } else {
      skb.queueNs = this.nowNs();
      this.counter = 0;
      this.immediate.push(skb);
      this.stats.requeues++;
    }
    return NET_XMIT_SUCCESS;
  }

  override dequeue(): Skb | null {
    let skb = this.immediate.shift();
    if (skb === null) {
      const next = this.queue.peek();
      if (next === null) return null;
      if (next.queueNs > this.nowNs()) {
        this.watchdog(next.queueNs);
        return null;
      }
      skb = this.queue.shift()!;
    }
    this.sent(skb);
    return skb;
  }

  protected override onReset(): void {
    for (let skb = this.immediate.shift(); skb !== null; skb = this.immediate.shift()) this.purge(skb);
    for (let skb = this.queue.shift(); skb !== null; skb = this.queue.shift()) this.purge(skb);
  }

  override change(options: QdiscOptions): void {
    this.options = options;
    this.apply(options);
  }

  override printOptions(): string {
    const o = this.options;
    const corr = (key: string): string => (num(o, key, 0) > 0 ? ` ${formatPercent(num(o, key, 0))}` : "");
    let s = `limit ${this.limit}`;
    if (this.latencyNs > 0) {
      s += ` delay ${formatTimeNs(this.latencyNs)}`;
      if (this.jitterNs > 0) s += `  ${formatTimeNs(this.jitterNs)}${corr("delay_corr")}`;
    }
    if (this.loss > 0) s += ` loss ${formatPercent(this.loss)}${corr("loss_corr")}`;
    if (this.duplicate > 0) s += ` duplicate ${formatPercent(this.duplicate)}${corr("duplicate_corr")}`;
    if (this.reorder > 0) s += ` reorder ${formatPercent(this.reorder)}${corr("reorder_corr")}`;
    if (this.corrupt > 0) s += ` corrupt ${formatPercent(this.corrupt)}${corr("corrupt_corr")}`;
    if (this.rateBytes > 0) s += ` rate ${formatRate(this.rateBytes)}`;
    if (this.seed >= 0) s += ` seed ${this.seed}`;
    if (this.gap > 0) s += ` gap ${this.gap}`;
    return s;
  }

  override jsonOptions(): Record<string, unknown> {
    const o = this.options;
    const corr = (key: string): number => num(o, key, 0) / 0xffffffff;
    const json: Record<string, unknown> = { limit: this.limit };
    if (this.latencyNs > 0) {
      const jitter = this.jitterNs / 1e9;
      json.delay = { delay: this.latencyNs / 1e9, jitter, correlation: jitter > 0 ? corr("delay_corr") : 0 };
    }
    if (this.loss > 0) json["loss-random"] = { loss: this.loss / 0xffffffff, correlation: corr("loss_corr") };
    if (this.duplicate > 0)
      json.duplicate = { duplicate: this.duplicate / 0xffffffff, correlation: corr("duplicate_corr") };
    if (this.reorder > 0) json.reorder = { reorder: this.reorder / 0xffffffff, correlation: corr("reorder_corr") };
    if (this.corrupt > 0) json.corrupt = { corrupt: this.corrupt / 0xffffffff, correlation: corr("corrupt_corr") };
    if (this.rateBytes > 0) json.rate = { rate: this.rateBytes, packetoverhead: 0, cellsize: 0, celloverhead: 0 };
    if (this.seed >= 0) json.seed = this.seed;
    json.ecn = false;
    json.gap = this.gap;
    return json;
  }

  /** Delay by latency and jitter; with a rate, after the last packet that waits. */
  private timeToSend(skb: Skb): number {
    let delay = this.latencyNs;
    if (this.jitterNs > 0) delay += (this.delayCor.next() % (2 * this.jitterNs)) - this.jitterNs;
    let from = this.nowNs();
    if (this.rateBytes > 0) {
      const last = this.queue.last();
      if (last !== null) {
        delay = Math.max(0, delay - (last.queueNs - from));
        from = last.queueNs;
      }
      delay += Math.floor((skb.len * 1e9) / this.rateBytes);
    }
    return from + delay;
  }

  private enqueueDuplicate(skb: Skb): void {
    const kernel = this.dev.host.kernel;
    const copy = kernel.pool.clone(skb, kernel.engine.nowNs);
    if (copy === null) return;
    this.duplicating = true;
    this.txq.qdisc!.enqueue(copy);
    this.duplicating = false;
  }

  private apply(options: QdiscOptions): void {
    this.limit = num(options, "limit", 1000);
    this.latencyNs = num(options, "delay", 0);
    this.jitterNs = num(options, "delay_jitter", 0);
    this.rateBytes = num(options, "rate", 0);
    this.loss = num(options, "loss", 0);
    this.duplicate = num(options, "duplicate", 0);
    this.corrupt = num(options, "corrupt", 0);
    this.reorder = num(options, "reorder", 0);
    this.gap = num(options, "gap", this.reorder > 0 ? 1 : 0);
    if (this.gap > 0 && this.reorder === 0) this.reorder = 0xffffffff;
    if (this.jitterNs > 0x7fffffff) throw new NetlinkError(ERRNO.EINVAL);
    this.counter = 0;
    this.delayCor = new Correlated(num(options, "delay_corr", 0), this.prng);
    this.lossCor = new Correlated(num(options, "loss_corr", 0), this.prng);
    this.dupCor = new Correlated(num(options, "duplicate_corr", 0), this.prng);
    this.corruptCor = new Correlated(num(options, "corrupt_corr", 0), this.prng);
    this.reorderCor = new Correlated(num(options, "reorder_corr", 0), this.prng);
  }
}

function withCorrelation(key: string, help: string): QdiscDef["params"][number] {
  return { key, unit: "percent", help, more: [{ key: `${key}_corr`, unit: "percent" }] };
}

/** The record of `netem`. */
export const netem: QdiscDef = {
  kind: "netem",
  style: { illegal: (key) => `Illegal "${key}"`, unknown: (word) => `What is "${word}"?` },
  source: "net/sched/sch_netem.c; tc-netem(8)",
  params: [
    { key: "limit", unit: "packets", help: "packets queued at most; default 1000" },
    {
      key: "delay",
      aliases: ["latency"],
      unit: "time_ns",
      help: "delay of every packet, with jitter (uniform) and its correlation",
      more: [
        { key: "delay_jitter", unit: "time_ns" },
        { key: "delay_corr", unit: "percent" },
      ],
    },
    { ...withCorrelation("loss", "share of packets lost, independently or correlated"), skip: "random" },
    withCorrelation("duplicate", "share of packets sent twice"),
    withCorrelation("corrupt", "share of packets with one bit flipped"),
    withCorrelation("reorder", "share of packets sent at once while others are delayed"),
    { key: "gap", unit: "number", help: "every Nth packet is a candidate for reordering" },
    { key: "rate", unit: "rate", help: "bytes per second: packets wait for those before them" },
    { key: "seed", unit: "number", help: "seed of the kernel's generator; drawn from the lab's seed when absent" },
  ],
  refused: ["distribution", "slot", "ecn", "state", "gemodel"],
  usage:
    "Usage: ... netem [ limit PACKETS ]\n" +
    "                 [ delay TIME [ JITTER [CORRELATION]]]\n" +
    "                 [ distribution {uniform|normal|pareto|paretonormal} ]\n" +
    "                 [ corrupt PERCENT [CORRELATION]]\n" +
    "                 [ duplicate PERCENT [CORRELATION]]\n" +
    "                 [ loss random PERCENT [CORRELATION]]\n" +
    "                 [ reorder PERCENT [CORRELATION] [ gap DISTANCE ]]\n" +
    "                 [ rate RATE [PACKETOVERHEAD] [CELLSIZE] [CELLOVERHEAD]]\n" +
    "                 [ seed SEED ]\n",
  check(options) {
    if (num(options, "reorder", 0) > 0 && num(options, "delay", 0) === 0) {
      return ["reordering not possible without specifying some delay"];
    }
    return [];
  },
  create: (options, site) => new Netem(options, site),
};
