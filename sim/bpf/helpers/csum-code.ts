/**
 * The arithmetic of bpf_csum_diff as WebAssembly, for compiled programs and for the helper.
 * @source net/core/filter.c bpf_csum_diff; include/net/checksum.h csum_partial, csum_from32to16
 */
import type { Arena } from "../../engine/arena.ts";
import { codeInstance } from "../jit/code-instance.ts";
import { WasmCode } from "../jit/wasm-code.ts";
import { I32, I64, W } from "../jit/wasm-op.ts";

/** The code over one arena. */
export interface CsumCode {
  /** As the helper: addresses, sizes in bytes, seed; answers 16 bits. */
  diff(from: number, fromSize: number, to: number, toSize: number, seed: number): number;
}

/** The code over an arena. */
export function csumCode(arena: Arena): CsumCode {
  return codeInstance<null, CsumCode>(arena, "csum", 0, null, () => ({
    imports: [],
    build(module): void {
      const partialType = { params: [I32, I32, I32], results: [I32] } as const;
      module.setFunction(PARTIAL, partialType, [I64, I32], partial());
      const diffType = { params: [I32, I32, I32, I32, I32], results: [I32] } as const;
      module.setFunction(1, diffType, [I64], diff());
      module.export("diff", 1);
    },
  }));
}

const PARTIAL = 0;

/** Folds the i64 in a local to so many bits, end-around; it has no more than twice as many. */
export function emitFold(code: WasmCode, sum: number, bits: 16 | 32): void {
  for (let i = 0; i < 2; i++) {
    code.get(sum);
    code.i64(2 ** bits - 1);
    code.op(W.i64_and);
    code.get(sum);
    code.i64(bits);
    code.op(W.i64_shr_u, W.i64_add);
    code.set(sum);
  }
}

/** (address, size, start) -> ones' complement sum of little-endian words; a last word cut short counts as if zeros followed. */
function partial(): WasmCode {
  const code = new WasmCode();
  const [at, size, sum, end] = [0, 1, 3, 4];
  const step = (bytes: number, load: () => void): void => {
    code.get(sum);
    code.get(at);
    load();
    code.op(W.i64_add);
    code.set(sum);
    code.get(at);
    code.i32(bytes);
    code.op(W.i32_add);
    code.set(at);
  };
  code.get(2);
  code.op(W.i64_extend_i32_u);
  code.set(sum);
  code.get(at);
  code.get(size);
  code.i32(-4);
  code.op(W.i32_and, W.i32_add);
  code.set(end);
  code.open(W.block);
  code.open(W.loop);
  code.get(at);
  code.get(end);
  code.op(W.i32_ge_u);
  code.brIf(1);
  step(4, () => code.memory(W.i64_load32_u, 0));
  code.br(0);
  code.end();
  code.end();
  const tail = (bit: number, load: () => void): void => {
    code.get(size);
    code.i32(bit);
    code.op(W.i32_and);
    code.open(W.if);
    step(bit, load);
    code.end();
  };
  tail(2, () => code.memory(W.i64_load16_u, 0));
  tail(1, () => {
    code.memory(W.i64_load8_u, 0);
    // behind two other bytes it is the third of its word
    code.get(size);
    code.i32(2);
    code.op(W.i32_and);
    code.i32(3);
    code.op(W.i32_shl, W.i64_extend_i32_u, W.i64_shl);
  });
  emitFold(code, sum, 32);
  code.get(sum);
  code.op(W.i32_wrap_i64);
  return code;
}

function diff(): WasmCode {
  const code = new WasmCode();
  const [from, fromSize, to, toSize, seed, sum] = [0, 1, 2, 3, 4, 5];
  const invert = (): void => {
    code.i32(-1);
    code.op(W.i32_xor);
  };
  const callPartial = (address: number, size: number, start: () => void): void => {
    code.get(address);
    code.get(size);
    start();
    code.callLocal(PARTIAL);
  };
  code.get(seed);
  code.op(W.i64_extend_i32_u);
  code.set(sum);
  code.get(toSize);
  code.open(W.if);
  callPartial(to, toSize, () => code.get(seed));
  code.op(W.i64_extend_i32_u);
  code.set(sum);
  code.get(fromSize);
  code.open(W.if);
  code.get(sum);
  callPartial(from, fromSize, () => code.i32(0));
  invert();
  code.op(W.i64_extend_i32_u, W.i64_add);
  code.set(sum);
  code.end();
  code.op(W.else);
  code.get(fromSize);
  code.open(W.if);
  callPartial(from, fromSize, () => {
    code.get(seed);
    invert();
  });
  invert();
  code.op(W.i64_extend_i32_u);
  code.set(sum);
  code.end();
  code.end();
  emitFold(code, sum, 32);
  emitFold(code, sum, 16);
  code.get(sum);
  code.op(W.i32_wrap_i64);
  return code;
}
