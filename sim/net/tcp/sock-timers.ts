/**
 * Timers that are set anew far more often than they run out. Each has the time that counts and, in the engine, at most one event
 * that is good: an event that finds the time moved on schedules itself again, one that another overtook does nothing.
 *
 * @source kernel/time/timer.c mod_timer
 * @differs a timer runs out at its very time: no rounding to ticks, no slack of the timer wheel
 */
import type { Engine, EventKind } from "../../engine/engine.ts";

const OFF = -1;

/** The timers of one thing, by number. */
export class SockTimers<T> {
  private readonly target: T;
  private readonly kind: EventKind<T>;
  private readonly engine: Engine;
  private readonly dueNs: number[];
  private readonly eventNs: number[];

  /** @param kind its handler calls `fire` with the event's argument, and acts when that says so */
  constructor(engine: Engine, kind: EventKind<T>, target: T, count: number) {
    this.engine = engine;
    this.kind = kind;
    this.target = target;
    this.dueNs = new Array<number>(count).fill(OFF);
    this.eventNs = new Array<number>(count).fill(OFF);
  }

  /** mod_timer. @unit atNs: ns; a time in the past is now */
  set(timer: number, atNs: number): void {
    const now = this.engine.nowNs;
    const at = atNs < now ? now : atNs;
    this.dueNs[timer] = at;
    const waiting = this.eventNs[timer]!;
    if (waiting !== OFF && waiting <= at) return;
    this.eventNs[timer] = at;
    this.engine.schedule(at, this.kind, this.target, timer);
  }

  /** del_timer. */
  stop(timer: number): void {
    this.dueNs[timer] = OFF;
  }

  stopAll(): void {
    for (let i = 0; i < this.dueNs.length; i++) this.dueNs[i] = OFF;
  }

  /** timer_pending. */
  isSet(timer: number): boolean {
    return this.dueNs[timer] !== OFF;
  }

  /** When it runs out, ns; -1 while it is not set. */
  dueAtNs(timer: number): number {
    return this.dueNs[timer]!;
  }

  /** An event has come. @returns whether the timer has run out; it is off then */
  fire(timer: number): boolean {
    const now = this.engine.nowNs;
    if (this.eventNs[timer] !== now) return false;
    this.eventNs[timer] = OFF;
    const due = this.dueNs[timer]!;
    if (due === OFF) return false;
    if (due > now) {
      this.eventNs[timer] = due;
      this.engine.schedule(due, this.kind, this.target, timer);
      return false;
    }
    this.dueNs[timer] = OFF;
    return true;
  }
}
