/** `tc filter ... basic`. @source iproute2 tc/f_basic.c */
import { BasicFilter, type BasicOptions } from "../../../net/tc/cls/basic.ts";
import type { EmatchTerm } from "../../../net/tc/ematch/ematch.ts";
import { type ExtsSpec, NO_ACTIONS } from "../../../net/tc/exts.ts";
import { matches, type Words } from "../../rtnetlink.ts";
import { ToolError } from "../../tool.ts";
import { advance, integerOf, refusal } from "../arguments.ts";
import { formatEmatch, takeEmatch } from "../ematch/tree.ts";
import { type FilterKind, type FilterParse, type ParsedFilter, printExts, takeFilterActions } from "../filter-kind.ts";
import { classidOf, formatClassid } from "../handles.ts";
import { takeOldPolice } from "../old-police.ts";

const USAGE =
  "Usage: ... basic [ match EMATCH_TREE ]\n" +
  "                 [ action ACTION_SPEC ] [ classid CLASSID ]\n\n" +
  "Where:\tSELECTOR := SAMPLE SAMPLE ...\n" +
  "\tFILTERID := X:Y:Z\n" +
  "\tACTION_SPEC := ... look at individual actions\n\n" +
  "NOTE: CLASSID is parsed as hexadecimal input.\n";

function parse(words: Words, p: FilterParse): ParsedFilter {
  // strtol: what is no number is 0
  const handle = p.handle === null ? 0 : (integerOf(p.handle, 0) ?? 0) >>> 0;
  if (words.done) return { handle, options: null };
  let terms: readonly EmatchTerm[] = [];
  let classid = 0;
  let exts: ExtsSpec = NO_ACTIONS;
  for (let w = words.peek(); w !== undefined; w = words.peek()) {
    if (matches(w, "match")) {
      advance(words);
      terms = takeMatch(words);
    } else if (matches(w, "classid") || w === "flowid") {
      const id = classidOf(advance(words));
      if (id === null) throw refusal('Illegal "classid"\n');
      classid = id;
      words.next();
    } else if (matches(w, "action")) {
      advance(words);
      exts = takeFilterActions(words, p.session);
    } else if (matches(w, "police")) {
      advance(words);
      exts = takeOldPolice(words, p.session);
    } else if (w === "help") throw refusal(USAGE);
    else throw refusal(`What is "${w}"?\n${USAGE}`);
  }
  const options: BasicOptions = { terms, classid, exts };
  return { handle, options };
}

function takeMatch(words: Words): readonly EmatchTerm[] {
  try {
    return takeEmatch(words);
  } catch (error) {
    if (error instanceof ToolError && error.status === 1) throw refusal(`${error.stderr}Illegal "ematch"\n`);
    throw error;
  }
}

/** The record of `basic`. */
export const basic: FilterKind = {
  kind: "basic",
  parse,
  print(o, f, show) {
    if (!(f instanceof BasicFilter)) return;
    const handle = f.handle.toString(16);
    o.any("handle", handle, `handle 0x${handle} `);
    if (f.classid !== 0) o.any("flowid", formatClassid(f.classid), `flowid ${formatClassid(f.classid)} `);
    o.plain(formatEmatch(f.terms));
    printExts(o, f.exts, show);
  },
};
