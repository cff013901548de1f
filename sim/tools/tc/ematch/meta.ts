/** `meta(...)`. @source iproute2 tc/em_meta.c */
import { type MetaId, MetaMatch, type MetaObject } from "../../../net/tc/ematch/meta.ts";
import { notInNetsim } from "../../rtnetlink.ts";
import { unsignedOf } from "../arguments.ts";
import { after, type EmatchArgument, EmatchError, type EmatchKind } from "./kind.ts";

const IDS: ReadonlyMap<string, MetaId> = new Map<string, MetaId>([
  ["random", "random"],
  ["dev", "dev"],
  ["priority", "priority"],
  ["protocol", "protocol"],
  ["pkt_type", "pkt_type"],
  ["pkt_len", "pkt_len"],
  ["data_len", "data_len"],
  ["mac_len", "mac_len"],
  ["nf_mark", "nf_mark"],
  ["fwmark", "nf_mark"],
  ["tc_index", "tc_index"],
  ["vlan", "vlan"],
]);
/** Loads, routes and sockets. */
const REFUSED = /^(loadavg_(1|5|15)|rt_(classid|iif)|sk_\w+)$/;

/** Reads one side from a place on. @returns it, and where the next word is */
function objectAt(args: readonly EmatchArgument[], at: number): readonly [MetaObject, number] {
  const arg = args[at]!;
  if (arg.quoted) return [{ type: "text", value: arg.text }, at + 1];
  const n = unsignedOf(arg.text, 0);
  if (n !== null) return [{ type: "number", value: n }, at + 1];
  if (REFUSED.test(arg.text)) throw notInNetsim(`\`meta(${arg.text})\``);
  const id = IDS.get(arg.text);
  if (id === undefined) throw new EmatchError("meta: unknown meta id");
  let shift = 0;
  let mask = 0;
  let i = at + 1;
  for (; i < args.length; i += 2) {
    const w = args[i]!.text;
    if (w !== "shift" && w !== "mask") break;
    const value = unsignedOf(after(args, i, "meta"), 0);
    if (value === null) throw new EmatchError(`meta: invalid ${w}, must be numeric`);
    if (w === "shift") shift = value & 0xff;
    else mask = value;
  }
  return [{ type: "id", id, shift, mask, asText: false }, i];
}

function parse(args: readonly EmatchArgument[]): MetaMatch {
  if (args.length === 0) throw new EmatchError("meta: missing arguments");
  const [left, at] = objectAt(args, 0);
  const operand = args[at]?.text;
  if (operand === undefined) throw new EmatchError("meta: missing operand");
  if (operand !== "eq" && operand !== "gt" && operand !== "lt") throw new EmatchError("meta: invalid operand");
  if (args[at + 1] === undefined) throw new EmatchError("meta: missing rvalue");
  const [right, end] = objectAt(args, at + 1);
  if (end < args.length) throw new EmatchError("meta: unexpected trailer");
  if ((left.type === "text") === (right.type === "text")) return new MetaMatch(left, operand, right);
  return new MetaMatch(asText(left), operand, asText(right));
}

/** Beside a text the other side must have one: only a device does. @throws EmatchError */
function asText(o: MetaObject): MetaObject {
  if (o.type === "text") return o;
  if (o.type !== "id" || o.id !== "dev") throw new EmatchError("lvalue and rvalue are not compatible.");
  return { ...o, asText: true };
}

function printObject(o: MetaObject): string {
  if (o.type === "number") return `${o.value | 0}`;
  if (o.type === "text") return o.value;
  const shift = o.shift === 0 ? "" : ` shift ${o.shift}`;
  return `${o.id}${shift}${o.mask === 0 ? "" : ` mask 0x${o.mask.toString(16).padStart(8, "0")}`}`;
}

/** The record of `meta`. */
export const meta: EmatchKind = {
  kind: "meta",
  usage:
    "Usage: meta(OBJECT { eq | lt | gt } OBJECT)\n" +
    "where: OBJECT  := { META_ID | VALUE }\n" +
    "       META_ID := id [ shift SHIFT ] [ mask MASK ]\n\n" +
    "Example: meta(nf_mark gt 24)\n" +
    '         meta(indev shift 1 eq "ppp")\n' +
    "         meta(tcindex mask 0xf0 eq 0xf0)\n\n" +
    "For a list of meta identifiers, use meta(list).\n",
  parse,
  print: (m) => (m instanceof MetaMatch ? `${printObject(m.left)} ${m.operand} ${printObject(m.right)}` : ""),
};
