/** The words of `tc filter` in front of the filter's kind. @source iproute2 tc/tc_filter.c tc_filter_modify, tc_filter_list */
import { duplicateArgument, matches, notInNetsim, parseNumber, type Words } from "../rtnetlink.ts";
import { ToolError } from "../tool.ts";
import { formatClassid, parseClassid } from "./handles.ts";
import { parseEthertype } from "./protocols.ts";

/** TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS). */
export const PARENT_INGRESS = 0xfffffff2;
/** TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS). */
export const PARENT_EGRESS = 0xfffffff3;

/** What was said. */
export interface FilterWords {
  device: string | null;
  parent: number;
  pref: number;
  /** 0: not said. */
  protocol: number;
  chain: number;
  handle: string | null;
  kind: string | null;
}

/**
 * Reads them.
 * @param showing `tc filter show`: no kind follows
 * @throws ToolError; for `help` with the usage
 */
export function takeFilterWords(words: Words, showing: boolean, usage: string): FilterWords {
  const f: FilterWords = { device: null, parent: 0, pref: 0, protocol: 0, chain: 0, handle: null, kind: null };
  while (!words.done && f.kind === null) takeWord(words, f, showing, usage);
  return f;
}

function takeWord(words: Words, f: FilterWords, showing: boolean, usage: string): void {
  const w = words.next();
  if (w === "dev") {
    if (f.device !== null) throw duplicateArgument("dev", words.next());
    f.device = words.next();
  } else if (w === "root") setParent(f, 0xffffffff, w);
  else if (w === "ingress") setParent(f, PARENT_INGRESS, w);
  else if (w === "egress") setParent(f, PARENT_EGRESS, w);
  else if (w === "parent") setParent(f, parseClassid(words.next(), "Invalid parent ID"), w);
  else if (w === "handle") f.handle = words.next();
  else if (matches(w, "preference") || matches(w, "priority")) {
    f.pref = parseNumber(words.next(), "invalid priority value", 0, 0xffff);
  } else if (matches(w, "protocol")) f.protocol = parseEthertype(words.next());
  else if (matches(w, "chain")) {
    f.chain = parseNumber(words.next(), "invalid chain index value");
    if (f.chain !== 0) throw notInNetsim(`filter chain ${f.chain}`);
  } else if (matches(w, "block") || matches(w, "estimator")) throw notInNetsim(`\`tc filter ... ${w}\``);
  else if (matches(w, "help")) throw new ToolError(255, usage);
  else if (showing) throw new ToolError(255, ` What is "${w}"? Try "tc filter help"\n`);
  else f.kind = w;
}

function setParent(f: FilterWords, parent: number, word: string): void {
  if (f.parent !== 0) {
    if (word === "parent") throw duplicateArgument("parent", formatClassid(parent));
    throw new ToolError(255, `Error: "${word}" is duplicate parent ID\n`);
  }
  f.parent = parent;
}
