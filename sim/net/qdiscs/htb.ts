/** Hierarchical token bucket. @source net/sched/sch_htb.c; iproute2 tc/q_htb.c; tc-htb(8) */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import { NET_XMIT_STOLEN, NET_XMIT_SUCCESS } from "../netdev.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import { type Skb, SkbQueue } from "../skb.ts";
import { FilterBlock } from "../tc/classify.ts";
import { LINKLAYERS } from "../tc-units.ts";
import { type QdiscDef, type QdiscSite, TC_H_ROOT } from "./base.ts";
import { ClassHash } from "./class-hash.ts";
import type { ClassRequest, QdiscClass } from "./classful.ts";
import { RateEstimator } from "./estimator.ts";
import { defaultPfifo, type Fifo } from "./fifo.ts";
import { FilteredQdisc, NO_MATCH } from "./filtered.ts";
import { HTB_CAN_SEND, HTB_CANT_SEND, HTB_MAX_DEPTH, HtbClass, type HtbOwner } from "./htb-class.ts";
import { HtbRows } from "./htb-rows.ts";
import { num, type QdiscOptions, type QdiscParam } from "./params.ts";

class Htb extends FilteredQdisc implements HtbOwner {
  readonly rate2quantum: number;
  private readonly defaultMinor: number;
  private readonly directLimit: number;
  private directPackets: number = 0;
  /** Packets of no class: go first and unshaped. */
  private readonly direct: SkbQueue = new SkbQueue();
  private readonly hash: ClassHash<HtbClass> = new ClassHash();
  private readonly classBlocks: Map<HtbClass, FilterBlock> = new Map();
  private readonly rows: HtbRows = new HtbRows();
  /** Cached time of dequeueing. */
  private now: number = 0;
  /** What classify() has to say when it finds no class. */
  private rc: number = 0;

  constructor(options: QdiscOptions, site: QdiscSite) {
    super("htb", site, false);
    if (num(options, "offload", 0) !== 0) {
      const why =
        site.parent === TC_H_ROOT
          ? "hw-tc-offload ethtool feature flag must be on"
          : "HTB must be the root qdisc to use offload";
      throw new NetlinkError(ERRNO.EOPNOTSUPP, why);
    }
    this.rate2quantum = num(options, "r2q", 10) || 1;
    this.defaultMinor = num(options, "default", 0);
    this.directLimit = num(options, "direct_qlen", site.dev.txQueueLen);
  }

  override enqueue(skb: Skb): number {
    const cl = this.classify(skb);
    const len = skb.len;
    if (cl === null) {
      if (this.rc !== NET_XMIT_SUCCESS) return this.refuse(skb, this.rc);
      if (this.direct.qlen >= this.directLimit) return this.dropNew(skb, SKB_DROP_REASON.QDISC_DROP);
      this.direct.push(skb);
      this.directPackets++;
    } else {
      const rc = cl.child!.enqueue(skb);
      if (rc !== NET_XMIT_SUCCESS) {
        if ((rc & NET_XMIT_STOLEN) === 0) {
          this.stats.drops++;
          cl.countDrop();
        }
        return rc;
      }
      this.rows.activate(cl);
    }
    this.stats.backlog += len;
    this.stats.qlen++;
    return NET_XMIT_SUCCESS;
  }

  override dequeue(): Skb | null {
    const first = this.direct.shift();
    if (first !== null) {
      this.sent(first);
      return first;
    }
    if (this.stats.qlen === 0) return null;
    const rows = this.rows;
    this.now = this.nowNs();
    let nextEventNs = this.now + 5e9;
    for (let level = 0; level < HTB_MAX_DEPTH; level++) {
      if (this.now >= rows.nextEventNs[level]!) rows.nextEventNs[level] = this.runEvents(level);
      if (nextEventNs > rows.nextEventNs[level]!) nextEventNs = rows.nextEventNs[level]!;
      for (let left = rows.rowMask[level]!; left !== 0; ) {
        const prio = 31 - Math.clz32(left & -left);
        left &= left - 1;
        const skb = this.dequeueRow(level, prio);
        if (skb !== null) {
          this.sent(skb);
          return skb;
        }
      }
    }
    this.watchdog(nextEventNs);
    return null;
  }

  protected override onReset(): void {
    for (const cl of this.hash.list()) {
      if (cl.level > 0) for (const feed of cl.feeds) feed.clear();
      else cl.child!.reset();
      cl.activity = 0;
      cl.mode = HTB_CAN_SEND;
    }
    for (let skb = this.direct.shift(); skb !== null; skb = this.direct.shift()) this.purge(skb);
    this.rows.clear();
  }

