/**
 * The outer headers of a packet as flower's key, up to the first encapsulation.
 *
 * @source net/core/flow_dissector.c __skb_flow_dissect (FLOW_DISSECTOR_F_STOP_BEFORE_ENCAP), skb_flow_dissect_meta,
 *         skb_flow_dissect_tunnel_info
 * @differs MPLS, PPPoE and other protocols that flower could look into end the dissection, as unknown ethertypes do
 */
import type { Arena } from "../../../engine/arena.ts";
import { ETH_P_8021AD, ETH_P_8021Q, ETH_P_ARP, ETH_P_IP, ETH_P_IPV6 } from "../../ether.ts";
import { AF_INET } from "../../ip/address.ts";
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP } from "../../ip/ipv4/header.ts";
import type { Skb } from "../../skb.ts";
import type { TunnelInfo } from "../../tunnel-info.ts";
import { FK, FLOWER_FIRST_FRAG, FLOWER_FRAG, FLOWER_IPV4, FLOWER_IPV6 } from "./flower-key.ts";

const ETH_P_RARP = 0x8035;
const IPPROTO_HOPOPTS = 0;
const IPPROTO_DCCP = 33;
const IPPROTO_ROUTING = 43;
const IPPROTO_FRAGMENT = 44;
const IPPROTO_ESP = 50;
const IPPROTO_AH = 51;
const IPPROTO_DSTOPTS = 60;
const IPPROTO_SCTP = 132;
const IPPROTO_UDPLITE = 136;
const TCP_FLAGS_MASK = 0x0fff;

/** Fills a key. */
export function dissectFlower(arena: Arena, skb: Skb, key: Int32Array): void {
  const dv = arena.dv;
  const end = skb.data + skb.len;
  key.fill(0);
  key[FK.indev] = skb.skbIif;
  if (skb.macHeader >= 0 && skb.macHeader + 12 <= end) {
    key[FK.ethDst] = dv.getInt32(skb.macHeader, false);
    key[FK.ethDst + 1] = dv.getUint16(skb.macHeader + 4, false);
    key[FK.ethSrc] = dv.getInt32(skb.macHeader + 6, false);
    key[FK.ethSrc + 1] = dv.getUint16(skb.macHeader + 10, false);
  }
  if (skb.tunnel !== null) dissectTunnel(skb.tunnel, key);
  let at = skb.networkHeader >= 0 ? skb.networkHeader : skb.data;
  let proto = skb.protocol;
  if (skb.vlanPresent) {
    noteVlan(key, skb.vlanProto, skb.vlanTci, proto);
  }
  while (proto === ETH_P_8021Q || proto === ETH_P_8021AD) {
    if (at + 4 > end) break;
    const tpid = proto;
    proto = dv.getUint16(at + 2, false);
    noteVlan(key, tpid, dv.getUint16(at, false), proto);
    at += 4;
  }
  key[FK.ethType] = proto;
  if (proto === ETH_P_IP) dissectIpv4(dv, at, end, key);
  else if (proto === ETH_P_IPV6) dissectIpv6(dv, at, end, key);
  else if (proto === ETH_P_ARP || proto === ETH_P_RARP) dissectArp(dv, at, end, key);
}

/** The first tag is the VLAN's, the second the inner one's, more are only counted. */
function noteVlan(key: Int32Array, tpid: number, tci: number, ethType: number): void {
  const n = key[FK.numVlans]!;
  key[FK.numVlans] = n + 1;
  if (n > 1) return;
  const base = n === 0 ? FK.vlanId : FK.cvlanId;
  key[base] = tci & 0x0fff;
  key[base + 1] = tci >>> 13;
  key[base + 2] = tpid;
  key[base + 3] = ethType;
}

