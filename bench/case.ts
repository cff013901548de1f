/** What a benchmark is: one file, one line in main.ts, one process each. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** One figure. Rates and times are this machine's; ratios hold elsewhere. */
export interface BenchRow {
  readonly what: string;
  /** Already rounded for people: `6.2 M hops/s`. */
  readonly figure: string;
  /** Against a rival or a floor in the same run, when there is one: `0.8 of the kernel's JIT`. */
  readonly against?: string;
}

export interface BenchCase {
  readonly name: string;
  /** What is measured, in one line. */
  readonly about: string;
  /** Why it cannot run on this machine, or null. */
  unavailable(): string | null;
  run(): Promise<readonly BenchRow[]>;
}

/** `1234567` as `1.23 M`. */
export function si(n: number): string {
  if (n >= 1e9) return `${(n / 1e9).toFixed(2)} G`;
  if (n >= 1e6) return `${(n / 1e6).toFixed(2)} M`;
  if (n >= 1e3) return `${(n / 1e3).toFixed(1)} k`;
  return n.toFixed(1);
}

/** Full garbage collection: what lives as long as the benchmark moves to where V8 keeps old objects, as in any longer run. */
export function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  for (let i = 0; i < 3; i++) gc();
}

/** Runs a batch until at least `minMs` of wall time have passed, several times. @returns best ns per operation */
export function bestNsPerOp(batch: () => number, rounds: number = 7, minMs: number = 100): number {
  let best = Number.POSITIVE_INFINITY;
  for (let r = 0; r < rounds; r++) {
    const start = process.hrtime.bigint();
    let ops = 0;
    let ns = 0;
    do {
      ops += batch();
      ns = Number(process.hrtime.bigint() - start);
    } while (ns < minMs * 1e6);
    best = Math.min(best, ns / ops);
  }
  return best;
}
