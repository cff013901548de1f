/**
 * Updates of hash tables as WebAssembly: of plain maps, of those with a value for each CPU, of those that evict, and of those that do
 * both. They differ in when an element is taken, so that on Linux, and here, an update that fails may evict.
 *
 * @source kernel/bpf/hashtab.c htab_map_update_elem, __htab_percpu_map_update_elem, htab_lru_map_update_elem,
 *         __htab_lru_percpu_map_update_elem, pcpu_init_value
 */
import { WasmCode } from "../../jit/wasm-code.ts";
import type { FuncType, WasmModuleBuilder } from "../../jit/wasm-module.ts";
import { I32, W } from "../../jit/wasm-op.ts";
import { BPF_EXIST, BPF_NOEXIST } from "../../map.ts";
import { E2BIG, EEXIST, EINVAL, ENOENT, ENOMEM } from "../errno.ts";
import { BPF_F_LOCK } from "../flags.ts";
import {
  type Body,
  emitCopyValue,
  HASH_FN,
  type HashLayout,
  LINK_LRU,
  LINK_NEXT,
  LINK_VALUES,
  LRU_FN,
  pushValue,
  refuseIf,
  returnErrno,
  TABLE,
  TABLE_COUNT,
  TABLE_CPUS,
  TABLE_LIMIT,
  TABLE_SLAB,
  TAKE_TYPE,
} from "./hash-layout.ts";
import { load } from "./key.ts";
import { NODE_REF } from "./lru-list-code.ts";

/** (table, key, value, flags, cpu) -> 0 or -errno */
export const UPDATE_TYPE: FuncType = { params: [I32, I32, I32, I32, I32], results: [I32] };

const [KEY, VALUE, FLAGS, CPU] = [1, 2, 3, 4] as const;
// locals
const [old, el, at, counter, end] = [5, 6, 7, 8, 9] as const;
const LOCALS = 5;

/** The update of a layout. */
export function update(layout: HashLayout, module: WasmModuleBuilder): Body {
  const code = new WasmCode();
  checkFlags(code, layout);
  if (layout.cpuStride === 0) {
    if (layout.lru === "") updatePlain(code, layout, module);
    else updateLru(code, layout);
  } else {
    if (layout.lru === "") elementPercpu(code, layout, module);
    else elementLruPercpu(code, layout);
  }
  code.i32(0);
  return { locals: LOCALS, code };
}

function checkFlags(code: WasmCode, layout: HashLayout): void {
  code.get(FLAGS);
  if (layout.lock && layout.lru === "") {
    code.i32(~BPF_F_LOCK);
    code.op(W.i32_and);
  }
  code.i32(BPF_EXIST);
  code.op(W.i32_gt_u);
  refuseIf(code, EINVAL);
}

function pushFlag(code: WasmCode, flag: number): void {
  code.get(FLAGS);
  code.i32(flag);
  code.op(W.i32_and);
}

function refuseFlag(code: WasmCode, flag: number, errno: number): void {
  pushFlag(code, flag);
  refuseIf(code, errno);
}

/** Pushes the element of the key, 0 when there is none. */
function pushFound(code: WasmCode): void {
  code.get(TABLE);
  code.get(KEY);
  code.callLocal(HASH_FN.find);
}

function link(code: WasmCode): void {
  code.get(TABLE);
  code.get(el);
  code.get(KEY);
  code.callLocal(HASH_FN.insert);
}

/** Calls a function with the table and an element. */
function call(code: WasmCode, fn: number, element: number): void {
  code.get(TABLE);
  code.get(element);
  code.callLocal(fn);
  if (fn === HASH_FN.remove) code.op(W.drop);
}

/** Leaves a free element in `el`. */
function take(code: WasmCode, layout: HashLayout, module: WasmModuleBuilder): void {
  load(code, { local: TABLE, offset: TABLE_SLAB });
  code.tee(el);
  code.open(W.if);
  code.get(TABLE);
  load(code, { local: el, offset: layout.linkOffset + LINK_NEXT });
  code.memory(W.i32_store, TABLE_SLAB);
  code.op(W.else);
  code.get(TABLE);
  code.callImport(module.importFunction("take", TAKE_TYPE));
  code.tee(el);
  code.op(W.i32_eqz);
  refuseIf(code, ENOMEM);
  code.end();
}

/** What a new key needs that is in no LRU map. */
function refuseNew(code: WasmCode): void {
  refuseFlag(code, BPF_EXIST, ENOENT);
  load(code, { local: TABLE, offset: TABLE_COUNT });
  load(code, { local: TABLE, offset: TABLE_LIMIT });
  code.op(W.i32_ge_u);
  refuseIf(code, E2BIG);
}

