/**
 * Puts a segment routing header into a packet: behind its IPv6 header (inline), or behind a new one (encapsulation).
 * @source net/core/filter.c bpf_push_seg6_encap; net/ipv6/seg6_iptunnel.c __seg6_do_srh_encap, __seg6_do_srh_inline
 * @differs the source of a new header is chosen by the route to the first segment; there is no `ip sr tunsrc` and no HMAC
 */
import { EINVAL, ENOMEM } from "../../bpf/maps/errno.ts";
import { bytesCome, bytesLeave } from "../complete-csum.ts";
import { ETH_P_IPV6 } from "../ether.ts";
import { AF_INET6 } from "../ip/address.ts";
import { IP6_HLEN, NEXTHDR_ROUTING } from "../ip/ipv6/header.ts";
import type { NetEnv } from "../net-env.ts";
import { ERRNO } from "../netlink-error.ts";
import type { Skb } from "../skb.ts";
import { lookupNextHop } from "./next-hop.ts";
import { isValidSrh, SEGMENT_BYTES, SRH } from "./srh.ts";

/** Types of bpf_lwt_push_encap. @source include/uapi/linux/bpf.h enum bpf_lwt_encap_mode */
export const BPF_LWT_ENCAP_SEG6 = 0;
export const BPF_LWT_ENCAP_SEG6_INLINE = 1;
const IPPROTO_IPV6 = 41;
/** Where an IPv6 header has its addresses. */
const SADDR = 8;
const DADDR = 24;
/** IPV6_DEFAULT_HOPLIMIT, what a route without one says. */
const DEFAULT_HOPLIMIT = 64;

/**
 * bpf_push_seg6_encap, without bringing the context up to date.
 * @param header address of a segment routing header of `len` readable bytes, not in the packet
 * @returns 0 or -errno: -EINVAL for a header that is not well-formed, -EBADMSG for what cannot be done inline, what the route says
 */
export function pushSeg6(env: NetEnv, type: number, header: number, len: number): number {
  const { arena } = env.kernel;
  const { skb } = env;
  if (len < 8 || !isValidSrh(arena, header, len, false)) return -EINVAL;
  if (type === BPF_LWT_ENCAP_SEG6_INLINE && skb.protocol !== ETH_P_IPV6) return -ERRNO.EBADMSG;
  const inline = type === BPF_LWT_ENCAP_SEG6_INLINE;
  if (!env.kernel.pool.ensureRoom(skb, len + (inline ? 0 : IP6_HLEN) + skb.macLen, 0)) return -ENOMEM;
  if (inline) bytesLeave(arena, skb, skb.data, IP6_HLEN);
  if (inline) putInline(env, skb, header, len);
  else encapsulate(env, skb, header, len);
  arena.dv.setUint16(skb.data + 4, skb.len - IP6_HLEN);
  bytesCome(arena, skb, skb.data, IP6_HLEN + len);
  skb.transportHeader = skb.data + IP6_HLEN;
  return lookupNextHop(env, 0, 0);
}

function putInline(env: NetEnv, skb: Skb, header: number, len: number): void {
  const { u8 } = env.kernel.arena;
  const old = skb.data;
  push(env, skb, len);
  u8.copyWithin(skb.data, old, old + IP6_HLEN);
  const srh = skb.data + IP6_HLEN;
  u8.copyWithin(srh, header, header + len);
  u8[srh + SRH.nexthdr] = u8[skb.data + 6]!;
  u8[skb.data + 6] = NEXTHDR_ROUTING;
  u8.copyWithin(srh + SRH.segments, skb.data + DADDR, skb.data + DADDR + SEGMENT_BYTES);
  putDestination(env, skb, srh);
}

function encapsulate(env: NetEnv, skb: Skb, header: number, len: number): void {
  const { u8, dv } = env.kernel.arena;
  const inner = skb.data;
  const isV6 = skb.protocol === ETH_P_IPV6;
  skb.innerNetworkHeader = skb.networkHeader;
  push(env, skb, IP6_HLEN + len);
  // traffic class and flow label are those of an IPv6 packet within
  dv.setUint32(skb.data, isV6 ? dv.getUint32(inner) : 6 << 28);
  u8[skb.data + 6] = NEXTHDR_ROUTING;
  u8[skb.data + 7] = isV6 ? u8[inner + 7]! : DEFAULT_HOPLIMIT;
  const srh = skb.data + IP6_HLEN;
  u8.copyWithin(srh, header, header + len);
  u8[srh + SRH.nexthdr] = IPPROTO_IPV6;
  putDestination(env, skb, srh);
  putSource(env, skb);
}

/** Makes room in front; the MAC header goes along. */
function push(env: NetEnv, skb: Skb, bytes: number): void {
  const { u8 } = env.kernel.arena;
  const mac = skb.data - skb.macLen;
  skb.push(bytes);
  skb.networkHeader = skb.data;
  u8.copyWithin(skb.data - skb.macLen, mac, mac + skb.macLen);
  if (skb.macHeader >= 0) skb.macHeader = skb.data - skb.macLen;
}

/** The segment that is first on the way becomes the destination. */
function putDestination(env: NetEnv, skb: Skb, srh: number): void {
  const { u8 } = env.kernel.arena;
  const segment = srh + SRH.segments + u8[srh + SRH.firstSegment]! * SEGMENT_BYTES;
  u8.copyWithin(skb.data + DADDR, segment, segment + SEGMENT_BYTES);
}

/** ipv6_dev_get_saddr: the address that the host would send from; zeroes when it has none. */
function putSource(env: NetEnv, skb: Skb): void {
  const { u8 } = env.kernel.arena;
  const { fib } = env;
  u8.fill(0, skb.data + SADDR, skb.data + SADDR + SEGMENT_BYTES);
  if (fib === null) return;
  const q = fib.query;
  q.family = AF_INET6;
  q.iif = 1;
  q.oif = 0;
  q.table = 0;
  q.tos = 0;
  q.mark = 0;
  q.src.fill(0);
  for (let i = 0; i < SEGMENT_BYTES; i++) q.dst[i] = u8[skb.data + DADDR + i]!;
  fib.lookup(env.host);
  const { answer } = fib;
  if (!answer.srcKnown) return;
  for (let i = 0; i < SEGMENT_BYTES; i++) u8[skb.data + SADDR + i] = answer.src[i]!;
}
