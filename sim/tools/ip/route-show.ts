/** `ip route show` and `flush`. @source iproute2 ip/iproute.c iproute_list_flush_or_save, filter_nlmsg, print_route */
import type { Host } from "../../net/host.ts";
import { AF_INET, AF_INET6, addressBits, type Family, type IpAddr, inPrefix } from "../../net/ip/address.ts";
import type { FibNh, FibRoute } from "../../net/ip/fib/fib.ts";
import { listRoutes, removeRoute } from "../../net/ip/fib/route-control.ts";
import { ROUTE_TYPES, RT_SCOPE_UNIVERSE, RT_TABLE_MAIN, RTN_UNICAST, RTPROT_BOOT } from "../../net/ip/fib/rtm.ts";
import { ipStack } from "../../net/ip/ip-stack.ts";
import type { Netdev } from "../../net/netdev.ts";
import { type FamilyHint, familyHint, type PrefixWord, parsePrefixWord } from "../addr-words.ts";
import { PrintRecord } from "../record.ts";
import {
  findDevice,
  invalidArgument,
  matches,
  notInNetsim,
  parseNumber,
  printJson,
  type ToolFlags,
  type Words,
} from "../rtnetlink.ts";
import { parseProtocol, parseScope, parseTable, protocolName, scopeName, tableName } from "./names.ts";

/** Which routes are meant; what is filtered by is not printed. */
interface RouteFilter {
  family: FamilyHint;
  /** 0: all. */
  table: number;
  dev: Netdev | null;
  protocol: number | null;
  scope: number | null;
  type: number | null;
  metric: number | null;
  via: PrefixWord | null;
  src: PrefixWord | null;
  /** Prefixes that the route lies in, at least as long. */
  root: PrefixWord | null;
  /** Prefixes that lie in the route, at most as long. */
  match: PrefixWord | null;
}

/** Runs `ip route show`. */
export function showRoutes(host: Host, words: Words, flags: ToolFlags): string {
  const filter = takeFilter(host, words, flags);
  const records = chosen(host, filter).map((r) => routeRecord(r, filter, flags));
  if (flags.json)
    return printJson(
      records.map((r) => r.json),
      flags,
    );
  return records.map((r) => `${r.text}\n`).join("");
}

/** Runs `ip route flush`, with a filter that is not empty. */
export function flushRoutes(host: Host, words: Words, flags: ToolFlags): string {
  const stack = ipStack(host);
  const list = chosen(host, takeFilter(host, words, flags));
  for (const r of list) removeRoute(stack, r);
  if (flags.stats === 0) return "";
  if (list.length === 0) return "Nothing to flush.\n";
  return `\n*** Round 1, deleting ${list.length} entries ***\n*** Flush is complete after 1 round ***\n`;
}

function takeFilter(host: Host, words: Words, flags: ToolFlags): RouteFilter {
  const f: RouteFilter = {
    family: familyHint(flags.family),
    table: RT_TABLE_MAIN,
    dev: null,
    protocol: null,
    scope: null,
    type: null,
    metric: null,
    via: null,
    src: null,
    root: null,
    match: null,
  };
  while (!words.done) takeFilterWord(host, words, f);
  if (f.family === 0 && f.table !== 0) f.family = AF_INET;
  return f;
}

function takeFilterWord(host: Host, words: Words, f: RouteFilter): void {
  const w = words.next();
  if (matches(w, "table")) {
    const value = words.next();
    const n = value === "all" ? 0 : parseTable(value);
    if (n === null) throw invalidArgument("table id value is invalid\n", value);
    f.table = n;
  } else if (matches(w, "protocol")) f.protocol = takeAll(words, parseProtocol, 'invalid "protocol"\n');
  else if (matches(w, "scope")) f.scope = takeAll(words, parseScope, 'invalid "scope"\n');
  else if (matches(w, "type")) {
    const value = words.next();
    const type = ROUTE_TYPES[value];
    if (type === undefined) throw invalidArgument("node type value is invalid\n", value);
    f.type = type;
  } else if (w === "dev" || w === "oif") f.dev = findDevice(host, words.next());
  else if (matches(w, "metric") || matches(w, "priority") || w === "preference") {
    f.metric = parseNumber(words.next(), '"metric" value is invalid\n');
  } else if (w === "via") f.via = parsePrefixWord(words.next(), f.family);
  else if (w === "src") f.src = parsePrefixWord(words.next(), f.family);
  else if (["cached", "cloned", "vrf", "tos", "dsfield", "iif", "mark", "realms", "from"].includes(w)) {
    throw notInNetsim(`\`ip route show ${w}\``);
  } else takePrefixes(words, f, matches(w, "to") ? words.next() : w);
}

function takePrefixes(words: Words, f: RouteFilter, word: string): void {
  const root = matches(word, "root");
  const match = !root && matches(word, "match");
  const exact = !root && !match && matches(word, "exact");
  const prefix = parsePrefixWord(root || match || exact ? words.next() : word, f.family);
  if (!match) f.root = prefix;
  if (!root) f.match = prefix;
  f.family ||= prefix.addr?.family ?? 0;
}

