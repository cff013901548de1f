/**
 * Timers on simulated time. Callbacks run in softirq, outside of any packet's path.
 * @source kernel/bpf/helpers.c bpf_timer_init and its kin. Costs: estimates (an hrtimer is taken in and out of a tree)
 * @differs a map with timers counts as held by user space for as long as it lives: -EPERM is not answered
 */
import type { BpfEnv } from "../env.ts";
import type { HelperDef } from "../helper.ts";

const plain = {
  gplOnly: true,
  progKinds: null,
  mapKinds: null,
  changesPacket: false,
  since: "5.15",
  ret: "int",
} as const;

/** `bpf_timer_init`: flags are the clock, CLOCK_REALTIME, CLOCK_MONOTONIC or CLOCK_BOOTTIME. */
export const timerInit: HelperDef = {
  ...plain,
  id: 169,
  name: "timer_init",
  args: ["map_field", "map", "u64"],
  costNs: 120,
  call: (env: BpfEnv, at: number, map: number, flags: number, flagsHi: number): number =>
    env.machine.timers.init(at, env.machine.mapOfHandle(map), flags, flagsHi),
};

/** `bpf_timer_set_callback`. */
export const timerSetCallback: HelperDef = {
  ...plain,
  id: 170,
  name: "timer_set_callback",
  args: ["map_field", "func"],
  costNs: 15,
  call: (env: BpfEnv, at: number, func: number): number => env.machine.timers.setCallback(at, func),
};

/** `bpf_timer_start`: BPF_F_TIMER_ABS and BPF_F_TIMER_CPU_PIN; it always runs on the CPU that started it. */
export const timerStart: HelperDef = {
  ...plain,
  id: 171,
  name: "timer_start",
  args: ["map_field", "u64", "u64"],
  costNs: 80,
  call: (env: BpfEnv, at: number, ns: number, nsHi: number, flags: number, flagsHi: number): number =>
    env.machine.timers.start(at, ns, nsHi, flags, flagsHi),
};

/** `bpf_timer_cancel`. */
export const timerCancel: HelperDef = {
  ...plain,
  id: 172,
  name: "timer_cancel",
  args: ["map_field"],
  costNs: 60,
  call: (env: BpfEnv, at: number): number => env.machine.timers.cancel(at),
};
