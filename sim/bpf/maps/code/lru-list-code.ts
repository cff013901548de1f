/**
 * One set of an LRU map's lists as WebAssembly: active and inactive with a reference bit, and free. lru-code.ts has what uses them.
 *
 *     node, within an element     lists
 *     +0  u32 next                +0  active, +8 inactive, +16 free: next and previous of each sentinel
 *     +4  u32 previous            +24 u32 x 3, nodes on each of the three
 *     +8  u32 list                +36 u32 node at which rotating goes on
 *     +12 u32 referenced          +40 u32 elements that were never used
 *     +16 u32 CPU
 *
 * Lists are circular through a sentinel that has a node's first two words; elements that were never used stand at the tail of the
 * free list.
 * @source kernel/bpf/bpf_lru_list.c
 * @differs CPUs do not race: an element that is being evicted is always still in the table
 */
import { WasmCode } from "../../jit/wasm-code.ts";
import type { WasmModuleBuilder } from "../../jit/wasm-module.ts";
import { W } from "../../jit/wasm-op.ts";
import { HASH_FN, LRU_FN, TABLE, TAKE_TYPE } from "./hash-layout.ts";
import { type At, load, store } from "./key.ts";

const NODE_NEXT = 0;
const NODE_PREV = 4;
const NODE_LIST = 8;
export const NODE_REF = 12;
const NODE_CPU = 16;

const ACTIVE = 0;
export const INACTIVE = 1;
export const FREE = 2;
/** Lists of the common form in front of the three. */
export const LOCAL_FREE = 3;
export const LOCAL_PENDING = 4;

/** Where the sentinels are, counted from the lists' address; that of the active list is there itself. */
export const INACTIVE_AT = 8;
const FREE_AT = 16;
const LIST_COUNTS = 24;
export const LIST_ROTATION = 36;
export const LIST_FRESH = 40;
export const LIST_BYTES = 44;
export const LIST_SENTINELS = 3;

export function storeLocal(code: WasmCode, at: At, value: number): void {
  store(code, at, () => code.get(value));
}

export function storeConst(code: WasmCode, at: At, value: number): void {
  store(code, at, () => code.i32(value));
}

function addTo(code: WasmCode, at: At, by: number): void {
  store(code, at, () => {
    load(code, at);
    code.i32(by);
    code.op(W.i32_add);
  });
}

export function setSum(code: WasmCode, to: number, from: number, by: number): void {
  code.get(from);
  code.i32(by);
  code.op(W.i32_add);
  code.set(to);
}

export const nextOf = (local: number): At => ({ local, offset: NODE_NEXT });
export const prevOf = (local: number): At => ({ local, offset: NODE_PREV });
export const listOf = (local: number): At => ({ local, offset: NODE_LIST });
export const refOf = (local: number): At => ({ local, offset: NODE_REF });
export const cpuOf = (local: number): At => ({ local, offset: NODE_CPU });

/** @param a,b scratch */
export function unlink(code: WasmCode, n: number, a: number, b: number): void {
  load(code, nextOf(n));
  code.set(a);
  load(code, prevOf(n));
  code.set(b);
  storeLocal(code, nextOf(b), a);
  storeLocal(code, prevOf(a), b);
}

/** @param next scratch */
export function linkAfter(code: WasmCode, at: number, n: number, next: number): void {
  load(code, nextOf(at));
  code.set(next);
  storeLocal(code, nextOf(n), next);
  storeLocal(code, prevOf(n), at);
  storeLocal(code, prevOf(next), n);
  storeLocal(code, nextOf(at), n);
}

/** Pushes the address of one of the three lists' counts. @param type a local */
function pushCount(code: WasmCode, lists: number, type: number): void {
  code.get(lists);
  code.get(type);
  code.i32(2);
  code.op(W.i32_shl, W.i32_add);
}

/** Adds to the count of the list whose number is in a local. @param at scratch */
function count(code: WasmCode, lists: number, type: number, by: number, at: number): void {
  pushCount(code, lists, type);
  code.set(at);
  addTo(code, { local: at, offset: LIST_COUNTS }, by);
}

/** Rotating does not go on at a node that leaves its place. */
function leaveRotation(code: WasmCode, lists: number, n: number): void {
  load(code, { local: lists, offset: LIST_ROTATION });
  code.get(n);
  code.op(W.i32_eq);
  code.open(W.if);
  store(code, { local: lists, offset: LIST_ROTATION }, () => load(code, prevOf(n)));
  code.end();
}

