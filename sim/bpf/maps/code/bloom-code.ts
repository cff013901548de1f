/**
 * A bloom filter's two operations as WebAssembly, made for one size of values. Hash i of a value is its jhash seeded with i.
 *
 * @source kernel/bpf/bloom_filter.c hash, bloom_map_push_elem, bloom_map_peek_elem
 */
import type { Arena } from "../../../engine/arena.ts";
import { codeInstance } from "../../jit/code-instance.ts";
import { WasmCode } from "../../jit/wasm-code.ts";
import type { FuncType } from "../../jit/wasm-module.ts";
import { I32, W } from "../../jit/wasm-op.ts";
import { emitJhash } from "./key.ts";

/** The code for one size of values over one arena. */
export interface BloomCode {
  /** Sets a value's bits. @param bits address; @param mask bits less 1; @param value address, any alignment */
  push(bits: number, mask: number, hashes: number, value: number): void;
  /** @returns 1 when all of a value's bits are set, else 0 */
  peek(bits: number, mask: number, hashes: number, value: number): number;
}

// parameters and locals
const BITS = 0;
const MASK = 1;
const HASHES = 2;
const VALUE = 3;
const LOCALS = 7;
const hash = { a: 5, b: 6, c: 7, at: 8, end: 9 };
const index = 4;
const word = 10;

/** The code for values of a size. @param bits address of the bits, which stands for the map */
export function bloomCode(arena: Arena, valueBytes: number, bits: number): BloomCode {
  return codeInstance<null, BloomCode>(arena, `bloom ${valueBytes}`, bits, null, () => ({
    imports: [],
    build(module): void {
      const params = new Array<typeof I32>(4).fill(I32);
      const define = (fn: number, name: keyof BloomCode, type: FuncType, code: WasmCode): void => {
        module.setFunction(fn, type, new Array<typeof I32>(LOCALS).fill(I32), code);
        module.export(name, fn);
      };
      define(0, "push", { params, results: [] }, push(valueBytes));
      define(1, "peek", { params, results: [I32] }, peek(valueBytes));
    },
  }));
}

/** For each hash: leaves the address of its bit's word in `word` and its bit's number in `hash.c`, then `body`. */
function eachBit(code: WasmCode, valueBytes: number, body: () => void): void {
  code.open(W.loop);
  emitJhash(code, { local: VALUE, offset: 0 }, valueBytes, hash, index);
  code.get(hash.c);
  code.get(MASK);
  code.op(W.i32_and);
  code.tee(hash.c);
  code.i32(5);
  code.op(W.i32_shr_u);
  code.i32(2);
  code.op(W.i32_shl);
  code.get(BITS);
  code.op(W.i32_add);
  code.set(word);
  body();
  code.get(index);
  code.i32(1);
  code.op(W.i32_add);
  code.tee(index);
  code.get(HASHES);
  code.op(W.i32_lt_u);
  code.brIf(0);
  code.end();
}

function push(valueBytes: number): WasmCode {
  const code = new WasmCode();
  eachBit(code, valueBytes, () => {
    code.get(word);
    code.get(word);
    code.memory(W.i32_load, 0);
    code.i32(1);
    code.get(hash.c);
    code.op(W.i32_shl, W.i32_or);
    code.memory(W.i32_store, 0);
  });
  return code;
}

function peek(valueBytes: number): WasmCode {
  const code = new WasmCode();
  eachBit(code, valueBytes, () => {
    code.get(word);
    code.memory(W.i32_load, 0);
    code.get(hash.c);
    code.op(W.i32_shr_u);
    code.i32(1);
    code.op(W.i32_and, W.i32_eqz);
    code.open(W.if);
    code.i32(0);
    code.op(W.return);
    code.end();
  });
  code.i32(1);
  return code;
}
