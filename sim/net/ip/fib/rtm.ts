/** Constants of routing. @source include/uapi/linux/rtnetlink.h */

/** Route types. */
export const RTN_UNICAST = 1;
export const RTN_LOCAL = 2;
export const RTN_BROADCAST = 3;
export const RTN_ANYCAST = 4;
export const RTN_MULTICAST = 5;
export const RTN_BLACKHOLE = 6;
export const RTN_UNREACHABLE = 7;
export const RTN_PROHIBIT = 8;
export const RTN_THROW = 9;

/** As `ip route` spells them. */
export const ROUTE_TYPES: Readonly<Record<string, number>> = {
  unicast: RTN_UNICAST,
  local: RTN_LOCAL,
  broadcast: RTN_BROADCAST,
  anycast: RTN_ANYCAST,
  multicast: RTN_MULTICAST,
  blackhole: RTN_BLACKHOLE,
  unreachable: RTN_UNREACHABLE,
  prohibit: RTN_PROHIBIT,
  throw: RTN_THROW,
};

/** Distance to the destination: smaller is wider. */
export const RT_SCOPE_UNIVERSE = 0;
export const RT_SCOPE_LINK = 253;
export const RT_SCOPE_HOST = 254;
export const RT_SCOPE_NOWHERE = 255;

/** Tables. */
export const RT_TABLE_MAIN = 254;
export const RT_TABLE_LOCAL = 255;

/** Who made a route. */
export const RTPROT_KERNEL = 2;
export const RTPROT_BOOT = 3;

/** Metric of an IPv6 route that names none (IP6_RT_PRIO_USER). */
export const IP6_RT_PRIO_USER = 1024;
/** Metric of connected IPv6 routes (IP6_RT_PRIO_ADDRCONF). */
export const IP6_RT_PRIO_ADDRCONF = 256;
