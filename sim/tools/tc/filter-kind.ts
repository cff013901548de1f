/** The record of one classifier at tc: `tc/f_KIND.c`. */
import type { Host } from "../../net/host.ts";
import type { TcfFilter } from "../../net/tc/classify.ts";
import type { ExtsSpec, TcfExts } from "../../net/tc/exts.ts";
import type { ToolFlags, Words } from "../rtnetlink.ts";
import { ToolError, type ToolSession } from "../tool.ts";
import { printActions } from "./action-show.ts";
import { takeActions } from "./action-words.ts";
import { printPolice } from "./actions/police.ts";
import { refusal } from "./arguments.ts";
import type { PrintObject } from "./print.ts";

/** What is known before the classifier's own words. */
export interface FilterParse {
  readonly session: ToolSession;
  /** `handle ...` as it was typed, or null. */
  readonly handle: string | null;
  /** Ethertype of the command, host order. */
  readonly protocol: number;
  /** Only the handle counts: nothing is made of the options. */
  readonly finding: boolean;
}

/** What the words say. */
export interface ParsedFilter {
  /** 0: not said. */
  readonly handle: number;
  /** For the classifier; null when there were none. */
  readonly options: unknown;
  /** Gives back what was loaded for the filter, when the kernel does not take it. */
  readonly undo?: () => void;
}

/** What printing has to go by. */
export interface FilterShow {
  readonly host: Host;
  readonly flags: ToolFlags;
  /** Ethertype of the filter, host order. */
  readonly protocol: number;
}

/** One classifier. */
export interface FilterKind {
  readonly kind: string;
  /** @throws ToolError 1, or 255 where tc exits at once */
  parse(words: Words, p: FilterParse): ParsedFilter;
  /** The options of one filter. */
  print(o: PrintObject, filter: TcfFilter, show: FilterShow): void;
  /** What `tc chain add ... KIND ...` fixed, for kinds that have templates. */
  printTemplate?(o: PrintObject, options: unknown, show: FilterShow): void;
}

/** `action ...` behind the word itself, as every classifier takes it. @throws ToolError 1 */
export function takeFilterActions(
  words: Words,
  session: ToolSession,
  illegal: string = 'Illegal "action"\n',
): ExtsSpec {
  try {
    return { actions: takeActions(words, session), oldPolice: false };
  } catch (error) {
    if (!(error instanceof ToolError) || error.status !== 1) throw error;
    throw refusal(`${error.stderr}${illegal}`, error.cause instanceof Error ? error.cause : undefined);
  }
}

/** A filter's actions at the end of its options. */
export function printExts(o: PrintObject, exts: TcfExts, show: FilterShow): void {
  if (exts.oldPolice) {
    o.plain("\n");
    for (const action of exts.actions) printPolice(o, action, show.flags);
  } else if (exts.actions.length > 0) printActions(o, exts.actions, 1, true, show.flags);
}
