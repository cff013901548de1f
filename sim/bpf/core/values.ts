/**
 * The number that a relocation stands for: an offset, a size, a shift, an id, an enumerator's value, yes or no.
 * @source libbpf src/relo_core.c bpf_core_calc_field_relo, bpf_core_calc_type_relo, bpf_core_calc_enumval_relo, bpf_core_calc_relo
 */
import { resolve, sizeOf, typeOf } from "../btf/query.ts";
import type { Btf, BtfMember, BtfType } from "../btf/types.ts";
import { type AccessSpec, E2BIG, EINVAL } from "./access.ts";
import { subjectOf } from "./kinds.ts";

/** What becomes of an instruction. Values are 64-bit patterns, unsigned. */
export interface CoreResult {
  /** What the instruction has, by the program's types. */
  readonly before: bigint;
  readonly after: bigint;
  /** There is nothing in the kernel: the instruction must not be reached. */
  readonly poison: boolean;
  /** The instruction must have `before`. */
  readonly validate: boolean;
  /** Bytes that a load or store takes, 0 when they do not matter. */
  readonly sizeBefore: number;
  readonly sizeAfter: number;
  /** The sizes differ and a load of the other size would not read the same value. */
  readonly sizeMismatch: boolean;
}

/** What kept a value from being computed: libbpf's error number, and its words where it has some. */
export interface ValueError {
  readonly errno: number;
  readonly why?: (relocation: string) => string;
}

/** Computes both values. @param target null: no type of the kernel has it */
export function resultOf(local: AccessSpec, target: AccessSpec | null): CoreResult | ValueError {
  switch (subjectOf(local.kind)) {
    case "field":
      return fieldResult(local, target);
    case "type": {
      const before = typeValue(local);
      const after = target === null ? 0 : typeValue(target);
      if (before === null || after === null) return { errno: EINVAL };
      return plain(BigInt(before), BigInt(after), local.kind !== "target_type_id");
    }
    case "enumval": {
      if (local.kind === "enumval_exists") return plain(1n, target === null ? 0n : 1n, true);
      if (target === null) return POISON;
      return plain(enumValue(local), enumValue(target), true);
    }
  }
}

function plain(before: bigint, after: bigint, validate: boolean): CoreResult {
  return { before, after, poison: false, validate, sizeBefore: 0, sizeAfter: 0, sizeMismatch: false };
}

const POISON: CoreResult = { ...plain(0n, 0n, true), poison: true };

function typeValue(spec: AccessSpec): number | null {
  if (spec.kind === "type_size") return sizeOf(spec.btf, spec.rootTypeId);
  return spec.kind === "target_type_id" ? spec.rootTypeId : 1;
}

/** 32-bit enumerators are sign-extended, whatever the enum's own signedness is. */
function enumValue(spec: AccessSpec): bigint {
  const { typeId, index } = spec.accessors[0]!;
  const type = typeOf(spec.btf, typeId);
  const value = type.kind === "enum" ? type.values[index]!.value : 0n;
  const wide = type.kind === "enum" && type.wide === true;
  return BigInt.asUintN(64, wide ? value : BigInt.asIntN(32, value));
}

function fieldResult(local: AccessSpec, target: AccessSpec | null): CoreResult | ValueError {
  if (local.kind === "field_exists") return plain(1n, target === null ? 0n : 1n, true);
  const before = fieldValue(local);
  if ("errno" in before) return before;
  if (target === null) return POISON;
  const after = fieldValue(target);
  if ("errno" in after) return after;
  return {
    ...plain(BigInt(before.value), BigInt(after.value), before.validate),
    sizeBefore: before.size,
    sizeAfter: after.size,
    sizeMismatch: before.size !== after.size && !mayResize(before.type, after.type),
  };
}

