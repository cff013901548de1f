/**
 * Encodes values that people write (YAML, JSON, commands) to the bytes of a BTF type.
 *
 *     int, enum        number, bigint, "0x1f", "12"; an enumerator's name; true/false for bool
 *     __be16/32/64     the same, stored big-endian
 *     4 bytes          "10.0.0.1" in network byte order
 *     16 bytes         "2001:db8::1" (array, struct or union), and "10.0.0.1" for a union with a 4-byte member
 *     6-byte array     "02:00:00:00:00:01"
 *     char array       text, UTF-8, filled up with NUL
 *     array            a list, shorter ones are filled up with zeros
 *     struct           an object by field name (fields of anonymous members as if they were its own); what is missing is 0
 *     union            an object with any of its members
 *     LPM trie key     "10.0.0.0/8" for a struct that starts with a u32 `prefixlen`
 *     anything         a Uint8Array of just its size
 */
import { type Diagnostic, LabError } from "../../engine/errors.ts";
import { suggest } from "../../engine/nearest.ts";
import { writeBits, writeInt } from "./int-bytes.ts";
import { parseIpv4, parseIpv6, parseMac, parsePrefix } from "./net-text.ts";
import { MAX_DEPTH, POINTER_BYTES, resolve, sizeOf, typeName } from "./query.ts";
import type { Btf, BtfMember, BtfType } from "./types.ts";

/**
 * Encodes a value.
 * @param path where the value stands, for the findings: `maps.vips[0].key`
 * @returns little-endian bytes of the type's size
 * @throws LabError with every finding: VALUE_FIELD, VALUE_RANGE, VALUE_TYPE, VALUE_ENUM, VALUE_LENGTH, VALUE_SIZELESS
 */
export function encodeValue(btf: Btf, typeId: number, value: unknown, path: string = ""): Uint8Array {
  const size = sizeOf(btf, typeId);
  const found: Diagnostic[] = [];
  const out = new Uint8Array(Math.min(size ?? 0, MAX_VALUE_BYTES));
  const encoder = new Encoder(btf, out, found);
  if (size === null) encoder.refuse("VALUE_SIZELESS", path, `the type ${typeName(btf, typeId)} has no size`);
  else if (size > MAX_VALUE_BYTES)
    encoder.refuse("VALUE_SIZELESS", path, `a value of ${size} bytes is too large to write`);
  else encoder.put(typeId, value, 0, path, 0);
  if (found.length > 0) throw new LabError(found);
  return out;
}

/** The kernel's own bound on one element. @source KMALLOC_MAX_SIZE on x86-64 */
const MAX_VALUE_BYTES = 4 * 1024 * 1024;

/**
 * Encodes a value of known size and unknown type, for maps without BTF: a number (little-endian), an IPv4, IPv6 or MAC address of
 * just that size, a list of byte values, hex bytes as bpftool takes them ("0a 00 00 01", "0x0a 0x00"), or a Uint8Array.
 * @throws LabError VALUE_TYPE, VALUE_RANGE, VALUE_LENGTH
 */
export function encodeSized(sizeBytes: number, value: unknown, path: string = ""): Uint8Array {
  const out = new Uint8Array(sizeBytes);
  const found: Diagnostic[] = [];
  const encoder = new Encoder({ types: [] }, out, found);
  const bytes = typeof value === "string" ? (addressOf(value, sizeBytes) ?? hexBytes(value)) : value;
  if (bytes instanceof Uint8Array || Array.isArray(bytes)) {
    encoder.raw(bytes, 0, sizeBytes, path);
  } else if (sizeBytes <= 8 && [1, 2, 4, 8].includes(sizeBytes)) {
    encoder.integer(bytes, 0, sizeBytes, sizeBytes * 8, "any", false, `${sizeBytes}-byte value`, path);
  } else {
    encoder.refuse("VALUE_TYPE", path, `expected ${sizeBytes} bytes as a list or an address, got ${show(value)}`);
  }
  if (found.length > 0) throw new LabError(found);
  return out;
}

