/**
 * Masks of CPUs. The kernel works on whole longs and masks what lies beyond the last CPU where it reads, so the bits there may be set.
 * @source kernel/bpf/cpumask.c; include/linux/cpumask.h; NR_CPUS is 256 as in kernel.btf. Costs: estimates
 */
import type { KfuncDef } from "../../bpf/helper.ts";
import { EACCES } from "../../bpf/maps/errno.ts";
import { VerifierError } from "../../engine/errors.ts";
import type { NetEnv } from "../net-env.ts";

/** Words of 32 bits in a cpumask_t. */
const WORDS = 8;

const plain = {
  gplOnly: false,
  progKinds: ["syscall"],
  mapKinds: null,
  changesPacket: false,
  since: "6.3",
  flags: ["RCU"],
  costNs: 3,
} as const;
const says = { ...plain, ret: "u32" } as const;
const changes = { ...plain, ret: "void" } as const;

/** Words of the longs that hold a host's CPUs. */
const usedWords = (env: NetEnv): number => Math.ceil(env.host.cpus.length / 64) * 2;

/** Word `i` of a mask without the bits beyond the last CPU. */
function cpus(env: NetEnv, mask: number, i: number): number {
  const left = env.host.cpus.length - 32 * i;
  const word = env.kernel.arena.u32[(mask >>> 2) + i]!;
  return left >= 32 ? word : left <= 0 ? 0 : word & (2 ** left - 1);
}

function has(env: NetEnv, mask: number, cpu: number): boolean {
  return ((cpus(env, mask, cpu >>> 5) >>> (cpu & 31)) & 1) !== 0;
}

/** The first CPU from `from` on for which `is` holds, the number of CPUs when there is none. */
function firstCpu(env: NetEnv, from: number, is: (cpu: number) => boolean): number {
  const n = env.host.cpus.length;
  for (let cpu = from; cpu < n; cpu++) if (is(cpu)) return cpu;
  return n;
}

function all(env: NetEnv, is: (i: number) => boolean): number {
  for (let i = 0; i < usedWords(env); i++) if (!is(i)) return 0;
  return 1;
}

/** Index of the first word of a mask that may be changed. @throws VerifierError when it is none that a program made */
function own(env: NetEnv, mask: number): number {
  if (env.structs.cpumasks.owns(mask)) return mask >>> 2;
  throw new VerifierError({ code: "CPUMASK_ARGUMENT", message: "expected pointer to STRUCT bpf_cpumask" });
}

/** `bpf_cpumask_create`. */
export const cpumaskCreate: KfuncDef<NetEnv> = {
  ...plain,
  name: "bpf_cpumask_create",
  args: [],
  ret: "obj_or_null",
  flags: ["ACQUIRE", "RET_NULL"],
  costNs: 25,
  call: (env: NetEnv): number => env.structs.cpumasks.create(),
};

/** `bpf_cpumask_acquire`. */
export const cpumaskAcquire: KfuncDef<NetEnv> = {
  ...plain,
  name: "bpf_cpumask_acquire",
  args: ["obj"],
  ret: "obj_or_null",
  flags: ["ACQUIRE", "TRUSTED_ARGS"],
  call(env: NetEnv, mask: number): number {
    own(env, mask);
    env.structs.cpumasks.acquire(mask);
    return mask;
  },
};

/** `bpf_cpumask_release`. */
export const cpumaskRelease: KfuncDef<NetEnv> = {
  ...changes,
  name: "bpf_cpumask_release",
  args: ["obj"],
  flags: ["RELEASE"],
  call(env: NetEnv, mask: number): number {
    own(env, mask);
    env.structs.cpumasks.drop(mask);
    return 0;
  },
};

/** `bpf_cpumask_first`. */
export const cpumaskFirst: KfuncDef<NetEnv> = {
  ...says,
  name: "bpf_cpumask_first",
  args: ["obj"],
  call: (env: NetEnv, m: number): number => firstCpu(env, 0, (cpu) => has(env, m, cpu)),
};

/** `bpf_cpumask_first_zero`. */
export const cpumaskFirstZero: KfuncDef<NetEnv> = {
  ...says,
  name: "bpf_cpumask_first_zero",
  args: ["obj"],
  call: (env: NetEnv, m: number): number => firstCpu(env, 0, (cpu) => !has(env, m, cpu)),
};

