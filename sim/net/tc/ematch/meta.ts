/**
 * meta: what the kernel knows of a packet besides its bytes, compared with a value or with another such thing.
 *
 * @source net/sched/em_meta.c em_meta_match, meta_int_compare, meta_var_compare; tc-ematch(8)
 */
import type { Netdev } from "../../netdev.ts";
import type { Skb } from "../../skb.ts";
import { isVlanProto } from "../../vlan-tag.ts";
import type { Ematch, EmatchOperand } from "./ematch.ts";

/** What may be named; the numbers of the others are for sockets, routes and loads. */
export type MetaId =
  | "random"
  | "dev"
  | "priority"
  | "protocol"
  | "pkt_type"
  | "pkt_len"
  | "data_len"
  | "mac_len"
  | "nf_mark"
  | "tc_index"
  | "vlan";

/** One side: a number, a text, or a thing by its name with shift and mask (0: none). */
export type MetaObject =
  | { readonly type: "number"; readonly value: number }
  | { readonly type: "text"; readonly value: string }
  | {
      readonly type: "id";
      readonly id: MetaId;
      readonly shift: number;
      readonly mask: number;
      /** Compared as a text: `dev` with a name. */
      readonly asText: boolean;
    };

/** `meta(OBJECT OP OBJECT)`. */
export class MetaMatch implements Ematch {
  readonly kind: string = "meta";
  readonly left: MetaObject;
  readonly right: MetaObject;
  readonly operand: EmatchOperand;

  constructor(left: MetaObject, operand: EmatchOperand, right: MetaObject) {
    this.left = left;
    this.operand = operand;
    this.right = right;
  }

  matches(skb: Skb, dev: Netdev): boolean {
    const order =
      isText(this.left) || isText(this.right)
        ? compareText(textOf(this.left, dev), textOf(this.right, dev))
        : compareNumbers(numberOf(this.left, skb, dev), numberOf(this.right, skb, dev));
    if (Number.isNaN(order)) return false;
    if (this.operand === "eq") return order === 0;
    return this.operand === "gt" ? order > 0 : order < 0;
  }
}

function isText(o: MetaObject): boolean {
  return o.type === "text" || (o.type === "id" && o.asText);
}

/** NaN when one of them is not there. */
function compareNumbers(a: number, b: number): number {
  return a < 0 || b < 0 ? Number.NaN : a - b;
}

/** By length, then by bytes. */
function compareText(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A shift takes characters off the end. */
function textOf(o: MetaObject, dev: Netdev): string {
  if (o.type === "text") return o.value;
  const shift = o.type === "id" ? o.shift : 0;
  return shift > 0 && shift < dev.name.length ? dev.name.slice(0, dev.name.length - shift) : dev.name;
}

/** -1 when the packet has none. */
function numberOf(o: MetaObject, skb: Skb, dev: Netdev): number {
  if (o.type === "number") return o.value;
  if (o.type === "text") return -1;
  let value = valueOfId(o.id, skb, dev);
  if (value < 0) return value;
  if (o.shift !== 0) value >>>= o.shift;
  return o.mask === 0 ? value : (value & o.mask) >>> 0;
}

function valueOfId(id: MetaId, skb: Skb, dev: Netdev): number {
  switch (id) {
    case "random":
      return dev.host.kernel.random.u32();
    case "dev":
      return dev.ifindex;
    case "priority":
      return skb.priority >>> 0;
    case "protocol": {
      // in the order in which it lies in the packet
      const proto = skb.vlanPresent ? skb.vlanProto : skb.protocol;
      return ((proto & 0xff) << 8) | (proto >>> 8);
    }
    case "pkt_type":
      return skb.pktType;
    case "pkt_len":
      return skb.atIngress ? skb.len - skb.macLen : skb.len;
    case "data_len":
      return 0;
    case "mac_len":
      return skb.macLen;
    case "nf_mark":
      return skb.mark >>> 0;
    case "tc_index":
      return skb.tcIndex;
    case "vlan":
      return vlanTci(skb, dev);
  }
}

function vlanTci(skb: Skb, dev: Netdev): number {
  if (skb.vlanPresent) return skb.vlanTci;
  const at = skb.macHeader + 14;
  if (!isVlanProto(skb.protocol) || at + 2 > skb.data + skb.len) return -1;
  return dev.host.kernel.arena.dv.getUint16(at, false);
}
