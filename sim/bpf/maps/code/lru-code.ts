/**
 * How an LRU map gets elements for new keys and gives them back, as WebAssembly of the map's table. The lists are Linux's: one set that
 * all CPUs share with a free and a pending list per CPU in front of it, which are refilled in batches, so that Linux, and this, evicts
 * before the map is full; or, under BPF_F_NO_COMMON_LRU, a set for each CPU. Which elements are left after any sequence of operations
 * equals Linux's (compared on 6.18 by hand).
 *
 *     state of the common form                          state of the other: a set of lists for each CPU
 *     +0  the lists (lru-list-code.ts)
 *     +44 u32 elements of a batch
 *     +48 for each CPU, 20 bytes:
 *         +0  free, +8 pending: next and previous of each sentinel
 *         +16 u32 CPU from which is stolen next
 *
 * @source kernel/bpf/bpf_lru_list.c; the batch's size: bpf_common_lru_populate of 6.16 and later
 */
import { WasmCode } from "../../jit/wasm-code.ts";
import type { FuncType, WasmModuleBuilder } from "../../jit/wasm-module.ts";
import { I32, W } from "../../jit/wasm-op.ts";
import { HASH_FN, type HashLayout, LINK_LRU, LRU_FN, TABLE, TABLE_CPUS, TABLE_LRU } from "./hash-layout.ts";
import { load } from "./key.ts";
import {
  breakIfEqual,
  cpuOf,
  evict,
  FREE,
  firstFree,
  INACTIVE,
  LIST_BYTES,
  LOCAL_FREE,
  LOCAL_PENDING,
  leave,
  linkAfter,
  listOf,
  move,
  moveByReference,
  moveTo,
  nextOf,
  prevOf,
  pushElement,
  refOf,
  removeElement,
  rotate,
  setSum,
  shrink,
  storeConst,
  storeLocal,
  unlink,
} from "./lru-list-code.ts";

export const COMMON_BATCH: number = LIST_BYTES;
export const COMMON_CPUS = 48;
export const COMMON_CPU_BYTES = 20;
export const CPU_SENTINELS = 2;
export const CPU_STEAL = 16;
const CPU_PENDING = 8;

/** LOCAL_FREE_TARGET and LOCAL_NR_SCANS. */
export const LOCAL_BATCH = 128;
/** PERCPU_FREE_TARGET and PERCPU_NR_SCANS. */
const PERCPU_BATCH = 4;

/** Adds the functions of a layout that evicts. */
export function defineLru(layout: HashLayout, module: WasmModuleBuilder): void {
  const common = layout.lru === "common";
  const node = layout.linkOffset + LINK_LRU;
  const scans = common ? LOCAL_BATCH : PERCPU_BATCH;
  const define = (fn: number, params: number, results: number, locals: number, code: WasmCode): void => {
    const type: FuncType = { params: i32s(params), results: i32s(results) };
    module.setFunction(fn, type, i32s(locals), code);
  };
  define(LRU_FN.move, 3, 0, 2, move());
  define(LRU_FN.rotate, 1, 0, 5, rotate(scans));
  define(LRU_FN.shrink, 4, 0, 5, shrink(scans));
  define(LRU_FN.evict, 4, 0, 2, evict(node, common));
  define(LRU_FN.firstFree, 3, 1, 3, firstFree(node, module));
  define(HASH_FN.give, 2, 0, 3, common ? giveCommon(node) : givePercpu(node));
  define(LRU_FN.pop, 2, 1, 4, common ? popCommon(node) : popPercpu(node));
  if (!common) return;
  define(LRU_FN.popLocal, 1, 1, 3, popLocal());
  define(LRU_FN.popPending, 2, 1, 3, popPending(node));
  define(LRU_FN.refill, 2, 0, 8, refill());
  define(LRU_FN.steal, 2, 1, 4, steal());
}

function i32s(count: number): (typeof I32)[] {
  return new Array<typeof I32>(count).fill(I32);
}

/** Sets a local to the address of the lists that all CPUs share. */
function setState(code: WasmCode, to: number): void {
  load(code, { local: TABLE, offset: TABLE_LRU });
  code.set(to);
}