  override destroy(): void {
    for (const block of this.classBlocks.values()) block.flush();
    super.destroy();
  }

  override classes(): readonly QdiscClass[] {
    return this.hash.list();
  }

  override findClass(classid: number): HtbClass | undefined {
    return this.hash.get(classid);
  }

  override blockOf(cl: QdiscClass | null): FilterBlock {
    return cl instanceof HtbClass ? this.classBlock(cl) : this.block;
  }

  protected override blocks(): readonly FilterBlock[] {
    return [this.block, ...this.classBlocks.values()];
  }

  /** htb_change_class */
  override changeClass(req: ClassRequest): string {
    const { options, classid } = req;
    if (options === null) throw new NetlinkError(ERRNO.EINVAL);
    const old = this.hash.get(classid);
    if (old !== undefined) {
      if (req.estimator !== null) this.estimate(old, req);
      return old.configure(options);
    }
    const above = req.parent === TC_H_ROOT ? null : (this.hash.get(req.parent) ?? null);
    if (classid === 0 || (classid & 0xffff0000) >>> 0 !== this.handle) throw new NetlinkError(ERRNO.EINVAL);
    if (above?.above != null && above.above.level < 2) {
      throw new NetlinkError(ERRNO.EINVAL, "sch_htb: tree is too deep");
    }
    const cl = new HtbClass(this, classid, above, options, this.nowNs());
    if (req.estimator !== null) this.estimate(cl, req);
    if (above !== null) {
      if (above.level === 0) this.makeInner(above);
      above.children++;
    }
    this.hash.insert(cl);
    return cl.configure(options);
  }

  /** htb_delete */
  override deleteClass(classid: number): void {
    const cl = this.hash.get(classid)!;
    if (cl.children > 0 || this.inUse(classid)) throw new NetlinkError(ERRNO.EBUSY, "HTB class in use");
    if (cl.level === 0) cl.child!.purgeQueue();
    this.hash.remove(cl);
    this.rows.deactivate(cl);
    this.rows.stopWaiting(cl);
    const { above } = cl;
    if (above !== null && --above.children === 0) this.makeLeaf(above);
    cl.child?.destroy();
    this.classBlocks.get(cl)?.flush();
    this.classBlocks.delete(cl);
  }

  newLeafQueue(classid: number): Fifo {
    return defaultPfifo(this.siteOf(classid));
  }

  deactivate(cl: HtbClass): void {
    this.rows.deactivate(cl);
  }

  override printOptions(details: boolean = false): string {
    const dflt = this.defaultMinor === 0 ? "0" : `0x${this.defaultMinor.toString(16)}`;
    const ver = details ? " ver 3.17" : "";
    return `r2q ${this.rate2quantum} default ${dflt} direct_packets_stat ${this.directPackets}${ver} direct_qlen ${this.directLimit}`;
  }

  override jsonOptions(details: boolean = false): Record<string, unknown> {
    return {
      r2q: this.rate2quantum,
      default: this.defaultMinor === 0 ? "0" : `0x${this.defaultMinor.toString(16)}`,
      direct_packets_stat: this.directPackets,
      ...(details ? { ver: "3.17" } : {}),
      direct_qlen: this.directLimit,
    };
  }

  /**
   * htb_classify: skb.priority as a class id, the filters of the qdisc and of the inner classes they lead to, the default class.
   * @returns null with this.rc NET_XMIT_SUCCESS for the direct queue, or with what refuse() takes
   */
  private classify(skb: Skb): HtbClass | null {
    this.rc = NET_XMIT_SUCCESS;
    const id = skb.priority >>> 0;
    if (id === this.handle) return null;
    let block: FilterBlock | undefined = this.block;
    if ((id & 0xffff0000) >>> 0 === this.handle) {
      const named = this.hash.get(id);
      if (named !== undefined) {
        if (named.level === 0) return named;
        block = this.classBlocks.get(named);
      }
    }
    while (block !== undefined) {
      const found = this.ask(block, skb);
      if (found === NO_MATCH) break;
      if (found !== NET_XMIT_SUCCESS) {
        this.rc = found;
        return null;
      }
      if (this.res.classid === this.handle) return null;
      const cl = this.hash.get(this.res.classid);
      if (cl === undefined) break;
      if (cl.level === 0) return cl;
      block = this.classBlocks.get(cl);
    }
    const dflt = this.hash.get((this.handle | (this.defaultMinor & 0xffff)) >>> 0);
    return dflt === undefined || dflt.level > 0 ? null : dflt;
  }

