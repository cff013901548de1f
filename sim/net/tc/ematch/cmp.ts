/** cmp: a number of 8, 16 or 32 bits in the packet. @source net/sched/em_cmp.c em_cmp_match; tc-ematch(8) */
import type { Netdev } from "../../netdev.ts";
import type { Skb } from "../../skb.ts";
import { type Ematch, type EmatchOperand, layerBase, validOffset } from "./ematch.ts";

/** `cmp(ALIGN at OFFSET layer LAYER mask MASK trans OP VALUE)`. */
export class CmpMatch implements Ematch {
  readonly kind: string = "cmp";
  readonly bytes: 1 | 2 | 4;
  readonly off: number;
  readonly layer: number;
  /** Unsigned; 0: none. */
  readonly mask: number;
  /** The bytes are swapped. */
  readonly trans: boolean;
  readonly operand: EmatchOperand;
  /** Unsigned. */
  readonly value: number;

  constructor(o: Pick<CmpMatch, "bytes" | "off" | "layer" | "mask" | "trans" | "operand" | "value">) {
    this.bytes = o.bytes;
    this.off = o.off;
    this.layer = o.layer;
    this.mask = o.mask;
    this.trans = o.trans;
    this.operand = o.operand;
    this.value = o.value;
  }

  matches(skb: Skb, dev: Netdev): boolean {
    const at = layerBase(skb, this.layer) + this.off;
    if (!validOffset(skb, at, this.bytes)) return false;
    const { dv } = dev.host.kernel.arena;
    let value = dv.getUint8(at);
    if (this.bytes === 2) value = dv.getUint16(at, this.trans);
    else if (this.bytes === 4) value = dv.getUint32(at, this.trans);
    if (this.mask !== 0) value = (value & this.mask) >>> 0;
    if (this.operand === "eq") return value === this.value;
    return this.operand === "gt" ? value > this.value : value < this.value;
  }
}
