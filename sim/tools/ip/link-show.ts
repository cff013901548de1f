/** `ip link show`. @source iproute2 ip/ipaddress.c ipaddr_list_flush_or_save */
import type { Host } from "../../net/host.ts";
import type { Netdev } from "../../net/netdev.ts";
import {
  devicesOf,
  garbageArgument,
  invalidArgument,
  printJson,
  type ToolFlags,
  unknownDevice,
  type Words,
} from "../rtnetlink.ts";
import { infoKind } from "./device-facts.ts";
import { briefRecord, linkRecord } from "./link-record.ts";

/** Which devices are meant. */
export interface DeviceFilter {
  dev: Netdev | null;
  up: boolean;
  /** undefined: any; null: none. */
  master: Netdev | null | undefined;
  kind: string | null;
}

/** No filter. */
export function anyDevice(): DeviceFilter {
  return { dev: null, up: false, master: undefined, kind: null };
}

/** Takes one word of a device filter, and its value. Whatever is no keyword names the device. */
export function takeDeviceFilter(host: Host, filter: DeviceFilter, word: string, words: Words): void {
  if (word === "up") filter.up = true;
  else if (word === "nomaster") filter.master = null;
  else if (word === "master") {
    const name = words.next();
    const master = host.devByName.get(name);
    if (master === undefined) throw invalidArgument("Device does not exist\n", name);
    filter.master = master;
  } else if (word === "type") filter.kind = words.next();
  else {
    const name = word === "dev" ? words.next() : word;
    if (filter.dev !== null) throw garbageArgument("dev", name);
    const dev = host.devByName.get(name);
    if (dev === undefined) throw unknownDevice(host, name, `Device "${name}" does not exist.`);
    filter.dev = dev;
  }
}

/** The devices that a filter lets through, by index. */
export function filterDevices(host: Host, f: DeviceFilter): readonly Netdev[] {
  return devicesOf(host).filter(
    (d) =>
      (f.dev === null || d === f.dev) &&
      (!f.up || d.up) &&
      (f.master === undefined || d.master === f.master) &&
      (f.kind === null || infoKind(d) === f.kind),
  );
}

/** Runs it. */
export function showLinks(host: Host, words: Words, flags: ToolFlags): string {
  const filter = anyDevice();
  while (!words.done) takeDeviceFilter(host, filter, words.next(), words);
  const view = { link: true, hardware: true };
  const records = filterDevices(host, filter).map((d) =>
    flags.brief ? briefRecord(d, view) : linkRecord(d, view, flags),
  );
  if (flags.json)
    return printJson(
      records.map((r) => r.json),
      flags,
    );
  return records.map((r) => `${r.text}\n`).join("");
}
