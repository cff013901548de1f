/**
 * Reading any address of the kernel or of user space into a dynptr.
 * @source kernel/trace/bpf_trace.c __bpf_dynptr_copy, __bpf_dynptr_copy_str. Costs: estimates
 */
import { checkDynptrSpan, isNullDynptr, isReadonlyDynptr } from "../dynptr.ts";
import type { BpfEnv } from "../env.ts";
import type { KfuncDef } from "../helper.ts";
import { readable, readString } from "../helpers/arena-read.ts";
import { writeDynptr } from "../helpers/dynptr.ts";
import { EFAULT, EINVAL, ENOMEM, ERANGE } from "../maps/errno.ts";

const plain = {
  since: "6.16",
  args: ["dynptr", "u32", "u32", "u64"],
  ret: "int",
  gplOnly: false,
  progKinds: null,
  mapKinds: null,
  changesPacket: true,
  flags: [],
  costNs: 25,
} as const;

/** `bpf_probe_read_kernel_dynptr`. */
export const probeReadKernelDynptr: KfuncDef = {
  ...plain,
  name: "bpf_probe_read_kernel_dynptr",
  call(env: BpfEnv, p: number, offset: number, size: number, src: number, srcHi: number): number {
    const { arena } = env.machine;
    const n = size >>> 0;
    const err = refused(env, p, offset >>> 0, n);
    if (err !== 0) return err;
    if (!readable(arena, src, srcHi, n)) return srcHi < 0 ? -EFAULT : -ERANGE;
    return writeDynptr(env, p, offset >>> 0, src >>> 0, n, 0);
  },
};

/** `bpf_probe_read_kernel_str_dynptr`: answers the length with the NUL. */
export const probeReadKernelStrDynptr: KfuncDef = {
  ...plain,
  name: "bpf_probe_read_kernel_str_dynptr",
  call(env: BpfEnv, p: number, offset: number, size: number, src: number, srcHi: number): number {
    const { arena } = env.machine;
    const n = size >>> 0;
    const err = refused(env, p, offset >>> 0, n);
    if (err !== 0) return err;
    if (n === 0) return 0;
    const text = srcHi < 0 ? new Uint8Array(0) : readString(arena, src, srcHi, n - 1);
    if (text === null) return -ERANGE;
    const length = text.length + 1;
    const buffer = arena.alloc(length);
    if (buffer === 0) return -ENOMEM;
    arena.u8.set(text, buffer);
    arena.u8[buffer + text.length] = 0;
    const wrote = writeDynptr(env, p, offset >>> 0, buffer, length, 0);
    arena.free(buffer, length);
    // a fault leaves an empty string
    if (srcHi < 0) return -EFAULT;
    return wrote !== 0 ? wrote : length;
  },
};

function fromUser(env: BpfEnv, p: number, offset: number, size: number): number {
  const err = refused(env, p, offset >>> 0, size >>> 0);
  return err !== 0 ? err : -EFAULT;
}

/** `bpf_probe_read_user_dynptr`: softirqs of a simulated host have no user space. */
export const probeReadUserDynptr: KfuncDef = { ...plain, name: "bpf_probe_read_user_dynptr", call: fromUser };

/** `bpf_probe_read_user_str_dynptr`. */
export const probeReadUserStrDynptr: KfuncDef = { ...plain, name: "bpf_probe_read_user_str_dynptr", call: fromUser };

const sleeping = { ...plain, flags: ["SLEEPABLE"] } as const;

/** `bpf_copy_from_user_dynptr`: the one that may sleep. */
export const copyFromUserDynptr: KfuncDef = { ...sleeping, name: "bpf_copy_from_user_dynptr", call: fromUser };

/** `bpf_copy_from_user_str_dynptr`. */
export const copyFromUserStrDynptr: KfuncDef = {
  ...sleeping,
  name: "bpf_copy_from_user_str_dynptr",
  call: fromUser,
};

/** `bpf_copy_from_user_task_dynptr`. */
export const copyFromUserTaskDynptr: KfuncDef = {
  ...sleeping,
  name: "bpf_copy_from_user_task_dynptr",
  args: ["dynptr", "u32", "u32", "u64", "obj"],
  call: fromUser,
};

/** `bpf_copy_from_user_task_str_dynptr`. */
export const copyFromUserTaskStrDynptr: KfuncDef = {
  ...copyFromUserTaskDynptr,
  name: "bpf_copy_from_user_task_str_dynptr",
};

function refused(env: BpfEnv, p: number, offset: number, n: number): number {
  const { arena } = env.machine;
  if (isNullDynptr(arena, p) || isReadonlyDynptr(arena, p)) return -EINVAL;
  return checkDynptrSpan(arena, p, offset, n);
}
