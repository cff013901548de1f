/** Which of our IPv6 addresses a packet is sent from. @source net/ipv6/addrconf.c ipv6_dev_get_saddr; RFC 6724 section 5 */
import type { Netdev } from "../../netdev.ts";
import type { IpAddr } from "../address.ts";
import type { IfAddr } from "../ip-dev.ts";
import type { IpStack } from "../ip-stack.ts";

/**
 * Chooses the source address for a destination.
 * @param dev the output device, preferred (rule 5); the only one for link-local and multicast destinations
 * @returns null when no address fits
 */
export function selectSource6(stack: IpStack, dev: Netdev | null, daddr: IpAddr): IpAddr | null {
  const dscope = scopeOf(daddr);
  const strict = dev !== null && (dscope <= 2 || daddr.a >>> 24 === 0xff);
  let best: IfAddr | null = null;
  for (const d of stack.ipDevs()) {
    if (strict && d.dev !== dev) continue;
    for (const x of d.addrs6) if (best === null || better(x, best, dev, daddr, dscope)) best = x;
  }
  return best === null ? null : best.addr;
}

/** Whether x beats y, by the rules in their order. */
function better(x: IfAddr, y: IfAddr, dev: Netdev | null, daddr: IpAddr, dscope: number): boolean {
  const same = Number(x.addr.equals(daddr)) - Number(y.addr.equals(daddr));
  if (same !== 0) return same > 0;
  const sx = scopeOf(x.addr);
  const sy = scopeOf(y.addr);
  // rule 2: the smallest scope that is still wide enough, else the widest
  if (sx < sy) return sx >= dscope;
  if (sy < sx) return sy < dscope;
  const out = Number(x.dev === dev) - Number(y.dev === dev);
  if (out !== 0) return out > 0;
  const label = labelOf(daddr);
  const lab = Number(labelOf(x.addr) === label) - Number(labelOf(y.addr) === label);
  if (lab !== 0) return lab > 0;
  return commonBits(x, daddr) > commonBits(y, daddr);
}

/** ipv6_addr_scope: 1 node, 2 link, 5 site, 14 global; multicast carries it. */
function scopeOf(x: IpAddr): number {
  if (x.a >>> 24 === 0xff) return (x.a >>> 16) & 15;
  if (x.a === 0 && x.b === 0 && x.c === 0 && x.d === 1) return 2;
  if (x.a >>> 22 === 0x3fa) return 2;
  if (x.a >>> 22 === 0x3fb) return 5;
  return 14;
}

/** The default policy table. @source net/ipv6/addrlabel.c ip6addrlbl_init_table */
function labelOf(x: IpAddr): number {
  if (x.a === 0 && x.b === 0) {
    if (x.c === 0 && x.d === 1) return 0;
    if (x.c === 0xffff) return 4;
    if (x.c === 0) return 3;
    return 1;
  }
  if (x.a >>> 25 === 0x7e) return 5;
  if (x.a >>> 22 === 0x3fb) return 11;
  if (x.a >>> 16 === 0x2002) return 2;
  if (x.a === 0x20010000) return 6;
  if (x.a >>> 4 === 0x2001001) return 7;
  return 1;
}

/** Rule 8: leading bits in common, at most the address's prefix length. */
function commonBits(x: IfAddr, daddr: IpAddr): number {
  const p = x.addr;
  const words = [p.a ^ daddr.a, p.b ^ daddr.b, p.c ^ daddr.c, p.d ^ daddr.d];
  let n = 0;
  for (const w of words) {
    n += Math.clz32(w);
    if (w !== 0) break;
  }
  return Math.min(n, x.len);
}
