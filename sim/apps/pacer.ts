/** When the next packet goes: even or exponential gaps, by packets or by bits per second. */
import type { RandomStream } from "../engine/streams.ts";
import type { SendRate } from "./traffic.ts";

export class Pacer {
  private readonly startNs: number;
  private readonly nsPerUnit: number;
  private readonly byBits: boolean;
  private readonly random: RandomStream | null;
  /** Packets or bits sent, for even gaps: times are products, so that they do not drift. */
  private units: number = 0;
  /** Time so far, for exponential gaps; fractions are kept. */
  private atNs: number;

  /**
   * @param random for exponential gaps; null for even ones
   * @unit startNs: ns; may have a fraction
   */
  constructor(rate: SendRate, startNs: number, random: RandomStream | null) {
    this.startNs = startNs;
    this.byBits = "bps" in rate;
    this.nsPerUnit = 1e9 / ("bps" in rate ? rate.bps : rate.pps);
    this.random = random;
    this.atNs = startNs;
  }

  /** Time of the first packet, a whole number of ns: the start for even gaps, a random gap later otherwise. @param bytes its size */
  firstNs(bytes: number): number {
    if (this.random === null) return Math.floor(this.startNs);
    this.atNs = this.startNs + this.random.exponential(this.gapNs(bytes));
    return Math.floor(this.atNs);
  }

  /** Time of the packet after one of so many bytes, a whole number of ns. */
  nextNs(bytes: number): number {
    if (this.random === null) {
      this.units += this.byBits ? bytes * 8 : 1;
      return Math.floor(this.startNs + this.units * this.nsPerUnit);
    }
    this.atNs += this.random.exponential(this.gapNs(bytes));
    return Math.floor(this.atNs);
  }

  /** Mean time that a packet of that size takes up, ns. */
  gapNs(bytes: number): number {
    return this.nsPerUnit * (this.byBits ? bytes * 8 : 1);
  }
}
