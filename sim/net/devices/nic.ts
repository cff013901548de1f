/**
 * netsim's physical NIC: receive queues with rings of finite size, RSS, one NAPI per queue, native XDP with transmit rings of its own,
 * and a wire to the NIC at the other end of the cable.
 *
 * Counter names in `ethtool -S` are mlx5's where it has one.
 *
 * @differs every frame on the wire is received, as in promiscuous mode; the stack drops what is for others (OTHERHOST)
 */

import { ENODATA } from "../../bpf/maps/errno.ts";
import type { Program } from "../../bpf/program.ts";
import { BugError } from "../../engine/errors.ts";
import { NETSIM_REASON, SKB_DROP_REASON } from "../drop-reason.ts";
import { VLAN_HLEN } from "../ether.ts";
import type { Host } from "../host.ts";
import { skbChecksumHelp } from "../ip/skb-csum.ts";
import { Wire, type WireSink } from "../link/wire.ts";
import { NET_XMIT_DROP, NETDEV_TX_BUSY, NETDEV_TX_OK, type Netdev, type NetdevOps, type TxQueue } from "../netdev.ts";
import { ERRNO } from "../netlink-error.ts";
import { CHECKSUM_PARTIAL, type Skb } from "../skb.ts";
import { skbToFrame } from "../xdp/redirect.ts";
import { type DeviceOptions, registerNetdev, setCarrier } from "./device.ts";
import { NicRxQueue, type NicXdpTx } from "./nic-rx.ts";
import { DescRing, stopUntil } from "./nic-tx.ts";
import { RSS_TABLE_SIZE, rssHash } from "./rss.ts";

/** Descriptors of a ring when nothing else is said. */
const DEFAULT_RING = 512;
const MAX_MTU = 9978;
/** A frame of a non-frags program must fit a page with headroom and skb_shared_info; what mlx5 allows. */
const XDP_MAX_MTU = 3498;

/** What may be said about a new NIC. */
export interface NicOptions extends DeviceOptions {
  /** Receive descriptors of each queue; 512 by default. */
  readonly rxRing?: number;
  /** Transmit descriptors of each queue; 512 by default. */
  readonly txRing?: number;
}

class Nic implements WireSink, NicXdpTx {
  readonly dev: Netdev;
  readonly queues: NicRxQueue[] = [];
  readonly txRings: DescRing[] = [];
  readonly xdpRing: DescRing;
  readonly rssTable: Uint8Array = new Uint8Array(RSS_TABLE_SIZE);
  /** Towards the other end; null while no cable is plugged in. */
  wire: Wire | null = null;
  far: Nic | null = null;
  rxOversize: number = 0;
  txXdpXmit: number = 0;
  txXdpFull: number = 0;

  constructor(dev: Netdev, rxRing: number, txRing: number) {
    this.dev = dev;
    for (let i = 0; i < dev.rxQueueCount; i++) {
      const rq = new NicRxQueue(dev, i, rxRing, this);
      this.queues.push(rq);
      dev.napis.push(rq.napi);
    }
    for (let i = 0; i < RSS_TABLE_SIZE; i++) this.rssTable[i] = i % this.queues.length;
    for (let i = 0; i < dev.txQueues.length; i++) this.txRings.push(new DescRing(txRing));
    this.xdpRing = new DescRing(txRing);
  }

  onFrame(skb: Skb): void {
    const dev = this.dev;
    const kernel = dev.host.kernel;
    if (!dev.up) {
      kernel.kfreeSkb(skb, dev, dev.host.alive ? NETSIM_REASON.LINK_DOWN : NETSIM_REASON.HOST_DOWN);
      return;
    }
    if (skb.len > dev.mtu + dev.hardHeaderLen + VLAN_HLEN) {
      this.rxOversize++;
      dev.stats.rxErrors++;
      kernel.kfreeSkb(skb, dev, NETSIM_REASON.LINK_MTU);
      return;
    }
    skb.dev = dev;
    let q = 0;
    if (this.queues.length > 1) {
      const hash = rssHash(kernel.arena.u8, skb.data, skb.len);
      skb.hash = hash;
      q = this.rssTable[hash & (RSS_TABLE_SIZE - 1)]!;
    }
    this.queues[q]!.receive(skb);
  }

  xdpTx(dev: Netdev, skb: Skb): boolean {
    const wire = this.wire;
    if (wire === null || !dev.carrier) return false;
    if (wire.params.rateBps !== 0 && !this.xdpRing.free(nowOf(dev))) return false;
    skbToFrame(skb);
    this.sendFrame(skb, dev, wire);
    return true;
  }

