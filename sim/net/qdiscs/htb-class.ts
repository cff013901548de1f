/**
 * A class of htb: its two token buckets, its place in the hierarchy, and the feeds through which inner classes serve their children.
 * @source net/sched/sch_htb.c struct htb_class, htb_class_mode, htb_accnt_tokens, htb_accnt_ctokens; iproute2 tc/q_htb.c
 */
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import { QdiscStats } from "../qdisc.ts";
import {
  bufferFromBytes,
  burstFromNs,
  formatRate,
  formatSize,
  LINKLAYERS,
  linklayerName,
  nsToTicks,
  RateConfig,
} from "../tc-units.ts";
import { type QdiscBase, TC_H_ROOT } from "./base.ts";
import { QdiscClass } from "./classful.ts";
import { num, type QdiscOptions } from "./params.ts";

/** TC_HTB_MAXDEPTH: leaves have level 0, classes below the qdisc that have children have 7. */
export const HTB_MAX_DEPTH = 8;
/** TC_HTB_NUMPRIO. */
export const HTB_PRIOS = 8;
/** mbuffer: no bucket is in debt for longer, ns. */
const MAX_WAIT_NS = 60e9;
const INT_MAX = 0x7fffffff;

/** enum htb_cmode. */
export const HTB_CANT_SEND = 0;
export const HTB_MAY_BORROW = 1;
export const HTB_CAN_SEND = 2;

/** struct htb_prio: the classes that a row or an inner class serves at one priority, by class id, and whose turn it is. */
export class HtbFeed {
  private readonly list: HtbClass[] = [];
  /** null: at the end, or forgotten; then lastId may know where it was. */
  ptr: HtbClass | null = null;
  lastId: number = 0;

  get isEmpty(): boolean {
    return this.list.length === 0;
  }
  get first(): HtbClass | null {
    return this.list[0] ?? null;
  }
  add(cl: HtbClass): void {
    this.list.splice(this.lowerBound(cl.classid), 0, cl);
  }
  remove(cl: HtbClass): void {
    const i = this.lowerBound(cl.classid);
    if (this.list[i] === cl) this.list.splice(i, 1);
  }
  /** htb_next_rb_node */
  advance(): void {
    if (this.ptr !== null) this.ptr = this.list[this.lowerBound(this.ptr.classid) + 1] ?? null;
  }
  /** htb_id_find_next_upper: the pointer is the class of that id, or the next one. */
  recover(): void {
    if (this.ptr === null && this.lastId !== 0) this.ptr = this.list[this.lowerBound(this.lastId)] ?? null;
    this.lastId = 0;
  }
  clear(): void {
    this.list.length = 0;
    this.ptr = null;
    this.lastId = 0;
  }

  private lowerBound(classid: number): number {
    let low = 0;
    let high = this.list.length;
    while (low < high) {
      const mid = (low + high) >>> 1;
      if (this.list[mid]!.classid < classid) low = mid + 1;
      else high = mid;
    }
    return low;
  }
}

/** One feed for each priority. */
export function htbFeeds(): readonly HtbFeed[] {
  return Array.from({ length: HTB_PRIOS }, () => new HtbFeed());
}

/** What a class asks of its qdisc. */
export interface HtbOwner {
  nowNs(): number;
  readonly rate2quantum: number;
  /** qdisc_create_dflt: the FIFO of a leaf. */
  newLeafQueue(classid: number): QdiscBase;
  /** htb_deactivate */
  deactivate(cl: HtbClass): void;
}

/** struct htb_class. */
export class HtbClass extends QdiscClass {
  readonly owner: HtbOwner;
  readonly above: HtbClass | null;
  children: number = 0;
  level: number = 0;
  prio: number = 0;
  quantum: number = 0;
  rate: RateConfig = new RateConfig(1);
  ceil: RateConfig = new RateConfig(1);
  /** Depths of the buckets, ns. */
  bufferNs: number = 0;
  cbufferNs: number = 0;
  /** What is in them, ns of transmission. */
  tokensNs: number;
  ctokensNs: number;
  /** t_c: time of the last update. */
  checkpointNs: number;
  mode: number = HTB_CAN_SEND;
  /** pq_key: when it changes its mode; -1 while it does not wait. */
  wakeNs: number = -1;
  /** Bits of the priorities at which it has something to send. */
  activity: number = 0;
  /** Leaf: bytes left of its turn, by the level at which it is served. */
  readonly deficit: Float64Array = new Float64Array(HTB_MAX_DEPTH);
  /** Inner: its children that borrow. */
  readonly feeds: readonly HtbFeed[] = htbFeeds();
  private readonly counted: QdiscStats = new QdiscStats();
  lends: number = 0;
  borrows: number = 0;

  constructor(owner: HtbOwner, classid: number, above: HtbClass | null, options: QdiscOptions, nowNs: number) {
    super(classid);
    this.owner = owner;
    this.above = above;
    this.child = owner.newLeafQueue(classid);
    this.checkpointNs = nowNs;
    this.configure(options);
    this.tokensNs = this.bufferNs;
    this.ctokensNs = this.cbufferNs;
  }

  override get parent(): number {
    return this.above?.classid ?? TC_H_ROOT;
  }

  /** htb_graft */
  override graft(child: QdiscBase | null): QdiscBase {
    const old = this.child;
    if (this.level > 0 || old === null) throw new NetlinkError(ERRNO.EINVAL);
    this.child = child ?? this.owner.newLeafQueue(this.classid);
    old.purgeQueue();
    return old;
  }

  /** htb_qlen_notify */
  override qlenNotify(): void {
    this.owner.deactivate(this);
  }

