/**
 * Numbers that peers must not guess: initial sequence numbers, timestamp offsets, where the search for a port begins.
 *
 * @source net/core/secure_seq.c
 * @differs a simple hash in place of SipHash: the secrets come from the simulation's seed
 */
import type { IpAddr } from "../ip/address.ts";

function mix(h: number, w: number): number {
  const x = Math.imul(h ^ w, 0x85ebca6b);
  return x ^ (x >>> 13);
}

function hash(key: number, s: IpAddr, d: IpAddr, ports: number): number {
  let h = mix(key, s.a);
  if (s.family !== 2) h = mix(mix(mix(h, s.b), s.c), s.d);
  h = mix(h, d.a);
  if (d.family !== 2) h = mix(mix(mix(h, d.b), d.c), d.d);
  h = mix(h, ports);
  return (h ^ (h >>> 16)) >>> 0;
}

/** secure_tcp_seq: grows by one each 64 ns for two ends. */
export function secureTcpSeq(key: number, s: IpAddr, sport: number, d: IpAddr, dport: number, nowNs: number): number {
  return (hash(key, s, d, (sport << 16) | dport) + Math.floor(nowNs / 64)) >>> 0;
}

/** secure_tcp_ts_off: the same for all connections of two hosts. */
export function secureTcpTsOff(key: number, s: IpAddr, d: IpAddr): number {
  return hash(key, s, d, 0);
}

/** secure_ipv4_port_ephemeral, secure_ipv6_port_ephemeral. */
export function securePortOffset(key: number, s: IpAddr, d: IpAddr, dport: number): number {
  return hash(key, s, d, dport);
}

/** inet_ehashfn: a flow's hash, by which listeners share a port. Words of the source, both ports. */
export function flowHash(key: number, a: number, b: number, c: number, d: number, ports: number): number {
  const h = mix(mix(mix(mix(mix(key, a), b), c), d), ports);
  return (h ^ (h >>> 16)) >>> 0;
}
