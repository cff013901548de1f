/**
 * What bpf_rdonly_cast lets programs see of an address that is no struct of the simulated kernel: a copy of the bytes there, of the type's
 * size, in read-only memory; bytes that are not there read as zero, as Linux's guarded loads (BPF_PROBE_MEM) answer for them.
 * So a cast reaches any address and the access checks stay what they are.
 * @differs a copy does not follow what is written to the address after the cast, and its address is another one
 */
import { sizeOf, typeName } from "../../bpf/btf/query.ts";
import type { Btf } from "../../bpf/btf/types.ts";
import { readable } from "../../bpf/helpers/arena-read.ts";
import type { Arena } from "../../engine/arena.ts";

/** Copies of one type that a program can look at at a time; the oldest is used again. */
const PER_TYPE = 16;

/** Copies of one type. */
interface Copies {
  readonly sizeBytes: number;
  readonly at: number;
  next: number;
}

/** All copies. */
export class Snapshots {
  private readonly arena: Arena;
  private readonly btf: Btf;
  private readonly byType: Map<number, Copies | null> = new Map();

  constructor(arena: Arena, btf: Btf) {
    this.arena = arena;
    this.btf = btf;
  }

  /**
   * A readable address of a type's bytes at an address.
   * @param addr low word; hi: high word
   * @returns the address itself where programs may read all of it, else that of a copy; null and types without a size stay what they are
   */
  readableAt(addr: number, hi: number, typeId: number): number {
    if (addr === 0 && hi === 0) return 0;
    let copies = this.byType.get(typeId);
    if (copies === undefined) {
      copies = this.make(typeId);
      this.byType.set(typeId, copies);
    }
    const { arena } = this;
    const from = addr >>> 0;
    if (copies === null || (hi === 0 && arena.allows(from, copies.sizeBytes, false) === true)) return addr;
    const { sizeBytes } = copies;
    const at = copies.at + copies.next * sizeBytes;
    copies.next = (copies.next + 1) % PER_TYPE;
    arena.u8.fill(0, at, at + sizeBytes);
    if (readable(arena, from, hi, 1)) arena.u8.copyWithin(at, from, Math.min(from + sizeBytes, arena.u8.length));
    return at;
  }

  private make(typeId: number): Copies | null {
    const sizeBytes = typeId === 0 ? 0 : (sizeOf(this.btf, typeId) ?? 0);
    if (sizeBytes === 0) return null;
    const label = `copy of ${typeName(this.btf, typeId)}`;
    const region = { strideBytes: sizeBytes, valueBytes: sizeBytes, writable: false, label };
    const at = this.arena.allocRegion({ sizeBytes: PER_TYPE * sizeBytes, ...region });
    return at === 0 ? null : { sizeBytes, at, next: 0 };
  }
}
