/**
 * Copies from the memory of user space, which may sleep, and looks at its mappings. No task of a simulated host has any.
 * @source kernel/bpf/helpers.c bpf_copy_from_user, bpf_copy_from_user_task; kernel/bpf/task_iter.c bpf_find_vma. Costs: estimates
 */
import type { BpfEnv } from "../env.ts";
import type { HelperDef } from "../helper.ts";
import { EFAULT, EINVAL, ENOENT } from "../maps/errno.ts";

const plain = { gplOnly: false, progKinds: null, mapKinds: null, changesPacket: false, ret: "int" } as const;

function unreadable(env: BpfEnv, to: number, size: number): number {
  env.machine.arena.u8.fill(0, to, to + (size >>> 0));
  return size === 0 ? 0 : -EFAULT;
}

/** `bpf_copy_from_user`. */
export const copyFromUser: HelperDef = {
  ...plain,
  id: 148,
  name: "copy_from_user",
  since: "5.10",
  args: ["mem_out", "size0", "u64"],
  costNs: 20,
  call: unreadable,
};

/** `bpf_copy_from_user_task`. */
export const copyFromUserTask: HelperDef = {
  ...plain,
  id: 191,
  name: "copy_from_user_task",
  since: "5.18",
  args: ["mem_out", "size0", "u64", "obj", "u64"],
  gplOnly: true,
  costNs: 20,
  call(env: BpfEnv, to: number, size: number, _ptr: number, _hi: number, _task: number, ...flags: number[]): number {
    return flags[0] !== 0 || flags[1] !== 0 ? -EINVAL : unreadable(env, to, size);
  },
};

/** `bpf_find_vma`. */
export const findVma: HelperDef = {
  ...plain,
  id: 180,
  name: "find_vma",
  since: "5.17",
  args: ["obj", "u64", "func", "any", "u64"],
  costNs: 10,
  call(_env: BpfEnv, _task: number, _lo: number, _hi: number, _fn: number, _ctx: number, ...flags: number[]): number {
    return flags[0] !== 0 || flags[1] !== 0 ? -EINVAL : -ENOENT;
  },
};
