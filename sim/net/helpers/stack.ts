/**
 * Call stacks. What a simulated kernel runs has no return addresses; a program of type syscall sees as many frames as on Linux, where
 * BPF_PROG_RUN called it, each at an address of its own that leads nowhere.
 * @source kernel/bpf/stackmap.c; kernel/trace/bpf_trace.c bpf_get_stack_raw_tp; the frames as Linux 6.18 showed them. Costs: estimates
 * @differs the stack of a task (bpf_get_task_stack) ends with the program; stacks of user space are empty
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { SLEEPABLE_MAPS_ONLY } from "../../bpf/jit/map-helpers.ts";
import { EFAULT, EINVAL } from "../../bpf/maps/errno.ts";
import { BPF_F_SKIP_FIELD_MASK, PERF_MAX_STACK, StackTraceMap } from "../../bpf/maps/stack-trace.ts";
import { BugError } from "../../engine/errors.ts";
import type { NetEnv } from "../net-env.ts";

const BPF_F_USER_STACK = 1 << 8;
const BPF_F_FAST_STACK_CMP = 1 << 9;
const BPF_F_REUSE_STACKID = 1 << 10;
const BPF_F_USER_BUILD_ID = 1 << 11;
/** Flags of bpf_get_stack and of bpf_get_stackid. */
const STACK_FLAGS = BPF_F_SKIP_FIELD_MASK | BPF_F_USER_STACK | BPF_F_USER_BUILD_ID;
const STACKID_FLAGS = BPF_F_SKIP_FIELD_MASK | BPF_F_USER_STACK | BPF_F_FAST_STACK_CMP | BPF_F_REUSE_STACKID;
/** sizeof(struct bpf_stack_build_id). */
const BUILD_ID_BYTES = 32;
/** What called a program of type syscall, innermost first. */
const SYSCALL_FRAMES: readonly string[] = [
  "bpf_prog",
  "bpf_prog_test_run_syscall",
  "__sys_bpf",
  "__x64_sys_bpf",
  "do_syscall_64",
  "entry_SYSCALL_64_after_hwframe",
];
/** What is found on the stack of the task that runs. */
const TASK_FRAMES: readonly string[] = ["__bpf_get_stack", "__bpf_get_task_stack", "bpf_prog"];
/** Nothing to unwind from. */
const EMPTY: Uint32Array = new Uint32Array(0);

const plain = { progKinds: null, mapKinds: null, changesPacket: false, ret: "int" } as const;

/** Words of a stack's addresses, low before high. */
function framesOf(env: NetEnv, names: readonly string[]): Uint32Array {
  return Uint32Array.from(names.flatMap((name) => [env.structs.symbols.codeAddress(name), 0]));
}

/** Copies a stack out, what is left of the buffer zeroed. @returns bytes of the stack, or -errno with the buffer zeroed */
function copyStack(env: NetEnv, frames: () => Uint32Array | null, to: number, size: number, flags: number): number {
  const { u8, dv } = env.kernel.arena;
  u8.fill(0, to, to + size);
  const withIds = (flags & BPF_F_USER_BUILD_ID) !== 0;
  if ((flags & ~STACK_FLAGS) !== 0 || (withIds && (flags & BPF_F_USER_STACK) === 0)) return -EINVAL;
  const elem = withIds ? BUILD_ID_BYTES : 8;
  if (size % elem !== 0) return -EINVAL;
  const words = frames();
  const skip = flags & BPF_F_SKIP_FIELD_MASK;
  const depth = Math.min(size / elem + skip, PERF_MAX_STACK, (words?.length ?? 0) / 2);
  if (words === null || depth < skip) return -EFAULT;
  for (let i = skip * 2; i < depth * 2; i++) dv.setUint32(to + (i - skip * 2) * 4, words[i]!, true);
  return (depth - skip) * elem;
}

/** `bpf_get_stack`. */
export const getStack: HelperDef<NetEnv> = {
  ...plain,
  id: 67,
  name: "get_stack",
  since: "4.18",
  args: ["ctx", "mem_out", "size0", "u64"],
  gplOnly: true,
  progKinds: ["syscall"],
  costNs: 200,
  call(env: NetEnv, _ctx: number, to: number, size: number, flags: number, flagsHi: number): number {
    const user = (flags & BPF_F_USER_STACK) !== 0;
    return copyStack(
      env,
      () => (user ? EMPTY : framesOf(env, SYSCALL_FRAMES)),
      to,
      size >>> 0,
      flagsHi === 0 ? flags : -1,
    );
  },
};

/** `bpf_get_stackid`: Linux allows it where the map type that it needs is refused, since such programs may sleep. */
export const getStackid: HelperDef<NetEnv> = {
  ...plain,
  id: 27,
  name: "get_stackid",
  since: "4.6",
  args: ["ctx", "map", "u64"],
  gplOnly: true,
  progKinds: ["syscall"],
  mapKinds: ["stack_trace"],
  refused: { syscall: SLEEPABLE_MAPS_ONLY },
  costNs: 250,
  call(env: NetEnv, _ctx: number, handle: number, flags: number, flagsHi: number): number {
    const map = env.machine.mapOfHandle(handle);
    if (!(map instanceof StackTraceMap)) throw new BugError("STACK_TRACE_MAP", `map ${handle} holds no stacks`);
    if (flagsHi !== 0 || (flags & ~STACKID_FLAGS) !== 0) return -EINVAL;
    const user = (flags & BPF_F_USER_STACK) !== 0;
    return map.idOf(user ? EMPTY : framesOf(env, SYSCALL_FRAMES), flags);
  },
};

/** `bpf_get_task_stack`: idle tasks were never in user space. */
export const getTaskStack: HelperDef<NetEnv> = {
  ...plain,
  id: 141,
  name: "get_task_stack",
  since: "5.9",
  args: ["obj", "mem_out", "size0", "u64"],
  gplOnly: false,
  costNs: 200,
  call(env: NetEnv, _task: number, to: number, size: number, flags: number, flagsHi: number): number {
    const user = (flags & BPF_F_USER_STACK) !== 0;
    return copyStack(env, () => (user ? null : framesOf(env, TASK_FRAMES)), to, size >>> 0, flagsHi === 0 ? flags : -1);
  },
};
