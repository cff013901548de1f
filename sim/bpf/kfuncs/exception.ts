/**
 * Ending a program from within.
 * @source kernel/bpf/helpers.c bpf_throw, __bpf_trap; kernel/bpf/verifier.c check_kfunc_call (its message). Cost: an estimate
 */
import { BugError, VerifierError } from "../../engine/errors.ts";
import type { KfuncDef } from "../helper.ts";
import { GENERIC_KFUNC_KINDS } from "../prog-kinds.ts";

const plain = { gplOnly: false, mapKinds: null, changesPacket: false, ret: "void", flags: [] } as const;

/** `bpf_throw`: the program's function answers, or that function's exception callback for it. */
export const bpfThrow: KfuncDef = {
  ...plain,
  name: "bpf_throw",
  since: "6.7",
  args: ["u64"],
  progKinds: GENERIC_KFUNC_KINDS,
  costNs: 300,
  throws: true,
  call(): number {
    throw new BugError("THROW_CALLED", "bpf_throw was called as a function");
  },
};

/** `__bpf_trap`: clang's mark on code that a program must not reach. */
export const bpfTrap: KfuncDef = {
  ...plain,
  name: "__bpf_trap",
  since: "6.17",
  args: [],
  progKinds: null,
  costNs: 1,
  call(): number {
    const message = "unexpected __bpf_trap() due to uninitialized variable?";
    throw new VerifierError({ code: "PROGRAM_TRAP", message });
  },
};
