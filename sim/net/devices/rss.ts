/**
 * Receive side scaling: the Toeplitz hash of addresses and ports that picks a NIC's receive queue.
 *
 * The key is 40 bytes; each bit of the input that is set adds (xor) the 32 bits of the key that begin at the bit's place. A table per
 * input byte holds those sums.
 *
 * @source Microsoft, "RSS Hashing Functions" and "Verifying the RSS Hash Calculation": key, field order and test vectors
 */
import { ETH_HLEN, ETH_P_8021Q, ETH_P_IP, ETH_P_IPV6, VLAN_HLEN } from "../ether.ts";
import { IPPROTO_TCP, IPPROTO_UDP } from "../ip/ipv4/header.ts";

/** The default key. */
const RSS_KEY: Uint8Array = Uint8Array.from([
  0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b,
  0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac,
  0x01, 0xfa,
]);

/** enum xdp_rss_hash_type. */
const XDP_RSS_L3_IPV4 = 1;
const XDP_RSS_L3_IPV6 = 2;
const XDP_RSS_L4 = 8;
const XDP_RSS_L4_TCP = 16;
const XDP_RSS_L4_UDP = 32;

/** Entries of the indirection table. */
export const RSS_TABLE_SIZE = 128;
const INPUT_BYTES = 36;

/** Sum of key bits for each value of each input byte, built once: [byte * 256 + value]. */
const TABLE: Uint32Array = buildTable(RSS_KEY);

function buildTable(key: Uint8Array): Uint32Array {
  const table = new Uint32Array(INPUT_BYTES * 256);
  for (let i = 0; i < INPUT_BYTES; i++) {
    for (let value = 0; value < 256; value++) {
      let sum = 0;
      for (let bit = 0; bit < 8; bit++) {
        if ((value & (0x80 >> bit)) !== 0) sum ^= keyWindow(key, i * 8 + bit);
      }
      table[i * 256 + value] = sum;
    }
  }
  return table;
}

/** The 32 bits of the key that begin at a bit. */
function keyWindow(key: Uint8Array, bit: number): number {
  let word = 0;
  for (let i = 0; i < 32; i++) {
    const b = bit + i;
    word = (word << 1) | ((key[b >>> 3]! >>> (7 - (b & 7))) & 1);
  }
  return word >>> 0;
}

/** The hash over `n` bytes of input. @returns unsigned */
export function toeplitz(input: Uint8Array, from: number, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum ^= TABLE[i * 256 + input[from + i]!]!;
  return sum >>> 0;
}

/**
 * The hash a NIC computes for a frame: source and destination address, and the ports of TCP and UDP when the packet is no fragment.
 * @param u8 the arena's bytes
 * @param data address of the MAC header
 * @returns unsigned; 0 for what is neither IPv4 nor IPv6
 */
export function rssHash(u8: Uint8Array, data: number, len: number): number {
  const l3 = networkHeader(u8, data);
  const end = data + len;
  const type = (u8[l3 - 2]! << 8) | u8[l3 - 1]!;
  if (type === ETH_P_IP && l3 + 20 <= end) {
    const sum = toeplitz(u8, l3 + 12, 8);
    const l4 = ports4(u8, l3, end);
    return l4 < 0 ? sum : (sum ^ portSum(u8, l4, 8)) >>> 0;
  }
  if (type === ETH_P_IPV6 && l3 + 40 <= end) {
    const sum = toeplitz(u8, l3 + 8, 32);
    const l4 = ports6(u8, l3, end);
    return l4 < 0 ? sum : (sum ^ portSum(u8, l4, 32)) >>> 0;
  }
  return 0;
}

/** What rssHash goes over. @returns enum xdp_rss_hash_type. @source include/net/xdp.h */
export function rssType(u8: Uint8Array, data: number, len: number): number {
  const l3 = networkHeader(u8, data);
  const end = data + len;
  const type = (u8[l3 - 2]! << 8) | u8[l3 - 1]!;
  if (type === ETH_P_IP && l3 + 20 <= end) {
    return XDP_RSS_L3_IPV4 | (ports4(u8, l3, end) < 0 ? 0 : portsType(u8[l3 + 9]!));
  }
  if (type === ETH_P_IPV6 && l3 + 40 <= end) {
    return XDP_RSS_L3_IPV6 | (ports6(u8, l3, end) < 0 ? 0 : portsType(u8[l3 + 6]!));
  }
  return 0;
}

/** Behind the Ethernet header and one VLAN tag; the ethertype is in the two bytes before. */
function networkHeader(u8: Uint8Array, data: number): number {
  const tagged = ((u8[data + 12]! << 8) | u8[data + 13]!) === ETH_P_8021Q;
  return data + ETH_HLEN + (tagged ? VLAN_HLEN : 0);
}

/** Address of the ports that are hashed, -1 for none. */
function ports4(u8: Uint8Array, l3: number, end: number): number {
  const proto = u8[l3 + 9]!;
  const l4 = l3 + (u8[l3]! & 15) * 4;
  const fragment = ((u8[l3 + 6]! & 0x3f) | u8[l3 + 7]!) !== 0;
  return (proto !== IPPROTO_TCP && proto !== IPPROTO_UDP) || fragment || l4 + 4 > end ? -1 : l4;
}

function ports6(u8: Uint8Array, l3: number, end: number): number {
  const proto = u8[l3 + 6]!;
  return (proto !== IPPROTO_TCP && proto !== IPPROTO_UDP) || l3 + 44 > end ? -1 : l3 + 40;
}

function portsType(proto: number): number {
  return XDP_RSS_L4 | (proto === IPPROTO_TCP ? XDP_RSS_L4_TCP : XDP_RSS_L4_UDP);
}

/** The ports' part, at that place of the input. */
function portSum(u8: Uint8Array, l4: number, at: number): number {
  return (
    TABLE[at * 256 + u8[l4]!]! ^
    TABLE[(at + 1) * 256 + u8[l4 + 1]!]! ^
    TABLE[(at + 2) * 256 + u8[l4 + 2]!]! ^
    TABLE[(at + 3) * 256 + u8[l4 + 3]!]!
  );
}
