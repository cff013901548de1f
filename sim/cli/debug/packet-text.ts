/**
 * A packet's headers in words, and its bytes. Fields are those of RFC 791, 8200, 9293, 768, 792, 826 and IEEE 802.1Q.
 */
import { formatIp4, formatIp6, formatMac } from "../../net/ip/address.ts";
import { hexDump } from "../../tools/bpftool/run-output.ts";

/** One header: its name, where it begins, and its fields. */
interface Header {
  readonly name: string;
  readonly at: number;
  readonly fields: readonly (readonly [string, string])[];
}

/** A parsed header, and what follows it. */
type Step = { readonly header: Header; readonly next: Parser | null; readonly after: number } | null;
type Parser = (p: DataView, at: number) => Step;

/**
 * Headers, then the bytes. Fields that differ from `before` are marked with a star.
 * @param l2 the bytes begin with an Ethernet header; otherwise with an IP header
 */
export function packetText(bytes: Uint8Array, before: Uint8Array | null, l2: boolean): string {
  const old = before === null ? null : headersOf(before, l2);
  const now = headersOf(bytes, l2);
  const lines = now.map((h, i) => {
    // the same one is the as many-th of its kind, counted from the inside, where tunnels and tags do not come and go
    const inner = now.slice(i + 1).filter((x) => x.name === h.name).length;
    const was = old?.filter((x) => x.name === h.name).at(-1 - inner);
    const fields = h.fields.map(([name, value], f) => {
      const changed = old !== null && was?.fields[f]?.[1] !== value;
      return `${changed ? "*" : ""}${name} ${value}`;
    });
    return `${String(h.at).padStart(5)}  ${h.name.padEnd(9)} ${fields.join("  ")}\n`;
  });
  return `${lines.join("")}${hexDump(bytes)}`;
}

function headersOf(bytes: Uint8Array, l2: boolean): Header[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out: Header[] = [];
  let parse: Parser | null = l2 ? ethernet : (bytes[0] ?? 0) >> 4 === 6 ? ipv6 : ipv4;
  let at = 0;
  // tunnels in tunnels end somewhere
  while (parse !== null && out.length < 12) {
    const step = parse(view, at);
    if (step === null) break;
    out.push(step.header);
    at = step.after;
    parse = step.next;
  }
  return out;
}

const addr = (p: DataView, at: number, n: number): Uint8Array => new Uint8Array(p.buffer, p.byteOffset + at, n);
const ip4 = (p: DataView, at: number): string => formatIp4(p.getInt32(at));
const ip6 = (p: DataView, at: number): string =>
  formatIp6(p.getInt32(at), p.getInt32(at + 4), p.getInt32(at + 8), p.getInt32(at + 12));
const hex = (n: number, digits: number): string => `0x${n.toString(16).padStart(digits, "0")}`;
const has = (p: DataView, at: number, n: number): boolean => at + n <= p.byteLength;

function ofEtherType(type: number): Parser | null {
  if (type === 0x0800) return ipv4;
  if (type === 0x86dd) return ipv6;
  if (type === 0x0806) return arp;
  return type === 0x8100 || type === 0x88a8 ? vlan : null;
}

function ofProtocol(protocol: number): Parser | null {
  return { 1: icmp, 4: ipv4, 6: tcp, 17: udp, 41: ipv6, 58: icmp }[protocol] ?? null;
}

function ethernet(p: DataView, at: number): Step {
  if (!has(p, at, 14)) return null;
  const type = p.getUint16(at + 12);
  const fields = [
    ["dst", formatMac(addr(p, at, 6))],
    ["src", formatMac(addr(p, at + 6, 6))],
    ["type", hex(type, 4)],
  ] as const;
  return { header: { name: "ethernet", at, fields }, next: ofEtherType(type), after: at + 14 };
}

