/**
 * What becomes of a packet whose tc program answered TC_ACT_REDIRECT, and of the copy that bpf_clone_redirect made.
 *
 * @source net/core/filter.c skb_do_redirect, __bpf_redirect, __bpf_redirect_neigh; net/core/dev.c ____dev_forward_skb;
 *         net/core/skbuff.c skb_scrub_packet
 */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import { ethTypeTrans } from "../eth-type-trans.ts";
import { ETH_HLEN, ETH_P_IP, ETH_P_IPV6 } from "../ether.ts";
import { AF_INET, AF_INET6 } from "../ip/address.ts";
import { REDIRECT_NEIGH, REDIRECT_PEER } from "../net-env.ts";
import { NET_XMIT_CN, NET_XMIT_SUCCESS, type Netdev } from "../netdev.ts";
import { ERRNO } from "../netlink-error.ts";
import { PACKET_HOST, type Skb } from "../skb.ts";

/** Flag of bpf_redirect and bpf_clone_redirect. */
export const BPF_F_INGRESS = 1;

/** XMIT_RECURSION_LIMIT. */
const XMIT_RECURSION_LIMIT = 8;
/** LL_RESERVED_SPACE of an Ethernet device. */
const LL_RESERVED = 16;
const NET_RX_DROP = 1;

/** ARPHRD_* of devices that carry no MAC header. @source include/linux/if_arp.h dev_is_mac_header_xmit */
const NO_MAC_TYPES: ReadonlySet<number> = new Set([
  512, // PPP
  768, // TUNNEL
  769, // TUNNEL6
  776, // SIT
  778, // IPGRE
  823, // IP6GRE
  519, // RAWIP
  779, // PIMREG
  0xfffe, // NONE
  0xffff, // VOID
]);

/** dev_is_mac_header_xmit: packets are handed to the device with a MAC header. */
export function sendsMacHeader(dev: Netdev): boolean {
  return !NO_MAC_TYPES.has(dev.hardwareType);
}

/** skb_do_redirect: sends the packet where the last redirect helper said. Takes the packet. */
export function skbDoRedirect(skb: Skb, dev: Netdev, atIngress: boolean): void {
  const kernel = dev.host.kernel;
  const ri = kernel.env.redirect;
  const kind = ri.kind;
  const flags = ri.flags;
  const target = dev.host.devices[ri.tgtIndex];
  ri.tgtIndex = 0;
  ri.flags = 0;
  ri.kind = 0;
  if (target === undefined) kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.NOT_SPECIFIED);
  else if (kind === REDIRECT_PEER) redirectPeer(skb, dev, target, atIngress);
  else if (kind === REDIRECT_NEIGH) redirectNeigh(skb, dev, target, ri.nhFamily, ri.nh);
  else bpfRedirect(skb, dev, target, flags);
}

/**
 * __bpf_redirect: out of the target device, or into it with BPF_F_INGRESS. Takes the packet.
 * @param from the device at which a loss is counted when the packet cannot be redirected
 * @returns NET_XMIT_*, NET_RX_* or -errno
 */
export function bpfRedirect(skb: Skb, from: Netdev, target: Netdev, flags: number): number {
  const kernel = from.host.kernel;
  const ingress = (flags & BPF_F_INGRESS) !== 0;
  if (!sendsMacHeader(target)) {
    const macBytes = skb.networkHeader - skb.data;
    if (skb.len <= macBytes) {
      kernel.kfreeSkb(skb, from, SKB_DROP_REASON.NOT_SPECIFIED);
      return -ERRNO.ERANGE;
    }
    if (macBytes !== 0) skb.pull(macBytes);
    skb.macHeader = skb.networkHeader;
    skb.macLen = 0;
    skb.metaLen = 0;
  } else if (skb.macHeader >= skb.networkHeader || skb.len === 0) {
    // no link layer header to send
    kernel.kfreeSkb(skb, from, SKB_DROP_REASON.NOT_SPECIFIED);
    return -ERRNO.ERANGE;
  }
  return ingress ? receiveOn(skb, target) : transmitOn(skb, from, target);
}

