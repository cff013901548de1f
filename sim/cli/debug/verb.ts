/** What a verb of the debugger is. */
import { LabError } from "../../engine/errors.ts";
import type { Debugger } from "./debugger.ts";

/** A command that a person types. Any beginning of its name that no other has will do. */
export interface Verb {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly usage: string;
  readonly about: string;
  /** @returns what to print, with its newline. @throws LabError */
  run(d: Debugger, args: readonly string[]): string;
}

/** The optional number behind a verb; 1 when there is none. @throws LabError DEBUG_COUNT */
export function takeCount(args: readonly string[]): number {
  if (args.length === 0) return 1;
  const n = Number(args[0]);
  if (/^\d+$/.test(args[0]!) && n >= 1 && n <= 1e9) return n;
  throw new LabError([{ code: "DEBUG_COUNT", message: `expected how many times, got "${args[0]}"` }]);
}

/** What a verb needs a running program for. @throws LabError DEBUG_ENDED */
export function requireRunning(d: Debugger): void {
  if (d.session.running) return;
  const fix = "go back with `back` or `reverse-step`, or `run` it again";
  throw new LabError([{ code: "DEBUG_ENDED", message: "the program has ended", fix }]);
}
