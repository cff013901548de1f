/**
 * Runs one XDP program on one packet.
 *
 * xdp-context.ts has the layout of the context. Helpers in JavaScript keep packet and context in step; what helpers' code in
 * WebAssembly moves is taken over from the context when somebody asks (NetEnv.skb), after the run at the latest.
 */
import type { Program } from "../../bpf/program.ts";
import type { Netdev, VerdictCounts } from "../netdev.ts";
import type { Skb } from "../skb.ts";
import type { Cpu } from "../softirq.ts";
import { XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_REDIRECT, XDP_TX } from "./actions.ts";
import { cpuXdp } from "./cpu-xdp.ts";
import { packetToXdp } from "./xdp-context.ts";

/**
 * Runs the program with skb.data at the MAC header.
 * @param dev the device the packet came in by
 * @param rxQueue index of its receive queue
 * @param egressIfindex where it goes, for devmap programs; else 0
 * @returns what the program answered, any 32-bit number
 * @throws VerifierError when an access check fails
 */
export function runXdp(prog: Program, skb: Skb, dev: Netdev, cpu: Cpu, rxQueue: number, egressIfindex: number): number {
  const kernel = dev.host.kernel;
  const env = kernel.env;
  const machine = kernel.machine;
  const x = cpuXdp(cpu);
  const ctx = x.context();
  const u32 = kernel.arena.u32;
  const w = ctx >>> 2;
  packetToXdp(u32, ctx, skb);
  u32[w + 3] = dev.ifindex;
  u32[w + 4] = rxQueue;
  u32[w + 5] = egressIfindex;

  const depth = x.depth;
  const host = env.host;
  const current = env.currentCpu;
  const outerSkb = env.skb;
  const outerCtx = env.ctx;
  const outerDev = env.dev;
  env.host = dev.host;
  env.currentCpu = cpu;
  env.skb = skb;
  env.ctx = ctx;
  env.dev = dev;
  env.redirect.kind = 0;
  x.depth = depth + 1;
  machine.setCpu(cpu.index);
  const before = machine.cost16;
  const act = prog.run(ctx);
  env.settlePacket();
  cpu.charge16((machine.cost16 - before) >>> 0);
  x.depth = depth;
  if (outerCtx !== 0) {
    env.host = host;
    env.currentCpu = current;
    env.skb = outerSkb;
    env.dev = outerDev;
    machine.setCpu(current.index);
  }
  env.ctx = outerCtx;
  return act;
}

/** Counts an answer for the report. */
export function countVerdict(v: VerdictCounts, act: number): void {
  if (act === XDP_PASS) v.pass++;
  else if (act === XDP_DROP) v.drop++;
  else if (act === XDP_TX) v.tx++;
  else if (act === XDP_REDIRECT) v.redirect++;
  else if (act === XDP_ABORTED) v.aborted++;
  else v.invalid++;
}
