/**
 * bpf_get_prandom_u32 as WebAssembly: the generator of the engine's random streams over a state in the arena, so that compiled programs
 * draw without leaving, and JavaScript draws the next number of the same stream.
 *
 *     state: +0 u64 s0, +8 u64 s1
 *
 * @source David Blackman and Sebastiano Vigna, xoroshiro128+ 1.0 (rotations 24, 16, 37)
 */
import type { Arena } from "../../engine/arena.ts";
import { BugError } from "../../engine/errors.ts";
import type { RandomState } from "../../engine/streams.ts";
import { codeInstance } from "../jit/code-instance.ts";
import { WasmCode } from "../jit/wasm-code.ts";
import { I32, I64, W } from "../jit/wasm-op.ts";

/** A stream that compiled programs draw from. */
export interface PrandomCode {
  /** The next number, as an i32. */
  next(): number;
}

const STATE_BYTES = 16;

/** Goes on where a stream stands; nobody may draw from the stream itself any more. */
export function prandomCode(arena: Arena, from: RandomState): PrandomCode {
  const state = arena.alloc(STATE_BYTES);
  if (state === 0) throw new BugError("ARENA_FULL", "no memory for the state of a random stream");
  arena.i32.set([from.s00, from.s01, from.s10, from.s11], state >>> 2);
  // it has no parameter, so that its state's address is in it
  return codeInstance<null, PrandomCode>(arena, `prandom ${state}`, state, null, () => ({
    imports: [],
    build(module): void {
      module.setFunction(0, { params: [], results: [I32] }, [I64, I64], next(state));
      module.export("next", 0);
    },
  }));
}

function next(state: number): WasmCode {
  const code = new WasmCode();
  const [s0, a] = [0, 1];
  code.i32(state);
  code.memory(W.i64_load, 0);
  code.tee(s0);
  code.i32(state);
  code.memory(W.i64_load, 8);
  code.tee(a);
  code.op(W.i64_add, W.i32_wrap_i64);
  code.get(a);
  code.get(s0);
  code.op(W.i64_xor);
  code.set(a);
  code.i32(state);
  code.get(s0);
  code.i64(24);
  code.op(W.i64_rotl);
  code.get(a);
  code.op(W.i64_xor);
  code.get(a);
  code.i64(16);
  code.op(W.i64_shl, W.i64_xor);
  code.memory(W.i64_store, 0);
  code.i32(state);
  code.get(a);
  code.i64(37);
  code.op(W.i64_rotl);
  code.memory(W.i64_store, 8);
  return code;
}
