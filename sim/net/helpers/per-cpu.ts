/**
 * Per-CPU memory and the kernel's symbols.
 * @source kernel/bpf/helpers.c bpf_per_cpu_ptr, bpf_this_cpu_ptr; kernel/bpf/syscall.c bpf_kallsyms_lookup_name. Costs: estimates
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { EINVAL, ENOENT } from "../../bpf/maps/errno.ts";
import type { NetEnv } from "../net-env.ts";

const plain = { gplOnly: false, progKinds: null, mapKinds: null, changesPacket: false, since: "5.10" } as const;

/** `bpf_per_cpu_ptr`: null for a CPU that the host does not have. */
export const perCpuPtr: HelperDef<NetEnv> = {
  ...plain,
  id: 153,
  name: "per_cpu_ptr",
  args: ["any", "u32"],
  ret: "obj_or_null",
  costNs: 2,
  call(env: NetEnv, token: number, cpu: number): number {
    const of = env.host.cpus[cpu >>> 0];
    return of === undefined ? 0 : env.structs.perCpu.partOf(token, of);
  },
};

/** `bpf_this_cpu_ptr`. */
export const thisCpuPtr: HelperDef<NetEnv> = {
  ...plain,
  id: 154,
  name: "this_cpu_ptr",
  args: ["any"],
  ret: "obj_or_null",
  costNs: 1,
  call: (env: NetEnv, token: number): number => env.structs.perCpu.partOf(token, env.currentCpu),
};

/** `bpf_kallsyms_lookup_name`. */
export const kallsymsLookupName: HelperDef<NetEnv> = {
  ...plain,
  id: 179,
  name: "kallsyms_lookup_name",
  since: "5.16",
  args: ["mem", "size0", "u32", "mem_fixed"],
  fixed: 8,
  ret: "int",
  progKinds: ["syscall"],
  costNs: 1000,
  call(env: NetEnv, name: number, size: number, flags: number, res: number): number {
    const { u8, dv } = env.kernel.arena;
    dv.setBigUint64(res, 0n, true);
    const n = size >>> 0;
    if (flags !== 0 || n <= 1 || u8[name + n - 1] !== 0) return -EINVAL;
    const bytes = u8.subarray(name, name + n);
    const text = String.fromCharCode(...bytes.subarray(0, bytes.indexOf(0)));
    const address = env.structs.symbols.address(text, false);
    if (address === undefined) return -ENOENT;
    dv.setUint32(res, address, true);
    return 0;
  },
};
