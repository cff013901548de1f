/**
 * Operations on simulated time. An operation that sleeps is parked on the event queue; the event that wakes it resumes it at once,
 * within the event, so the order in which operations go on is the order of the events (DESIGN decision 6).
 *
 * The event loop itself is a plain loop. It runs from a macrotask, outside effection's reducer: within the reducer, a woken operation
 * would not go on before the loop returns.
 */
import { action, type Operation } from "effection";
import { type Engine, type EventKind, MAX_TIME_NS } from "./engine.ts";
import { BugError } from "./errors.ts";

/** Events per slice: a few milliseconds of work, so that signals and progress get their turn. */
const SLICE_EVENTS = 16384;

/** One parked operation; `wake` is null once it has gone on or was halted. */
class Sleeper {
  wake: (() => void) | null;
  constructor(wake: () => void) {
    this.wake = wake;
  }
}

const wakeKinds: WeakMap<Engine, EventKind<Sleeper>> = new WeakMap();

function wakeKindOf(engine: Engine): EventKind<Sleeper> {
  const known = wakeKinds.get(engine);
  if (known !== undefined) return known;
  const kind = engine.defineEvent<Sleeper>("wake", (sleeper) => {
    const wake = sleeper.wake;
    sleeper.wake = null;
    if (wake !== null) wake();
  });
  wakeKinds.set(engine, kind);
  return kind;
}

/**
 * Waits until a point of simulated time. A time that has passed means now: the operation goes on with the next event of the present.
 * Times beyond the end of the simulation's clock are never reached.
 * @unit atNs: ns since the simulation began, an integer
 */
export function sleepUntil(engine: Engine, atNs: number): Operation<void> {
  return action<void>((resolve) => {
    const sleeper = new Sleeper(resolve);
    const at = Math.min(Math.max(atNs, engine.nowNs), MAX_TIME_NS + 1);
    engine.schedule(at, wakeKindOf(engine), sleeper, 0);
    return () => {
      sleeper.wake = null;
    };
  }, "sleepUntil");
}

/**
 * Waits for a span of simulated time.
 * @unit ns: an integer, 0 or more
 * @throws BugError when the span is negative or no integer
 */
export function* sleep(engine: Engine, ns: number): Operation<void> {
  if (!Number.isInteger(ns) || ns < 0) throw new BugError("SLEEP_SPAN", `cannot sleep for ${ns} ns`);
  yield* sleepUntil(engine, engine.nowNs + ns);
}

/** How `runSimulation` works off events. */
export interface RunOptions {
  /** Events per slice; SLICE_EVENTS when absent. */
  readonly sliceEvents?: number;
  /** Called after each slice, outside of any event: progress, flushing of output. What it throws ends the run. */
  readonly onSlice?: () => void;
}

/**
 * Runs the events up to and including `untilNs` in slices, with a macrotask in between. When the operation is halted the loop stops
 * after the event that is being handled.
 * @throws whatever an event handler or `onSlice` throws
 */
export function runSimulation(engine: Engine, untilNs: number, options: RunOptions = {}): Operation<void> {
  const sliceEvents = options.sliceEvents ?? SLICE_EVENTS;
  return action<void>((resolve, reject) => {
    let halted = false;
    const slice = (): void => {
      let done = false;
      try {
        done = engine.run(untilNs, sliceEvents);
        if (!halted) options.onSlice?.();
      } catch (error) {
        reject(error as Error);
        return;
      }
      if (halted) return;
      if (done) resolve();
      else next = setImmediate(slice);
    };
    let next = setImmediate(slice);
    return () => {
      halted = true;
      clearImmediate(next);
      engine.stop();
    };
  }, "runSimulation");
}
