/**
 * Flow dissection, the flow hash of a packet (skb_get_hash) and where its payload begins (skb_get_poff).
 *
 * The hash is the same in both directions of a flow: addresses and ports are ordered before hashing. Linux keys it with a random
 * secret per boot, so its values are nobody's to rely on; netsim's secret is fixed.
 *
 * @source net/core/flow_dissector.c __skb_flow_dissect (flow_keys_dissector, FLOW_DISSECTOR_F_STOP_AT_FLOW_LABEL),
 *         __flow_hash_consistentify, __skb_get_poff
 * @differs MPLS, PPPoE, FCoE, BATMAN, TIPC and PPTP headers end the dissection, as unknown ethertypes do; the hash function is
 *          murmur3's, not siphash
 */
import type { Arena } from "../engine/arena.ts";
import { ETH_P_8021AD, ETH_P_8021Q, ETH_P_ARP, ETH_P_IP, ETH_P_IPV6, ETH_P_TEB } from "./ether.ts";
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_IPIP, IPPROTO_TCP, IPPROTO_UDP } from "./ip/ipv4/header.ts";
import { murmurFinish, murmurMix } from "./murmur3.ts";
import type { Skb } from "./skb.ts";

const IPPROTO_HOPOPTS = 0;
const IPPROTO_IGMP = 2;
const IPPROTO_DCCP = 33;
const IPPROTO_IPV6 = 41;
const IPPROTO_ROUTING = 43;
const IPPROTO_FRAGMENT = 44;
const IPPROTO_GRE = 47;
const IPPROTO_ESP = 50;
const IPPROTO_DSTOPTS = 60;
const IPPROTO_SCTP = 132;
const IPPROTO_UDPLITE = 136;
/** MAX_FLOW_DISSECT_HDRS: headers looked at before giving up. */
const MAX_HEADERS = 15;

/** What a dissection found; one object is reused for all packets. */
export class FlowKeys {
  /** Ethertype of the innermost network header, 0 when none was recognised. */
  etherType: number = 0;
  /** IP protocol of the innermost header. */
  ipProto: number = 0;
  /** Address words as they lie in memory (little-endian loads); IPv4 uses the first of each four. */
  readonly src: Int32Array = new Int32Array(4);
  readonly dst: Int32Array = new Int32Array(4);
  /** Host order; 0 when there are none. */
  sport: number = 0;
  dport: number = 0;
  flowLabel: number = 0;
  vlanId: number = 0;
  /** Address of the innermost network and transport header, -1 when unknown. */
  networkHeader: number = -1;
  transportHeader: number = -1;
  isFragment: boolean = false;
  /** It is the fragment with the transport header. */
  isFirstFragment: boolean = false;
  /** Where the dissection ended: the address behind the last header that it understood. */
  endsAt: number = -1;

  reset(): void {
    this.etherType = 0;
    this.ipProto = 0;
    this.src.fill(0);
    this.dst.fill(0);
    this.sport = 0;
    this.dport = 0;
    this.flowLabel = 0;
    this.vlanId = 0;
    this.networkHeader = -1;
    this.transportHeader = -1;
    this.isFragment = false;
    this.isFirstFragment = false;
    this.endsAt = -1;
  }
}

/** Dissects from the packet's network header on, as for the flow hash: a flow label ends it. */
export function dissectFlow(arena: Arena, skb: Skb, keys: FlowKeys): void {
  dissect(arena, skb, keys, true);
}

/**
 * __skb_flow_dissect.
 * @param stopAtLabel FLOW_DISSECTOR_F_STOP_AT_FLOW_LABEL
 * @returns false when a header is cut off or wrong, or the ethertype is not known
 */
