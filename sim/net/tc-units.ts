/**
 * Numbers as tc reads and prints them.
 * @source iproute2 lib/utils_math.c get_rate64, get_size64, get_time; lib/json_print_math.c; tc/tc_core.c
 */

const RATE_SUFFIX: Readonly<Record<string, number>> = {
  "": 1,
  bit: 1,
  kibit: 1024,
  kbit: 1e3,
  mibit: 1024 ** 2,
  mbit: 1e6,
  gibit: 1024 ** 3,
  gbit: 1e9,
  tibit: 1024 ** 4,
  tbit: 1e12,
  bps: 8,
  kibps: 8 * 1024,
  kbps: 8e3,
  mibps: 8 * 1024 ** 2,
  mbps: 8e6,
  gibps: 8 * 1024 ** 3,
  gbps: 8e9,
  tibps: 8 * 1024 ** 4,
  tbps: 8e12,
};

const SIZE_SUFFIX: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1024,
  kb: 1024,
  m: 1024 ** 2,
  mb: 1024 ** 2,
  g: 1024 ** 3,
  gb: 1024 ** 3,
  kbit: 128,
  mbit: 1024 ** 2 / 8,
  gbit: 1024 ** 3 / 8,
};

const TIME_SUFFIX_NS: Readonly<Record<string, number>> = {
  s: 1e9,
  sec: 1e9,
  secs: 1e9,
  ms: 1e6,
  msec: 1e6,
  msecs: 1e6,
  us: 1e3,
  usec: 1e3,
  usecs: 1e3,
  ns: 1,
  nsec: 1,
  nsecs: 1,
};

/** Splits a number from its suffix; null when there is no number or it is negative. */
function numberAndSuffix(text: string): { readonly value: number; readonly suffix: string } | null {
  const m = /^(\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+)([a-z%]*)$/i.exec(text.trim());
  if (m === null) return null;
  return { value: Number(m[1]), suffix: m[2]!.toLowerCase() };
}

/** `100mbit` is bits, `100mbps` bytes per second. @returns bytes/s, a whole number, or null */
export function parseRate(text: string): number | null {
  const n = numberAndSuffix(text);
  const scale = n === null ? undefined : RATE_SUFFIX[n.suffix];
  return n === null || scale === undefined ? null : Math.floor((n.value * scale) / 8);
}

/** `32kbit` is 4096 bytes, `1m` 1048576. @returns bytes or null */
export function parseSize(text: string): number | null {
  const n = numberAndSuffix(text);
  const scale = n === null ? undefined : SIZE_SUFFIX[n.suffix];
  return n === null || scale === undefined ? null : Math.floor(n.value * scale);
}

/**
 * `50ms`.
 * @param bareNs what a number without a suffix counts, ns: 1000 for most of tc, 1 for netem
 * @returns ns, a whole number, or null
 */
export function parseTime(text: string, bareNs: number): number | null {
  const n = numberAndSuffix(text);
  if (n === null) return null;
  const scale = n.suffix === "" ? bareNs : TIME_SUFFIX_NS[n.suffix];
  return scale === undefined ? null : Math.round(n.value * scale);
}

/** `25%` or `0.25`. @returns a fraction of 2^32-1 as netlink carries it, or null */
export function parsePercent(text: string): number | null {
  const n = numberAndSuffix(text);
  if (n === null || (n.suffix !== "" && n.suffix !== "%")) return null;
  const fraction = n.suffix === "%" ? n.value / 100 : n.value;
  return fraction > 1 ? null : Math.round(fraction * 0xffffffff);
}

/** C's %g: six significant digits, no trailing zeros. */
function formatG(value: number, digits: number = 6): string {
  const s = value.toPrecision(digits);
  if (!s.includes("e")) return s.includes(".") ? s.replace(/\.?0+$/, "") : s;
  const [m, e] = s.split("e") as [string, string];
  const mantissa = m.includes(".") ? m.replace(/\.?0+$/, "") : m;
  const exp = Number(e);
  return `${mantissa}e${exp < 0 ? "-" : "+"}${String(Math.abs(exp)).padStart(2, "0")}`;
}

/** @param rate bytes/s */
export function formatRate(rate: number): string {
  const units = ["bit", "Kbit", "Mbit", "Gbit", "Tbit"];
  let bits = rate * 8;
  let i = 0;
  while (i < units.length - 1) {
    if (bits < 1000) break;
    if (bits % 1000 !== 0 && bits < 1000 * 1000) break;
    bits = Math.floor(bits / 1000);
    i++;
  }
  return `${bits}${units[i]!}`;
}

/** Bytes as `tc` prints sizes. */
export function formatSize(bytes: number): string {
  const k = 1024;
  const m = k * k;
  const g = m * k;
  if (bytes >= g && Math.abs(g * Math.round(bytes / g) - bytes) < 1024) return `${Math.round(bytes / g)}Gb`;
  if (bytes >= m && Math.abs(m * Math.round(bytes / m) - bytes) < 1024) return `${Math.round(bytes / m)}Mb`;
  if (bytes >= k && Math.abs(k * Math.round(bytes / k) - bytes) < 16) return `${Math.round(bytes / k)}Kb`;
  return `${bytes}b`;
}

