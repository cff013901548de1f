/**
 * Resilient spin locks and switched-off interrupts. Nothing else runs meanwhile in a simulated kernel: a lock is only ever held by the
 * program that asks for it again, which Linux answers with -EDEADLK.
 *
 *     struct bpf_res_spin_lock: u32 1 while held
 *
 * @source kernel/bpf/rqspinlock.c bpf_res_spin_lock; kernel/bpf/helpers.c bpf_local_irq_save. Costs: estimates (an uncontended lock)
 */
import { VerifierError } from "../../engine/errors.ts";
import type { BpfEnv } from "../env.ts";
import type { KfuncDef } from "../helper.ts";
import { EDEADLK } from "../maps/errno.ts";

const plain = { gplOnly: false, progKinds: null, mapKinds: null, changesPacket: false, flags: [] } as const;
/** RFLAGS with interrupts enabled: what local_irq_save finds. */
const INTERRUPTS_ON = 0x246;

function lock(env: BpfEnv, at: number): number {
  const { dv } = env.machine.arena;
  if (dv.getUint32(at, true) !== 0) return -EDEADLK;
  dv.setUint32(at, 1, true);
  return 0;
}

function unlock(env: BpfEnv, at: number): number {
  const { dv } = env.machine.arena;
  if (dv.getUint32(at, true) === 0) {
    throw new VerifierError({ code: "SPIN_LOCK", message: "bpf_res_spin_unlock without taking a lock" });
  }
  dv.setUint32(at, 0, true);
  return 0;
}

function save(env: BpfEnv, flags: number): void {
  env.machine.arena.dv.setUint32(flags, INTERRUPTS_ON, true);
  env.machine.arena.dv.setUint32(flags + 4, 0, true);
}

function restore(env: BpfEnv, flags: number): void {
  if (env.machine.arena.dv.getUint32(flags, true) !== INTERRUPTS_ON) {
    const message = "expected an initialized irq flag: what stands there was not made by bpf_local_irq_save";
    throw new VerifierError({ code: "IRQ_FLAG", message });
  }
  env.machine.arena.u8.fill(0, flags, flags + 8);
}

/** `bpf_res_spin_lock`. */
export const resSpinLock: KfuncDef = {
  ...plain,
  name: "bpf_res_spin_lock",
  since: "6.15",
  args: ["mem_fixed"],
  fixed: 4,
  ret: "int",
  flags: ["RET_NULL"],
  costNs: 8,
  call: lock,
};

/** `bpf_res_spin_unlock`. */
export const resSpinUnlock: KfuncDef = {
  ...plain,
  name: "bpf_res_spin_unlock",
  since: "6.15",
  args: ["mem_fixed"],
  fixed: 4,
  ret: "void",
  costNs: 4,
  call: unlock,
};

/** `bpf_res_spin_lock_irqsave`. */
export const resSpinLockIrqsave: KfuncDef = {
  ...plain,
  name: "bpf_res_spin_lock_irqsave",
  since: "6.15",
  args: ["mem_fixed", "mem_fixed"],
  fixed: [4, 8],
  ret: "int",
  flags: ["RET_NULL"],
  costNs: 10,
  call(env: BpfEnv, at: number, flags: number): number {
    const err = lock(env, at);
    if (err === 0) save(env, flags);
    return err;
  },
};

/** `bpf_res_spin_unlock_irqrestore`. */
export const resSpinUnlockIrqrestore: KfuncDef = {
  ...plain,
  name: "bpf_res_spin_unlock_irqrestore",
  since: "6.15",
  args: ["mem_fixed", "mem_fixed"],
  fixed: [4, 8],
  ret: "void",
  costNs: 6,
  call(env: BpfEnv, at: number, flags: number): number {
    restore(env, flags);
    return unlock(env, at);
  },
};

/** `bpf_local_irq_save`. */
export const localIrqSave: KfuncDef = {
  ...plain,
  name: "bpf_local_irq_save",
  since: "6.14",
  args: ["mem_fixed"],
  fixed: 8,
  ret: "void",
  costNs: 2,
  call(env: BpfEnv, flags: number): number {
    save(env, flags);
    return 0;
  },
};

/** `bpf_local_irq_restore`. */
export const localIrqRestore: KfuncDef = {
  ...plain,
  name: "bpf_local_irq_restore",
  since: "6.14",
  args: ["mem_fixed"],
  fixed: 8,
  ret: "void",
  costNs: 2,
  call(env: BpfEnv, flags: number): number {
    restore(env, flags);
    return 0;
  },
};