function dissect(arena: Arena, skb: Skb, keys: FlowKeys, stopAtLabel: boolean): boolean {
  const u8 = arena.u8;
  const end = skb.data + skb.len;
  keys.reset();
  let p = skb.networkHeader >= 0 ? skb.networkHeader : skb.data;
  let proto = skb.protocol;
  if (skb.vlanPresent) keys.vlanId = skb.vlanTci & 0x0fff;
  let headers = 0;
  while (headers++ < MAX_HEADERS) {
    keys.endsAt = p;
    let ipProto: number;
    if (proto === ETH_P_IP) {
      if (p + 20 > end) return false;
      const ihl = (u8[p]! & 15) * 4;
      if (ihl < 20) return false;
      keys.etherType = proto;
      keys.networkHeader = p;
      keys.src[0] = arena.dv.getInt32(p + 12, true);
      keys.dst[0] = arena.dv.getInt32(p + 16, true);
      ipProto = u8[p + 9]!;
      keys.ipProto = ipProto;
      const frag = (u8[p + 6]! << 8) | u8[p + 7]!;
      p += ihl;
      keys.endsAt = p;
      if ((frag & 0x3fff) !== 0) {
        keys.isFragment = true;
        keys.isFirstFragment = (frag & 0x1fff) === 0;
        return true;
      }
    } else if (proto === ETH_P_IPV6) {
      if (p + 40 > end) return false;
      keys.etherType = proto;
      keys.networkHeader = p;
      for (let i = 0; i < 4; i++) {
        keys.src[i] = arena.dv.getInt32(p + 8 + 4 * i, true);
        keys.dst[i] = arena.dv.getInt32(p + 24 + 4 * i, true);
      }
      ipProto = u8[p + 6]!;
      keys.ipProto = ipProto;
      const label = ((u8[p + 1]! & 15) << 16) | (u8[p + 2]! << 8) | u8[p + 3]!;
      p += 40;
      keys.endsAt = p;
      if (label !== 0 && stopAtLabel) {
        keys.flowLabel = label;
        return true;
      }
    } else if (proto === ETH_P_8021Q || proto === ETH_P_8021AD) {
      if (p + 4 > end) return false;
      keys.vlanId = ((u8[p]! << 8) | u8[p + 1]!) & 0x0fff;
      proto = (u8[p + 2]! << 8) | u8[p + 3]!;
      p += 4;
      continue;
    } else if (proto === ETH_P_TEB) {
      if (p + 14 > end) return false;
      proto = (u8[p + 12]! << 8) | u8[p + 13]!;
      p += 14;
      continue;
    } else {
      if (proto !== ETH_P_ARP) return false;
      keys.etherType = proto;
      return true;
    }

    // extension headers of IPv6, then what the IP packet carries
    while (proto === ETH_P_IPV6 && isExtension(ipProto)) {
      if (p + 2 > end) return false;
      ipProto = u8[p]!;
      p += (u8[p + 1]! + 1) * 8;
      keys.ipProto = ipProto;
      keys.endsAt = p;
      if (headers++ >= MAX_HEADERS) return true;
    }
    if (proto === ETH_P_IPV6 && ipProto === IPPROTO_FRAGMENT) {
      if (p + 8 > end) return false;
      keys.ipProto = u8[p]!;
      keys.isFragment = true;
      keys.isFirstFragment = (((u8[p + 2]! << 8) | u8[p + 3]!) & 0xfff8) === 0;
      keys.endsAt = p + 8;
      return true;
    }
    keys.transportHeader = p;
    if (ipProto === IPPROTO_IPIP) proto = ETH_P_IP;
    else if (ipProto === IPPROTO_IPV6) proto = ETH_P_IPV6;
    else if (ipProto === IPPROTO_GRE) {
      if (p + 4 > end) return false;
      const flags = (u8[p]! << 8) | u8[p + 1]!;
      // only version 0 without routing is looked into
      if ((flags & 7) !== 0 || (flags & 0x4000) !== 0) return true;
      proto = (u8[p + 2]! << 8) | u8[p + 3]!;
      const key = p + 4 + ((flags & 0x8000) !== 0 ? 4 : 0);
      p = key + ((flags & 0x2000) !== 0 ? 4 : 0);
      if (p > end) return false;
      p += (flags & 0x1000) !== 0 ? 4 : 0;
    } else {
      if (hasPorts(ipProto) && p + 4 <= end) {
        keys.sport = (u8[p]! << 8) | u8[p + 1]!;
        keys.dport = (u8[p + 2]! << 8) | u8[p + 3]!;
      } else if (ipProto === IPPROTO_ICMP && p + 8 <= end && (u8[p] === 0 || u8[p] === 8)) {
        // echo's identifier makes the flow
        keys.sport = (u8[p + 4]! << 8) | u8[p + 5]!;
      }
      return true;
    }
    keys.src.fill(0);
    keys.dst.fill(0);
  }
  keys.endsAt = p;
  return true;
}

