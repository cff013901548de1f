/** Tries inputs by number. An input is made of its number alone, so that one that failed can be tried again. */
import { Streams } from "../../sim/engine/streams.ts";
import type { FuzzTarget } from "./target.ts";

/** What came of some inputs. */
export interface FuzzResult {
  /** Inputs by target and ending: `objects: refused`. */
  readonly endings: Record<string, number>;
  readonly failures: { readonly input: number; readonly target: string; readonly error: string }[];
  /** The input that took longest. */
  slowest: { readonly input: number; readonly target: string; readonly ms: number };
}

/** Failures that are kept; the rest is only counted. */
const KEPT = 50;
const SHARES = 100;

/** The target of an input: each has its share of every hundred. */
export function targetOf(input: number, targets: readonly FuzzTarget[]): FuzzTarget {
  // a step that has no factor in common with a hundred mixes them
  let at = (input * 37) % SHARES;
  for (const target of targets) {
    if (at < target.share) return target;
    at -= target.share;
  }
  throw new Error("the shares do not add up to a hundred");
}

/**
 * Tries the inputs from `from` on.
 * @param now a clock in ms
 * @param onInput called with each number before it is tried
 */
export function tryInputs(
  targets: readonly FuzzTarget[],
  from: number,
  count: number,
  now: () => number,
  onInput: (input: number) => void = () => {},
): FuzzResult {
  const result: FuzzResult = { endings: {}, failures: [], slowest: { input: -1, target: "", ms: 0 } };
  const ready = new Map<FuzzTarget, ReturnType<FuzzTarget["create"]>>();
  for (let input = from; input < from + count; input++) {
    const target = targetOf(input, targets);
    onInput(input);
    const started = now();
    let ending = "FAILED";
    try {
      let attempt = ready.get(target);
      if (attempt === undefined) {
        attempt = target.create();
        ready.set(target, attempt);
      }
      ending = attempt(new Streams(input).stream(`fuzz ${target.name}`));
    } catch (error) {
      // nothing is known of the state that it left
      ready.delete(target);
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      if (result.failures.length < KEPT) result.failures.push({ input, target: target.name, error: text });
    }
    const ms = now() - started;
    if (ms > result.slowest.ms) result.slowest = { input, target: target.name, ms };
    const key = `${target.name}: ${ending}`;
    result.endings[key] = (result.endings[key] ?? 0) + 1;
  }
  return result;
}
