/**
 * The access string of a relocation as a path through types: `0:1:2` of `struct sock` is the first element of what the pointer
 * points to, its second member, that one's third.
 * @source libbpf src/relo_core.c bpf_core_parse_spec, bpf_core_format_spec
 */
import { resolve, sizeOf, typeOf } from "../btf/query.ts";
import type { Btf, BtfType } from "../btf/types.ts";
import { type CoreKind, subjectOf } from "./kinds.ts";

/** BPF_CORE_SPEC_MAX_LEN: steps in an access string. */
export const MAX_STEPS = 64;
/** Larger indices are none (C's int). */
const MAX_INDEX = 0x7fffffff;
/** Error numbers that libbpf answers. */
export const EINVAL = 22;
export const E2BIG = 7;

/** A step that means something: a named member, an element of an array, an enumerator. */
export interface Accessor {
  /** The struct that has the member; for an element, its own type. */
  readonly typeId: number;
  readonly index: number;
  /** null: an element. */
  readonly name: string | null;
}

/** An access, in the program's types or in the kernel's. */
export interface AccessSpec {
  readonly btf: Btf;
  readonly kind: CoreKind;
  readonly rootTypeId: number;
  /** The turning points; empty for relocations of whole types. */
  readonly accessors: Accessor[];
  /** Every step, anonymous members included. */
  readonly steps: number[];
  bitOffset: number;
}

/** An access with no step yet. */
export function emptySpec(btf: Btf, kind: CoreKind, rootTypeId: number): AccessSpec {
  return { btf, kind, rootTypeId, accessors: [], steps: [], bitOffset: 0 };
}

/**
 * An array without a size at the end of its struct has elements of any index.
 * @param last the member that is the array
 */
export function isFlexible(btf: Btf, last: Accessor | undefined, count: number): boolean {
  if (last === undefined || last.name === null || count > 0) return false;
  const owner = typeOf(btf, last.typeId);
  return (owner.kind === "struct" || owner.kind === "union") && last.index === owner.members.length - 1;
}

/** What came of an access string: a path, or libbpf's negative error number. */
export type ParsedAccess = { readonly spec: AccessSpec } | { readonly errno: number; readonly why?: string };

const INVALID: ParsedAccess = { errno: EINVAL };

/** Reads the access string of a relocation in the program's own types. */
export function parseAccess(btf: Btf, kind: CoreKind, typeId: number, access: string): ParsedAccess {
  const spec = emptySpec(btf, kind, typeId);
  const subject = subjectOf(kind);
  if (subject === "type") return access === "0" ? { spec } : INVALID;
  if (!/^\d+(:\d+)*$/.test(access)) return INVALID;
  spec.steps.push(...access.split(":").map(Number));
  if (spec.steps.length > MAX_STEPS) return { errno: E2BIG };
  if (spec.steps.some((s) => s > MAX_INDEX)) return INVALID;
  const root = resolve(btf, typeId);
  const first = spec.steps[0]!;
  if (subject === "enumval") {
    if (root.type.kind !== "enum" || spec.steps.length > 1) return INVALID;
    const value = root.type.values[first];
    if (value === undefined) return INVALID;
    spec.accessors.push({ typeId: root.id, index: first, name: value.name });
    return { spec };
  }
  spec.accessors.push({ typeId: root.id, index: first, name: null });
  const size = sizeOf(btf, root.id);
  if (size === null) return INVALID;
  spec.bitOffset = first * size * 8;
  let id = root.id;
  for (let i = 1; i < spec.steps.length; i++) {
    const next = step(spec, id, i);
    if (typeof next !== "number") return next;
    id = next;
  }
  return { spec };
}

/** Takes one step from a type. @returns the type it leads to */
function step(spec: AccessSpec, from: number, i: number): number | ParsedAccess {
  const { btf } = spec;
  const { id, type } = resolve(btf, from);
  const index = spec.steps[i]!;
  if (type.kind === "struct" || type.kind === "union") {
    const member = type.members[index];
    if (member === undefined) return INVALID;
    spec.bitOffset += member.bitOffset;
    if (member.name !== "") spec.accessors.push({ typeId: id, index, name: member.name });
    return member.type;
  }
  if (type.kind !== "array") {
    const path = spec.steps.join(":");
    const why = `relo for [${spec.rootTypeId}] ${path} (at idx ${i}) captures type [${id}] of unexpected kind ${kindName(type)}`;
    return { errno: EINVAL, why };
  }
  if (index >= type.count && !isFlexible(btf, spec.accessors[spec.accessors.length - 1], type.count)) return INVALID;
  const element = resolve(btf, type.type).id;
  const size = sizeOf(btf, element);
  if (size === null) return INVALID;
  spec.accessors.push({ typeId: element, index, name: null });
  spec.bitOffset += index * size * 8;
  return element;
}

/** A kind as libbpf's messages write it. @source libbpf src/libbpf.c __btf_kind_str */
export function kindName(type: BtfType): string {
  if (type.kind === "void") return "void";
  return type.kind === "enum" && type.wide === true ? "enum64" : type.kind;
}

/** `<byte_off> [7] struct sk_buff.len (0:0 @ offset 4)` */
export function formatSpec(spec: AccessSpec): string {
  const root = typeOf(spec.btf, spec.rootTypeId);
  const name = "name" in root && root.name !== "" ? root.name : "<anon>";
  const head = `<${spec.kind}> [${spec.rootTypeId}] ${kindName(root)} ${name}`;
  const subject = subjectOf(spec.kind);
  if (subject === "type") return head;
  if (subject === "enumval") {
    const { type } = resolve(spec.btf, spec.rootTypeId);
    const value = type.kind === "enum" ? type.values[spec.steps[0] ?? 0] : undefined;
    return value === undefined ? head : `${head}::${value.name} = ${value.value}`;
  }
  const path = spec.accessors
    .map((a, i) => (a.name !== null ? `.${a.name}` : i > 0 || a.index > 0 ? `[${a.index}]` : ""))
    .join("");
  const bits = spec.bitOffset % 8;
  const offset = `${Math.floor(spec.bitOffset / 8)}${bits === 0 ? "" : `.${bits}`}`;
  return `${head}${path} (${spec.steps.join(":")} @ offset ${offset})`;
}
