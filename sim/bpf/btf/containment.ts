/**
 * Values within values: a type that contains itself has no end, and whoever walks its values would not come back.
 * @source kernel/bpf/btf.c btf_check_all_types, env_stack_push (ELOOP), MAX_RESOLVE_DEPTH (E2BIG)
 */
import { MAX_DEPTH } from "./query.ts";
import type { BtfType } from "./types.ts";

/** Why types have no end, and where. */
export interface EndlessType {
  readonly id: number;
  /** `contains itself`, or how deep it nests. */
  readonly what: string;
}

const NONE: readonly number[] = [];

/** Types whose values lie within a value of this one. Pointers end it. */
function within(type: BtfType): readonly number[] {
  switch (type.kind) {
    case "array":
    case "typedef":
    case "type_tag":
    case "volatile":
    case "const":
    case "restrict":
    case "var":
      return [type.type];
    case "struct":
    case "union":
      return type.members.map((m) => m.type);
    case "datasec":
      return type.vars.map((v) => v.type);
    default:
      return NONE;
  }
}

/**
 * Looks for a type that contains itself, or that nests deeper than the kernel resolves.
 * @param types by id; every id that they refer to exists
 * @returns null when all of them end
 */
export function findEndless(types: readonly BtfType[]): EndlessType | null {
  /** Levels of a type's values; 0: not known yet, -1: being looked at. */
  const levels = new Int32Array(types.length);
  let found: EndlessType | null = null;
  const measure = (id: number, depth: number): number => {
    const known = levels[id]!;
    if (known > 0 || found !== null) return known;
    if (known < 0) {
      found = { id, what: "contains itself" };
      return 0;
    }
    if (depth > MAX_DEPTH) {
      found = { id, what: `is nested more than ${MAX_DEPTH} levels deep` };
      return 0;
    }
    levels[id] = -1;
    let deepest = 0;
    for (const inner of within(types[id]!)) deepest = Math.max(deepest, measure(inner, depth + 1));
    levels[id] = deepest + 1;
    return deepest + 1;
  };
  for (let id = 1; id < types.length && found === null; id++) measure(id, 0);
  return found;
}
