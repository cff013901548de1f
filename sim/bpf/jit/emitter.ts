/**
 * The state of compiling one function: its code, its locals, and what is known about the registers at the current place.
 *
 * A program's entry is `(ctx i32, fp i32) -> i64`, a subprogram `(r1..r5 i64, fp i32) -> i64`. r0..r9 are i64 locals, r10 is `fp`
 * zero-extended, `frame` is its lowest byte so that every constant stack offset becomes an immediate.
 */
import type { Insn } from "../isa/insn.ts";
import { CELL_INSNS, FRAME_BYTES } from "./cells.ts";
import type { FlowState } from "./flow-state.ts";
import type { Kind } from "./kinds.ts";
import type { LinkedFunction, LinkedProgram } from "./link.ts";
import type { WasmCode } from "./wasm-code.ts";
import type { FuncType, ValueType, WasmModuleBuilder } from "./wasm-module.ts";
import { I32, I64, W } from "./wasm-op.ts";

/** Type of a program's entry, and of what the machine's table holds for programs. */
export const ENTRY_TYPE: FuncType = { params: [I32, I32], results: [I64] };
/** Type of subprograms, and of what the table holds for callbacks. */
export const SUBPROGRAM_TYPE: FuncType = { params: [I64, I64, I64, I64, I64, I32], results: [I64] };

/** Reasons of faults, as compiled code passes them on. */
export const FAULT = {
  read: 0,
  write: 1,
  ctxArgument: 2,
  tooLong: 3,
  stackOverflow: 4,
  zeroSize: 5,
  mapArgument: 6,
  progArray: 7,
  ctxAccess: 8,
  tooLarge: 9,
  poison: 10,
  funcArgument: 11,
  outsideRead: 12,
  outsideWrite: 13,
} as const;

/** What all functions of a program share. */
export interface ProgramContext {
  readonly program: LinkedProgram;
  readonly module: WasmModuleBuilder;
  /** Address of the machine's cells. */
  readonly cells: number;
  readonly checks: boolean;
  /** Number of the check function among the module's own. */
  readonly accessFn: number;
  /** What the functions are made in, one after the other. */
  readonly scratch: { readonly code: WasmCode; readonly state: FlowState };
  /** Slots of functions that are called through the table, as ext programs stand in for them. */
  readonly replaced: readonly number[];
}

/** What is emitted for one function, and what is known about its registers on the way. */
export class Emitter {
  readonly code: WasmCode;
  readonly shared: ProgramContext;
  readonly program: LinkedProgram;
  readonly fn: LinkedFunction;
  readonly isEntry: boolean;
  /** Whether it has loops: then `acct` counts from the beginning of the run, for their turn checks. */
  readonly loops: boolean;
  /** What is not yet counted at the current place: instructions in the low word, cost in the high one. */
  owed: number = 0;
  /** What is known before the instruction that is being compiled. */
  readonly state: FlowState;
  /** See FunctionFlow. */
  private readonly indexed: ReadonlySet<number>;
  private readonly localTypes: ValueType[] = [];
  private readonly locals: Map<string, number> = new Map();
  /** Locals of r0 to r9, -1 where none has been asked for. */
  private readonly registers: Int32Array = new Int32Array(10).fill(-1);
  private readonly paramCount: number;
  /** Slots of lookups whose addresses are kept. */
  private readonly lookups: Set<number> = new Set();

  constructor(
    shared: ProgramContext,
    fn: LinkedFunction,
    isEntry: boolean,
    loops: boolean,
    indexed: ReadonlySet<number>,
  ) {
    this.shared = shared;
    this.code = shared.scratch.code.restart();
    this.state = shared.scratch.state;
    this.program = shared.program;
    this.fn = fn;
    this.isEntry = isEntry;
    this.loops = loops;
    this.indexed = indexed;
    const params = isEntry ? ["ctx", "fp"] : ["r1", "r2", "r3", "r4", "r5", "fp"];
    this.paramCount = params.length;
    params.forEach((name, i) => {
      this.locals.set(name, i);
    });
  }

  /** Index of a local, made at its first use. */
  local(name: string, type: ValueType): number {
    let index = this.locals.get(name);
    if (index === undefined) {
      index = this.paramCount + this.localTypes.length;
      this.localTypes.push(type);
      this.locals.set(name, index);
    }
    return index;
  }

  /** Whether a local has been asked for. */
  uses(name: string): boolean {
    return this.locals.has(name);
  }

  get extraLocals(): readonly ValueType[] {
    return this.localTypes;
  }

