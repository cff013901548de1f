import { describe, expect, it } from "vitest";
import { WasmCode } from "../../../sim/bpf/jit/wasm-code.ts";
import { WasmModuleBuilder } from "../../../sim/bpf/jit/wasm-module.ts";
import { I32, I64, W, type WasmOp } from "../../../sim/bpf/jit/wasm-op.ts";
import { Wasm } from "../../../sim/engine/wasm.ts";

type Operand = bigint;

/** Runs one instruction in V8: operands as i64 constants, the result widened to 64 bits, unsigned. */
function evaluate(op: WasmOp, wideIn: boolean, wideOut: boolean, operands: readonly Operand[]): bigint {
  const module = new WasmModuleBuilder();
  const code = new WasmCode();
  for (const v of operands) {
    if (wideIn) code.i64(v);
    else code.i32(Number(BigInt.asIntN(32, v)));
  }
  code.op(op);
  if (!wideOut) code.op(W.i64_extend_i32_u);
  module.setFunction(0, { params: [], results: [I64] }, [], code);
  module.export("f", 0);
  const instance = new Wasm.Instance(new Wasm.Module(module.finish()), { m: environment() });
  return BigInt.asUintN(64, (instance.exports.f as () => bigint)());
}

function environment(): Record<string, unknown> {
  return {
    mem: new Wasm.Memory({ initial: 1, maximum: 1 }),
    tab: new Wasm.Table({ element: "anyfunc", initial: 1 }),
  };
}

const M = 0xffffffffffffffffn;
const m = 0xffffffffn;

describe("numeric opcodes mean in V8 what their names say", () => {
  it.each<[keyof typeof W, readonly bigint[], bigint]>([
    ["i32_eqz", [0n], 1n],
    ["i32_eq", [5n, 5n], 1n],
    ["i32_ne", [5n, 5n], 0n],
    ["i32_lt_s", [m, 1n], 1n],
    ["i32_lt_u", [m, 1n], 0n],
    ["i32_gt_s", [m, 1n], 0n],
    ["i32_gt_u", [m, 1n], 1n],
    ["i32_le_s", [m, 1n], 1n],
    ["i32_le_u", [m, 1n], 0n],
    ["i32_ge_s", [m, 1n], 0n],
    ["i32_ge_u", [m, 1n], 1n],
    ["i32_clz", [0x00ffn], 24n],
    ["i32_add", [m, 2n], 1n],
    ["i32_sub", [1n, 2n], m],
    ["i32_mul", [0x10001n, 0x10001n], 0x20001n],
    ["i32_div_s", [m, 2n], 0n],
    ["i32_div_u", [m, 2n], 0x7fffffffn],
    ["i32_rem_s", [m - 6n, 4n], m - 2n],
    ["i32_rem_u", [m, 16n], 15n],
    ["i32_and", [12n, 10n], 8n],
    ["i32_or", [12n, 10n], 14n],
    ["i32_xor", [12n, 10n], 6n],
    ["i32_shl", [1n, 33n], 2n],
    ["i32_shr_s", [m, 1n], m],
    ["i32_shr_u", [m, 1n], 0x7fffffffn],
    ["i32_rotl", [0x80000001n, 1n], 3n],
    ["i32_extend8_s", [0x80n], 0xffffff80n],
    ["i32_extend16_s", [0x8000n], 0xffff8000n],
  ])("%s(%s) = %s", (name, operands, result) => {
    expect(evaluate(W[name], false, false, operands)).toBe(result);
  });

  it.each<[keyof typeof W, readonly bigint[], bigint]>([
    ["i64_eqz", [0n], 1n],
    ["i64_eq", [1n << 40n, 1n << 40n], 1n],
    ["i64_ne", [1n << 40n, 0n], 1n],
    ["i64_lt_s", [M, 1n], 1n],
    ["i64_lt_u", [M, 1n], 0n],
    ["i64_gt_s", [M, 1n], 0n],
    ["i64_gt_u", [M, 1n], 1n],
    ["i64_le_s", [M, 1n], 1n],
    ["i64_le_u", [M, 1n], 0n],
    ["i64_ge_s", [M, 1n], 0n],
    ["i64_ge_u", [M, 1n], 1n],
    ["i32_wrap_i64", [0x1_0000_0005n], 5n],
  ])("%s(%s) = %s", (name, operands, result) => {
    expect(evaluate(W[name], true, false, operands)).toBe(result);
  });

  it.each<[keyof typeof W, readonly bigint[], bigint]>([
    ["i64_add", [M, 2n], 1n],
    ["i64_sub", [1n, 2n], M],
    ["i64_mul", [1n << 33n, 1n << 33n], 0n],
    ["i64_div_s", [M, 2n], 0n],
    ["i64_div_u", [M, 2n], M >> 1n],
    ["i64_rem_s", [M - 6n, 4n], M - 2n],
    ["i64_rem_u", [M, 16n], 15n],
    ["i64_and", [12n, 10n], 8n],
    ["i64_or", [12n, 10n], 14n],
    ["i64_xor", [12n, 10n], 6n],
    ["i64_shl", [1n, 65n], 2n],
    ["i64_shr_s", [M, 1n], M],
    ["i64_shr_u", [M, 1n], M >> 1n],
    ["i64_rotl", [(1n << 63n) | 1n, 1n], 3n],
    ["i64_extend8_s", [0x80n], M - 0x7fn],
    ["i64_extend16_s", [0x8000n], M - 0x7fffn],
    ["i64_extend32_s", [0x80000000n], M - 0x7fffffffn],
  ])("%s(%s) = %s", (name, operands, result) => {
    expect(evaluate(W[name], true, true, operands)).toBe(result);
  });

  it("i64_extend_i32_s and _u extend", () => {
    expect(evaluate(W.i64_extend_i32_s, false, true, [m])).toBe(M);
    expect(evaluate(W.i64_extend_i32_u, false, true, [m])).toBe(m);
  });
});