/** Loads of pointers and of unsigned integers may change their size: the rest of the register becomes 0. */
function mayResize(before: BtfType, after: BtfType): boolean {
  if (before.kind === "ptr" && after.kind === "ptr") return true;
  const unsigned = (t: BtfType): boolean => t.kind === "int" && !(t.signed && !t.char && !t.bool);
  return unsigned(before) && unsigned(after);
}

interface FieldValue {
  readonly value: number;
  readonly validate: boolean;
  /** Bytes of the field (of an array's element), 0 when they do not matter. */
  readonly size: number;
  readonly type: BtfType;
}

function fieldValue(spec: AccessSpec): FieldValue | ValueError {
  const last = spec.accessors[spec.accessors.length - 1]!;
  const owner = typeOf(spec.btf, last.typeId);
  if (last.name === null) return elementValue(spec, last.typeId);
  const member = (owner as { readonly members: readonly BtfMember[] }).members[last.index]!;
  const { id, type } = resolve(spec.btf, member.type);
  const size = sizeOf(spec.btf, id);
  if (size === null) return { errno: EINVAL };
  const place = member.bitSize > 0 ? bitFieldPlace(spec, member.bitSize, size) : wholePlace(spec, size);
  if ("errno" in place) return place;
  const bitField = member.bitSize > 0;
  const answer = (value: number, validate: boolean): FieldValue => ({ value, validate, size: 0, type });
  switch (spec.kind) {
    case "byte_off": {
      if (bitField) return answer(place.byteOffset, false);
      const element = elementSize(spec.btf, id);
      return element === null ? { errno: EINVAL } : { value: place.byteOffset, validate: true, size: element, type };
    }
    case "byte_sz":
      return answer(place.byteSize, !bitField);
    case "signed":
      return answer((type.kind === "enum" || type.kind === "int") && type.signed ? 1 : 0, true);
    case "lshift_u64":
      return answer(64 - (spec.bitOffset + place.bitSize - place.byteOffset * 8), !bitField);
    default:
      return answer(64 - place.bitSize, true);
  }
}

function elementValue(spec: AccessSpec, typeId: number): FieldValue | ValueError {
  const type = typeOf(spec.btf, typeId);
  if (spec.kind === "byte_off") {
    const size = elementSize(spec.btf, typeId);
    if (size === null) return { errno: EINVAL };
    return { value: Math.floor(spec.bitOffset / 8), validate: true, size, type };
  }
  if (spec.kind !== "byte_sz") {
    return { errno: EINVAL, why: (relocation) => `${relocation} can't be applied to array access` };
  }
  const size = sizeOf(spec.btf, typeId);
  return size === null ? { errno: EINVAL } : { value: size, validate: true, size: 0, type };
}

/** Size of what an array is made of, down through its dimensions. */
function elementSize(btf: Btf, typeId: number): number | null {
  let at = resolve(btf, typeId);
  for (let depth = 0; at.type.kind === "array" && depth < 32; depth++) at = resolve(btf, at.type.type);
  return sizeOf(btf, at.id);
}

interface Place {
  readonly byteOffset: number;
  readonly byteSize: number;
  readonly bitSize: number;
}

function wholePlace(spec: AccessSpec, size: number): Place {
  return { byteOffset: Math.floor(spec.bitOffset / 8), byteSize: size, bitSize: size * 8 };
}

/** The smallest aligned integer that holds all of a bit field. */
function bitFieldPlace(spec: AccessSpec, bitSize: number, typeSize: number): Place | ValueError {
  const offsetFor = (size: number): number => Math.floor(Math.floor(spec.bitOffset / 8) / size) * size;
  let byteSize = typeSize;
  while (spec.bitOffset + bitSize - offsetFor(byteSize) * 8 > byteSize * 8) {
    if (byteSize >= 8) return { errno: E2BIG, why: (relocation) => `${relocation} can't be satisfied for bitfield` };
    byteSize *= 2;
  }
  return { byteOffset: offsetFor(byteSize), byteSize, bitSize };
}
