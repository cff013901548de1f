/**
 * The transmit path of the stack, in Linux's order:
 *
 *     dev_queue_xmit -> tc egress (tcx, then clsact) -> pick queue -> qdisc -> taps -> driver
 *
 * @source net/core/dev.c __dev_queue_xmit, dev_hard_start_xmit; net/sched/sch_generic.c __qdisc_run, sch_direct_xmit
 */
import { COST_NS } from "./cost.ts";
import { NETSIM_REASON, SKB_DROP_REASON } from "./drop-reason.ts";
import type { Netdev, TxQueue } from "./netdev.ts";
import {
  NET_XMIT_CN,
  NET_XMIT_DROP,
  NET_XMIT_MASK,
  NET_XMIT_SUCCESS,
  NETDEV_TX_BUSY,
  TC_HOOK_CONSUMED,
  TC_HOOK_DROPPED,
} from "./netdev.ts";
import { ERRNO } from "./netlink-error.ts";
import type { Qdisc } from "./qdisc.ts";
import { deliverToTaps } from "./receive.ts";
import type { Skb } from "./skb.ts";

/** XMIT_RECURSION_LIMIT: devices stacked on devices. */
const XMIT_RECURSION_LIMIT = 8;
/** net.core.dev_weight: packets of one qdisc run. */
const DEV_TX_WEIGHT = 64;

/**
 * A packet leaves by skb.dev: skb.data at the MAC header, protocol set. Takes the packet in any case.
 * @returns NET_XMIT_* or -errno, as the sender sees it
 */
export function devQueueXmit(skb: Skb): number {
  let dev = skb.dev!;
  const kernel = dev.host.kernel;
  dev.host.cpu().charge(COST_NS.xmit);
  skb.macHeader = skb.data;
  skb.macLen = dev.hardHeaderLen;
  // raw senders have set none (packet_snd does)
  if (skb.networkHeader < 0) skb.networkHeader = skb.data + skb.macLen;

  // tcx_set_ingress
  skb.atIngress = false;
  if (dev.tcEgress !== null) {
    const verdict = dev.tcEgress.run(skb);
    if (verdict === TC_HOOK_DROPPED) return NET_XMIT_DROP;
    if (verdict === TC_HOOK_CONSUMED) return NET_XMIT_SUCCESS;
    dev = skb.dev!;
  }
  skb.redirected = false;

  if (dev.up && !dev.carrier) {
    // no carrier: the device's qdisc is noop (measured on 6.18: tx dropped +1, the sender sees congestion)
    dev.stats.txDropped++;
    kernel.kfreeSkb(skb, dev, NETSIM_REASON.LINK_DOWN);
    return NET_XMIT_CN;
  }
  const txq = pickTxQueue(dev, skb);
  const q = txq.qdisc;
  if (q !== null) {
    if (kernel.tp.netDevQueue.on) kernel.tp.netDevQueue.fire(skb, dev, 0, 0);
    return xmitThroughQdisc(skb, q, txq);
  }
  if (!dev.up) {
    dev.stats.txDropped++;
    kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.DEV_READY);
    return -ERRNO.ENETDOWN;
  }
  if (kernel.xmitRecursion >= XMIT_RECURSION_LIMIT) {
    dev.stats.txDropped++;
    kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.RECURSION_LIMIT);
    return -ERRNO.ENETDOWN;
  }
  kernel.xmitRecursion++;
  const rc = devHardStartXmit(skb, dev, txq);
  kernel.xmitRecursion--;
  if (rc === NETDEV_TX_BUSY) {
    dev.stats.txDropped++;
    kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.DEV_READY);
    return -ERRNO.ENETDOWN;
  }
  return rc;
}

/** Taps, then the driver. @returns what the driver's startXmit does; on NETDEV_TX_BUSY the skb stays with the caller */
function devHardStartXmit(skb: Skb, dev: Netdev, txq: TxQueue): number {
  const host = dev.host;
  const tp = host.kernel.tp;
  if (host.taps.length > 0) deliverToTaps(host.taps, skb, true);
  if (dev.taps.length > 0) deliverToTaps(dev.taps, skb, true);
  if (tp.netDevStartXmit.on) tp.netDevStartXmit.fire(skb, dev, txq.index, 0);
  return dev.ops.startXmit(skb, dev, txq);
}

