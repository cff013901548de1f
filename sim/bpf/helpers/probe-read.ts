/**
 * Reading any address of the simulated kernel's memory. What is not there answers as on Linux 6.18: -ERANGE in user space's half
 * of the addresses, null included, -EFAULT in the kernel's.
 * @source kernel/trace/bpf_trace.c bpf_probe_read_kernel_common, _str_common. Costs: estimates
 */
import type { BpfEnv } from "../env.ts";
import type { HelperDef } from "../helper.ts";
import { EFAULT, ERANGE } from "../maps/errno.ts";
import { readable, readString } from "./arena-read.ts";

const plain = { gplOnly: true, progKinds: null, mapKinds: null, changesPacket: false, ret: "int" } as const;

/** `bpf_probe_read_kernel`: the destination is zeroed when the source cannot be read. */
export const probeReadKernel: HelperDef = {
  ...plain,
  id: 113,
  name: "probe_read_kernel",
  since: "5.5",
  args: ["mem_out", "size0", "u64"],
  costNs: 15,
  call(env: BpfEnv, dst: number, size: number, src: number, srcHi: number): number {
    const arena = env.machine.arena;
    const n = size >>> 0;
    if (!readable(arena, src, srcHi, n)) {
      arena.u8.fill(0, dst, dst + n);
      return srcHi < 0 ? -EFAULT : -ERANGE;
    }
    arena.u8.copyWithin(dst, src >>> 0, (src >>> 0) + n);
    return 0;
  },
};

/** `bpf_probe_read_kernel_str`: answers the length with the NUL; a longer string is cut and terminated. */
export const probeReadKernelStr: HelperDef = {
  ...plain,
  id: 115,
  name: "probe_read_kernel_str",
  since: "5.5",
  args: ["mem_out", "size0", "u64"],
  costNs: 25,
  call(env: BpfEnv, dst: number, size: number, src: number, srcHi: number): number {
    const arena = env.machine.arena;
    const n = size >>> 0;
    if (n === 0) return 0;
    const text = readString(arena, src, srcHi, n - 1);
    if (text === null) {
      arena.u8.fill(0, dst, dst + n);
      return srcHi < 0 ? -EFAULT : -ERANGE;
    }
    arena.u8.set(text, dst);
    arena.u8[dst + text.length] = 0;
    return text.length + 1;
  },
};

const either = { ...plain, progKinds: ["syscall"] } as const;

/**
 * `bpf_probe_read`: by the address it decides between the kernel and user space. Addresses of simulated memory are the kernel's; what
 * is not there is user space's, which nothing can be read of.
 */
export const probeRead: HelperDef = {
  ...either,
  id: 4,
  name: "probe_read",
  since: "4.1",
  args: ["mem_out", "size0", "u64"],
  costNs: 15,
  call(env: BpfEnv, dst: number, size: number, src: number, srcHi: number): number {
    return size === 0 ? 0 : Math.max(probeReadKernel.call(env, dst, size, src, srcHi), -EFAULT);
  },
};

/** `bpf_probe_read_str`. */
export const probeReadStr: HelperDef = {
  ...either,
  id: 45,
  name: "probe_read_str",
  since: "4.11",
  args: ["mem_out", "size0", "u64"],
  costNs: 25,
  call(env: BpfEnv, dst: number, size: number, src: number, srcHi: number): number {
    return Math.max(probeReadKernelStr.call(env, dst, size, src, srcHi), -EFAULT);
  },
};
