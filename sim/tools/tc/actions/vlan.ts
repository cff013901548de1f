/** `action vlan`. @source iproute2 tc/m_vlan.c */
import { ETH_P_8021Q } from "../../../net/ether.ts";
import { formatMac, parseMac } from "../../../net/ip/address.ts";
import { TC_ACT_PIPE } from "../../../net/tc/act.ts";
import { Vlan, type VlanActionName, type VlanOptions } from "../../../net/tc/actions/vlan.ts";
import { isVlanProto } from "../../../net/vlan-tag.ts";
import { invalidArgument, matches, type Words } from "../../rtnetlink.ts";
import { ToolError } from "../../tool.ts";
import { takeIndex } from "../action-index.ts";
import { type ActionWords, type ParsedAction, printInstance } from "../action-kind.ts";
import { advance, refusal, unsignedOf } from "../arguments.ts";
import { printControl, takeControlOr } from "../control-word.ts";
import { formatEthertype, parseEthertype } from "../protocols.ts";

const USAGE =
  "Usage: vlan pop [CONTROL]\n" +
  "       vlan push [ protocol VLANPROTO ] id VLANID [ priority VLANPRIO ] [CONTROL]\n" +
  "       vlan modify [ protocol VLANPROTO ] id VLANID [ priority VLANPRIO ] [CONTROL]\n" +
  "       vlan pop_eth [CONTROL]\n" +
  "       vlan push_eth dst_mac LLADDR src_mac LLADDR [CONTROL]\n" +
  "       VLANPROTO is one of 802.1Q or 802.1AD\n" +
  "            with default: 802.1Q\n" +
  "       CONTROL := reclassify | pipe | drop | continue | pass |\n" +
  "                  goto chain <CHAIN_INDEX>\n";

/** In tc's order, which abbreviations go by. */
const ACTIONS: readonly VlanActionName[] = ["pop", "push", "modify", "pop_eth", "push_eth"];

/** What the words say. */
class Said {
  what: VlanActionName | null = null;
  id: number | null = null;
  protocol: number | null = null;
  priority: number | null = null;
  dstMac: Uint8Array | null = null;
  srcMac: Uint8Array | null = null;
}

function parse(words: Words): ParsedAction {
  advance(words);
  const s = new Said();
  for (let w = words.peek(); w !== undefined; w = words.peek()) {
    const action = ACTIONS.find((a) => matches(w!, a));
    if (action !== undefined) {
      if (s.what !== null) throw refusal(`unexpected "${w}" - action already specified\n${USAGE}`);
      s.what = action;
    } else if (!takeParameter(words, w, s)) break;
    words.next();
  }
  const verdict = takeControlOr(words, TC_ACT_PIPE);
  const index = takeIndex(words, 'vlan: Illegal "index"\n') ?? 0;
  if ((s.what === "push" || s.what === "modify") && s.id === null) {
    throw refusal(`id needs to be set for ${s.what}\n${USAGE}`);
  }
  if (s.what === "push_eth" && s.dstMac === null) throw refusal(`dst_mac needs to be set for push_eth\n${USAGE}`);
  if (s.what === "push_eth" && s.srcMac === null) throw refusal(`src_mac needs to be set for push_eth\n${USAGE}`);
  if (s.protocol !== null && !isVlanProto(s.protocol)) throw refusal(`protocol not supported\n${USAGE}`);
  const options: VlanOptions = {
    verdict,
    what: s.what,
    id: s.id ?? 0,
    protocol: s.protocol ?? ETH_P_8021Q,
    priority: s.priority,
    dstMac: s.dstMac ?? new Uint8Array(6),
    srcMac: s.srcMac ?? new Uint8Array(6),
  };
  return { index, options };
}

function takeParameter(words: Words, w: string, s: Said): boolean {
  if (matches(w, "id")) {
    const text = value(words, w, s, "push");
    s.id = unsignedOf(text, 0, 0xffff);
    if (s.id === null) throw invalidArgument("id is invalid", text);
  } else if (matches(w, "protocol")) {
    s.protocol = parseEthertype(value(words, w, s, "push"));
  } else if (matches(w, "priority")) {
    const text = value(words, w, s, "push");
    s.priority = unsignedOf(text, 0, 7);
    if (s.priority === null) throw invalidArgument("prio is invalid", text);
  } else if (matches(w, "dst_mac")) s.dstMac = macOf(value(words, w, s, "push_eth"), "dst_mac is invalid");
  else if (matches(w, "src_mac")) s.srcMac = macOf(value(words, w, s, "push_eth"), "src_mac is invalid");
  else if (matches(w, "help")) throw new ToolError(255, USAGE);
  else return false;
  return true;
}

/** The word behind a parameter that only some actions have. */
function value(words: Words, w: string, s: Said, of: "push" | "push_eth"): string {
  const ok = of === "push" ? s.what === "push" || s.what === "modify" : s.what === "push_eth";
  if (!ok) throw invalidArgument(of === "push" ? "only valid for push/modify" : "only valid for push_eth", w);
  return advance(words);
}

function macOf(text: string, message: string): Uint8Array {
  const mac = parseMac(text);
  if (mac === null) throw invalidArgument(message, text);
  return mac;
}

/** The record of `vlan`. */
export const vlan: ActionWords = {
  kind: "vlan",
  parse,
  print(o, action, flags) {
    if (!(action instanceof Vlan)) return;
    const { what, id, protocol, priority, dstMac, srcMac } = action.options;
    o.any("kind", "vlan", "vlan ").any("vlan_action", what, ` ${what}`);
    if (what === "push" || what === "modify") {
      const name = formatEthertype(protocol);
      o.any("id", id, ` id ${id}`).any("protocol", name, ` protocol ${name}`);
      // the kernel tells a pushed priority of 0, too
      if (priority !== null || what === "push") o.any("priority", priority ?? 0, ` priority ${priority ?? 0}`);
    } else if (what === "push_eth") {
      o.any("dst_mac", formatMac(dstMac), ` dst_mac ${formatMac(dstMac)}`);
      o.any("src_mac", formatMac(srcMac), ` src_mac ${formatMac(srcMac)}`);
    }
    printControl(o, " ", action.verdict);
    o.plain("\n");
    printInstance(o, action, flags, "\t index");
  },
};
