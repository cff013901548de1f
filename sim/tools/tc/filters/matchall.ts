/** `tc filter ... matchall`. @source iproute2 tc/f_matchall.c */
import { MatchallFilter, type MatchallOptions } from "../../../net/tc/cls/matchall.ts";
import { type ExtsSpec, NO_ACTIONS } from "../../../net/tc/exts.ts";
import { matches, type Words } from "../../rtnetlink.ts";
import { advance, integerOf, refusal } from "../arguments.ts";
import { type FilterKind, type FilterParse, type ParsedFilter, printExts, takeFilterActions } from "../filter-kind.ts";
import { classidOf, formatClassid } from "../handles.ts";

const USAGE =
  "Usage: ... matchall [skip_sw | skip_hw]\n" +
  "                 [ action ACTION_SPEC ] [ classid CLASSID ]\n\n" +
  "Where: SELECTOR := SAMPLE SAMPLE ...\n" +
  "       FILTERID := X:Y:Z\n" +
  "       ACTION_SPEC := ... look at individual actions\n\n" +
  "NOTE: CLASSID is parsed as hexadecimal input.\n";

function parse(words: Words, p: FilterParse): ParsedFilter {
  // strtol: what is no number is 0
  const handle = p.handle === null ? 0 : (integerOf(p.handle, 0) ?? 0) >>> 0;
  if (words.done) return { handle, options: null };
  let classid = 0;
  let skipHw = false;
  let skipSw = false;
  let exts: ExtsSpec = NO_ACTIONS;
  for (let w = words.peek(); w !== undefined; w = words.peek()) {
    if (matches(w, "classid") || w === "flowid") {
      const id = classidOf(advance(words));
      if (id === null) throw refusal('Illegal "classid"\n');
      classid = id;
      words.next();
    } else if (matches(w, "action")) {
      advance(words);
      exts = takeFilterActions(words, p.session);
    } else if (w === "skip_hw" || w === "skip_sw") {
      advance(words);
      if (w === "skip_hw") skipHw = true;
      else skipSw = true;
    } else if (w === "help") throw refusal(USAGE);
    else throw refusal(`What is "${w}"?\n${USAGE}`);
  }
  if (skipHw && skipSw) throw refusal("skip_hw and skip_sw are mutually exclusive\n");
  const options: MatchallOptions = { classid, skipHw, skipSw, exts };
  return { handle, options };
}

/** The record of `matchall`. */
export const matchall: FilterKind = {
  kind: "matchall",
  parse,
  print(o, f, show) {
    if (!(f instanceof MatchallFilter)) return;
    o.any("handle", f.handle, `handle 0x${f.handle.toString(16)} `);
    if (f.classid !== 0) o.any("flowid", formatClassid(f.classid), `flowid ${formatClassid(f.classid)} `);
    if (f.skipHw) o.any("skip_hw", true, "\n  skip_hw");
    o.any("not_in_hw", true, "\n  not_in_hw");
    if (show.flags.stats > 0) o.any("rule_hit", f.hits, ` (rule hit ${f.hits})`);
    printExts(o, f.exts, show);
  },
};
