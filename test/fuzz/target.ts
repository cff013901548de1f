/** What is fuzzed: one file a target, one line each in targets.ts. */
import { LabError, ObjectError, VerifierError } from "../../sim/engine/errors.ts";
import type { RandomStream } from "../../sim/engine/streams.ts";
import { NetlinkError } from "../../sim/net/netlink-error.ts";

/** How an input ended; counted by word: `refused`, `ran`, `stopped`. */
export type Ending = string;

/** A target. */
export interface FuzzTarget {
  readonly name: string;
  /** Its part of all inputs, in percent. */
  readonly share: number;
  /**
   * Makes what the inputs go into.
   * @returns a function that makes one input of a random stream and tries it; it throws what must never be thrown
   */
  create(): (random: RandomStream) => Ending;
}

/**
 * One of netsim's own refusals, of few lines, without a stack trace in the text.
 * @returns `stopped` for an access that the checks stopped, `refused` for all else
 * @throws the error itself when it is none
 */
export function endingOf(error: unknown): Ending {
  const clear =
    error instanceof ObjectError ||
    error instanceof VerifierError ||
    error instanceof LabError ||
    error instanceof NetlinkError;
  if (!clear) throw error;
  if (/\n\s+at /.test(error.message) || error.message.split("\n").length >= 20) {
    throw new Error(`an unclear refusal: ${error.message}`);
  }
  return error instanceof VerifierError ? "stopped" : "refused";
}
