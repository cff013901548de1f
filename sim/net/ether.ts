/** Ethernet's constants. @source include/uapi/linux/if_ether.h, include/linux/if_vlan.h */

/** Bytes of the header: two addresses and the type. */
export const ETH_HLEN = 14;
/** Bytes of a VLAN tag. */
export const VLAN_HLEN = 4;

/** Types of frames, as the header has them. */
export const ETH_P_IP = 0x0800;
/** Address resolution. */
export const ETH_P_ARP = 0x0806;
/** Transparent Ethernet bridging: an Ethernet frame in GRE. */
export const ETH_P_TEB = 0x6558;
/** VLAN tag. */
export const ETH_P_8021Q = 0x8100;
/** Outer VLAN tag. */
export const ETH_P_8021AD = 0x88a8;
/** IPv6. */
export const ETH_P_IPV6 = 0x86dd;

/** Values below this are lengths, not types. */
export const ETH_P_802_3_MIN = 0x0600;

/** Types that no frame has, for packet sockets and filters: every frame. */
export const ETH_P_ALL = 0x0003;
/** A frame with a length whose payload begins with ff:ff. */
export const ETH_P_802_3 = 0x0001;
/** Any other frame with a length. */
export const ETH_P_802_2 = 0x0004;