  sendFrame(skb: Skb, dev: Netdev, wire: Wire): void {
    dev.stats.txPackets++;
    dev.stats.txBytes += skb.len;
    skb.metaLen = 0;
    const departs = wire.transmit(skb);
    if (wire.params.rateBps !== 0) this.xdpRing.use(departs);
  }

  /** Carrier is there when both ends are up and the wires are. */
  showCarrier(): void {
    const far = this.far;
    const on = far !== null && this.dev.up && far.dev.up && this.wire!.up && far.wire!.up;
    if (!on) {
      this.clearTx();
      far?.clearTx();
    }
    setCarrier(this.dev, on);
    if (far !== null) setCarrier(far.dev, on);
  }

  /** The card forgets its transmit descriptors. */
  private clearTx(): void {
    for (const ring of this.txRings) ring.clear();
    this.xdpRing.clear();
  }
}

function nowOf(dev: Netdev): number {
  const cpu = dev.host.kernel.currentCpu;
  return cpu === null ? dev.host.kernel.engine.nowNs : cpu.nowNs();
}

function nicOf(dev: Netdev): Nic {
  return dev.priv as Nic;
}

function startXmit(skb: Skb, dev: Netdev, txq: TxQueue): number {
  const nic = nicOf(dev);
  const kernel = dev.host.kernel;
  const wire = nic.wire;
  if (wire === null || !dev.carrier) {
    dev.stats.txDropped++;
    kernel.kfreeSkb(skb, dev, NETSIM_REASON.LINK_DOWN);
    return NET_XMIT_DROP;
  }
  const shaped = wire.params.rateBps !== 0;
  const ring = nic.txRings[txq.index]!;
  if (shaped && !ring.free(nowOf(dev))) return NETDEV_TX_BUSY;
  if (skb.ipSummed === CHECKSUM_PARTIAL && skb.csumStart >= 0) skbChecksumHelp(kernel, skb);
  if (skb.vlanPresent && !insertVlanTag(skb, dev)) {
    dev.stats.txDropped++;
    kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.NOMEM);
    return NET_XMIT_DROP;
  }
  dev.stats.txPackets++;
  dev.stats.txBytes += skb.len;
  skbToFrame(skb);
  skb.metaLen = 0;
  const departs = wire.transmit(skb);
  if (shaped) {
    ring.use(departs);
    const full = wire.serialisationNs(dev.mtu + dev.hardHeaderLen);
    if (wire.busyUntilNs - nowOf(dev) >= 2 * full) stopUntil(txq, wire.busyUntilNs - full);
  }
  return NETDEV_TX_OK;
}

/** NETIF_F_HW_VLAN_CTAG_TX: the card puts the tag into the frame. @returns false when memory is used up */
function insertVlanTag(skb: Skb, dev: Netdev): boolean {
  const kernel = dev.host.kernel;
  if (!kernel.pool.ensureRoom(skb, VLAN_HLEN, 0)) return false;
  const u8 = kernel.arena.u8;
  const d = skb.data - VLAN_HLEN;
  u8.copyWithin(d, d + VLAN_HLEN, d + VLAN_HLEN + 12);
  u8[d + 12] = skb.vlanProto >>> 8;
  u8[d + 13] = skb.vlanProto & 255;
  u8[d + 14] = skb.vlanTci >>> 8;
  u8[d + 15] = skb.vlanTci & 255;
  skb.push(VLAN_HLEN);
  skb.vlanPresent = false;
  return true;
}

