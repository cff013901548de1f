/** How tc reads and prints one kind of extended match: `tc/em_KIND.c`. */
import type { Ematch } from "../../../net/tc/ematch/ematch.ts";
import { unsignedOf } from "../arguments.ts";

/** One argument, and whether it stood in quotes. */
export interface EmatchArgument {
  readonly text: string;
  readonly quoted: boolean;
}

/** One kind. */
export interface EmatchKind {
  readonly kind: string;
  readonly usage: string;
  /** Reads what stands in the brackets. @throws EmatchError */
  parse(args: readonly EmatchArgument[]): Ematch;
  /** What stands in the brackets. */
  print(match: Ematch): string;
}

/** Why a match is no good, in tc's words. */
export class EmatchError extends Error {}

/** parse_layer, or a number up to 2. @throws EmatchError */
export function layerOf(text: string, kind: string): number {
  const named = ["link", "network", "transport"].indexOf(text);
  const n = named >= 0 ? named : unsignedOf(text, 0);
  if (n === null) throw new EmatchError(`${kind}: invalid layer`);
  if (n > 2) throw new EmatchError(`${kind}: illegal layer, must be in 0..2`);
  return n;
}

/** The argument behind a word. @throws EmatchError */
export function after(args: readonly EmatchArgument[], i: number, kind: string): string {
  const a = args[i + 1];
  if (a === undefined) throw new EmatchError(`${kind}: missing argument`);
  return a.text;
}
