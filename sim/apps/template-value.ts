/** Values of a packet template: one, or a range written FROM-TO. */
import { AF_INET6, parseIp, parseIp4, parseMac } from "../net/ip/address.ts";
import type { FieldDef, FieldKind } from "./template-fields.ts";

/** What a field is set to. */
export interface FieldValue {
  /** First value; of addresses all bytes, in network order. */
  readonly first: number | Uint8Array;
  /** How many values there are; the others follow the first, one by one. */
  readonly count: number;
}

const TCP_FLAGS: Readonly<Record<string, number>> = {
  fin: 0x01,
  syn: 0x02,
  rst: 0x04,
  psh: 0x08,
  ack: 0x10,
  urg: 0x20,
  ece: 0x40,
  cwr: 0x80,
};

/** What a field of a kind takes, for errors. */
export function expected(field: FieldDef): string {
  switch (field.kind) {
    case "mac":
      return "a MAC address such as 02:00:00:00:00:01, or a range of them";
    case "ip4":
      return "an IPv4 address, or a range such as 10.0.0.1-10.0.0.250";
    case "ip6":
      return "an IPv6 address, or a range within the last 32 bits";
    case "tcp-flags":
      return "flags such as syn, syn,ack or 0x12";
    case "number":
      return `a number from 0 to ${maxOf(field)}, or a range such as 1-${Math.min(10, maxOf(field))}`;
  }
}

/** Largest value of a numeric field. */
export function maxOf(field: FieldDef): number {
  return 2 ** (field.bits ?? field.bytes * 8) - 1;
}

/** @returns null for text that is no value of the field */
export function parseFieldValue(field: FieldDef, text: string): FieldValue | null {
  const dash = text.indexOf("-", 1);
  if (dash < 0) {
    const first = parseOne(field.kind, text.trim());
    return first === null || (typeof first === "number" && first > maxOf(field)) ? null : { first, count: 1 };
  }
  const first = parseOne(field.kind, text.slice(0, dash).trim());
  const last = parseOne(field.kind, text.slice(dash + 1).trim());
  if (first === null || last === null) return null;
  if (typeof first === "number" || typeof last === "number") {
    if (typeof first !== "number" || typeof last !== "number" || last < first || last > maxOf(field)) return null;
    return { first, count: last - first + 1 };
  }
  return rangeOf(first, last);
}

/** A range of addresses: they differ in their last 32 bits only. */
function rangeOf(first: Uint8Array, last: Uint8Array): FieldValue | null {
  const low = first.length - 4;
  for (let i = 0; i < low; i++) if (first[i] !== last[i]) return null;
  const count = word(last, low) - word(first, low) + 1;
  return count < 1 ? null : { first, count };
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

function parseOne(kind: FieldKind, text: string): number | Uint8Array | null {
  switch (kind) {
    case "mac":
      return parseMac(text);
    case "ip4": {
      const a = parseIp4(text);
      return a < 0 ? null : Uint8Array.of(a >>> 24, a >>> 16, a >>> 8, a);
    }
    case "ip6": {
      const a = parseIp(text);
      if (a === null || a.family !== AF_INET6) return null;
      return Uint8Array.from([a.a, a.b, a.c, a.d].flatMap((w) => [w >>> 24, w >>> 16, w >>> 8, w]));
    }
    case "tcp-flags":
      return parseNumber(text) ?? parseTcpFlags(text);
    case "number":
      return parseNumber(text);
  }
}

/** Decimal or 0x hexadecimal. */
export function parseNumber(text: string): number | null {
  return /^(\d{1,10}|0x[0-9a-f]{1,8})$/i.test(text) ? Number(text) : null;
}

function parseTcpFlags(text: string): number | null {
  let flags = 0;
  for (const name of text.toLowerCase().split(/[,|+\s]+/)) {
    const bit = TCP_FLAGS[name];
    if (bit === undefined) return null;
    flags |= bit;
  }
  return flags;
}

/** Bytes in hex; spaces, colons and a leading 0x are allowed. @returns null when malformed */
export function parseHex(text: string): Uint8Array | null {
  const digits = text.replace(/^0x/i, "").replace(/[\s:]/g, "");
  if (digits.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(digits)) return null;
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}
