/** `ip address`. @source iproute2 ip/ipaddress.c do_ipaddr, ipaddr_modify, ipaddr_flush */
import { AF_INET, AF_INET6, type Family, IpAddr, type IpPrefix, mask4 } from "../../net/ip/address.ts";
import { type AddressOptions, addAddress, delAddress, flushAddresses, listAddresses } from "../../net/ip/addresses.ts";
import type { IfAddr } from "../../net/ip/ip-dev.ts";
import type { Netdev } from "../../net/netdev.ts";
import { ERRNO, NetlinkError } from "../../net/netlink-error.ts";
import { type FamilyHint, familyHint, type PrefixWord, parseAddressWord, parsePrefixWord } from "../addr-words.ts";
import {
  duplicateArgument,
  expand,
  findDevice,
  garbageArgument,
  invalidArgument,
  matches,
  notInNetsim,
  parseNumber,
  type ToolFlags,
  talk,
  type Words,
} from "../rtnetlink.ts";
import { ToolError, type ToolResult, type ToolSession } from "../tool.ts";
import { noteNodad, showAddresses, takeAddressFilter } from "./addr-show.ts";
import { parseScope } from "./names.ts";
import type { IpObject } from "./object.ts";

const USAGE =
  "Usage: ip address {add|change|replace} IFADDR dev IFNAME [ LIFETIME ]\n" +
  "       ip address del IFADDR dev IFNAME\n" +
  "       ip address {flush|show} [ dev IFNAME ] [ scope SCOPE-ID ] [ to PREFIX ] [ up ]\n" +
  "IFADDR := PREFIX [ peer PREFIX ] [ broadcast ADDR | + | - ] [ label IFNAME ] [ scope SCOPE-ID ] [ metric METRIC ]\n";

/** What was said about an address. */
interface AddressRequest {
  family: FamilyHint;
  local: PrefixWord | null;
  localWord: string;
  peer: PrefixWord | null;
  broadcast: IpAddr | "+" | "-" | null;
  scope: number | null;
  dev: string | null;
  label: string | null;
  metric: number | null;
  noPrefixRoute: boolean;
  nodad: boolean;
  warnings: string;
}

/** Flags of addresses that only the kernel sets, or that netsim's addresses never have. */
const FLAG_WORDS = ["secondary", "temporary", "dadfailed", "deprecated", "tentative", "permanent", "stable-privacy"];
const FLAG_REFUSED = ["optimistic", "home", "mngtmpaddr", "autojoin"];

function run(session: ToolSession, words: Words, flags: ToolFlags): string | ToolResult {
  if (words.done) return showAddresses(session.host, words, flags);
  const word = words.next();
  switch (
    expand(word, [
      "add",
      "change",
      "chg",
      "replace",
      "delete",
      "show",
      "lst",
      "list",
      "flush",
      "save",
      "restore",
    ] as const)
  ) {
    case "add":
      return add(session, words, flags, false);
    case "change":
    case "chg":
    case "replace":
      return add(session, words, flags, true);
    case "delete":
      return remove(session, words, flags);
    case "show":
    case "lst":
    case "list":
      return showAddresses(session.host, words, flags);
    case "flush":
      return flush(session, words, flags);
    case "save":
    case "restore":
      throw notInNetsim(`\`ip address ${word}\``);
    default:
      if (matches(word, "help")) throw new ToolError(255, USAGE);
      throw new ToolError(255, `Command "${word}" is unknown, try "ip address help".\n`);
  }
}

function parseRequest(words: Words, flags: ToolFlags): AddressRequest {
  const r: AddressRequest = {
    family: familyHint(flags.family),
    local: null,
    localWord: "",
    peer: null,
    broadcast: null,
    scope: null,
    dev: null,
    label: null,
    metric: null,
    noPrefixRoute: false,
    nodad: false,
    warnings: "",
  };
  while (!words.done) takeWord(words, r);
  if (r.dev === null) throw new ToolError(1, 'Not enough information: "dev" argument is required.\n');
  return r;
}

function takeWord(words: Words, r: AddressRequest): void {
  const w = words.next();
  if (w === "peer" || w === "remote") {
    if (r.peer !== null) throw duplicateArgument("peer", words.next());
    r.peer = parsePrefixWord(words.next(), r.family);
    r.family ||= r.peer.addr?.family ?? 0;
  } else if (matches(w, "broadcast") || w === "brd") {
    if (r.broadcast !== null) throw duplicateArgument("broadcast", words.next());
    const value = words.next();
    r.broadcast = value === "+" || value === "-" ? value : parseAddressWord(value, r.family);
  } else if (w === "scope") {
    const value = words.next();
    r.scope = parseScope(value);
    if (r.scope === null) throw invalidArgument("invalid scope value.", value);
  } else if (w === "dev") r.dev = words.next();
  else if (w === "label") r.label = words.next();
  else if (matches(w, "metric") || matches(w, "priority") || matches(w, "preference")) {
    r.metric = parseNumber(words.next(), '"metric" value is invalid\n');
  } else if (matches(w, "valid_lft") || matches(w, "preferred_lft")) {
    if (words.next() !== "forever") throw notInNetsim("lifetimes of addresses", "say forever");
  } else if (w === "nodad") r.nodad = true;
  else if (w === "noprefixroute") r.noPrefixRoute = true;
  else if (FLAG_WORDS.includes(w)) r.warnings += `Warning: ${w} option is not mutable from userspace\n`;
  else if (FLAG_REFUSED.includes(w) || w === "anycast") throw notInNetsim(`\`ip address ... ${w}\``);
  else {
    const value = w === "local" ? words.next() : w;
    if (matches(value, "help")) throw new ToolError(255, USAGE);
    if (r.local !== null) throw garbageArgument("local", value);
    r.localWord = value;
    r.local = parsePrefixWord(value, r.family);
    r.family ||= r.local.addr?.family ?? 0;
  }
}