function hexBytes(text: string): number[] | null | string {
  if (!/^(0x)?[0-9a-fA-F]{2}(\s+(0x)?[0-9a-fA-F]{2})+$/.test(text.trim())) return text;
  return text
    .trim()
    .split(/\s+/)
    .map((part) => Number.parseInt(part.replace(/^0x/, ""), 16));
}

/** An address of just this many bytes. */
function addressOf(text: string, size: number): Uint8Array | null {
  if (size === 4) return parseIpv4(text);
  if (size === 16) return parseIpv6(text);
  if (size === 6) return parseMac(text);
  return null;
}

type Signedness = "signed" | "unsigned" | "any";

class Encoder {
  private readonly btf: Btf;
  private readonly out: Uint8Array;
  private readonly found: Diagnostic[];

  constructor(btf: Btf, out: Uint8Array, found: Diagnostic[]) {
    this.btf = btf;
    this.out = out;
    this.found = found;
  }

  refuse(code: string, path: string, message: string, fix?: string): void {
    const base = path === "" ? { code, message } : { code, message, path };
    this.found.push(fix === undefined ? base : { ...base, fix });
  }

  put(typeId: number, value: unknown, at: number, path: string, depth: number): void {
    const { type, names } = resolve(this.btf, typeId);
    const size = sizeOf(this.btf, typeId);
    if (size === null || depth > MAX_DEPTH || at + size > this.out.length) {
      this.refuse("VALUE_SIZELESS", path, `the type ${typeName(this.btf, typeId)} cannot be written`);
      return;
    }
    if (value instanceof Uint8Array) {
      this.raw(value, at, size, path);
      return;
    }
    if (typeof value === "string" && type.kind !== "enum" && !isText(this.btf, type)) {
      const address = addressOf(value, size);
      if (address !== null) {
        this.out.set(address, at);
        return;
      }
    }
    switch (type.kind) {
      case "int": {
        const bigEndian = names.some((n) => /^(__)?be(16|32|64)$/.test(n));
        const sign = type.signed ? "signed" : "unsigned";
        const what = names[0] ?? type.name;
        if (type.bool) this.integer(value, at, size, 8, "unsigned", false, what, path, 1n);
        else this.integer(value, at, size, Math.min(type.bits || size * 8, size * 8), sign, bigEndian, what, path);
        return;
      }
      case "ptr":
        this.integer(value, at, POINTER_BYTES, 64, "unsigned", false, "pointer", path);
        return;
      case "enum":
        this.enumerator(type, value, at, path);
        return;
      case "array":
        this.array(type, value, at, path, depth);
        return;
      case "struct":
      case "union":
        this.members(type, typeId, value, at, path, depth);
        return;
      case "float":
        if (typeof value === "number" && (size === 4 || size === 8)) {
          const view = new DataView(this.out.buffer, at);
          if (size === 4) view.setFloat32(0, value, true);
          else view.setFloat64(0, value, true);
        } else {
          this.refuse("VALUE_TYPE", path, `expected a number for ${type.name}, got ${show(value)}`);
        }
        return;
      default:
        this.refuse("VALUE_SIZELESS", path, `a ${type.kind} cannot be written`);
    }
  }

  raw(bytes: Uint8Array | readonly unknown[], at: number, size: number, path: string): void {
    if (bytes.length !== size) {
      this.refuse("VALUE_LENGTH", path, `expected ${size} bytes, got ${bytes.length}`);
      return;
    }
    for (let i = 0; i < size; i++) this.integer(bytes[i], at + i, 1, 8, "unsigned", false, "byte", `${path}[${i}]`);
  }

  integer(
    value: unknown,
    at: number,
    size: number,
    bits: number,
    sign: Signedness,
    bigEndian: boolean,
    what: string,
    path: string,
    highest?: bigint,
  ): void {
    const n = integerOf(value);
    if (n === null) {
      const hint = size === 4 ? " or an IPv4 address" : "";
      this.refuse("VALUE_TYPE", path, `expected an integer${hint} for ${what}, got ${show(value)}`);
      return;
    }
    if (!this.inRange(n, bits, sign, what, path, highest)) return;
    writeInt(this.out, at, size, n, bigEndian);
  }