describe("loads and stores", () => {
  const bytes = [0x81, 0x92, 0xa3, 0xb4, 0xc5, 0xd6, 0xe7, 0xf8];
  const access = (emit: (code: WasmCode) => void): { result: bigint; memory: Uint8Array } => {
    const module = new WasmModuleBuilder();
    const code = new WasmCode();
    emit(code);
    module.setFunction(0, { params: [], results: [I64] }, [I32], code);
    module.export("f", 0);
    const env = environment();
    const memory = new Uint8Array((env.mem as { buffer: ArrayBuffer }).buffer);
    memory.set(bytes, 100);
    const instance = new Wasm.Instance(new Wasm.Module(module.finish()), { m: env });
    return { result: BigInt.asUintN(64, (instance.exports.f as () => bigint)()), memory };
  };

  it.each<[keyof typeof W, bigint]>([
    ["i64_load", 0xf8e7d6c5b4a39281n],
    ["i64_load8_s", M - 0x7en],
    ["i64_load8_u", 0x81n],
    ["i64_load16_s", M - 0x6d7en],
    ["i64_load16_u", 0x9281n],
    ["i64_load32_s", M - 0x4b5c6d7en],
    ["i64_load32_u", 0xb4a39281n],
  ])("%s", (name, result) => {
    const load = (code: WasmCode): void => {
      code.i32(1);
      code.memory(W[name], 99);
    };
    expect(access(load).result).toBe(result);
  });

  it.each<[keyof typeof W, bigint]>([
    ["i32_load", 0xb4a39281n],
    ["i32_load16_u", 0x9281n],
    ["i32_load8_u", 0x81n],
  ])("%s", (name, result) => {
    const load = (code: WasmCode): void => {
      code.i32(100);
      code.memory(W[name], 0);
      code.op(W.i64_extend_i32_u);
    };
    expect(access(load).result).toBe(result);
  });

  it.each<[keyof typeof W, number]>([
    ["i32_store8", 1],
    ["i32_store16", 2],
    ["i32_store", 4],
  ])("%s writes %i bytes", (name, n) => {
    const { memory } = access((code) => {
      code.i32(100);
      code.i32(-2);
      code.memory(W[name], 0);
      code.i64(0);
    });
    const expected = [0xfe, 0xff, 0xff, 0xff].slice(0, n).concat(bytes.slice(n));
    expect([...memory.slice(100, 108)]).toEqual(expected);
  });

  it.each<[keyof typeof W, number]>([
    ["i64_store8", 1],
    ["i64_store16", 2],
    ["i64_store32", 4],
    ["i64_store", 8],
  ])("%s writes %i bytes", (name, n) => {
    const { memory } = access((code) => {
      code.i32(100);
      code.i64(-2);
      code.memory(W[name], 0);
      code.i64(0);
    });
    const expected = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff].slice(0, n).concat(bytes.slice(n));
    expect([...memory.slice(100, 108)]).toEqual(expected);
  });
});

describe("constants are encoded to the last bit", () => {
  it.each([0n, 1n, -1n, 63n, 64n, -64n, -65n, 127n, 128n, 2n ** 31n - 1n, -(2n ** 31n), 2n ** 63n - 1n, -(2n ** 63n)])(
    "i64 %s",
    (v) => {
      expect(evaluate(W.i64_add, true, true, [v, 0n])).toBe(BigInt.asUintN(64, v));
    },
  );

  it.each([0n, 63n, 64n, -64n, -65n, 8191n, 8192n, 2n ** 31n - 1n, -(2n ** 31n)])("i32 %s", (v) => {
    expect(evaluate(W.i32_add, false, false, [v, 0n])).toBe(BigInt.asUintN(32, v));
  });
});