  /** htb_do_events: modes that change by now. @returns when the next one will */
  private runEvents(level: number): number {
    const rows = this.rows;
    for (;;) {
      const cl = rows.firstWaiting(level);
      if (cl === null) return this.now + 1e9;
      if (cl.wakeNs > this.now) return cl.wakeNs;
      rows.stopWaiting(cl);
      const delay = this.changeMode(cl, cl.elapsed(this.now));
      if (cl.mode !== HTB_CAN_SEND) rows.wait(cl, delay, this.now);
    }
  }

  private changeMode(cl: HtbClass, elapsedNs: number): number {
    const before = cl.mode;
    const delay = this.rows.changeMode(cl, elapsedNs);
    if (cl.mode === HTB_CANT_SEND && before !== HTB_CANT_SEND) {
      cl.countOverlimit();
      this.stats.overlimits++;
    }
    return delay;
  }

  /** htb_dequeue_tree: a packet of a leaf that sends, itself or through those it borrows from, at that level and priority. */
  private dequeueRow(level: number, prio: number): Skb | null {
    const rows = this.rows;
    const row = rows.row(level, prio);
    let cl = rows.lookupLeaf(row, prio);
    let start = cl;
    let skb: Skb | null = null;
    for (;;) {
      if (cl === null) return null;
      if (cl.child!.stats.qlen === 0) {
        // its qdisc has dropped what it had
        rows.deactivate(cl);
        if ((rows.rowMask[level]! & (1 << prio)) === 0) return null;
        const next = rows.lookupLeaf(row, prio);
        if (cl === start) start = next;
        cl = next;
        continue;
      }
      skb = cl.child!.dequeue();
      if (skb !== null) break;
      // a shaper below: it has packets and does not give them yet
      this.turn(cl, level, prio);
      cl = rows.lookupLeaf(row, prio);
      if (cl === start) return null;
    }
    cl.count(skb.len, this.now);
    cl.deficit[level]! -= skb.len;
    if (cl.deficit[level]! < 0) {
      cl.deficit[level]! += cl.quantum;
      this.turn(cl, level, prio);
    }
    if (cl.child!.stats.qlen === 0) rows.deactivate(cl);
    this.charge(cl, level, skb.len);
    return skb;
  }

  /** The next one's turn, in the feed or row in which the leaf stands. */
  private turn(cl: HtbClass, level: number, prio: number): void {
    if (level > 0) cl.above!.feeds[prio]!.advance();
    else this.rows.row(0, prio).advance();
  }

  /** htb_charge_class: the leaf and all above it pay. */
  private charge(leaf: HtbClass, level: number, bytes: number): void {
    const rows = this.rows;
    for (let cl: HtbClass | null = leaf; cl !== null; cl = cl.above) {
      const elapsed = cl.elapsed(this.now);
      if (cl.level >= level) {
        if (cl.level === level) cl.lends++;
        cl.charge(bytes, elapsed);
      } else {
        cl.borrows++;
        cl.tokensNs += elapsed;
      }
      cl.chargeCeil(bytes, elapsed);
      cl.checkpointNs = this.now;
      const before = cl.mode;
      const delay = this.changeMode(cl, 0);
      if (before !== cl.mode) {
        if (before !== HTB_CAN_SEND) rows.stopWaiting(cl);
        if (cl.mode !== HTB_CAN_SEND) rows.wait(cl, delay, this.now);
      }
      if (cl.level > 0) cl.count(bytes, this.now);
    }
  }

  /** A leaf gets its first child: its own queue goes. */
  private makeInner(cl: HtbClass): void {
    const old = cl.child!;
    old.purgeQueue();
    this.rows.deactivate(cl);
    this.rows.stopWaiting(cl);
    cl.mode = HTB_CAN_SEND;
    cl.level = (cl.above === null ? HTB_MAX_DEPTH : cl.above.level) - 1;
    for (const feed of cl.feeds) feed.clear();
    cl.child = null;
    old.destroy();
  }

  /** htb_parent_to_leaf: the last child is gone. */
  private makeLeaf(cl: HtbClass): void {
    this.rows.stopWaiting(cl);
    cl.level = 0;
    for (const feed of cl.feeds) feed.clear();
    cl.child = this.newLeafQueue(cl.classid);
    cl.deficit.fill(0);
    cl.tokensNs = cl.bufferNs;
    cl.ctokensNs = cl.cbufferNs;
    cl.checkpointNs = this.nowNs();
    cl.mode = HTB_CAN_SEND;
  }

