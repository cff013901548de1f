/**
 * Objects that programs allocate with a part for each CPU.
 * @source kernel/bpf/helpers.c bpf_percpu_obj_new_impl, bpf_percpu_obj_drop_impl; kernel/bpf/verifier.c check_kfunc_call. Costs: estimates
 */
import { sizeOf } from "../../bpf/btf/query.ts";
import type { KfuncDef } from "../../bpf/helper.ts";
import { GENERIC_KFUNC_KINDS } from "../../bpf/prog-kinds.ts";
import { VerifierError } from "../../engine/errors.ts";
import type { NetEnv } from "../net-env.ts";

/** BPF_GLOBAL_PERCPU_MA_MAX_SIZE. */
const MAX_BYTES = 512;

const plain = {
  gplOnly: false,
  progKinds: GENERIC_KFUNC_KINDS,
  mapKinds: null,
  changesPacket: false,
  since: "6.7",
} as const;

/** `bpf_percpu_obj_new_impl`: what it answers is a pointer for bpf_per_cpu_ptr and bpf_this_cpu_ptr. */
export const percpuObjNew: KfuncDef<NetEnv> = {
  ...plain,
  name: "bpf_percpu_obj_new_impl",
  args: ["u32", "prog"],
  ret: "obj_or_null",
  flags: ["ACQUIRE", "RET_NULL"],
  costNs: 60,
  call(env: NetEnv, typeId: number, program: number): number {
    const btf = env.machine.programOfIndex(program)?.spec.btf;
    const isStruct = btf !== null && btf !== undefined && btf.types[typeId]?.kind === "struct";
    const size = isStruct ? (sizeOf(btf, typeId) ?? 0) : 0;
    if (!isStruct || size === 0 || size > MAX_BYTES) {
      const message = `bpf_percpu_obj_new type size (${size}) is none from 1 to ${MAX_BYTES}, or the type is no struct`;
      throw new VerifierError({ code: "OBJECT_TYPE", message });
    }
    return env.structs.perCpu.create(env.host, btf, typeId);
  },
};

/** `bpf_percpu_obj_drop_impl`. */
export const percpuObjDrop: KfuncDef<NetEnv> = {
  ...plain,
  name: "bpf_percpu_obj_drop_impl",
  args: ["any"],
  ret: "void",
  flags: ["RELEASE"],
  costNs: 40,
  call(env: NetEnv, token: number): number {
    env.structs.perCpu.drop(token);
    return 0;
  },
};
