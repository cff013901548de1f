/**
 * When a type of the program and a type of the kernel are the same thing for CO-RE.
 * Answers are 1 yes, 0 no, or libbpf's negative error number.
 * @source libbpf src/relo_core.c bpf_core_fields_are_compat, __bpf_core_types_are_compat, __bpf_core_types_match
 */
import { MAX_DEPTH, resolve, typeOf } from "../btf/query.ts";
import type { Btf, BtfType } from "../btf/types.ts";
import { EINVAL } from "./access.ts";
import { essentialName } from "./names.ts";

/** A type with where it is from. */
export interface TypeAt {
  readonly btf: Btf;
  readonly id: number;
}

type Proto = Extract<BtfType, { kind: "func_proto" }>;
type Composite = Extract<BtfType, { kind: "struct" | "union" }>;

/** Pairs of types that one comparison may look at; structs within structs could ask for more than any time suffices for. */
const MAX_PAIRS = 1 << 20;

/** How many pairs are left. */
interface Budget {
  left: number;
}

/** A member of the program's struct and one of the kernel's of the same name may stand for each other. */
export function fieldsAreCompatible(local: TypeAt, target: TypeAt): number {
  let [l, t] = [resolve(local.btf, local.id), resolve(target.btf, target.id)];
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const [a, b] = [l.type, t.type];
    if (isComposite(a) && isComposite(b)) return 1;
    if (a.kind !== b.kind) return 0;
    switch (a.kind) {
      case "ptr":
      case "float":
        return 1;
      case "int":
        return plainInt(a) && plainInt(b) ? 1 : 0;
      case "fwd":
      case "enum": {
        const [x, y] = [essentialName(a.name), essentialName((b as typeof a).name)];
        return x === "" || y === "" || x === y ? 1 : 0;
      }
      case "array":
        l = resolve(local.btf, a.type);
        t = resolve(target.btf, (b as typeof a).type);
        break;
      default:
        return 0;
    }
  }
  return -EINVAL;
}

/** Two types whose names match are of one kind, seen through pointers, arrays and prototypes. */
export function typesAreCompatible(local: TypeAt, target: TypeAt): number {
  return compatible(local, target, MAX_DEPTH, { left: MAX_PAIRS });
}

function compatible(local: TypeAt, target: TypeAt, level: number, budget: Budget): number {
  if (--budget.left <= 0) return -EINVAL;
  if (typeOf(local.btf, local.id).kind !== typeOf(target.btf, target.id).kind) return 0;
  let [l, t] = [local.id, target.id];
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const [a, b] = [resolve(local.btf, l).type, resolve(target.btf, t).type];
    if (a.kind !== b.kind) return 0;
    switch (a.kind) {
      case "void":
      case "struct":
      case "union":
      case "enum":
      case "fwd":
        return 1;
      case "int":
        return plainInt(a) && plainInt(b) ? 1 : 0;
      case "ptr":
      case "array":
        l = a.type;
        t = (b as typeof a).type;
        break;
      case "func_proto": {
        const other = b as Proto;
        if (a.params.length !== other.params.length) return 0;
        for (let i = 0; i < a.params.length; i++) {
          if (level <= 0) return -EINVAL;
          const one = { btf: local.btf, id: resolve(local.btf, a.params[i]!.type).id };
          const two = { btf: target.btf, id: resolve(target.btf, other.params[i]!.type).id };
          const same = compatible(one, two, level - 1, budget);
          if (same <= 0) return same;
        }
        l = a.ret;
        t = other.ret;
        break;
      }
      default:
        return 0;
    }
  }
  return -EINVAL;
}

/** Two types whose names match have the same content: every member of the program's is in the kernel's, and so on downwards. */
export function typesMatch(local: TypeAt, target: TypeAt): number {
  return match(local, target, false, MAX_DEPTH, { left: MAX_PAIRS });
}

function match(local: TypeAt, target: TypeAt, behindPointer: boolean, level: number, budget: Budget): number {
  if (level <= 0 || --budget.left <= 0) return -EINVAL;
  let [l, t, behind] = [local.id, target.id, behindPointer];
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const [a, b] = [resolve(local.btf, l).type, resolve(target.btf, t).type];
    if (!namesMatch(nameOf(a), nameOf(b))) return 0;
    switch (a.kind) {
      case "void":
        return b.kind === "void" ? 1 : 0;
      case "fwd":
        if (b.kind === "fwd") return a.union === b.union ? 1 : 0;
        return behind && b.kind === (a.union ? "union" : "struct") ? 1 : 0;
      case "enum":
        return b.kind === "enum" && enumsMatch(a, b) ? 1 : 0;
      case "struct":
      case "union":
        if (!behind) {
          if (a.kind !== b.kind) return 0;
          return compositesMatch(local.btf, a, target.btf, b as Composite, behind, level, budget);
        }
        if (a.kind === b.kind) return 1;
        return b.kind === "fwd" && b.union === (a.kind === "union") ? 1 : 0;
      case "int":
        return b.kind === "int" && a.size === b.size && a.signed === b.signed ? 1 : 0;
      case "ptr":
        if (b.kind !== "ptr") return 0;
        behind = true;
        l = a.type;
        t = b.type;
        break;
      case "array":
        if (b.kind !== "array" || a.count !== b.count) return 0;
        l = a.type;
        t = b.type;
        break;
      case "func_proto": {
        if (b.kind !== "func_proto" || a.params.length !== b.params.length) return 0;
        for (let i = 0; i < a.params.length; i++) {
          const one = { btf: local.btf, id: a.params[i]!.type };
          const same = match(one, { btf: target.btf, id: b.params[i]!.type }, behind, level - 1, budget);
          if (same <= 0) return same;
        }
        l = a.ret;
        t = b.ret;
        break;
      }
      default:
        return 0;
    }
  }
  return -EINVAL;
}

function compositesMatch(
  localBtf: Btf,
  local: Composite,
  targetBtf: Btf,
  target: Composite,
  behind: boolean,
  level: number,
  budget: Budget,
): number {
  if (local.members.length > target.members.length) return 0;
  for (const member of local.members) {
    let matched = false;
    for (const candidate of target.members) {
      if (!namesMatch(member.name, candidate.name)) continue;
      const one = { btf: localBtf, id: member.type };
      const same = match(one, { btf: targetBtf, id: candidate.type }, behind, level - 1, budget);
      if (same < 0) return same;
      if (same > 0) {
        matched = true;
        break;
      }
    }
    if (!matched) return 0;
  }
  return 1;
}

function enumsMatch(local: Extract<BtfType, { kind: "enum" }>, target: typeof local): boolean {
  if (local.size !== target.size || local.values.length > target.values.length) return false;
  return local.values.every((v) => target.values.some((w) => namesMatch(v.name, w.name)));
}

/** A nameless type of the kernel is only matched by a nameless one. */
function namesMatch(local: string, target: string): boolean {
  return target === "" ? local === "" : essentialName(local) === essentialName(target);
}

function nameOf(type: BtfType): string {
  return "name" in type ? type.name : "";
}

function isComposite(type: BtfType): boolean {
  return type.kind === "struct" || type.kind === "union";
}

/** Not one of the bit-field integers that compilers no longer write. */
function plainInt(type: BtfType): boolean {
  return type.kind === "int" && (type.bitOffset ?? 0) === 0;
}
