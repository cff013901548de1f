/**
 * Read-side critical sections, and what else marks a region of a program for the verifier. Nothing else runs meanwhile in a simulated
 * kernel, so they do nothing.
 * @source kernel/bpf/helpers.c bpf_rcu_read_lock and its kin; costs: estimates
 */
import type { KfuncDef } from "../helper.ts";

const marker = {
  args: [],
  ret: "void",
  gplOnly: false,
  progKinds: null,
  mapKinds: null,
  changesPacket: false,
  costNs: 1,
  flags: [],
  call: (): number => 0,
} as const;

/** `bpf_rcu_read_lock`. */
export const rcuReadLock: KfuncDef = { ...marker, name: "bpf_rcu_read_lock", since: "6.2" };

/** `bpf_rcu_read_unlock`. */
export const rcuReadUnlock: KfuncDef = { ...marker, name: "bpf_rcu_read_unlock", since: "6.2" };

/** `bpf_preempt_disable`. */
export const preemptDisable: KfuncDef = { ...marker, name: "bpf_preempt_disable", since: "6.10" };

/** `bpf_preempt_enable`. */
export const preemptEnable: KfuncDef = { ...marker, name: "bpf_preempt_enable", since: "6.10" };