  private inRange(n: bigint, bits: number, sign: Signedness, what: string, path: string, highest?: bigint): boolean {
    const top = 1n << BigInt(bits);
    const min = sign === "unsigned" ? 0n : -(top >> 1n);
    const max = highest ?? (sign === "signed" ? (top >> 1n) - 1n : top - 1n);
    if (n >= min && n <= max) return true;
    this.refuse("VALUE_RANGE", path, `${n} does not fit ${what}, expected ${min} to ${max}`);
    return false;
  }

  private enumerator(type: BtfType & { kind: "enum" }, value: unknown, at: number, path: string): void {
    const n = this.enumValue(type, value, path);
    if (n === null) return;
    if (!this.inRange(n, type.size * 8, "any", enumName(type), path)) return;
    writeInt(this.out, at, type.size, n, false);
  }

  private enumValue(type: BtfType & { kind: "enum" }, value: unknown, path: string): bigint | null {
    if (typeof value === "string") {
      const named = type.values.find((v) => v.name === value);
      if (named !== undefined) return named.value;
    }
    const n = typeof value === "boolean" ? null : integerOf(value);
    if (n !== null) return n;
    if (typeof value === "string") {
      const names = type.values.map((v) => v.name);
      this.refuse(
        "VALUE_ENUM",
        path,
        `${enumName(type)} has no enumerator ${JSON.stringify(value)}`,
        suggest(value, names),
      );
    } else {
      this.refuse("VALUE_TYPE", path, `expected an enumerator of ${enumName(type)} or an integer, got ${show(value)}`);
    }
    return null;
  }

  private array(type: BtfType & { kind: "array" }, value: unknown, at: number, path: string, depth: number): void {
    const step = sizeOf(this.btf, type.type) ?? 0;
    if (typeof value === "string" && isText(this.btf, type)) {
      const address = type.count === 6 ? parseMac(value) : null;
      const text = address ?? new TextEncoder().encode(value);
      if (text.length <= type.count) this.out.set(text, at);
      else this.refuse("VALUE_LENGTH", path, `text of ${text.length} bytes, expected at most ${type.count}`);
      return;
    }
    if (!Array.isArray(value)) {
      const hint = { 4: ", an IPv4 address", 6: ", a MAC address", 16: ", an IPv6 address" }[step * type.count] ?? "";
      this.refuse("VALUE_TYPE", path, `expected a list of ${type.count}${hint}, got ${show(value)}`);
      return;
    }
    if (value.length > type.count) {
      this.refuse("VALUE_LENGTH", path, `${value.length} elements, expected at most ${type.count}`);
      return;
    }
    value.forEach((element, i) => {
      this.put(type.type, element, at + i * step, `${path}[${i}]`, depth + 1);
    });
  }

  private members(
    type: BtfType & { kind: "struct" | "union" },
    typeId: number,
    value: unknown,
    at: number,
    path: string,
    depth: number,
  ): void {
    if (typeof value === "string" && this.prefix(type, value, at)) return;
    if (typeof value === "string" && type.kind === "union") {
      // the first member that an address of the family fills
      const address = parseIpv4(value) ?? parseIpv6(value);
      const member = type.members.find((m) => address !== null && sizeOf(this.btf, m.type) === address.length);
      if (address !== null && member !== undefined) {
        this.out.set(address, at);
        return;
      }
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      const names = fieldNames(this.btf, type, 0).join(", ");
      this.refuse(
        "VALUE_TYPE",
        path,
        `expected fields of ${typeName(this.btf, typeId)} (${names}), got ${show(value)}`,
      );
      return;
    }
    for (const [name, field] of Object.entries(value)) {
      const member = findField(this.btf, type, name, 0);
      const inner = path === "" ? name : `${path}.${name}`;
      if (member === null) {
        const known = fieldNames(this.btf, type, 0);
        this.refuse(
          "VALUE_FIELD",
          inner,
          `${typeName(this.btf, typeId)} has no field ${JSON.stringify(name)}`,
          suggest(name, known),
        );
        continue;
      }
      if (member.bitSize > 0) this.bitField(member, field, at, inner);
      else this.put(member.type, field, at + (member.bitOffset >>> 3), inner, depth + 1);
    }
  }

