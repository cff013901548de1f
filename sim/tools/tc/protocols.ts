/** Names of ethertypes. @source iproute2 lib/ll_proto.c */
import { invalidArgument } from "../rtnetlink.ts";

/** The first name of a number is the one that is printed. */
const PROTOCOLS: readonly (readonly [string, number])[] = [
  ["ip", 0x0800],
  ["x25", 0x0805],
  ["arp", 0x0806],
  ["teb", 0x6558],
  ["rarp", 0x8035],
  ["802.1Q", 0x8100],
  ["ipx", 0x8137],
  ["ipv6", 0x86dd],
  ["mpls_uc", 0x8847],
  ["mpls_mc", 0x8848],
  ["ppp_disc", 0x8863],
  ["ppp_ses", 0x8864],
  ["802.1ad", 0x88a8],
  ["LLDP", 0x88cc],
  ["tipc", 0x88ca],
  ["loop", 0x0060],
  ["802_3", 0x0001],
  ["all", 0x0003],
  ["802_2", 0x0004],
  ["snap", 0x0005],
  ["ipv4", 0x0800],
];

/** @throws ToolError for no name and no number */
export function parseEthertype(word: string): number {
  const named = PROTOCOLS.find(([name]) => name.toLowerCase() === word.toLowerCase());
  if (named !== undefined) return named[1];
  const n = /^(0x[0-9a-f]+|\d+)$/i.test(word) ? Number(word) : Number.NaN;
  if (!(n >= 0 && n <= 0xffff)) throw invalidArgument("invalid protocol", word);
  return n;
}

/** The name, or `[4660]`. */
export function formatEthertype(n: number): string {
  return PROTOCOLS.find(([, number]) => number === n)?.[0] ?? `[${n}]`;
}
