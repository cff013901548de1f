/** `cmp(...)`. @source iproute2 tc/em_cmp.c */
import { CmpMatch } from "../../../net/tc/ematch/cmp.ts";
import type { EmatchOperand } from "../../../net/tc/ematch/ematch.ts";
import { unsignedOf } from "../arguments.ts";
import { after, type EmatchArgument, EmatchError, type EmatchKind, layerOf } from "./kind.ts";

const BYTES: Readonly<Record<string, 1 | 2 | 4>> = { u8: 1, u16: 2, u32: 4 };

function number(text: string, what: string): number {
  const n = unsignedOf(text, 0);
  if (n === null) throw new EmatchError(`cmp: invalid ${what}`);
  return n;
}

function parse(args: readonly EmatchArgument[]): CmpMatch {
  if (args.length === 0) throw new EmatchError("cmp: missing arguments");
  const bytes = BYTES[args[0]!.text];
  if (bytes === undefined) throw new EmatchError("cmp: invalid alignment");
  let off: number | null = null;
  let value: number | null = null;
  let operand: EmatchOperand = "eq";
  let layer = 1;
  let mask = 0;
  let trans = false;
  for (let i = 1; i < args.length; i++) {
    const w = args[i]!.text;
    if (w === "trans") trans = true;
    else if (w === "at") off = number(after(args, i++, "cmp"), "offset, must be numeric");
    else if (w === "layer") layer = layerOf(after(args, i++, "cmp"), "cmp");
    else if (w === "mask") mask = number(after(args, i++, "cmp"), "mask");
    else if (w === "eq" || w === "gt" || w === "lt") {
      operand = w;
      value = number(after(args, i++, "cmp"), "value");
    } else throw new EmatchError("nbyte: unknown parameter");
  }
  if (off === null || value === null) throw new EmatchError("cmp: offset and value required");
  return new CmpMatch({ bytes, off: off & 0xffff, layer, mask, trans, operand, value });
}

/** The record of `cmp`. */
export const cmp: EmatchKind = {
  kind: "cmp",
  usage:
    "Usage: cmp(ALIGN at OFFSET [ ATTRS ] { eq | lt | gt } VALUE)\n" +
    "where: ALIGN  := { u8 | u16 | u32 }\n" +
    "       ATTRS  := [ layer LAYER ] [ mask MASK ] [ trans ]\n" +
    "       LAYER  := { link | network | transport | 0..2 }\n\n" +
    "Example: cmp(u16 at 3 layer 2 mask 0xff00 gt 20)\n",
  parse,
  print(m) {
    if (!(m instanceof CmpMatch)) return "";
    const mask = m.mask === 0 ? "" : `mask 0x${m.mask.toString(16)} `;
    return `u${m.bytes * 8} at ${m.off} layer ${m.layer} ${mask}${m.trans ? "trans " : ""}${m.operand} ${m.value | 0}`;
  },
};
