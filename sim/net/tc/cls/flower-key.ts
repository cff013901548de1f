/**
 * What flower compares: the fields of a packet as 32-bit words in host order, and a mask of the same shape.
 *
 * @source net/sched/cls_flower.c struct fl_flow_key; include/net/flow_dissector.h
 */

/** Positions of the words. Addresses take four, those of IPv4 the first of them; MAC addresses two, the second with two bytes. */
export const FK = {
  indev: 0,
  /** FLOWER_FRAG, FLOWER_FIRST_FRAG. */
  control: 1,
  /** Innermost ethertype behind VLAN tags. */
  ethType: 2,
  ipProto: 3,
  ethDst: 4,
  ethSrc: 6,
  vlanId: 8,
  vlanPrio: 9,
  vlanTpid: 10,
  vlanEthType: 11,
  cvlanId: 12,
  cvlanPrio: 13,
  cvlanTpid: 14,
  cvlanEthType: 15,
  numVlans: 16,
  /** FLOWER_IPV4, FLOWER_IPV6. */
  addrType: 17,
  src: 18,
  dst: 22,
  tos: 26,
  ttl: 27,
  srcPort: 28,
  dstPort: 29,
  tcpFlags: 30,
  icmpType: 31,
  icmpCode: 32,
  arpSip: 33,
  arpTip: 34,
  arpOp: 35,
  arpSha: 36,
  arpTha: 38,
  /** FLOWER_IPV4, FLOWER_IPV6. */
  encAddrType: 40,
  encKeyId: 41,
  encTos: 42,
  encTtl: 43,
  encSrc: 44,
  encDst: 48,
} as const;

/** Words of a key. */
export const FK_WORDS = 52;

/** Bits of `control`. @source include/uapi/linux/pkt_cls.h TCA_FLOWER_KEY_FLAGS_* */
export const FLOWER_FRAG = 1;
export const FLOWER_FIRST_FRAG = 2;
/** Values of the address types. @source include/net/flow_dissector.h FLOW_DISSECTOR_KEY_IPV4_ADDRS, IPV6_ADDRS */
export const FLOWER_IPV4 = 2;
export const FLOWER_IPV6 = 3;

/** A range of ports, in place of one; min 0: none. */
export interface PortRange {
  readonly min: number;
  readonly max: number;
}

/** No range. */
export const NO_RANGE: PortRange = { min: 0, max: 0 };