/** Sets a local to a CPU's free list, the first of what the CPU has. @param cpu a local, as `state` is */
function setCpuState(code: WasmCode, to: number, state: number, cpu: number): void {
  code.get(cpu);
  code.i32(COMMON_CPU_BYTES);
  code.op(W.i32_mul);
  code.get(state);
  code.op(W.i32_add);
  code.i32(COMMON_CPUS);
  code.op(W.i32_add);
  code.set(to);
}

/** Sets a local to the lists of a CPU that has its own. @param pushCpu the CPU's number */
function setCpuLists(code: WasmCode, to: number, pushCpu: () => void): void {
  load(code, { local: TABLE, offset: TABLE_LRU });
  pushCpu();
  code.i32(LIST_BYTES);
  code.op(W.i32_mul, W.i32_add);
  code.set(to);
}

function returnZeroUnless(code: WasmCode, local: number): void {
  code.get(local);
  code.op(W.i32_eqz);
  code.open(W.if);
  code.i32(0);
  code.op(W.return);
  code.end();
}

function ifZero(code: WasmCode, local: number, then: () => void): void {
  code.get(local);
  code.op(W.i32_eqz);
  code.open(W.if);
  then();
  code.end();
}

/** (table, cpu) an unlinked element for a new key, evicting others when that is needed; 0 when there is none. */
function popCommon(node: number): WasmCode {
  const code = new WasmCode();
  const [cpu, state, own, n, a] = [1, 2, 3, 4, 5];
  setState(code, state);
  setCpuState(code, own, state, cpu);
  const setLocal = (): void => {
    code.get(own);
    code.callLocal(LRU_FN.popLocal);
    code.set(n);
  };
  setLocal();
  ifZero(code, n, () => {
    code.get(TABLE);
    code.get(cpu);
    code.callLocal(LRU_FN.refill);
    setLocal();
    ifZero(code, n, () => {
      code.get(TABLE);
      code.get(cpu);
      code.callLocal(LRU_FN.steal);
      code.set(n);
      returnZeroUnless(code, n);
    });
  });
  storeLocal(code, cpuOf(n), cpu);
  storeConst(code, listOf(n), LOCAL_PENDING);
  storeConst(code, refOf(n), 0);
  setSum(code, own, own, CPU_PENDING);
  linkAfter(code, own, n, a);
  pushElement(code, n, node);
  return code;
}

/** (table, element): takes back what is in the table no more. */
function giveCommon(node: number): WasmCode {
  const code = new WasmCode();
  const [n, state, a, b] = [1, 2, 3, 4];
  setSum(code, n, n, node);
  setState(code, state);
  load(code, listOf(n));
  code.i32(LOCAL_PENDING);
  code.op(W.i32_ne);
  code.open(W.if);
  moveTo(code, state, n, () => code.i32(FREE));
  code.op(W.else);
  storeConst(code, listOf(n), LOCAL_FREE);
  storeConst(code, refOf(n), 0);
  unlink(code, n, a, b);
  load(code, cpuOf(n));
  code.set(a);
  setCpuState(code, b, state, a);
  linkAfter(code, b, n, a);
  code.end();
  return code;
}

/** (list) its head, taken off; 0 when it is empty. */
function popLocal(): WasmCode {
  const code = new WasmCode();
  const [head, n, a, b] = [0, 1, 2, 3];
  load(code, nextOf(head));
  code.tee(n);
  code.get(head);
  code.op(W.i32_eq);
  code.open(W.if);
  code.i32(0);
  code.op(W.return);
  code.end();
  unlink(code, n, a, b);
  code.get(n);
  return code;
}

/** (table, what a CPU has) the pending element nearest to the tail that is not referenced, failing that the last one; 0: none. */
function popPending(node: number): WasmCode {
  const code = new WasmCode();
  const [pending, n, a, b] = [1, 2, 3, 4];
  setSum(code, pending, pending, CPU_PENDING);
  load(code, prevOf(pending));
  code.set(n);
  code.open(W.block);
  code.open(W.loop);
  breakIfEqual(code, n, pending, 1);
  load(code, refOf(n));
  code.op(W.i32_eqz);
  code.brIf(1);
  load(code, prevOf(n));
  code.set(n);
  code.br(0);
  code.end();
  code.end();
  code.get(n);
  code.get(pending);
  code.op(W.i32_eq);
  code.open(W.if);
  load(code, prevOf(pending));
  code.tee(n);
  code.get(pending);
  code.op(W.i32_eq);
  code.open(W.if);
  code.i32(0);
  code.op(W.return);
  code.end();
  code.end();
  removeElement(code, n, node);
  unlink(code, n, a, b);
  code.get(n);
  return code;
}

