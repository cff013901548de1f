/**
 * How often each basic block of a program ran. A program that was loaded with `profile` adds one to its block's counter at the
 * beginning of each run through it; the counters lie in the arena.
 *
 *     base: | u64 block 0 | u64 block 1 | ...      blocks of the entry function first, then those of its subprograms
 *
 * Every instruction of a block runs as often as the block does, unless a fault ends the run in its midst: so the hits of a block are
 * those of its instructions, of its source lines, and of its helper calls.
 */
import type { Arena } from "../../engine/arena.ts";
import type { DecodedProgram } from "../isa/decode.ts";
import type { BlockHits } from "../program.ts";
import type { Cfg } from "./cfg.ts";
import type { WasmCode } from "./wasm-code.ts";
import { W } from "./wasm-op.ts";

/** Name of the imported global that holds the counters' address. */
export const PROFILE_GLOBAL = "profile";

const COUNTER_BYTES = 8;

/** First and last instruction of a block, by slot. */
export type BlockRange = Omit<BlockHits, "hits">;

/** Blocks of a program in the order of their counters. What no path leads to is left out: it never runs. */
export function profileBlocks(decoded: DecodedProgram, cfgs: readonly Cfg[]): BlockRange[] {
  const { insns } = decoded;
  return cfgs.flatMap((cfg) =>
    cfg.blocks.map((b) => ({ firstSlot: insns[b.first]!.slot, lastSlot: insns[b.last]!.slot })),
  );
}

/** Adds one to a counter. @param global index of the global with the counters' address */
export function emitBlockHit(code: WasmCode, global: number, counter: number): void {
  const offset = counter * COUNTER_BYTES;
  code.global(global);
  code.global(global);
  code.memory(W.i64_load, offset);
  code.i64(1);
  code.op(W.i64_add);
  code.memory(W.i64_store, offset);
}

/** Counters, all 0. @returns their address, 0 when memory is used up */
export function allocCounters(arena: Arena, blocks: number): number {
  return arena.alloc(blocks * COUNTER_BYTES);
}

/** Reads the counters. Exact to 2^53. */
export function readBlockHits(arena: Arena, base: number, blocks: readonly BlockRange[]): BlockHits[] {
  return blocks.map((block, i) => {
    const w = (base + i * COUNTER_BYTES) >>> 2;
    return { ...block, hits: arena.u32[w]! + arena.u32[w + 1]! * 2 ** 32 };
  });
}
