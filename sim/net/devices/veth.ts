/**
 * veth: two devices, what one transmits the other receives.
 *
 *     xmit -> receiver has NAPI (native XDP, or GRO while the sender has no TSO)?  yes: ring of 256, NAPI -> XDP -> stack
 *                                                                                  no:  netif_rx, the CPU's backlog
 *     XDP redirect to it or XDP_TX of the peer -> ring; refused when the receiver has no NAPI
 *
 * @source drivers/net/veth.c veth_xmit, veth_xdp_xmit, veth_ndo_xdp_xmit, veth_open, veth_close, veth_xdp_set, veth_set_features,
 *         veth_get_ethtool_stats; net/core/dev.c ____dev_forward_skb, is_skb_forwardable
 * @differs the socket that sent a packet gets its memory back when the peer takes it, not when the peer's stack does
 */
import type { Program } from "../../bpf/program.ts";
import { COST_NS } from "../cost.ts";
import { NETSIM_REASON, SKB_DROP_REASON } from "../drop-reason.ts";
import { ethTypeTrans } from "../eth-type-trans.ts";
import { VLAN_HLEN } from "../ether.ts";
import type { Host } from "../host.ts";
import { NET_XMIT_DROP, NETDEV_TX_BUSY, NETDEV_TX_OK, type Netdev, type NetdevOps, type TxQueue } from "../netdev.ts";
import { netifRx } from "../receive.ts";
import type { Skb } from "../skb.ts";
import {
  type DeviceDefaults,
  type DeviceOptions,
  ETH_MAX_MTU,
  registerNetdev,
  setCarrier,
  unregisterNetdev,
} from "./device.ts";
import { vethMetadata } from "./veth-metadata.ts";
import { VETH_RING_SIZE, type VethPair, VethQueue } from "./veth-queue.ts";

const ENXIO = 6;
/** SKB_WITH_OVERHEAD(PAGE_SIZE - XDP_PACKET_HEADROOM) less the peer's MAC header: 3506, measured. */
const XDP_MAX_MTU = 4096 - 256 - 320 - 14;
/** What fragments add: MAX_SKB_FRAGS pages. */
const FRAGS_BYTES = 17 * 4096;

class VethEnd implements VethPair {
  readonly dev: Netdev;
  readonly queues: VethQueue[] = [];
  other: VethEnd | null = null;
  /** A native program is set (priv->_xdp_prog). */
  prog: Program | null = null;

  constructor(dev: Netdev) {
    this.dev = dev;
    for (let i = 0; i < dev.rxQueueCount; i++) {
      const rq = new VethQueue(dev, i, this);
      this.queues.push(rq);
      dev.napis.push(rq.napi);
    }
  }

  peer(): Netdev | null {
    return this.other === null ? null : this.other.dev;
  }

  peerQueue(cpuIndex: number): VethQueue | null {
    const other = this.other;
    return other === null ? null : other.queues[cpuIndex % other.queues.length]!;
  }

  xdpXmit(dev: Netdev, frames: readonly Skb[], n: number, cpuIndex: number, flush: boolean, ndo: boolean): number {
    const rq = this.peerQueue(cpuIndex);
    if (rq === null || !rq.napiOn) return -ENXIO;
    const rcv = rq.dev;
    const maxLen = rcv.mtu + rcv.hardHeaderLen + VLAN_HLEN;
    const cpu = dev.host.cpu();
    let taken = 0;
    for (; taken < n; taken++) {
      const frame = frames[taken]!;
      if (frame.len > maxLen || rq.ring.qlen >= VETH_RING_SIZE) break;
      frame.dev = rcv;
      rq.ring.push(frame);
      cpu.charge(COST_NS.vethXmit);
    }
    if (flush) rq.kick();
    if (ndo) {
      rq.stats.peerXdpXmit += taken;
      const errors = n - taken;
      rq.stats.peerXdpXmitErrors += errors;
      rcv.stats.rxDropped += errors;
      dev.stats.txDropped += errors;
    }
    return taken;
  }

  napiOn(): void {
    for (const rq of this.queues) rq.napiOn = true;
  }

  napiOff(): void {
    for (const rq of this.queues) rq.disable();
  }

