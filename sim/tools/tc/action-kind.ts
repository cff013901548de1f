/** The record of one kind of action at tc: `tc/m_KIND.c`. */
import type { TcAction } from "../../net/tc/action.ts";
import type { ToolFlags, Words } from "../rtnetlink.ts";
import type { ToolSession } from "../tool.ts";
import type { PrintObject } from "./print.ts";

/** What a kind's own words say. */
export interface ParsedAction {
  /** 0: not said. */
  readonly index: number;
  readonly options: unknown;
}

/** One kind. */
export interface ActionWords {
  readonly kind: string;
  /** Reads the words, from the kind's name on. @throws ToolError 1, or 255 where tc exits at once */
  parse(words: Words, session: ToolSession): ParsedAction;
  /** Everything from the kind's name to the lines of the index. */
  print(o: PrintObject, action: TcAction, flags: ToolFlags): void;
}

/** `index N ref N bind N` and the times, as most kinds print them. @source iproute2 tc/tc_util.c print_tm */
export function printInstance(o: PrintObject, action: TcAction, flags: ToolFlags, lead: string = "\tindex"): void {
  o.any("index", action.index, `${lead} ${action.index}`);
  printReferences(o, action, " ref ", " bind ", flags);
  o.plain("\n");
}

/** The references and times. */
export function printReferences(o: PrintObject, action: TcAction, ref: string, bind: string, flags: ToolFlags): void {
  o.any("ref", action.refs, `${ref}${action.refs}`).any("bind", action.binds, `${bind}${action.binds}`);
  if (flags.stats === 0) return;
  const nowNs = action.host.kernel.engine.nowNs;
  const installed = seconds(nowNs - action.installedNs);
  const used = seconds(nowNs - action.lastUseNs);
  o.any("installed", installed, ` installed ${installed} sec`).any("last_used", used, ` used ${used} sec`);
  if (action.firstUseNs < 0) return;
  const first = seconds(nowNs - action.firstUseNs);
  o.any("first_used", first, ` firstused ${first} sec`);
}

function seconds(ns: number): number {
  return Math.floor(ns / 1e9);
}
