/**
 * The kthread of a cpumap entry: runs the entry's program on each frame that waits, builds the packet and takes it up the stack.
 *
 * @source kernel/bpf/cpumap.c cpu_map_kthread_run, cpu_map_bpf_prog_run_xdp, cpu_map_bpf_prog_run_skb; net/core/xdp.c
 *         __xdp_build_skb_from_frame
 * @differs a step of the CPU's poll list in place of a task that the scheduler picks: it does not wait for other tasks; no GRO
 */
import type { Program } from "../../bpf/program.ts";
import { COST_NS } from "../cost.ts";
import { NETSIM_REASON, SKB_DROP_REASON } from "../drop-reason.ts";
import { ethTypeTrans } from "../eth-type-trans.ts";
import type { Skb } from "../skb.ts";
import type { Cpu, Napi, NapiOps } from "../softirq.ts";
import { XDP_DROP, XDP_PASS, XDP_REDIRECT } from "./actions.ts";
import { xdpDoFlush } from "./bulk-queue.ts";
import { cpuXdp } from "./cpu-xdp.ts";
import type { CpumapQueue } from "./cpumap.ts";
import { xdpDoGenericRedirect, xdpDoRedirect } from "./redirect.ts";
import { runXdp } from "./run-xdp.ts";

/** Packets that the kthread takes before it looks whether there are more. */
const CPUMAP_BATCH = 8;

/** What the kthread does, a frame a poll. */
export const cpumapKthread: NapiOps = {
  poll(napi: Napi): number {
    const queue = napi.priv as CpumapQueue;
    const skb = queue.ring.shift();
    if (skb === null) return -1;
    const dev = skb.dev!;
    // the device may be gone by now
    if (dev.host.devices[dev.ifindex] !== dev) {
      dev.host.kernel.kfreeSkb(skb, dev, NETSIM_REASON.HOST_DOWN);
      return queue.ring.qlen;
    }
    if (++queue.batch === CPUMAP_BATCH || queue.ring.qlen === 0) endBatch(queue, skb);
    const isFrame = skb.macHeader < 0;
    const prog = queue.entry.program;
    if (prog === null || runCpumapProg(prog, skb, napi.cpu, isFrame)) {
      if (isFrame) napi.cpu.charge(COST_NS.skbBuild);
      ethTypeTrans(skb, dev);
      dev.host.kernel.paths.netifReceiveSkb(skb);
    }
    return queue.ring.qlen;
  },

  flush(napi: Napi): void {
    xdpDoFlush(cpuXdp(napi.cpu));
    const { entry, ring } = napi.priv as CpumapQueue;
    if (entry.live || ring.qlen > 0) return;
    // an entry that left its map and has nothing more to do
    const cpumaps = napi.cpu.cpumaps;
    const at = cpumaps.indexOf(napi.priv as CpumapQueue);
    if (at >= 0) cpumaps.splice(at, 1);
    entry.queue = null;
  },
};

/** The kthread has its batch. @param skb the last one of it */
function endBatch(queue: CpumapQueue, skb: Skb): void {
  const dev = skb.dev!;
  const { xdpCpumapKthread } = dev.host.kernel.tp;
  if (xdpCpumapKthread.on) xdpCpumapKthread.fire(skb, dev, queue.batch, queue.slept ? 1 : 0);
  queue.batch = 0;
  queue.slept = queue.ring.qlen === 0;
}

/** @returns true when the packet goes on into the stack; otherwise it was taken */
function runCpumapProg(prog: Program, skb: Skb, cpu: Cpu, isFrame: boolean): boolean {
  const dev = skb.dev!;
  const kernel = dev.host.kernel;
  const tp = kernel.tp;
  const act = runXdp(prog, skb, dev, cpu, 0, 0);
  if (tp.xdpRun.on) tp.xdpRun.fire(skb, dev, act, prog.id);
  if (act === XDP_PASS) return true;
  const reason = isFrame ? NETSIM_REASON.XDP_CPUMAP_DROP : SKB_DROP_REASON.NOT_SPECIFIED;
  if (act === XDP_REDIRECT) {
    if (!isFrame) xdpDoGenericRedirect(skb, dev, cpu, prog);
    else if (xdpDoRedirect(skb, dev, cpu, prog) !== 0) kernel.kfreeSkb(skb, dev, reason);
    return false;
  }
  if (act !== XDP_DROP && tp.xdpException.on) tp.xdpException.fire(skb, dev, act, prog.id);
  kernel.kfreeSkb(skb, dev, reason);
  return false;
}
