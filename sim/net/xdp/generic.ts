/**
 * Generic XDP: the program runs on an skb in the receive path, before taps and tc.
 *
 * @source net/core/dev.c do_xdp_generic, netif_receive_generic_xdp, bpf_prog_run_generic_xdp
 */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import { ethTypeTrans } from "../eth-type-trans.ts";
import type { Netdev } from "../netdev.ts";
import { HEADROOM, type Skb } from "../skb.ts";
import { XDP_DROP, XDP_PASS, XDP_REDIRECT, XDP_TX } from "./actions.ts";
import { genericXdpTx } from "./generic-tx.ts";
import { xdpDoGenericRedirect } from "./redirect.ts";
import { countVerdict, runXdp } from "./run-xdp.ts";

/**
 * Runs the device's generic program; skb.data at the MAC header.
 * @returns true when the packet goes on, with headers and protocol set anew; false when it was taken
 */
export function doXdpGeneric(skb: Skb, dev: Netdev): boolean {
  const xdp = dev.xdp;
  // what tc redirected here has no generic XDP again
  if (xdp === null || skb.redirected) return true;
  const kernel = dev.host.kernel;
  const tp = kernel.tp;
  skb.metaLen = 0;
  if (!kernel.pool.ensureRoom(skb, HEADROOM, 0)) {
    kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.XDP);
    return false;
  }
  const cpu = dev.host.cpu();
  const queue = skb.queueMapping > 0 ? skb.queueMapping - 1 : 0;
  const act = runXdp(xdp.prog, skb, dev, cpu, queue, 0);
  countVerdict(xdp.verdicts, act);
  if (tp.xdpRun.on) tp.xdpRun.fire(skb, dev, act, xdp.prog.id);
  if (act === XDP_PASS) {
    ethTypeTrans(skb, dev);
    return true;
  }
  if (act === XDP_TX) genericXdpTx(skb, dev, xdp.prog);
  else if (act === XDP_REDIRECT) xdpDoGenericRedirect(skb, dev, cpu, xdp.prog);
  else {
    if (act !== XDP_DROP && tp.xdpException.on) tp.xdpException.fire(skb, dev, act, xdp.prog.id);
    kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.XDP);
  }
  return false;
}
