/** What every kind of test run does around the program: environment, CPU, return value, packets of its own. */

import { CgroupStorageMap } from "../../bpf/maps/cgroup-storage.ts";
import { type RetvalRange, retvalRange } from "../../bpf/prog-type.ts";
import { progTypeOf } from "../../bpf/prog-types/index.ts";
import type { Program } from "../../bpf/program.ts";
import { VerifierError } from "../../engine/errors.ts";
import type { Host } from "../host.ts";
import type { Netdev } from "../netdev.ts";
import type { Skb } from "../skb.ts";
import type { TestRunRequest } from "./test-run.ts";

/** The device of a run that names none. */
export const LOOPBACK_IFINDEX = 1;

/** A run's surroundings. */
export interface Surroundings {
  /** @returns r0's low 32 bits of the last run, unsigned */
  run(times: number): number;
  /** Puts the former surroundings back. */
  leave(): void;
}

/** Puts a run's surroundings in place. @param ctx address of its context */
export function enter(
  host: Host,
  program: Program,
  request: TestRunRequest,
  skb: Skb,
  dev: Netdev,
  ctx: number,
): Surroundings {
  const { env, machine } = host.kernel;
  const outer = { host: env.host, cpu: env.currentCpu, skb: env.skb, ctx: env.ctx, dev: env.dev, sk: env.sk };
  const cpu = host.cpu();
  const costBefore = machine.cost16;
  env.host = host;
  env.currentCpu = cpu;
  env.skb = skb;
  env.ctx = ctx;
  env.dev = dev;
  env.sk = request.sock ?? null;
  env.cgroupRetval = 0;
  env.optionRoom = request.optionRoom ?? 0;
  env.redirect.reset();
  machine.setCpu(cpu.index);
  const { execute } = request;
  const range = retvalRange(progTypeOf(program.kind), program.attach);
  return {
    run: (times) => {
      let r0 = 0;
      for (let i = 0; i < times; i++) {
        r0 = execute === undefined ? program.run(ctx) : execute(program, ctx);
        if (range !== null) checkRetval(program, r0, range);
      }
      env.settlePacket();
      return r0;
    },
    leave: () => {
      for (const map of program.maps) if (map instanceof CgroupStorageMap) map.endRun();
      cpu.charge(((machine.cost16 - costBefore) >>> 0) / 16);
      env.redirect.reset();
      env.host = outer.host;
      env.currentCpu = outer.cpu;
      env.skb = outer.skb;
      env.ctx = outer.ctx;
      env.dev = outer.dev;
      env.sk = outer.sk;
      if (outer.ctx !== 0) machine.setCpu(outer.cpu.index);
    },
  };
}

/** @throws VerifierError in the words in which the kernel's verifier refuses the program */
function checkRetval(program: Program, r0: number, range: RetvalRange): void {
  const value = r0 | 0;
  if (value >= range.min && value <= range.max) return;
  throw new VerifierError({
    code: "PROGRAM_RETVAL",
    message: `program "${program.spec.name}": At program exit the register R0 has value ${value}, should have been in [${range.min}, ${range.max}]`,
  });
}

/** A packet in a zeroed buffer; null when there is no memory. */
export function freshSkb(host: Host, bytes: number): Skb | null {
  const { kernel } = host;
  const skb = kernel.allocSkb(bytes);
  if (skb !== null) kernel.arena.u8.fill(0, skb.head, skb.head + skb.bufBytes);
  return skb;
}

/** Gives a run's packet back: it was the kernel's own, neither reached anybody nor was lost. */
export function discard(host: Host, skb: Skb): void {
  host.kernel.ledger.handled++;
  host.kernel.pool.release(skb);
}
