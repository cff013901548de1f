/** `ip address show`. @source iproute2 ip/ipaddress.c print_addrinfo, ipaddr_filter */
import type { Host } from "../../net/host.ts";
import { AF_INET, AF_INET6, type Family, type IpAddr, inPrefix } from "../../net/ip/address.ts";
import { listAddresses } from "../../net/ip/addresses.ts";
import type { IfAddr } from "../../net/ip/ip-dev.ts";
import type { Netdev } from "../../net/netdev.ts";
import { type FamilyHint, familyHint, parsePrefixWord } from "../addr-words.ts";
import { PrintRecord } from "../record.ts";
import { invalidArgument, printJson, type ToolFlags, type Words } from "../rtnetlink.ts";
import { briefRecord, linkRecord } from "./link-record.ts";
import { anyDevice, filterDevices, takeDeviceFilter } from "./link-show.ts";
import { formatLinkStats } from "./link-stats.ts";
import { parseScope, scopeName } from "./names.ts";

/** INFINITY_LIFE_TIME. */
const FOREVER = 4294967295;

const withoutDad: WeakSet<IfAddr> = new WeakSet();

/** Remembers that an address was added with nodad; netsim detects no duplicates, so only listings show it. */
export function noteNodad(x: IfAddr): void {
  withoutDad.add(x);
}

/** Which addresses of which devices are meant. */
export interface AddressFilter {
  readonly family: FamilyHint;
  devices(): readonly Netdev[];
  accepts(this: void, x: IfAddr): boolean;
  /** Something besides the device was asked for: devices without such an address are left out. */
  readonly narrow: boolean;
}

/** Reads the words of `show` and `flush`. */
export function takeAddressFilter(host: Host, words: Words, flags: ToolFlags): AddressFilter {
  const dev = anyDevice();
  let family: FamilyHint = familyHint(flags.family);
  let to: { readonly addr: IpAddr; readonly len: number } | null = null;
  let scope: number | null = null;
  let label: RegExp | null = null;
  let secondary: boolean | null = null;
  while (!words.done) {
    const w = words.next();
    if (w === "to") {
      const p = parsePrefixWord(words.next(), family);
      if (p.addr !== null) to = { addr: p.addr, len: p.len };
      family ||= p.addr?.family ?? 0;
    } else if (w === "scope") {
      const value = words.next();
      scope = value === "all" ? null : parseScope(value);
      if (scope === null && value !== "all") throw invalidArgument('invalid "scope"\n', value);
    } else if (w === "label") label = globPattern(words.next());
    else if (w === "secondary" || w === "-primary") secondary = true;
    else if (w === "primary" || w === "-secondary") secondary = false;
    else takeDeviceFilter(host, dev, w, words);
  }
  return {
    family,
    narrow: family !== 0 || to !== null || scope !== null || label !== null || secondary !== null,
    devices: () => filterDevices(host, dev),
    accepts: (x) =>
      (family === 0 || x.addr.family === family) &&
      (to === null || inPrefix(x.addr, to.addr, to.len)) &&
      (scope === null || x.scope === scope) &&
      (label === null || label.test(x.addr.family === AF_INET ? x.label : x.dev.name)) &&
      (secondary === null || x.secondary === secondary),
  };
}

/** fnmatch(3) with * and ?. */
function globPattern(glob: string): RegExp {
  const text = glob
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${text}$`);
}

/** Runs it. */
export function showAddresses(host: Host, words: Words, flags: ToolFlags): string {
  const filter = takeAddressFilter(host, words, flags);
  const text: string[] = [];
  const json: unknown[] = [];
  for (const dev of filter.devices()) {
    const families: readonly Family[] = [AF_INET, AF_INET6];
    const list = families.flatMap((f) => listAddresses(dev, f)).filter(filter.accepts);
    if (list.length === 0 && filter.narrow) continue;
    const link = linkOf(dev, filter, flags);
    text.push(link.text, ...list.map((x) => addressText(dev, x, flags)));
    if (flags.brief) text.push("\n");
    else if (flags.stats > 0) text.push(`${formatLinkStats(dev, flags.stats, flags.oneline ? "\\" : "\n")}\n`);
    json.push({ ...link.json, addr_info: list.map((x) => addressRecord(x, flags).json) });
  }
  return flags.json ? printJson(json, flags) : text.join("");
}

/** The device's own line; -o shows addresses only. */
function linkOf(dev: Netdev, filter: AddressFilter, flags: ToolFlags): PrintRecord {
  const view = { link: false, hardware: filter.family === 0 };
  if (flags.brief) return briefRecord(dev, view);
  if (flags.oneline) return new PrintRecord();
  return linkRecord(dev, view, flags).plain("\n");
}

function addressText(dev: Netdev, x: IfAddr, flags: ToolFlags): string {
  const { text } = addressRecord(x, flags);
  if (flags.brief) return text;
  return `${flags.oneline ? `${dev.ifindex}: ${dev.name}` : ""}${text}\n`;
}

function addressRecord(x: IfAddr, flags: ToolFlags): PrintRecord {
  const r = new PrintRecord();
  const v4 = x.addr.family === AF_INET;
  const family = v4 ? "inet" : "inet6";
  if (!flags.brief) r.any("family", family, `    ${family} `);
  r.any("local", String(x.addr), String(x.addr));
  if (!x.peer.equals(x.addr)) r.any("address", String(x.peer), ` peer ${x.peer}`);
  r.any("prefixlen", x.len, `/${x.len} `);
  if (x.metric !== 0) r.any("metric", x.metric, `metric ${x.metric} `);
  if (flags.brief) return r;
  if (x.broadcast !== null) r.any("broadcast", String(x.broadcast), `brd ${x.broadcast} `);
  r.any("scope", scopeName(x.scope), `scope ${scopeName(x.scope)} `);
  if (x.secondary) r.any("secondary", true, "secondary ");
  if (withoutDad.has(x)) r.any("nodad", true, "nodad ");
  if (x.noPrefixRoute) r.any("noprefixroute", true, "noprefixroute ");
  if (v4) r.any("label", x.label, x.label);
  r.plain(`${flags.oneline ? "\\" : "\n"}       valid_lft forever preferred_lft forever`);
  return r.field("valid_life_time", FOREVER).field("preferred_life_time", FOREVER);
}
