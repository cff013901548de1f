/** One function being generated: its registers, its frame, and the little things that all operations need. */
import type { RandomStream } from "../../../sim/engine/streams.ts";
import type { Code, Label } from "./code.ts";
import type { Plan, Role } from "./plan.ts";
import { cloneState, type MemReg, mergeStates, NONE, type Reg, SCALAR, type State } from "./state.ts";

/** Numbers at which arithmetic changes its mind. */
const INTERESTING = [
  0, 1, -1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff,
];
const WIDE = [0x7fffffff, -0x80000000, -0x7fffffff, 0x10000, -2, -128, -256, -32768];

/** An operation that writes some instructions. @returns false when the state does not allow it; nothing was written then */
export type Op = (b: Body) => boolean;

/** One function being generated. */
export class Body {
  readonly rnd: RandomStream;
  readonly code: Code;
  readonly plan: Plan;
  readonly role: Role;
  /** How deep in the order of calls: a function calls only those of higher levels. */
  readonly level: number;
  /** Bytes of the frame: slots for spilled registers on top, initialised scalars below. */
  readonly frame: number;
  state: State;
  /** Registers that nothing may overwrite now; a count. */
  readonly pins: number[] = new Array<number>(11).fill(0);
  /** Loops around the current place. */
  loops: number = 0;
  /** Nested operations around the current place. */
  nesting: number = 0;
  private readonly table: readonly Op[];

  constructor(
    rnd: RandomStream,
    code: Code,
    plan: Plan,
    role: Role,
    level: number,
    table: readonly Op[],
    frame: number,
  ) {
    this.rnd = rnd;
    this.code = code;
    this.plan = plan;
    this.role = role;
    this.level = level;
    this.table = table;
    this.frame = frame;
    this.state = { regs: new Array<Reg>(11).fill(NONE), slots: new Array<Reg>(SPILL_SLOTS).fill(NONE) };
  }

  /** So many operations, as long as there is fuel. */
  ops(count: number): void {
    for (let i = 0; i < count && this.plan.fuel > 0; i++) {
      for (let tries = 0; tries < 8; tries++) {
        this.plan.fuel--;
        if (this.pick(this.table)(this)) break;
      }
    }
  }

  pick<T>(items: readonly T[]): T {
    return items[this.rnd.below(items.length)]!;
  }

  /** True once in so many times. */
  chance(n: number): boolean {
    return this.rnd.below(n) === 0;
  }

  /** An immediate. */
  imm(): number {
    const kind = this.rnd.below(4);
    return kind < 2 ? this.pick(INTERESTING) : kind === 2 ? this.pick(WIDE) : this.rnd.u32() | 0;
  }

  reg(r: number): Reg {
    return this.state.regs[r]!;
  }

  set(r: number, to: Reg): void {
    this.state.regs[r] = to;
  }

  /** A register that may be overwritten. r6, r7, r8 and r0 to r5 unless pinned. */
  target(): number {
    const free = this.free();
    return this.pick(free);
  }

  /** Registers that may be overwritten. */
  free(): number[] {
    return [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].filter((r) => this.pins[r] === 0);
  }

  /** So many different registers that may be overwritten, or null. */
  targets(count: number): number[] | null {
    const free = this.free();
    if (free.length < count) return null;
    const out: number[] = [];
    while (out.length < count) out.push(free.splice(this.rnd.below(free.length), 1)[0]!);
    return out;
  }

  /** A register that holds a scalar; made when there is none. */
  scalar(): number {
    const have = this.scalars();
    if (have.length > 0) return this.pick(have);
    const r = this.target();
    this.code.set(r, this.imm());
    this.set(r, SCALAR);
    return r;
  }

  /** A scalar register that may be overwritten. */
  ownScalar(): number {
    const have = this.scalars().filter((r) => this.pins[r] === 0);
    if (have.length > 0) return this.pick(have);
    const r = this.target();
    this.code.set(r, this.imm());
    this.set(r, SCALAR);
    return r;
  }

  scalars(): number[] {
    return [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].filter((r) => this.reg(r).t === "scalar");
  }

  /** The highest register that holds the context, -1 when none does. */
  ctx(): number {
    return this.state.regs.findLastIndex((r) => r.t === "ctx");
  }

  /** The pinned register that points to the start of the trace, -1 when there is none. */
  traceReg(): number {
    return this.pins[TRACE_REG]! > 0 ? TRACE_REG : -1;
  }

  /** Registers that point into memory, r10 among them. */
  memory(where: (m: MemReg) => boolean): number[] {
    const out: number[] = [];
    for (let r = 0; r < 11; r++) {
      const m = this.reg(r);
      if (m.t === "mem" && where(m)) out.push(r);
    }
    return out;
  }

  /** Holds registers while something is written. */
  pinned<T>(regs: readonly number[], write: () => T): T {
    for (const r of regs) this.pins[r]!++;
    const result = write();
    for (const r of regs) this.pins[r]!--;
    return result;
  }

  /** dst = a scalar between 0 and mask (a power of two less 1). dst may be overwritten. */
  boundedScalar(dst: number, mask: number): void {
    const from = this.scalars();
    if (from.length === 0) this.code.set(dst, this.imm());
    else this.code.move(dst, this.pick(from));
    this.code.emit(this.chance(2) ? 0x57 : 0x54, dst, 0, 0, mask);
    this.set(dst, SCALAR);
  }

  /** dst = address of so many initialised bytes of the frame, aligned. @returns the offset from r10 */
  stackPointer(dst: number, bytes: number, align: number): number {
    const off = this.stackPlace(bytes, align);
    this.code.move(dst, 10);
    this.code.add(dst, off);
    this.set(dst, { t: "mem", space: "stack", lo: 0, hi: bytes, phase: off & 7 });
    return off;
  }

  /** Offset from r10 of so many scalar bytes of the frame. */
  stackPlace(bytes: number, align: number): number {
    const room = this.frame - SPILL_SLOTS * 8 - bytes;
    return -this.frame + this.rnd.below(Math.floor(room / align) + 1) * align;
  }

  /** Scalar bytes of the frame. */
  get stackBytes(): number {
    return this.frame - SPILL_SLOTS * 8;
  }

  /** After a call of any kind: r1 to r5 are gone. */
  clobber(r0: Reg): void {
    for (let r = 1; r <= 5; r++) this.set(r, NONE);
    this.set(0, r0);
  }

  /** After something moved the packet: all pointers to it are gone. */
  losePacket(): void {
    const { regs, slots } = this.state;
    const lost = (r: Reg): Reg => (r.t === "mem" && r.space === "packet" ? NONE : r);
    for (let i = 0; i < regs.length; i++) regs[i] = lost(regs[i]!);
    for (let i = 0; i < slots.length; i++) slots[i] = lost(slots[i]!);
  }

  /** Writes what is skipped when a jump to the returned label is taken, and merges both ways. `write` starts with the current state. */
  skippable(to: Label, write: () => void): void {
    const taken = cloneState(this.state);
    this.nesting++;
    write();
    this.nesting--;
    this.state = mergeStates(this.state, taken);
    this.code.place(to);
  }
}

/** Where main programs keep the address of their trace. */
export const TRACE_REG = 9;
/** Frame slots for spilled registers, from r10 down. */
export const SPILL_SLOTS = 3;
