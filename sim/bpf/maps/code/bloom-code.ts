/**
 * A bloom filter's two operations as WebAssembly, made for one size of values. Hash i of a value is its jhash seeded with i.
 *
 *     state: +0 u32 address of the bits, +4 u32 number of bits less 1, +8 u32 number of hashes
 *
 * @source kernel/bpf/bloom_filter.c hash, bloom_map_push_elem, bloom_map_peek_elem
 */
import type { Arena } from "../../../engine/arena.ts";
import { codeInstance } from "../../jit/code-instance.ts";
import { WasmCode } from "../../jit/wasm-code.ts";
import { I32, W } from "../../jit/wasm-op.ts";
import { EINVAL, ENOENT } from "../errno.ts";
import { emitJhash, type HashLocals, load } from "./key.ts";

export const BLOOM_BITS = 0;
export const BLOOM_MASK = 4;
export const BLOOM_HASHES = 8;
export const BLOOM_BYTES = 12;

/** The code for one size of values over one arena. */
export interface BloomCode {
  /** Sets a value's bits. @param value address, any alignment. @returns 0, or -EINVAL for flags */
  push(state: number, value: number, flags: number): number;
  /** @returns 0 when all of a value's bits are set, else -ENOENT */
  peek(state: number, value: number): number;
}

const STATE = 0;
const VALUE = 1;
const LOCALS = 10;

/** Locals behind the parameters. */
interface Locals {
  readonly bits: number;
  readonly mask: number;
  readonly hashes: number;
  readonly index: number;
  readonly word: number;
  readonly hash: HashLocals;
}

function localsFrom(first: number): Locals {
  const [bits, mask, hashes, index, word] = [first, first + 1, first + 2, first + 3, first + 4] as const;
  const hash = { a: first + 5, b: first + 6, c: first + 7, at: first + 8, end: first + 9 };
  return { bits, mask, hashes, index, word, hash };
}

/** The code for values of a size. @param state address of the filter's state */
export function bloomCode(arena: Arena, valueBytes: number, state: number): BloomCode {
  return codeInstance<null, BloomCode>(arena, `bloom ${valueBytes}`, state, null, () => ({
    imports: [],
    build(module): void {
      const define = (fn: number, name: keyof BloomCode, params: number, code: WasmCode): void => {
        const i32s = (count: number): (typeof I32)[] => new Array<typeof I32>(count).fill(I32);
        module.setFunction(fn, { params: i32s(params), results: [I32] }, i32s(LOCALS), code);
        module.export(name, fn);
      };
      define(0, "push", 3, push(valueBytes));
      define(1, "peek", 2, peek(valueBytes));
    },
  }));
}

/** For each hash: leaves the address of its bit's word in `word` and its bit's number in `hash.c`, then `body`. */
function eachBit(code: WasmCode, valueBytes: number, l: Locals, body: () => void): void {
  for (const [local, offset] of [
    [l.bits, BLOOM_BITS],
    [l.mask, BLOOM_MASK],
    [l.hashes, BLOOM_HASHES],
  ] as const) {
    load(code, { local: STATE, offset });
    code.set(local);
  }
  code.open(W.loop);
  emitJhash(code, { local: VALUE, offset: 0 }, valueBytes, l.hash, l.index);
  code.get(l.hash.c);
  code.get(l.mask);
  code.op(W.i32_and);
  code.tee(l.hash.c);
  code.i32(5);
  code.op(W.i32_shr_u);
  code.i32(2);
  code.op(W.i32_shl);
  code.get(l.bits);
  code.op(W.i32_add);
  code.set(l.word);
  body();
  code.get(l.index);
  code.i32(1);
  code.op(W.i32_add);
  code.tee(l.index);
  code.get(l.hashes);
  code.op(W.i32_lt_u);
  code.brIf(0);
  code.end();
}

function push(valueBytes: number): WasmCode {
  const code = new WasmCode();
  const FLAGS = 2;
  const l = localsFrom(3);
  code.get(FLAGS);
  code.open(W.if);
  code.i32(-EINVAL);
  code.op(W.return);
  code.end();
  eachBit(code, valueBytes, l, () => {
    code.get(l.word);
    code.get(l.word);
    code.memory(W.i32_load, 0);
    code.i32(1);
    code.get(l.hash.c);
    code.op(W.i32_shl, W.i32_or);
    code.memory(W.i32_store, 0);
  });
  code.i32(0);
  return code;
}

function peek(valueBytes: number): WasmCode {
  const code = new WasmCode();
  const l = localsFrom(2);
  eachBit(code, valueBytes, l, () => {
    code.get(l.word);
    code.memory(W.i32_load, 0);
    code.get(l.hash.c);
    code.op(W.i32_shr_u);
    code.i32(1);
    code.op(W.i32_and, W.i32_eqz);
    code.open(W.if);
    code.i32(-ENOENT);
    code.op(W.return);
    code.end();
  });
  code.i32(0);
  return code;
}