/**
 * Sends what the queue's qdisc has ready, until it is empty, throttled or the driver is full (__qdisc_run). A qdisc that serves all
 * queues of a device runs once, whichever queue asks, and each packet leaves by its own queue.
 */
export function qdiscRun(txq: TxQueue): void {
  const { dev, qdisc } = txq;
  if (qdisc === null) return;
  const shared = isShared(txq);
  const state = shared ? dev.txQueues[0]! : txq;
  if (state.running) return;
  state.running = true;
  // a queue that has a qdisc of its own is looked at before a packet is taken (TCQ_F_ONETXQUEUE)
  for (let quota = DEV_TX_WEIGHT; shared || !txq.stopped; quota--) {
    let skb = state.requeued;
    if (skb !== null) {
      if (shared && queueOf(skb, dev).stopped) break;
      state.requeued = null;
      qdisc.stats.qlen--;
      qdisc.stats.backlog -= skb.len;
    } else skb = qdisc.dequeue();
    if (skb === null) break;
    const tp = dev.host.kernel.tp;
    if (tp.qdiscDequeue.on) tp.qdiscDequeue.fire(skb, dev, qdisc.handle, 0);
    const out = shared ? queueOf(skb, dev) : txq;
    if (out.stopped || devHardStartXmit(skb, dev, out) === NETDEV_TX_BUSY) {
      requeue(state, skb);
      break;
    }
    if (quota === 1) {
      dev.host.kernel.engine.schedule(dev.host.kernel.engine.nowNs, dev.host.kernel.qdiscRunEvent, txq, 0);
      break;
    }
  }
  state.running = false;
}

/** One qdisc stands before all queues of the device: a root that is not mq. */
function isShared(txq: TxQueue): boolean {
  return txq.dev.txQueues.length > 1 && txq.qdisc === txq.dev.rootQdisc;
}

/** skb_get_tx_queue */
function queueOf(skb: Skb, dev: Netdev): TxQueue {
  return dev.txQueues[(skb.queueMapping > 0 ? skb.queueMapping - 1 : 0) % dev.txQueues.length]!;
}

/** dev_requeue_skb. @param state the queue that keeps it: the qdisc's own, or the first one for a shared qdisc */
function requeue(state: TxQueue, skb: Skb): void {
  const s = state.qdisc!.stats;
  state.requeued = skb;
  s.requeues++;
  s.qlen++;
  s.backlog += skb.len;
}

function xmitThroughQdisc(skb: Skb, q: Qdisc, txq: TxQueue): number {
  const dev = txq.dev;
  if (!dev.up) {
    dev.stats.txDropped++;
    dev.host.kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.DEV_READY);
    return -ERRNO.ENETDOWN;
  }
  const state = isShared(txq) ? dev.txQueues[0]! : txq;
  if (q.canBypass && q.stats.qlen === 0 && !txq.stopped && !state.running) {
    q.countSent(skb.len);
    state.running = true;
    const rc = devHardStartXmit(skb, dev, txq);
    state.running = false;
    if (rc === NETDEV_TX_BUSY) requeue(state, skb);
    return NET_XMIT_SUCCESS;
  }
  const tp = dev.host.kernel.tp;
  if (tp.qdiscEnqueue.on) tp.qdiscEnqueue.fire(skb, dev, q.handle, 0);
  const rc = q.enqueue(skb) & NET_XMIT_MASK;
  qdiscRun(txq);
  return rc;
}

/** netdev_pick_tx: the recorded receive queue, else the flow hash. */
function pickTxQueue(dev: Netdev, skb: Skb): TxQueue {
  const n = dev.txQueues.length;
  if (n === 1) return dev.txQueues[0]!;
  const i = skb.queueMapping > 0 ? (skb.queueMapping - 1) % n : Math.floor(((skb.hash >>> 0) / 4294967296) * n);
  skb.queueMapping = i + 1;
  return dev.txQueues[i]!;
}
