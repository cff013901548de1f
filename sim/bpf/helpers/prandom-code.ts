/**
 * bpf_get_prandom_u32 as WebAssembly: numbers are drawn a block at a time and lie in the arena, so that compiled programs seldom
 * leave for one. The numbers are those of the stream, in its order.
 *
 *     state: +0 u32 address of the next number, +4 u32 behind the last one, +8 the numbers
 */
import type { Arena } from "../../engine/arena.ts";
import { BugError } from "../../engine/errors.ts";
import { codeInstance } from "../jit/code-instance.ts";
import { WasmCode } from "../jit/wasm-code.ts";
import type { FuncType } from "../jit/wasm-module.ts";
import { I32, W } from "../jit/wasm-op.ts";

const NUMBERS = 64;
const NEXT = 0;
const END = 4;
const FIRST = 8;
const STATE_BYTES: number = FIRST + 4 * NUMBERS;

/** A stream of random numbers that compiled programs draw from. */
export class PrandomBlock {
  /** The next number, as an i32. */
  readonly next: () => number;
  private readonly arena: Arena;
  private readonly state: number;
  private readonly draw: () => number;

  /** @param draw the stream's next number; nobody else may draw from it */
  constructor(arena: Arena, draw: () => number) {
    this.arena = arena;
    this.draw = draw;
    this.state = arena.alloc(STATE_BYTES);
    if (this.state === 0) throw new BugError("ARENA_FULL", "no memory for random numbers");
    this.set(NEXT, this.state + STATE_BYTES);
    this.set(END, this.state + STATE_BYTES);
    this.next = prandomCode(arena, this.state, this).next;
  }

  /** Draws a block. */
  refill(): number {
    for (let i = 0; i < NUMBERS; i++) this.set(FIRST + 4 * i, this.draw());
    this.set(NEXT, this.state + FIRST);
    return 0;
  }

  private set(offset: number, value: number): void {
    this.arena.i32[(this.state + offset) >>> 2] = value;
  }
}

const REFILL: FuncType = { params: [I32], results: [I32] };

/** The code for a block: it has no parameter, so that its state's address is in it. */
function prandomCode(arena: Arena, state: number, block: PrandomBlock): { next(): number } {
  return codeInstance<PrandomBlock, { next(): number }>(arena, `prandom ${state}`, state, block, () => ({
    imports: [{ name: "refill", type: REFILL, call: (o) => o.refill() }],
    build(module): void {
      module.setFunction(
        0,
        { params: [], results: [I32] },
        [I32],
        next(state, module.importFunction("refill", REFILL)),
      );
      module.export("next", 0);
    },
  }));
}

function next(state: number, refill: number): WasmCode {
  const code = new WasmCode();
  const at = 0;
  const word = (offset: number): void => {
    code.i32(state);
    code.memory(W.i32_load, offset);
  };
  word(NEXT);
  code.tee(at);
  word(END);
  code.op(W.i32_eq);
  code.open(W.if);
  code.i32(state);
  code.callImport(refill);
  code.op(W.drop);
  word(NEXT);
  code.set(at);
  code.end();
  code.i32(state);
  code.get(at);
  code.i32(4);
  code.op(W.i32_add);
  code.memory(W.i32_store, NEXT);
  code.get(at);
  code.memory(W.i32_load, 0);
  return code;
}
