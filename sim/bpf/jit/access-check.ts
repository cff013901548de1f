/**
 * The check function of a compiled program: does an access lie within something that the program may reach?
 *
 *     (address i64, size i32, meta i32, frame i32) -> ()     returns, or reports a fault through an import
 *
 * In this order: regions (map values and the like) by the arena's page table, the stack of this run from the calling frame up,
 * the packet with its metadata, the context by its field table.
 */
import { REGION_PAGE_SHIFT, REGION_TABLE, REGION_WRITABLE } from "../../engine/arena.ts";
import type { ProgTypeDef } from "../prog-type.ts";
import { CELL_CTX, LEVEL_BYTES } from "./cells.ts";
import { FAULT, FAULT_PARAMS } from "./emitter.ts";
import { IN_PACKET } from "./fault-exit.ts";
import { WasmCode } from "./wasm-code.ts";
import type { WasmModuleBuilder } from "./wasm-module.ts";
import { I32, I64, W } from "./wasm-op.ts";

const ADDRESS = 0;
const SIZE = 1;
const META = 2;
const FRAME = 3;
/** i32 locals: the address, the region's descriptor, the offset in the element, the context. */
const A = 4;
const D = 5;
const O = 6;
const C = 7;

/** Adds the check function to a module as its function number `fn`. */
export function defineAccessCheck(module: WasmModuleBuilder, fn: number, def: ProgTypeDef, cells: number): void {
  const code = new WasmCode();
  const fault = module.importFunction("fault", { params: FAULT_PARAMS, results: [] });
  const ctxAccess = module.importFunction("ctxaccess", { params: [I32, I32, I32], results: [] });
  code.get(ADDRESS);
  code.op(W.i32_wrap_i64);
  code.set(A);
  code.open(W.block);
  // addresses lie below 2 GiB, and no object is larger
  code.get(ADDRESS);
  code.i64(31);
  code.op(W.i64_shr_u);
  code.i64(0);
  code.op(W.i64_ne);
  code.brIf(0);
  code.get(SIZE);
  code.i32(0);
  code.op(W.i32_lt_s);
  code.brIf(0);
  code.get(META);
  code.i32(IN_PACKET << 1);
  code.op(W.i32_and, W.i32_eqz);
  code.open(W.if);
  regions(code);
  stack(code);
  code.end();
  code.i32(cells);
  code.memory(W.i32_load, CELL_CTX);
  code.set(C);
  if (def.dataOffset >= 0) packet(code, def);
  context(code, def, ctxAccess);
  code.end();
  code.get(A);
  code.get(ADDRESS);
  code.i64(32);
  code.op(W.i64_shr_u, W.i32_wrap_i64);
  code.get(SIZE);
  code.get(META);
  code.i32(3);
  code.op(W.i32_shr_u);
  code.i32(FAULT.write);
  code.i32(FAULT.read);
  code.get(META);
  code.i32(1);
  code.op(W.i32_and, W.select);
  code.callImport(fault);
  module.setFunction(fn, { params: [I64, I32, I32, I32], results: [] }, [I32, I32, I32, I32], code);
}

/** Within the `if` within the block: depth 1 is "outside of everything". */
function regions(code: WasmCode): void {
  code.get(A);
  code.i32(REGION_PAGE_SHIFT);
  code.op(W.i32_shr_u);
  code.i32(2);
  code.op(W.i32_shl);
  code.memory(W.i32_load, REGION_TABLE);
  code.tee(D);
  code.open(W.if);
  code.get(A);
  code.get(D);
  code.memory(W.i32_load, 0);
  code.op(W.i32_sub);
  code.tee(O);
  code.get(D);
  code.memory(W.i32_load, 4);
  code.op(W.i32_ge_u);
  code.brIf(2);
  // offset within the element; most regions are used near their beginning or have one element
  code.get(O);
  code.get(D);
  code.memory(W.i32_load, 8);
  code.op(W.i32_ge_u);
  code.open(W.if);
  code.get(O);
  code.get(D);
  code.memory(W.i32_load, 8);
  code.op(W.i32_rem_u);
  code.set(O);
  code.end();
  code.get(O);
  code.get(SIZE);
  code.op(W.i32_add);
  code.get(D);
  code.memory(W.i32_load, 12);
  code.op(W.i32_gt_u);
  code.brIf(2);
  // a write needs a writable region, or the part of it that may be written
  code.get(META);
  code.get(D);
  code.memory(W.i32_load, 16);
  code.i32(-1);
  code.op(W.i32_xor, W.i32_and);
  code.i32(REGION_WRITABLE);
  code.op(W.i32_and);
  code.open(W.if);
  code.get(O);
  code.get(D);
  code.memory(W.i32_load, 20);
  code.op(W.i32_lt_u);
  code.get(O);
  code.get(SIZE);
  code.op(W.i32_add);
  code.get(D);
  code.memory(W.i32_load, 24);
  code.op(W.i32_gt_u, W.i32_or);
  code.brIf(3);
  code.end();
  code.op(W.return);
  code.end();
}

function stack(code: WasmCode): void {
  code.get(META);
  code.i32(2);
  code.op(W.i32_and, W.i32_eqz);
  code.get(A);
  code.get(FRAME);
  code.op(W.i32_ge_u, W.i32_and);
  code.get(A);
  code.get(SIZE);
  code.op(W.i32_add);
  code.get(FRAME);
  code.i32(-LEVEL_BYTES);
  code.op(W.i32_and);
  code.i32(LEVEL_BYTES);
  code.op(W.i32_add, W.i32_le_u, W.i32_and);
  code.open(W.if);
  code.op(W.return);
  code.end();
}

function packet(code: WasmCode, def: ProgTypeDef): void {
  if (!def.packetWritable) {
    code.get(META);
    code.i32(1);
    code.op(W.i32_and, W.i32_eqz);
    code.open(W.if);
  }
  code.get(A);
  code.get(C);
  code.memory(W.i32_load, def.dataOffset);
  code.op(W.i32_ge_u);
  if (def.dataMetaOffset >= 0) {
    code.get(A);
    code.get(C);
    code.memory(W.i32_load, def.dataMetaOffset);
    code.op(W.i32_ge_u, W.i32_or);
  }
  code.get(A);
  code.get(SIZE);
  code.op(W.i32_add);
  code.get(C);
  code.memory(W.i32_load, def.dataEndOffset);
  code.op(W.i32_le_u, W.i32_and);
  code.open(W.if);
  code.op(W.return);
  code.end();
  if (!def.packetWritable) code.end();
}

function context(code: WasmCode, def: ProgTypeDef, ctxAccess: number): void {
  code.get(META);
  code.i32(IN_PACKET << 1);
  code.op(W.i32_and, W.i32_eqz);
  code.get(A);
  code.get(C);
  code.op(W.i32_ge_u, W.i32_and);
  code.get(A);
  code.get(SIZE);
  code.op(W.i32_add);
  code.get(C);
  code.i32(def.ctxSize);
  code.op(W.i32_add, W.i32_le_u, W.i32_and);
  code.open(W.if);
  code.get(A);
  code.get(SIZE);
  code.get(META);
  code.callImport(ctxAccess);
  code.op(W.return);
  code.end();
}
