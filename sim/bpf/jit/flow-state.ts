/** What is known at one place of a function: kinds of registers and stack slots, and where those that point into the packet do so. */
import { FRAME_BYTES } from "./cells.ts";
import { ANY, joinKinds, type Kind, sameKind } from "./kinds.ts";
import { PacketPlaces } from "./packet-place.ts";

const REGISTERS = 11;
const SLOTS = FRAME_BYTES / 8;
const FP = 10;
const NO_SLOTS: readonly Kind[] = new Array<Kind>(SLOTS).fill(ANY);

/** Kinds of r0..r10 and of the 64 slots of the frame, lowest address first; slots are numbered from 11 on. */
export class FlowState {
  readonly regs: Kind[];
  places: PacketPlaces;
  /** Shared with other states until it is written. */
  private slots: readonly Kind[];
  private ownsSlots: boolean = false;

  private constructor(regs: Kind[], slots: readonly Kind[], places: PacketPlaces) {
    this.regs = regs;
    this.slots = slots;
    this.places = places;
  }

  /** State at a function's entry. @param args kinds of r1..r5 */
  static entry(args: readonly Kind[]): FlowState {
    const regs = new Array<Kind>(REGISTERS).fill(ANY);
    args.forEach((kind, i) => {
      regs[i + 1] = kind;
    });
    regs[FP] = { t: "stack", off: 0 };
    return new FlowState(regs, NO_SLOTS, PacketPlaces.NONE);
  }

  copy(): FlowState {
    this.ownsSlots = false;
    return new FlowState(this.regs.slice(), this.slots, this.places);
  }

  /** Becomes what another one is. */
  assign(other: FlowState): void {
    for (let r = 0; r < REGISTERS; r++) this.regs[r] = other.regs[r]!;
    other.ownsSlots = false;
    this.ownsSlots = false;
    this.slots = other.slots;
    this.places = other.places;
  }

  /** Number of the slot that starts at an offset from r10, -1 when none does. */
  static slotAt(off: number): number {
    return off % 8 === 0 && off >= -FRAME_BYTES && off < 0 ? REGISTERS + (off + FRAME_BYTES) / 8 : -1;
  }

  /** Kind of a slot by its number. */
  slot(number: number): Kind {
    return this.slots[number - REGISTERS]!;
  }

  setSlot(number: number, kind: Kind): void {
    const i = number - REGISTERS;
    if (this.slots[i] === kind) return;
    this.ownSlots()[i] = kind;
  }

  /** The bytes from an offset from r10 on hold something else. */
  forgetBytes(off: number, size: number): void {
    const first = Math.max(0, Math.floor((off + FRAME_BYTES) / 8));
    const last = Math.min(SLOTS - 1, Math.floor((off + size - 1 + FRAME_BYTES) / 8));
    for (let s = first; s <= last; s++) {
      this.setSlot(REGISTERS + s, ANY);
      this.places = this.places.without(REGISTERS + s);
    }
  }

  /** The whole frame may hold something else. */
  forgetSlots(): void {
    this.slots = NO_SLOTS;
    this.ownsSlots = false;
    this.places = this.places.withoutSlots(REGISTERS);
  }

  /** Gives up what is known of the frame and of the packet. @param all and of the registers @returns itself */
  forget(all: boolean): this {
    this.forgetSlots();
    this.places = PacketPlaces.NONE;
    if (all) this.regs.fill(ANY, 0, FP);
    return this;
  }

  /** Changes kinds wherever one is held. `change` returns the kind itself when nothing changes. */
  changeKinds(change: (kind: Kind) => Kind): void {
    const { regs } = this;
    for (let r = 0; r < REGISTERS; r++) regs[r] = change(regs[r]!);
    if (this.slots === NO_SLOTS) return;
    for (let s = 0; s < SLOTS; s++) this.setSlot(REGISTERS + s, change(this.slots[s]!));
  }

  /** What holds in both; this one itself when that is all of it. @param widen the other comes around a loop */
  join(other: FlowState, widen: boolean): FlowState {
    const regs = joinAll(this.regs, other.regs, widen);
    const slots = this.slots === other.slots ? this.slots : joinAll(this.slots, other.slots, widen);
    const places = this.places.join(other.places, widen);
    if (regs === this.regs && slots === this.slots && places === this.places) return this;
    return new FlowState(regs === this.regs ? this.regs.slice() : (regs as Kind[]), slots, places);
  }

  private ownSlots(): Kind[] {
    if (!this.ownsSlots) this.slots = this.slots.slice();
    this.ownsSlots = true;
    return this.slots as Kind[];
  }
}

/** What holds in both; `a` itself when that is all of it. */
function joinAll(a: readonly Kind[], b: readonly Kind[], widen: boolean): readonly Kind[] {
  let joined: Kind[] | null = null;
  for (let i = 0; i < a.length; i++) {
    const k = a[i]!;
    if (k === b[i]) continue;
    const both = joinKinds(k, b[i]!, widen);
    if (both === k || sameKind(both, k)) continue;
    joined ??= a.slice();
    joined[i] = both;
  }
  return joined ?? a;
}
