/**
 * Decodes the bytes of a BTF type to plain JavaScript values: integers as numbers (bigint beyond 2^53), enums by name where one
 * fits, char arrays that hold text as strings, structs and unions as objects (members of anonymous structs and unions among
 * those of the outer one), data sections as objects by variable name.
 */
import { readBits, readInt } from "./int-bytes.ts";
import { MAX_DEPTH, POINTER_BYTES, resolve, sizeOf } from "./query.ts";
import type { Btf, BtfType } from "./types.ts";

/** A value taken apart by its type: numbers, members by name, elements by position. */
export type DecodedValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | DecodedValue[]
  | { [field: string]: DecodedValue };

/**
 * @param at offset of the value in `bytes`; what lies beyond the end counts as zero
 * @returns null for types without values
 */
export function decodeValue(btf: Btf, typeId: number, bytes: Uint8Array, at: number = 0): DecodedValue {
  return decode(btf, typeId, bytes, at, 0);
}

/** A number when that is exact, else the bigint. */
function plainInt(value: bigint): number | bigint {
  return value >= -MAX_EXACT && value <= MAX_EXACT ? Number(value) : value;
}
const MAX_EXACT = 2n ** 53n - 1n;

/**
 * Text that a char array holds: printable ASCII up to a NUL.
 * @returns null when bpftool would print the array as numbers: an element that is no `char`, no NUL, or an unprintable byte
 * @source bpftool btf_dumper.c is_str_array
 */
export function charArrayText(btf: Btf, type: BtfType, bytes: Uint8Array, at: number): string | null {
  if (type.kind !== "array") return null;
  const element = resolve(btf, type.type);
  const { type: int, names } = element;
  if (int.kind !== "int" || int.size !== 1 || names.length > 0 || !(int.char || int.name === "char")) return null;
  let text = "";
  for (let i = 0; i < type.count; i++) {
    const b = bytes[at + i] ?? 0;
    if (b === 0) return text;
    if (b <= 0x1f || b >= 0x7f) return null;
    text += String.fromCharCode(b);
  }
  return null;
}

/** The enumerator with a value. @returns null when there is none */
export function enumeratorOf(type: BtfType & { kind: "enum" }, value: bigint): string | null {
  return type.values.find((v) => v.value === value)?.name ?? null;
}

/** Elements of an array that the bytes can hold, none of those without bytes: damaged types must not make endless lists. */
export function elementsWithin(count: number, stepBytes: number, bytes: Uint8Array, at: number): number {
  return stepBytes === 0 ? 0 : Math.max(0, Math.min(count, Math.ceil((bytes.length - at) / stepBytes)));
}

function decode(btf: Btf, typeId: number, bytes: Uint8Array, at: number, depth: number): DecodedValue {
  if (depth > MAX_DEPTH) return null;
  const { type } = resolve(btf, typeId);
  switch (type.kind) {
    case "int":
      if (type.bool) return (bytes[at] ?? 0) !== 0;
      return plainInt(readInt(bytes, at, type.size, type.signed, false));
    case "ptr":
      return plainInt(readInt(bytes, at, POINTER_BYTES, false, false));
    case "enum": {
      const value = readInt(bytes, at, type.size, type.signed, false);
      return enumeratorOf(type, value) ?? plainInt(value);
    }
    case "float":
      return floatAt(bytes, at, type.size);
    case "array": {
      const text = charArrayText(btf, type, bytes, at);
      if (text !== null) return text;
      const step = sizeOf(btf, type.type) ?? 0;
      const count = elementsWithin(type.count, step, bytes, at);
      return Array.from({ length: count }, (_, i) => decode(btf, type.type, bytes, at + i * step, depth + 1));
    }
    case "struct":
    case "union": {
      const out: { [field: string]: DecodedValue } = {};
      for (const m of type.members) {
        if (m.bitSize > 0) {
          const { type: field } = resolve(btf, m.type);
          const signed = (field.kind === "int" || field.kind === "enum") && field.signed;
          const value = readBits(bytes, at * 8 + m.bitOffset, m.bitSize, signed);
          const name = field.kind === "enum" ? enumeratorOf(field, value) : null;
          out[m.name] = name ?? plainInt(value);
          continue;
        }
        const value = decode(btf, m.type, bytes, at + (m.bitOffset >>> 3), depth + 1);
        if (m.name === "" && typeof value === "object" && value !== null && !Array.isArray(value))
          Object.assign(out, value);
        else out[m.name] = value;
      }
      return out;
    }
    case "datasec": {
      const out: { [field: string]: DecodedValue } = {};
      for (const v of type.vars) {
        const variable = btf.types[v.type];
        if (variable?.kind !== "var") continue;
        out[variable.name] = decode(btf, variable.type, bytes, at + v.offset, depth + 1);
      }
      return out;
    }
    case "var":
      return decode(btf, type.type, bytes, at, depth + 1);
    default:
      return null;
  }
}

/** A float or double. @returns null for other sizes or when the bytes end before */
export function floatAt(bytes: Uint8Array, at: number, size: number): number | null {
  if (at + size > bytes.length) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (size === 4) return view.getFloat32(at, true);
  return size === 8 ? view.getFloat64(at, true) : null;
}
