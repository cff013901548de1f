/** The words of `tc filter` and `tc chain` in front of the filter's kind. @source iproute2 tc/tc_filter.c tc_filter_modify, tc_filter_get, tc_filter_list */
import { duplicateArgument, invalidArgument, matches, notInNetsim, type Words } from "../rtnetlink.ts";
import { ToolError } from "../tool.ts";
import { unsignedOf } from "./arguments.ts";
import { formatClassid, parseClassid } from "./handles.ts";
import { parseEthertype } from "./protocols.ts";

/** TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS). */
export const PARENT_INGRESS = 0xfffffff2;
/** TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS). */
export const PARENT_EGRESS = 0xfffffff3;

/** What was said. */
export interface FilterWords {
  device: string | null;
  /** Number of a shared block, 0: not said. */
  block: number;
  parent: number;
  pref: number;
  /** 0: not said. */
  protocol: number;
  /** null: not said. */
  chain: number | null;
  handle: string | null;
  kind: string | null;
}

/** `show` takes no kind; the others differ in how they refuse. */
export type FilterWordsUse = "modify" | "get" | "show";

/**
 * Reads them.
 * @throws ToolError; for `help` with the usage
 */
export function takeFilterWords(words: Words, use: FilterWordsUse, usage: string): FilterWords {
  const f: FilterWords = {
    device: null,
    block: 0,
    parent: 0,
    pref: 0,
    protocol: 0,
    chain: null,
    handle: null,
    kind: null,
  };
  while (!words.done && f.kind === null) takeWord(words, f, use, usage);
  return f;
}

function takeWord(words: Words, f: FilterWords, use: FilterWordsUse, usage: string): void {
  const w = words.next();
  if (w === "dev") {
    const name = words.next();
    if (f.device !== null) throw duplicateArgument("dev", name);
    if (f.block !== 0) throw exclusive(use);
    f.device = name;
  } else if (matches(w, "block")) {
    const text = words.next();
    if (f.block !== 0) throw duplicateArgument("block", text);
    if (f.device !== null) throw exclusive(use, "block");
    f.block = number(text, "invalid block index value");
    if (f.block === 0) throw invalidArgument("invalid block index value", text);
  } else if (w === "root") setParent(f, 0xffffffff, w);
  else if (w === "ingress") setParent(f, PARENT_INGRESS, w);
  else if (w === "egress") setParent(f, PARENT_EGRESS, w);
  else if (w === "parent") setParent(f, parseClassid(words.next(), "Invalid parent ID"), w);
  else if (w === "handle") {
    const text = words.next();
    if (f.handle !== null) throw duplicateArgument("handle", text);
    f.handle = text;
  } else if (matches(w, "preference") || matches(w, "priority")) {
    const text = words.next();
    if (f.pref !== 0) throw duplicateArgument("priority", text);
    f.pref = number(text, use === "show" ? "invalid preference" : "invalid priority value");
    if (use !== "show" && f.pref > 0xffff) throw invalidArgument("invalid priority value", text);
  } else if (matches(w, "protocol")) {
    const text = words.next();
    if (f.protocol !== 0) throw duplicateArgument("protocol", text);
    f.protocol = parseEthertype(text);
  } else if (matches(w, "chain")) {
    const text = words.next();
    if (f.chain !== null) throw duplicateArgument("chain", text);
    f.chain = number(text, "invalid chain index value");
  } else if (use === "modify" && matches(w, "estimator")) throw notInNetsim("`tc filter ... estimator`");
  else if (matches(w, "help")) throw new ToolError(255, usage);
  else if (use === "show") throw new ToolError(255, ` What is "${w}"? Try "tc filter help"\n`);
  else f.kind = w;
}

function number(text: string, message: string): number {
  const n = unsignedOf(text, 0);
  if (n === null) throw invalidArgument(message, text);
  return n;
}

function exclusive(use: FilterWordsUse, second: "dev" | "block" = "dev"): ToolError {
  if (use !== "show") return new ToolError(255, 'Error: "dev" and "block" are mutually exclusive\n');
  const first = second === "dev" ? "block" : "dev";
  return new ToolError(255, `Error: "${second}" cannot be used in the same time as "${first}"\n`);
}

function setParent(f: FilterWords, parent: number, word: string): void {
  if (f.parent !== 0) {
    if (word === "parent") throw duplicateArgument("parent", formatClassid(parent));
    throw new ToolError(255, `Error: "${word}" is duplicate parent ID\n`);
  }
  f.parent = parent;
}
