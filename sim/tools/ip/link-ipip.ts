/** `ip link add NAME type ipip ...`. @source iproute2 ip/link_iptnl.c */
import type { DeviceOptions } from "../../net/devices/device.ts";
import type { Host } from "../../net/host.ts";
import { AF_INET } from "../../net/ip/address.ts";
import { createIpip, type IpipParams } from "../../net/ip/tunnel/ipip.ts";
import type { Netdev } from "../../net/netdev.ts";
import { parseAddressWord } from "../addr-words.ts";
import { findDevice, matches, notInNetsim, parseNumber, type Words } from "../rtnetlink.ts";

type Mutable<T> = { -readonly [K in keyof T]?: T[K] };

/** Reads the words behind `type ipip`. */
export function takeIpipWords(host: Host, words: Words): Partial<IpipParams> {
  const p: Mutable<IpipParams> = {};
  while (!words.done) {
    const w = words.next();
    if (w === "remote") p.remote = takeAddress(words);
    else if (w === "local") p.local = takeAddress(words);
    else if (matches(w, "dev")) p.link = findDevice(host, words.next()).ifindex;
    else if (w === "ttl" || w === "hoplimit" || w === "hlim") p.ttl = takeInherit(words, '"ttl" value is invalid\n', 0);
    else if (w === "tos" || w === "tclass" || matches(w, "dsfield"))
      p.tos = takeInherit(words, '"tos" value is invalid\n', 1);
    else if (w === "nopmtudisc" || w === "pmtudisc") p.pmtuDisc = w === "pmtudisc";
    else throw notInNetsim(`\`ip link add type ipip ... ${w}\``);
  }
  return p;
}

function takeAddress(words: Words): number {
  const word = words.next();
  return word === "any" ? 0 : parseAddressWord(word, AF_INET).a;
}

function takeInherit(words: Words, message: string, inherit: number): number {
  const word = words.next();
  if (word === "inherit") return inherit;
  return parseNumber(word, message, 0, 255);
}

/** @throws NetlinkError as createIpip does */
export function addIpip(host: Host, options: DeviceOptions, ipip: Partial<IpipParams>): Netdev {
  return createIpip(host, { ...options, ipip });
}
