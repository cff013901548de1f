/** Names of routing's numbers. @source iproute2 lib/rt_names.c, etc/iproute2/rt_protos, rt_scopes, rt_tables */

/** Scopes by number. */
const SCOPES: Readonly<Record<number, string>> = { 0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere" };
/** Routing protocols by number. */
const PROTOCOLS: Readonly<Record<number, string>> = {
  0: "unspec",
  1: "redirect",
  2: "kernel",
  3: "boot",
  4: "static",
  8: "gated",
  9: "ra",
  10: "mrt",
  11: "zebra",
  12: "bird",
  13: "dnrouted",
  14: "xorp",
  15: "ntk",
  16: "dhcp",
  18: "keepalived",
  42: "babel",
  186: "bgp",
  187: "isis",
  188: "ospf",
  189: "rip",
  192: "eigrp",
};
/** Tables by number. */
const TABLES: Readonly<Record<number, string>> = { 253: "default", 254: "main", 255: "local" };

function nameOf(names: Readonly<Record<number, string>>, n: number): string {
  return names[n] ?? String(n);
}

function numberOf(names: Readonly<Record<number, string>>, word: string, max: number): number | null {
  for (const [n, name] of Object.entries(names)) if (name === word) return Number(n);
  if (!/^\d+$|^0x[0-9a-f]+$/i.test(word)) return null;
  const n = Number(word);
  return n <= max ? n : null;
}

/** `global`, `link`, ... or the number. */
export function scopeName(scope: number): string {
  return nameOf(SCOPES, scope);
}
/** @returns null for a word that is none */
export function parseScope(word: string): number | null {
  return numberOf(SCOPES, word === "universe" ? "global" : word, 255);
}
/** `kernel`, `static`, ... or the number. */
export function protocolName(protocol: number): string {
  return nameOf(PROTOCOLS, protocol);
}
/** @returns null for a word that is none */
export function parseProtocol(word: string): number | null {
  return numberOf(PROTOCOLS, word, 255);
}
/** `main`, `local`, ... or the number. */
export function tableName(table: number): string {
  return nameOf(TABLES, table);
}
/** @returns null for a word that is none */
export function parseTable(word: string): number | null {
  return numberOf(TABLES, word, 0xffffffff);
}