/** The record of the kind. */
export const nic: NetdevOps = {
  kind: "nic",
  noQueue: false,
  nativeXdp: true,
  xdpMetadata: {
    // no timestamps are asked of the card, and it leaves VLAN tags where they are
    rxTimestamp: () => -ENODATA,
    rxHash(dev: Netdev, _skb: Skb, rxQueue: number, hashAt: number, typeAt: number): number {
      const { dv } = dev.host.kernel.arena;
      const { rxHash, rxHashType } = nicOf(dev).queues[rxQueue]!;
      dv.setUint32(hashAt, rxHash, true);
      dv.setUint32(typeAt, rxHashType, true);
      return 0;
    },
    rxVlanTag: () => -ENODATA,
  },
  open(dev: Netdev): void {
    nicOf(dev).showCarrier();
  },
  stop(dev: Netdev): void {
    const n = nicOf(dev);
    n.showCarrier();
    for (const rq of n.queues) rq.purge(dev.host.alive ? NETSIM_REASON.LINK_DOWN : NETSIM_REASON.HOST_DOWN);
  },
  startXmit,
  xdpXmit(dev: Netdev, frames: readonly Skb[], n: number): number {
    const card = nicOf(dev);
    const wire = card.wire;
    if (wire === null || !dev.up || !dev.carrier) return -ERRNO.ENETDOWN;
    const shaped = wire.params.rateBps !== 0;
    for (let i = 0; i < n; i++) {
      if (shaped && !card.xdpRing.free(nowOf(dev))) {
        card.txXdpFull += n - i;
        card.txXdpXmit += i;
        return i;
      }
      card.sendFrame(frames[i]!, dev, wire);
    }
    card.txXdpXmit += n;
    return n;
  },
  xdpSet(dev: Netdev, prog: Program | null, frags: boolean): string | null {
    if (prog !== null && !frags && dev.mtu > XDP_MAX_MTU) return "MTU is too large to set XDP";
    dev.maxMtu = prog !== null && !frags ? XDP_MAX_MTU : MAX_MTU;
    return null;
  },
  destroy(dev: Netdev): void {
    const n = nicOf(dev);
    const far = n.far;
    n.wire?.setUp(false);
    n.wire = null;
    n.far = null;
    if (far === null) return;
    far.wire?.setUp(false);
    far.wire = null;
    far.far = null;
    far.showCarrier();
  },
  peer(dev: Netdev): Netdev | null {
    return nicOf(dev).far?.dev ?? null;
  },
  ethtoolStats(dev: Netdev): readonly (readonly [string, number])[] {
    const n = nicOf(dev);
    const s = n.queues.map((q) => q.stats);
    const sum = (f: (x: (typeof s)[number]) => number): number => s.reduce((t, x) => t + f(x), 0);
    const rows: [string, number][] = [
      ["rx_packets", dev.stats.rxPackets],
      ["rx_bytes", dev.stats.rxBytes],
      ["tx_packets", dev.stats.txPackets],
      ["tx_bytes", dev.stats.txBytes],
      ["rx_xdp_drop", sum((x) => x.xdpDrop)],
      ["rx_xdp_redirect", sum((x) => x.xdpRedirect)],
      ["rx_xdp_tx_xmit", sum((x) => x.xdpTx)],
      ["rx_xdp_tx_full", sum((x) => x.xdpTxFull)],
      ["rx_xdp_tx_err", sum((x) => x.xdpErr)],
      ["tx_xdp_xmit", n.txXdpXmit],
      ["tx_xdp_full", n.txXdpFull],
      ["rx_out_of_buffer", sum((x) => x.outOfBuffer)],
      ["rx_oversize_pkts_phy", n.rxOversize],
    ];
    s.forEach((x, i) => {
      rows.push([`ch${i}_poll`, x.polls], [`rx${i}_packets`, x.packets], [`rx${i}_bytes`, x.bytes]);
    });
    return rows;
  },
};

/** A NIC without a cable. @throws NetlinkError as registerNetdev */
export function createNic(host: Host, o: NicOptions): Netdev {
  const dev = registerNetdev(host, nic, { carrier: false, maxMtu: MAX_MTU }, o);
  dev.priv = new Nic(dev, o.rxRing ?? DEFAULT_RING, o.txRing ?? DEFAULT_RING);
  dev.xdpRedirectTarget = true;
  dev.txChecksumOffload = true;
  return dev;
}

/** Both directions of a cable; the first wire goes from a to b. */
export interface NicLink {
  readonly a: Netdev;
  readonly b: Netdev;
  readonly wires: readonly [Wire, Wire];
}

/** Plugs a cable in between two NICs that have none. Its wires are plain until configured. */
export function connectNics(a: Netdev, b: Netdev): NicLink {
  const x = nicOf(a);
  const y = nicOf(b);
  if (a.ops !== nic || b.ops !== nic || x.wire !== null || y.wire !== null || a === b) {
    throw new BugError("NIC_CABLE", `${a.label} and ${b.label} cannot be connected`);
  }
  const kernel = a.host.kernel;
  x.wire = new Wire(kernel, `${a.label}->${b.label}`, a, y);
  y.wire = new Wire(kernel, `${b.label}->${a.label}`, b, x);
  x.far = y;
  y.far = x;
  x.showCarrier();
  return { a, b, wires: [x.wire, y.wire] };
}

/** Cuts or mends both directions of a cable: carrier goes and comes, frames under way are lost. */
export function setLinkUp(link: NicLink, up: boolean): void {
  for (const wire of link.wires) wire.setUp(up);
  nicOf(link.a).showCarrier();
}
