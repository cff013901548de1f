/**
 * Sends a packet of generic XDP straight into the driver, past qdisc and taps, as native XDP would.
 *
 * @source net/core/dev.c generic_xdp_tx
 */
import type { Program } from "../../bpf/program.ts";
import { SKB_DROP_REASON } from "../drop-reason.ts";
import { NETDEV_TX_BUSY, type Netdev } from "../netdev.ts";
import type { Skb } from "../skb.ts";
import { XDP_TX } from "./actions.ts";

/** @param dev the device to leave by; skb.data at the MAC header. Takes the packet in any case */
export function genericXdpTx(skb: Skb, dev: Netdev, prog: Program): void {
  const kernel = dev.host.kernel;
  const q = skb.queueMapping > 0 ? (skb.queueMapping - 1) % dev.txQueues.length : 0;
  const txq = dev.txQueues[q]!;
  skb.dev = dev;
  if (!txq.stopped && dev.ops.startXmit(skb, dev, txq) !== NETDEV_TX_BUSY) return;
  if (kernel.tp.xdpException.on) kernel.tp.xdpException.fire(skb, dev, XDP_TX, prog.id);
  dev.stats.txDropped++;
  kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.NOT_SPECIFIED);
}
