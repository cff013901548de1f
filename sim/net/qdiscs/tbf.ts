/** Token bucket filter. @source net/sched/sch_tbf.c; iproute2 tc/q_tbf.c */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import { NET_XMIT_STOLEN, NET_XMIT_SUCCESS } from "../netdev.ts";
import type { Skb } from "../skb.ts";
import {
  bufferTimeUs,
  burstFromNs,
  formatRate,
  formatSize,
  formatTimeUs,
  LINKLAYERS,
  linklayerName,
  RateConfig,
} from "../tc-units.ts";
import type { QdiscBase, QdiscDef, QdiscSite } from "./base.ts";
import { ClassfulQdisc, QdiscClass } from "./classful.ts";
import { Fifo } from "./fifo.ts";
import { Noop } from "./noop.ts";
import { num, type QdiscOptions } from "./params.ts";

/** The one class; whatever minor number is asked for means it (tbf_find). */
class TbfClass extends QdiscClass {
  private readonly qdisc: Tbf;
  override child: QdiscBase;

  constructor(qdisc: Tbf, child: QdiscBase) {
    super((qdisc.handle + 1) >>> 0);
    this.qdisc = qdisc;
    this.child = child;
  }
  override get parent(): number {
    return this.qdisc.handle;
  }
  override graft(child: QdiscBase | null): QdiscBase {
    const old = this.child;
    const { dev, txq } = this.qdisc;
    this.child = child ?? new Noop({ dev, txq, parent: this.classid, upper: this.qdisc });
    old.purgeQueue();
    return old;
  }
}

class Tbf extends ClassfulQdisc {
  private rate: RateConfig;
  private peak: RateConfig | null = null;
  /** Bucket depth, ns of transmission at the rate. */
  private bufferNs: number = 0;
  /** Depth of the peak bucket, ns. */
  private mtuNs: number = 0;
  /** Larger packets can never pass. */
  private maxBytes: number = 0;
  private limitBytes: number = 0;
  private tokensNs: number = 0;
  private peakTokensNs: number = 0;
  /** Time of the last update of the buckets. */
  private checkpointNs: number;
  private readonly cl: TbfClass;

  constructor(options: QdiscOptions, site: QdiscSite) {
    super("tbf", site, false);
    this.rate = new RateConfig(1);
    this.checkpointNs = this.nowNs();
    this.apply(options);
    // without a limit there is no queue yet (tbf_change)
    this.cl = new TbfClass(this, this.newFifo());
    if (this.limitBytes === 0) this.cl.graft(null);
  }

  override enqueue(skb: Skb): number {
    if (skb.len > this.maxBytes) return this.dropNew(skb, SKB_DROP_REASON.QDISC_DROP);
    const len = skb.len;
    const rc = this.cl.child.enqueue(skb);
    if (rc === NET_XMIT_SUCCESS) {
      this.stats.qlen++;
      this.stats.backlog += len;
    } else if ((rc & NET_XMIT_STOLEN) === 0) this.stats.drops++;
    return rc;
  }

  override dequeue(): Skb | null {
    const next = this.cl.child.peek();
    if (next === null) return null;
    const now = this.nowNs();
    const elapsed = Math.min(now - this.checkpointNs, this.bufferNs);
    let peakTokens = 0;
    if (this.peak !== null) {
      peakTokens = Math.min(elapsed + this.peakTokensNs, this.mtuNs) - this.peak.lenToNs(next.len);
    }
    const tokens = Math.min(elapsed + this.tokensNs, this.bufferNs) - this.rate.lenToNs(next.len);
    if (tokens >= 0 && peakTokens >= 0) {
      const skb = this.cl.child.dequeuePeeked();
      if (skb === null) return null;
      this.checkpointNs = now;
      this.tokensNs = tokens;
      this.peakTokensNs = peakTokens;
      this.sent(skb);
      return skb;
    }
    this.watchdog(now + Math.max(-tokens, -peakTokens));
    this.stats.overlimits++;
    return null;
  }

  protected override onReset(): void {
    this.cl.child.reset();
    this.checkpointNs = this.nowNs();
    this.tokensNs = this.bufferNs;
    this.peakTokensNs = this.mtuNs;
  }

  /** tbf_change: a FIFO below gets the new limit, a missing one is made. */
  override change(options: QdiscOptions): void {
    this.apply(options);
    const { child } = this.cl;
    if (child instanceof Fifo) child.setLimit(this.limitBytes);
    else if (child.kind === "noop" && this.limitBytes > 0) this.cl.graft(this.newFifo());
  }

  override classes(): readonly QdiscClass[] {
    return [this.cl];
  }

  override findClass(): QdiscClass {
    return this.cl;
  }

  override printOptions(details: boolean = false): string {
    const burst = formatSize(burstFromNs(this.rate.rateBytes, this.bufferNs));
    const { rateBytes, mpu, overhead, linklayer } = this.rate;
    // the kernel has not used cells for long
    const depth = details ? `${burst}/1 mpu ${formatSize(mpu)}` : burst;
    const peak = this.peak === null ? "" : this.printPeak(this.peak, details);
    const lat = this.latencyUs();
    const wait = lat >= 0 ? `lat ${formatTimeUs(lat)} ` : `limit ${formatSize(this.limitBytes)} `;
    const extra = overhead > 0 ? `overhead ${overhead} ` : "";
    const layer = details || linklayer > 1 ? `linklayer ${linklayerName(linklayer)} ` : "";
    return `rate ${formatRate(rateBytes)} burst ${depth} ${peak}${wait}${extra}${layer}`;
  }

