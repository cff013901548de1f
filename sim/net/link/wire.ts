/**
 * One direction of a link: a rate, a delay, jitter, loss, a largest frame, and whether it works at all. A wire keeps the frames under
 * way in its own FIFO and only their head in the event queue. One that has neither rate nor delay nor jitter hands a frame on at once.
 *
 * A frame leaves the sender when the ones before it have been serialised, and arrives `delay` later, give or take `jitter`; lost frames
 * take up the wire like all others.
 *
 *     accepted        departs                      arrives
 *        |--- waits ---|-- len * 8 / rate --|-- delay +- jitter --|
 */
import type { EventKind } from "../../engine/engine.ts";
import { BugError } from "../../engine/errors.ts";
import type { RandomStream } from "../../engine/streams.ts";
import { NETSIM_REASON } from "../drop-reason.ts";
import type { Kernel } from "../kernel.ts";
import type { Netdev } from "../netdev.ts";
import { type Skb, SkbQueue } from "../skb.ts";

/** What a wire is like; every value can be changed while frames are under way. */
export interface WireParams {
  /** bits per second; 0: frames take no time to serialise */
  readonly rateBps: number;
  readonly delayNs: number;
  /** The delay varies evenly by up to this much either way. */
  readonly jitterNs: number;
  /** Jitter may let frames overtake one another. */
  readonly reorder: boolean;
  /** Share of frames that are lost, 0 to 1. */
  readonly loss: number;
  /** Largest frame without its Ethernet header, bytes; 0: any */
  readonly mtuBytes: number;
}

/** A wire without any effect. */
export const PLAIN_WIRE: WireParams = {
  rateBps: 0,
  delayNs: 0,
  jitterNs: 0,
  reorder: false,
  loss: 0,
  mtuBytes: 0,
};

/** Preamble, frame check sequence and inter-frame gap: what a frame takes up on an Ethernet besides its bytes. */
export const ETHERNET_OVERHEAD_BYTES = 24;
/** Shortest frame on an Ethernet without its check sequence; shorter ones are padded. */
const ETH_ZLEN = 60;

/** Takes the frames that arrive; the receiving driver. */
export interface WireSink {
  /** skb.data at the MAC header. Takes the frame. */
  onFrame(skb: Skb): void;
}

/** One direction of a cable. */
export class Wire {
  /** The sending device: the place of its losses in reports. */
  readonly from: Netdev;
  readonly sink: WireSink;
  params: WireParams = PLAIN_WIRE;
  up: boolean = true;
  /** The last frame accepted has been serialised by then, ns. */
  busyUntilNs: number = 0;
  /** Frames and bytes handed to the wire, lost ones included. */
  frames: number = 0;
  bytes: number = 0;
  private readonly kernel: Kernel;
  private readonly random: RandomStream;
  private readonly queue: SkbQueue = new SkbQueue();
  private readonly arriveEvent: EventKind<Wire>;
  /** The event that counts carries this number; older ones are void. 0: none is under way. */
  private armed: number = 0;
  private lastArmed: number = 0;

  /** @param name both ends, for the random stream: `h1:eth0->h2:eth0` */
  constructor(kernel: Kernel, name: string, from: Netdev, sink: WireSink) {
    this.kernel = kernel;
    this.from = from;
    this.sink = sink;
    this.random = kernel.streams.stream(`wire ${name}`);
    this.arriveEvent = arriveEventOf(kernel);
  }

  /** Frames under way. */
  get inFlight(): number {
    return this.queue.qlen;
  }

  /**
   * Changes some of the parameters from now on; frames under way keep their times of arrival.
   * @throws BugError when a value is out of range: whoever reads the user's values has checked them
   */
  configure(change: Partial<WireParams>): void {
    const p = { ...this.params, ...change };
    const ok =
      p.rateBps >= 0 &&
      Number.isInteger(p.delayNs) &&
      p.delayNs >= 0 &&
      Number.isInteger(p.jitterNs) &&
      p.jitterNs >= 0 &&
      p.loss >= 0 &&
      p.loss <= 1 &&
      p.mtuBytes >= 0;
    if (!ok) throw new BugError("WIRE_PARAMS", `wire of ${this.from.label}: ${JSON.stringify(p)}`);
    this.params = p;
  }

  /** Cuts or mends it. What is under way when it is cut is lost. */
  setUp(up: boolean): void {
    this.up = up;
    if (up) return;
    for (let skb = this.queue.shift(); skb !== null; skb = this.queue.shift()) {
      this.kernel.kfreeSkb(skb, this.from, NETSIM_REASON.LINK_DOWN);
    }
    this.busyUntilNs = 0;
    this.armed = 0;
  }

