/**
 * Parser of the `.BTF` section.
 *
 * Header: +0 u16 magic 0xeb9f, +2 u8 version 1, +3 u8 flags, +4 u32 hdr_len, +8 u32 type_off, +12 u32 type_len,
 *         +16 u32 str_off, +20 u32 str_len (offsets count from the header's end)
 * Type:   +0 u32 name_off, +4 u32 info (vlen:16, unused:8, kind:5, unused:2, kind_flag:1), +8 u32 size or type,
 *         then what the kind brings along
 * @source Documentation/bpf/btf.rst; include/uapi/linux/btf.h
 */
import { type ObjectPlace, objectError } from "../elf/object-error.ts";
import { findEndless } from "./containment.ts";
import type { Btf, BtfMember, BtfType } from "./types.ts";

const MAGIC = 0xeb9f;
const RECOMPILE = "compile it again with clang -g -target bpf";

/** Bytes behind the 12 common ones: a fixed number, and so many per element of vlen. */
const EXTRA: readonly (readonly [fixed: number, perElement: number])[] = [
  [0, 0], // void, never stored
  [4, 0], // INT
  [0, 0], // PTR
  [12, 0], // ARRAY
  [0, 12], // STRUCT
  [0, 12], // UNION
  [0, 8], // ENUM
  [0, 0], // FWD
  [0, 0], // TYPEDEF
  [0, 0], // VOLATILE
  [0, 0], // CONST
  [0, 0], // RESTRICT
  [0, 0], // FUNC
  [0, 8], // FUNC_PROTO
  [4, 0], // VAR
  [0, 12], // DATASEC
  [0, 0], // FLOAT
  [4, 0], // DECL_TAG
  [0, 0], // TYPE_TAG
  [0, 12], // ENUM64
];

/** Bytes that a number may have. @source kernel/bpf/btf.c btf_int_check_meta, btf_enum_check_meta, btf_float_check_meta */
const NUMBER_SIZES: Readonly<Partial<Record<BtfType["kind"], readonly number[]>>> = {
  int: [1, 2, 4, 8, 16],
  enum: [1, 2, 4, 8],
  float: [2, 4, 8, 12, 16],
};

/** The string table of a `.BTF` section, which `.BTF.ext` refers to as well. */
export type BtfStrings = (offset: number) => string | null;

/**
 * Parses a `.BTF` section.
 * @param place the file, for messages
 * @returns the types and the string table
 * @throws ObjectError BTF_HEADER, BTF_TRUNCATED, BTF_KIND, BTF_SIZE, BTF_STRING, BTF_TYPE_ID, BTF_LOOP
 */
export function parseBtf(data: Uint8Array, place: ObjectPlace): { readonly btf: Btf; readonly strings: BtfStrings } {
  const at: ObjectPlace = { file: place.file, section: place.section ?? ".BTF" };
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (data.length < 24) {
    throw objectError("BTF_HEADER", at, `${data.length} bytes, expected a BTF header of 24`, RECOMPILE);
  }
  const magic = view.getUint16(0, true);
  if (magic !== MAGIC) {
    const what = magic === 0x9feb ? "big-endian BTF" : `magic 0x${magic.toString(16)}`;
    throw objectError("BTF_HEADER", { ...at, offset: 0 }, `${what}, expected magic 0x${MAGIC.toString(16)}`, RECOMPILE);
  }
  const version = view.getUint8(2);
  if (version !== 1)
    throw objectError("BTF_HEADER", { ...at, offset: 2 }, `BTF version ${version}, expected 1`, RECOMPILE);
  const headerLen = view.getUint32(4, true);
  const typeStart = headerLen + view.getUint32(8, true);
  const typeEnd = typeStart + view.getUint32(12, true);
  const strStart = headerLen + view.getUint32(16, true);
  const strEnd = strStart + view.getUint32(20, true);
  if (headerLen < 24 || typeEnd > data.length || strEnd > data.length) {
    const message = `types up to byte ${typeEnd} and strings up to byte ${strEnd}, but the section has ${data.length}`;
    throw objectError("BTF_TRUNCATED", { ...at, offset: 4 }, message, RECOMPILE);
  }
  const strings = stringTable(data.subarray(strStart, strEnd));
  const types = readTypes(view, typeStart, typeEnd, strings, at);
  return { btf: { types, sizeBytes: data.length }, strings };
}

/** Names are ASCII nearly always: then the table is decoded at once and each name is a slice of it. */
function stringTable(table: Uint8Array): BtfStrings {
  if (table.every((byte) => byte < 0x80)) {
    const all = new TextDecoder("latin1").decode(table);
    return (offset) => {
      const end = offset < all.length ? all.indexOf("\0", offset) : -1;
      return end < 0 ? null : all.slice(offset, end);
    };
  }
  const cache = new Map<number, string>();
  const utf8 = new TextDecoder("utf-8");
  return (offset) => {
    const known = cache.get(offset);
    if (known !== undefined) return known;
    const end = offset < table.length ? table.indexOf(0, offset) : -1;
    if (end < 0) return null;
    const text = utf8.decode(table.subarray(offset, end));
    cache.set(offset, text);
    return text;
  };
}

