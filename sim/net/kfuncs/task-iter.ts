/**
 * Walks over tasks and over cgroups. The kernel's list of tasks begins with the idle task of the first CPU, and no other idle task is in
 * it; the one cgroup is the root.
 *
 *     struct bpf_iter_task   +0 u64 task   | +8 u64 the next answer, 0 at the end | +16 u32 flags
 *     struct bpf_iter_css    +0 u64 start  | +8 u64 the last answer, 0 before the first | +16 u32 flags
 *
 * @source kernel/bpf/task_iter.c bpf_iter_task_new, bpf_iter_task_next; kernel/bpf/cgroup_iter.c bpf_iter_css_new. Costs: estimates
 */
import type { KfuncDef } from "../../bpf/helper.ts";
import { EINVAL } from "../../bpf/maps/errno.ts";
import { VerifierError } from "../../engine/errors.ts";
import type { NetEnv } from "../net-env.ts";

const BPF_TASK_ITER_ALL_THREADS = 1;
const BPF_TASK_ITER_PROC_THREADS = 2;
/** enum bpf_cgroup_iter_order: descendants before and after their parents, ancestors. */
const BPF_CGROUP_ITER_DESCENDANTS_PRE = 2;
const BPF_CGROUP_ITER_ANCESTORS_UP = 4;

const ITER_BYTES = 24;
const FIRST = 0;
const NEXT = 8;
const FLAGS = 16;

const plain = {
  gplOnly: false,
  progKinds: null,
  mapKinds: null,
  changesPacket: false,
  since: "6.7",
  costNs: 5,
} as const;
const state = { ...plain, args: ["mem_fixed"], fixed: ITER_BYTES } as const;
const begun = {
  ...plain,
  args: ["mem_fixed", "any", "u32"],
  fixed: ITER_BYTES,
  ret: "int",
  flags: ["ITER_NEW"],
} as const;
const stepped = { ...state, ret: "obj_or_null", flags: ["ITER_NEXT", "RET_NULL"] } as const;
const ended = { ...state, ret: "void", flags: ["ITER_DESTROY"], call: (): number => 0 } as const;

/** Two words of an iterator's state and its flags. */
function begin(env: NetEnv, it: number, first: number, next: number, flags: number): void {
  const { dv, u8 } = env.kernel.arena;
  u8.fill(0, it, it + ITER_BYTES);
  dv.setUint32(it + FIRST, first, true);
  dv.setUint32(it + NEXT, next, true);
  dv.setUint32(it + FLAGS, flags, true);
}

function notInitialized(what: string): VerifierError {
  return new VerifierError({ code: "ITER_ARGUMENT", message: `expected an initialized ${what} as arg #0` });
}

/** `bpf_iter_task_new`: all processes, all threads, or the threads of a task's process. */
export const iterTaskNew: KfuncDef<NetEnv> = {
  ...begun,
  name: "bpf_iter_task_new",
  call(env: NetEnv, it: number, task: number, flags: number): number {
    const { tasks } = env.structs;
    if (task !== 0 && !tasks.owns(task)) {
      throw new VerifierError({ code: "TASK_ARGUMENT", message: "expected pointer to STRUCT task_struct" });
    }
    const own = flags === BPF_TASK_ITER_PROC_THREADS;
    if (flags < 0 || flags > BPF_TASK_ITER_PROC_THREADS || (own && task === 0)) {
      begin(env, it, 0, 0, BPF_TASK_ITER_ALL_THREADS);
      return -EINVAL;
    }
    const first = own ? task : tasks.idleTask(env.host.cpus[0]!);
    begin(env, it, first, first, flags);
    return 0;
  },
};

/** `bpf_iter_task_next`: every task is a process of its own with one thread. */
export const iterTaskNext: KfuncDef<NetEnv> = {
  ...stepped,
  name: "bpf_iter_task_next",
  call(env: NetEnv, it: number): number {
    const { dv } = env.kernel.arena;
    const task = dv.getUint32(it + NEXT, true);
    if (task !== 0 && !env.structs.tasks.owns(task)) throw notInitialized("iter_task");
    dv.setUint32(it + NEXT, 0, true);
    return task;
  },
};

/** `bpf_iter_task_destroy`. */
export const iterTaskDestroy: KfuncDef<NetEnv> = { ...ended, name: "bpf_iter_task_destroy" };

/** `bpf_iter_css_new`: from a cgroup's own state on. */
export const iterCssNew: KfuncDef<NetEnv> = {
  ...begun,
  name: "bpf_iter_css_new",
  call(env: NetEnv, it: number, start: number, flags: number): number {
    if (!env.structs.cgroups.owns(start)) {
      throw new VerifierError({ code: "CSS_ARGUMENT", message: "expected pointer to STRUCT cgroup_subsys_state" });
    }
    if (flags < BPF_CGROUP_ITER_DESCENDANTS_PRE || flags > BPF_CGROUP_ITER_ANCESTORS_UP) {
      begin(env, it, 0, 0, 0);
      return -EINVAL;
    }
    begin(env, it, start, 0, flags);
    return 0;
  },
};

/** `bpf_iter_css_next`: the root alone, in each order; asked again after the end it begins anew, as on Linux. */
export const iterCssNext: KfuncDef<NetEnv> = {
  ...stepped,
  name: "bpf_iter_css_next",
  call(env: NetEnv, it: number): number {
    const { dv } = env.kernel.arena;
    const start = dv.getUint32(it + FIRST, true);
    if (start !== 0 && !env.structs.cgroups.owns(start)) throw notInitialized("iter_css");
    const next = dv.getUint32(it + NEXT, true) === 0 ? start : 0;
    dv.setUint32(it + NEXT, next, true);
    return next;
  },
};

/** `bpf_iter_css_destroy`. */
export const iterCssDestroy: KfuncDef<NetEnv> = { ...ended, name: "bpf_iter_css_destroy" };