function dissectTunnel(t: TunnelInfo, key: Int32Array): void {
  key[FK.encKeyId] = t.id | 0;
  key[FK.encTos] = t.tos;
  key[FK.encTtl] = t.ttl;
  const v4 = t.family === AF_INET;
  key[FK.encAddrType] = v4 ? FLOWER_IPV4 : FLOWER_IPV6;
  const words = v4 ? 1 : 4;
  for (let i = 0; i < words; i++) {
    key[FK.encSrc + i] = word(t.src, 4 * i);
    key[FK.encDst + i] = word(t.dst, 4 * i);
  }
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

function dissectIpv4(dv: DataView, at: number, end: number, key: Int32Array): void {
  if (at + 20 > end) return;
  const headerBytes = (dv.getUint8(at) & 15) * 4;
  if (headerBytes < 20) return;
  const proto = dv.getUint8(at + 9);
  key[FK.ipProto] = proto;
  key[FK.addrType] = FLOWER_IPV4;
  key[FK.src] = dv.getInt32(at + 12, false);
  key[FK.dst] = dv.getInt32(at + 16, false);
  key[FK.tos] = dv.getUint8(at + 1);
  key[FK.ttl] = dv.getUint8(at + 8);
  const frag = dv.getUint16(at + 6, false);
  if ((frag & 0x3fff) !== 0) {
    key[FK.control] = (frag & 0x1fff) === 0 ? FLOWER_FRAG | FLOWER_FIRST_FRAG : FLOWER_FRAG;
    return;
  }
  dissectTransport(dv, at + headerBytes, end, proto, key);
}

function dissectIpv6(dv: DataView, start: number, end: number, key: Int32Array): void {
  if (start + 40 > end) return;
  let proto = dv.getUint8(start + 6);
  key[FK.addrType] = FLOWER_IPV6;
  for (let i = 0; i < 4; i++) {
    key[FK.src + i] = dv.getInt32(start + 8 + 4 * i, false);
    key[FK.dst + i] = dv.getInt32(start + 24 + 4 * i, false);
  }
  key[FK.tos] = (dv.getUint16(start, false) >>> 4) & 0xff;
  key[FK.ttl] = dv.getUint8(start + 7);
  let at = start + 40;
  key[FK.ipProto] = proto;
  while (proto === IPPROTO_HOPOPTS || proto === IPPROTO_ROUTING || proto === IPPROTO_DSTOPTS) {
    if (at + 2 > end) return;
    proto = dv.getUint8(at);
    at += (dv.getUint8(at + 1) + 1) * 8;
    key[FK.ipProto] = proto;
  }
  if (proto === IPPROTO_FRAGMENT) {
    if (at + 8 > end) return;
    key[FK.ipProto] = dv.getUint8(at);
    const first = (dv.getUint16(at + 2, false) & 0xfff8) === 0;
    key[FK.control] = first ? FLOWER_FRAG | FLOWER_FIRST_FRAG : FLOWER_FRAG;
    return;
  }
  dissectTransport(dv, at, end, proto, key);
}

function dissectTransport(dv: DataView, at: number, end: number, proto: number, key: Int32Array): void {
  if (proto === IPPROTO_ICMP || proto === IPPROTO_ICMPV6) {
    if (at + 8 > end) return;
    key[FK.icmpType] = dv.getUint8(at);
    key[FK.icmpCode] = dv.getUint8(at + 1);
    return;
  }
  const ports = proto === IPPROTO_AH ? at + 4 : at;
  if (!hasPorts(proto) || ports + 4 > end) return;
  key[FK.srcPort] = dv.getUint16(ports, false);
  key[FK.dstPort] = dv.getUint16(ports + 2, false);
  if (proto === IPPROTO_TCP && at + 20 <= end && dv.getUint8(at + 12) >>> 4 >= 5) {
    key[FK.tcpFlags] = dv.getUint16(at + 12, false) & TCP_FLAGS_MASK;
  }
}

/** proto_ports_offset. */
function hasPorts(proto: number): boolean {
  return (
    proto === IPPROTO_TCP ||
    proto === IPPROTO_UDP ||
    proto === IPPROTO_DCCP ||
    proto === IPPROTO_ESP ||
    proto === IPPROTO_SCTP ||
    proto === IPPROTO_UDPLITE ||
    proto === IPPROTO_AH
  );
}

/** Ethernet and IPv4 only, requests and replies only (__skb_flow_dissect_arp). */
function dissectArp(dv: DataView, at: number, end: number, key: Int32Array): void {
  if (at + 28 > end) return;
  const op = dv.getUint16(at + 6, false);
  const ethernetIp =
    dv.getUint16(at, false) === 1 && dv.getUint16(at + 2, false) === ETH_P_IP && dv.getUint16(at + 4, false) === 0x0604;
  if (!ethernetIp || (op !== 1 && op !== 2)) return;
  key[FK.arpOp] = op;
  key[FK.arpSha] = dv.getInt32(at + 8, false);
  key[FK.arpSha + 1] = dv.getUint16(at + 12, false);
  key[FK.arpSip] = dv.getInt32(at + 14, false);
  key[FK.arpTha] = dv.getInt32(at + 18, false);
  key[FK.arpTha + 1] = dv.getUint16(at + 22, false);
  key[FK.arpTip] = dv.getInt32(at + 24, false);
}
