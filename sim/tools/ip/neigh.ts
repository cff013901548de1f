/** `ip neighbour`. @source iproute2 ip/ipneigh.c; net/core/neighbour.c neigh_add, neigh_delete */
import { AF_INET, AF_INET6, type Family, formatMac, IpAddr, inPrefix } from "../../net/ip/address.ts";
import { type IpStack, ipStack } from "../../net/ip/ip-stack.ts";
import { neighDestroy } from "../../net/ip/neigh/neigh.ts";
import { delNeigh, setNeigh } from "../../net/ip/neigh/neigh-control.ts";
import type { Neighbour } from "../../net/ip/neigh/neighbour.ts";
import { NUD_NAMES, NUD_NOARP, NUD_PERMANENT, NUD_VALID } from "../../net/ip/neigh/nud.ts";
import type { Netdev } from "../../net/netdev.ts";
import { ERRNO, NetlinkError } from "../../net/netlink-error.ts";
import { familyHint, parseAddressWord, parsePrefixWord } from "../addr-words.ts";
import { PrintRecord } from "../record.ts";
import {
  duplicateArgument,
  expand,
  findDevice,
  garbageArgument,
  invalidArgument,
  matches,
  notInNetsim,
  printJson,
  type ToolFlags,
  talk,
  type Words,
} from "../rtnetlink.ts";
import { ToolError, type ToolSession } from "../tool.ts";
import { parseLladdr } from "./link-words.ts";
import type { IpObject } from "./object.ts";

const USAGE =
  "Usage: ip neigh { add | del | change | replace } ADDR lladdr LLADDR [ nud STATE ] dev DEV\n" +
  "       ip neigh { show | flush } [ to PREFIX ] [ dev DEV ] [ nud STATE ]\n" +
  "       ip neigh get ADDR dev DEV\n" +
  "STATE := { delay | failed | incomplete | noarp | none | permanent | probe | reachable | stale }\n";

type Verb = "add" | "change" | "replace" | "delete" | "get";

function run(session: ToolSession, words: Words, flags: ToolFlags): string {
  if (words.done) return show(session, words, flags);
  const word = words.next();
  switch (expand(word, ["add", "change", "chg", "replace", "delete", "get", "show", "lst", "list", "flush"] as const)) {
    case "add":
      return modify(session, words, flags, "add");
    case "change":
    case "chg":
      return modify(session, words, flags, "change");
    case "replace":
      return modify(session, words, flags, "replace");
    case "delete":
      return modify(session, words, flags, "delete");
    case "get":
      return modify(session, words, flags, "get");
    case "show":
    case "lst":
    case "list":
      return show(session, words, flags);
    case "flush":
      return flush(session, words, flags);
    default:
      if (matches(word, "help")) throw new ToolError(255, USAGE);
      throw new ToolError(255, `Command "${word}" is unknown, try "ip neigh help".\n`);
  }
}

function takeState(words: Words): number {
  const word = words.next();
  const state = NUD_NAMES[word];
  if (state === undefined) throw invalidArgument("nud state is bad", word);
  return state;
}

function modify(session: ToolSession, words: Words, flags: ToolFlags, verb: Verb): string {
  let mac: string | null = null;
  let state = NUD_PERMANENT;
  let device: string | null = null;
  let dst: IpAddr | null = null;
  while (!words.done) {
    const w = words.next();
    if (matches(w, "lladdr")) {
      if (mac !== null) throw duplicateArgument("lladdr", words.next());
      mac = words.next();
    } else if (w === "nud") state = takeState(words);
    else if (w === "dev") device = words.next();
    else if (["proxy", "router", "use", "managed", "extern_learn", "protocol"].includes(w)) {
      throw notInNetsim(`\`ip neigh ... ${w}\``);
    } else {
      const value = w === "to" ? words.next() : w;
      if (dst !== null) throw garbageArgument("to", value);
      dst = parseAddressWord(value, familyHint(flags.family));
    }
  }
  if (device === null || dst === null) {
    throw new ToolError(255, "Device and destination are required arguments.\n");
  }
  const bytes = mac === null || mac === "null" ? null : parseLladdr(mac);
  const dev = findDevice(session.host, device);
  const stack = ipStack(session.host);
  if (verb === "get") {
    const n = talk(() => existing(stack, dev, dst));
    return printNeighbours([n], null, flags);
  }
  talk(() => {
    if (verb === "delete") delNeigh(dev, dst);
    else change(dev, dst, bytes, state, verb);
  });
  return "";
}

/** @throws NetlinkError ENOENT */
function existing(stack: IpStack, dev: Netdev, x: IpAddr): Neighbour {
  const n = stack.neighbours.find(dev, x.family, x.a, x.b, x.c, x.d);
  if (n === null) throw new NetlinkError(ERRNO.ENOENT);
  return n;
}

function change(
  dev: Netdev,
  addr: IpAddr,
  mac: Uint8Array | null,
  state: number,
  verb: "add" | "change" | "replace",
): void {
  if (mac !== null && mac.length !== 6) throw new NetlinkError(ERRNO.EINVAL, "Invalid link address");
  setNeigh(dev, { addr, state, ...(mac === null ? {} : { mac }) }, verb);
}

