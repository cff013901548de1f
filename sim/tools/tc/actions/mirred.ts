/** `action mirred`. @source iproute2 tc/m_mirred.c */
import { TC_ACT_PIPE, TC_ACT_STOLEN } from "../../../net/tc/act.ts";
import {
  Mirred,
  type MirredOptions,
  TCA_EGRESS_MIRROR,
  TCA_EGRESS_REDIR,
  TCA_INGRESS_MIRROR,
  TCA_INGRESS_REDIR,
} from "../../../net/tc/actions/mirred.ts";
import { duplicateArgument, matches, type Words } from "../../rtnetlink.ts";
import { ToolError, type ToolSession } from "../../tool.ts";
import { type ActionWords, type ParsedAction, printInstance } from "../action-kind.ts";
import { advance, refusal, unsignedOf } from "../arguments.ts";
import { printControl, takeControlOr } from "../control-word.ts";

const USAGE =
  "Usage: mirred <DIRECTION> <ACTION> [index INDEX] <dev DEVICENAME>\n" +
  "where:\n" +
  "\tDIRECTION := <ingress | egress>\n" +
  "\tACTION := <mirror | redirect>\n" +
  "\tINDEX  is the specific policy instance id\n" +
  "\tDEVICENAME is the devicename\n";

const NAMES: readonly string[] = ["", "Egress Redirect", "Egress Mirror", "Ingress Redirect", "Ingress Mirror"];

function parse(words: Words, session: ToolSession): ParsedAction {
  const w = advance(words);
  if (matches(w, "egress") || matches(w, "ingress") || matches(w, "index")) return parseDirection(words, session);
  if (matches(w, "help")) throw new ToolError(255, USAGE);
  throw refusal(`mirred option not supported ${w}\n`);
}

/** What parse_direction keeps. */
class State {
  ok: boolean = false;
  index: number = 0;
  indexSaid: boolean = false;
  side: "egress" | "ingress" | null = null;
  what: "mirror" | "redirect" | null = null;
  device: string | null = null;
}

function parseDirection(words: Words, session: ToolSession): ParsedAction {
  const s = new State();
  takeWords(words, s);
  if (!s.ok && !s.indexSaid) throw refusal("");
  let ifindex = 0;
  if (s.device !== null) {
    const dev = session.host.devByName.get(s.device);
    if (dev === undefined) throw refusal(`Cannot find device "${s.device}"\n`);
    ifindex = dev.ifindex;
  }
  const mirror = s.what === "mirror";
  let verdict = s.what === "redirect" ? TC_ACT_STOLEN : mirror ? TC_ACT_PIPE : 0;
  if (mirror) verdict = takeControlOr(words, TC_ACT_PIPE);
  const w = words.peek();
  if (w !== undefined && matches(w, "index")) {
    if (s.indexSaid) throw refusal("mirred: Illegal double index\n");
    const n = unsignedOf(advance(words), 10);
    if (n === null) throw refusal('mirred: Illegal "index"\n');
    s.index = n;
    words.next();
  }
  const options: MirredOptions = { verdict, eaction: eactionOf(s), ifindex, blockId: 0 };
  return { index: s.index, options };
}

function eactionOf(s: State): number {
  if (s.what === null) return 0;
  if (s.what === "mirror") return s.side === "egress" ? TCA_EGRESS_MIRROR : TCA_INGRESS_MIRROR;
  return s.side === "egress" ? TCA_EGRESS_REDIR : TCA_INGRESS_REDIR;
}

function takeWords(words: Words, s: State): void {
  for (let w = words.peek(); w !== undefined; w = words.peek()) {
    if (matches(w, "action")) {
      advance(words);
      return;
    }
    const side = matches(w, "egress") ? "egress" : matches(w, "ingress") ? "ingress" : null;
    if (side !== null && s.side !== side) {
      if (s.side !== null) {
        throw refusal(
          side === "egress" ? "Can't have both egress and ingress\n" : "Can't have both ingress and egress\n",
        );
      }
      s.side = side;
      s.ok = true;
      advance(words);
      continue;
    }
    if (matches(w, "index")) {
      const n = unsignedOf(advance(words), 10);
      if (n === null) throw refusal('Illegal "index"\n');
      s.index = n;
      s.indexSaid = true;
      if (!s.ok) {
        words.next();
        return;
      }
    } else if (!s.ok) throw refusal(`was expecting egress or ingress (${w})\n`);
    else if (s.what !== "mirror" && matches(w, "mirror")) setWhat(s, "mirror");
    else if (s.what !== "redirect" && matches(w, "redirect")) setWhat(s, "redirect");
    else if (s.what !== null && matches(w, "dev")) {
      const name = advance(words);
      if (s.device !== null) throw duplicateArgument("dev", name);
      s.device = name;
      words.next();
      return;
    }
    advance(words);
  }
}

function setWhat(s: State, what: "mirror" | "redirect"): void {
  if (s.what !== null) throw refusal("Can't have both mirror and redir\n");
  s.what = what;
}

/** The record of `mirred`. */
export const mirred: ActionWords = {
  kind: "mirred",
  parse,
  print(o, action, flags) {
    if (!(action instanceof Mirred)) return;
    o.any("kind", "mirred", "mirred ");
    const target = action.host.devices[action.ifindex];
    const side = action.eaction <= TCA_EGRESS_MIRROR ? "egress" : "ingress";
    const what = action.eaction === TCA_EGRESS_MIRROR || action.eaction === TCA_INGRESS_MIRROR ? "mirror" : "redirect";
    o.plain(`(${NAMES[action.eaction]}`).field("mirred_action", what).field("direction", side);
    const name = target?.name ?? "*";
    o.any("to_dev", name, ` to device ${name})`);
    printControl(o, " ", action.verdict);
    o.plain("\n");
    printInstance(o, action, flags);
  },
};
