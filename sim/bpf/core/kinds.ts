/** The 13 kinds of CO-RE relocations. @source include/uapi/linux/bpf.h enum bpf_core_relo_kind; libbpf src/relo_core.c core_relo_kind_str */

/** By number, as libbpf's messages name them. */
export const CORE_KINDS = [
  "byte_off",
  "byte_sz",
  "field_exists",
  "signed",
  "lshift_u64",
  "rshift_u64",
  "local_type_id",
  "target_type_id",
  "type_exists",
  "type_size",
  "enumval_exists",
  "enumval_value",
  "type_matches",
] as const;

/** A kind's name. */
export type CoreKind = (typeof CORE_KINDS)[number];

/** What a relocation asks about. */
export type CoreSubject = "field" | "type" | "enumval";

/** Whether a kind is about a member, a type as a whole or an enumerator. */
export function subjectOf(kind: CoreKind): CoreSubject {
  switch (kind) {
    case "byte_off":
    case "byte_sz":
    case "field_exists":
    case "signed":
    case "lshift_u64":
    case "rshift_u64":
      return "field";
    case "enumval_exists":
    case "enumval_value":
      return "enumval";
    default:
      return "type";
  }
}
