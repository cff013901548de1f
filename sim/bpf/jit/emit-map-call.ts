/**
 * Lookups, updates and deletions in a map that is known at compile time. Arrays are looked up in place; other maps have WebAssembly of
 * their own or, failing that, a method.
 */
import type { BpfMap } from "../map.ts";
import { CELL_CPU } from "./cells.ts";
import type { Emitter } from "./emitter.ts";
import type { ValueType } from "./wasm-module.ts";
import { I32, W } from "./wasm-op.ts";

/** What helpers 1 to 3 do, by number. */
const OPERATION = { 1: "lookup", 2: "update", 3: "delete" } as const;

/** r0 = operation(map, ...). @returns false, nothing emitted, when the helper is another one */
export function emitMapCall(e: Emitter, helper: number, map: BpfMap): boolean {
  if (helper !== 1 && helper !== 2 && helper !== 3) return false;
  const operation = OPERATION[helper];
  if (operation === "lookup" && map.inlineArray !== null && map.spec.kind !== "prog_array") {
    emitArrayLookup(e, map);
    return true;
  }
  const { code } = e;
  const inWasm = map.code !== null && map.code[operation] !== null;
  if (!inWasm) e.flush();
  const index = e.program.maps.indexOf(map);
  const params: ValueType[] = [];
  if (inWasm) {
    code.global(e.shared.module.importGlobal(`state:${index}`, I32, false));
    params.push(I32);
  }
  e.word(2);
  params.push(I32);
  if (operation === "update") {
    e.word(3);
    // flags above 32 bits are as invalid as all bits of the lower word
    code.i32(-1);
    e.word(4);
    e.reg(4);
    code.i64(32);
    code.op(W.i64_shr_u, W.i32_wrap_i64, W.select);
    params.push(I32, I32);
  }
  if (operation !== "delete") {
    e.cell(CELL_CPU);
    params.push(I32);
  }
  code.callImport(e.import(`${operation}:${index}`, params, [I32]));
  code.op(operation === "lookup" ? W.i64_extend_i32_u : W.i64_extend_i32_s);
  e.setReg(0);
  if (!inWasm) e.reload();
  return true;
}

/** Pushes the address of an array's element, or of the inner map that stands there; 0 when the index is out of bounds. */
function emitArrayLookup(e: Emitter, map: BpfMap): void {
  const { code } = e;
  const inline = map.inlineArray!;
  const index = e.program.maps.indexOf(map);
  const key = e.local("t32", I32);
  e.word(2);
  code.memory(W.i32_load, 0);
  code.set(key);
  const pushAddress = (): void => {
    code.global(e.shared.module.importGlobal(`base:${index}`, I32, false));
    code.get(key);
    code.i32(inline.stride);
    code.op(W.i32_mul, W.i32_add);
    if (inline.cpuStride !== 0) {
      e.cell(CELL_CPU);
      code.i32(inline.cpuStride);
      code.op(W.i32_mul, W.i32_add);
    }
  };
  const pushInBounds = (): void => {
    code.get(key);
    code.i32(inline.maxEntries);
    code.op(W.i32_lt_u);
  };
  if (map.spec.kind === "array_of_maps") {
    pushInBounds();
    code.open(W.if, I32);
    pushAddress();
    code.memory(W.i32_load, 0);
    code.op(W.else);
    code.i32(0);
    code.end();
  } else {
    pushAddress();
    code.i32(0);
    pushInBounds();
    code.op(W.select);
  }
  code.op(W.i64_extend_i32_u);
  e.setReg(0);
}
