/**
 * Strings from the memory of user space, of which no task of a simulated host has any.
 * @source kernel/bpf/helpers.c bpf_copy_from_user_str, bpf_copy_from_user_task_str. Costs: estimates
 */
import type { BpfEnv } from "../env.ts";
import type { KfuncDef } from "../helper.ts";
import { EFAULT, EINVAL } from "../maps/errno.ts";

/** BPF_F_PAD_ZEROS. */
const PAD_ZEROS = 1;

const plain = {
  gplOnly: false,
  progKinds: null,
  mapKinds: null,
  changesPacket: false,
  ret: "int",
  flags: ["SLEEPABLE"],
  costNs: 20,
} as const;

function unreadable(env: BpfEnv, to: number, size: number, flags: number, flagsHi: number): number {
  if ((flags & ~PAD_ZEROS) !== 0 || flagsHi !== 0) return -EINVAL;
  if (size === 0) return 0;
  if (flags === PAD_ZEROS) env.machine.arena.u8.fill(0, to, to + (size >>> 0));
  return -EFAULT;
}

/** `bpf_copy_from_user_str`. */
export const copyFromUserStr: KfuncDef = {
  ...plain,
  name: "bpf_copy_from_user_str",
  since: "6.12",
  args: ["mem_out", "size0", "u64", "u64"],
  call: (env: BpfEnv, to: number, size: number, _ptr: number, _hi: number, flags: number, flagsHi: number): number =>
    unreadable(env, to, size, flags, flagsHi),
};

/** `bpf_copy_from_user_task_str`. */
export const copyFromUserTaskStr: KfuncDef = {
  ...plain,
  name: "bpf_copy_from_user_task_str",
  since: "6.15",
  args: ["mem_out", "size0", "u64", "obj", "u64"],
  call(env: BpfEnv, to: number, size: number, _ptr: number, _hi: number, _task: number, ...flags: number[]): number {
    return unreadable(env, to, size, flags[0]!, flags[1]!);
  },
};