/** Which entries are meant. */
interface NeighFilter {
  readonly dev: Netdev | null;
  readonly families: readonly Family[];
  accepts(this: void, n: Neighbour): boolean;
}

/** @param states bits accepted when no `nud` is given */
function takeFilter(session: ToolSession, words: Words, flags: ToolFlags, states: number): NeighFilter {
  let family = familyHint(flags.family);
  let device: string | null = null;
  let to: { readonly addr: IpAddr; readonly len: number } | null = null;
  let mask = states;
  let given = false;
  while (!words.done) {
    const w = words.next();
    if (w === "dev") device = words.next();
    else if (w === "nud") {
      if (!given) mask = 0;
      given = true;
      if (words.peek() === "all") {
        words.next();
        mask = 0x1ff;
      } else mask |= takeState(words) || 0x100;
    } else if (["master", "vrf", "nomaster", "unused", "proxy", "protocol"].includes(w)) {
      throw notInNetsim(`\`ip neigh show ${w}\``);
    } else {
      const p = parsePrefixWord(w === "to" ? words.next() : w, family);
      if (p.addr !== null) to = { addr: p.addr, len: p.len };
      family ||= p.addr?.family ?? 0;
    }
  }
  const dev = device === null ? null : findDevice(session.host, device);
  return {
    dev,
    families: family === 0 ? [AF_INET, AF_INET6] : [family],
    accepts: (n) =>
      (dev === null || n.dev === dev) &&
      (n.state === 0 ? (mask & 0x100) !== 0 : (n.state & mask) !== 0) &&
      (to === null || inPrefix(addressOf(n), to.addr, to.len)),
  };
}

function addressOf(n: Neighbour): IpAddr {
  return new IpAddr(n.family, n.a, n.b, n.c, n.d);
}

function chosen(session: ToolSession, filter: NeighFilter): readonly Neighbour[] {
  const table = ipStack(session.host).neighbours;
  return filter.families.flatMap((f) => table.list(f)).filter(filter.accepts);
}

function show(session: ToolSession, words: Words, flags: ToolFlags): string {
  const filter = takeFilter(session, words, flags, 0xff & ~NUD_NOARP);
  return printNeighbours(chosen(session, filter), filter.dev, flags);
}

function flush(session: ToolSession, words: Words, flags: ToolFlags): string {
  if (words.done) throw new ToolError(1, "Flush requires arguments.\n");
  const filter = takeFilter(session, words, flags, 0xff & ~(NUD_PERMANENT | NUD_NOARP));
  const list = chosen(session, filter);
  for (const n of list) neighDestroy(n);
  if (flags.stats === 0) return "";
  if (list.length === 0) return "Nothing to flush.\n";
  return `\n*** Round 1, deleting ${list.length} entries ***\n*** Flush is complete after 1 round ***\n`;
}

/** In the order of print_neigh_state. */
const STATE_ORDER = ["INCOMPLETE", "REACHABLE", "STALE", "DELAY", "PROBE", "FAILED", "NOARP", "PERMANENT"] as const;

function printNeighbours(list: readonly Neighbour[], only: Netdev | null, flags: ToolFlags): string {
  const records = list.map((n) => neighRecord(n, only, flags));
  if (flags.json)
    return printJson(
      records.map((r) => r.json),
      flags,
    );
  return records.map((r) => `${r.text}\n`).join("");
}

function neighRecord(n: Neighbour, only: Netdev | null, flags: ToolFlags): PrintRecord {
  const r = new PrintRecord();
  const dst = String(addressOf(n));
  r.any("dst", dst, flags.brief ? `${dst.padEnd(39)} ` : `${dst} `);
  if (only === null) r.any("dev", n.dev.name, flags.brief ? `${n.dev.name.padEnd(16)} ` : `dev ${n.dev.name} `);
  const known = (n.state & NUD_VALID) !== 0 && n.dev.hardHeaderLen > 0;
  if (known) r.any("lladdr", formatMac(n.mac), flags.brief ? formatMac(n.mac) : `lladdr ${formatMac(n.mac)} `);
  if (flags.brief) return r;
  if (n.isRouter) r.any("router", null, "router ");
  if (flags.stats > 0) addAges(r, n);
  if (n.state === 0) return r;
  const states = STATE_ORDER.filter((s) => (n.state & NUD_NAMES[s.toLowerCase()]!) !== 0);
  return r.any("state", states, states.map((s) => `${s} `).join(""));
}

/** nda_cacheinfo: seconds since last use, confirmation and change. */
function addAges(r: PrintRecord, n: Neighbour): void {
  const nowNs = n.stack.kernel.engine.nowNs;
  const ageS = (atNs: number): number => Math.floor((nowNs - atNs) / 1e9);
  r.any("used", ageS(n.usedNs), ` used ${ageS(n.usedNs)}`);
  r.any("confirmed", ageS(n.confirmedNs), `/${ageS(n.confirmedNs)}`);
  r.any("updated", ageS(n.updatedNs), `/${ageS(n.updatedNs)}`);
  r.any("probes", n.probes, `probes ${n.probes} `);
}

/** The object. */
export const neigh: IpObject = { names: ["neighbor", "neighbour"], run };
