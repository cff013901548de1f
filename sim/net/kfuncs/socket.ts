/**
 * Kfuncs of programs that watch sockets. They take the kernel's own context, as bpf_cast_to_kern_ctx answers it.
 * @source net/core/filter.c bpf_sock_addr_set_sun_path, bpf_sock_ops_enable_tx_tstamp. Costs: estimates
 */
import type { KfuncDef } from "../../bpf/helper.ts";
import { EINVAL, EOPNOTSUPP } from "../../bpf/maps/errno.ts";
import { VerifierError } from "../../engine/errors.ts";
import type { NetEnv } from "../net-env.ts";

/** Of struct bpf_sock_ops: the operation. */
const BPF_SOCK_OPS_TSTAMP_SENDMSG_CB = 20;

const plain = {
  gplOnly: false,
  progKinds: ["cgroup_skb", "sock_ops", "cgroup_sock_addr"],
  mapKinds: null,
  changesPacket: false,
  ret: "int",
  flags: ["TRUSTED_ARGS"],
  costNs: 3,
} as const;

/** @throws VerifierError when an address is not that of a kernel context of this kind */
function requireContext(env: NetEnv, at: number, struct: string): void {
  if (env.structs.contexts.is(at, struct)) return;
  throw new VerifierError({ code: "CONTEXT_ARGUMENT", message: `expected pointer to STRUCT ${struct}` });
}

/** `bpf_sock_addr_set_sun_path`: there are no Unix sockets, and those of other families have no path. */
export const sockAddrSetSunPath: KfuncDef<NetEnv> = {
  ...plain,
  name: "bpf_sock_addr_set_sun_path",
  since: "6.7",
  args: ["obj", "mem", "size0"],
  call(env: NetEnv, kern: number): number {
    requireContext(env, kern, "bpf_sock_addr_kern");
    return -EINVAL;
  },
};

/**
 * `bpf_sock_ops_enable_tx_tstamp`: of what is being sent, when the program is asked for that.
 * @differs nothing is stamped: TCP does not ask sock_ops programs about timestamps
 */
export const sockOpsEnableTxTstamp: KfuncDef<NetEnv> = {
  ...plain,
  name: "bpf_sock_ops_enable_tx_tstamp",
  since: "6.15",
  args: ["obj", "u64"],
  call(env: NetEnv, kern: number, flags: number, flagsHi: number): number {
    requireContext(env, kern, "bpf_sock_ops_kern");
    if (env.structs.contexts.sockOp(kern) !== BPF_SOCK_OPS_TSTAMP_SENDMSG_CB) return -EOPNOTSUPP;
    return (flags | flagsHi) !== 0 ? -EINVAL : 0;
  },
};