  /** How long a frame of that length takes up the wire, ns. */
  serialisationNs(lenBytes: number): number {
    const bits = (Math.max(lenBytes, ETH_ZLEN) + ETHERNET_OVERHEAD_BYTES) * 8;
    return this.params.rateBps === 0 ? 0 : Math.ceil((bits * 1e9) / this.params.rateBps);
  }

  /**
   * Sends a frame. Takes it.
   * @returns when it has left the sender, ns; now for a wire without a rate
   */
  transmit(skb: Skb): number {
    const kernel = this.kernel;
    const p = this.params;
    const cpu = kernel.currentCpu;
    const now = cpu === null ? kernel.engine.nowNs : cpu.nowNs();
    this.frames++;
    this.bytes += skb.len;
    if (kernel.tp.wireTx.on) kernel.tp.wireTx.fire(skb, this.from, 0, 0);
    if (!this.up) {
      kernel.kfreeSkb(skb, this.from, NETSIM_REASON.LINK_DOWN);
      return now;
    }
    if (p.mtuBytes !== 0 && skb.len > p.mtuBytes + this.from.hardHeaderLen) {
      kernel.kfreeSkb(skb, this.from, NETSIM_REASON.LINK_MTU);
      return now;
    }
    let departs = now;
    if (p.rateBps !== 0) {
      departs = Math.max(now, this.busyUntilNs) + this.serialisationNs(skb.len);
      this.busyUntilNs = departs;
    }
    if (p.loss !== 0 && this.random.unit() < p.loss) {
      kernel.kfreeSkb(skb, this.from, NETSIM_REASON.LINK_LOSS);
      return departs;
    }
    let arrives = departs + p.delayNs;
    if (p.jitterNs !== 0) {
      arrives = Math.max(departs, arrives + Math.round((this.random.unit() * 2 - 1) * p.jitterNs));
    }
    if (arrives === now && this.queue.head === null) this.deliver(skb);
    else this.enqueue(skb, arrives);
    return departs;
  }

  /** The head's time has come: the handler of its event. */
  onArrive(armed: number): void {
    if (armed !== this.armed) return;
    this.armed = 0;
    const now = this.kernel.engine.nowNs;
    for (let head = this.queue.head; head !== null && head.queueNs <= now; head = this.queue.head) {
      this.queue.shift();
      this.deliver(head);
    }
    if (this.queue.head !== null) this.arm(this.queue.head.queueNs);
  }

  private deliver(skb: Skb): void {
    skb.queueNs = 0;
    if (this.kernel.tp.wireRx.on) this.kernel.tp.wireRx.fire(skb, this.from, 0, 0);
    this.sink.onFrame(skb);
  }

  private enqueue(skb: Skb, arrives: number): void {
    const tail = this.queue.tail;
    if (tail !== null && arrives < tail.queueNs) {
      if (this.params.reorder) {
        this.insert(skb, arrives);
        return;
      }
      skb.queueNs = tail.queueNs;
    } else skb.queueNs = arrives;
    this.queue.push(skb);
    if (this.armed === 0) this.arm(skb.queueNs);
  }

  /** Overtakes what arrives later. */
  private insert(skb: Skb, arrives: number): void {
    const q = this.queue;
    skb.queueNs = arrives;
    let before: Skb | null = null;
    for (let s = q.head; s !== null && s.queueNs <= arrives; s = s.next) before = s;
    q.qlen++;
    q.bytes += skb.len;
    if (before === null) {
      skb.next = q.head;
      q.head = skb;
      this.arm(arrives);
      return;
    }
    skb.next = before.next;
    before.next = skb;
  }

  private arm(atNs: number): void {
    this.lastArmed = (this.lastArmed + 1) & 0x3fffffff || 1;
    this.armed = this.lastArmed;
    this.kernel.engine.schedule(atNs, this.arriveEvent, this, this.armed);
  }
}

const arriveEvents: WeakMap<Kernel, EventKind<Wire>> = new WeakMap();

function arriveEventOf(kernel: Kernel): EventKind<Wire> {
  let kind = arriveEvents.get(kernel);
  if (kind === undefined) {
    kind = kernel.engine.defineEvent<Wire>("wire arrive", (wire, armed) => wire.onArrive(armed));
    arriveEvents.set(kernel, kind);
  }
  return kind;
}