/** (lists, node, list): moves a node to the head of one of the three lists, its reference bit cleared. */
export function move(): WasmCode {
  const code = new WasmCode();
  const [lists, n, to, a, b] = [0, 1, 2, 3, 4];
  load(code, listOf(n));
  code.tee(a);
  code.i32(FREE);
  code.op(W.i32_le_u);
  code.open(W.if);
  count(code, lists, a, -1, b);
  leaveRotation(code, lists, n);
  code.end();
  count(code, lists, to, 1, b);
  storeLocal(code, listOf(n), to);
  storeConst(code, refOf(n), 0);
  unlink(code, n, a, b);
  code.get(lists);
  code.get(to);
  code.i32(3);
  code.op(W.i32_shl, W.i32_add);
  code.set(a);
  linkAfter(code, a, n, b);
  return code;
}

/** Takes a node off the three lists. @param a,b scratch */
export function leave(code: WasmCode, lists: number, n: number, type: number, a: number, b: number): void {
  leaveRotation(code, lists, n);
  load(code, listOf(n));
  code.set(a);
  count(code, lists, a, -1, b);
  storeConst(code, listOf(n), type);
  unlink(code, n, a, b);
}

/** Calls `move`. */
export function moveTo(code: WasmCode, lists: number, n: number, pushTo: () => void): void {
  code.get(lists);
  code.get(n);
  pushTo();
  code.callLocal(LRU_FN.move);
}

/** To the active list when it is referenced, else to the inactive one. */
export function moveByReference(code: WasmCode, lists: number, n: number): void {
  moveTo(code, lists, n, () => {
    load(code, refOf(n));
    code.op(W.i32_eqz);
  });
}

export function breakIfEqual(code: WasmCode, a: number, b: number, depth: number): void {
  code.get(a);
  code.get(b);
  code.op(W.i32_eq);
  code.brIf(depth);
}

/** (lists) __bpf_lru_list_rotate: the active list when it is the longer one, the inactive list always. */
export function rotate(scans: number): WasmCode {
  const code = new WasmCode();
  const [lists, n, before, first, i, end] = [0, 1, 2, 3, 4, 5];
  load(code, { local: lists, offset: LIST_COUNTS + 4 * INACTIVE });
  load(code, { local: lists, offset: LIST_COUNTS + 4 * ACTIVE });
  code.op(W.i32_lt_s);
  code.open(W.if);
  load(code, nextOf(lists));
  code.set(first);
  load(code, prevOf(lists));
  code.set(n);
  code.open(W.loop);
  breakIfEqual(code, n, lists, 1);
  load(code, prevOf(n));
  code.set(before);
  moveByReference(code, lists, n);
  breakIfEqual(code, n, first, 1);
  code.get(before);
  code.set(n);
  setSum(code, i, i, 1);
  code.get(i);
  code.i32(scans);
  code.op(W.i32_lt_u);
  code.brIf(0);
  code.end();
  code.end();
  rotateInactive(code, scans, { lists, cur: n, next: before, last: first, i, end });
  return code;
}

function rotateInactive(
  code: WasmCode,
  scans: number,
  l: Readonly<Record<"lists" | "cur" | "next" | "last" | "i" | "end", number>>,
): void {
  const { lists, cur, next, last, i, end } = l;
  setSum(code, end, lists, INACTIVE_AT);
  load(code, nextOf(end));
  code.get(end);
  code.op(W.i32_eq);
  code.open(W.if);
  code.op(W.return);
  code.end();
  load(code, { local: lists, offset: LIST_ROTATION });
  code.tee(cur);
  code.set(next);
  load(code, nextOf(cur));
  code.tee(last);
  code.get(end);
  code.op(W.i32_eq);
  code.open(W.if);
  load(code, nextOf(last));
  code.set(last);
  code.end();
  code.i32(0);
  code.set(i);
  code.open(W.block);
  code.open(W.loop);
  code.get(cur);
  code.get(end);
  code.op(W.i32_eq);
  code.open(W.if);
  load(code, prevOf(cur));
  code.set(cur);
  code.br(1);
  code.end();
  load(code, prevOf(cur));
  code.set(next);
  load(code, refOf(cur));
  code.open(W.if);
  moveTo(code, lists, cur, () => code.i32(ACTIVE));
  code.end();
  breakIfEqual(code, cur, last, 1);
  code.get(next);
  code.set(cur);
  setSum(code, i, i, 1);
  code.get(i);
  code.i32(scans);
  code.op(W.i32_lt_u);
  code.brIf(0);
  code.end();
  code.end();
  storeLocal(code, { local: lists, offset: LIST_ROTATION }, next);
}

