/** The words that `ip link add`, `set` and `delete` share. @source iproute2 ip/iplink.c iplink_parse, lib/ll_addr.c ll_addr_a2n */
import type { Host } from "../../net/host.ts";
import type { Netdev } from "../../net/netdev.ts";
import type { XdpModeWord } from "../../net/xdp/attach.ts";
import { type BpfSource, takeBpfSource } from "../bpf/load.ts";
import {
  duplicateArgument,
  garbageArgument,
  invalidArgument,
  matches,
  notInNetsim,
  parseNumber,
  type Words,
} from "../rtnetlink.ts";
import { ToolError, type ToolSession } from "../tool.ts";

/** What was said about a device. */
export interface LinkRequest {
  /** The device meant, and for `add` the new one. */
  dev: string | null;
  /** `name`: the new name. */
  name: string | null;
  up: boolean | null;
  promisc: boolean | null;
  arp: boolean | null;
  multicast: boolean | null;
  address: Uint8Array | null;
  mtu: number | null;
  txQueueLen: number | null;
  txQueues: number | null;
  rxQueues: number | null;
  index: number | null;
  /** undefined: not said; null: nomaster. */
  master: Netdev | null | undefined;
  /** `netns NODE`. */
  netns: Host | null;
  xdp: XdpRequest | null;
  /** Behind it stand the kind's own words. */
  type: string | null;
}

/** `xdp ...`. */
export interface XdpRequest {
  readonly mode: XdpModeWord;
  /** null: off. */
  readonly source: BpfSource | null;
}

const XDP_WORDS: readonly string[] = ["xdp", "xdpgeneric", "xdpdrv", "xdpoffload"];
/** Words of iproute2 that netsim has nothing behind. */
const REFUSED: readonly string[] =
  "link broadcast brd allmulticast trailers carrier vf vrf dynamic alias group mode state addrgenmode link-netns link-netnsid protodown protodown_reason gso_max_size gso_max_segs gro_max_size parentdev".split(
    " ",
  );

/** Hex bytes with colons between. @throws ToolError `"WORD" is invalid lladdr.` */
export function parseLladdr(text: string): Uint8Array {
  const parts = text.split(":");
  if (!parts.every((p) => /^[0-9a-f]{1,2}$/i.test(p))) throw new ToolError(1, `"${text}" is invalid lladdr.\n`);
  return Uint8Array.from(parts, (p) => Number.parseInt(p, 16));
}

/** Reads words up to the end or to the kind of `type KIND`. */
export function parseLinkWords(session: ToolSession, words: Words, create: boolean): LinkRequest {
  const r: LinkRequest = {
    dev: null,
    name: null,
    up: null,
    promisc: null,
    arp: null,
    multicast: null,
    address: null,
    mtu: null,
    txQueueLen: null,
    txQueues: null,
    rxQueues: null,
    index: null,
    master: undefined,
    netns: null,
    xdp: null,
    type: null,
  };
  while (!words.done && r.type === null) takeLinkWord(session, words, r);
  if (create) {
    if (r.name !== null && r.dev !== null && r.name !== r.dev) {
      throw new ToolError(255, 'both "name" and "dev" cannot be used when creating devices.\n');
    }
    r.dev ??= r.name;
  } else if (r.dev === null && r.name !== null) {
    r.dev = r.name;
    r.name = null;
  } else if (r.name === r.dev) r.name = null;
  return r;
}

function takeLinkWord(session: ToolSession, words: Words, r: LinkRequest): void {
  const w = words.next();
  if (w === "up" || w === "down") r.up = w === "up";
  else if (w === "name") r.name = takeOnce(words, "name", r.name);
  else if (w === "index") r.index = parseNumber(words.next(), 'Invalid "index" value', 1, 0x7fffffff);
  else if (matches(w, "address")) r.address = parseLladdr(words.next());
  else if (matches(w, "txqueuelen") || w === "qlen" || matches(w, "txqlen")) {
    r.txQueueLen = parseNumber(words.next(), 'Invalid "txqueuelen" value\n');
  } else if (w === "mtu") {
    if (r.mtu !== null) throw duplicateArgument("mtu", words.next());
    r.mtu = parseNumber(words.next(), 'Invalid "mtu" value\n', 0, 0x7fffffff);
  } else if (XDP_WORDS.includes(w)) r.xdp = takeXdp(words, w as XdpModeWord);
  else if (w === "netns") r.netns = takeNetns(session.host, words);
  else if (w === "promisc") r.promisc = takeOnOff("promisc", words);
  else if (w === "arp") r.arp = takeOnOff("arp", words);
  else if (w === "multicast") r.multicast = takeOnOff("multicast", words);
  else if (matches(w, "master")) r.master = takeMaster(session.host, words);
  else if (matches(w, "nomaster")) r.master = null;
  else if (matches(w, "type")) r.type = words.next();
  else if (matches(w, "numtxqueues")) r.txQueues = parseNumber(words.next(), 'Invalid "numtxqueues" value\n', 1, 4096);
  else if (matches(w, "numrxqueues")) r.rxQueues = parseNumber(words.next(), 'Invalid "numrxqueues" value\n', 1, 4096);
  else if (REFUSED.includes(w)) throw notInNetsim(`\`ip link ... ${w}\``);
  else {
    const name = w === "dev" ? words.next() : w;
    if (r.dev !== null && r.dev !== name) throw garbageArgument("dev", name);
    if (!validName(name)) throw invalidArgument('"dev" not a valid ifname', name);
    r.dev = name;
  }
}

function takeOnce(words: Words, key: string, old: string | null): string {
  const value = words.next();
  if (old !== null) throw duplicateArgument(key, value);
  if (!validName(value)) throw invalidArgument(`"${key}" not a valid ifname`, value);
  return value;
}

/** check_ifname. */
function validName(name: string): boolean {
  return name !== "" && name.length < 16 && !/[/\s]/.test(name);
}

function takeOnOff(key: string, words: Words): boolean {
  const value = words.next();
  if (value !== "on" && value !== "off") {
    throw new ToolError(1, `Error: argument of "${key}" must be "on" or "off", not "${value}"\n`);
  }
  return value === "on";
}

function takeMaster(host: Host, words: Words): Netdev {
  const name = words.next();
  const master = host.devByName.get(name);
  if (master === undefined) throw invalidArgument("Device does not exist\n", name);
  return master;
}

/** A network namespace is another host of the lab. */
function takeNetns(host: Host, words: Words): Host {
  const name = words.next();
  const other = host.kernel.hostByName.get(name);
  if (other === undefined) throw invalidArgument('Invalid "netns" value\n', name);
  return other;
}

function takeXdp(words: Words, mode: XdpModeWord): XdpRequest {
  const w = words.peek();
  if (words.left === 1 && (w === "off" || w === "none")) {
    words.next();
    return { mode, source: null };
  }
  return { mode, source: takeBpfSource(words, "xdp", (text) => new ToolError(255, text)) };
}
