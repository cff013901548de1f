/** `action skbedit`. @source iproute2 tc/m_skbedit.c */
import { PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST } from "../../../net/skb.ts";
import { TC_ACT_PIPE } from "../../../net/tc/act.ts";
import { Skbedit, type SkbeditOptions } from "../../../net/tc/actions/skbedit.ts";
import { matches, type Words } from "../../rtnetlink.ts";
import { ToolError } from "../../tool.ts";
import { takeIndex } from "../action-index.ts";
import { type ActionWords, type ParsedAction, printInstance } from "../action-kind.ts";
import { advance, refusal, unsignedOf } from "../arguments.ts";
import { printControl, takeControlOr } from "../control-word.ts";
import { classidOf, formatClassid } from "../handles.ts";

const USAGE =
  "Usage: ... skbedit <[QM] [PM] [MM] [PT] [IF]>\n" +
  "QM = queue_mapping QUEUE_MAPPING\n" +
  "PM = priority PRIORITY\n" +
  "MM = mark MARK[/MASK]\n" +
  "PT = ptype PACKETYPE\n" +
  "IF = inheritdsfield\n" +
  "PACKETYPE = is one of:\n" +
  "  host, otherhost, broadcast, multicast\n" +
  "QUEUE_MAPPING = device transmit queue to use\n" +
  "PRIORITY = classID to assign to priority field\n" +
  "MARK = firewall mark to set\n" +
  "MASK = mask applied to firewall mark (0xffffffff by default)\n" +
  "note: inheritdsfield maps DS field to skb->priority\n";

/** In tc's order. */
const PTYPES: readonly (readonly [string, number])[] = [
  ["host", PACKET_HOST],
  ["broadcast", PACKET_BROADCAST],
  ["multicast", PACKET_MULTICAST],
  ["otherhost", PACKET_OTHERHOST],
];

function parse(words: Words): ParsedAction {
  advance(words);
  const said: { -readonly [K in keyof SkbeditOptions]: SkbeditOptions[K] } = {
    verdict: TC_ACT_PIPE,
    queueMapping: null,
    priority: null,
    mark: null,
    mask: null,
    ptype: null,
    inheritDsfield: false,
  };
  let any = false;
  for (let w = words.peek(); w !== undefined; w = words.peek()) {
    if (matches(w, "queue_mapping")) {
      const n = unsignedOf(advance(words), 10, 0xffff);
      if (n === null) throw refusal("Illegal queue_mapping\n");
      said.queueMapping = n;
    } else if (matches(w, "priority")) {
      const id = classidOf(advance(words));
      if (id === null) throw refusal("Illegal priority\n");
      said.priority = id;
    } else if (matches(w, "mark")) {
      const [mark, mask] = advance(words).split("/", 2);
      const n = unsignedOf(mark!, 0);
      if (n === null) throw refusal("Illegal mark\n");
      const m = mask === undefined ? null : unsignedOf(mask, 0);
      if (mask !== undefined && m === null) throw refusal("Illegal mask\n");
      said.mark = n;
      said.mask = m;
    } else if (matches(w, "ptype")) {
      const name = advance(words);
      const found = PTYPES.find(([p]) => matches(name, p));
      if (found === undefined) throw refusal(`Illegal ptype (${name})\n`);
      said.ptype = found[1];
    } else if (matches(w, "inheritdsfield")) said.inheritDsfield = true;
    else if (matches(w, "help")) throw new ToolError(255, USAGE);
    else break;
    any = true;
    words.next();
  }
  said.verdict = takeControlOr(words, TC_ACT_PIPE);
  const index = takeIndex(words, 'skbedit: Illegal "index"\n');
  if (!any && index === null) throw refusal(USAGE);
  return { index: index ?? 0, options: said };
}

/** The record of `skbedit`. */
export const skbedit: ActionWords = {
  kind: "skbedit",
  parse,
  print(o, action, flags) {
    if (!(action instanceof Skbedit)) return;
    const { queueMapping, priority, mark, mask, ptype, inheritDsfield } = action.options;
    o.any("kind", "skbedit", "skbedit ");
    if (queueMapping !== null) o.any("queue_mapping", queueMapping, `queue_mapping ${queueMapping}`);
    if (priority !== null) o.any("priority", formatClassid(priority), ` priority ${formatClassid(priority)}`);
    if (mark !== null) o.any("mark", mark, ` mark ${mark}`);
    if (mask !== null) o.any("mask", mask.toString(16), `/0x${mask.toString(16)}`);
    if (ptype !== null) {
      const name = PTYPES.find(([, n]) => n === ptype)![0];
      o.any("ptype", name, ` ptype ${name}`);
    }
    if (inheritDsfield) o.any("inheritdsfield", null, " inheritdsfield");
    printControl(o, " ", action.verdict);
    o.plain("\n");
    printInstance(o, action, flags, "\t index");
  },
};
