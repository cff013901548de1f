/** Where ping goes: an address, an address with a zone, or the name of a node of the lab. */
import type { Host } from "../../net/host.ts";
import { AF_INET, AF_INET6, type Family, IpAddr, isLinkLocal6, isLoopback4, parseIp } from "../../net/ip/address.ts";
import { listAddresses } from "../../net/ip/addresses.ts";
import type { Kernel } from "../../net/kernel.ts";
import { ToolError } from "../tool.ts";

/** A resolved target. */
export interface PingTarget {
  /** As the user wrote it. */
  readonly name: string;
  readonly addr: IpAddr;
  /** Zone of a link-local address, or null. */
  readonly zone: string | null;
  /** It was written as an address: nothing is looked up by name then. */
  readonly numeric: boolean;
}

/** @throws ToolError in ping's words */
export function resolveTarget(host: Host, text: string, family: 0 | 4 | 6): PingTarget {
  const percent = text.indexOf("%");
  const zone = percent < 0 ? null : text.slice(percent + 1);
  const addr = parseNumeric(percent < 0 ? text : text.slice(0, percent));
  if (addr !== null) {
    if (family !== 0 && addr.family !== (family === 4 ? AF_INET : AF_INET6)) {
      throw new ToolError(2, `ping: ${text}: Address family for hostname not supported\n`);
    }
    return { name: text, addr, zone, numeric: true };
  }
  const node = host.kernel.hostByName.get(text);
  const found = node === undefined ? null : addressOfNode(node, family);
  if (found === null) throw new ToolError(2, `ping: ${text}: Temporary failure in name resolution\n`);
  return { name: text, addr: found, zone: null, numeric: false };
}

/** `127.1` is 127.0.0.1: the last number fills what is left (inet_aton). */
function parseNumeric(text: string): IpAddr | null {
  if (text.includes(":")) return parseIp(text);
  const parts = text.split(".");
  if (parts.length > 4 || !parts.every((p) => /^\d+$/.test(p))) return null;
  const numbers = parts.map(Number);
  const last = numbers.pop()!;
  if (numbers.some((n) => n > 255) || last >= 256 ** (4 - numbers.length)) return null;
  const head = numbers.reduce((sum, n, i) => sum + n * 256 ** (3 - i), 0);
  return new IpAddr(AF_INET, head + last);
}

/** The first address of a node that others can reach; IPv4 before IPv6 when no family is asked for. */
export function addressOfNode(node: Host, family: 0 | 4 | 6): IpAddr | null {
  const families: readonly Family[] = family === 0 ? [AF_INET, AF_INET6] : [family === 4 ? AF_INET : AF_INET6];
  for (const f of families) {
    for (const dev of node.devices) {
      if (dev === undefined) continue;
      for (const x of listAddresses(dev, f)) if (isReachable(x.addr)) return x.addr;
    }
  }
  return null;
}

function isReachable(x: IpAddr): boolean {
  if (x.family === AF_INET) return !isLoopback4(x.a);
  return !isLinkLocal6(x.a) && !(x.a === 0 && x.b === 0 && x.c === 0);
}

/** The node that has an address, for `64 bytes from b (10.0.0.2)`. */
export function nodeOfAddress(kernel: Kernel, addr: IpAddr): string | null {
  if (!isReachable(addr)) return null;
  for (const node of kernel.hosts) {
    for (const dev of node.devices) {
      if (dev !== undefined && listAddresses(dev, addr.family).some((x) => x.addr.equals(addr))) return node.name;
    }
  }
  return null;
}