/** sprint_time: microseconds, whole ones below a millisecond. */
export function formatTimeUs(us: number): string {
  if (us >= 1e6) return `${formatG(us / 1e6, 3)}s`;
  if (us >= 1e3) return `${formatG(us / 1e3, 3)}ms`;
  return `${Math.trunc(us)}us`;
}

/** sprint_time64: nanoseconds. */
export function formatTimeNs(ns: number): string {
  if (ns >= 1e9) return `${formatG(ns / 1e9, 3)}s`;
  if (ns >= 1e6) return `${formatG(ns / 1e6, 3)}ms`;
  if (ns >= 1e3) return `${formatG(ns / 1e3, 3)}us`;
  return `${ns}ns`;
}

/** @param p fraction of 2^32-1 */
export function formatPercent(p: number): string {
  return `${formatG((100 * p) / 0xffffffff)}%`;
}

/** psched tick: 64 ns. What netlink carries is rounded to it. */
const TICK_NS = 64;
/** 1000/64: what /proc/net/psched tells tc. */
const TICKS_PER_US = 15.625;

/** enum tc_link_layer, by tc's words. */
export const LINKLAYERS: Readonly<Record<string, number>> = { ethernet: 1, atm: 2, adsl: 2 };
const LINKLAYER_ATM = 2;

/** sprint_linklayer */
export function linklayerName(linklayer: number): string {
  return linklayer === LINKLAYER_ATM ? "atm" : "ethernet";
}

/** What tc's `overhead`, `mpu` and `linklayer` add to a rate (struct tc_ratespec). */
export interface RateTerms {
  /** Bytes added to every packet. */
  readonly overhead: number;
  /** A packet counts as this many bytes at least. */
  readonly mpu: number;
  /** One of LINKLAYERS. */
  readonly linklayer: number;
}

/** No additions. */
export const PLAIN_RATE: RateTerms = { overhead: 0, mpu: 0, linklayer: 1 };

/**
 * struct psched_ratecfg: transmission time by multiply and shift, exactly as the kernel computes it.
 * @source net/sched/sch_generic.c psched_ratecfg_precompute; include/net/sch_generic.h psched_l2t_ns
 */
export class RateConfig {
  readonly rateBytes: number;
  readonly overhead: number;
  readonly mpu: number;
  readonly linklayer: number;
  private readonly mult: number;
  private readonly scale: number;

  /** @param rateBytes bytes per second, positive */
  constructor(rateBytes: number, terms: RateTerms = PLAIN_RATE) {
    this.rateBytes = rateBytes;
    this.overhead = terms.overhead;
    this.mpu = terms.mpu;
    this.linklayer = terms.linklayer;
    const rate = BigInt(rateBytes);
    let factor = 1_000_000_000n;
    let shift = 0;
    let mult = 1n;
    for (;;) {
      mult = factor / rate;
      if ((mult & (1n << 31n)) !== 0n || (factor & (1n << 63n)) !== 0n) break;
      factor <<= 1n;
      shift++;
    }
    this.mult = Number(mult);
    this.scale = 2 ** shift;
  }

  /** psched_l2t_ns. @param len bytes, below 2^20 so that the product is exact */
  lenToNs(len: number): number {
    let size = len + this.overhead;
    if (size < this.mpu) size = this.mpu;
    if (this.linklayer === LINKLAYER_ATM) size = Math.ceil(size / 48) * 53;
    return Math.floor((size * this.mult) / this.scale);
  }
}

/**
 * The depth of a bucket as tc sends it: the time that so many bytes take, in whole microseconds, in ticks.
 * @returns ns
 * @source iproute2 tc/tc_core.c tc_calc_xmittime, tc_core_time2tick; include/net/pkt_sched.h PSCHED_TICKS2NS
 */
export function bufferFromBytes(rateBytes: number, bytes: number): number {
  const us = Math.floor(1e6 * (bytes / rateBytes));
  return Math.floor(us * TICKS_PER_US) * TICK_NS;
}

/** PSCHED_NS2TICKS, also of negative times. */
export function nsToTicks(ns: number): number {
  return Math.floor(ns / TICK_NS);
}

/** What comes back of a buffer that went through netlink in ticks: tc_calc_xmitsize of PSCHED_NS2TICKS. @returns bytes */
export function burstFromNs(rateBytes: number, bufferNs: number): number {
  return Math.floor((rateBytes * bufferTimeUs(bufferNs)) / 1e6);
}

/** tc_core_tick2time of PSCHED_NS2TICKS. @returns whole microseconds */
export function bufferTimeUs(bufferNs: number): number {
  return Math.floor(nsToTicks(bufferNs) / TICKS_PER_US);
}