/** (table, cpu) bpf_lru_list_pop_free_to_local: pending elements join the lists, a batch of free ones comes back. */
function refill(): WasmCode {
  const code = new WasmCode();
  const [cpu, state, own, pending, n, before, want, a, b] = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  setState(code, state);
  setCpuState(code, own, state, cpu);
  setSum(code, pending, own, CPU_PENDING);
  load(code, prevOf(pending));
  code.set(n);
  code.open(W.block);
  code.open(W.loop);
  breakIfEqual(code, n, pending, 1);
  load(code, prevOf(n));
  code.set(before);
  moveByReference(code, state, n);
  code.get(before);
  code.set(n);
  code.br(0);
  code.end();
  code.end();
  code.get(state);
  code.callLocal(LRU_FN.rotate);
  load(code, { local: state, offset: COMMON_BATCH });
  code.set(want);
  code.open(W.block);
  code.open(W.loop);
  for (const local of [TABLE, state, cpu]) code.get(local);
  code.callLocal(LRU_FN.firstFree);
  code.tee(n);
  code.op(W.i32_eqz);
  code.brIf(1);
  leave(code, state, n, LOCAL_FREE, a, b);
  linkAfter(code, own, n, a);
  setSum(code, want, want, -1);
  code.get(want);
  code.brIf(0);
  code.op(W.return);
  code.end();
  code.end();
  for (const local of [TABLE, state, want, own]) code.get(local);
  code.callLocal(LRU_FN.shrink);
  return code;
}

/** (table, cpu) round robin over the CPUs' free and pending elements, this CPU's own included. */
function steal(): WasmCode {
  const code = new WasmCode();
  const [cpu, state, from, other, n] = [1, 2, 3, 4, 5];
  setState(code, state);
  setCpuState(code, other, state, cpu);
  load(code, { local: other, offset: CPU_STEAL });
  code.set(from);
  code.open(W.loop);
  setCpuState(code, other, state, from);
  code.get(other);
  code.callLocal(LRU_FN.popLocal);
  code.set(n);
  ifZero(code, n, () => {
    code.get(TABLE);
    code.get(other);
    code.callLocal(LRU_FN.popPending);
    code.set(n);
  });
  setSum(code, from, from, 1);
  code.i32(0);
  code.get(from);
  code.get(from);
  load(code, { local: TABLE, offset: TABLE_CPUS });
  code.op(W.i32_eq, W.select);
  code.set(from);
  setCpuState(code, other, state, cpu);
  // not found, and not all asked
  code.get(n);
  code.op(W.i32_eqz);
  code.get(from);
  load(code, { local: other, offset: CPU_STEAL });
  code.op(W.i32_ne, W.i32_and);
  code.brIf(0);
  code.end();
  storeLocal(code, { local: other, offset: CPU_STEAL }, from);
  code.get(n);
  return code;
}

/** (table, cpu) as the common form's. */
function popPercpu(node: number): WasmCode {
  const code = new WasmCode();
  const [cpu, lists, n] = [1, 2, 3];
  setCpuLists(code, lists, () => code.get(cpu));
  code.get(lists);
  code.callLocal(LRU_FN.rotate);
  const setFirst = (): void => {
    for (const local of [TABLE, lists, cpu]) code.get(local);
    code.callLocal(LRU_FN.firstFree);
    code.set(n);
  };
  setFirst();
  ifZero(code, n, () => {
    code.get(TABLE);
    code.get(lists);
    code.i32(PERCPU_BATCH);
    code.i32(0);
    code.callLocal(LRU_FN.shrink);
    setFirst();
    returnZeroUnless(code, n);
  });
  moveTo(code, lists, n, () => code.i32(INACTIVE));
  pushElement(code, n, node);
  return code;
}

/** (table, element) as the common form's. */
function givePercpu(node: number): WasmCode {
  const code = new WasmCode();
  const [n, lists] = [1, 2];
  setSum(code, n, n, node);
  setCpuLists(code, lists, () => load(code, cpuOf(n)));
  moveTo(code, lists, n, () => code.i32(FREE));
  return code;
}
