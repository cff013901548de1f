/**
 * IP addresses and prefixes: four 32-bit words in host order. IPv4 uses the first word only. Packet code reads words straight from
 * the arena; these objects are for the control plane and for what lives long.
 *
 * @source RFC 4291 section 2.2, RFC 5952
 */
import {
  parseIpv4,
  parseIpv6,
  parseMac as parseMacBytes,
  parsePrefix as parsePrefixBytes,
} from "../../bpf/btf/net-text.ts";

/** Address families. @source include/linux/socket.h */
export const AF_INET = 2;
/** IPv6. */
export const AF_INET6 = 10;
/** The two address families of this stack. */
export type Family = typeof AF_INET | typeof AF_INET6;

/** An immutable address. Words are unsigned. */
export class IpAddr {
  readonly family: Family;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  constructor(family: Family, a: number, b: number = 0, c: number = 0, d: number = 0) {
    this.family = family;
    this.a = a >>> 0;
    this.b = b >>> 0;
    this.c = c >>> 0;
    this.d = d >>> 0;
  }

  /** Same family and bytes. */
  equals(o: IpAddr): boolean {
    return this.family === o.family && this.a === o.a && this.b === o.b && this.c === o.c && this.d === o.d;
  }

  /** 0.0.0.0 or ::. */
  get isAny(): boolean {
    return (this.a | this.b | this.c | this.d) === 0;
  }

  /** As inet_ntop prints it. */
  toString(): string {
    return this.family === AF_INET ? formatIp4(this.a) : formatIp6(this.a, this.b, this.c, this.d);
  }
}

/** An address with a prefix length, host bits as given. */
export interface IpPrefix {
  readonly addr: IpAddr;
  readonly len: number;
}

/** 0.0.0.0. */
export const ANY4: IpAddr = new IpAddr(AF_INET, 0);
/** ::. */
export const ANY6: IpAddr = new IpAddr(AF_INET6, 0);

/** @returns the address as an unsigned integer, or -1 when the text is no dotted quad */
export function parseIp4(text: string): number {
  const bytes = parseIpv4(text);
  return bytes === null ? -1 : wordAt(bytes, 0);
}

/** Dotted quad. */
export function formatIp4(a: number): string {
  return `${a >>> 24}.${(a >>> 16) & 255}.${(a >>> 8) & 255}.${a & 255}`;
}

/** RFC 5952 text as glibc's inet_ntop writes it: the first longest run of zero groups is "::", embedded IPv4 in dots. */
export function formatIp6(a: number, b: number, c: number, d: number): string {
  const g = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff, c >>> 16, c & 0xffff, d >>> 16, d & 0xffff];
  let best = -1;
  let bestLen = 1;
  for (let i = 0; i < 8; ) {
    let j = i;
    while (j < 8 && g[j] === 0) j++;
    if (j - i > bestLen) {
      best = i;
      bestLen = j - i;
    }
    i = Math.max(j, i + 1);
  }
  if (best === 0 && (bestLen === 6 || (bestLen === 5 && g[5] === 0xffff))) {
    return `::${bestLen === 5 ? "ffff:" : ""}${formatIp4(d)}`;
  }
  const hex = (n: number): string => n.toString(16);
  if (best < 0) return g.map(hex).join(":");
  return `${g.slice(0, best).map(hex).join(":")}::${g
    .slice(best + bestLen)
    .map(hex)
    .join(":")}`;
}

/** An address of either family. @returns null when the text is none */
export function parseIp(text: string): IpAddr | null {
  const bytes = parseIpv4(text) ?? parseIpv6(text);
  return bytes === null ? null : addressOf(bytes);
}

/** `10.0.0.0/8`, `2001:db8::1`, without a length it is the whole address. @returns null when malformed */
export function parsePrefix(text: string): IpPrefix | null {
  const p = parsePrefixBytes(text);
  return p === null ? null : { addr: addressOf(p.address), len: p.length };
}

/** An address from its 4 or 16 bytes in network order. */
function addressOf(b: Uint8Array): IpAddr {
  if (b.length === 4) return new IpAddr(AF_INET, wordAt(b, 0));
  return new IpAddr(AF_INET6, wordAt(b, 0), wordAt(b, 4), wordAt(b, 8), wordAt(b, 12));
}

function wordAt(b: Uint8Array, i: number): number {
  return ((b[i]! << 24) | (b[i + 1]! << 16) | (b[i + 2]! << 8) | b[i + 3]!) >>> 0;
}

/** 32 or 128. */
export function addressBits(family: Family): number {
  return family === AF_INET ? 32 : 128;
}

/** The first `len` bits of an IPv4 address as a mask; unsigned. */
export function mask4(len: number): number {
  return len === 0 ? 0 : (0xffffffff << (32 - len)) >>> 0;
}

/** Word `i` (0 to 3) of a mask of `len` bits. */
function maskWord(len: number, i: number): number {
  const n = Math.min(32, Math.max(0, len - 32 * i));
  return mask4(n);
}

/** The address with its host bits cleared. */
export function maskAddr(x: IpAddr, len: number): IpAddr {
  return new IpAddr(
    x.family,
    x.a & maskWord(len, 0),
    x.b & maskWord(len, 1),
    x.c & maskWord(len, 2),
    x.d & maskWord(len, 3),
  );
}

/** Whether x lies in prefix/len. */
export function inPrefix(x: IpAddr, prefix: IpAddr, len: number): boolean {
  return x.family === prefix.family && maskAddr(x, len).equals(maskAddr(prefix, len));
}

/** Order of addresses as unsigned numbers. @returns negative, 0 or positive */
export function compareAddr(x: IpAddr, y: IpAddr): number {
  return x.a - y.a || x.b - y.b || x.c - y.c || x.d - y.d;
}

/** `aa:bb:cc:dd:ee:ff` to six bytes; `ip` takes no other separator. @returns null when malformed */
export function parseMac(text: string): Uint8Array | null {
  return text.includes("-") ? null : parseMacBytes(text);
}

/** Six bytes as `ip` prints them. */
export function formatMac(mac: Uint8Array): string {
  return Array.from(mac, (b) => b.toString(16).padStart(2, "0")).join(":");
}

/** The link-local address of a MAC: fe80::/64 and the modified EUI-64. @source RFC 4291 appendix A, addrconf_ifid_eui48 */
export function linkLocalOf(mac: Uint8Array): IpAddr {
  const c = ((mac[0]! ^ 2) << 24) | (mac[1]! << 16) | (mac[2]! << 8) | 0xff;
  const d = (0xfe << 24) | (mac[3]! << 16) | (mac[4]! << 8) | mac[5]!;
  return new IpAddr(AF_INET6, 0xfe800000, 0, c, d);
}

/** fe80::/10, from the first word. */
export function isLinkLocal6(a: number): boolean {
  return a >>> 22 === 0x3fa;
}

/** 224.0.0.0/4. */
export function isMulticast4(a: number): boolean {
  return a >>> 28 === 0xe;
}

/** 127.0.0.0/8. */
export function isLoopback4(a: number): boolean {
  return a >>> 24 === 127;
}

/** 0.0.0.0 alone: the rest of 0.0.0.0/8 is ordinary since Linux 5.3. */
export function isZeronet4(a: number): boolean {
  return a === 0;
}
