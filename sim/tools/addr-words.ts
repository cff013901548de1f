/** Addresses and prefixes as words of iproute2's commands. @source iproute2 lib/utils.c get_addr, get_prefix */
import { AF_INET, AF_INET6, addressBits, type Family, type IpAddr, parseIp } from "../net/ip/address.ts";
import { ToolError } from "./tool.ts";

/** Family asked for by -4, -6 or an earlier word; 0: any. */
export type FamilyHint = 0 | Family;

/** A prefix word. `default`, `any` and `all` have no address. */
export interface PrefixWord {
  readonly addr: IpAddr | null;
  readonly len: number;
  /** A length was written. */
  readonly hasLen: boolean;
}

/** The hint of the flags -4 and -6. */
export function familyHint(family: 0 | 4 | 6): FamilyHint {
  return family === 4 ? AF_INET : family === 6 ? AF_INET6 : 0;
}

function kindOf(hint: FamilyHint): string {
  return hint === AF_INET ? "inet" : hint === AF_INET6 ? "inet6" : "any valid";
}

/** An IPv4 address may have fewer than four numbers: `10.1` is 10.1.0.0. */
function parseShort(text: string, hint: FamilyHint): IpAddr | null {
  if (text.includes(":")) return hint === AF_INET ? null : parseIp(text);
  if (hint === AF_INET6 || !/^\d+(\.\d+){0,3}$/.test(text)) return null;
  const parts = text.split(".");
  while (parts.length < 4) parts.push("0");
  return parseIp(parts.join("."));
}

/** @throws ToolError `Error: any valid address is expected rather than "WORD".` */
export function parseAddressWord(text: string, hint: FamilyHint = 0): IpAddr {
  const addr = parseShort(text, hint);
  if (addr === null) throw new ToolError(1, `Error: ${kindOf(hint)} address is expected rather than "${text}".\n`);
  return addr;
}

/** @throws ToolError `Error: any valid prefix is expected rather than "WORD".` */
export function parsePrefixWord(text: string, hint: FamilyHint = 0): PrefixWord {
  if (text === "default" || text === "any" || text === "all") return { addr: null, len: 0, hasLen: false };
  const slash = text.indexOf("/");
  const addr = parseShort(slash < 0 ? text : text.slice(0, slash), hint);
  const lenText = slash < 0 ? "" : text.slice(slash + 1);
  const bits = addr === null ? 0 : addressBits(addr.family);
  const len = slash < 0 ? bits : prefixLength(lenText);
  if (addr === null || !(len >= 0 && len <= bits)) {
    throw new ToolError(1, `Error: ${kindOf(hint)} prefix is expected rather than "${text}".\n`);
  }
  return { addr, len, hasLen: slash >= 0 };
}

/** A number, or a netmask in dots. @returns -1 for neither */
function prefixLength(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  const mask = parseIp(text);
  if (mask === null || mask.family !== AF_INET) return -1;
  const ones = Math.clz32(~mask.a);
  return (ones === 32 ? 0 : mask.a << ones) === 0 ? ones : -1;
}