/** Headers of IPv6 that are as long as they say, in units of 8 bytes. */
function isExtension(ipProto: number): boolean {
  return ipProto === IPPROTO_HOPOPTS || ipProto === IPPROTO_ROUTING || ipProto === IPPROTO_DSTOPTS;
}

const scratchKeys: FlowKeys = new FlowKeys();

/** skb_get_hash: the flow hash, computed when the packet has none. @returns unsigned 32 bits, never 0 */
export function skbGetHash(arena: Arena, skb: Skb): number {
  if (skb.hash !== 0) return skb.hash;
  dissectFlow(arena, skb, scratchKeys);
  skb.hash = flowHash(scratchKeys);
  return skb.hash;
}

/** Whether a packet's flow hash goes over ports or a flow label (skb->l4_hash once it is computed). */
export function skbHashIsL4(arena: Arena, skb: Skb): boolean {
  const keys = scratchKeys;
  dissectFlow(arena, skb, keys);
  if (keys.flowLabel !== 0) return true;
  return keys.ipProto !== IPPROTO_ICMP && (keys.sport !== 0 || keys.dport !== 0);
}

/**
 * skb_get_poff: where the payload begins.
 * @returns bytes from skb.data, behind the transport header of those that are known; 0 when the packet cannot be dissected
 */
export function skbGetPoff(arena: Arena, skb: Skb): number {
  const keys = scratchKeys;
  if (!dissect(arena, skb, keys, false)) return 0;
  // the kernel keeps it in 16 bits
  const offset = Math.min((keys.endsAt - skb.data) & 0xffff, skb.len);
  if (keys.isFragment && !keys.isFirstFragment) return offset;
  if (keys.ipProto !== IPPROTO_TCP) return offset + transportBytes(keys.ipProto);
  if (offset + 13 > skb.len) return offset;
  return offset + Math.max(20, (arena.u8[skb.data + offset + 12]! & 0xf0) >> 2);
}

/** Sizes of the transport headers, whether they are there or not. @source net/core/flow_dissector.c __skb_get_poff */
function transportBytes(ipProto: number): number {
  if (ipProto === IPPROTO_SCTP || ipProto === IPPROTO_DCCP) return 12;
  const eight =
    ipProto === IPPROTO_UDP ||
    ipProto === IPPROTO_UDPLITE ||
    ipProto === IPPROTO_ICMP ||
    ipProto === IPPROTO_ICMPV6 ||
    ipProto === IPPROTO_IGMP;
  return eight ? 8 : 0;
}

/** Hash of dissected keys, the same for both directions. @returns unsigned 32 bits, never 0 */
export function flowHash(keys: FlowKeys): number {
  const s = keys.src;
  const d = keys.dst;
  let swap = false;
  for (let i = 0; i < 4; i++) {
    if (s[i] === d[i]) continue;
    swap = d[i]! >>> 0 < s[i]! >>> 0;
    break;
  }
  const a = swap ? d : s;
  const b = swap ? s : d;
  const low = Math.min(keys.sport, keys.dport);
  const high = Math.max(keys.sport, keys.dport);
  let h = 0x6e657473;
  if (keys.etherType === ETH_P_IPV6) {
    for (let i = 0; i < 4; i++) h = murmurMix(h, a[i]!);
    for (let i = 0; i < 4; i++) h = murmurMix(h, b[i]!);
  } else {
    h = murmurMix(h, a[0]!);
    h = murmurMix(h, b[0]!);
  }
  h = murmurMix(h, (low << 16) | high);
  h = murmurMix(h, (keys.ipProto << 16) | keys.etherType);
  h = murmurMix(h, (keys.vlanId << 20) | keys.flowLabel);
  h = murmurFinish(h);
  return h === 0 ? 1 : h >>> 0;
}

function hasPorts(ipProto: number): boolean {
  return (
    ipProto === IPPROTO_TCP ||
    ipProto === IPPROTO_UDP ||
    ipProto === IPPROTO_SCTP ||
    ipProto === IPPROTO_DCCP ||
    ipProto === IPPROTO_ESP ||
    ipProto === IPPROTO_UDPLITE
  );
}