/** Pushes the element of a node. */
export function pushElement(code: WasmCode, n: number, node: number): void {
  code.get(n);
  code.i32(node);
  code.op(W.i32_sub);
}

/** Takes a node's element out of the table. */
export function removeElement(code: WasmCode, n: number, node: number): void {
  code.get(TABLE);
  pushElement(code, n, node);
  code.callLocal(HASH_FN.remove);
  code.op(W.drop);
}

/** (table, lists, node, onto): out of the table, and onto a free list. */
export function evict(node: number, common: boolean): WasmCode {
  const code = new WasmCode();
  const [lists, n, onto, a, b] = [1, 2, 3, 4, 5];
  removeElement(code, n, node);
  if (common) {
    leave(code, lists, n, LOCAL_FREE, a, b);
    linkAfter(code, onto, n, a);
  } else moveTo(code, lists, n, () => code.i32(FREE));
  return code;
}

/**
 * (table, lists, want, onto) __bpf_lru_list_shrink: evicts up to `want` unreferenced elements from the inactive list's tail onto a
 * free list; when there was none, one element whatever its bit.
 */
export function shrink(scans: number): WasmCode {
  const code = new WasmCode();
  const [lists, want, onto, end, n, before, i, evicted] = [1, 2, 3, 4, 5, 6, 7, 8];
  const evictNode = (): void => {
    for (const local of [TABLE, lists, n, onto]) code.get(local);
    code.callLocal(LRU_FN.evict);
  };
  setSum(code, end, lists, INACTIVE_AT);
  load(code, prevOf(end));
  code.set(n);
  code.open(W.block);
  code.open(W.loop);
  breakIfEqual(code, n, end, 1);
  load(code, prevOf(n));
  code.set(before);
  load(code, refOf(n));
  code.open(W.if);
  moveTo(code, lists, n, () => code.i32(ACTIVE));
  code.op(W.else);
  evictNode();
  setSum(code, evicted, evicted, 1);
  code.get(evicted);
  code.get(want);
  code.op(W.i32_eq);
  code.open(W.if);
  code.op(W.return);
  code.end();
  code.end();
  code.get(before);
  code.set(n);
  setSum(code, i, i, 1);
  code.get(i);
  code.i32(scans);
  code.op(W.i32_lt_u);
  code.brIf(0);
  code.end();
  code.end();
  code.get(evicted);
  code.open(W.if);
  code.op(W.return);
  code.end();
  // the inactive list's tail, or the active one's
  load(code, prevOf(end));
  code.tee(n);
  code.get(end);
  code.op(W.i32_eq);
  code.open(W.if);
  load(code, prevOf(lists));
  code.tee(n);
  code.get(lists);
  code.op(W.i32_eq);
  code.open(W.if);
  code.op(W.return);
  code.end();
  code.end();
  evictNode();
  return code;
}

/** (table, lists, cpu) the free list's head, a new element when only those are left; 0 when there is none. It stays on the list. */
export function firstFree(node: number, module: WasmModuleBuilder): WasmCode {
  const code = new WasmCode();
  const [lists, cpu, free, n, a] = [1, 2, 3, 4, 5];
  setSum(code, free, lists, FREE_AT);
  load(code, nextOf(free));
  code.tee(n);
  code.get(free);
  code.op(W.i32_ne);
  code.open(W.if);
  code.get(n);
  code.op(W.return);
  code.end();
  load(code, { local: lists, offset: LIST_FRESH });
  code.op(W.i32_eqz);
  code.open(W.if);
  code.i32(0);
  code.op(W.return);
  code.end();
  code.get(TABLE);
  code.callImport(module.importFunction("take", TAKE_TYPE));
  code.tee(n);
  code.op(W.i32_eqz);
  code.open(W.if);
  code.i32(0);
  code.op(W.return);
  code.end();
  addTo(code, { local: lists, offset: LIST_FRESH }, -1);
  setSum(code, n, n, node);
  storeConst(code, listOf(n), FREE);
  storeLocal(code, cpuOf(n), cpu);
  linkAfter(code, free, n, a);
  addTo(code, { local: lists, offset: LIST_COUNTS + 4 * FREE }, 1);
  code.get(n);
  return code;
}
