/** Hosts with addresses for the tests of the IP layer. */
import type { Host } from "../../../sim/net/host.ts";
import { AF_INET, type IpAddr, parseIp, parseMac, parsePrefix } from "../../../sim/net/ip/address.ts";
import { addAddress } from "../../../sim/net/ip/addresses.ts";
import { addRoute } from "../../../sim/net/ip/fib/route-control.ts";
import { ipStack } from "../../../sim/net/ip/ip-stack.ts";
import { setNeigh } from "../../../sim/net/ip/neigh/neigh-control.ts";
import type { Snmp } from "../../../sim/net/ip/snmp.ts";
import { setSysctl } from "../../../sim/net/ip/sysctl-control.ts";
import type { Kernel } from "../../../sim/net/kernel.ts";
import type { Netdev } from "../../../sim/net/netdev.ts";
import { addHost } from "../../../sim/net/stack.ts";
import { imbalance, testKernel, veth } from "../kit.ts";

export const MS = 1e6;
export const S = 1e9;

/** An address; the test is wrong when it is none. */
export function ip(text: string): IpAddr {
  const x = parseIp(text);
  if (x === null) throw new Error(`no address: ${text}`);
  return x;
}

export function prefix(text: string): { addr: IpAddr; len: number } {
  const x = parsePrefix(text);
  if (x === null) throw new Error(`no prefix: ${text}`);
  return x;
}

export function address(dev: Netdev, ...texts: string[]): void {
  for (const t of texts) addAddress(dev, prefix(t));
}

/** `route(host, "default", "10.0.0.1", ...)`: several gateways make a multipath route. */
export function route(host: Host, dst: string, ...gateways: string[]): void {
  const v6 = gateways[0]!.includes(":");
  const p = dst === "default" ? prefix(v6 ? "::/0" : "0.0.0.0/0") : prefix(dst);
  addRoute(host, { dst: p, nexthops: gateways.map((g) => ({ via: ip(g) })) });
}

export function permanent(dev: Netdev, addr: string, mac: string): void {
  setNeigh(dev, { addr: ip(addr), mac: parseMac(mac)! }, "replace");
}

/** Counters that are not zero, without octets. */
export function snmp(host: Host, only?: RegExp): Record<string, number> {
  const rows = ipStack(host).snmp.rows();
  return Object.fromEntries(rows.filter(([k, v]) => v !== 0 && !k.endsWith("Octets") && (only?.test(k) ?? true)));
}

export function counters(host: Host): Snmp {
  return ipStack(host).snmp;
}

export function hex(b: Uint8Array): string {
  return Buffer.from(b).toString("hex");
}

/** h1 (10.0.1.2) - r (10.0.1.1, 10.0.2.1) - h2 (10.0.2.2), the same with 2001:db8:N::, r forwards. */
export interface Trio {
  readonly kernel: Kernel;
  readonly h1: Host;
  readonly r: Host;
  readonly h2: Host;
  readonly d1: Netdev;
  readonly r0: Netdev;
  readonly r1: Netdev;
  readonly d2: Netdev;
}

export function trio(seed: number = 1): Trio {
  const kernel = testKernel(seed);
  const h1 = addHost(kernel, "h1");
  const r = addHost(kernel, "r");
  const h2 = addHost(kernel, "h2");
  const [d1, r0] = veth(h1, "eth0", r, "eth0");
  const [r1, d2] = veth(r, "eth1", h2, "eth0");
  address(d1, "10.0.1.2/24", "2001:db8:1::2/64");
  address(r0, "10.0.1.1/24", "2001:db8:1::1/64");
  address(r1, "10.0.2.1/24", "2001:db8:2::1/64");
  address(d2, "10.0.2.2/24", "2001:db8:2::2/64");
  route(h1, "default", "10.0.1.1");
  route(h1, "default", "2001:db8:1::1");
  route(h2, "default", "10.0.2.1");
  route(h2, "default", "2001:db8:2::1");
  setSysctl(r, "net.ipv4.ip_forward", "1");
  setSysctl(r, "net.ipv6.conf.all.forwarding", "1");
  return { kernel, h1, r, h2, d1, r0, r1, d2 };
}

/** Two hosts on one cable: a 10.0.0.1, b 10.0.0.2, and fd00::1, fd00::2. */
export function pair(seed: number = 1): { kernel: Kernel; a: Host; b: Host; da: Netdev; db: Netdev } {
  const kernel = testKernel(seed);
  const a = addHost(kernel, "a");
  const b = addHost(kernel, "b");
  const [da, db] = veth(a, "eth0", b, "eth0");
  address(da, "10.0.0.1/24", "fd00::1/64");
  address(db, "10.0.0.2/24", "fd00::2/64");
  return { kernel, a, b, da, db };
}

export { AF_INET, imbalance };
