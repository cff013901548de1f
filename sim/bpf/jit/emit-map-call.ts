/**
 * Calls of the helpers of maps in a map that is known at compile time: arrays are looked up and updated in place (emit-array.ts), other
 * maps have WebAssembly of their own; failing that, lookups, updates and deletions go to the map's method, what is left to the helper.
 */
import type { BpfMap } from "../map.ts";
import { CELL_CPU } from "./cells.ts";
import { emitArrayLookup, emitArrayUpdate, pushFlags } from "./emit-array.ts";
import type { Emitter } from "./emitter.ts";
import type { ValueType } from "./wasm-module.ts";
import { I32, W } from "./wasm-op.ts";

/** An operation of a map as programs call it. */
interface Operation {
  readonly name: "lookup" | "update" | "delete" | "push" | "pop" | "peek";
  /** Registers of addresses. */
  readonly pointers: readonly number[];
  /** Register of the flags, 0: there are none. */
  readonly flags: number;
  /** Takes the CPU, too. */
  readonly cpu: boolean;
  /** A map without code has a method of this name. */
  readonly method: boolean;
}

/** By number of the helper. */
const OPERATIONS: Readonly<Record<number, Operation>> = {
  1: { name: "lookup", pointers: [2], flags: 0, cpu: true, method: true },
  2: { name: "update", pointers: [2, 3], flags: 4, cpu: true, method: true },
  3: { name: "delete", pointers: [2], flags: 0, cpu: false, method: true },
  87: { name: "push", pointers: [2], flags: 3, cpu: false, method: false },
  88: { name: "pop", pointers: [2], flags: 0, cpu: false, method: false },
  89: { name: "peek", pointers: [2], flags: 0, cpu: false, method: false },
};

/** r0 = operation(map, ...). @returns false, nothing emitted, when the helper itself is to be called */
export function emitMapCall(e: Emitter, helper: number, map: BpfMap): boolean {
  const operation = OPERATIONS[helper];
  if (operation === undefined) return false;
  const { name, pointers, flags, cpu, method } = operation;
  if (name === "lookup" && map.inlineArray !== null && map.spec.kind !== "prog_array") {
    emitArrayLookup(e, map);
    return true;
  }
  if (name === "update" && map.inlineArray !== null && map.inlineArray.copiedBytes > 0) {
    emitArrayUpdate(e, map);
    return true;
  }
  const { code } = e;
  const inWasm = map.code?.[name] !== undefined;
  if (!inWasm && !method) return false;
  if (!inWasm) e.flush();
  const index = e.program.maps.indexOf(map);
  const params: ValueType[] = [];
  if (inWasm) {
    code.global(e.shared.module.importGlobal(`state:${index}`, I32, false));
    params.push(I32);
  }
  for (const reg of pointers) {
    e.word(reg);
    params.push(I32);
  }
  if (flags !== 0) {
    pushFlags(e, flags);
    params.push(I32);
  }
  if (cpu) {
    e.cell(CELL_CPU);
    params.push(I32);
  }
  code.callImport(e.import(`${name}:${index}`, params, [I32]));
  code.op(name === "lookup" ? W.i64_extend_i32_u : W.i64_extend_i32_s);
  e.setReg(0);
  if (!inWasm) e.reload();
  return true;
}
