/** The words that say what becomes of a packet: `drop`, `pipe`, `goto chain 3`. @source iproute2 tc/tc_util.c action_a2n, parse_action_control, print_action_control */
import {
  TC_ACT_EXT_VAL_MASK,
  TC_ACT_GOTO_CHAIN,
  TC_ACT_JUMP,
  TC_ACT_OK,
  TC_ACT_PIPE,
  TC_ACT_RECLASSIFY,
  TC_ACT_SHOT,
  TC_ACT_STOLEN,
  TC_ACT_TRAP,
  TC_ACT_UNSPEC,
} from "../../net/tc/act.ts";
import { matches, type Words } from "../rtnetlink.ts";
import { advance, integerOf, refusal, unsignedOf } from "./arguments.ts";
import type { PrintObject } from "./print.ts";

/** In the order in which abbreviations are looked up. */
const WORDS: readonly (readonly [string, number])[] = [
  ["continue", TC_ACT_UNSPEC],
  ["drop", TC_ACT_SHOT],
  ["shot", TC_ACT_SHOT],
  ["pass", TC_ACT_OK],
  ["ok", TC_ACT_OK],
  ["reclassify", TC_ACT_RECLASSIFY],
  ["pipe", TC_ACT_PIPE],
  ["goto", TC_ACT_GOTO_CHAIN],
  ["jump", TC_ACT_JUMP],
  ["trap", TC_ACT_TRAP],
];

const NAMES: ReadonlyMap<number, string> = new Map([
  [TC_ACT_UNSPEC, "continue"],
  [TC_ACT_OK, "pass"],
  [TC_ACT_SHOT, "drop"],
  [TC_ACT_RECLASSIFY, "reclassify"],
  [TC_ACT_PIPE, "pipe"],
  [TC_ACT_STOLEN, "stolen"],
  [TC_ACT_TRAP, "trap"],
]);

/** action_a2n. @returns null when the word is none */
export function controlOf(word: string, allowNumber: boolean): number | null {
  const named = WORDS.find(([name]) => matches(word, name));
  if (named !== undefined) return named[1];
  return allowNumber ? integerOf(word, 10) : null;
}

/** parse_action_control: takes the word with its argument. @throws ToolError 1 */
export function takeControl(words: Words, allowNumber: boolean = false): number {
  const w = words.peek();
  if (w === undefined) throw refusal("");
  const control = controlOf(w, allowNumber);
  if (control === null) throw refusal(`Bad action type ${w}\n`);
  if (control === TC_ACT_GOTO_CHAIN) {
    if (!matches(advance(words), "chain")) throw refusal('"chain index" expected\n');
    const index = unsignedOf(advance(words), 10, TC_ACT_EXT_VAL_MASK);
    if (index === null) throw refusal('Illegal "chain index"\n');
    words.next();
    return control | index;
  }
  if (control === TC_ACT_JUMP) {
    const given = advance(words);
    const count = unsignedOf(given, 10, TC_ACT_EXT_VAL_MASK);
    if (count === null) throw refusal(`Invalid "jump count" (${given})\n`);
    words.next();
    return control | count;
  }
  words.next();
  return control;
}

/** parse_action_control_dflt: what comes next need not be a control word. */
export function takeControlOr(words: Words, fallback: number): number {
  const w = words.peek();
  return w === undefined || controlOf(w, false) === null ? fallback : takeControl(words);
}

/** parse_action_control_slash: `drop/pipe`, `drop / pipe` or one alone. @returns null for the second when there is one alone */
export function takeControlPair(words: Words): readonly [number, number | null] {
  const w = words.peek();
  const slash = w?.indexOf("/") ?? -1;
  if (w !== undefined && slash >= 0) {
    const first = controlOf(w.slice(0, slash), true);
    const second = controlOf(w.slice(slash + 1), true);
    if (first === null || second === null) throw refusal("");
    words.next();
    return [first, second];
  }
  const first = takeControl(words, true);
  if (words.peek() !== "/") return [first, null];
  advance(words);
  return [first, takeControl(words, true)];
}

/** print_action_control. */
export function printControl(o: PrintObject, prefix: string, control: number, suffix: string = ""): void {
  o.plain(prefix).object("control_action", (c) => {
    const opcode = control & ~TC_ACT_EXT_VAL_MASK;
    const value = control & TC_ACT_EXT_VAL_MASK;
    if (opcode === TC_ACT_GOTO_CHAIN) c.any("type", "goto", "goto").any("chain", value, ` chain ${value}`);
    else if (opcode === TC_ACT_JUMP) c.any("type", "jump", "jump").any("jump", value, ` ${value}`);
    else {
      const name = NAMES.get(control) ?? `${control}`;
      c.any("type", name, name);
    }
  });
  o.plain(suffix);
}
