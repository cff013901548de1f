/** `tc actions`. @source iproute2 tc/m_action.c do_action, tc_action_modify, tc_action_gd, tc_act_list_or_flush */
import type { TcAction } from "../../net/tc/action.ts";
import { deleteAction, flushActions, getAction, initActions, listActions } from "../../net/tc/action-control.ts";
import { actionDef } from "../../net/tc/actions/index.ts";
import { matches, notInNetsim, type ToolFlags, talk, type Words } from "../rtnetlink.ts";
import { ToolError, type ToolSession } from "../tool.ts";
import { printActions } from "./action-show.ts";
import { takeActions } from "./action-words.ts";
import { actionWordsOf, LINUX_ACTIONS } from "./actions/index.ts";
import { unsignedOf } from "./arguments.ts";
import { releaseUnused, runningPrograms } from "./attached-programs.ts";
import type { TcObject } from "./object.ts";
import { PrintObject, printObjects } from "./print.ts";

const TALKING = "We have an error talking to the kernel\n";
const USAGE =
  "usage: tc actions <ACTSPECOP>*\n" +
  "Where: \tACTSPECOP := ACR | GD | FL\n" +
  "\tACR := add | change | replace <ACTSPEC>*\n" +
  "\tGD := get | delete | <ACTISPEC>*\n" +
  "\tFL := ls | list | flush | <ACTNAMESPEC>\n" +
  "\tACTNAMESPEC :=  action <ACTNAME>\n" +
  "\tACTISPEC := <ACTNAMESPEC> <INDEXSPEC>\n" +
  "\tACTSPEC := action <ACTDETAIL> [INDEXSPEC] [HWSTATSSPEC] [SKIPSPEC]\n" +
  "\tINDEXSPEC := index <32 bit indexvalue>\n" +
  "\tHWSTATSSPEC := hw_stats [ immediate | delayed | disabled ]\n" +
  "\tSKIPSPEC := [ skip_sw | skip_hw ]\n" +
  "\tACTDETAIL := <ACTNAME> <ACTPARAMS>\n" +
  "\t\tExample ACTNAME is gact, mirred, bpf, etc\n" +
  "\t\tEach action has its own parameters (ACTPARAMS)\n\n";

function run(session: ToolSession, words: Words, flags: ToolFlags): string {
  let out = "";
  while (!words.done) {
    const verb = words.next();
    if (matches(verb, "add")) modify(session, words, false);
    else if (matches(verb, "change") || matches(verb, "replace")) modify(session, words, true);
    else if (matches(verb, "delete")) remove(session, words);
    else if (matches(verb, "get")) out += get(session, words, flags);
    else if (matches(verb, "list") || matches(verb, "show") || matches(verb, "lst"))
      return out + list(session, words, flags);
    else if (matches(verb, "flush")) {
      flush(session, words);
      return out;
    } else if (matches(verb, "help")) throw new ToolError(255, USAGE, out);
    else throw new ToolError(255, `Command "${verb}" is unknown, try "tc actions help".\n`, out);
  }
  return out;
}

function modify(session: ToolSession, words: Words, replace: boolean): void {
  const { host } = session;
  const before = runningPrograms(host);
  try {
    const specs = takeActions(words, session);
    talk(() => initActions(host, specs, { proto: null, replace }, actionDef), TALKING);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    if (error.status === 1) throw new ToolError(255, `${error.stderr}Illegal "action"\n`);
    throw error.status === 2 ? new ToolError(255, error.stderr) : error;
  } finally {
    releaseUnused(host, before);
  }
}

/** One `action KIND index N` after the other. */
function takeNames(words: Words, verb: string): readonly { readonly kind: string; readonly index: number }[] {
  const out: { kind: string; index: number }[] = [];
  for (let w = words.peek(); w !== undefined; w = words.peek()) {
    words.next();
    if (w === "action") continue;
    if (w === "help") throw new ToolError(255, "");
    const next = words.peek();
    if (next === undefined || !matches(next, "index")) {
      throw new ToolError(255, `Error: no index specified action: ${w}\n`);
    }
    words.next();
    const index = unsignedOf(words.next(), 10);
    if (index === null) throw new ToolError(255, 'Illegal "index"\n');
    out.push({ kind: knownKind(w), index });
  }
  if (out.length === 0) throw new ToolError(255, `Command "${verb}" is not complete\n`);
  return out;
}

/** tc takes a kind that it does not know for gact. @throws ToolError for one that Linux has and netsim has not */
function knownKind(kind: string): string {
  if (LINUX_ACTIONS.includes(kind)) throw notInNetsim(`action ${kind}`);
  return actionWordsOf(kind) === undefined ? "gact" : kind;
}

/** After the kernel's no, tc goes on with the words that it has not taken. */
function talkAboutNames<T>(call: () => T): T {
  try {
    return talk(call, TALKING);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    throw new ToolError(255, `${error.stderr}Command "action" is unknown, try "tc actions help".\n`);
  }
}

function remove(session: ToolSession, words: Words): void {
  const names = takeNames(words, "delete");
  const before = runningPrograms(session.host);
  talkAboutNames(() => {
    for (const { kind, index } of names) getAction(session.host, kind, index);
    for (const { kind, index } of names) deleteAction(session.host, kind, index);
  });
  releaseUnused(session.host, before);
}

function get(session: ToolSession, words: Words, flags: ToolFlags): string {
  const names = takeNames(words, "get");
  const actions = talkAboutNames(() => names.map(({ kind, index }) => getAction(session.host, kind, index)));
  return show(actions, 0, 1, flags);
}

function show(actions: readonly TcAction[], total: number, first: number, flags: ToolFlags): string {
  for (const action of actions) action.hwStatsAsked = true;
  const head = new PrintObject().any("total acts", total, `total acts ${total}`).plain("\n");
  const body = new PrintObject();
  printActions(body, actions, first, false, flags);
  return printObjects([head, body], flags);
}

/** `action KIND`. */
function takeKind(words: Words): string {
  if (words.left < 2) throw new ToolError(255, USAGE);
  words.next();
  return knownKind(words.next());
}

function list(session: ToolSession, words: Words, flags: ToolFlags): string {
  const actions = listActions(session.host, takeKind(words));
  if (actions.length === 0) return flags.json ? printObjects([], flags) : "";
  return show(actions, actions.length, 0, flags);
}

function flush(session: ToolSession, words: Words): void {
  const kind = takeKind(words);
  const before = runningPrograms(session.host);
  try {
    talk(() => flushActions(session.host, kind), "We have an error flushing\n");
  } catch (error) {
    if (error instanceof ToolError) throw new ToolError(1, error.stderr);
    throw error;
  } finally {
    releaseUnused(session.host, before);
  }
}

/** The object. */
export const actions: TcObject = {
  name: "actions",
  run,
};
