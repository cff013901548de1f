/**
 * What a tunnel device in collect_md mode shall put around a packet, or took off it (struct ip_tunnel_info). Addresses are bytes in
 * network order: 4 for IPv4, 16 for IPv6.
 *
 * @source include/net/ip_tunnels.h struct ip_tunnel_info, struct ip_tunnel_key, IP_TUNNEL_*_BIT
 */
import { AF_INET, type Family } from "./ip/address.ts";

/** Bits of `flags`. */
export const TUNNEL_CSUM = 0x01;
/** The key is sent. */
export const TUNNEL_KEY = 0x04;
/** Sequence numbers. */
export const TUNNEL_SEQ = 0x08;
/** DF on the outer header. */
export const TUNNEL_DONT_FRAGMENT = 0x0100;
/** Options of Geneve, VXLAN, ERSPAN and GTP. */
export const TUNNEL_OPTIONS = 0xd800;
/** The route is not cached. */
export const TUNNEL_NOCACHE = 0x2000;

/** Longest options: their length is a byte. @source include/net/ip_tunnels.h IP_TUNNEL_OPTS_MAX */
export const TUNNEL_OPTS_MAX = 255;

/** One tunnel's parameters for a packet. One object serves a CPU: the packet is sent before the next one is treated. */
export class TunnelInfo {
  family: Family = AF_INET;
  /** tun_id: the VNI or key; 32 bits. */
  id: number = 0;
  tos: number = 0;
  ttl: number = 0;
  /** TUNNEL_*. */
  flags: number = 0;
  /** Flow label, 20 bits. */
  label: number = 0;
  readonly src: Uint8Array = new Uint8Array(16);
  readonly dst: Uint8Array = new Uint8Array(16);
  optionsLen: number = 0;
  readonly options: Uint8Array = new Uint8Array(256);

  /** As a fresh one. */
  reset(): void {
    this.family = AF_INET;
    this.id = 0;
    this.tos = 0;
    this.ttl = 0;
    this.flags = 0;
    this.label = 0;
    this.src.fill(0);
    this.dst.fill(0);
    this.optionsLen = 0;
    this.options.fill(0);
  }
}
