/**
 * What is known about where registers point in the packet, within a chain of blocks. Registers that differ by constants share an
 * anchor; what is learned about one of them holds for all.
 *
 *     lo <= offset       the address lies at or behind the packet's beginning (or its metadata's)
 *     offset <= hi       the address lies at or before its end
 *
 * Both by offset from the anchor. It is learned from the context's `data`, from checks that were done, and from what the program
 * compares with `data_end` itself. Only unsigned comparisons tell: after one the address is known to be small, so that no sum wraps.
 */
import type { Insn } from "../isa/insn.ts";
import type { Kind } from "./kinds.ts";

/** A register in terms of its anchor. */
export interface PacketPlace {
  readonly anchor: number;
  /** The register is its anchor plus this. */
  readonly at: number;
  /** Infinity, and -Infinity for `hi`: nothing is known. */
  readonly lo: number;
  readonly hi: number;
}

/** Places of r0 to r10. */
export class PacketPlaces {
  private readonly places: (PacketPlace | undefined)[] = new Array<PacketPlace | undefined>(11).fill(undefined);
  private anchors: number = 0;

  /** Another one that knows the same. */
  copy(): PacketPlaces {
    const other = new PacketPlaces();
    this.places.forEach((place, reg) => {
      other.places[reg] = place;
    });
    other.anchors = this.anchors;
    return other;
  }

  /** The packet may have changed. */
  clear(): void {
    this.places.fill(undefined);
  }

  /** The register holds something else. */
  forget(reg: number): void {
    this.places[reg] = undefined;
  }

  /** The register was loaded from the context's `data`. */
  begin(reg: number): void {
    this.places[reg] = { anchor: this.anchors++, at: 0, lo: 0, hi: 0 };
  }

  /** The register's place; a new anchor when it has none. */
  of(reg: number): PacketPlace {
    this.places[reg] ??= { anchor: this.anchors++, at: 0, lo: Number.POSITIVE_INFINITY, hi: Number.NEGATIVE_INFINITY };
    return this.places[reg];
  }

  /** The place after dst = dst op operand, undefined when it is none or a new one. @param packet whether a register points into the packet */
  after(insn: Extract<Insn, { kind: "alu" }>, packet: (reg: number) => boolean): PacketPlace | undefined {
    if (!insn.wide) return undefined;
    if (insn.op === "mov") return insn.src >= 0 && packet(insn.src) ? this.of(insn.src) : undefined;
    if (insn.src >= 0 || (insn.op !== "add" && insn.op !== "sub") || !packet(insn.dst)) return undefined;
    const place = this.of(insn.dst);
    return { ...place, at: place.at + (insn.op === "add" ? insn.imm : -insn.imm) };
  }

  /** Sets what `after` returned. */
  set(reg: number, place: PacketPlace | undefined): void {
    this.places[reg] = place;
  }

  /** The bytes [off, off + size) from a register on are in the packet. */
  learn(reg: number, off: number, size: number): void {
    const { at } = this.of(reg);
    this.know(reg, at + off, at + off + size);
  }

  /** What holds on one way out of a conditional jump. @returns this one when the jump tells nothing */
  afterJump(insn: Insn, kinds: readonly Kind[], taken: boolean): PacketPlaces {
    if (insn.kind !== "jump" || !insn.wide || insn.src < 0) return this;
    const [dst, src] = [kinds[insn.dst]!.t, kinds[insn.src]!.t];
    const reg = dst === "packet" && src === "packet_end" ? insn.dst : insn.src;
    if (!(dst === "packet" && src === "packet_end") && !(dst === "packet_end" && src === "packet")) return this;
    const op = reg === insn.dst ? insn.op : MIRRORED[insn.op];
    const beyond = (op === "gt" || op === "ge") && !taken;
    if (!beyond && !((op === "lt" || op === "le") && taken)) return this;
    const other = this.copy();
    const { at } = other.of(reg);
    other.know(reg, Number.POSITIVE_INFINITY, at + (op === "ge" || op === "lt" ? 1 : 0));
    return other;
  }

  private know(reg: number, lo: number, hi: number): void {
    const { anchor } = this.of(reg);
    this.places.forEach((place, r) => {
      if (place?.anchor !== anchor) return;
      this.places[r] = { ...place, lo: Math.min(place.lo, lo), hi: Math.max(place.hi, hi) };
    });
  }
}

/** The comparison with its sides exchanged. */
const MIRRORED: Readonly<Record<string, string>> = { gt: "lt", ge: "le", lt: "gt", le: "ge" };