  /** Tells the queues whether there is a program. */
  showProg(): void {
    for (const rq of this.queues) rq.hasProg = this.prog !== null && this.dev.up;
  }
}

function endOf(dev: Netdev): VethEnd {
  return dev.priv as VethEnd;
}

/** is_skb_forwardable. */
function forwardable(rcv: Netdev, skb: Skb): boolean {
  return rcv.up && skb.len <= rcv.mtu + rcv.hardHeaderLen + VLAN_HLEN;
}

function startXmit(skb: Skb, dev: Netdev, txq: TxQueue): number {
  const end = endOf(dev);
  const kernel = dev.host.kernel;
  const other = end.other;
  dev.host.cpu().charge(COST_NS.vethXmit);
  if (other === null || skb.len < 14) {
    dev.stats.txDropped++;
    kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.NOT_SPECIFIED);
    return NET_XMIT_DROP;
  }
  const rcv = other.dev;
  const len = skb.len;
  const rq = txq.index < other.queues.length ? other.queues[txq.index]! : null;
  const useNapi = rq?.napiOn === true && !dev.tso;
  if (!forwardable(rcv, skb)) {
    rcv.stats.rxDropped++;
    dev.stats.txDropped++;
    kernel.kfreeSkb(skb, dev, rcv.up ? NETSIM_REASON.LINK_MTU : NETSIM_REASON.LINK_DOWN);
    return NET_XMIT_DROP;
  }
  if (useNapi && rq!.ring.qlen >= VETH_RING_SIZE) {
    if (txq.qdisc !== null) {
      // the consumer wakes the queue; without a qdisc nobody kicks it (both measured on 6.18)
      txq.stopped = true;
      rq!.kick();
      return NETDEV_TX_BUSY;
    }
    dev.stats.txDropped++;
    kernel.kfreeSkb(skb, dev, NETSIM_REASON.RX_RING_FULL);
    return NET_XMIT_DROP;
  }
  scrub(skb, dev, rcv);
  skb.queueMapping = other.queues.length > 1 && rq !== null ? txq.index + 1 : 0;
  ethTypeTrans(skb, rcv);
  if (useNapi) {
    rq!.ring.push(skb);
    rq!.kick();
    return NETDEV_TX_OK;
  }
  if (netifRx(skb) !== 0) {
    dev.stats.txDropped++;
    return NET_XMIT_DROP;
  }
  dev.stats.txPackets++;
  dev.stats.txBytes += len;
  rcv.stats.rxPackets++;
  rcv.stats.rxBytes += len;
  return NETDEV_TX_OK;
}

/** skb_scrub_packet: what a packet forgets between two devices, and more of it between two hosts. */
function scrub(skb: Skb, from: Netdev, to: Netdev): void {
  skb.orphan();
  skb.dst = null;
  skb.metaLen = 0;
  skb.priority = 0;
  skb.skbIif = 0;
  if (from.host !== to.host) {
    skb.mark = 0;
    skb.tstampNs = 0;
  }
}

function xdpSet(dev: Netdev, prog: Program | null, frags: boolean): string | null {
  const end = endOf(dev);
  const peer = end.other?.dev ?? null;
  const old = end.prog;
  if (prog !== null) {
    if (peer === null) return "veth: Cannot set XDP when peer is detached";
    const maxMtu = XDP_MAX_MTU + (frags ? FRAGS_BYTES : 0);
    if (peer.mtu > maxMtu) return "veth: Peer MTU is too large to set XDP";
    if (end.queues.length < peer.txQueues.length) {
      return "veth: XDP expects number of rx queues not less than peer tx queues";
    }
    end.prog = prog;
    if (dev.up) end.napiOn();
    if (old === null) {
      peer.maxMtu = maxMtu;
      peer.tso = false;
    }
    peer.xdpRedirectTarget = true;
  } else if (old !== null) {
    end.prog = null;
    if (peer !== null && !dev.gro) peer.xdpRedirectTarget = false;
    if (!dev.up || !dev.gro) end.napiOff();
    if (peer !== null) {
      peer.maxMtu = ETH_MAX_MTU;
      peer.tso = true;
    }
  }
  end.showProg();
  return null;
}

