/**
 * Functions that an object wants of the kernel. libbpf looks all of them up before it loads anything, also those of programs that are
 * not asked for: one that is missing refuses the whole object.
 *
 * @source libbpf src/libbpf.c bpf_object__resolve_ksyms_btf_id; asked of libbpf 1.1 and 1.7 on Linux 6.18
 * @differs what counts as the kernel's are the functions of `kernel.btf`, all of Linux's kfuncs among them. A variable that the simulated
 *          kernel lacks refuses only the programs that use it: Linux has more of them
 */
import { ObjectError } from "../../engine/errors.ts";
import type { KernelTypes } from "../core/kernel-types.ts";
import type { ObjectSpec } from "../spec.ts";

/** @throws ObjectError EXTERN_UNRESOLVED for a strong function that the kernel does not have */
export function requireExterns(object: ObjectSpec, kernel: KernelTypes): void {
  for (const program of object.programs) {
    for (const r of program.relocations) {
      if (r.kind !== "kfunc" || r.weak || kernel.funcId(r.name) !== 0) continue;
      throw new ObjectError({
        code: "EXTERN_UNRESOLVED",
        message: `${object.path}: extern (func ksym) '${r.name}': not found in kernel or module BTFs`,
        fix: `declare it __weak, and call it where bpf_ksym_exists(${r.name}) says so`,
      });
    }
  }
}
