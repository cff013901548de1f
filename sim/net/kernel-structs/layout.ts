/**
 * The kernel's structs in memory as its own BTF lays them out, for programs that read them by CO-RE or with the layouts of that
 * kernel. A field is looked up by name once and written by number ever after.
 */

import { findType, resolve, sizeOf } from "../../bpf/btf/query.ts";
import type { Btf, BtfMember } from "../../bpf/btf/types.ts";
import type { Arena } from "../../engine/arena.ts";
import { BugError } from "../../engine/errors.ts";

const TWO32 = 4294967296;

/** Where a field lies in its struct. */
export interface StructField {
  /** Of its first byte. */
  readonly offset: number;
  readonly bytes: number;
  /** Of a bit field, counted from the lowest bit of that byte; 0 bits: it is none. */
  readonly bit: number;
  readonly bits: number;
}

/** A struct of the simulated kernel. */
export class StructLayout {
  readonly name: string;
  readonly sizeBytes: number;
  private readonly btf: Btf;
  private readonly id: number;

  /** @throws BugError when the kernel's types have no such struct */
  constructor(btf: Btf, name: string) {
    this.btf = btf;
    this.name = name;
    this.id = findType(btf, name, "struct");
    if (this.id === 0) throw new BugError("STRUCT_UNKNOWN", `kernel.btf has no struct ${name}`);
    this.sizeBytes = sizeOf(btf, this.id)!;
  }

  /**
   * A field by its path, `mem.type`; members of anonymous structs and unions count as the struct's own.
   * @throws BugError when there is none
   */
  field(path: string): StructField {
    let id = this.id;
    let bit = 0;
    let found: BtfMember | null = null;
    for (const name of path.split(".")) {
      const step = memberOf(this.btf, id, name);
      if (step === null) throw new BugError("STRUCT_UNKNOWN", `struct ${this.name} has no ${path} in kernel.btf`);
      bit += step.bit;
      found = step.member;
      id = found.type;
    }
    const bits = found!.bitSize;
    if (bits !== 0) return { offset: bit >>> 3, bytes: 1, bit: bit & 7, bits };
    return { offset: bit >>> 3, bytes: sizeOf(this.btf, id) ?? 0, bit: 0, bits: 0 };
  }

  /** Zeroed memory of the struct that programs may read and not write. @throws BugError when memory is used up */
  place(arena: Arena): number {
    const { sizeBytes } = this;
    const region = { strideBytes: sizeBytes, valueBytes: sizeBytes, writable: false, label: `struct ${this.name}` };
    const at = arena.allocRegion({ sizeBytes, ...region });
    if (at === 0) throw new BugError("ARENA_FULL", `no memory for a struct ${this.name}`);
    return at;
  }
}

/** Writes a field of the struct at an address. @param value an integer below 2^53; what is wider than the field is cut */
export function putField(arena: Arena, at: number, f: StructField, value: number): void {
  const { dv } = arena;
  const a = at + f.offset;
  if (f.bits !== 0) {
    const mask = ((1 << f.bits) - 1) << f.bit;
    dv.setUint8(a, (dv.getUint8(a) & ~mask) | ((value << f.bit) & mask));
  } else if (f.bytes === 1) dv.setUint8(a, value);
  else if (f.bytes === 2) dv.setUint16(a, value, true);
  else if (f.bytes === 4) dv.setUint32(a, value, true);
  else {
    dv.setUint32(a, value, true);
    dv.setInt32(a + 4, Math.floor(value / TWO32), true);
  }
}

/** Writes text into a char array, with a NUL behind it. */
export function putText(arena: Arena, at: number, f: StructField, text: string): void {
  const { u8 } = arena;
  const a = at + f.offset;
  const n = Math.min(text.length, f.bytes - 1);
  for (let i = 0; i < n; i++) u8[a + i] = text.charCodeAt(i);
  u8.fill(0, a + n, a + f.bytes);
}

/** Two bytes the other way round: a 16-bit field in network order. */
export function swap16(n: number): number {
  return ((n & 0xff) << 8) | ((n >>> 8) & 0xff);
}

function memberOf(btf: Btf, id: number, name: string): { readonly bit: number; readonly member: BtfMember } | null {
  const { type } = resolve(btf, id);
  if (type.kind !== "struct" && type.kind !== "union") return null;
  for (const member of type.members) {
    if (member.name === name) return { bit: member.bitOffset, member };
    if (member.name !== "") continue;
    const inner = memberOf(btf, member.type, name);
    if (inner !== null) return { bit: member.bitOffset + inner.bit, member: inner.member };
  }
  return null;
}
