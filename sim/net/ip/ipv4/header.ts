/**
 * The IPv4 header.
 *
 *      0       4       8               16      19              31
 *     |version| ihl   | tos           | tot_len               |   0
 *     | id                            |r|D|M| frag_off        |   4
 *     | ttl           | protocol      | check                 |   8
 *     | saddr                                                 |  12
 *     | daddr                                                 |  16
 *
 * @source RFC 791 section 3.1
 */

/** Bytes without options. */
export const IP_HLEN = 20;
export const IP_DF = 0x4000;
export const IP_MF = 0x2000;
export const IP_OFFSET = 0x1fff;

export const IPPROTO_ICMP = 1;
export const IPPROTO_IPIP = 4;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_ICMPV6 = 58;

/** ICMP types and codes. @source include/uapi/linux/icmp.h */
export const ICMP_ECHOREPLY = 0;
export const ICMP_DEST_UNREACH = 3;
export const ICMP_REDIRECT = 5;
export const ICMP_REDIR_HOST = 1;
export const ICMP_ECHO = 8;
export const ICMP_TIME_EXCEEDED = 11;
export const ICMP_PARAMETERPROB = 12;
export const ICMP_TIMESTAMP = 13;
export const ICMP_NET_UNREACH = 0;
export const ICMP_HOST_UNREACH = 1;
export const ICMP_PROT_UNREACH = 2;
export const ICMP_PORT_UNREACH = 3;
export const ICMP_FRAG_NEEDED = 4;
export const ICMP_PKT_FILTERED = 13;
export const ICMP_EXC_TTL = 0;
export const ICMP_EXC_FRAGTIME = 1;

const PRIO: readonly number[] = [0, 0, 0, 0, 2, 2, 2, 2, 6, 6, 6, 6, 4, 4, 4, 4];

/** rt_tos2priority: skb->priority of a TOS byte. @source net/ipv4/route.c ip_tos2prio */
export function tosToPriority(tos: number): number {
  return PRIO[(tos & 0x1e) >> 1]!;
}
