/**
 * The event engine: simulated time and the queue of what is to happen.
 *
 * Order is total: (time, sequence of scheduling). An event is a handler number, a target object and an integer, held in
 * typed columns. What is scheduled for the present goes into a ring and never touches the heap: every event in the heap
 * for that same time was scheduled before, so the heap is drained first.
 */
import { BugError, LabError } from "./errors.ts";

/** Called when an event's time has come. One function per event kind keeps each call site of one shape. */
export type EventHandler<T> = (target: T, arg: number) => void;

/** A registered event kind; made by `Engine.defineEvent`. */
export type EventKind<T> = number & { readonly __target?: T };

/** More events than this at one instant are taken for packets that go round for ever without time passing. */
const MAX_EVENTS_PER_INSTANT = 20_000_000;

/** Anything later than this is never reached: 2^53 ns are 104 days. */
export const MAX_TIME_NS: number = 2 ** 53 - 1;

/** The event queue and the simulated time of one run. */
export class Engine {
  /** Simulated time, ns since the simulation began. */
  nowNs: number = 0;
  /** Events executed so far. */
  executed: number = 0;
  private readonly handlers: EventHandler<unknown>[] = [];
  private readonly names: string[] = [];
  // binary heap of slots, ordered by (at, seq); the times stand beside it
  private heap: Int32Array = new Int32Array(1024);
  private at: Float64Array = new Float64Array(1024);
  private size: number = 0;
  /** The root's event is being handled: the next event scheduled takes its place, which spares the heap half of its work. */
  private rootTaken: boolean = false;
  // by slot
  private seq: Float64Array = new Float64Array(1024);
  private kind: Int32Array = new Int32Array(1024);
  private arg: Int32Array = new Int32Array(1024);
  private target: unknown[] = new Array<unknown>(1024).fill(null);
  private freeSlots: Int32Array = new Int32Array(1024);
  private freeCount: number = 0;
  private nextSeq: number = 0;
  // the ring of events for the present
  private ringKind: Int32Array = new Int32Array(256);
  private ringArg: Int32Array = new Int32Array(256);
  private ringTarget: unknown[] = new Array<unknown>(256).fill(null);
  private ringHead: number = 0;
  private ringTail: number = 0;
  private stopped: boolean = false;
  private instantNs: number = -1;
  private instantStart: number = 0;

  constructor() {
    for (let i = this.freeSlots.length - 1; i >= 0; i--) this.freeSlots[this.freeCount++] = i;
  }

  /** Registers an event kind. The name appears in bug reports. */
  defineEvent<T>(name: string, handler: EventHandler<T>): EventKind<T> {
    this.handlers.push(handler as EventHandler<unknown>);
    this.names.push(name);
    return (this.handlers.length - 1) as EventKind<T>;
  }

  /**
   * Puts an event into the future or the present.
   * @unit atNs: ns since the simulation began, an integer
   * @throws BugError when the time lies in the past or is no integer
   */
  schedule<T>(atNs: number, kind: EventKind<T>, target: T, arg: number): void {
    if (atNs === this.nowNs) {
      this.push(kind, target, arg);
      return;
    }
    if (!(atNs > this.nowNs)) {
      throw new BugError("EVENT_IN_PAST", `event ${this.names[kind]} for ${atNs} ns scheduled at ${this.nowNs} ns`);
    }
    if (atNs > MAX_TIME_NS) return;
    if (this.freeCount === 0) this.growHeap();
    const slot = this.freeSlots[--this.freeCount]!;
    this.seq[slot] = this.nextSeq++;
    this.kind[slot] = kind;
    this.arg[slot] = arg;
    this.target[slot] = target;
    if (this.rootTaken) {
      this.rootTaken = false;
      this.siftDown(slot, atNs);
    } else this.siftUp(this.size++, slot, atNs);
  }

  /** Makes the current `run` return after the event that is being handled. */
  stop(): void {
    this.stopped = true;
  }

  /** Events waiting. */
  get pending(): number {
    return this.size - (this.rootTaken ? 1 : 0) + ((this.ringTail - this.ringHead) & (this.ringKind.length - 1));
  }

  /** Time of the next event, or -1 when there is none. */
  nextAtNs(): number {
    if (this.ringHead !== this.ringTail) return this.nowNs;
    this.settleRoot();
    return this.size === 0 ? -1 : this.at[0]!;
  }

