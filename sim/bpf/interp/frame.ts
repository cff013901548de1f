/** A function that is being interpreted, and the machine's cells around it. */
import type { BpfMachine } from "../create-machine.ts";
import type { BpfEnv } from "../env.ts";
import type { Insn } from "../isa/insn.ts";
import { CELL_CPU } from "../jit/cells.ts";
import { type FaultReason, faultError } from "../jit/fault.ts";
import type { LiveProgram } from "../jit/live-program.ts";

/** One function being executed. */
export interface Frame {
  readonly machine: BpfMachine<BpfEnv>;
  program: LiveProgram;
  /** r0 to r10, unsigned. */
  regs: bigint[];
  readonly fp: number;
  /** How often its `may_goto`s will still fall through. */
  mayGoto: number;
}

/** Stops the run. */
export function fail(frame: Frame, insn: Insn, reason: FaultReason, value: bigint, size: number = 0): never {
  const { machine } = frame;
  throw faultError(machine.arena, machine.memory, frame.program.linked, { reason, slot: insn.slot, value, size });
}

/** Reads a 32-bit cell of the machine. */
export function cell(machine: BpfMachine<BpfEnv>, offset: number): number {
  return machine.arena.u32[(machine.memory.cells + offset) >>> 2]!;
}

/** Writes a 32-bit cell of the machine. */
export function setCell(machine: BpfMachine<BpfEnv>, offset: number, value: number): void {
  machine.arena.u32[(machine.memory.cells + offset) >>> 2] = value;
}

/** The CPU that programs run on. */
export function currentCpu(frame: Frame): number {
  return cell(frame.machine, CELL_CPU);
}
