import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { emitCopyBytes, emitZeroBytes } from "../../../sim/bpf/jit/wasm-bytes.ts";
import { WasmCode } from "../../../sim/bpf/jit/wasm-code.ts";
import { WasmModuleBuilder } from "../../../sim/bpf/jit/wasm-module.ts";
import { I32 } from "../../../sim/bpf/jit/wasm-op.ts";
import { Wasm } from "../../../sim/engine/wasm.ts";

const memory = new Wasm.Memory({ initial: 1, maximum: 1 });
const u8 = new Uint8Array(memory.buffer);

interface Functions {
  copy(to: number, from: number, bytes: number): void;
  zero(at: number, bytes: number): void;
}

function functions(): Functions {
  const module = new WasmModuleBuilder();
  const copy = new WasmCode();
  emitCopyBytes(copy, 0, 1, 2);
  module.setFunction(0, { params: [I32, I32, I32], results: [] }, [], copy);
  const zero = new WasmCode();
  emitZeroBytes(zero, 0, 1);
  module.setFunction(1, { params: [I32, I32], results: [] }, [], zero);
  module.export("copy", 0);
  module.export("zero", 1);
  const tab = new Wasm.Table({ element: "anyfunc", initial: 1 });
  const instance = new Wasm.Instance(new Wasm.Module(module.finish()), { m: { mem: memory, tab } });
  return instance.exports as unknown as Functions;
}

const { copy, zero } = functions();
const pattern = (): Uint8Array => Uint8Array.from({ length: 2000 }, (_, i) => i * 13 + (i >> 8));

describe("bytes whose number is known at run time", () => {
  it("any number of them is copied, and nothing around them is touched", () => {
    fc.assert(
      fc.property(fc.nat(400), fc.nat(15), fc.nat(15), (bytes, a, b) => {
        u8.set(pattern());
        const expected = pattern();
        expected.copyWithin(1000 + a, b, b + bytes);
        copy(1000 + a, b, bytes);
        expect(u8.slice(0, 2000)).toEqual(expected);
      }),
    );
  });

  it("they may overlap when the destination begins first", () => {
    fc.assert(
      fc.property(fc.nat(400), fc.nat(30), (bytes, by) => {
        u8.set(pattern());
        const expected = pattern();
        expected.copyWithin(100, 100 + by, 100 + by + bytes);
        copy(100, 100 + by, bytes);
        expect(u8.slice(0, 2000)).toEqual(expected);
      }),
    );
  });

  it("any number of them is zeroed", () => {
    fc.assert(
      fc.property(fc.nat(400), fc.nat(15), (bytes, a) => {
        u8.set(pattern());
        const expected = pattern().fill(0, a, a + bytes);
        zero(a, bytes);
        expect(u8.slice(0, 2000)).toEqual(expected);
      }),
    );
  });
});