  /**
   * Handles events up to and including `untilNs`, at most `maxEvents` of them.
   * @returns true when all events up to `untilNs` are done (the clock then stands at `untilNs`), false when the slice is used up
   *          or `stop` was called
   * @throws LabError TIME_STANDS_STILL when packets go round for ever at one instant
   */
  run(untilNs: number, maxEvents: number): boolean {
    this.stopped = false;
    this.checkProgress();
    // taken still when the last handler threw
    this.settleRoot();
    for (let n = 0; n < maxEvents; n++) {
      if (this.size > 0) {
        const at = this.at[0]!;
        if (at === this.nowNs || this.ringHead === this.ringTail) {
          if (at > untilNs) {
            this.nowNs = untilNs;
            return true;
          }
          this.nowNs = at;
          this.rootTaken = true;
          const slot = this.heap[0]!;
          const target = this.target[slot];
          this.target[slot] = null;
          this.freeSlots[this.freeCount++] = slot;
          this.executed++;
          this.handlers[this.kind[slot]!]!(target, this.arg[slot]!);
          this.settleRoot();
          if (this.stopped) return false;
          continue;
        }
      } else if (this.ringHead === this.ringTail) {
        if (untilNs > this.nowNs) this.nowNs = untilNs;
        return true;
      }
      const i = this.ringHead;
      this.ringHead = (i + 1) & (this.ringKind.length - 1);
      const target = this.ringTarget[i];
      this.ringTarget[i] = null;
      this.executed++;
      this.handlers[this.ringKind[i]!]!(target, this.ringArg[i]!);
      if (this.stopped) return false;
    }
    return false;
  }

  /** Called once a slice, which is often enough. @throws LabError TIME_STANDS_STILL */
  private checkProgress(): void {
    if (this.nowNs !== this.instantNs) {
      this.instantNs = this.nowNs;
      this.instantStart = this.executed;
    } else if (this.executed - this.instantStart > MAX_EVENTS_PER_INSTANT) {
      const events = this.executed - this.instantStart;
      throw new LabError([
        {
          code: "TIME_STANDS_STILL",
          message: `${events} events happened at ${this.nowNs} ns and time does not go on: packets go round for ever`,
          fix: "look for a forwarding loop (XDP_TX on both ends of a link, say), or give the links a delay or the CPUs a cost (`cpu: modelled`)",
        },
      ]);
    }
  }

  private push(kind: number, target: unknown, arg: number): void {
    const mask = this.ringKind.length - 1;
    const i = this.ringTail;
    this.ringKind[i] = kind;
    this.ringArg[i] = arg;
    this.ringTarget[i] = target;
    this.ringTail = (i + 1) & mask;
    if (this.ringTail === this.ringHead) this.growRing();
  }

  private growRing(): void {
    const old = this.ringKind.length;
    const kind = new Int32Array(old * 2);
    const arg = new Int32Array(old * 2);
    const target = new Array<unknown>(old * 2).fill(null);
    for (let i = 0; i < old; i++) {
      const j = (this.ringHead + i) & (old - 1);
      kind[i] = this.ringKind[j]!;
      arg[i] = this.ringArg[j]!;
      target[i] = this.ringTarget[j];
    }
    this.ringKind = kind;
    this.ringArg = arg;
    this.ringTarget = target;
    this.ringHead = 0;
    this.ringTail = old;
  }

  /** Puts a slot into the vacant place `start` at the heap's bottom, or above. The slot is the newest: among equals it comes last. */
  private siftUp(start: number, slot: number, atNs: number): void {
    const { heap, at } = this;
    let i = start;
    while (i > 0) {
      const p = (i - 1) >> 1;
      const parentAt = at[p]!;
      if (parentAt <= atNs) break;
      heap[i] = heap[p]!;
      at[i] = parentAt;
      i = p;
    }
    heap[i] = slot;
    at[i] = atNs;
  }

  /** Puts a slot into the vacant root, or below. */
  private siftDown(slot: number, atNs: number): void {
    const { heap, at, seq, size } = this;
    let i = 0;
    for (let c = 1; c < size; c = 2 * i + 1) {
      let childAt = at[c]!;
      if (c + 1 < size) {
        const otherAt = at[c + 1]!;
        if (otherAt < childAt || (otherAt === childAt && seq[heap[c + 1]!]! < seq[heap[c]!]!)) {
          c++;
          childAt = otherAt;
        }
      }
      if (atNs < childAt || (atNs === childAt && seq[slot]! < seq[heap[c]!]!)) break;
      heap[i] = heap[c]!;
      at[i] = childAt;
      i = c;
    }
    heap[i] = slot;
    at[i] = atNs;
  }

  /** Fills the root's place when nothing was scheduled into it. */
  private settleRoot(): void {
    if (!this.rootTaken) return;
    this.rootTaken = false;
    const last = --this.size;
    if (last > 0) this.siftDown(this.heap[last]!, this.at[last]!);
  }

  private growHeap(): void {
    const old = this.heap.length;
    const size = old * 2;
    this.heap = grown(this.heap, new Int32Array(size));
    this.at = grown(this.at, new Float64Array(size));
    this.seq = grown(this.seq, new Float64Array(size));
    this.kind = grown(this.kind, new Int32Array(size));
    this.arg = grown(this.arg, new Int32Array(size));
    const target = new Array<unknown>(size).fill(null);
    for (let i = 0; i < old; i++) target[i] = this.target[i];
    this.target = target;
    this.freeSlots = new Int32Array(size);
    for (let i = size - 1; i >= old; i--) this.freeSlots[this.freeCount++] = i;
  }
}

function grown<T extends Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