function takeAll(words: Words, parse: (w: string) => number | null, message: string): number | null {
  const word = words.next();
  if (word === "all") return null;
  const n = parse(word);
  if (n === null) throw invalidArgument(message, word);
  return n;
}

function chosen(host: Host, f: RouteFilter): readonly FibRoute[] {
  const families: readonly Family[] = f.family === 0 ? [AF_INET, AF_INET6] : [f.family];
  return families.flatMap((x) => listRoutes(host, x, f.table === 0 ? undefined : f.table)).filter((r) => accepts(r, f));
}

function accepts(r: FibRoute, f: RouteFilter): boolean {
  const single = r.nhs.length === 1 ? r.nhs[0]! : null;
  return (
    (f.dev === null || single?.dev === f.dev) &&
    (f.protocol === null || r.protocol === f.protocol) &&
    (f.scope === null || r.scope === f.scope) &&
    (f.type === null || r.type === f.type) &&
    (f.metric === null || r.metric === f.metric) &&
    (f.via === null || within(single?.gw ?? null, f.via)) &&
    (f.src === null || within(r.prefSrc, f.src)) &&
    (f.root === null ||
      (f.root.len <= r.len && (f.root.addr === null || inPrefix(r.prefix, f.root.addr, f.root.len)))) &&
    (f.match === null || (f.match.len >= r.len && (f.match.addr === null || inPrefix(f.match.addr, r.prefix, r.len))))
  );
}

function within(x: IpAddr | null, prefix: PrefixWord): boolean {
  return x !== null && (prefix.addr === null || inPrefix(x, prefix.addr, prefix.len));
}

/** `10.0.0.0/8`, an address alone when it is whole, `default`. */
export function formatDestination(prefix: IpAddr, len: number): string {
  if (len === 0) return "default";
  return len === addressBits(prefix.family) ? String(prefix) : `${prefix}/${len}`;
}

/** Name of a route type. */
export function typeName(type: number): string {
  return Object.keys(ROUTE_TYPES).find((k) => ROUTE_TYPES[k] === type) ?? String(type);
}

function nhFlags(nh: FibNh): readonly string[] {
  const out: string[] = [];
  if (nh.dead) out.push("dead");
  if (nh.onlink) out.push("onlink");
  if (nh.linkdown || !nh.dev.carrier) out.push("linkdown");
  return out;
}

function routeRecord(route: FibRoute, f: RouteFilter, flags: ToolFlags): PrintRecord {
  const r = new PrintRecord();
  const { details } = flags;
  const single = route.nhs.length === 1 ? route.nhs[0]! : null;
  if (route.type !== RTN_UNICAST || details) r.any("type", typeName(route.type), `${typeName(route.type)} `);
  const dst = formatDestination(route.prefix, route.len);
  r.any("dst", dst, `${dst} `);
  const viaShown = f.via === null || f.via.len !== addressBits(route.family);
  if (single !== null) {
    if (single.gw !== null && viaShown) r.any("gateway", String(single.gw), `via ${single.gw} `);
    if (f.dev === null) r.any("dev", single.dev.name, `dev ${single.dev.name} `);
  }
  if (f.table === 0 && (route.table !== RT_TABLE_MAIN || details)) {
    r.any("table", tableName(route.table), `table ${tableName(route.table)} `);
  }
  if ((route.protocol !== RTPROT_BOOT || details) && f.protocol === null) {
    r.any("protocol", protocolName(route.protocol), `proto ${protocolName(route.protocol)} `);
  }
  if ((route.scope !== RT_SCOPE_UNIVERSE || details) && f.scope === null) {
    r.any("scope", scopeName(route.scope), `scope ${scopeName(route.scope)} `);
  }
  if (route.prefSrc !== null) r.any("prefsrc", String(route.prefSrc), `src ${route.prefSrc} `);
  if (route.metric !== 0 && f.metric === null) r.any("metric", route.metric, `metric ${route.metric} `);
  const states = single === null ? [] : nhFlags(single);
  r.any("flags", states, states.map((s) => `${s} `).join(""));
  if (route.mtu !== 0) r.any("metrics", [{ mtu: route.mtu }], `mtu ${route.mtuLocked ? "lock " : ""}${route.mtu} `);
  if (route.family === AF_INET6) r.any("pref", "medium", "pref medium");
  if (route.nhs.length > 1) addNexthops(r, route, flags.oneline ? "\\" : "\n");
  return r;
}

function addNexthops(r: PrintRecord, route: FibRoute, nl: string): void {
  const json = route.nhs.map((nh) => {
    const hop = new PrintRecord();
    hop.plain(`${nl}\tnexthop `);
    if (nh.gw !== null) hop.any("gateway", String(nh.gw), `via ${nh.gw} `);
    hop.any("dev", nh.dev.name, `dev ${nh.dev.name} `).any("weight", nh.weight, `weight ${nh.weight} `);
    const states = nhFlags(nh);
    hop.any("flags", states, states.map((s) => `${s} `).join(""));
    r.plain(hop.text);
    return hop.json;
  });
  r.field("nexthops", json);
}
