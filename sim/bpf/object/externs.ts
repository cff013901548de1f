/** What an undefined symbol stands for, by BTF. @source libbpf src/libbpf.c bpf_object__collect_externs */
import { resolve, typeOf } from "../btf/query.ts";
import type { Btf } from "../btf/types.ts";

const LINKAGE_EXTERN = 2;

/** How to call an undefined symbol in an error. */
export type ExternKind =
  | "kernel function"
  | "kernel variable"
  | "typeless kernel variable"
  | "undefined function"
  | "undefined symbol";

/**
 * `.ksyms` holds the kernel's functions and variables (`.kconfig` has a reader of its own); an extern function outside it is one
 * that nobody defined (memset, mostly, which clang calls for large objects).
 */
export function externKind(btf: Btf | null, name: string): ExternKind {
  if (btf === null) return "undefined symbol";
  for (const type of btf.types) {
    if (type.kind !== "datasec" || type.name !== ".ksyms") continue;
    for (const v of type.vars) {
      const member = typeOf(btf, v.type);
      if ((member.kind !== "var" && member.kind !== "func") || member.name !== name) continue;
      if (member.kind === "func") return "kernel function";
      return resolve(btf, member.type).type.kind === "void" ? "typeless kernel variable" : "kernel variable";
    }
  }
  const isFunction = btf.types.some((t) => t.kind === "func" && t.name === name && t.linkage === LINKAGE_EXTERN);
  return isFunction || /^mem(set|cpy|move|cmp)$/.test(name) ? "undefined function" : "undefined symbol";
}
