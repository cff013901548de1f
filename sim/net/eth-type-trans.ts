/**
 * Reads the Ethernet header of a received frame.
 *
 * @source net/ethernet/eth.c eth_type_trans
 */
import { ETH_HLEN, ETH_P_802_2, ETH_P_802_3, ETH_P_802_3_MIN } from "./ether.ts";
import type { Netdev } from "./netdev.ts";
import { PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST, type Skb } from "./skb.ts";

/**
 * Sets MAC header, protocol and packet type from the Ethernet header that skb.data points at (which stays there).
 * A frame shorter than the header gets protocol 0.
 */
export function ethTypeTrans(skb: Skb, dev: Netdev): void {
  const u8 = dev.host.kernel.arena.u8;
  const d = skb.data;
  skb.dev = dev;
  skb.macHeader = d;
  if (dev.hardHeaderLen === 0) {
    skb.macLen = 0;
    skb.networkHeader = d;
    skb.pktType = PACKET_HOST;
    return;
  }
  skb.macLen = ETH_HLEN;
  skb.networkHeader = d + ETH_HLEN;
  if (skb.len < ETH_HLEN) {
    skb.protocol = 0;
    skb.pktType = PACKET_HOST;
    return;
  }
  skb.protocol = frameType(u8, d + 12, d + skb.len);
  const m = dev.mac;
  if ((u8[d]! & 1) !== 0) {
    const bcast = (u8[d]! & u8[d + 1]! & u8[d + 2]! & u8[d + 3]! & u8[d + 4]! & u8[d + 5]!) === 0xff;
    skb.pktType = bcast ? PACKET_BROADCAST : PACKET_MULTICAST;
  } else {
    const same =
      u8[d] === m[0] &&
      u8[d + 1] === m[1] &&
      u8[d + 2] === m[2] &&
      u8[d + 3] === m[3] &&
      u8[d + 4] === m[4] &&
      u8[d + 5] === m[5];
    skb.pktType = same ? PACKET_HOST : PACKET_OTHERHOST;
  }
}

/**
 * The protocol that a frame's type field stands for: an ethertype, or for a length the pseudo types of 802.2 and raw 802.3.
 * @param at address of the type field
 * @param end address behind the packet's last byte
 * @source eth_type_trans; include/linux/if_vlan.h vlan_set_encap_proto
 */
export function frameType(u8: Uint8Array, at: number, end: number): number {
  const type = (u8[at]! << 8) | u8[at + 1]!;
  if (type >= ETH_P_802_3_MIN) return type;
  return at + 4 <= end && u8[at + 2] === 0xff && u8[at + 3] === 0xff ? ETH_P_802_3 : ETH_P_802_2;
}
