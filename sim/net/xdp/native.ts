/**
 * Native XDP: what a driver calls for each received frame, before an skb is built.
 *
 * @source the drivers' receive loops, e.g. drivers/net/veth.c veth_xdp_rcv_one; net/core/filter.c bpf_warn_invalid_xdp_action
 */
import { COST_NS } from "../cost.ts";
import { NETSIM_REASON } from "../drop-reason.ts";
import type { Netdev, XdpAttachment } from "../netdev.ts";
import type { Skb } from "../skb.ts";
import type { Cpu } from "../softirq.ts";
import { XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_REDIRECT, XDP_TX } from "./actions.ts";
import { xdpDoRedirect } from "./redirect.ts";
import { countVerdict, runXdp } from "./run-xdp.ts";

/** The redirect failed and the frame was freed; drivers count it apart from drops by verdict. */
const NATIVE_REDIRECT_FAILED = 5;

/**
 * Runs the native program; skb.data at the MAC header.
 * @returns what is left for the driver to do: XDP_PASS: build the skb; XDP_TX: send it back (the skb is the driver's);
 *          XDP_REDIRECT: count, and flush at the end of the poll; XDP_DROP: count, the frame was freed (aborted and invalid, too);
 *          NATIVE_REDIRECT_FAILED: count, the frame was freed
 */
export function runNativeXdp(xdp: XdpAttachment, skb: Skb, dev: Netdev, cpu: Cpu, rxQueue: number): number {
  const kernel = dev.host.kernel;
  const tp = kernel.tp;
  const act = runXdp(xdp.prog, skb, dev, cpu, rxQueue, 0);
  countVerdict(xdp.verdicts, act);
  if (tp.xdpRun.on) tp.xdpRun.fire(skb, dev, act, xdp.prog.id);
  if (act === XDP_PASS) return XDP_PASS;
  if (act === XDP_REDIRECT) {
    cpu.charge(COST_NS.xdpRedirect);
    if (xdpDoRedirect(skb, dev, cpu, xdp.prog) === 0) return XDP_REDIRECT;
    kernel.kfreeSkb(skb, dev, NETSIM_REASON.XDP_REDIRECT_ERROR);
    return NATIVE_REDIRECT_FAILED;
  }
  if (act === XDP_TX) {
    cpu.charge(COST_NS.xdpTx);
    return XDP_TX;
  }
  if (act === XDP_DROP) {
    kernel.kfreeSkb(skb, dev, NETSIM_REASON.XDP_DROP);
    return XDP_DROP;
  }
  if (tp.xdpException.on) tp.xdpException.fire(skb, dev, act, xdp.prog.id);
  kernel.kfreeSkb(skb, dev, act === XDP_ABORTED ? NETSIM_REASON.XDP_ABORTED : NETSIM_REASON.XDP_INVALID_ACTION);
  return XDP_DROP;
}
