/** `action ...` behind a filter and behind `tc actions add`. @source iproute2 tc/m_action.c parse_action */
import type { ActionSpec } from "../../net/tc/action.ts";
import { invalidArgument, matches, notInNetsim, type Words } from "../rtnetlink.ts";
import { ToolError, type ToolSession } from "../tool.ts";
import type { ParsedAction } from "./action-kind.ts";
import { actionWordsOf, LINUX_ACTIONS } from "./actions/index.ts";
import { advance, refusal } from "./arguments.ts";
import { controlOf } from "./control-word.ts";

/** TC_COOKIE_MAX_SIZE. */
const COOKIE_BYTES = 16;

/**
 * Takes actions off the words, as many as there are.
 * @throws ToolError 1 with what tc prints; the caller adds its own line
 */
export function takeActions(words: Words, session: ToolSession): readonly ActionSpec[] {
  const out: ActionSpec[] = [];
  let expecting = false;
  for (let w = words.peek(); w !== undefined; w = words.peek()) {
    if (w === "action") {
      words.next();
      expecting = true;
      continue;
    }
    if (w === "flowid" || w === "classid") break;
    if (w === "help") throw refusal("");
    if (isCommand(w)) break;
    out.push(takeOne(words, session, w));
    expecting = false;
  }
  if (expecting) throw refusal(`bad action empty 1\n${badValue(words)}`);
  return out;
}

function isCommand(w: string): boolean {
  return ["change", "replace", "delete", "get", "add"].some((c) => matches(w, c));
}

function badValue(words: Words): string {
  return `parse_action: bad value (${words.left}:${words.peek() ?? "(null)"})!\n`;
}

function takeOne(words: Words, session: ToolSession, word: string): ActionSpec {
  const named = controlOf(word, false) === null ? word : "gact";
  if (LINUX_ACTIONS.includes(named)) throw notInNetsim(`action ${named}`);
  // what tc does not know it takes for gact, which then does not know it either
  const kind = actionWordsOf(named) === undefined ? "gact" : named;
  const where = badValue(words);
  let parsed: ParsedAction;
  try {
    parsed = actionWordsOf(kind)!.parse(words, session);
  } catch (error) {
    if (!(error instanceof ToolError) || error.status !== 1) throw error;
    const cause = error.cause instanceof Error ? error.cause : undefined;
    throw refusal(`${error.stderr}bad action parsing\n${where}`, cause);
  }
  return { kind, ...parsed, ...takeCommon(words) };
}

/** `cookie`, `hw_stats`, `no_percpu` and what is for hardware. */
function takeCommon(words: Words): Pick<ActionSpec, "cookie" | "noPercpu"> {
  let cookie = "";
  let noPercpu = false;
  if (words.peek() === "cookie") {
    cookie = advance(words);
    if (cookie.length > COOKIE_BYTES * 2) {
      throw invalidArgument(`${cookie.length} Max allowed size ${COOKIE_BYTES * 2}`, cookie);
    }
    if (cookie.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(cookie)) {
      throw invalidArgument("cookie must be a hex string\n", cookie);
    }
    words.next();
  }
  for (const hardware of ["hw_stats", "skip_sw", "skip_hw"]) {
    const w = words.peek();
    if (w !== undefined && (w === hardware || (hardware === "hw_stats" && w.length > 2 && matches(w, hardware)))) {
      throw notInNetsim(`\`action ... ${hardware}\``, "no device of netsim runs actions itself");
    }
  }
  if (words.peek() === "no_percpu") {
    noPercpu = true;
    words.next();
  }
  return { cookie: cookie.toLowerCase(), noPercpu };
}
