/**
 * The header fields that a packet template can name: one row each. Adding a field is adding a row.
 *
 * Offsets are from the beginning of the field's header. A field that may vary does so in at most 32 bits: a MAC address in its last four
 * bytes, an IPv6 address in its last four.
 */

/** Headers in the order in which they stand in a frame. */
export type HeaderName = "eth" | "vlan" | "arp" | "ip" | "ip6" | "udp" | "tcp" | "icmp" | "icmp6";

/** How a field's value is written. */
export type FieldKind = "number" | "mac" | "ip4" | "ip6" | "tcp-flags";

export interface FieldDef {
  readonly header: HeaderName;
  readonly field: string;
  readonly kind: FieldKind;
  readonly offset: number;
  /** Bytes of the word that holds it: 1, 2 or 4; 6 and 16 for addresses. */
  readonly bytes: number;
  /** Where it stands in the word; the whole word when absent. */
  readonly bits?: number;
  readonly shift?: number;
}

function number(header: HeaderName, field: string, offset: number, bytes: number): FieldDef {
  return { header, field, kind: "number", offset, bytes };
}

function bits(
  header: HeaderName,
  field: string,
  offset: number,
  bytes: number,
  width: number,
  shift: number,
): FieldDef {
  return { header, field, kind: "number", offset, bytes, bits: width, shift };
}

function address(header: HeaderName, field: string, kind: "mac" | "ip4" | "ip6", offset: number): FieldDef {
  return { header, field, kind, offset, bytes: kind === "mac" ? 6 : kind === "ip4" ? 4 : 16 };
}

/** All fields. @source RFC 791, 768, 792, 826, 4443, 8200, 9293; IEEE 802.1Q */
export const TEMPLATE_FIELDS: readonly FieldDef[] = [
  address("eth", "dst", "mac", 0),
  address("eth", "src", "mac", 6),
  number("eth", "type", 12, 2),
  bits("vlan", "pcp", 0, 2, 3, 13),
  bits("vlan", "dei", 0, 2, 1, 12),
  bits("vlan", "id", 0, 2, 12, 0),
  // the tag's own ethertype stands where Ethernet's type would
  number("vlan", "proto", -2, 2),
  number("arp", "op", 6, 2),
  address("arp", "sha", "mac", 8),
  address("arp", "spa", "ip4", 14),
  address("arp", "tha", "mac", 18),
  address("arp", "tpa", "ip4", 24),
  number("ip", "tos", 1, 1),
  number("ip", "len", 2, 2),
  number("ip", "id", 4, 2),
  bits("ip", "df", 6, 2, 1, 14),
  bits("ip", "mf", 6, 2, 1, 13),
  bits("ip", "frag", 6, 2, 13, 0),
  number("ip", "ttl", 8, 1),
  number("ip", "proto", 9, 1),
  number("ip", "csum", 10, 2),
  address("ip", "src", "ip4", 12),
  address("ip", "dst", "ip4", 16),
  bits("ip6", "tc", 0, 4, 8, 20),
  bits("ip6", "flow", 0, 4, 20, 0),
  number("ip6", "len", 4, 2),
  number("ip6", "next", 6, 1),
  number("ip6", "hlim", 7, 1),
  address("ip6", "src", "ip6", 8),
  address("ip6", "dst", "ip6", 24),
  number("udp", "sport", 0, 2),
  number("udp", "dport", 2, 2),
  number("udp", "len", 4, 2),
  number("udp", "csum", 6, 2),
  number("tcp", "sport", 0, 2),
  number("tcp", "dport", 2, 2),
  number("tcp", "seq", 4, 4),
  number("tcp", "ack", 8, 4),
  { header: "tcp", field: "flags", kind: "tcp-flags", offset: 13, bytes: 1 },
  number("tcp", "window", 14, 2),
  number("tcp", "csum", 16, 2),
  number("tcp", "urg", 18, 2),
  number("icmp", "type", 0, 1),
  number("icmp", "code", 1, 1),
  number("icmp", "csum", 2, 2),
  number("icmp", "id", 4, 2),
  number("icmp", "seq", 6, 2),
  number("icmp6", "type", 0, 1),
  number("icmp6", "code", 1, 1),
  number("icmp6", "csum", 2, 2),
  number("icmp6", "id", 4, 2),
  number("icmp6", "seq", 6, 2),
];

/** Lengths of the headers, bytes. */
export const HEADER_BYTES: Readonly<Record<HeaderName, number>> = {
  eth: 14,
  vlan: 4,
  arp: 28,
  ip: 20,
  ip6: 40,
  udp: 8,
  tcp: 20,
  icmp: 8,
  icmp6: 8,
};

/** What a header holds where the template says nothing, by field. */
export const DEFAULTS: Readonly<Record<string, number>> = {
  "vlan.proto": 0x8100,
  "arp.op": 1,
  "ip.ttl": 64,
  "ip6.hlim": 64,
  "udp.sport": 9,
  "udp.dport": 9,
  "tcp.sport": 9,
  "tcp.dport": 9,
  "tcp.flags": 0x02,
  "tcp.window": 64240,
  "icmp.type": 8,
  "icmp.id": 1,
  "icmp.seq": 1,
  "icmp6.type": 128,
  "icmp6.id": 1,
  "icmp6.seq": 1,
};
