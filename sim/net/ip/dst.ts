/** Where a packet goes: the result of a route lookup, shared by all packets that take the same next hop (dst_entry, rtable). */
import type { Netdev } from "../netdev.ts";
import type { SkbDst } from "../skb.ts";
import type { IpAddr } from "./address.ts";
import type { Neighbour } from "./neigh/neighbour.ts";

/** Kinds: forwarded or sent by unicast, for this host, broadcast, multicast, an error. */
export const DST_UNICAST = 1;
export const DST_LOCAL = 2;
export const DST_BROADCAST = 3;
export const DST_MULTICAST = 4;
export const DST_ERROR = 5;

/** A destination: what a route lookup ends in, cached with the packet. */
export class Dst implements SkbDst {
  /** Output device; the loopback device for local destinations of the output side, the receiving device of the input side. */
  readonly dev: Netdev;
  readonly kind: number;
  /** Gateway; null when the destination is on the link. */
  readonly gw: IpAddr | null;
  /** Neighbour of the gateway, resolved at first use; a dead one is replaced. */
  neigh: Neighbour | null = null;
  /** errno of DST_ERROR, positive. */
  readonly error: number;
  /** Metric RTAX_MTU of the route; 0 for the device's MTU. */
  readonly mtuMetric: number;
  /** Prefix length of the route, for ICMPv6's rate limit. */
  readonly plen: number;
  /** ip_mtu_locked: no learned path MTU counts. */
  readonly mtuLocked: boolean;

  constructor(
    dev: Netdev,
    kind: number,
    gw: IpAddr | null,
    error: number = 0,
    mtuMetric: number = 0,
    plen: number = 0,
    mtuLocked: boolean = false,
  ) {
    this.dev = dev;
    this.kind = kind;
    this.gw = gw;
    this.error = error;
    this.mtuMetric = mtuMetric;
    this.plen = plen;
    this.mtuLocked = mtuLocked;
  }

  /** ip_dst_mtu without learned path MTUs. @unit bytes with the IP header */
  get mtu(): number {
    return this.mtuMetric !== 0 ? this.mtuMetric : this.dev.mtu;
  }
}