/** `bpf_cpumask_first_and`. */
export const cpumaskFirstAnd: KfuncDef<NetEnv> = {
  ...says,
  name: "bpf_cpumask_first_and",
  args: ["obj", "obj"],
  call: (env: NetEnv, a: number, b: number): number => firstCpu(env, 0, (cpu) => has(env, a, cpu) && has(env, b, cpu)),
};

/** `bpf_cpumask_set_cpu`: nothing happens for a CPU that the host does not have. */
export const cpumaskSetCpu: KfuncDef<NetEnv> = {
  ...changes,
  name: "bpf_cpumask_set_cpu",
  args: ["u32", "obj"],
  call(env: NetEnv, cpu: number, mask: number): number {
    const w = own(env, mask);
    if (cpu >>> 0 < env.host.cpus.length) env.kernel.arena.u32[w + (cpu >>> 5)]! |= 1 << (cpu & 31);
    return 0;
  },
};

/** `bpf_cpumask_clear_cpu`. */
export const cpumaskClearCpu: KfuncDef<NetEnv> = {
  ...changes,
  name: "bpf_cpumask_clear_cpu",
  args: ["u32", "obj"],
  call(env: NetEnv, cpu: number, mask: number): number {
    const w = own(env, mask);
    if (cpu >>> 0 < env.host.cpus.length) env.kernel.arena.u32[w + (cpu >>> 5)]! &= ~(1 << (cpu & 31));
    return 0;
  },
};

/** `bpf_cpumask_setall`: whole longs. */
export const cpumaskSetall: KfuncDef<NetEnv> = {
  ...changes,
  name: "bpf_cpumask_setall",
  args: ["obj"],
  call(env: NetEnv, mask: number): number {
    const w = own(env, mask);
    env.kernel.arena.u32.fill(0xffffffff, w, w + usedWords(env));
    return 0;
  },
};

/** `bpf_cpumask_clear`. */
export const cpumaskClear: KfuncDef<NetEnv> = {
  ...changes,
  name: "bpf_cpumask_clear",
  args: ["obj"],
  call(env: NetEnv, mask: number): number {
    const w = own(env, mask);
    env.kernel.arena.u32.fill(0, w, w + WORDS);
    return 0;
  },
};

/** `bpf_cpumask_and`: whether any CPU is left. */
export const cpumaskAnd: KfuncDef<NetEnv> = {
  ...says,
  name: "bpf_cpumask_and",
  args: ["obj", "obj", "obj"],
  call(env: NetEnv, dst: number, a: number, b: number): number {
    const w = own(env, dst);
    let any = 0;
    for (let i = 0; i < usedWords(env); i++) {
      const word = cpus(env, a, i) & cpus(env, b, i);
      env.kernel.arena.u32[w + i] = word;
      any |= word;
    }
    return any === 0 ? 0 : 1;
  },
};

/** `bpf_cpumask_or`. */
export const cpumaskOr: KfuncDef<NetEnv> = {
  ...changes,
  name: "bpf_cpumask_or",
  args: ["obj", "obj", "obj"],
  call: (env: NetEnv, dst: number, a: number, b: number): number => combine(env, dst, a, b, (x, y) => x | y),
};

/** `bpf_cpumask_xor`. */
export const cpumaskXor: KfuncDef<NetEnv> = {
  ...changes,
  name: "bpf_cpumask_xor",
  args: ["obj", "obj", "obj"],
  call: (env: NetEnv, dst: number, a: number, b: number): number => combine(env, dst, a, b, (x, y) => x ^ y),
};

function combine(env: NetEnv, dst: number, a: number, b: number, f: (x: number, y: number) => number): number {
  const w = own(env, dst);
  const { u32 } = env.kernel.arena;
  for (let i = 0; i < usedWords(env); i++) u32[w + i] = f(u32[(a >>> 2) + i]!, u32[(b >>> 2) + i]!);
  return 0;
}

/** `bpf_cpumask_equal`. */
export const cpumaskEqual: KfuncDef<NetEnv> = {
  ...says,
  name: "bpf_cpumask_equal",
  args: ["obj", "obj"],
  call: (env: NetEnv, a: number, b: number): number => all(env, (i) => cpus(env, a, i) === cpus(env, b, i)),
};