function vlan(p: DataView, at: number): Step {
  if (!has(p, at, 4)) return null;
  const tci = p.getUint16(at);
  const type = p.getUint16(at + 2);
  const fields = [
    ["id", String(tci & 0xfff)],
    ["priority", String(tci >> 13)],
    ["type", hex(type, 4)],
  ] as const;
  return { header: { name: "vlan", at, fields }, next: ofEtherType(type), after: at + 4 };
}

function arp(p: DataView, at: number): Step {
  if (!has(p, at, 28)) return null;
  const fields = [
    ["op", String(p.getUint16(at + 6))],
    ["sender", `${formatMac(addr(p, at + 8, 6))} ${ip4(p, at + 14)}`],
    ["target", `${formatMac(addr(p, at + 18, 6))} ${ip4(p, at + 24)}`],
  ] as const;
  return { header: { name: "arp", at, fields }, next: null, after: at + 28 };
}

function ipv4(p: DataView, at: number): Step {
  if (!has(p, at, 20)) return null;
  const length = (p.getUint8(at) & 15) * 4;
  const fragment = p.getUint16(at + 6);
  const protocol = p.getUint8(at + 9);
  const fields = [
    ["src", ip4(p, at + 12)],
    ["dst", ip4(p, at + 16)],
    ["proto", String(protocol)],
    ["len", String(p.getUint16(at + 2))],
    ["ttl", String(p.getUint8(at + 8))],
    ["tos", hex(p.getUint8(at + 1), 2)],
    ["id", String(p.getUint16(at + 4))],
    ["frag", hex(fragment, 4)],
    ["csum", hex(p.getUint16(at + 10), 4)],
  ] as const;
  const next = (fragment & 0x1fff) === 0 && length >= 20 ? ofProtocol(protocol) : null;
  return { header: { name: "ipv4", at, fields }, next, after: at + length };
}

function ipv6(p: DataView, at: number): Step {
  if (!has(p, at, 40)) return null;
  const next = p.getUint8(at + 6);
  const fields = [
    ["src", ip6(p, at + 8)],
    ["dst", ip6(p, at + 24)],
    ["next", String(next)],
    ["len", String(p.getUint16(at + 4))],
    ["hops", String(p.getUint8(at + 7))],
    ["class", hex((p.getUint16(at) >> 4) & 0xff, 2)],
    ["flow", hex(p.getUint32(at) & 0xfffff, 5)],
  ] as const;
  return { header: { name: "ipv6", at, fields }, next: ofProtocol(next), after: at + 40 };
}

const TCP_FLAGS = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"] as const;

function tcp(p: DataView, at: number): Step {
  if (!has(p, at, 20)) return null;
  const flags = p.getUint8(at + 13);
  const fields = [
    ...ports(p, at),
    ["flags", TCP_FLAGS.filter((_, i) => (flags & (1 << i)) !== 0).join("|") || "0"],
    ["seq", String(p.getUint32(at + 4))],
    ["ack", String(p.getUint32(at + 8))],
    ["window", String(p.getUint16(at + 14))],
    ["csum", hex(p.getUint16(at + 16), 4)],
  ] as const;
  return { header: { name: "tcp", at, fields }, next: null, after: at + (p.getUint8(at + 12) >> 4) * 4 };
}

function udp(p: DataView, at: number): Step {
  if (!has(p, at, 8)) return null;
  const fields = [
    ...ports(p, at),
    ["len", String(p.getUint16(at + 4))],
    ["csum", hex(p.getUint16(at + 6), 4)],
  ] as const;
  return { header: { name: "udp", at, fields }, next: null, after: at + 8 };
}

function ports(p: DataView, at: number): (readonly [string, string])[] {
  return [
    ["sport", String(p.getUint16(at))],
    ["dport", String(p.getUint16(at + 2))],
  ];
}

function icmp(p: DataView, at: number): Step {
  if (!has(p, at, 8)) return null;
  const fields = [
    ["type", String(p.getUint8(at))],
    ["code", String(p.getUint8(at + 1))],
    ["csum", hex(p.getUint16(at + 2), 4)],
  ] as const;
  return { header: { name: "icmp", at, fields }, next: null, after: at + 8 };
}
