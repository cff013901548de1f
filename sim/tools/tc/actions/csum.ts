/** `action csum`. @source iproute2 tc/m_csum.c */
import { TC_ACT_OK } from "../../../net/tc/act.ts";
import {
  CSUM_ICMP,
  CSUM_IGMP,
  CSUM_IPV4HDR,
  CSUM_TCP,
  CSUM_UDP,
  CSUM_UDPLITE,
  Csum,
  type CsumOptions,
} from "../../../net/tc/actions/csum.ts";
import { matches, notInNetsim, type Words } from "../../rtnetlink.ts";
import { takeIndex } from "../action-index.ts";
import { type ActionWords, type ParsedAction, printInstance } from "../action-kind.ts";
import { advance, refusal } from "../arguments.ts";
import { printControl, takeControlOr } from "../control-word.ts";

/** Words in tc's order, which abbreviations go by. */
const TARGETS: readonly (readonly [string, number])[] = [
  ["iph", CSUM_IPV4HDR],
  ["ip4h", CSUM_IPV4HDR],
  ["ipv4h", CSUM_IPV4HDR],
  ["icmp", CSUM_ICMP],
  ["igmp", CSUM_IGMP],
  ["tcp", CSUM_TCP],
  ["udp", CSUM_UDP],
  ["udplite", CSUM_UDPLITE],
];
const FILLERS: readonly string[] = ["and", "or", "+"];
/** How targets are listed. */
const NAMES: readonly (readonly [number, string])[] = [
  [CSUM_IPV4HDR, "iph"],
  [CSUM_ICMP, "icmp"],
  [CSUM_IGMP, "igmp"],
  [CSUM_TCP, "tcp"],
  [CSUM_UDP, "udp"],
  [CSUM_UDPLITE, "udplite"],
];

function parse(words: Words): ParsedAction {
  let flags = 0;
  advance(words);
  for (let w = words.peek(); w !== undefined; w = words.peek()) {
    const target = TARGETS.find(([name]) => matches(w!, name));
    if (target !== undefined) flags |= target[1];
    else if (matches(w, "sctp")) throw notInNetsim("`csum sctp`");
    else if (w === "csum" || FILLERS.some((f) => matches(w!, f))) {
      words.next();
      continue;
    } else break;
    words.next();
  }
  if (flags === 0) throw refusal("Illegal csum construct, empty <UPDATE> list\n");
  const verdict = takeControlOr(words, TC_ACT_OK);
  const index = takeIndex(words, (given) => `Illegal "index" (${given}) <csum>\n`) ?? 0;
  const options: CsumOptions = { verdict, flags };
  return { index, options };
}

/** The record of `csum`. */
export const csum: ActionWords = {
  kind: "csum",
  parse,
  print(o, action, flags) {
    if (!(action instanceof Csum)) return;
    const names = NAMES.filter(([bit]) => (action.flags & bit) !== 0).map(([, name]) => name);
    const list = names.join(", ");
    o.any("kind", "csum", "csum ").any("csum", list, `(${list}) `);
    printControl(o, "action ", action.verdict, "\n");
    printInstance(o, action, flags);
  },
};