  /** The parameters (htb_change_class, with what tc computed before). @returns the kernel's warning about the quantum, or "" */
  configure(options: QdiscOptions): string {
    const rateBytes = num(options, "rate", 0);
    const ceilBytes = num(options, "ceil", 0) || rateBytes;
    const terms = {
      overhead: num(options, "overhead", 0),
      mpu: num(options, "mpu", 0),
      linklayer: num(options, "linklayer", LINKLAYERS.ethernet!),
    };
    // tc: rate / HZ of the clock, which counts nanoseconds, and a packet
    const spare = num(options, "mtu", 1600);
    const burst = num(options, "burst", 0) || Math.floor(rateBytes / 1e9) + spare;
    const cburst = num(options, "cburst", 0) || Math.floor(ceilBytes / 1e9) + spare;
    this.rate = new RateConfig(rateBytes, terms);
    this.ceil = new RateConfig(ceilBytes, terms);
    this.bufferNs = bufferFromBytes(rateBytes, burst);
    this.cbufferNs = bufferFromBytes(ceilBytes, cburst);
    return this.level > 0 ? "" : this.configureLeaf(options);
  }

  private configureLeaf(options: QdiscOptions): string {
    this.prio = Math.min(num(options, "prio", 0), HTB_PRIOS - 1);
    const given = num(options, "quantum", 0);
    this.quantum = Math.min(Math.floor(this.rate.rateBytes / this.owner.rate2quantum), INT_MAX);
    if (given !== 0) {
      this.quantum = given;
      return "";
    }
    const size = this.quantum < 1000 ? "small" : this.quantum > 200000 ? "big" : "";
    if (size === "") return "";
    this.quantum = size === "small" ? 1000 : 200000;
    const id = this.classid.toString(16).toUpperCase();
    return `sch_htb: quantum of class ${id} is ${size}. Consider r2q change.`;
  }

  /** min(now - t_c, mbuffer) */
  elapsed(nowNs: number): number {
    return Math.min(nowNs - this.checkpointNs, MAX_WAIT_NS);
  }

  /** htb_accnt_tokens */
  charge(bytes: number, elapsedNs: number): void {
    const tokens = Math.min(elapsedNs + this.tokensNs, this.bufferNs) - this.rate.lenToNs(bytes);
    this.tokensNs = tokens <= -MAX_WAIT_NS ? 1 - MAX_WAIT_NS : tokens;
  }

  /** htb_accnt_ctokens */
  chargeCeil(bytes: number, elapsedNs: number): void {
    const tokens = Math.min(elapsedNs + this.ctokensNs, this.cbufferNs) - this.ceil.lenToNs(bytes);
    this.ctokensNs = tokens <= -MAX_WAIT_NS ? 1 - MAX_WAIT_NS : tokens;
  }

  /** htb_class_mode, without hysteresis. @param elapsedNs since the last update */
  modeAfter(elapsedNs: number): number {
    if (this.ctokensNs + elapsedNs < 0) return HTB_CANT_SEND;
    return this.tokensNs + elapsedNs >= 0 ? HTB_CAN_SEND : HTB_MAY_BORROW;
  }

  /** How long it stays in the mode that modeAfter found, ns. */
  waitAfter(elapsedNs: number, mode: number): number {
    return mode === HTB_CANT_SEND ? -(this.ctokensNs + elapsedNs) : -(this.tokensNs + elapsedNs);
  }

  /** bstats_update. */
  count(bytes: number, nowNs: number): void {
    const s = this.counted;
    if (this.estimator !== null) this.estimator.advance(nowNs, s.bytes, s.packets);
    s.bytes += bytes;
    s.packets++;
  }
  countDrop(): void {
    this.counted.drops++;
  }
  countOverlimit(): void {
    this.counted.overlimits++;
  }

  override stats(): QdiscStats {
    this.estimator?.advance(this.owner.nowNs(), this.counted.bytes, this.counted.packets);
    const leaf = this.level === 0 ? this.child : null;
    this.counted.qlen = leaf?.stats.qlen ?? 0;
    this.counted.backlog = leaf?.stats.backlog ?? 0;
    return this.counted;
  }

  /** htb_print_opt */
  override print(details: boolean): string {
    const { rate, ceil } = this;
    let text = "";
    if (this.level === 0) text += `prio ${this.prio} ${details ? `quantum ${this.quantum} ` : ""}`;
    text += `rate ${formatRate(rate.rateBytes)} `;
    if (rate.overhead > 0) text += `overhead ${rate.overhead} `;
    text += `ceil ${formatRate(ceil.rateBytes)} `;
    if (details || rate.linklayer > 1) text += `linklayer ${linklayerName(rate.linklayer)} `;
    const burst = formatSize(burstFromNs(rate.rateBytes, this.bufferNs));
    const cburst = formatSize(burstFromNs(ceil.rateBytes, this.cbufferNs));
    if (!details) return `${text}burst ${burst} cburst ${cburst} `;
    const mpu = formatSize(rate.mpu);
    return `${text}burst ${burst}/1 mpu ${mpu} cburst ${cburst}/1 mpu ${mpu} level ${this.level} `;
  }

  /** htb_print_xstats. Giants are not counted any more. */
  override printXstats(): string {
    return (
      ` lended: ${this.lends} borrowed: ${this.borrows} giants: 0\n` +
      ` tokens: ${ticks(this.tokensNs)} ctokens: ${ticks(this.ctokensNs)}\n`
    );
  }
}

function ticks(ns: number): number {
  return Math.max(-INT_MAX - 1, Math.min(INT_MAX, nsToTicks(ns)));
}
