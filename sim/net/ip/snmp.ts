/**
 * The SNMP counters of one host, by the names of `nstat`. Only those that something here counts.
 *
 * @source include/uapi/linux/snmp.h, net/ipv4/proc.c, net/ipv6/proc.c
 */

/** Counters as doubles, exact to 2^53. */
export class Snmp {
  IpInReceives: number = 0;
  IpInHdrErrors: number = 0;
  IpInAddrErrors: number = 0;
  IpForwDatagrams: number = 0;
  IpInUnknownProtos: number = 0;
  IpInDiscards: number = 0;
  IpInDelivers: number = 0;
  IpOutRequests: number = 0;
  IpOutDiscards: number = 0;
  IpOutNoRoutes: number = 0;
  IpReasmTimeout: number = 0;
  IpReasmReqds: number = 0;
  IpReasmOKs: number = 0;
  IpReasmFails: number = 0;
  IpFragOKs: number = 0;
  IpFragFails: number = 0;
  IpFragCreates: number = 0;
  IpOutTransmits: number = 0;
  IpExtInNoRoutes: number = 0;
  IpExtInTruncatedPkts: number = 0;
  IpExtInCsumErrors: number = 0;
  IpExtInMcastPkts: number = 0;
  IpExtInBcastPkts: number = 0;
  IpExtInOctets: number = 0;
  IpExtOutOctets: number = 0;
  TcpExtIPReversePathFilter: number = 0;
  IcmpInMsgs: number = 0;
  IcmpInErrors: number = 0;
  IcmpInCsumErrors: number = 0;
  IcmpInDestUnreachs: number = 0;
  IcmpInTimeExcds: number = 0;
  IcmpInParmProbs: number = 0;
  IcmpInRedirects: number = 0;
  IcmpInEchos: number = 0;
  IcmpInEchoReps: number = 0;
  IcmpInTimestamps: number = 0;
  IcmpOutMsgs: number = 0;
  IcmpOutErrors: number = 0;
  IcmpOutRateLimitGlobal: number = 0;
  IcmpOutRateLimitHost: number = 0;
  IcmpOutDestUnreachs: number = 0;
  IcmpOutTimeExcds: number = 0;
  IcmpOutParmProbs: number = 0;
  IcmpOutRedirects: number = 0;
  IcmpOutEchos: number = 0;
  IcmpOutEchoReps: number = 0;
  UdpInDatagrams: number = 0;
  UdpNoPorts: number = 0;
  UdpInErrors: number = 0;
  UdpOutDatagrams: number = 0;
  UdpRcvbufErrors: number = 0;
  UdpSndbufErrors: number = 0;
  UdpInCsumErrors: number = 0;
  TcpInSegs: number = 0;
  TcpOutSegs: number = 0;
  TcpInErrs: number = 0;
  TcpOutRsts: number = 0;
  TcpInCsumErrors: number = 0;
  Ip6InReceives: number = 0;
  Ip6InHdrErrors: number = 0;
  Ip6InTooBigErrors: number = 0;
  Ip6InNoRoutes: number = 0;
  Ip6InAddrErrors: number = 0;
  Ip6InUnknownProtos: number = 0;
  Ip6InTruncatedPkts: number = 0;
  Ip6InDiscards: number = 0;
  Ip6InDelivers: number = 0;
  Ip6OutForwDatagrams: number = 0;
  Ip6OutRequests: number = 0;
  Ip6OutDiscards: number = 0;
  Ip6OutNoRoutes: number = 0;
  Ip6ReasmTimeout: number = 0;
  Ip6ReasmReqds: number = 0;
  Ip6ReasmOKs: number = 0;
  Ip6ReasmFails: number = 0;
  Ip6FragOKs: number = 0;
  Ip6FragFails: number = 0;
  Ip6FragCreates: number = 0;
  Ip6InMcastPkts: number = 0;
  Ip6OutMcastPkts: number = 0;
  Ip6InOctets: number = 0;
  Ip6OutOctets: number = 0;
  Ip6OutTransmits: number = 0;
  Icmp6InMsgs: number = 0;
  Icmp6InErrors: number = 0;
  Icmp6InCsumErrors: number = 0;
  Icmp6OutMsgs: number = 0;
  Icmp6OutErrors: number = 0;
  Icmp6OutRateLimitHost: number = 0;
  Icmp6InDestUnreachs: number = 0;
  Icmp6InPktTooBigs: number = 0;
  Icmp6InTimeExcds: number = 0;
  Icmp6InParmProblems: number = 0;
  Icmp6InEchos: number = 0;
  Icmp6InEchoReplies: number = 0;
  Icmp6InNeighborSolicits: number = 0;
  Icmp6InNeighborAdvertisements: number = 0;
  Icmp6OutDestUnreachs: number = 0;
  Icmp6OutPktTooBigs: number = 0;
  Icmp6OutTimeExcds: number = 0;
  Icmp6OutParmProblems: number = 0;
  Icmp6OutEchos: number = 0;
  Icmp6OutEchoReplies: number = 0;
  Icmp6OutNeighborSolicits: number = 0;
  Icmp6OutNeighborAdvertisements: number = 0;
  Udp6InDatagrams: number = 0;
  Udp6NoPorts: number = 0;
  Udp6InErrors: number = 0;
  Udp6OutDatagrams: number = 0;
  Udp6RcvbufErrors: number = 0;
  Udp6SndbufErrors: number = 0;
  Udp6InCsumErrors: number = 0;

  /** Name and value of every counter, in declaration order. */
  rows(): readonly (readonly [string, number])[] {
    return Object.entries(this).filter((e): e is [string, number] => typeof e[1] === "number");
  }
}