function readTypes(view: DataView, start: number, end: number, strings: BtfStrings, place: ObjectPlace): BtfType[] {
  const types: BtfType[] = [{ kind: "void" }];
  const references: number[] = [];
  let at = start;
  const u32 = (offset: number): number => view.getUint32(offset, true);
  const text = (offset: number, where: number): string => {
    const s = strings(offset);
    if (s !== null) return s;
    const message = `type ${types.length} has its name at string offset ${offset}, which is outside the strings`;
    throw objectError("BTF_STRING", { ...place, offset: where }, message, RECOMPILE);
  };
  while (at < end) {
    if (at + 12 > end) {
      throw objectError("BTF_TRUNCATED", { ...place, offset: at }, `type ${types.length} is cut off`, RECOMPILE);
    }
    const info = u32(at + 4);
    const vlen = info & 0xffff;
    const kind = (info >>> 24) & 31;
    const extra = EXTRA[kind];
    if (extra === undefined || kind === 0) {
      const message = `type ${types.length} has kind ${kind}, expected 1 (INT) to 19 (ENUM64)`;
      throw objectError("BTF_KIND", { ...place, offset: at + 4 }, message, RECOMPILE);
    }
    const next = at + 12 + extra[0] + extra[1] * vlen;
    if (next > end) {
      const message = `type ${types.length} with ${vlen} elements reaches to byte ${next}, but the types end at ${end}`;
      throw objectError("BTF_TRUNCATED", { ...place, offset: at }, message, RECOMPILE);
    }
    const name = text(u32(at), at);
    const type = readType(kind, info >>> 31 === 1, vlen, name, u32(at + 8), at + 12, u32, text, references);
    if (type.kind in NUMBER_SIZES && !NUMBER_SIZES[type.kind]!.includes(u32(at + 8))) {
      const message = `type ${types.length} is ${/^[aeiou]/.test(type.kind) ? "an" : "a"} ${type.kind} of ${u32(at + 8)} bytes`;
      throw objectError("BTF_SIZE", { ...place, offset: at }, message, RECOMPILE);
    }
    types.push(type);
    at = next;
  }
  for (const id of references) {
    if (id >= types.length) {
      const message = `a type refers to type ${id}, but there are ${types.length}`;
      throw objectError("BTF_TYPE_ID", place, message, RECOMPILE);
    }
  }
  const endless = findEndless(types);
  if (endless !== null) {
    const type = types[endless.id]!;
    const name = "name" in type && type.name !== "" ? ` "${type.name}"` : "";
    throw objectError("BTF_LOOP", place, `type ${endless.id}, ${type.kind}${name}, ${endless.what}`, RECOMPILE);
  }
  return types;
}

function readType(
  kind: number,
  flag: boolean,
  vlen: number,
  name: string,
  sizeOrType: number,
  at: number,
  u32: (offset: number) => number,
  text: (offset: number, where: number) => string,
  references: number[],
): BtfType {
  const ref = (id: number): number => {
    references.push(id);
    return id;
  };
  const each = <T>(bytes: number, make: (at: number) => T): T[] =>
    Array.from({ length: vlen }, (_, i) => make(at + i * bytes));
  switch (kind) {
    case 1: {
      const encoding = (u32(at) >>> 24) & 15;
      const bits = u32(at) & 0xff;
      const [signed, char, bool] = [(encoding & 1) !== 0, (encoding & 2) !== 0, (encoding & 4) !== 0];
      const bitOffset = (u32(at) >>> 16) & 0xff;
      const int = { kind: "int", name, size: sizeOrType, bits, signed, bool, char } as const;
      return bitOffset === 0 ? int : { ...int, bitOffset };
    }
    case 2:
      return { kind: "ptr", type: ref(sizeOrType) };
    case 3:
      return { kind: "array", type: ref(u32(at)), indexType: ref(u32(at + 4)), count: u32(at + 8) };
    case 4:
    case 5: {
      const members = each(12, (m): BtfMember => {
        const offset = u32(m + 8);
        const bitSize = flag ? offset >>> 24 : 0;
        return { name: text(u32(m), m), type: ref(u32(m + 4)), bitOffset: flag ? offset & 0xffffff : offset, bitSize };
      });
      return { kind: kind === 4 ? "struct" : "union", name, size: sizeOrType, members };
    }
    case 6: {
      const values = each(8, (v) => {
        const raw = u32(v + 4);
        return { name: text(u32(v), v), value: BigInt(flag ? raw | 0 : raw) };
      });
      return { kind: "enum", name, size: sizeOrType, signed: flag, values };
    }
    case 7:
      return { kind: "fwd", name, union: flag };
    case 8:
      return { kind: "typedef", name, type: ref(sizeOrType) };
    case 9:
      return { kind: "volatile", type: ref(sizeOrType) };
    case 10:
      return { kind: "const", type: ref(sizeOrType) };
    case 11:
      return { kind: "restrict", type: ref(sizeOrType) };
    case 12:
      return { kind: "func", name, type: ref(sizeOrType), linkage: vlen };
    case 13: {
      const params = each(8, (p) => ({ name: text(u32(p), p), type: ref(u32(p + 4)) }));
      return { kind: "func_proto", ret: ref(sizeOrType), params };
    }
    case 14:
      return { kind: "var", name, type: ref(sizeOrType), linkage: u32(at) };
    case 15: {
      const vars = each(12, (v) => ({ type: ref(u32(v)), offset: u32(v + 4), size: u32(v + 8) }));
      return { kind: "datasec", name, size: sizeOrType, vars };
    }
    case 16:
      return { kind: "float", name, size: sizeOrType };
    case 17:
      return { kind: "decl_tag", name, type: ref(sizeOrType), component: u32(at) | 0 };
    case 18:
      return flag
        ? { kind: "type_tag", name, type: ref(sizeOrType), attribute: true }
        : { kind: "type_tag", name, type: ref(sizeOrType) };
    default: {
      const values = each(12, (v) => {
        const raw = (BigInt(u32(v + 8)) << 32n) | BigInt(u32(v + 4));
        return { name: text(u32(v), v), value: flag ? BigInt.asIntN(64, raw) : raw };
      });
      return { kind: "enum", name, size: sizeOrType, signed: flag, wide: true, values };
    }
  }
}
