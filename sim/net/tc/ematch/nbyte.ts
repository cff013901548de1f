/** nbyte: bytes at a place. @source net/sched/em_nbyte.c em_nbyte_match; tc-ematch(8) */
import type { Netdev } from "../../netdev.ts";
import type { Skb } from "../../skb.ts";
import { type Ematch, layerBase, validOffset } from "./ematch.ts";

/** `nbyte(NEEDLE at OFFSET layer LAYER)`. */
export class NbyteMatch implements Ematch {
  readonly kind: string = "nbyte";
  readonly needle: Uint8Array;
  readonly off: number;
  readonly layer: number;

  constructor(needle: Uint8Array, off: number, layer: number) {
    this.needle = needle;
    this.off = off;
    this.layer = layer;
  }

  matches(skb: Skb, dev: Netdev): boolean {
    const { needle } = this;
    const at = layerBase(skb, this.layer) + this.off;
    if (!validOffset(skb, at, needle.length)) return false;
    const { u8 } = dev.host.kernel.arena;
    for (let i = 0; i < needle.length; i++) if (u8[at + i] !== needle[i]) return false;
    return true;
  }
}
