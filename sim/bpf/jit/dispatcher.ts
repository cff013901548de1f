/**
 * The machine's entrance: one small module through which every program is run, so that JavaScript calls one function whatever
 * the number of programs is. It gives each run its part of the stack and keeps runs within runs apart.
 *
 *     run(index, ctx) -> r0's low word           the full r0 is left in a cell
 *     callback(index, a1, a2, a3, a4) -> low word  of a subprogram, below the frame that called the helper
 */
import { Wasm, type WasmMemory, type WasmTable } from "../../engine/wasm.ts";
import {
  CELL_CALL_FP,
  CELL_CTX,
  CELL_INSNS,
  CELL_R0,
  CELL_STACK_TOP,
  CELL_START,
  CELL_TAIL_CALLS,
  FRAME_BYTES,
  LEVEL_BYTES,
  type MachineMemory,
} from "./cells.ts";
import { ENTRY_TYPE, SUBPROGRAM_TYPE } from "./emitter.ts";
import { RUN_CELLS } from "./run-cells.ts";
import { WasmCode } from "./wasm-code.ts";
import { IMPORT_MODULE, WasmModuleBuilder } from "./wasm-module.ts";
import { I32, I64, W } from "./wasm-op.ts";

/** The dispatcher's functions. */
export interface Dispatcher {
  run(tableIndex: number, ctx: number): number;
  callback(tableIndex: number, a1: number, a2: number, a3: number, a4: number): number;
}

/** Makes the dispatcher. @param tooNested is called, and must throw, when no stack is left for another run */
export function createDispatcher(
  memory: WasmMemory,
  table: WasmTable,
  at: MachineMemory,
  tooNested: () => never,
): Dispatcher {
  const module = new WasmModuleBuilder();
  defineRun(module, at);
  defineCallback(module, at);
  module.export("run", 0);
  module.export("callback", 1);
  const instance = new Wasm.Instance(new Wasm.Module(module.finish()), {
    [IMPORT_MODULE]: { mem: memory, tab: table, nested: tooNested },
  });
  return instance.exports as unknown as Dispatcher;
}

function defineRun(module: WasmModuleBuilder, at: MachineMemory): void {
  const code = new WasmCode();
  const nested = module.importFunction("nested", { params: [], results: [] });
  const [INDEX, CTX, R0, FIRST_SAVED] = [0, 1, 2, 3] as const;
  const load = (cell: number): void => {
    code.i32(at.cells);
    code.memory(W.i32_load, cell);
  };
  RUN_CELLS.forEach((cell, i) => {
    load(cell);
    code.set(FIRST_SAVED + i);
  });
  code.get(FIRST_SAVED);
  code.i32(at.stackBottom);
  code.op(W.i32_le_u);
  code.open(W.if);
  code.callImport(nested);
  code.op(W.unreachable);
  code.end();
  const store = (cell: number, push: () => void): void => {
    code.i32(at.cells);
    push();
    code.memory(W.i32_store, cell);
  };
  store(CELL_STACK_TOP, () => {
    code.get(FIRST_SAVED);
    code.i32(LEVEL_BYTES);
    code.op(W.i32_sub);
  });
  store(CELL_CTX, () => code.get(CTX));
  store(CELL_TAIL_CALLS, () => code.i32(0));
  store(CELL_START, () => load(CELL_INSNS));
  code.get(CTX);
  code.get(FIRST_SAVED);
  code.get(INDEX);
  code.op(W.call_indirect);
  code.uleb(module.type(ENTRY_TYPE));
  code.uleb(0);
  code.set(R0);
  RUN_CELLS.forEach((cell, i) => {
    store(cell, () => code.get(FIRST_SAVED + i));
  });
  code.i32(at.cells);
  code.get(R0);
  code.memory(W.i64_store, CELL_R0);
  code.get(R0);
  code.op(W.i32_wrap_i64);
  module.setFunction(0, { params: [I32, I32], results: [I32] }, [I64, I32, I32, I32, I32], code);
}

function defineCallback(module: WasmModuleBuilder, at: MachineMemory): void {
  const code = new WasmCode();
  const FP = 5;
  code.i32(at.cells);
  code.memory(W.i32_load, CELL_CALL_FP);
  code.set(FP);
  for (let i = 1; i <= 4; i++) {
    code.get(i);
    code.op(W.i64_extend_i32_u);
  }
  code.i64(0);
  code.get(FP);
  code.i32(FRAME_BYTES);
  code.op(W.i32_sub);
  code.get(0);
  code.op(W.call_indirect);
  code.uleb(module.type(SUBPROGRAM_TYPE));
  code.uleb(0);
  code.op(W.i32_wrap_i64);
  code.i32(at.cells);
  code.get(FP);
  code.memory(W.i32_store, CELL_CALL_FP);
  module.setFunction(1, { params: [I32, I32, I32, I32, I32], results: [I32] }, [I32], code);
}