function setGro(dev: Netdev, on: boolean): void {
  if (dev.gro === on) return;
  dev.gro = on;
  const end = endOf(dev);
  if (!dev.up || end.prog !== null) return;
  const peer = end.other?.dev ?? null;
  if (on) end.napiOn();
  else end.napiOff();
  if (peer !== null) peer.xdpRedirectTarget = on;
}

/** The record of the kind. */
export const veth: NetdevOps = {
  kind: "veth",
  noQueue: true,
  nativeXdp: true,
  xdpMetadata: vethMetadata,
  open(dev: Netdev): void {
    const end = endOf(dev);
    if (end.prog !== null || dev.gro) end.napiOn();
    end.showProg();
    const peer = end.other?.dev ?? null;
    if (peer?.up) {
      setCarrier(dev, true);
      setCarrier(peer, true);
    }
  },
  stop(dev: Netdev): void {
    const end = endOf(dev);
    setCarrier(dev, false);
    if (end.other !== null) setCarrier(end.other.dev, false);
    end.napiOff();
    end.showProg();
  },
  startXmit,
  xdpXmit(dev: Netdev, frames: readonly Skb[], n: number): number {
    const sent = endOf(dev).xdpXmit(dev, frames, n, dev.host.cpu().index, true, true);
    if (sent < 0) dev.stats.txDropped += n;
    return sent;
  },
  xdpSet,
  setGro,
  peer(dev: Netdev): Netdev | null {
    return endOf(dev).peer();
  },
  destroy(dev: Netdev): void {
    const end = endOf(dev);
    const other = end.other;
    end.other = null;
    if (other === null) return;
    other.other = null;
    unregisterNetdev(other.dev);
  },
  ethtoolStats(dev: Netdev): readonly (readonly [string, number])[] {
    const end = endOf(dev);
    const rows: [string, number][] = [["peer_ifindex", end.other?.dev.ifindex ?? 0]];
    end.queues.forEach(({ stats: s }, i) => {
      rows.push([`rx_queue_${i}_xdp_packets`, s.xdpPackets]);
      rows.push([`rx_queue_${i}_xdp_bytes`, s.xdpBytes]);
      rows.push([`rx_queue_${i}_drops`, s.drops]);
      rows.push([`rx_queue_${i}_xdp_redirect`, s.xdpRedirect]);
      rows.push([`rx_queue_${i}_xdp_drops`, s.xdpDrops]);
      rows.push([`rx_queue_${i}_xdp_tx`, s.xdpTx]);
      rows.push([`rx_queue_${i}_xdp_tx_errors`, s.xdpTxErrors]);
    });
    const tx = dev.txQueues.map(() => [0, 0] as [number, number]);
    end.other?.queues.forEach(({ stats: s }, i) => {
      const row = tx[i % tx.length]!;
      row[0] += s.peerXdpXmit;
      row[1] += s.peerXdpXmitErrors;
    });
    tx.forEach(([xmit, errors], i) => {
      rows.push([`tx_queue_${i}_xdp_xmit`, xmit], [`tx_queue_${i}_xdp_xmit_errors`, errors]);
    });
    return rows;
  },
};

const DEFAULTS: DeviceDefaults = { carrier: false };

/**
 * `ip link add A type veth peer name B`: both ends, which may stand on different hosts.
 * @returns the two devices, down
 * @throws NetlinkError as registerNetdev; then neither end exists
 */
export function createVethPair(hostA: Host, a: DeviceOptions, hostB: Host, b: DeviceOptions): [Netdev, Netdev] {
  // the peer is registered first, as in Linux, and so has the smaller ifindex on one host
  const peer = registerNetdev(hostB, veth, DEFAULTS, b);
  let dev: Netdev;
  try {
    dev = registerNetdev(hostA, veth, DEFAULTS, a);
  } catch (error) {
    unregisterNetdev(peer);
    throw error;
  }
  const ends: [VethEnd, VethEnd] = [new VethEnd(dev), new VethEnd(peer)];
  ends[0].other = ends[1];
  ends[1].other = ends[0];
  dev.priv = ends[0];
  peer.priv = ends[1];
  for (const d of [dev, peer]) {
    d.tso = true;
    d.txChecksumOffload = true;
  }
  return [dev, peer];
}
