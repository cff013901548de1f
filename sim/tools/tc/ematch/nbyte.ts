/** `nbyte(...)`. @source iproute2 tc/em_nbyte.c */
import { NbyteMatch } from "../../../net/tc/ematch/nbyte.ts";
import { unsignedOf } from "../arguments.ts";
import { after, type EmatchArgument, EmatchError, type EmatchKind, layerOf } from "./kind.ts";

function parse(args: readonly EmatchArgument[]): NbyteMatch {
  if (args.length === 0) throw new EmatchError("nbyte: missing arguments");
  const needle = Uint8Array.from(args[0]!.text, (c) => c.charCodeAt(0));
  if (needle.length === 0) throw new EmatchError("nbyte: needle length is 0");
  let off: number | null = null;
  let layer = 1;
  for (let i = 1; i < args.length; i += 2) {
    const w = args[i]!.text;
    if (w === "at") {
      off = unsignedOf(after(args, i, "nbyte"), 0);
      if (off === null) throw new EmatchError("nbyte: invalid offset, must be numeric");
    } else if (w === "layer") layer = layerOf(after(args, i, "nbyte"), "nbyte");
    else throw new EmatchError("nbyte: unknown parameter");
  }
  if (off === null) throw new EmatchError("nbyte: offset required");
  return new NbyteMatch(needle, off & 0xffff, layer);
}

/** The record of `nbyte`. */
export const nbyte: EmatchKind = {
  kind: "nbyte",
  usage:
    "Usage: nbyte(NEEDLE at OFFSET [layer LAYER])\n" +
    'where: NEEDLE := { string | "c-escape-sequence" }\n' +
    "       OFFSET := int\n" +
    "       LAYER  := { link | network | transport | 0..2 }\n\n" +
    'Example: nbyte("ababa" at 12 layer 1)\n',
  parse,
  print(m) {
    if (!(m instanceof NbyteMatch)) return "";
    const hex = [...m.needle].map((b) => `${b.toString(16).padStart(2, "0")} `).join("");
    const text = [...m.needle].map((b) => (b >= 32 && b < 127 ? String.fromCharCode(b) : ".")).join("");
    return `${hex}"${text}" at ${m.off} layer ${m.layer}`;
  },
};
