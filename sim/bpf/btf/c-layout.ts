/**
 * How a C compiler would lay a struct out, and what has to be written so that it does it as BTF says.
 * @source libbpf src/btf.c btf__align_of; src/btf_dump.c btf_is_struct_packed, btf_dump_emit_bit_padding
 */
import { ObjectError } from "../../engine/errors.ts";
import { POINTER_BYTES, resolve } from "./query.ts";
import type { Btf, BtfType } from "./types.ts";

type Composite = Extract<BtfType, { kind: "struct" | "union" }>;

/** A larger hole between two members is no C struct's. Bytes. */
const MAX_HOLE = 1 << 20;

/** Alignments within one BTF, each worked out once. */
export class Alignments {
  private readonly btf: Btf;
  private readonly known: Map<number, number> = new Map();

  constructor(btf: Btf) {
    this.btf = btf;
  }

  /** Alignment of a type, bytes; 0 for what has none (void, functions, forward declarations). */
  of(id: number): number {
    const known = this.known.get(id);
    if (known !== undefined) return known;
    this.known.set(id, 0); // what holds itself has none
    const align = this.compute(id);
    this.known.set(id, align);
    return align;
  }

  /** Whether a struct needs `__attribute__((packed))`. */
  isPacked(type: Composite): boolean {
    let most = 1;
    for (const m of type.members) {
      const align = this.of(m.type);
      if (align > 0 && m.bitSize === 0 && m.bitOffset % (8 * align) !== 0) return true;
      most = Math.max(most, align);
    }
    return type.size % most !== 0;
  }

  private compute(id: number): number {
    const { type } = resolve(this.btf, id);
    switch (type.kind) {
      case "int":
      case "enum":
      case "float":
        return Math.min(POINTER_BYTES, type.size);
      case "ptr":
        return POINTER_BYTES;
      case "array":
        return this.of(type.type);
      case "struct":
      case "union":
        return this.ofMembers(type);
      default:
        return 0;
    }
  }

  /** A member out of line with its alignment, or a size that is no multiple of it, says that the struct was packed. */
  private ofMembers(type: Composite): number {
    let most = 1;
    for (const m of type.members) {
      const align = this.of(m.type);
      if (align <= 0) return align;
      most = Math.max(most, align);
      if (m.bitSize === 0 && m.bitOffset % (8 * align) !== 0) return 1;
    }
    return type.size % most === 0 ? most : 1;
  }
}

/** An unnamed bit field. */
export interface Padding {
  readonly type: string;
  /** 0: go on at the type's alignment. */
  readonly bits: number;
}

const PADS: readonly Padding[] = [
  { type: "long", bits: 64 },
  { type: "int", bits: 32 },
  { type: "short", bits: 16 },
  { type: "char", bits: 8 },
];

/**
 * The unnamed bit fields that lead from one offset to another.
 * @unit from, to: bits; align: bytes, of what comes next
 * @throws ObjectError BTF_HOLE when they are too far apart
 * @param inBitField what comes before and behind are bit fields, between which a compiler adds nothing by itself
 */
export function paddingBetween(from: number, to: number, align: number, inBitField: boolean): Padding[] {
  const out: Padding[] = [];
  if (from >= to) return out;
  if (to - from > MAX_HOLE * 8) {
    const message = `a hole of ${Math.floor((to - from) / 8)} bytes in a struct, expected at most ${MAX_HOLE}`;
    throw new ObjectError({ code: "BTF_HOLE", message });
  }
  const pad = PADS.find((p) => roundUp(from, p.bits) <= to) ?? PADS[PADS.length - 1]!;
  const boundary = roundUp(from, pad.bits);
  let at = from;
  if (boundary > from && boundary <= to) {
    const unaided = boundary === to && roundUp(from, align * 8) !== boundary;
    const swallowed = boundary !== to && to - boundary <= boundary - from;
    if (inBitField) out.push({ type: pad.type, bits: boundary - from });
    else if (unaided || swallowed) out.push({ type: pad.type, bits: 0 });
    at = boundary;
  }
  while (at < to) {
    const bits = Math.min(to - at, pad.bits);
    const type = bits === pad.bits ? pad.type : smallest(bits);
    out.push({ type, bits });
    at += bits;
  }
  return out;
}

function smallest(bits: number): string {
  for (let i = PADS.length - 1; i >= 0; i--) if (PADS[i]!.bits >= bits) return PADS[i]!.type;
  return "long";
}

function roundUp(n: number, to: number): number {
  return to === 0 ? n : Math.ceil(n / to) * to;
}
