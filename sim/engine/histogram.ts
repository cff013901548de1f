/**
 * Distributions of times: an HDR histogram with three significant digits, exact count, minimum, maximum and mean. Only additions and
 * comparisons of integers decide a result, so that it is the same on every platform.
 */
import { createRequire } from "node:module";

/** The part of the library's class that is used. */
interface HdrHistogram {
  autoResize: boolean;
  recordValue(value: number): void;
  getValueAtPercentile(percentile: number): number;
}

type HdrConstructor = new (low: number, high: number, digits: number) => HdrHistogram;

// The library is CommonJS, and its index loads its WebAssembly variant, too: this one class is a tenth of that.
const { default: Int32Histogram } = createRequire(import.meta.url)("hdr-histogram-js/dist/Int32Histogram.js") as {
  readonly default: HdrConstructor;
};

/** Covered at first, ns; the histogram doubles when a larger time comes. */
const FIRST_RANGE_NS = 2 ** 24;
const DIGITS = 3;

/** What reports print of a distribution; ns. All 0 when count is 0. */
export interface LatencySummary {
  readonly count: number;
  readonly minNs: number;
  readonly meanNs: number;
  readonly p50Ns: number;
  readonly p90Ns: number;
  readonly p99Ns: number;
  readonly maxNs: number;
}

/** A growing set of times. */
export class LatencyHistogram {
  /** Times recorded. */
  count: number = 0;
  minNs: number = 0;
  maxNs: number = 0;
  private sumNs: number = 0;
  private hdr: HdrHistogram | null = null;

  /**
   * Adds one time.
   * @unit ns: 0 or more; fractions are rounded down
   */
  record(ns: number): void {
    const whole = Math.floor(ns);
    if (this.hdr === null) this.hdr = createHdr();
    this.hdr.recordValue(whole);
    if (this.count === 0 || whole < this.minNs) this.minNs = whole;
    if (whole > this.maxNs) this.maxNs = whole;
    this.sumNs += whole;
    this.count++;
  }

  /** Arithmetic mean, ns; 0 when empty. */
  get meanNs(): number {
    return this.count === 0 ? 0 : this.sumNs / this.count;
  }

  /**
   * The time that `percent` of all times do not exceed, to three digits and never beyond the largest.
   * @param percent 0 < percent <= 100
   */
  percentileNs(percent: number): number {
    if (this.hdr === null) return 0;
    return Math.max(this.minNs, Math.min(this.maxNs, this.hdr.getValueAtPercentile(percent)));
  }

  /** The figures that reports print. */
  summary(): LatencySummary {
    return {
      count: this.count,
      minNs: this.minNs,
      meanNs: this.meanNs,
      p50Ns: this.percentileNs(50),
      p90Ns: this.percentileNs(90),
      p99Ns: this.percentileNs(99),
      maxNs: this.maxNs,
    };
  }
}

function createHdr(): HdrHistogram {
  const hdr = new Int32Histogram(1, FIRST_RANGE_NS, DIGITS);
  hdr.autoResize = true;
  return hdr;
}
