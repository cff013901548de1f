/**
 * Objects that programs allocate (bpf_obj_new), by the types of their own BTF.
 *
 *     record: | the object | u32 link while free | u32 1 + index of its type while alive, 0 while free |
 *
 * What an address leads to is asked of that word at each use, as no verifier follows the pointers.
 * @source kernel/bpf/helpers.c bpf_obj_new_impl, __bpf_obj_drop_impl, bpf_obj_free_fields
 */
import { type Arena, roundUp } from "../engine/arena.ts";
import { VerifierError } from "../engine/errors.ts";
import { sizeOf, typeName } from "./btf/query.ts";
import { type SpecialField, specialFields } from "./btf/special-fields.ts";
import type { Btf } from "./btf/types.ts";
import { Slab } from "./maps/slab.ts";

/** A type of which objects can be made. */
interface ObjectType {
  readonly label: string;
  readonly size: number;
  readonly fields: readonly SpecialField[];
  /** bytes from the object to its hidden words */
  readonly hidden: number;
  readonly slab: Slab;
}

/** An object that an address lies in. */
export interface FoundObject {
  /** Its first byte. */
  readonly start: number;
  readonly fields: readonly SpecialField[];
}

/** Objects of the kernel that programs get otherwise than by bpf_obj_new, and may keep in kptrs all the same. */
export interface ObjectOwner {
  /** Whether one begins at an address. */
  owns(addr: number): boolean;
  /** A reference less. */
  drop(addr: number): void;
}

const LABEL = "object of ";
const MAX_OBJECTS = 2 ** 24;

/** All objects of a machine. */
export class KernelObjects {
  private readonly arena: Arena;
  private readonly types: ObjectType[] = [];
  private readonly byBtf: WeakMap<Btf, Map<number, number>> = new WeakMap();
  /** Of the objects that are not made here. */
  readonly owners: ObjectOwner[] = [];
  /** Ends what a list or tree in an object or value holds; set by the one who knows them. */
  onDrop: (field: SpecialField, at: number) => void = () => undefined;

  constructor(arena: Arena) {
    this.arena = arena;
  }

  /**
   * A zeroed object of a type, with one owner.
   * @returns its address, or 0 when memory is used up
   * @throws VerifierError OBJECT_TYPE when the type is no struct of the program
   */
  create(btf: Btf | null | undefined, typeId: number): number {
    const index = this.typeIndex(btf, typeId);
    const type = this.types[index]!;
    const at = type.slab.take();
    if (at === 0) return 0;
    const { arena } = this;
    arena.u8.fill(0, at, at + type.hidden);
    arena.u32[(at + type.hidden + 4) >>> 2] = index + 1;
    for (const f of type.fields) if (f.kind === "refcount") arena.dv.setUint32(at + f.offset, 1, true);
    return at;
  }

  /** The live object that an address lies in; null when there is none. */
  find(addr: number): FoundObject | null {
    const found = this.locate(addr);
    return found === null ? null : { start: found.start, fields: found.type.fields };
  }

  /** Whether an object begins at an address, made here or not. */
  holds(addr: number): boolean {
    return this.find(addr)?.start === addr || this.owners.some((o) => o.owns(addr));
  }

  /**
   * One owner less; the last one frees it and what its fields hold.
   * @throws VerifierError OBJECT_INVALID when no live object begins there
   */
  drop(addr: number): void {
    const owner = this.owners.find((o) => o.owns(addr));
    if (owner !== undefined) {
      owner.drop(addr);
      return;
    }
    const found = this.locate(addr);
    if (found === null || found.start !== addr) throw invalidObject();
    const { arena } = this;
    const { type } = found;
    const count = type.fields.find((f) => f.kind === "refcount");
    if (count !== undefined) {
      const left = arena.dv.getUint32(addr + count.offset, true) - 1;
      arena.dv.setUint32(addr + count.offset, left >>> 0, true);
      if (left > 0) return;
    }
    arena.u32[(addr + type.hidden + 4) >>> 2] = 0;
    for (const f of type.fields) this.onDrop(f, addr + f.offset);
    type.slab.give(addr);
  }

  /** One owner more. @returns the address, as bpf_refcount_acquire does */
  acquire(addr: number): number {
    const found = this.locate(addr);
    const count = found?.type.fields.find((f) => f.kind === "refcount");
    if (found === null || count === undefined || found.start !== addr) throw invalidObject();
    const at = addr + count.offset;
    this.arena.dv.setUint32(at, this.arena.dv.getUint32(at, true) + 1, true);
    return addr;
  }

  private locate(addr: number): { readonly start: number; readonly type: ObjectType } | null {
    const region = this.arena.regionAt(addr);
    if (region === undefined || !region.label.startsWith(LABEL)) return null;
    const start = addr - ((addr - region.addr) % region.strideBytes);
    const index = this.arena.u32[(start + region.strideBytes - 4) >>> 2]!;
    const type = this.types[index - 1];
    return type === undefined || addr - start >= type.size ? null : { start, type };
  }

  private typeIndex(btf: Btf | null | undefined, typeId: number): number {
    if (btf === null || btf === undefined) throw invalidType();
    let known = this.byBtf.get(btf);
    if (known === undefined) {
      known = new Map();
      this.byBtf.set(btf, known);
    }
    let index = known.get(typeId);
    if (index === undefined) {
      const type = btf.types[typeId];
      const size = type?.kind === "struct" ? (sizeOf(btf, typeId) ?? 0) : 0;
      if (size === 0) throw invalidType();
      const hidden = roundUp(size, 8);
      const strideBytes = hidden + 8;
      const label = `${LABEL}${typeName(btf, typeId)}`;
      index = this.types.length;
      this.types.push({
        label,
        size,
        fields: specialFields(btf, typeId),
        hidden,
        slab: new Slab(this.arena, {
          strideBytes,
          region: { strideBytes, valueBytes: size, writable: true, label },
          linkOffset: hidden,
          maxRecords: MAX_OBJECTS,
        }),
      });
      known.set(typeId, index);
    }
    return index;
  }
}

/** What the verifier says of a pointer that is none to an allocated object. */
export function invalidObject(): VerifierError {
  const message = "expected pointer to allocated object: what stands there was not made by bpf_obj_new, or was dropped";
  return new VerifierError({ code: "OBJECT_INVALID", message });
}

function invalidType(): VerifierError {
  const message = "local type ID argument is no struct of the program's types";
  return new VerifierError({ code: "OBJECT_TYPE", message });
}
