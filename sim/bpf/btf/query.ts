/** Questions about BTF types: what a type is beneath its typedefs, how big it is, what C calls it, which type has a name. */
import type { Btf, BtfType } from "./types.ts";

/** Deeper chains than the kernel resolves are a loop. @source kernel/bpf/btf.c MAX_RESOLVE_DEPTH */
export const MAX_DEPTH = 32;
/** Size of a pointer in BPF objects, bytes. */
export const POINTER_BYTES = 8;

const VOID: BtfType = { kind: "void" };

/** A type, with what was peeled off it. */
export interface Resolved {
  readonly id: number;
  readonly type: BtfType;
  /** The typedef names on the way, outermost first. */
  readonly names: readonly string[];
}

/** The type with an id; void for ids that do not exist. */
export function typeOf(btf: Btf, id: number): BtfType {
  return btf.types[id] ?? VOID;
}

/** Peels typedef, const, volatile, restrict and type tags off. A loop of them resolves to void. */
export function resolve(btf: Btf, id: number): Resolved {
  const names: string[] = [];
  let at = id;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const type = typeOf(btf, at);
    switch (type.kind) {
      case "typedef":
        names.push(type.name);
        at = type.type;
        break;
      case "const":
      case "volatile":
      case "restrict":
      case "type_tag":
        at = type.type;
        break;
      default:
        return { id: at, type, names };
    }
  }
  return { id: 0, type: VOID, names };
}

/**
 * Size of a value of a type.
 * @returns bytes, or null where C has none (void, functions, forward declarations, a loop of types)
 */
export function sizeOf(btf: Btf, id: number): number | null {
  let count = 1;
  let at = id;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const { type } = resolve(btf, at);
    switch (type.kind) {
      case "int":
      case "struct":
      case "union":
      case "enum":
      case "float":
      case "datasec":
        return count * type.size;
      case "ptr":
        return count * POINTER_BYTES;
      case "array":
        count *= type.count;
        at = type.type;
        break;
      case "var":
        at = type.type;
        break;
      default:
        return null;
    }
  }
  return null;
}

/** The type as C writes it, `struct lb_key`, `__be32`, `char [16]`, `const struct a *`. */
export function typeName(btf: Btf, id: number): string {
  return declaration(btf, id, "", 0);
}

/** A declaration as C writes it: `__u32 hits[4]`, `int (*next)(struct xdp_md *ctx)`. */
export function declare(btf: Btf, id: number, name: string): string {
  return declaration(btf, id, name, 0);
}

function declaration(btf: Btf, id: number, inner: string, depth: number): string {
  if (depth > MAX_DEPTH) return join("...", inner);
  const type = typeOf(btf, id);
  switch (type.kind) {
    case "void":
      return join("void", inner);
    case "int":
    case "float":
    case "typedef":
      return join(type.name, inner);
    case "struct":
    case "union":
    case "enum":
      return join(type.name === "" ? `${type.kind} {...}` : `${type.kind} ${type.name}`, inner);
    case "fwd":
      return join(`${type.union ? "union" : "struct"} ${type.name}`, inner);
    case "ptr": {
      const to = resolveTags(btf, type.type);
      const bound = to.kind === "array" || to.kind === "func_proto" ? `(*${inner})` : `*${inner}`;
      return declaration(btf, type.type, bound, depth + 1);
    }
    case "const":
    case "volatile":
    case "restrict": {
      const target = typeOf(btf, type.type);
      if (target.kind === "ptr") return declaration(btf, type.type, join(type.kind, inner), depth + 1);
      return `${type.kind} ${declaration(btf, type.type, inner, depth + 1)}`;
    }
    case "type_tag":
      return declaration(btf, type.type, inner, depth + 1);
    case "array":
      return declaration(btf, type.type, `${inner}[${type.count}]`, depth + 1);
    case "func":
      return declaration(btf, type.type, type.name, depth + 1);
    case "func_proto": {
      const params = type.params.map((p) => (p.type === 0 ? "..." : declaration(btf, p.type, p.name, depth + 1)));
      return declaration(btf, type.ret, `${inner}(${params.length === 0 ? "void" : params.join(", ")})`, depth + 1);
    }
    case "var":
      return declaration(btf, type.type, type.name, depth + 1);
    case "datasec":
    case "decl_tag":
      return join(type.name, inner);
  }
}

function resolveTags(btf: Btf, id: number): BtfType {
  let type = typeOf(btf, id);
  for (let depth = 0; type.kind === "type_tag" && depth < MAX_DEPTH; depth++) type = typeOf(btf, type.type);
  return type;
}

function join(left: string, right: string): string {
  return right === "" ? left : `${left} ${right}`;
}

/**
 * Ids of the types with a name and, if given, a kind. Struct, union and enum names are given without the keyword.
 * @returns ids in ascending order
 */
export function findTypes(btf: Btf, name: string, kind?: BtfType["kind"]): number[] {
  const out: number[] = [];
  btf.types.forEach((type, id) => {
    if ("name" in type && type.name === name && (kind === undefined || type.kind === kind)) out.push(id);
  });
  return out;
}

/** The id of the first type of a kind with a name, or 0. */
export function findType(btf: Btf, name: string, kind: BtfType["kind"]): number {
  return findTypes(btf, name, kind)[0] ?? 0;
}
