/** `u32(...)`. @source iproute2 tc/em_u32.c */
import { U32Match } from "../../../net/tc/ematch/u32.ts";
import { unsignedOf } from "../arguments.ts";
import { type EmatchArgument, EmatchError, type EmatchKind } from "./kind.ts";

const BITS: Readonly<Record<string, 8 | 16 | 32>> = { u8: 8, u16: 16, u32: 32 };

function parse(args: readonly EmatchArgument[]): U32Match {
  const words = args.map((a) => a.text);
  if (words.length === 0) throw new EmatchError("u32: missing arguments");
  const bits = BITS[words[0]!];
  if (bits === undefined) throw new EmatchError("u32: invalid alignment");
  const key = numberAt(words, 1, "key");
  const mask = numberAt(words, 2, "mask");
  if (words[3] !== "at") throw new EmatchError('u32: missing "at"');
  let place = words[4];
  if (place === undefined) throw new EmatchError("u32: missing offset");
  // apart from its number, `nexthdr+` is passed over
  let trailer = 5;
  let nexthdr = false;
  if (place === "nexthdr+") {
    place = words[5];
    trailer = 6;
  } else if (place.startsWith("nexthdr+")) {
    nexthdr = true;
    place = place.slice(8);
  }
  const off = place === undefined ? null : unsignedOf(place, 0);
  if (off === null) throw new EmatchError("u32: invalid offset");
  if (words.length > trailer) throw new EmatchError("u32: unexpected trailer");
  const max = bits === 8 ? 0xff : bits === 16 ? 0xffff : 0xffffffff;
  const hex = `0x${max.toString(16).toUpperCase()}`;
  if (key > max) throw new EmatchError(`Illegal key (>${hex})`);
  if (mask > max) throw new EmatchError(`Illegal mask (>${hex})`);
  if (bits === 32 && off % 4 !== 0) throw new EmatchError("u32: invalid offset alignment, must be aligned to 4.");
  const shift = bits === 8 ? 24 - (off & 3) * 8 : bits === 16 && (off & 3) === 0 ? 16 : 0;
  return new U32Match((key << shift) & (mask << shift), mask << shift, off & ~3, nexthdr);
}

function numberAt(words: readonly string[], i: number, what: string): number {
  if (words[i] === undefined) throw new EmatchError(`u32: missing ${what}`);
  const n = unsignedOf(words[i]!, 0);
  if (n === null) throw new EmatchError(`u32: invalid ${what}, must be numeric`);
  return n;
}

/** The record of `u32`. */
export const u32: EmatchKind = {
  kind: "u32",
  usage:
    "Usage: u32(ALIGN VALUE MASK at [ nexthdr+ ] OFFSET)\n" +
    "where: ALIGN  := { u8 | u16 | u32 }\n\n" +
    "Example: u32(u16 0x1122 0xffff at nexthdr+4)\n",
  parse,
  print(m) {
    if (!(m instanceof U32Match)) return "";
    const hex = (n: number): string => (n >>> 0).toString(16).padStart(8, "0");
    return `${hex(m.value)}/${hex(m.mask)} at ${m.nexthdr ? "nexthdr+" : ""}${m.off}`;
  },
};
