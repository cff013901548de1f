/**
 * What is known at compile time about the contents of a register: enough to leave access checks out or to make them short.
 * It is a hint about provenance, not a verification: whatever is not known is checked at run time.
 */
import { BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG } from "../maps/flags.ts";
import type { LinkedProgram } from "./link.ts";
import { holdsSockets } from "./map-helpers.ts";

/** Contents of a register or of an 8-byte stack slot. */
export type Kind =
  | { readonly t: "any" }
  /** A 32-bit constant as a signed number. */
  | { readonly t: "const"; readonly value: number }
  /** A number below 2 to the power of `bits`, 62 at most. */
  | { readonly t: "scalar"; readonly bits: number }
  /** The program's context plus a constant. */
  | { readonly t: "ctx"; readonly off: number }
  /** r10 of this frame plus a constant. */
  | { readonly t: "stack"; readonly off: number }
  /** Derived from the context's `data`. */
  | { readonly t: "packet" }
  /** The context's `data_end` as it is now. */
  | { readonly t: "packet_end" }
  /** A map value plus a constant (null: plus something). Nullable: it may also be 0 plus that constant. */
  | {
      readonly t: "value";
      readonly off: number | null;
      readonly nullable: boolean;
      /** Slot of the lookup that made it, -1 when several may have. */
      readonly id: number;
      /** bytes that may be accessed */
      readonly size: number;
      /** Index of the map whose only value it is, as that value's address is known; -1: another. */
      readonly only: number;
      readonly readable: boolean;
      readonly writable: boolean;
    }
  /** A map of the program, by index. */
  | { readonly t: "map"; readonly map: number }
  /** A map out of a map of maps; or null. */
  | { readonly t: "inner"; readonly outer: number; readonly nullable: boolean; readonly id: number };

/** A pointer into a map value. */
export type ValueKind = Extract<Kind, { t: "value" }>;

/** Nothing is known. */
export const ANY: Kind = { t: "any" };

/** As large as 32-bit arithmetic makes a number that grows with each turn of a loop. */
const WORD_BITS = 32;
const SCALARS: readonly Kind[] = Array.from({ length: 63 }, (_, bits) => ({ t: "scalar", bits }));

/** A number below 2 to the power of `bits`; anything when that is not known to be positive as a signed one. */
export function scalarKind(bits: number): Kind {
  return SCALARS[bits] ?? ANY;
}

/** The least n with which a number is known to be below 2 to the power of n; Infinity when none is known. */
export function bitsOf(kind: Kind): number {
  if (kind.t === "scalar") return kind.bits;
  return kind.t === "const" && kind.value >= 0 ? 32 - Math.clz32(kind.value) : Number.POSITIVE_INFINITY;
}

/** What a lookup in a map (or in an inner map of the outer one's template) returns. */
export function lookupKind(program: LinkedProgram, of: Kind, slot: number): Kind {
  if (of.t !== "map" && of.t !== "inner") return ANY;
  const spec = program.maps[of.t === "map" ? of.map : of.outer]!.spec;
  if (of.t === "map" && (spec.kind === "array_of_maps" || spec.kind === "hash_of_maps")) {
    return { t: "inner", outer: of.map, nullable: true, id: slot };
  }
  const values = of.t === "map" ? spec : spec.inner;
  if (values === null || holdsSockets(values.kind)) return ANY;
  return {
    t: "value",
    off: 0,
    nullable: true,
    id: slot,
    size: values.valueSize,
    only: -1,
    readable: (values.flags & BPF_F_WRONLY_PROG) === 0,
    writable: !values.readonly && (values.flags & BPF_F_RDONLY_PROG) === 0,
  };
}

/** What the address of a byte of a data section's map is. */
export function directValueKind(program: LinkedProgram, map: number, offset: number): Kind {
  const of = lookupKind(program, { t: "map", map }, -1);
  return of.t === "value" ? { ...of, off: offset, nullable: false, only: map } : ANY;
}

/** What holds on both of two paths. @param widen `b` comes around a loop: a larger number may be larger still the next time */
export function joinKinds(a: Kind, b: Kind, widen: boolean = false): Kind {
  if (a === b) return a;
  if (a.t === "const" && b.t === "value") return joinNull(a.value, b);
  if (b.t === "const" && a.t === "value") return joinNull(b.value, a);
  switch (a.t) {
    case "any":
      return ANY;
    case "packet":
    case "packet_end":
      return b.t === a.t ? a : ANY;
    case "const":
      return b.t === "const" && a.value === b.value ? a : joinScalars(a, b, widen);
    case "scalar":
      return joinScalars(a, b, widen);
    case "ctx":
    case "stack":
      return b.t === a.t && a.off === b.off ? a : ANY;
    case "map":
      return b.t === "map" && a.map === b.map ? a : ANY;
    case "inner": {
      if (b.t !== "inner" || a.outer !== b.outer) return ANY;
      return { ...a, nullable: a.nullable || b.nullable, id: a.id === b.id ? a.id : -1 };
    }
    case "value": {
      if (b.t !== "value" || a.size !== b.size || a.readable !== b.readable || a.writable !== b.writable) return ANY;
      const off = a.off === b.off ? a.off : null;
      const only = a.only === b.only ? a.only : -1;
      return { ...a, off, only, nullable: a.nullable || b.nullable, id: a.id === b.id ? a.id : -1 };
    }
  }
}

/** Structural equality. */
export function sameKind(a: Kind, b: Kind): boolean {
  if (a === b) return true;
  if (a.t !== b.t) return false;
  switch (a.t) {
    case "any":
    case "packet":
    case "packet_end":
      return true;
    case "const":
      return a.value === (b as typeof a).value;
    case "scalar":
      return a.bits === (b as typeof a).bits;
    case "ctx":
    case "stack":
      return a.off === (b as typeof a).off;
    case "map":
      return a.map === (b as typeof a).map;
    case "inner": {
      const o = b as typeof a;
      return a.outer === o.outer && a.nullable === o.nullable && a.id === o.id;
    }
    case "value": {
      const o = b as typeof a;
      const same = a.off === o.off && a.nullable === o.nullable && a.id === o.id && a.only === o.only;
      return same && a.size === o.size && a.readable === o.readable && a.writable === o.writable;
    }
  }
}

function joinNull(constant: number, value: ValueKind): Kind {
  return constant === 0 && value.off === 0 ? { ...value, nullable: true, id: -1 } : ANY;
}

function joinScalars(a: Kind, b: Kind, widen: boolean): Kind {
  const [before, more] = [bitsOf(a), bitsOf(b)];
  if (widen && more > before) return more <= WORD_BITS ? scalarKind(WORD_BITS) : ANY;
  return scalarKind(Math.max(before, more));
}