/**
 * Replacing puts a new element in the old one's place, as Linux does: an address that a program looked up before goes on showing the
 * old value. Under BPF_F_LOCK the value is changed where it is.
 */
function updatePlain(code: WasmCode, layout: HashLayout, module: WasmModuleBuilder): void {
  pushFound(code);
  code.tee(old);
  code.open(W.if);
  refuseFlag(code, BPF_NOEXIST, EEXIST);
  if (layout.lock) {
    pushFlag(code, BPF_F_LOCK);
    code.open(W.if);
    emitCopyValue(code, layout, old, VALUE, counter);
    code.i32(0);
    code.op(W.return);
    code.end();
  }
  code.op(W.else);
  refuseNew(code);
  code.end();
  take(code, layout, module);
  emitCopyValue(code, layout, el, VALUE, counter);
  code.get(old);
  code.open(W.if);
  call(code, HASH_FN.remove, old);
  call(code, HASH_FN.give, old);
  code.end();
  link(code);
}

/** Leaves an element in `el` that the LRU has found or made room for. */
function takeFromLru(code: WasmCode): void {
  code.get(TABLE);
  code.get(CPU);
  code.callLocal(LRU_FN.pop);
  code.tee(el);
  code.op(W.i32_eqz);
  refuseIf(code, ENOMEM);
}

function touch(code: WasmCode, layout: HashLayout, element: number): void {
  code.get(element);
  code.i32(1);
  code.memory(W.i32_store, layout.linkOffset + LINK_LRU + NODE_REF);
}

/** The element is taken before the key is looked for. */
function updateLru(code: WasmCode, layout: HashLayout): void {
  takeFromLru(code);
  emitCopyValue(code, layout, el, VALUE, counter);
  pushFound(code);
  code.tee(old);
  code.open(W.if);
  pushFlag(code, BPF_NOEXIST);
  code.open(W.if);
  call(code, HASH_FN.give, el);
  returnErrno(code, EEXIST);
  code.end();
  link(code);
  touch(code, layout, el);
  call(code, HASH_FN.remove, old);
  call(code, HASH_FN.give, old);
  code.op(W.else);
  pushFlag(code, BPF_EXIST);
  code.open(W.if);
  call(code, HASH_FN.give, el);
  returnErrno(code, ENOENT);
  code.end();
  link(code);
  code.end();
}

/** Stores into the CPU's value of an element. */
function storeForCpu(code: WasmCode, layout: HashLayout, element: number): void {
  pushValue(code, layout, element, CPU);
  code.set(at);
  emitCopyValue(code, layout, at, VALUE, counter);
}

function elementPercpu(code: WasmCode, layout: HashLayout, module: WasmModuleBuilder): void {
  pushFound(code);
  code.tee(old);
  code.open(W.if);
  refuseFlag(code, BPF_NOEXIST, EEXIST);
  storeForCpu(code, layout, old);
  code.op(W.else);
  refuseNew(code);
  take(code, layout, module);
  link(code);
  zeroValues(code, layout);
  storeForCpu(code, layout, el);
  code.end();
}

/** An element is taken first unless BPF_EXIST is given, and goes back when the key was there. */
function elementLruPercpu(code: WasmCode, layout: HashLayout): void {
  pushFlag(code, BPF_EXIST);
  code.op(W.i32_eqz);
  code.open(W.if);
  takeFromLru(code);
  code.end();
  pushFound(code);
  code.tee(old);
  code.open(W.if);
  code.get(el);
  code.open(W.if);
  call(code, HASH_FN.give, el);
  code.end();
  refuseFlag(code, BPF_NOEXIST, EEXIST);
  touch(code, layout, old);
  storeForCpu(code, layout, old);
  code.op(W.else);
  refuseFlag(code, BPF_EXIST, ENOENT);
  link(code);
  zeroValues(code, layout);
  storeForCpu(code, layout, el);
  code.end();
}

/** Zeroes a new element's values on all CPUs. */
function zeroValues(code: WasmCode, layout: HashLayout): void {
  load(code, { local: el, offset: layout.linkOffset + LINK_VALUES });
  code.tee(at);
  load(code, { local: TABLE, offset: TABLE_CPUS });
  code.i32(layout.cpuStride);
  code.op(W.i32_mul, W.i32_add);
  code.set(end);
  code.open(W.loop);
  code.get(at);
  code.i64(0);
  code.memory(W.i64_store, 0);
  code.get(at);
  code.i32(8);
  code.op(W.i32_add);
  code.tee(at);
  code.get(end);
  code.op(W.i32_lt_u);
  code.brIf(0);
  code.end();
}
