/**
 * Choice among the next hops of a multipath route by a hash of the flow, stable per flow (RFC 2992's hash-threshold).
 *
 * @source net/ipv4/route.c fib_multipath_hash; net/ipv4/fib_semantics.c fib_select_multipath; net/ipv6/route.c rt6_multipath_hash,
 *         fib6_select_path
 * @differs the hash function is this project's own; Linux's is keyed with random numbers at boot. fib_multipath_hash_policy 2
 *          (inner addresses) and 3 (custom) are refused
 */
import { murmurFinish, murmurMix } from "../murmur3.ts";
import type { IpAddr } from "./address.ts";
import type { FibNh, FibRoute } from "./fib/fib.ts";
import type { IpStack } from "./ip-stack.ts";
import { IPPROTO_TCP, IPPROTO_UDP } from "./ipv4/header.ts";
import { NUD_VALID } from "./neigh/nud.ts";

/** Hash of two IPv4 addresses and, with policy 1, protocol and ports. @returns 31 bits */
export function multipathHash4(stack: IpStack, saddr: number, daddr: number, proto: number, ports: number): number {
  let h = murmurMix(murmurMix(stack.hashSeed, saddr), daddr);
  if (stack.sysctl.multipathHashPolicy === 1) h = murmurMix(murmurMix(h, proto), ports);
  return murmurFinish(h) >>> 1;
}

/** Addresses and more of an IPv6 flow, mixed; the flow label counts with policy 0, as on Linux. @returns 31 bits */
export function multipathHash6(
  stack: IpStack,
  src: IpAddr,
  dst: IpAddr,
  label: number,
  proto: number,
  ports: number,
): number {
  let h = murmurMix(murmurMix(murmurMix(murmurMix(stack.hashSeed, src.a), src.b), src.c), src.d);
  h = murmurMix(murmurMix(murmurMix(murmurMix(h, dst.a), dst.b), dst.c), dst.d);
  return finish6(stack, h, label, proto, ports);
}

/** The same for addresses that lie in the arena one after the other, as in the header. */
export function multipathHash6At(stack: IpStack, addrs: number, label: number, proto: number, ports: number): number {
  const dv = stack.arena.dv;
  let h = stack.hashSeed;
  for (let i = 0; i < 32; i += 4) h = murmurMix(h, dv.getInt32(addrs + i));
  return finish6(stack, h, label, proto, ports);
}

function finish6(stack: IpStack, h: number, label: number, proto: number, ports: number): number {
  if (stack.sysctl.ip6MultipathHashPolicy === 1) return murmurFinish(murmurMix(murmurMix(h, proto), ports)) >>> 1;
  return murmurFinish(murmurMix(murmurMix(h, label), proto)) >>> 1;
}

/** Ports of a transport header as one word, 0 for protocols without. */
export function portsAt(stack: IpStack, proto: number, th: number, end: number): number {
  return (proto === IPPROTO_TCP || proto === IPPROTO_UDP) && th + 4 <= end ? stack.arena.dv.getInt32(th) : 0;
}

/**
 * fib_select_multipath: the first live next hop whose share covers the hash.
 * @param saddr prefer the next hop whose device has this IPv4 address, 0 for none
 */
export function selectPath(stack: IpStack, route: FibRoute, hash: number, saddr: number): FibNh {
  let best: FibNh | null = null;
  let score = -1;
  for (let i = 0; i < route.nhs.length; i++) {
    const nh = route.nhs[i]!;
    if (nh.upperBound < 0) continue;
    if (stack.sysctl.multipathUseNeigh !== 0 && !neighGood(stack, nh)) continue;
    let s = 0;
    if (saddr !== 0 && stack.ipDev(nh.dev).addrs4.some((x) => x.addr.a === saddr)) s += 2;
    if (hash <= nh.upperBound) s++;
    if (s <= score) continue;
    best = nh;
    score = s;
    if (s === 3 || (saddr === 0 && s === 1)) break;
  }
  return best ?? route.nhs[0]!;
}

/** fib_good_nh: the gateway's neighbour entry is valid, or there is none yet. */
function neighGood(stack: IpStack, nh: FibNh): boolean {
  if (nh.gw === null) return true;
  const n = stack.neighbours.find(nh.dev, nh.gw.family, nh.gw.a, nh.gw.b, nh.gw.c, nh.gw.d);
  return n === null || (n.state & NUD_VALID) !== 0;
}
