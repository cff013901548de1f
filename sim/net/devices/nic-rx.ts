/**
 * One receive queue of a NIC: a ring of finite size, its interrupt, and the NAPI that empties it on the queue's own CPU.
 *
 * @source the drivers' NAPI poll, e.g. drivers/net/ethernet/intel/ixgbe/ixgbe_main.c ixgbe_clean_rx_irq
 * @differs a frame keeps its buffer across the wire: headroom is at least XDP_PACKET_HEADROOM, and more after a header was taken off
 */
import { COST_NS } from "../cost.ts";
import { NETSIM_REASON, SKB_DROP_REASON } from "../drop-reason.ts";
import { ethTypeTrans } from "../eth-type-trans.ts";
import type { Netdev } from "../netdev.ts";
import { netifReceiveSkb } from "../receive.ts";
import { HEADROOM, type Skb, SkbQueue } from "../skb.ts";
import { Napi, type NapiOps } from "../softirq.ts";
import { XDP_DROP, XDP_PASS, XDP_REDIRECT, XDP_TX } from "../xdp/actions.ts";
import { xdpDoFlush } from "../xdp/bulk-queue.ts";
import { cpuXdp } from "../xdp/cpu-xdp.ts";
import { runNativeXdp } from "../xdp/native.ts";
import { rssHash, rssType } from "./rss.ts";

/** The counters of a receive queue. */
class NicRxStats {
  packets: number = 0;
  bytes: number = 0;
  /** The ring had no free descriptor. */
  outOfBuffer: number = 0;
  polls: number = 0;
  xdpDrop: number = 0;
  xdpRedirect: number = 0;
  xdpTx: number = 0;
  xdpTxFull: number = 0;
  /** Redirects that failed. */
  xdpErr: number = 0;
}

/** Sends XDP_TX frames; nic.ts implements it. */
export interface NicXdpTx {
  /** Takes the frame unless it answers false (the ring is full). */
  xdpTx(dev: Netdev, skb: Skb): boolean;
}

/** One receive queue of a NIC: its ring, and the NAPI poll that empties it. */
export class NicRxQueue implements NapiOps {
  readonly dev: Netdev;
  readonly index: number;
  readonly napi: Napi;
  readonly stats: NicRxStats = new NicRxStats();
  readonly ring: SkbQueue = new SkbQueue();
  /** Descriptors. */
  ringSize: number;
  /** Of the frame on which a program runs that is bound to the device: hash and enum xdp_rss_hash_type, as it came. */
  rxHash: number = 0;
  rxHashType: number = 0;
  private readonly tx: NicXdpTx;

  constructor(dev: Netdev, index: number, ringSize: number, tx: NicXdpTx) {
    this.dev = dev;
    this.index = index;
    this.ringSize = ringSize;
    this.tx = tx;
    this.napi = new Napi(dev.host.cpus[index % dev.host.cpus.length]!, this, null);
  }

  /** A frame arrives from the wire: into the ring, and an interrupt when the poll is not under way. */
  receive(skb: Skb): void {
    if (this.ring.qlen >= this.ringSize) {
      this.stats.outOfBuffer++;
      this.dev.stats.rxMissed++;
      this.dev.host.kernel.kfreeSkb(skb, this.dev, NETSIM_REASON.RX_RING_FULL);
      return;
    }
    this.ring.push(skb);
    const napi = this.napi;
    if (!napi.scheduled) napi.schedule();
  }

  /** The device goes down: what waits is lost. */
  purge(reason: number): void {
    for (let skb = this.ring.shift(); skb !== null; skb = this.ring.shift()) {
      this.dev.host.kernel.kfreeSkb(skb, this.dev, reason);
    }
  }

  poll(): number {
    const skb = this.ring.shift();
    if (skb === null) return -1;
    const dev = this.dev;
    const cpu = this.napi.cpu;
    cpu.charge(COST_NS.driverRx);
    this.stats.packets++;
    this.stats.bytes += skb.len;
    dev.stats.rxPackets++;
    dev.stats.rxBytes += skb.len;
    const xdp = dev.xdp;
    if (xdp === null || xdp.mode !== "xdp" || this.runProg(skb)) {
      cpu.charge(COST_NS.skbBuild);
      if (dev.napis.length > 1) skb.queueMapping = this.index + 1;
      ethTypeTrans(skb, dev);
      netifReceiveSkb(skb);
    }
    return this.ring.qlen;
  }

  /** @returns true when the packet goes on into the stack */
  private runProg(skb: Skb): boolean {
    const dev = this.dev;
    const kernel = dev.host.kernel;
    if (skb.headroom() < HEADROOM && !kernel.pool.ensureRoom(skb, HEADROOM, 0)) {
      kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.NOMEM);
      return false;
    }
    if (dev.xdp!.prog.device !== null) {
      this.rxHash = rssHash(kernel.arena.u8, skb.data, skb.len);
      this.rxHashType = rssType(kernel.arena.u8, skb.data, skb.len);
    }
    const act = runNativeXdp(dev.xdp!, skb, dev, this.napi.cpu, this.index);
    if (act === XDP_PASS) return true;
    const s = this.stats;
    if (act === XDP_REDIRECT) s.xdpRedirect++;
    else if (act === XDP_DROP) s.xdpDrop++;
    else if (act === XDP_TX) {
      if (this.tx.xdpTx(dev, skb)) s.xdpTx++;
      else {
        s.xdpTxFull++;
        kernel.kfreeSkb(skb, dev, NETSIM_REASON.XDP_TX_ERROR);
      }
    } else s.xdpErr++;
    return false;
  }

  flush(): void {
    this.stats.polls++;
    xdpDoFlush(cpuXdp(this.napi.cpu));
  }
}