/** The address itself, or the kernel's refusal of none. */
function localOf(r: AddressRequest): IpPrefix {
  const local = r.local;
  if (local === null || local.addr === null) throw new ToolError(2, "RTNETLINK answers: Operation not supported\n");
  return { addr: local.addr, len: r.peer === null ? local.len : r.peer.len };
}

function add(session: ToolSession, words: Words, flags: ToolFlags, replace: boolean): string | ToolResult {
  const r = parseRequest(words, flags);
  const prefix = localOf(r);
  const dev = findDevice(session.host, r.dev!);
  const broadcast = broadcastOf(r, prefix);
  const options: AddressOptions = {
    ...(r.peer?.addr ? { peer: r.peer.addr } : {}),
    ...(broadcast === null ? {} : { broadcast }),
    ...(r.scope === null ? {} : { scope: r.scope }),
    ...(r.label === null ? {} : { label: r.label }),
    ...(r.metric === null ? {} : { metric: r.metric }),
    noPrefixRoute: r.noPrefixRoute,
  };
  const done = talk(() => {
    try {
      return addAddress(dev, prefix, options);
    } catch (error) {
      if (replace && error instanceof NetlinkError && error.errno === ERRNO.EEXIST) return null;
      throw error;
    }
  });
  if (done !== null && r.nodad && prefix.addr.family === AF_INET6) noteNodad(done);
  if (r.nodad && prefix.addr.family === AF_INET)
    r.warnings += "Warning: nodad option can be set only for IPv6 addresses\n";
  return r.warnings === "" ? "" : { status: 0, stdout: "", stderr: r.warnings };
}

/** `brd +` sets the host bits, `brd -` clears them. */
function broadcastOf(r: AddressRequest, prefix: IpPrefix): IpAddr | null {
  if (r.broadcast === null || r.broadcast instanceof IpAddr) return r.broadcast;
  if (prefix.addr.family !== AF_INET) {
    throw new ToolError(1, "Broadcast can be set only for IPv4 addresses\n");
  }
  const base = (r.peer?.addr ?? prefix.addr).a;
  const host = ~mask4(prefix.len);
  if (prefix.len > 30) return new IpAddr(AF_INET, base);
  return new IpAddr(AF_INET, r.broadcast === "+" ? base | host : base & ~host);
}

/** @differs an IPv4 address without a length takes the first of the device that is equal, as Linux does, whatever its length */
function remove(session: ToolSession, words: Words, flags: ToolFlags): string | ToolResult {
  const r = parseRequest(words, flags);
  const prefix = localOf(r);
  const dev = findDevice(session.host, r.dev!);
  if (prefix.addr.family === AF_INET && r.local?.hasLen === false && r.peer === null) {
    const found = listAddresses(dev, AF_INET).find((x) => x.addr.equals(prefix.addr));
    talk(() => delAddress(dev, { addr: prefix.addr, len: found?.len ?? prefix.len }));
    const stderr =
      "Warning: Executing wildcard deletion to stay compatible with old scripts.\n" +
      `         Explicitly specify the prefix length (${r.localWord}/32) to avoid this warning.\n` +
      "         This special behaviour is likely to disappear in further releases,\n" +
      "         fix your scripts!\n";
    return { status: 0, stdout: "", stderr };
  }
  talk(() => delAddress(dev, prefix));
  return r.warnings === "" ? "" : { status: 0, stdout: "", stderr: r.warnings };
}

function flush(session: ToolSession, words: Words, flags: ToolFlags): string {
  if (words.done) throw new ToolError(1, "Flush requires arguments.\n");
  const filter = takeAddressFilter(session.host, words, flags);
  const families: readonly Family[] = filter.family === 0 ? [AF_INET, AF_INET6] : [filter.family];
  for (const dev of filter.devices()) for (const family of families) flushFamily(dev, family, filter.accepts);
  return "";
}

function flushFamily(dev: Netdev, family: Family, accepts: (x: IfAddr) => boolean): void {
  const list = listAddresses(dev, family);
  if (list.every(accepts)) {
    flushAddresses(dev, family);
    return;
  }
  for (const x of list.filter(accepts)) {
    // a secondary address is gone with its primary already
    if (listAddresses(dev, family).includes(x)) delAddress(dev, { addr: x.addr, len: x.len });
  }
}

/** The object. */
export const addr: IpObject = { names: ["address"], run };
