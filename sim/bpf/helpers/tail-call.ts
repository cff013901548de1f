/**
 * bpf_tail_call. Compiled programs jump themselves and never call this record's function; it is here for the verifier, the
 * disassembler and the documentation.
 * @source kernel/bpf/core.c bpf_tail_call_proto. Cost: two dependent loads and an indirect jump, estimated
 */
import { BugError } from "../../engine/errors.ts";
import type { HelperDef } from "../helper.ts";

/** `bpf_tail_call`. */
export const tailCall: HelperDef = {
  id: 12,
  name: "tail_call",
  since: "4.2",
  args: ["ctx", "map", "u32"],
  ret: "void",
  gplOnly: false,
  progKinds: null,
  mapKinds: ["prog_array"],
  changesPacket: false,
  costNs: 3,
  call(): number {
    throw new BugError("TAIL_CALL_CALLED", "bpf_tail_call is built into the machine and cannot be called as a helper");
  },
};