/** __bpf_tx_skb. */
function transmitOn(skb: Skb, from: Netdev, target: Netdev): number {
  const kernel = from.host.kernel;
  if (kernel.xmitRecursion > XMIT_RECURSION_LIMIT) {
    kernel.kfreeSkb(skb, from, SKB_DROP_REASON.NOT_SPECIFIED);
    return -ERRNO.ENETDOWN;
  }
  skb.dev = target;
  skb.tstampNs = 0;
  kernel.xmitRecursion++;
  const rc = kernel.paths.devQueueXmit(skb);
  kernel.xmitRecursion--;
  return rc;
}

/** dev_forward_skb_nomtu: as if the target had received the packet, by way of the backlog. */
function receiveOn(skb: Skb, target: Netdev): number {
  const kernel = target.host.kernel;
  if (!target.up) {
    target.stats.rxDropped++;
    kernel.kfreeSkb(skb, target, SKB_DROP_REASON.NOT_SPECIFIED);
    return NET_RX_DROP;
  }
  scrub(skb);
  skb.priority = 0;
  if (!sendsMacHeader(target)) skb.dev = target;
  else ethTypeTrans(skb, target);
  return kernel.paths.netifRx(skb);
}

/** The packet goes on at the ingress of the target's peer, which lives on another host, without leaving by any device. */
function redirectPeer(skb: Skb, dev: Netdev, target: Netdev, atIngress: boolean): void {
  const kernel = dev.host.kernel;
  // of the kinds that know a far end, only veth has ndo_get_peer_dev
  const peer = atIngress && target.ops.kind === "veth" ? (target.ops.peer?.(target) ?? null) : null;
  if (peer === null || !peer.up || peer.host === dev.host) {
    kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.NOT_SPECIFIED);
    return;
  }
  skb.dev = peer;
  peer.stats.rxPackets++;
  peer.stats.rxBytes += skb.len;
  scrub(skb);
  kernel.paths.netifReceiveSkb(skb);
}

/** __bpf_redirect_neigh: the neighbour layer writes a new MAC header. Without `nhFamily` the next hop comes from the routes. */
function redirectNeigh(skb: Skb, from: Netdev, target: Netdev, nhFamily: number, nh: Uint8Array): void {
  const kernel = from.host.kernel;
  const fib = kernel.env.fib;
  const u8 = kernel.arena.u8;
  const v4 = skb.protocol === ETH_P_IP;
  if (
    fib === null ||
    skb.macHeader >= skb.networkHeader ||
    (u8[skb.macHeader]! & 1) !== 0 ||
    !(v4 || skb.protocol === ETH_P_IPV6)
  ) {
    kernel.kfreeSkb(skb, from, SKB_DROP_REASON.NOT_SPECIFIED);
    return;
  }
  skb.metaLen = 0;
  skb.pull(ETH_HLEN);
  skb.macHeader = -1;
  skb.networkHeader = skb.data;

  let family = nhFamily;
  let hop = nh;
  if (family === 0) {
    family = fib.outputNextHop(target, skb);
    hop = fib.answer.gw;
  }
  const usable = v4 ? family === AF_INET || family === AF_INET6 : family === AF_INET6;
  if (!usable || kernel.xmitRecursion > XMIT_RECURSION_LIMIT || !kernel.pool.ensureRoom(skb, LL_RESERVED, 0)) {
    target.stats.txDropped++;
    kernel.kfreeSkb(skb, from, SKB_DROP_REASON.NOT_SPECIFIED);
    return;
  }
  skb.dev = target;
  skb.tstampNs = 0;
  kernel.xmitRecursion++;
  const rc = fib.neighOutput(target, family, hop, skb);
  kernel.xmitRecursion--;
  if (rc !== NET_XMIT_SUCCESS && rc !== NET_XMIT_CN) target.stats.txDropped++;
}

/** skb_scrub_packet within one host: what the former receiver knew is forgotten, the mark stays. */
function scrub(skb: Skb): void {
  skb.pktType = PACKET_HOST;
  skb.skbIif = 0;
  skb.dst = null;
}