  private classBlock(cl: HtbClass): FilterBlock {
    let block = this.classBlocks.get(cl);
    if (block === undefined) {
      block = new FilterBlock(this.dev.host);
      this.classBlocks.set(cl, block);
    }
    return block;
  }

  private estimate(cl: HtbClass, req: ClassRequest): void {
    const { bytes, packets } = cl.stats();
    cl.estimator = new RateEstimator(req.estimator!, this.nowNs(), bytes, packets);
  }
}

const CLASS_PARAMS: readonly QdiscParam[] = [
  { key: "prio", abbrev: true, unit: "number", help: "priority of a leaf, 0 (served first) to 7" },
  { key: "mtu", abbrev: true, unit: "number", help: "bytes that the computed bursts have to spare; default 1600" },
  { key: "mpu", abbrev: true, unit: "number", help: "a packet counts as this many bytes at least" },
  { key: "overhead", abbrev: true, unit: "number", help: "bytes added to every packet" },
  { key: "linklayer", abbrev: true, unit: "word", words: LINKLAYERS, help: "ethernet or atm (cells of 53 bytes)" },
  { key: "quantum", abbrev: true, unit: "number", help: "bytes of one turn; default rate / r2q" },
  {
    key: "burst",
    aliases: ["buffer", "maxburst"],
    abbrev: true,
    unit: "size/cell",
    help: "depth of the rate's bucket, bytes; computed by default",
  },
  {
    key: "cburst",
    aliases: ["cbuffer", "cmaxburst"],
    abbrev: true,
    unit: "size/cell",
    help: "depth of the ceiling's bucket, bytes; computed by default",
  },
  { key: "ceil", unit: "rate", help: "bytes per second with what it may borrow; default rate" },
  { key: "rate", unit: "rate", help: "bytes per second that are its own" },
];

/** The record of `htb`. */
export const htb: QdiscDef = {
  kind: "htb",
  source: "net/sched/sch_htb.c; tc-htb(8)",
  params: [
    { key: "r2q", abbrev: true, unit: "number", help: "divides a class's rate to give its quantum; default 10" },
    { key: "default", abbrev: true, unit: "hex", help: "minor id of the class for what no filter classifies" },
    { key: "debug", abbrev: true, unit: "number", help: "means nothing" },
    { key: "direct_qlen", abbrev: true, unit: "number", help: "packets in the direct queue; default txqueuelen" },
    { key: "offload", abbrev: true, unit: "flag", help: "refused: no device of netsim does it" },
  ],
  style: {
    illegal: (key, value) =>
      value.endsWith("%") ? "netsim has no rates in percent of a device's speed yet" : `Illegal "${key}"`,
    explainsIllegal: true,
    unknown: (word) => `What is "${word}"?`,
  },
  usage:
    "Usage: ... qdisc add ... htb [default N] [r2q N]\n" +
    "                      [direct_qlen P] [offload]\n" +
    " default  minor id of class to which unclassified packets are sent {0}\n" +
    " r2q      DRR quantums are computed as rate in Bps/r2q {10}\n" +
    " debug    string of 16 numbers each 0-3 {0}\n\n" +
    " direct_qlen  Limit of the direct queue {in packets}\n" +
    " offload  enable hardware offload\n" +
    "... class add ... htb rate R1 [burst B1] [mpu B] [overhead O]\n" +
    "                      [prio P] [slot S] [pslot PS]\n" +
    "                      [ceil R2] [cburst B2] [mtu MTU] [quantum Q]\n" +
    " rate     rate allocated to this class (class can still borrow)\n" +
    " burst    max bytes burst which can be accumulated during idle period {computed}\n" +
    " mpu      minimum packet size used in rate computations\n" +
    " overhead per-packet size overhead used in rate computations\n" +
    " linklay  adapting to a linklayer e.g. atm\n" +
    " ceil     definite upper class rate (no borrows) {rate}\n" +
    " cburst   burst but for ceil {computed}\n" +
    " mtu      max packet size we create rate map for {1600}\n" +
    " prio     priority of leaf; lower are served first {0}\n" +
    " quantum  how much bytes to serve from leaf at once {use r2q}\n" +
    "\nTC HTB version 3.3\n",
  check: () => [],
  classes: {
    params: CLASS_PARAMS,
    check: (options) => (num(options, "rate", 0) === 0 ? ['"rate" is required.'] : []),
  },
  create: (options, site) => new Htb(options, site),
};
