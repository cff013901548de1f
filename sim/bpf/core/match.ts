/**
 * Finds an access of the program's types in a type of the kernel.
 * @source libbpf src/relo_core.c bpf_core_spec_match, bpf_core_match_member
 */
import { resolve, sizeOf, typeOf } from "../btf/query.ts";
import type { Btf } from "../btf/types.ts";
import { type Accessor, type AccessSpec, E2BIG, EINVAL, emptySpec, isFlexible, MAX_STEPS } from "./access.ts";
import { fieldsAreCompatible, typesAreCompatible, typesMatch } from "./compat.ts";
import { subjectOf } from "./kinds.ts";
import { essentialName } from "./names.ts";

/** Members that one search looks at; anonymous structs within each other could have more than any time suffices for. */
const MAX_MEMBERS = 1 << 20;

/** What a candidate answers. */
export interface Match {
  /** 1: `spec` is the access in the kernel's types; 0: it has no such thing; negative: libbpf's error. */
  readonly result: number;
  readonly spec: AccessSpec;
}

/** Tries one type of the kernel. */
export function matchCandidate(local: AccessSpec, btf: Btf, typeId: number): Match {
  const spec = emptySpec(btf, local.kind, typeId);
  return { result: match(local, spec), spec };
}

function match(local: AccessSpec, spec: AccessSpec): number {
  const one = { btf: local.btf, id: local.rootTypeId };
  const two = { btf: spec.btf, id: spec.rootTypeId };
  switch (subjectOf(local.kind)) {
    case "type":
      return local.kind === "type_matches" ? typesMatch(one, two) : typesAreCompatible(one, two);
    case "enumval":
      return matchEnumerator(local.accessors[0]!, spec);
    case "field":
      return matchFields(local, spec);
  }
}

function matchEnumerator(wanted: Accessor, spec: AccessSpec): number {
  const { id, type } = resolve(spec.btf, spec.rootTypeId);
  if (type.kind !== "enum") return 0;
  const name = essentialName(wanted.name ?? "");
  const index = type.values.findIndex((v) => essentialName(v.name) === name);
  if (index < 0) return 0;
  spec.accessors.push({ typeId: id, index, name: type.values[index]!.name });
  spec.steps.push(index);
  return 1;
}

function matchFields(local: AccessSpec, spec: AccessSpec): number {
  const { btf } = spec;
  let at = spec.rootTypeId;
  for (let i = 0; i < local.accessors.length; i++) {
    const wanted = local.accessors[i]!;
    const { id, type } = resolve(btf, at);
    at = id;
    if (wanted.name !== null) {
      const found = matchMember(local.btf, wanted, id, spec, { left: MAX_MEMBERS });
      if (found.result <= 0) return found.result;
      at = found.typeId;
      continue;
    }
    if (i > 0) {
      if (type.kind !== "array") return 0;
      if (wanted.index >= type.count && !isFlexible(btf, spec.accessors[i - 1], type.count)) return 0;
      at = resolve(btf, type.type).id;
    }
    if (spec.steps.length === MAX_STEPS) return -E2BIG;
    spec.accessors.push({ typeId: at, index: wanted.index, name: null });
    spec.steps.push(wanted.index);
    const size = sizeOf(btf, at);
    if (size === null) return -EINVAL;
    spec.bitOffset += wanted.index * size * 8;
  }
  return 1;
}

interface MemberMatch {
  readonly result: number;
  /** The member's type. */
  readonly typeId: number;
}

/** Looks for a member by name, in anonymous members as well. */
function matchMember(
  localBtf: Btf,
  wanted: Accessor,
  structId: number,
  spec: AccessSpec,
  budget: { left: number },
): MemberMatch {
  const none: MemberMatch = { result: 0, typeId: 0 };
  const { id, type } = resolve(spec.btf, structId);
  if (type.kind !== "struct" && type.kind !== "union") return none;
  const owner = typeOf(localBtf, wanted.typeId);
  const local = owner.kind === "struct" || owner.kind === "union" ? owner.members[wanted.index] : undefined;
  for (let i = 0; i < type.members.length; i++) {
    const member = type.members[i]!;
    if (spec.steps.length === MAX_STEPS || --budget.left <= 0) return { result: -E2BIG, typeId: 0 };
    spec.bitOffset += member.bitOffset;
    spec.steps.push(i);
    if (member.name === "") {
      const found = matchMember(localBtf, wanted, member.type, spec, budget);
      if (found.result !== 0) return found;
    } else if (member.name === wanted.name) {
      const fits = fieldsAreCompatible({ btf: localBtf, id: local?.type ?? 0 }, { btf: spec.btf, id: member.type });
      if (fits !== 0) spec.accessors.push({ typeId: id, index: i, name: member.name });
      return { result: fits, typeId: member.type };
    }
    spec.bitOffset -= member.bitOffset;
    spec.steps.pop();
  }
  return none;
}
