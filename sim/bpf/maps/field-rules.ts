/**
 * Which map types may have which of the kernel's fields in their values.
 * @source kernel/bpf/syscall.c map_check_btf; kernel/bpf/btf.c btf_parse_fields. Every refusal was asked of Linux 6.18; with two
 *         locks, or a list without one, it refuses the types themselves, and with these errnos
 */
import { type SpecialKind, specialFields } from "../btf/special-fields.ts";
import type { MapSpec } from "../spec.ts";
import { E2BIG, EACCES, EINVAL, EOPNOTSUPP } from "./errno.ts";
import { BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG, type Refusal } from "./flags.ts";

const OWNED: readonly string[] = ["sk_storage", "task_storage", "cgrp_storage"];
const LOCKED: readonly string[] = ["hash", "array", "cgroup_storage", ...OWNED];
const ASYNC: readonly string[] = ["hash", "lru_hash", "array"];
const KPTR: readonly string[] = [
  "hash",
  "percpu_hash",
  "lru_hash",
  "lru_percpu_hash",
  "array",
  "percpu_array",
  ...OWNED,
];
const RULES: ReadonlyMap<SpecialKind, readonly string[]> = new Map([
  ["spin_lock", LOCKED],
  ["res_spin_lock", LOCKED],
  ["timer", ASYNC],
  ["wq", ASYNC],
  ["task_work", ASYNC],
  ["list_head", ASYNC],
  ["rb_root", ASYNC],
  ["kptr_untrusted", KPTR],
  ["kptr", KPTR],
  ["percpu_kptr", KPTR],
  ["refcount", KPTR],
  ["uptr", ["task_storage"]],
]);
/** @returns null, or the errno and the reason that BPF_MAP_CREATE refuses a map's value type with */
export function checkFields(spec: MapSpec): Refusal | null {
  // in a value, nodes are no fields
  const kinds = specialFields(spec.btf, spec.valueTypeId)
    .map((f) => f.kind)
    .filter((kind) => RULES.has(kind));
  if (kinds.length === 0) return null;
  const value = `the value of a map of type ${spec.kind}`;
  for (const kind of ["spin_lock", "res_spin_lock"]) {
    if (kinds.filter((k) => k === kind).length > 1) return { errno: E2BIG, reason: `${value} has two bpf_${kind}s` };
  }
  const locks = kinds.filter((k) => k === "spin_lock" || k === "res_spin_lock").length;
  if (locks > 1) return { errno: EINVAL, reason: `${value} has two kinds of lock` };
  if (locks === 0 && (kinds.includes("list_head") || kinds.includes("rb_root"))) {
    return { errno: EINVAL, reason: `${value} has a list or a tree and no lock` };
  }
  if ((spec.flags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)) !== 0) {
    return { errno: EACCES, reason: `${value} has fields of the kernel, and programs may not write or not read it` };
  }
  for (const kind of kinds) {
    if (RULES.get(kind)!.includes(spec.kind)) continue;
    return { errno: EOPNOTSUPP, reason: `${value} cannot have a ${kind}` };
  }
  return null;
}
