/**
 * The segment routing header (RFC 8754 section 2), a routing header of type 4, and where it is in a packet.
 *
 *     0 nexthdr   1 hdrlen (8-byte units behind the first)   2 type   3 segments_left   4 first_segment   5 flags   6 tag (be)
 *     8 segments[first_segment + 1], 16 bytes each           then TLVs: u8 type, u8 len, len bytes
 *
 * @source net/ipv6/seg6.c seg6_validate_srh, seg6_get_srh; net/ipv6/exthdrs_core.c ipv6_find_hdr
 */
import type { Arena } from "../../engine/arena.ts";
import {
  IP6_HLEN,
  NEXTHDR_DEST,
  NEXTHDR_FRAGMENT,
  NEXTHDR_HOP,
  NEXTHDR_NONE,
  NEXTHDR_ROUTING,
} from "../ip/ipv6/header.ts";
import type { Skb } from "../skb.ts";

/** Bytes before the segments. */
export const SRH_BYTES = 8;
/** Bytes of a segment. */
export const SEGMENT_BYTES = 16;
/** Offsets within the header. */
export const SRH = { nexthdr: 0, hdrlen: 1, type: 2, segmentsLeft: 3, firstSegment: 4, flags: 5, segments: 8 } as const;
const IPV6_SRCRT_TYPE_4 = 4;
const NEXTHDR_AUTH = 51;

/**
 * Whether a segment routing header is well-formed.
 * @param at its address; all `len` bytes are readable
 * @param reduced the list may lack its first segment (RFC 8754 section 4.1.1), which is then one more that is left
 */
export function isValidSrh(arena: Arena, at: number, len: number, reduced: boolean): boolean {
  const { u8 } = arena;
  if (u8[at + SRH.type] !== IPV6_SRCRT_TYPE_4 || (u8[at + SRH.hdrlen]! + 1) * 8 !== len) return false;
  const left = u8[at + SRH.segmentsLeft]!;
  const first = u8[at + SRH.firstSegment]!;
  if (!reduced && left > first) return false;
  if (first > (u8[at + SRH.hdrlen]! >> 1) - 1 || left > first + 1) return false;
  let tlv = SRH_BYTES + (first + 1) * SEGMENT_BYTES;
  if (tlv > len) return false;
  while (tlv < len) {
    if (len - tlv < 2) return false;
    tlv += 2 + u8[at + tlv + 1]!;
  }
  return tlv === len;
}

/**
 * ipv6_find_hdr: the address of the first header of a kind in an IPv6 packet whose network header is at skb.networkHeader.
 * @param skipDone pass over routing headers that have no segments left (IP6_FH_F_SKIP_RH)
 * @returns 0 when there is none
 */
export function findHeader(arena: Arena, skb: Skb, wanted: number, skipDone: boolean = false): number {
  const { u8, dv } = arena;
  const end = skb.data + skb.len;
  if (skb.networkHeader + IP6_HLEN > end) return 0;
  let nexthdr = u8[skb.networkHeader + 6]!;
  let at = skb.networkHeader + IP6_HLEN;
  for (;;) {
    if (nexthdr === wanted) {
      const done = nexthdr === NEXTHDR_ROUTING && at + 4 <= end && u8[at + SRH.segmentsLeft] === 0;
      if (!(skipDone && done)) return at;
    }
    const isExtension = EXTENSIONS.includes(nexthdr);
    if (!isExtension || nexthdr === NEXTHDR_NONE || at + 8 > end) return 0;
    if (nexthdr === NEXTHDR_FRAGMENT && (dv.getUint16(at + 2) & 0xfff8) !== 0) return 0;
    const bytes =
      nexthdr === NEXTHDR_FRAGMENT ? 8 : nexthdr === NEXTHDR_AUTH ? (u8[at + 1]! + 2) * 4 : (u8[at + 1]! + 1) * 8;
    nexthdr = u8[at]!;
    at += bytes;
  }
}

/** ipv6_ext_hdr. */
const EXTENSIONS: readonly number[] = [
  NEXTHDR_HOP,
  NEXTHDR_ROUTING,
  NEXTHDR_FRAGMENT,
  NEXTHDR_AUTH,
  NEXTHDR_NONE,
  NEXTHDR_DEST,
];

/** seg6_get_srh of a packet that is to be forwarded: the address of its header, valid and with segments left; 0 when it has none. */
export function activeSrh(arena: Arena, skb: Skb): number {
  const at = findHeader(arena, skb, NEXTHDR_ROUTING, true);
  const end = skb.data + skb.len;
  if (at === 0 || at + SRH_BYTES > end) return 0;
  const len = (arena.u8[at + SRH.hdrlen]! + 1) * 8;
  return at + len <= end && isValidSrh(arena, at, len, true) && arena.u8[at + SRH.segmentsLeft] !== 0 ? at : 0;
}

/** advance_nextseg: the next segment becomes the packet's destination. @param at the header's address */
export function advanceNextSegment(arena: Arena, skb: Skb, at: number): void {
  const { u8 } = arena;
  const left = (u8[at + SRH.segmentsLeft]! - 1) & 255;
  u8[at + SRH.segmentsLeft] = left;
  const segment = at + SRH.segments + left * SEGMENT_BYTES;
  u8.copyWithin(skb.networkHeader + 24, segment, segment + SEGMENT_BYTES);
}
