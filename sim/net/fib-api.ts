/**
 * What the network's BPF helpers (bpf_fib_lookup, bpf_redirect_neigh) need of the IP layer. The IP layer implements it once per
 * simulation; the helpers own `struct bpf_fib_lookup`, its flags, MTU checks and return codes.
 *
 * Addresses lie in byte arrays in network order: 4 bytes of them for IPv4, 16 for IPv6.
 */
import type { Host } from "./host.ts";
import { AF_INET } from "./ip/address.ts";
import type { Netdev } from "./netdev.ts";
import type { Skb } from "./skb.ts";

/** What a lookup found. */
export const FIB_UNICAST = 0;
/** Local, broadcast, multicast, anycast: a route, but none to forward by. */
export const FIB_OTHER = 1;
/** No route (-ENETUNREACH). */
export const FIB_NO_ROUTE = 2;
/** Route of type blackhole. */
export const FIB_BLACKHOLE = 3;
/** Route of type unreachable. */
export const FIB_UNREACHABLE = 4;
/** Route of type prohibit. */
export const FIB_PROHIBIT = 5;

/** A lookup's question. The caller fills it, one object serves all lookups. */
export class FibQuery {
  /** AF_INET or AF_INET6. */
  family: number = AF_INET;
  /** Input interface; 1 (loopback) for lookups from the output side. */
  iif: number = 0;
  /** Output interface the route must use, 0 for any. */
  oif: number = 0;
  /** Table to look in, 0 for the rules (local, main, default). */
  table: number = 0;
  /** DS field with ECN, as in the header. */
  tos: number = 0;
  proto: number = 0;
  mark: number = 0;
  /** Ports in host order, 0 when unknown: policy 1 of multipath hashing. */
  sport: number = 0;
  dport: number = 0;
  readonly src: Uint8Array = new Uint8Array(16);
  readonly dst: Uint8Array = new Uint8Array(16);
}

/** A lookup's answer; overwritten by the next lookup. */
export class FibAnswer {
  /** The next hop's device; only meaningful after FIB_UNICAST. */
  dev: Netdev | null = null;
  /** Address family of the gateway, 0 for a route without one (the destination is on the link). */
  gwFamily: number = 0;
  readonly gw: Uint8Array = new Uint8Array(16);
  metric: number = 0;
  /** MTU of the path in bytes with the IP header: the route's, else the device's (ip_mtu_from_fib_result, ip6_mtu_from_fib6). */
  mtu: number = 0;
  /** Source address that the host would take (fib_result_prefsrc, ipv6_dev_get_saddr); srcKnown says whether there is one. */
  srcKnown: boolean = false;
  readonly src: Uint8Array = new Uint8Array(16);
}

/** Implemented by the IP layer (ip/), bound in NetEnv.fib. */
export interface FibApi {
  readonly query: FibQuery;
  readonly answer: FibAnswer;
  /**
   * fib_lookup with path selection (fib_select_path: multipath) on `query`; fills `answer` for FIB_UNICAST.
   * @returns FIB_*
   */
  lookup(host: Host): number;
  /** IN_DEV_FORWARD / idev->cnf.forwarding of a device. */
  forwarding(dev: Netdev, family: number): boolean;
  /**
   * Looks a neighbour up without creating or probing it.
   * @param addr 4 or 16 bytes in network order, from index 0
   * @param mac six bytes, filled when the answer is true
   * @returns true when there is one in a state of NUD_VALID
   */
  neighMac(dev: Netdev, family: number, addr: Uint8Array, mac: Uint8Array): boolean;
  /**
   * neigh_output: resolves `addr` on `dev`, puts the MAC header in front and sends the packet by dev_queue_xmit, or queues it until
   * it is resolved. skb.data is at the network header, skb.protocol set. Takes the packet in any case.
   * @returns NET_XMIT_* or -errno
   */
  neighOutput(dev: Netdev, family: number, addr: Uint8Array, skb: Skb): number;
  /**
   * Route lookup of the output side for bpf_redirect_neigh without parameters (ip_route_output_flow with FLOWI_FLAG_ANYSRC and
   * oif = dev): the next hop for the packet whose network header is at skb.data.
   * @returns the address family of the next hop (its bytes in `answer.gw`: the gateway, or the destination itself), 0 without a
   *          unicast or local route
   */
  outputNextHop(dev: Netdev, skb: Skb): number;
}
