/**
 * Runs a program over a socket buffer: sets the environment, fills the context, calls the program, reads the context back and
 * charges the CPU.
 */
import type { Program } from "../../bpf/program.ts";
import type { NetEnv } from "../net-env.ts";
import type { Netdev } from "../netdev.ts";
import type { Skb } from "../skb.ts";
import { TC_ACT_SHOT } from "./act.ts";
import { MAX_RUN_DEPTH } from "./skb-context.ts";

/**
 * Runs a sched_cls or sched_act program. skb.data is at the MAC header on both sides (on Linux bpf_prog_run_clsact pushes it at
 * ingress), skb.dev is the device whose hook it is. The packet may be moved, grown and retyped by helpers.
 * @param wireLen qdisc_skb_cb's pkt_len: the length without the MAC header at ingress, with it at egress
 * @returns r0's low 32 bits, signed
 * @throws VerifierError when an access check fails; the run ends there
 */
export function runSchedCls(prog: Program, skb: Skb, dev: Netdev, wireLen: number): number {
  const env = dev.host.kernel.env;
  const contexts = env.skbContexts;
  const depth = contexts.depth;
  if (depth >= MAX_RUN_DEPTH) return TC_ACT_SHOT;
  const machine = env.machine;
  const host = dev.host;
  const cpu = host.cpu();
  const outerHost = env.host;
  const outerCpu = env.currentCpu;
  const outerSkb = env.skb;
  const outerCtx = env.ctx;
  const outerDev = env.dev;
  const ctx = contexts.at(depth);
  contexts.depth = depth + 1;
  env.host = host;
  env.currentCpu = cpu;
  env.skb = skb;
  env.ctx = ctx;
  env.dev = dev;
  machine.setCpu(cpu.index);
  contexts.fill(ctx, skb, dev, wireLen);
  const costBefore = cpu.ideal ? 0 : machine.cost16;
  const nestedBefore = contexts.nestedCost16;
  const rc = prog.run(ctx) | 0;
  if (!cpu.ideal) {
    // runs inside this one have charged their own part
    const all = (machine.cost16 - costBefore) >>> 0;
    const own = all - (contexts.nestedCost16 - nestedBefore);
    cpu.charge16(own);
    contexts.nestedCost16 = nestedBefore + all;
    if (depth === 0) contexts.nestedCost16 = 0;
  }
  contexts.readBack(ctx, skb);
  contexts.depth = depth;
  env.host = outerHost;
  env.currentCpu = outerCpu;
  env.skb = outerSkb;
  env.ctx = outerCtx;
  env.dev = outerDev;
  if (depth > 0) machine.setCpu(outerCpu.index);
  return rc;
}

/**
 * Runs a socket filter with skb.data where the socket has it (UDP: the UDP header; packet sockets: the MAC header). The five words
 * of cb are zero for the program and the socket's own afterwards (bpf_prog_run_save_cb).
 * @returns how many bytes of the packet to keep, unsigned; 0 drops it
 * @throws VerifierError when an access check fails
 */
export function runSocketFilter(prog: Program, skb: Skb, dev: Netdev): number {
  const cb0 = skb.cb0;
  const cb1 = skb.cb1;
  const cb2 = skb.cb2;
  const cb3 = skb.cb3;
  const cb4 = skb.cb4;
  skb.cb0 = 0;
  skb.cb1 = 0;
  skb.cb2 = 0;
  skb.cb3 = 0;
  skb.cb4 = 0;
  const rc = runSchedCls(prog, skb, dev, skb.len) >>> 0;
  skb.cb0 = cb0;
  skb.cb1 = cb1;
  skb.cb2 = cb2;
  skb.cb3 = cb3;
  skb.cb4 = cb4;
  return rc;
}

/** Brings the packet up to date with what the program has written into its context so far, for helpers that hand the packet on. */
export function syncSkb(env: NetEnv): void {
  env.skbContexts.readBack(env.ctx, env.skb);
}
