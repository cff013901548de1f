/**
 * bpf_throw: an exception of WebAssembly, thrown where the program calls it and caught in the program's first function, which is where
 * Linux's walk of the stack ends. It crosses nothing but functions of the same program: callbacks must not throw.
 * @source kernel/bpf/helpers.c bpf_throw
 */
import { FRAME_BYTES } from "./cells.ts";
import type { Emitter } from "./emitter.ts";
import type { WasmCode } from "./wasm-code.ts";
import { I64, W } from "./wasm-op.ts";

/** Ends the program with the cookie in r1. */
export function emitThrow(e: Emitter): void {
  e.flush();
  e.reg(1);
  e.code.op(W.throw);
  e.code.uleb(e.shared.module.tag([I64]));
}

/** Opens what a program's first function stands in. */
export function openCatch(code: WasmCode): void {
  code.open(W.try);
}

/** Closes it: what was thrown is the answer, or what the exception callback makes of it. */
export function closeCatch(e: Emitter, code: WasmCode): void {
  const { program, shared } = e;
  const slot = program.spec.exceptionCallback;
  code.op(W.catch);
  code.uleb(shared.module.tag([I64]));
  if (slot !== undefined) {
    for (let r = 2; r <= 5; r++) code.i64(0);
    code.get(e.fp);
    code.i32(FRAME_BYTES);
    code.op(W.i32_sub);
    code.callLocal(program.functionOfSlot.get(slot)!);
  }
  code.op(W.return);
  code.end();
  code.op(W.unreachable);
}
