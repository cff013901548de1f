/** Instructions written one after another, with labels that may be placed later. Written from RFC 9669, not from isa/table.ts. */

/** A place in the code. */
export type Label = number;

/** `BPF_SIZE` bits of an opcode by bytes. */
export const SIZE_BITS: Readonly<Record<number, number>> = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 };

const SLOT = 8;

/** One program's code. */
export class Code {
  private bytes: Buffer = Buffer.alloc(1024);
  private slot: number = 0;
  private readonly places: number[] = [];
  private readonly fixes: { readonly slot: number; readonly label: Label; readonly long: boolean }[] = [];

  /** Slots written so far. */
  get length(): number {
    return this.slot;
  }

  /** A label that is not placed yet. */
  label(): Label {
    return this.places.push(-1) - 1;
  }

  /** The label stands for what comes next. */
  place(label: Label): void {
    this.places[label] = this.slot;
  }

  /** Slot of a placed label. */
  placeOf(label: Label): number {
    return this.places[label]!;
  }

  /** One slot. */
  emit(opcode: number, dst: number, src: number, off: number, imm: number): void {
    const at = this.slot * SLOT;
    if (at + SLOT > this.bytes.length) this.bytes = Buffer.concat([this.bytes, Buffer.alloc(this.bytes.length)]);
    this.bytes[at] = opcode;
    this.bytes[at + 1] = dst | (src << 4);
    this.bytes.writeInt16LE(off, at + 2);
    this.bytes.writeInt32LE(imm | 0, at + 4);
    this.slot++;
  }

  /** ld_imm64. @param src what it loads: 0 a value, 1 a map, 2 the address of a map's value */
  imm64(dst: number, src: number, lo: number, hi: number): void {
    this.emit(0x18, dst, src, 0, lo);
    this.emit(0, 0, 0, 0, hi);
  }

  /** A jump whose 16-bit offset leads to a label. */
  jump(opcode: number, dst: number, src: number, imm: number, to: Label): void {
    this.fixes.push({ slot: this.slot, label: to, long: false });
    this.emit(opcode, dst, src, 0, imm);
  }

  /** An instruction whose immediate leads to a label: gotol, call of a subprogram, address of a function. */
  reach(opcode: number, dst: number, src: number, to: Label): void {
    this.fixes.push({ slot: this.slot, label: to, long: true });
    this.emit(opcode, dst, src, 0, 0);
    if (opcode === 0x18) this.emit(0, 0, 0, 0, 0);
  }

  /** r = imm, 64 bits wide. */
  set(reg: number, imm: number): void {
    this.emit(0xb7, reg, 0, 0, imm);
  }

  /** dst = src, 64 bits wide. */
  move(dst: number, src: number): void {
    this.emit(0xbf, dst, src, 0, 0);
  }

  /** r += imm, 64 bits wide. */
  add(reg: number, imm: number): void {
    this.emit(0x07, reg, 0, 0, imm);
  }

  /** A call of a helper. */
  call(helper: number): void {
    this.emit(0x85, 0, 0, 0, helper);
  }

  /** The finished code. */
  finish(): Uint8Array {
    for (const fix of this.fixes) {
      const rel = this.places[fix.label]! - fix.slot - 1;
      if (fix.long) this.bytes.writeInt32LE(rel, fix.slot * SLOT + 4);
      else this.bytes.writeInt16LE(rel, fix.slot * SLOT + 2);
    }
    return Uint8Array.from(this.bytes.subarray(0, this.slot * SLOT));
  }
}