  private printPeak(peak: RateConfig, details: boolean): string {
    const size = formatSize(burstFromNs(peak.rateBytes, this.mtuNs));
    const depth = details ? `mtu ${size}/1 mpu ${formatSize(peak.mpu)}` : `minburst ${size}`;
    return `peakrate ${formatRate(peak.rateBytes)} ${depth} `;
  }

  override jsonOptions(details: boolean = false): Record<string, unknown> {
    const { rateBytes, mpu, overhead, linklayer } = this.rate;
    const burst = burstFromNs(rateBytes, this.bufferNs);
    const peak = this.peak === null ? 0 : burstFromNs(this.peak.rateBytes, this.mtuNs);
    const lat = this.latencyUs();
    return {
      rate: rateBytes,
      ...(details ? { burst: `${formatSize(burst)}/1`, mpu } : { burst }),
      ...(peak === 0 ? {} : details ? { mtu: `${formatSize(peak)}/1`, mpu } : { minburst: peak }),
      ...(lat >= 0 ? { lat: Math.trunc(lat) } : { limit: this.limitBytes }),
      ...(overhead > 0 ? { overhead } : {}),
      ...(details || linklayer > 1 ? { linklayer: linklayerName(linklayer) } : {}),
    };
  }

  private latencyUs(): number {
    const atRate = (1e6 * this.limitBytes) / this.rate.rateBytes - bufferTimeUs(this.bufferNs);
    if (this.peak === null) return atRate;
    return Math.max(atRate, (1e6 * this.limitBytes) / this.peak.rateBytes - bufferTimeUs(this.mtuNs));
  }

  /** tbf_change, with what tc computed before. */
  private apply(options: QdiscOptions): void {
    const rateBytes = num(options, "rate", 1);
    const burst = num(options, "burst", 0);
    const peakRate = num(options, "peakrate", 0);
    const mtu = num(options, "mtu", 0);
    const terms = {
      overhead: num(options, "overhead", 0),
      mpu: num(options, "mpu", 0),
      linklayer: num(options, "linklayer", LINKLAYERS.ethernet!),
    };
    this.rate = new RateConfig(rateBytes, terms);
    this.bufferNs = this.rate.lenToNs(burst);
    this.maxBytes = burst;
    this.peak = peakRate > 0 ? new RateConfig(peakRate, terms) : null;
    if (this.peak !== null) {
      this.mtuNs = this.peak.lenToNs(mtu);
      this.maxBytes = Math.min(this.maxBytes, mtu);
    }
    const latencyNs = num(options, "latency", -1);
    if (latencyNs >= 0) {
      let limit = (rateBytes * (latencyNs / 1000)) / 1e6 + burst;
      if (peakRate > 0) limit = Math.min(limit, (peakRate * (latencyNs / 1000)) / 1e6 + mtu);
      this.limitBytes = Math.floor(limit);
    } else this.limitBytes = num(options, "limit", 0);
    this.tokensNs = this.bufferNs;
    this.peakTokensNs = this.mtuNs;
  }

  private newFifo(): Fifo {
    return new Fifo("bfifo", this.limitBytes, this.siteOf((this.handle + 1) >>> 0));
  }
}

/** The record of `tbf`. */
export const tbf: QdiscDef = {
  kind: "tbf",
  source: "net/sched/sch_tbf.c; tc-tbf(8)",
  params: [
    { key: "rate", unit: "rate", help: "bytes per second on average" },
    {
      key: "burst",
      aliases: ["buffer", "maxburst"],
      abbrev: true,
      unit: "size/cell",
      help: "depth of the bucket, bytes",
    },
    { key: "limit", abbrev: true, unit: "size", help: "bytes that may wait for tokens" },
    { key: "latency", abbrev: true, unit: "time", help: "time a packet may wait at most; the other way to say limit" },
    { key: "peakrate", abbrev: true, unit: "rate", help: "bytes per second of a second bucket" },
    { key: "mtu", aliases: ["minburst"], unit: "size/cell", help: "depth of the peak rate's bucket, bytes" },
    { key: "mpu", unit: "size", help: "a packet counts as this many bytes at least" },
    { key: "overhead", abbrev: true, unit: "number", help: "bytes added to every packet" },
    { key: "linklayer", abbrev: true, unit: "word", words: LINKLAYERS, help: "ethernet or atm (cells of 53 bytes)" },
  ],
  style: { illegal: (key, value) => `tbf: illegal value for "${key}": "${value}"` },
  usage:
    "Usage: ... tbf limit BYTES burst BYTES[/BYTES] rate KBPS [ mtu BYTES[/BYTES] ]\n" +
    "\t[ peakrate KBPS ] [ latency TIME ] [ overhead BYTES ] [ linklayer TYPE ]\n",
  check(options) {
    const errors: string[] = [];
    if (options.rate === undefined) errors.push('tbf: the "rate" parameter is mandatory.');
    if (options.burst === undefined) errors.push('tbf: the "burst" parameter is mandatory.');
    if (options.peakrate !== undefined && options.mtu === undefined) {
      errors.push('tbf: when "peakrate" is specified, "mtu" must also be specified.');
    }
    if (options.limit === undefined && options.latency === undefined) {
      errors.push('tbf: either "limit" or "latency" is required.');
    } else if (options.limit !== undefined && options.latency !== undefined) {
      errors.push('tbf: specifying both "latency" and "limit" is not allowed.');
    }
    return errors;
  },
  create: (options, site) => new Tbf(options, site),
};
