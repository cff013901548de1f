/**
 * bpf_spin_lock and bpf_spin_unlock. CPUs of a simulated host do not run at the same instant, so a lock is never contended; the
 * word is set while it is held, and a program that takes it twice or frees it untaken is stopped as the verifier would refuse it.
 * @source kernel/bpf/helpers.c; kernel/bpf/verifier.c process_spin_lock for the sentences. Costs: estimates (an uncontended lock)
 */
import { VerifierError } from "../../engine/errors.ts";
import type { BpfEnv } from "../env.ts";
import type { HelperDef } from "../helper.ts";

const plain = { gplOnly: false, progKinds: null, mapKinds: null, changesPacket: false, fixed: 4 } as const;

/** `bpf_spin_lock`. */
export const spinLock: HelperDef = {
  ...plain,
  id: 93,
  name: "spin_lock",
  since: "5.1",
  args: ["mem_fixed"],
  ret: "void",
  costNs: 8,
  call(env: BpfEnv, lock: number): number {
    const dv = env.machine.arena.dv;
    if (dv.getUint32(lock, true) !== 0) throw misuse("Locking two bpf_spin_locks are not allowed");
    dv.setUint32(lock, 1, true);
    return 0;
  },
};

/** `bpf_spin_unlock`. */
export const spinUnlock: HelperDef = {
  ...plain,
  id: 94,
  name: "spin_unlock",
  since: "5.1",
  args: ["mem_fixed"],
  ret: "void",
  costNs: 4,
  call(env: BpfEnv, lock: number): number {
    const dv = env.machine.arena.dv;
    if (dv.getUint32(lock, true) === 0) throw misuse("bpf_spin_unlock without taking a lock");
    dv.setUint32(lock, 0, true);
    return 0;
  },
};

function misuse(message: string): VerifierError {
  return new VerifierError({ code: "SPIN_LOCK", message });
}
