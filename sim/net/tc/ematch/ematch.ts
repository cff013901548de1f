/**
 * Extended matches: trees of comparisons, for the basic classifier.
 *
 * A sequence is asked from left to right; `and` ends it at the first that does not match, `or` at the first that does, so that
 * `a and b or c` is `a and (b or c)`.
 *
 * @source net/sched/ematch.c __tcf_em_tree_match; include/net/pkt_cls.h tcf_get_base_ptr, tcf_valid_offset, tcf_em_early_end
 */
import type { Netdev } from "../../netdev.ts";
import type { Skb } from "../../skb.ts";

/** One comparison; its kind adds what it compares. */
export interface Ematch {
  readonly kind: string;
  matches(skb: Skb, dev: Netdev): boolean;
}

/** A place in a sequence. */
export interface EmatchTerm {
  readonly inverted: boolean;
  /** How the next one is tied to it; null for the last. */
  readonly relation: "and" | "or" | null;
  /** A comparison, or a sequence in brackets. */
  readonly what: Ematch | readonly EmatchTerm[];
}

/** Layers that offsets count from. @source include/uapi/linux/pkt_cls.h TCF_LAYER_* */
export const TCF_LAYER_LINK = 0;
export const TCF_LAYER_NETWORK = 1;
export const TCF_LAYER_TRANSPORT = 2;

/** How two values are compared. @source include/uapi/linux/pkt_cls.h TCF_EM_OPND_* */
export type EmatchOperand = "eq" | "gt" | "lt";

/** Whether a packet matches; an empty sequence matches all. */
export function matchTerms(terms: readonly EmatchTerm[], skb: Skb, dev: Netdev): boolean {
  let result = true;
  for (let i = 0; i < terms.length; i++) {
    const term = terms[i]!;
    const { what } = term;
    const matched = "matches" in what ? what.matches(skb, dev) : matchTerms(what, skb, dev);
    result = matched !== term.inverted;
    if (term.relation === null || result === (term.relation === "or")) break;
  }
  return result;
}

/** Address of a layer's header; the transport header is the network header where nobody has set it yet. */
export function layerBase(skb: Skb, layer: number): number {
  if (layer === TCF_LAYER_LINK) return skb.macHeader;
  if (layer === TCF_LAYER_TRANSPORT && skb.transportHeader >= 0) return skb.transportHeader;
  return skb.networkHeader;
}

/** Whether bytes lie in the packet's buffer, in front of its end. */
export function validOffset(skb: Skb, at: number, bytes: number): boolean {
  return at >= skb.head && at + bytes <= skb.data + skb.len;
}
