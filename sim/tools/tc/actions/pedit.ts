/** `action pedit`. @source iproute2 tc/m_pedit.c parse_pedit, print_pedit */
import { TC_ACT_OK } from "../../../net/tc/act.ts";
import { PEDIT_NETWORK, Pedit, type PeditOptions } from "../../../net/tc/actions/pedit.ts";
import { matches, type Words } from "../../rtnetlink.ts";
import { ToolError } from "../../tool.ts";
import { takeIndex } from "../action-index.ts";
import { type ActionWords, type ParsedAction, printReferences } from "../action-kind.ts";
import { advance, refusal } from "../arguments.ts";
import { printControl, takeControlOr } from "../control-word.ts";
import { PrintObject } from "../print.ts";
import { PeditSelector } from "./pedit-munge.ts";

const USAGE =
  "Usage: ... pedit munge [ex] <MUNGE> [CONTROL]\n" +
  "Where: MUNGE := <RAW>|<LAYERED>\n" +
  "\t<RAW>:= <OFFSETC>[ATC]<CMD>\n \t\tOFFSETC:= offset <offval> <u8|u16|u32>\n" +
  "\t\tATC:= at <atval> offmask <maskval> shift <shiftval>\n" +
  "\t\tNOTE: offval is byte offset, must be multiple of 4\n" +
  "\t\tNOTE: maskval is a 32 bit hex number\n \t\tNOTE: shiftval is a shift value\n" +
  "\t\tCMD:= clear | invert | set <setval> | add <addval> | decrement | retain\n" +
  "\t<LAYERED>:= ip <ipdata> | ip6 <ip6data>\n" +
  " \t\t| udp <udpdata> | tcp <tcpdata> | icmp <icmpdata>\n" +
  "\tCONTROL:= reclassify | pipe | drop | continue | pass |\n" +
  "\t          goto chain <CHAIN_INDEX>\n" +
  "\tNOTE: if 'ex' is set, extended functionality will be supported (kernel >= 4.11)\n" +
  "For Example usage look at the examples directory\n";
const HEADERS: readonly string[] = ["", "eth", "ipv4", "ipv6", "tcp", "udp"];

function parse(words: Words): ParsedAction {
  const selector = new PeditSelector();
  let munged = false;
  for (let w = words.peek(); w !== undefined; w = words.peek()) {
    if (matches(w, "pedit")) {
      if (matches(advance(words), "ex")) {
        if (munged) throw refusal(`'ex' must be before first 'munge'\n${USAGE}`);
        selector.extended = true;
        advance(words);
      }
    } else if (matches(w, "help")) throw new ToolError(255, USAGE);
    else if (matches(w, "munge")) {
      const what = advance(words);
      try {
        selector.take(words);
      } catch (error) {
        if (!(error instanceof ToolError) || error.status !== 1) throw error;
        throw refusal(`${error.stderr}Bad pedit construct (${what})\n${USAGE}`);
      }
      munged = true;
    } else break;
  }
  const verdict = takeControlOr(words, TC_ACT_OK);
  const index = takeIndex(words, 'Pedit: Illegal "index"\n') ?? 0;
  const options: PeditOptions = { verdict, extended: selector.extended, keys: selector.keys };
  return { index, options };
}

/** The record of `pedit`. */
export const pedit: ActionWords = {
  kind: "pedit",
  parse,
  print(o, action, flags) {
    if (!(action instanceof Pedit)) return;
    o.any("kind", "pedit", " pedit ");
    printControl(o, "action ", action.verdict, " ");
    o.any("nkeys", action.keys.length, `keys ${action.keys.length}\n`);
    o.any("index", action.index, ` \t index ${action.index}`);
    printReferences(o, action, " ref ", " bind ", flags);
    o.array(
      "keys",
      action.keys.map((key, i) => {
        const k = new PrintObject().plain(`\n\t key #${i}  at `);
        const sign = key.off >= 0 ? "+" : "";
        if (key.header === PEDIT_NETWORK) k.field("htype", "network").any("offset", key.off, `${key.off}`);
        else {
          const header = HEADERS[key.header]!;
          k.any("htype", header, header).any("offset", key.off, `${sign}${key.off}`);
        }
        const val = (key.val >>> 0).toString(16);
        const mask = (key.mask >>> 0).toString(16);
        k.plain(key.add ? ": add" : ": val").field("cmd", key.add ? "add" : "set");
        return k.any("val", val, ` ${val.padStart(8, "0")}`).any("mask", mask, ` mask ${mask.padStart(8, "0")}`);
      }),
    );
    o.plain("\n");
  },
};
