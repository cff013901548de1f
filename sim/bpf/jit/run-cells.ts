/** Where a run begins and ends, as the machine's cells see it; the dispatcher does the same in WebAssembly. */
import type { Arena } from "../../engine/arena.ts";
import { CELL_CTX, CELL_INSNS, CELL_STACK_TOP, CELL_START, CELL_TAIL_CALLS, LEVEL_BYTES } from "./cells.ts";

/** Cells that belong to one run and are put back after it. */
export const RUN_CELLS: readonly number[] = [CELL_STACK_TOP, CELL_CTX, CELL_TAIL_CALLS, CELL_START];

/** A run that was begun. */
export interface BegunRun {
  /** Its frame pointer. */
  readonly fp: number;
  /** The cells of the run around, in the order of RUN_CELLS. */
  readonly outer: readonly number[];
}

/** Begins a run within whatever runs now. @param cells address of the machine's cells */
export function beginRun(arena: Arena, cells: number, ctx: number): BegunRun {
  const { u32 } = arena;
  const at = cells >>> 2;
  const outer = RUN_CELLS.map((cell) => u32[at + (cell >>> 2)]!);
  u32[at + (CELL_STACK_TOP >>> 2)] = outer[0]! - LEVEL_BYTES;
  u32[at + (CELL_CTX >>> 2)] = ctx;
  u32[at + (CELL_TAIL_CALLS >>> 2)] = 0;
  u32[at + (CELL_START >>> 2)] = u32[at + (CELL_INSNS >>> 2)]!;
  return { fp: outer[0]!, outer };
}

/** Ends a run: the one around goes on. */
export function endRun(arena: Arena, cells: number, { outer }: BegunRun): void {
  RUN_CELLS.forEach((cell, i) => {
    arena.u32[(cells + cell) >>> 2] = outer[i]!;
  });
}