  kind(reg: number): Kind {
    return this.state.regs[reg]!;
  }

  /** Pushes a register. */
  reg(reg: number): void {
    if (reg === 10) {
      this.code.get(this.fp);
      this.code.op(W.i64_extend_i32_u);
    } else this.code.get(this.register(reg));
  }

  /** Pushes a register's low word. */
  word(reg: number): void {
    if (reg === 10) this.code.get(this.fp);
    else {
      this.code.get(this.register(reg));
      this.code.op(W.i32_wrap_i64);
    }
  }

  /** Pops into a register. */
  setReg(reg: number): void {
    this.code.set(this.register(reg));
  }

  /** Local of one of r0 to r9. */
  private register(reg: number): number {
    if (this.registers[reg]! < 0) this.registers[reg] = this.local(`r${reg}`, I64);
    return this.registers[reg]!;
  }

  get fp(): number {
    return this.local("fp", I32);
  }

  /** Lowest byte of the stack frame. */
  get frame(): number {
    return this.local("frame", I32);
  }

  get ctx(): number {
    return this.local("ctx", I32);
  }

  /** Instructions and cost so far but for what is owed, the machine's cell while compiled code runs. */
  get acct(): number {
    return this.local("acct", I64);
  }

  /** The instruction counter when the run began; of functions with loops. */
  get start(): number {
    return this.local("start", I64);
  }

  /** Adds instructions (low word) and cost (high word). */
  count(by: number): void {
    if (by === 0) return;
    this.code.get(this.acct);
    this.code.i64(by);
    this.code.op(W.i64_add);
    this.code.set(this.acct);
  }

  /** Stores the counters for others to see. */
  flush(): void {
    this.code.i32(this.shared.cells);
    this.code.get(this.acct);
    if (this.owed !== 0) {
      this.code.i64(this.owed);
      this.code.op(W.i64_add);
    }
    if (this.loops) {
      this.code.get(this.start);
      this.code.op(W.i64_add);
    }
    this.code.memory(W.i64_store, CELL_INSNS);
  }

  /** Takes over what others have counted. */
  reload(): void {
    this.code.i32(this.shared.cells);
    this.code.memory(W.i64_load, CELL_INSNS);
    if (this.owed !== 0) {
      this.code.i64(this.owed);
      this.code.op(W.i64_sub);
    }
    if (this.loops) {
      this.code.get(this.start);
      this.code.op(W.i64_sub);
    }
    this.code.set(this.acct);
  }

  /** Pushes a 32-bit cell of the machine. */
  cell(offset: number, load: typeof W.i32_load | typeof W.i64_load32_u = W.i32_load): void {
    this.code.i32(this.shared.cells);
    this.code.memory(load, offset);
  }

  /** Index of an imported function. */
  import(name: string, params: readonly ValueType[], results: readonly ValueType[]): number {
    return this.shared.module.importFunction(name, { params, results });
  }

  /** Reports a fault and does not come back. The i64 on the stack is the address or whatever the reason speaks of. */
  fault(insn: Insn, reason: number, size: number = 0): void {
    const value = this.local("bad", I64);
    this.code.tee(value);
    this.code.op(W.i32_wrap_i64);
    this.code.get(value);
    this.code.i64(32);
    this.code.op(W.i64_shr_u, W.i32_wrap_i64);
    this.code.i32(size);
    this.code.i32(insn.slot);
    this.code.i32(reason);
    this.code.callImport(this.import("fault", FAULT_PARAMS, []));
    this.code.op(W.unreachable);
  }

  /** Keeps the address that a lookup left in r0, when the function will go from there to places that are not known. */
  keepLookup(slot: number): void {
    if (!this.shared.checks || !this.indexed.has(slot)) return;
    if (this.lookups.size === MAX_KEPT_LOOKUPS && !this.lookups.has(slot)) return;
    this.lookups.add(slot);
    this.reg(0);
    this.code.set(this.local(`value:${slot}`, I64));
  }

  /** Local that `keepLookup` keeps an address in, -1 when it does not. */
  keptLookup(slot: number): number {
    return this.lookups.has(slot) ? this.local(`value:${slot}`, I64) : -1;
  }

  /** Offset of a stack address within the frame's bytes. */
  static frameOffset(off: number): number {
    return FRAME_BYTES + off;
  }
}

/** Locals are not for nothing: each branch of V8's first compiler moves them. */
const MAX_KEPT_LOOKUPS = 64;

/** low word, high word, size, slot, reason */
export const FAULT_PARAMS: readonly ValueType[] = [I32, I32, I32, I32, I32];
