/** The words of `ip route add` and its kin. @source iproute2 ip/iproute.c iproute_modify, parse_one_nh */
import type { Host } from "../../net/host.ts";
import { AF_INET, AF_INET6, ANY4, ANY6, type Family, type IpPrefix } from "../../net/ip/address.ts";
import type { NexthopSpec, RouteSpec } from "../../net/ip/fib/route-control.ts";
import {
  ROUTE_TYPES,
  RT_TABLE_LOCAL,
  RTN_ANYCAST,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_UNICAST,
} from "../../net/ip/fib/rtm.ts";
import { type FamilyHint, familyHint, type PrefixWord, parseAddressWord, parsePrefixWord } from "../addr-words.ts";
import {
  findDevice,
  garbageArgument,
  invalidArgument,
  matches,
  notInNetsim,
  parseNumber,
  type ToolFlags,
  type Words,
} from "../rtnetlink.ts";
import { ToolError } from "../tool.ts";
import { parseProtocol, parseScope, parseTable } from "./names.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What stands between `ip route VERB` and the end. */
interface RouteWords {
  family: FamilyHint;
  dst: PrefixWord | null;
  dev: string | null;
  spec: Mutable<Omit<RouteSpec, "dst">>;
  hop: Mutable<NexthopSpec>;
  hops: NexthopSpec[];
}

/** Words that iproute2 has and netsim's routes have nothing for; the second column says how many values follow. */
const REFUSED: readonly string[] =
  "as from tos dsfield expires hoplimit advmss reordering rtt rto_min window cwnd initcwnd initrwnd features quickack congctl rttvar ssthresh realms nhid vrf encap ttl-propagate fastopen_no_cookie".split(
    " ",
  );

/** @returns null when no destination was given: the caller prints the usage */
export function parseRouteWords(host: Host, words: Words, flags: ToolFlags, deleting: boolean): RouteSpec | null {
  const r: RouteWords = { family: familyHint(flags.family), dst: null, dev: null, spec: {}, hop: {}, hops: [] };
  while (!words.done) {
    if (words.peek() === "nexthop") takeNexthops(host, words, r);
    else takeWord(words, r);
  }
  if (r.dst === null) return null;
  if (r.dev !== null) r.hop.dev = findDevice(host, r.dev);
  const { spec } = r;
  if (r.hops.length > 0) spec.nexthops = r.hops;
  else if (r.hop.dev !== undefined || r.hop.via !== undefined) spec.nexthops = [r.hop];
  const local = spec.type === RTN_LOCAL || spec.type === RTN_BROADCAST || spec.type === RTN_ANYCAST;
  if (spec.table === undefined && local) spec.table = RT_TABLE_LOCAL;
  if (!deleting) spec.type ??= RTN_UNICAST;
  return { ...spec, dst: destination(r.dst, r.family === 0 ? AF_INET : r.family) };
}

/** `default` is 0/0 of the family that the other words show. */
export function destination(word: PrefixWord, family: Family): IpPrefix {
  if (word.addr !== null) return { addr: word.addr, len: word.len };
  return { addr: family === AF_INET6 ? ANY6 : ANY4, len: 0 };
}

function takeWord(words: Words, r: RouteWords): void {
  const w = words.next();
  if (w === "src") {
    r.spec.prefSrc = parseAddressWord(words.next(), r.family);
    r.family ||= r.spec.prefSrc.family;
  } else if (w === "via") {
    if (r.hop.via !== undefined) throw invalidArgument("use nexthop syntax to specify multiple via\n", w);
    takeVia(words, r, r.hop);
  } else if (REFUSED.includes(w)) throw notInNetsim(`\`ip route ... ${w}\``);
  else if (w === "onlink") r.hop.onlink = true;
  else if (w === "dev" || w === "oif") r.dev = words.next();
  else if (w === "scope") r.spec.scope = takeNamed(words, parseScope, 'invalid "scope" value\n');
  else if (w === "mtu") takeMtu(words, r);
  else if (w === "to") takeDestination(words, r, words.next());
  else if (matches(w, "metric") || matches(w, "priority") || w === "preference") {
    r.spec.metric = parseNumber(words.next(), '"metric" value is invalid\n');
  } else if (matches(w, "protocol")) r.spec.protocol = takeNamed(words, parseProtocol, '"protocol" value is invalid\n');
  else if (matches(w, "table")) r.spec.table = takeNamed(words, parseTable, '"table" value is invalid\n');
  else if (matches(w, "pref")) {
    if (words.next() !== "medium") throw notInNetsim("router preferences of routes");
  } else takeDestination(words, r, w);
}

function takeMtu(words: Words, r: RouteWords): void {
  if (words.peek() === "lock") {
    words.next();
    r.spec.mtuLocked = true;
  }
  r.spec.mtu = parseNumber(words.next(), '"mtu" value is invalid\n');
}

function takeNamed(words: Words, parse: (w: string) => number | null, message: string): number {
  const word = words.next();
  const n = parse(word);
  if (n === null) throw invalidArgument(message, word);
  return n;
}

function takeVia(words: Words, r: RouteWords, hop: Mutable<NexthopSpec>): void {
  let family = r.family;
  if (words.peek() === "inet" || words.peek() === "inet6") family = words.next() === "inet" ? AF_INET : AF_INET6;
  hop.via = parseAddressWord(words.next(), family);
  r.family ||= hop.via.family;
}

/** `[TYPE] PREFIX`. */
function takeDestination(words: Words, r: RouteWords, word: string): void {
  let w = word;
  const type = /^\d/.test(w) ? undefined : ROUTE_TYPES[w];
  if (type !== undefined) {
    r.spec.type = type;
    w = words.next();
  }
  if (r.dst !== null) throw garbageArgument("to", w);
  r.dst = parsePrefixWord(w, r.family);
  r.family ||= r.dst.addr?.family ?? 0;
}

/** `nexthop via A [dev D] [weight N] [onlink] nexthop ...`, to the end of the line. */
function takeNexthops(host: Host, words: Words, r: RouteWords): void {
  while (!words.done) {
    const w = words.next();
    if (w !== "nexthop") {
      throw new ToolError(255, `Error: "nexthop" or end of line is expected instead of "${w}"\n`);
    }
    if (words.done) throw new ToolError(255, 'Error: unexpected end of line after "nexthop"\n');
    const hop: Mutable<NexthopSpec> = {};
    while (!words.done && words.peek() !== "nexthop") takeNexthopWord(host, words, r, hop);
    r.hops.push(hop);
  }
}

function takeNexthopWord(host: Host, words: Words, r: RouteWords, hop: Mutable<NexthopSpec>): void {
  const w = words.peek()!;
  if (w === "via") {
    words.next();
    takeVia(words, r, hop);
  } else if (w === "dev") {
    words.next();
    hop.dev = findDevice(host, words.next());
  } else if (w === "weight") {
    words.next();
    hop.weight = parseNumber(words.next(), '"weight" is invalid\n', 1, 256);
  } else if (w === "onlink") {
    words.next();
    hop.onlink = true;
  } else if (matches(w, "realms") || w === "encap" || w === "as") throw notInNetsim(`\`nexthop ... ${w}\``);
  else throw new ToolError(255, `Error: "nexthop" or end of line is expected instead of "${w}"\n`);
}
