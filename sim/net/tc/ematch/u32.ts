/** u32: a word of the packet under a mask, from the network header on. @source net/sched/em_u32.c em_u32_match; tc-ematch(8) */
import type { Netdev } from "../../netdev.ts";
import type { Skb } from "../../skb.ts";
import { type Ematch, validOffset } from "./ematch.ts";

/** `u32(ALIGN VALUE MASK at OFFSET)`. */
export class U32Match implements Ematch {
  readonly kind: string = "u32";
  /** Host order, signed. */
  readonly value: number;
  readonly mask: number;
  readonly off: number;
  /** `nexthdr+`: nothing moves that base outside of the u32 classifier. */
  readonly nexthdr: boolean;

  constructor(value: number, mask: number, off: number, nexthdr: boolean) {
    this.value = value;
    this.mask = mask;
    this.off = off;
    this.nexthdr = nexthdr;
  }

  matches(skb: Skb, dev: Netdev): boolean {
    const at = skb.networkHeader + this.off;
    if (!validOffset(skb, at, 4)) return false;
    return ((dev.host.kernel.arena.dv.getInt32(at, false) ^ this.value) & this.mask) === 0;
  }
}
