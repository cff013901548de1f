/**
 * WebAssembly that moves bytes whose number is known at run time only: short ones word by word, long ones by the engine.
 */
import type { WasmCode } from "./wasm-code.ts";
import { W, type WasmOp } from "./wasm-op.ts";

/** Up to so many bytes a loop over words is faster than the engine's memmove. */
const LOOP_BYTES = 128;

/** Pieces of what a loop over words leaves. */
const TAIL: readonly { readonly bytes: number; readonly load: WasmOp; readonly store: WasmOp }[] = [
  { bytes: 4, load: W.i32_load, store: W.i32_store },
  { bytes: 2, load: W.i32_load16_u, store: W.i32_store16 },
  { bytes: 1, load: W.i32_load8_u, store: W.i32_store8 },
];

/**
 * Copies between areas that do not overlap, or of which `to` begins first.
 * @param to,from,bytes i32 locals; changed
 */
export function emitCopyBytes(code: WasmCode, to: number, from: number, bytes: number): void {
  emitShortOrLong(
    code,
    bytes,
    [to, from],
    (load, store) => {
      code.get(to);
      code.get(from);
      code.memory(load, 0);
      code.memory(store, 0);
    },
    () => {
      code.get(to);
      code.get(from);
      code.get(bytes);
      code.memoryCopy();
    },
  );
}

/** Zeroes bytes. @param at,bytes i32 locals; changed */
export function emitZeroBytes(code: WasmCode, at: number, bytes: number): void {
  emitShortOrLong(
    code,
    bytes,
    [at],
    (_load, store) => {
      code.get(at);
      if (store === W.i64_store) code.i64(0);
      else code.i32(0);
      code.memory(store, 0);
    },
    () => {
      code.get(at);
      code.i32(0);
      code.get(bytes);
      code.memoryFill();
    },
  );
}

function emitShortOrLong(
  code: WasmCode,
  bytes: number,
  pointers: readonly number[],
  move: (load: WasmOp, store: WasmOp) => void,
  whole: () => void,
): void {
  const advance = (by: number): void => {
    for (const p of pointers) {
      code.get(p);
      code.i32(by);
      code.op(W.i32_add);
      code.set(p);
    }
  };
  code.get(bytes);
  code.i32(LOOP_BYTES);
  code.op(W.i32_gt_u);
  code.open(W.if);
  whole();
  code.op(W.else);
  code.open(W.block);
  code.open(W.loop);
  code.get(bytes);
  code.i32(8);
  code.op(W.i32_lt_u);
  code.brIf(1);
  move(W.i64_load, W.i64_store);
  advance(8);
  code.get(bytes);
  code.i32(8);
  code.op(W.i32_sub);
  code.set(bytes);
  code.br(0);
  code.end();
  code.end();
  for (const t of TAIL) {
    code.get(bytes);
    code.i32(t.bytes);
    code.op(W.i32_and);
    code.open(W.if);
    move(t.load, t.store);
    if (t.bytes > 1) advance(t.bytes);
    code.end();
  }
  code.end();
}
