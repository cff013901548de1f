/** `tc filter ... flower`. @source iproute2 tc/f_flower.c flower_parse_opt; net/sched/cls_flower.c fl_set_key */
import { ETH_P_8021AD, ETH_P_8021Q, ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 } from "../../../net/ether.ts";
import { FlowerFilter, type FlowerOptions } from "../../../net/tc/cls/flower.ts";
import { FK } from "../../../net/tc/cls/flower-key.ts";
import { invalidArgument, matches, notInNetsim, type Words } from "../../rtnetlink.ts";
import { advance, refusal, unsignedOf } from "../arguments.ts";
import { type FilterKind, type FilterParse, type ParsedFilter, takeFilterActions } from "../filter-kind.ts";
import { classidOf } from "../handles.ts";
import { printFlower, printFlowerKeys } from "./flower-show.ts";
import { FLOWER_USAGE } from "./flower-usage.ts";
import { FLOWER_WORDS, FlowerSaid, isVlan } from "./flower-words.ts";

/** What flower has for packets that netsim does not look into; in tc's order of abbreviations. */
const REFUSED: readonly string[] = [
  "hw_tc",
  "ct_state",
  "ct_zone",
  "ct_mark",
  "ct_label",
  "mpls",
  "mpls_label",
  "mpls_tc",
  "mpls_bos",
  "mpls_ttl",
  "pppoe_sid",
  "ppp_proto",
  "enc_dst_port",
  "geneve_opts",
  "vxlan_opts",
  "erspan_opts",
  "gtp_opts",
];

function parse(words: Words, p: FilterParse): ParsedFilter {
  let handle = 0;
  if (p.handle !== null) {
    const n = unsignedOf(p.handle, 0);
    if (n === null) throw refusal('Illegal "handle"\n');
    handle = n;
  }
  const s = new FlowerSaid(p.protocol);
  for (let w = words.peek(); w !== undefined; w = words.peek()) {
    if (matches(w, "action")) {
      advance(words);
      s.exts = takeFilterActions(words, p.session);
    } else {
      takeWord(words, w, s);
      words.next();
    }
  }
  return { handle, options: finish(s) };
}

function takeWord(words: Words, w: string, s: FlowerSaid): void {
  if (matches(w, "classid") || matches(w, "flowid")) {
    const id = classidOf(advance(words));
    if (id === null) throw refusal('Illegal "classid"\n');
    s.classid = id;
  } else if (matches(w, "verbose")) return;
  else if (matches(w, "skip_hw")) s.skipHw = true;
  else if (matches(w, "skip_sw")) s.skipSw = true;
  else if (matches(w, "indev")) {
    const name = advance(words);
    if (name.length === 0 || name.length > 15) throw invalidArgument('"indev" not a valid ifname', name);
    s.indev = name;
  } else {
    const known = FLOWER_WORDS.find((f) => (f.exact ? w === f.word : matches(w, f.word)));
    if (known !== undefined) {
      if (!known.take(s, advance(words))) throw refusal(`Illegal "${known.illegal ?? known.word}"\n`);
    } else if (REFUSED.some((r) => matches(w, r))) throw notInNetsim(`\`flower ${w}\``);
    else if (w === "help") throw refusal(FLOWER_USAGE);
    else throw refusal(`What is "${w}"?\n${FLOWER_USAGE}`);
  }
}

/** fl_set_key: what the kernel makes of it. Fields of IP count only where the ethertype is one of IP's. */
function finish(s: FlowerSaid): FlowerOptions {
  let type = s.protocol === ETH_P_ALL ? 0 : s.protocol;
  if (type !== 0 && isVlan(type, s.numVlans > 0)) {
    if (type === ETH_P_8021Q || type === ETH_P_8021AD) s.set(FK.vlanTpid, type, 0xffff);
    type = s.mask[FK.vlanEthType] !== 0 ? s.key[FK.vlanEthType]! : 0;
    if (type === ETH_P_8021Q || type === ETH_P_8021AD) {
      s.set(FK.cvlanTpid, type, 0xffff);
      type = s.mask[FK.cvlanEthType] !== 0 ? s.key[FK.cvlanEthType]! : 0;
    }
  }
  if (type !== 0) s.set(FK.ethType, type, 0xffff);
  if (type !== ETH_P_IP && type !== ETH_P_IPV6) for (const at of [FK.ipProto, FK.tos, FK.ttl]) s.set(at, 0, 0);
  const { key, mask, srcPorts, dstPorts, indev, classid, skipHw, skipSw, exts } = s;
  return { key, mask, srcPorts, dstPorts, indev, classid, skipHw, skipSw, exts };
}

/** The record of `flower`. */
export const flower: FilterKind = {
  kind: "flower",
  parse,
  print(o, filter, show) {
    if (filter instanceof FlowerFilter) printFlower(o, filter, show);
  },
  printTemplate(o, options) {
    // what parse made
    printFlowerKeys(o, options as FlowerOptions);
  },
};
