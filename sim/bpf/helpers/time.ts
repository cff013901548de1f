/**
 * Clocks. A simulated host never sleeps, so the boot clock equals the monotonic one.
 * @source kernel/bpf/helpers.c. Costs: ktime_get_ns from FACTS 4.9 (a VM's clock); coarse and jiffies read a variable, estimated
 */
import type { BpfEnv } from "../env.ts";
import type { HelperDef } from "../helper.ts";
import { progKindsBut } from "../prog-kinds.ts";

const TWO32 = 4294967296;
/** A tick of the coarse clock at CONFIG_HZ 250, ns. */
const TICK_NS = 4_000_000;

const clock = { gplOnly: false, progKinds: null, mapKinds: null, changesPacket: false, args: [], ret: "u64" } as const;

/** Answers a 64-bit number below 2^53 as a helper's result. @returns the low word */
export function returnU64(env: BpfEnv, n: number): number {
  const high = Math.floor(n / TWO32);
  env.machine.setReturnHigh(high);
  // n % TWO32 would be a call of fmod
  return (n - high * TWO32) | 0;
}

/** `bpf_ktime_get_ns`. */
export const ktimeGetNs: HelperDef = {
  ...clock,
  id: 5,
  name: "ktime_get_ns",
  since: "4.1",
  costNs: 36,
  call: (env: BpfEnv): number => returnU64(env, env.ktimeNs()),
};

/** `bpf_ktime_get_boot_ns`. */
export const ktimeGetBootNs: HelperDef = {
  ...clock,
  id: 125,
  name: "ktime_get_boot_ns",
  since: "5.8",
  costNs: 36,
  call: (env: BpfEnv): number => returnU64(env, env.ktimeNs()),
};

/** `bpf_ktime_get_tai_ns`: the simulation begins with the epoch, and no leap second is known. */
export const ktimeGetTaiNs: HelperDef = {
  ...clock,
  id: 208,
  name: "ktime_get_tai_ns",
  since: "6.1",
  costNs: 36,
  call: (env: BpfEnv): number => returnU64(env, env.ktimeNs()),
};

/** `bpf_ktime_get_coarse_ns`: the time of the last tick. */
export const ktimeGetCoarseNs: HelperDef = {
  ...clock,
  id: 160,
  name: "ktime_get_coarse_ns",
  progKinds: progKindsBut("syscall"),
  since: "5.11",
  costNs: 5,
  call(env: BpfEnv): number {
    const now = env.ktimeNs();
    return returnU64(env, now - (now % TICK_NS));
  },
};

/** `bpf_jiffies64`. */
export const jiffies64: HelperDef = {
  ...clock,
  id: 118,
  name: "jiffies64",
  since: "5.6",
  costNs: 1,
  call: (env: BpfEnv): number => returnU64(env, env.jiffies()),
};
