/**
 * The IPv6 header.
 *
 *      0       4               12                                      31
 *     |version| traffic class | flow label                            |   0
 *     | payload length                | next header   | hop limit     |   4
 *     | source address, 16 bytes                                      |   8
 *     | destination address, 16 bytes                                 |  24
 *
 * @source RFC 8200 section 3
 */
import type { IpStack } from "../ip-stack.ts";

/** Bytes of the fixed header. */
export const IP6_HLEN = 40;
/** RFC 8200 section 5. */
export const IPV6_MIN_MTU = 1280;

export const NEXTHDR_HOP = 0;
export const NEXTHDR_ROUTING = 43;
export const NEXTHDR_FRAGMENT = 44;
export const NEXTHDR_ICMP = 58;
export const NEXTHDR_NONE = 59;
export const NEXTHDR_DEST = 60;

/** ICMPv6 types. @source include/uapi/linux/icmpv6.h, RFC 4443, RFC 4861 */
export const ICMPV6_DEST_UNREACH = 1;
export const ICMPV6_PKT_TOOBIG = 2;
export const ICMPV6_TIME_EXCEED = 3;
export const ICMPV6_PARAMPROB = 4;
export const ICMPV6_ECHO_REQUEST = 128;
export const ICMPV6_ECHO_REPLY = 129;
export const NDISC_NEIGHBOUR_SOLICITATION = 135;
export const NDISC_NEIGHBOUR_ADVERTISEMENT = 136;

/** Codes. */
export const ICMPV6_NOROUTE = 0;
export const ICMPV6_ADM_PROHIBITED = 1;
export const ICMPV6_NOT_NEIGHBOUR = 2;
export const ICMPV6_ADDR_UNREACH = 3;
export const ICMPV6_PORT_UNREACH = 4;
export const ICMPV6_EXC_HOPLIMIT = 0;
export const ICMPV6_HDR_FIELD = 0;
export const ICMPV6_UNK_NEXTHDR = 1;

/** What stands behind the extension headers; one object, overwritten by each walk. */
export class Ip6Payload {
  /** The first protocol that is no extension header. */
  proto: number = 0;
  /** Address of its header. */
  at: number = 0;
  /** Address of the next-header byte that named it. */
  nhoff: number = 0;
  /** Address of a fragment header on the way, -1 without one; the walk stops there when its offset is not 0. */
  fragAt: number = -1;
  /** The packet ends inside a header. */
  truncated: boolean = false;
}

/**
 * ipv6_skip_exthdr: walks over the extension headers.
 * @param ip address of the IPv6 header
 * @param end first address behind the packet
 * @param stopAtFragment a fragment header counts as the payload
 */
export function skipExtHeaders(
  stack: IpStack,
  ip: number,
  end: number,
  stopAtFragment: boolean,
  out: Ip6Payload,
): void {
  const u8 = stack.arena.u8;
  let nhoff = ip + 6;
  let at = ip + IP6_HLEN;
  out.fragAt = -1;
  out.truncated = false;
  for (;;) {
    const h = u8[nhoff]!;
    out.proto = h;
    out.at = at;
    out.nhoff = nhoff;
    const isExt = h === NEXTHDR_HOP || h === NEXTHDR_ROUTING || h === NEXTHDR_DEST;
    if (!isExt && h !== NEXTHDR_FRAGMENT) return;
    if (h === NEXTHDR_FRAGMENT && stopAtFragment) return;
    if (at + 8 > end) {
      out.truncated = true;
      return;
    }
    if (h === NEXTHDR_FRAGMENT) {
      out.fragAt = at;
      nhoff = at;
      if (((u8[at + 2]! << 8) | (u8[at + 3]! & 0xf8)) !== 0) {
        out.proto = u8[at]!;
        out.at = at + 8;
        out.nhoff = at;
        return;
      }
      at += 8;
      continue;
    }
    nhoff = at;
    at += (u8[at + 1]! + 1) * 8;
    if (at > end) {
      out.truncated = true;
      return;
    }
  }
}

/** Reads the flow label. */
export function flowLabelOf(stack: IpStack, ip: number): number {
  return stack.arena.dv.getUint32(ip) & 0xfffff;
}