  private bitField(member: BtfMember, value: unknown, at: number, path: string): void {
    const { type, names } = resolve(this.btf, member.type);
    const signed = (type.kind === "int" || type.kind === "enum") && type.signed;
    const what = `${names[0] ?? ("name" in type ? type.name : type.kind)}:${member.bitSize}`;
    const n = type.kind === "enum" ? this.enumValue(type, value, path) : integerOf(value);
    if (n === null) {
      if (type.kind !== "enum") this.refuse("VALUE_TYPE", path, `expected an integer for ${what}, got ${show(value)}`);
      return;
    }
    if (!this.inRange(n, member.bitSize, signed ? "signed" : "unsigned", what, path)) return;
    const start = at * 8 + member.bitOffset;
    if (start + member.bitSize <= this.out.length * 8) writeBits(this.out, start, member.bitSize, n);
    else this.refuse("VALUE_SIZELESS", path, "the bit field lies outside its struct");
  }

  /** A CIDR prefix for the key of an LPM trie. */
  private prefix(type: BtfType & { kind: "struct" | "union" }, text: string, at: number): boolean {
    const first = type.members[0];
    const second = type.members[1];
    if (type.kind !== "struct" || first?.name !== "prefixlen" || second === undefined) return false;
    const parsed = parsePrefix(text);
    const start = second.bitOffset >>> 3;
    if (parsed === null || sizeOf(this.btf, first.type) !== 4 || type.size - start < parsed.address.length)
      return false;
    writeInt(this.out, at, 4, BigInt(parsed.length), false);
    this.out.set(parsed.address, at + start);
    return true;
  }
}

/** Arrays of char hold text; arrays of __u8 hold bytes. */
function isText(btf: Btf, type: BtfType): boolean {
  if (type.kind !== "array") return false;
  const { type: element, names } = resolve(btf, type.type);
  return (
    element.kind === "int" && element.size === 1 && names.length === 0 && (element.char || element.name === "char")
  );
}

/** The member with a name, anonymous members searched too; its offset counts from the outer struct. */
function findField(
  btf: Btf,
  type: BtfType & { kind: "struct" | "union" },
  name: string,
  depth: number,
): BtfMember | null {
  if (depth > MAX_DEPTH) return null;
  for (const m of type.members) {
    if (m.name !== "") {
      if (m.name === name) return m;
      continue;
    }
    const inner = resolve(btf, m.type).type;
    if (inner.kind !== "struct" && inner.kind !== "union") continue;
    const found = findField(btf, inner, name, depth + 1);
    if (found !== null) return { ...found, bitOffset: found.bitOffset + m.bitOffset };
  }
  return null;
}

/** The names that `findField` knows. */
function fieldNames(btf: Btf, type: BtfType & { kind: "struct" | "union" }, depth: number): string[] {
  if (depth > MAX_DEPTH) return [];
  return type.members.flatMap((m) => {
    if (m.name !== "") return [m.name];
    const inner = resolve(btf, m.type).type;
    return inner.kind === "struct" || inner.kind === "union" ? fieldNames(btf, inner, depth + 1) : [];
  });
}

function integerOf(value: unknown): bigint | null {
  if (typeof value === "bigint") return value;
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : null;
  if (typeof value !== "string" || !/^\s*-?(0x[0-9a-fA-F]+|\d+)\s*$/.test(value)) return null;
  const text = value.trim();
  return text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text);
}

function enumName(type: BtfType & { kind: "enum" }): string {
  return type.name === "" ? "the enum" : `enum ${type.name}`;
}

function show(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object") return "fields";
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
