/**
 * One receive queue of a veth: a ring of 256 that is there while NAPI is on, and the NAPI that empties it.
 *
 * @source drivers/net/veth.c veth_poll, veth_xdp_rcv, veth_xdp_rcv_one, veth_xdp_rcv_skb, veth_xdp_tx, veth_xdp_flush,
 *         veth_xdp_flush_bq, __veth_xdp_flush
 */
import { COST_NS } from "../cost.ts";
import { NETSIM_REASON, SKB_DROP_REASON } from "../drop-reason.ts";
import { ethTypeTrans } from "../eth-type-trans.ts";
import { ETH_HLEN } from "../ether.ts";
import type { Netdev } from "../netdev.ts";
import { netifReceiveSkb } from "../receive.ts";
import { HEADROOM, type Skb, SkbQueue } from "../skb.ts";
import { Napi, type NapiOps } from "../softirq.ts";
import { XDP_DROP, XDP_PASS, XDP_REDIRECT, XDP_TX } from "../xdp/actions.ts";
import { xdpDoFlush } from "../xdp/bulk-queue.ts";
import { cpuXdp } from "../xdp/cpu-xdp.ts";
import { runNativeXdp } from "../xdp/native.ts";
import { skbToFrame } from "../xdp/redirect.ts";

/** VETH_RING_SIZE. */
export const VETH_RING_SIZE = 256;
/** VETH_XDP_TX_BULK_SIZE. */
const VETH_XDP_TX_BULK_SIZE = 16;

/** The counters of a receive queue, as `ethtool -S` names them. */
class VethQueueStats {
  xdpPackets: number = 0;
  xdpBytes: number = 0;
  drops: number = 0;
  xdpRedirect: number = 0;
  xdpDrops: number = 0;
  xdpTx: number = 0;
  xdpTxErrors: number = 0;
  /** ndo_xdp_xmit of the peer into this queue. */
  peerXdpXmit: number = 0;
  peerXdpXmitErrors: number = 0;
}

/** What a queue asks of its pair; veth.ts implements it. */
export interface VethPair {
  /** The other end, null when it was removed. */
  peer(): Netdev | null;
  /** veth_xdp_xmit into the peer's queue for this CPU. @returns how many were taken, or -errno */
  xdpXmit(dev: Netdev, frames: readonly Skb[], n: number, cpuIndex: number, flush: boolean, ndo: boolean): number;
  /** The peer's queue that frames of this CPU go to. */
  peerQueue(cpuIndex: number): VethQueue | null;
}

/** One receive queue of a veth end: its XDP ring, and the NAPI poll that empties it. */
export class VethQueue implements NapiOps {
  readonly dev: Netdev;
  readonly index: number;
  readonly pair: VethPair;
  readonly napi: Napi;
  readonly stats: VethQueueStats = new VethQueueStats();
  /** Frames of ndo_xdp_xmit and skbs of ndo_start_xmit; the former have no MAC header set. */
  readonly ring: SkbQueue = new SkbQueue();
  /** rq->napi: the ring takes packets. */
  napiOn: boolean = false;
  /** rq->xdp_prog is set. */
  hasProg: boolean = false;
  private readonly bulk: Skb[] = [];
  private bulkCount: number = 0;
  private sawTx: boolean = false;

  constructor(dev: Netdev, index: number, pair: VethPair) {
    this.dev = dev;
    this.index = index;
    this.pair = pair;
    this.napi = new Napi(dev.host.cpus[index % dev.host.cpus.length]!, this, null);
  }

  /** Kicks the NAPI (__veth_xdp_flush). */
  kick(): void {
    this.napi.schedule();
  }

  /** napi_disable and ptr_ring_cleanup: what is in the ring is lost. */
  disable(): void {
    this.napiOn = false;
    const kernel = this.dev.host.kernel;
    for (let skb = this.ring.shift(); skb !== null; skb = this.ring.shift()) {
      kernel.kfreeSkb(skb, this.dev, NETSIM_REASON.LINK_DOWN);
    }
  }

  poll(): number {
    const skb = this.ring.shift();
    if (skb === null) return -1;
    const dev = this.dev;
    const isFrame = skb.macHeader < 0;
    // an skb's MAC header was pulled when the peer handed it over
    const len = isFrame ? skb.len : skb.len - ETH_HLEN;
    this.stats.xdpPackets++;
    this.stats.xdpBytes += len;
    dev.stats.rxPackets++;
    dev.stats.rxBytes += len;
    const peer = this.pair.peer();
    if (peer !== null) {
      peer.stats.txPackets++;
      peer.stats.txBytes += len;
    }
    if (!this.hasProg || this.runProg(skb, isFrame)) {
      if (isFrame || this.hasProg) ethTypeTrans(skb, dev);
      if (isFrame) this.napi.cpu.charge(COST_NS.skbBuild);
      netifReceiveSkb(skb);
    }
    return this.ring.qlen;
  }

  /** @returns true when the packet goes on into the stack */
  private runProg(skb: Skb, isFrame: boolean): boolean {
    const dev = this.dev;
    const kernel = dev.host.kernel;
    if (!isFrame) {
      skb.metaLen = 0;
      if (!kernel.pool.ensureRoom(skb, HEADROOM, 0)) {
        this.countDrop();
        kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.NOMEM);
        return false;
      }
    }
    const act = runNativeXdp(dev.xdp!, skb, dev, this.napi.cpu, this.index);
    if (act === XDP_PASS) return true;
    if (act === XDP_TX) this.queueTx(skb);
    else if (act === XDP_REDIRECT) this.stats.xdpRedirect++;
    else if (act === XDP_DROP) this.stats.xdpDrops++;
    else this.countDrop();
    return false;
  }

  private countDrop(): void {
    this.stats.drops++;
    this.dev.stats.rxDropped++;
  }

  private queueTx(skb: Skb): void {
    skbToFrame(skb);
    if (this.bulkCount === VETH_XDP_TX_BULK_SIZE) this.flushBulk();
    this.bulk[this.bulkCount++] = skb;
    this.sawTx = true;
  }

  private flushBulk(): void {
    const n = this.bulkCount;
    this.bulkCount = 0;
    const dev = this.dev;
    const sent = this.pair.xdpXmit(dev, this.bulk, n, this.napi.cpu.index, false, false);
    const taken = Math.max(sent, 0);
    for (let i = taken; i < n; i++) dev.host.kernel.kfreeSkb(this.bulk[i]!, dev, NETSIM_REASON.XDP_TX_ERROR);
    const errors = n - taken;
    this.stats.xdpTx += taken;
    this.stats.xdpTxErrors += errors;
    dev.stats.txDropped += errors;
    const peer = this.pair.peer();
    if (peer !== null) peer.stats.rxDropped += errors;
  }

  flush(): void {
    xdpDoFlush(cpuXdp(this.napi.cpu));
    if (this.sawTx) {
      this.sawTx = false;
      this.flushBulk();
      const rq = this.pair.peerQueue(this.napi.cpu.index);
      // the peer's program is tested, not its NAPI: with GRO alone the frames stay in its ring
      if (rq?.hasProg) rq.kick();
    }
    const txq = this.pair.peer()?.txQueues[this.index];
    if (txq?.stopped) {
      txq.stopped = false;
      this.dev.host.kernel.paths.qdiscRun(txq);
    }
  }
}
