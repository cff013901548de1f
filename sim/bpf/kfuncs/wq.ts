/**
 * Work queues: callbacks that run soon, outside of the packet's path. A simulated host has no kernel threads: the work runs on the CPU
 * that started it, at the same instant but after what that CPU is doing.
 * @source kernel/bpf/helpers.c bpf_wq_init, bpf_wq_set_callback_impl, bpf_wq_start. Costs: estimates
 */
import type { BpfEnv } from "../env.ts";
import type { KfuncDef } from "../helper.ts";
import { EINVAL } from "../maps/errno.ts";

const plain = {
  since: "6.10",
  ret: "int",
  gplOnly: false,
  progKinds: null,
  mapKinds: null,
  changesPacket: false,
  flags: [],
} as const;

/** `bpf_wq_init`. */
export const wqInit: KfuncDef = {
  ...plain,
  name: "bpf_wq_init",
  args: ["map_field", "map", "u32"],
  costNs: 100,
  call: (env: BpfEnv, at: number, map: number, flags: number): number =>
    env.machine.timers.initWork(at, env.machine.mapOfHandle(map), flags),
};

/** `bpf_wq_set_callback_impl`. */
export const wqSetCallback: KfuncDef = {
  ...plain,
  name: "bpf_wq_set_callback_impl",
  args: ["map_field", "func", "u32"],
  costNs: 15,
  call: (env: BpfEnv, at: number, func: number, flags: number): number =>
    flags !== 0 ? -EINVAL : env.machine.timers.setCallback(at, func),
};

/** `bpf_wq_start`. */
export const wqStart: KfuncDef = {
  ...plain,
  name: "bpf_wq_start",
  args: ["map_field", "u32"],
  costNs: 60,
  call: (env: BpfEnv, at: number, flags: number): number =>
    flags !== 0 ? -EINVAL : env.machine.timers.start(at, 0, 0, 0, 0),
};