/** `bpf_cpumask_intersects`. */
export const cpumaskIntersects: KfuncDef<NetEnv> = {
  ...says,
  name: "bpf_cpumask_intersects",
  args: ["obj", "obj"],
  call: (env: NetEnv, a: number, b: number): number => 1 - all(env, (i) => (cpus(env, a, i) & cpus(env, b, i)) === 0),
};

/** `bpf_cpumask_subset`: the first is one of the second. */
export const cpumaskSubset: KfuncDef<NetEnv> = {
  ...says,
  name: "bpf_cpumask_subset",
  args: ["obj", "obj"],
  call: (env: NetEnv, a: number, b: number): number => all(env, (i) => (cpus(env, a, i) & ~cpus(env, b, i)) === 0),
};

/** `bpf_cpumask_empty`. */
export const cpumaskEmpty: KfuncDef<NetEnv> = {
  ...says,
  name: "bpf_cpumask_empty",
  args: ["obj"],
  call: (env: NetEnv, m: number): number => all(env, (i) => cpus(env, m, i) === 0),
};

/** `bpf_cpumask_full`. */
export const cpumaskFull: KfuncDef<NetEnv> = {
  ...says,
  name: "bpf_cpumask_full",
  args: ["obj"],
  call: (env: NetEnv, m: number): number =>
    firstCpu(env, 0, (cpu) => !has(env, m, cpu)) === env.host.cpus.length ? 1 : 0,
};

/** `bpf_cpumask_copy`. */
export const cpumaskCopy: KfuncDef<NetEnv> = {
  ...changes,
  name: "bpf_cpumask_copy",
  args: ["obj", "obj"],
  call(env: NetEnv, dst: number, src: number): number {
    env.kernel.arena.u32.copyWithin(own(env, dst), src >>> 2, (src >>> 2) + WORDS);
    return 0;
  },
};

/** `bpf_cpumask_weight`. */
export const cpumaskWeight: KfuncDef<NetEnv> = {
  ...says,
  name: "bpf_cpumask_weight",
  since: "6.8",
  args: ["obj"],
  call(env: NetEnv, m: number): number {
    let n = 0;
    for (let cpu = 0; cpu < env.host.cpus.length; cpu++) if (has(env, m, cpu)) n++;
    return n;
  },
};

/** `bpf_cpumask_any_distribute`: each time another one of the mask. */
export const cpumaskAnyDistribute: KfuncDef<NetEnv> = {
  ...says,
  name: "bpf_cpumask_any_distribute",
  args: ["obj"],
  call: (env: NetEnv, m: number): number => distribute(env, (cpu) => has(env, m, cpu)),
};

/** `bpf_cpumask_any_and_distribute`. */
export const cpumaskAnyAndDistribute: KfuncDef<NetEnv> = {
  ...says,
  name: "bpf_cpumask_any_and_distribute",
  args: ["obj", "obj"],
  call: (env: NetEnv, a: number, b: number): number => distribute(env, (cpu) => has(env, a, cpu) && has(env, b, cpu)),
};

/** The next CPU after the one that this CPU got last, around the end. */
function distribute(env: NetEnv, is: (cpu: number) => boolean): number {
  const { cpumasks } = env.structs;
  const n = env.host.cpus.length;
  let cpu = firstCpu(env, cpumasks.lastGiven(env.currentCpu) + 1, is);
  if (cpu === n) cpu = firstCpu(env, 0, is);
  if (cpu < n) cpumasks.gave(env.currentCpu, cpu);
  return cpu;
}

/** `bpf_cpumask_populate`: from memory of the program's. */
export const cpumaskPopulate: KfuncDef<NetEnv> = {
  ...plain,
  name: "bpf_cpumask_populate",
  since: "6.15",
  args: ["obj", "mem", "size0"],
  ret: "int",
  call(env: NetEnv, mask: number, src: number, size: number): number {
    const bytes = 4 * usedWords(env);
    if (size >>> 0 < bytes) return -EACCES;
    env.kernel.arena.u8.copyWithin(own(env, mask) << 2, src, src + bytes);
    return 0;
  },
};
