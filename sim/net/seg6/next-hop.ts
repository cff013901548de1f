/**
 * The next hop of a packet that segment routing sends on.
 * @source net/ipv6/seg6_local.c seg6_lookup_any_nexthop
 * @differs a table that has no routes is -ENETUNREACH, also where Linux has no such table at all and says -EINVAL
 */
import { EACCES, EINVAL, ENETUNREACH } from "../../bpf/maps/errno.ts";
import { FIB_NO_ROUTE, FIB_PROHIBIT, FIB_UNICAST, FIB_UNREACHABLE } from "../fib-api.ts";
import { AF_INET6 } from "../ip/address.ts";
import type { NetEnv } from "../net-env.ts";
import { ERRNO } from "../netlink-error.ts";

const LOOPBACK_IFINDEX = 1;

/**
 * Looks up where the packet in work goes; it forgets its former route.
 * @param nextHop address of 16 bytes to look up in place of the packet's destination; 0: the destination
 * @param table 0: by the rules
 * @returns 0, or -errno: -EINVAL also for what would stay on the host
 */
export function lookupNextHop(env: NetEnv, nextHop: number, table: number): number {
  const { fib, skb } = env;
  const { u8, dv } = env.kernel.arena;
  const header = skb.data;
  skb.dst = null;
  if (fib === null) return -ENETUNREACH;
  const q = fib.query;
  q.family = AF_INET6;
  q.iif = env.dev.ifindex;
  q.oif = 0;
  q.table = table;
  q.tos = (dv.getUint16(header) >>> 4) & 0xfc;
  q.proto = u8[header + 6]!;
  q.mark = skb.mark;
  q.sport = 0;
  q.dport = 0;
  const dst = nextHop === 0 ? header + 24 : nextHop;
  for (let i = 0; i < 16; i++) {
    q.src[i] = u8[header + 8 + i]!;
    q.dst[i] = u8[dst + i]!;
  }
  const found = fib.lookup(env.host);
  if (found === FIB_UNICAST) return fib.answer.dev?.ifindex === LOOPBACK_IFINDEX ? -EINVAL : 0;
  if (found === FIB_NO_ROUTE) return -ENETUNREACH;
  if (found === FIB_UNREACHABLE) return -ERRNO.EHOSTUNREACH;
  return found === FIB_PROHIBIT ? -EACCES : -EINVAL;
}
