/**
 * bpf_kptr_xchg: pointers to allocated objects in map values.
 * @source kernel/bpf/helpers.c bpf_kptr_xchg. Cost: an estimate
 */
import { VerifierError } from "../../engine/errors.ts";
import type { BpfEnv } from "../env.ts";
import type { HelperDef } from "../helper.ts";
import { invalidObject } from "../objects.ts";

/** `bpf_kptr_xchg`: puts a pointer, or null, into a field and answers what was there. */
export const kptrXchg: HelperDef = {
  id: 194,
  name: "kptr_xchg",
  since: "5.19",
  args: ["map_field", "any"],
  ret: "obj_or_null",
  gplOnly: false,
  progKinds: null,
  mapKinds: null,
  changesPacket: false,
  costNs: 6,
  call(env: BpfEnv, field: number, pointer: number): number {
    const { arena, objects } = env.machine;
    if (arena.allows(field, 8, true) !== true) {
      const message = "R1 must point to a kptr in a map value";
      throw new VerifierError({ code: "KPTR_INVALID", message });
    }
    if (pointer !== 0 && !objects.holds(pointer >>> 0)) throw invalidObject();
    const old = arena.dv.getUint32(field, true);
    arena.dv.setUint32(field, pointer, true);
    arena.dv.setUint32(field + 4, 0, true);
    return old;
  },
};
