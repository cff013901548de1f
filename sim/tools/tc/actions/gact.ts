/** `action gact` and its bare control words, `action drop`. @source iproute2 tc/m_gact.c */
import { Gact, type GactOptions, PGACT_DETERM, PGACT_NETRAND, PGACT_NONE } from "../../../net/tc/actions/gact.ts";
import { matches, type Words } from "../../rtnetlink.ts";
import { ToolError } from "../../tool.ts";
import { takeIndex } from "../action-index.ts";
import { type ActionWords, type ParsedAction, printInstance } from "../action-kind.ts";
import { advance, refusal, unsignedOf } from "../arguments.ts";
import { printControl, takeControl } from "../control-word.ts";

const USAGE =
  "Usage: ... gact <ACTION> [RAND] [INDEX]\n" +
  "Where: \tACTION := reclassify | drop | continue | pass | pipe |\n" +
  "       \t          goto chain <CHAIN_INDEX> | jump <JUMP_COUNT>\n" +
  "\tRAND := random <RANDTYPE> <ACTION> <VAL>\n" +
  "\tRANDTYPE := netrand | determ\n" +
  "\tVAL : = value not exceeding 10000\n" +
  "\tJUMP_COUNT := Absolute jump from start of action list\n" +
  "\tINDEX := index value used\n\n";
const RANDOM_NAMES: readonly string[] = ["none", "netrand", "determ"];
/** The largest `VAL`. */
const MAX_VAL = 10000;

function parse(words: Words): ParsedAction {
  if (matches(words.peek()!, "gact")) advance(words);
  const alone = takeIndex(words, 'Illegal "index"\n');
  if (alone !== null) return { index: alone, options: { verdict: 0, random: null } };
  const verdict = controlOrUsage(words);
  let random: GactOptions["random"] = null;
  const next = words.peek();
  if (next !== undefined && matches(next, "random")) random = takeRandom(words);
  else if (next !== undefined && matches(next, "help")) throw new ToolError(255, USAGE);
  const index = takeIndex(words, 'Illegal "index"\n') ?? 0;
  const options: GactOptions = { verdict, random };
  return { index, options };
}

function controlOrUsage(words: Words): number {
  try {
    return takeControl(words);
  } catch (error) {
    if (error instanceof ToolError && error.status === 1) throw new ToolError(255, error.stderr + USAGE);
    throw error;
  }
}

function takeRandom(words: Words): GactOptions["random"] {
  const kind = advance(words);
  const type = matches(kind, "netrand") ? PGACT_NETRAND : matches(kind, "determ") ? PGACT_DETERM : PGACT_NONE;
  if (type === PGACT_NONE) throw refusal('Illegal "random type"\n');
  advance(words);
  const verdict = controlOrUsage(words);
  const given = words.peek() ?? "";
  const value = unsignedOf(given, 10, 0xffff);
  if (value === null) throw refusal("Illegal probability val 0x0\n");
  if (value > MAX_VAL) throw refusal(`Illegal probability val  0x${value.toString(16)}\n`);
  words.next();
  return { type, verdict, value };
}

/** The record of `gact`. */
export const gact: ActionWords = {
  kind: "gact",
  parse,
  print(o, action, flags) {
    if (!(action instanceof Gact)) return;
    o.any("kind", "gact", "gact ");
    printControl(o, "action ", action.verdict);
    o.object("prob", (p) => {
      const name = RANDOM_NAMES[action.randomType]!;
      p.plain("\n").any("random_type", name, `\t random type ${name}`);
      printControl(p, " ", action.randomVerdict, " ");
      p.any("val", action.randomValue, `val ${action.randomValue}`);
    });
    o.plain("\n");
    printInstance(o, action, flags, "\t index");
  },
};
