/**
 * The operations of queues and stacks as WebAssembly, made for one size of values: compiled programs call them without leaving
 * WebAssembly, JavaScript calls the same ones.
 *
 *     state
 *     +0  u32 first slot      +4  u32 behind the last slot; there is one slot more than values
 *     +8  u32 head: the slot that the next value goes to
 *     +12 u32 tail: the slot of the oldest value, or the head when there is none
 *
 * @source kernel/bpf/queue_stack_maps.c queue_stack_map_push_elem, __queue_map_get, __stack_map_get
 */
import type { Arena } from "../../../engine/arena.ts";
import { codeInstance } from "../../jit/code-instance.ts";
import { emitZeroBytes } from "../../jit/wasm-bytes.ts";
import { WasmCode } from "../../jit/wasm-code.ts";
import type { FuncType } from "../../jit/wasm-module.ts";
import { I32, W } from "../../jit/wasm-op.ts";
import { BPF_EXIST, BPF_NOEXIST } from "../../map.ts";
import { E2BIG, EINVAL, ENOENT } from "../errno.ts";
import { emitCopy, load } from "./key.ts";

export const RING_FIRST = 0;
export const RING_END = 4;
export const RING_HEAD = 8;
export const RING_TAIL = 12;
export const RING_BYTES = 16;

/** What the code is made for. */
export interface QueueLayout {
  readonly valueBytes: number;
  /** The front is the newest value, not the oldest. */
  readonly stack: boolean;
}

/** The code for one layout over one arena. */
export interface QueueCode {
  /** BPF_EXIST makes room by forgetting the oldest value. @param value address. @returns 0, -E2BIG when full, -EINVAL for other flags */
  push(state: number, value: number, flags: number): number;
  /** Copies the front value out and forgets it. @returns 0, or -ENOENT with the bytes zeroed when there is none */
  pop(state: number, value: number): number;
  /** Copies the front value out. @returns 0, or -ENOENT with the bytes zeroed when there is none */
  peek(state: number, value: number): number;
  /** @returns the front value's address, 0 when there is none */
  front(state: number): number;
}

/** The code for a layout. */
export function queueCode(arena: Arena, layout: QueueLayout, state: number): QueueCode {
  return codeInstance<null, QueueCode>(arena, `queue ${JSON.stringify(layout)}`, state, null, () => ({
    imports: [],
    build(module): void {
      const define = (name: keyof QueueCode, params: number, locals: number, code: WasmCode): void => {
        const type: FuncType = { params: i32s(params), results: [I32] };
        const fn = NAMES.indexOf(name);
        module.setFunction(fn, type, i32s(locals), code);
        module.export(name, fn);
      };
      define("front", 1, 1, front(layout));
      define("push", 3, 3, push(layout));
      define("pop", 2, 3, get(layout, true));
      define("peek", 2, 3, get(layout, false));
    },
  }));
}

const NAMES: readonly (keyof QueueCode)[] = ["front", "push", "pop", "peek"];

function i32s(count: number): (typeof I32)[] {
  return new Array<typeof I32>(count).fill(I32);
}

const STATE = 0;
const VALUE = 1;
const word = (offset: number): { readonly local: number; readonly offset: number } => ({ local: STATE, offset });

/** Moves the slot in a local to the one after it. */
function advance(code: WasmCode, slot: number, valueBytes: number): void {
  load(code, word(RING_FIRST));
  code.get(slot);
  code.i32(valueBytes);
  code.op(W.i32_add);
  code.tee(slot);
  code.get(slot);
  load(code, word(RING_END));
  code.op(W.i32_eq, W.select);
  code.set(slot);
}

function setWord(code: WasmCode, offset: number, local: number): void {
  code.get(STATE);
  code.get(local);
  code.memory(W.i32_store, offset);
}

function front(layout: QueueLayout): WasmCode {
  const code = new WasmCode();
  const slot = 1;
  load(code, word(RING_HEAD));
  code.tee(slot);
  load(code, word(RING_TAIL));
  code.op(W.i32_eq);
  code.open(W.if);
  code.i32(0);
  code.op(W.return);
  code.end();
  if (!layout.stack) {
    load(code, word(RING_TAIL));
    return code;
  }
  // the slot before the head
  load(code, word(RING_END));
  code.get(slot);
  code.get(slot);
  load(code, word(RING_FIRST));
  code.op(W.i32_eq, W.select);
  code.i32(layout.valueBytes);
  code.op(W.i32_sub);
  return code;
}

function push(layout: QueueLayout): WasmCode {
  const code = new WasmCode();
  const [FLAGS, slot, next, counter] = [2, 3, 4, 5];
  code.get(FLAGS);
  code.i32(BPF_NOEXIST);
  code.op(W.i32_and);
  code.get(FLAGS);
  code.i32(BPF_EXIST);
  code.op(W.i32_gt_u, W.i32_or);
  code.open(W.if);
  code.i32(-EINVAL);
  code.op(W.return);
  code.end();
  load(code, word(RING_HEAD));
  code.tee(next);
  code.set(slot);
  advance(code, next, layout.valueBytes);
  code.get(next);
  load(code, word(RING_TAIL));
  code.op(W.i32_eq);
  code.open(W.if);
  code.get(FLAGS);
  code.i32(BPF_EXIST);
  code.op(W.i32_and, W.i32_eqz);
  code.open(W.if);
  code.i32(-E2BIG);
  code.op(W.return);
  code.end();
  code.get(next);
  code.set(counter);
  advance(code, counter, layout.valueBytes);
  setWord(code, RING_TAIL, counter);
  code.end();
  emitCopy(code, { local: slot, offset: 0 }, { local: VALUE, offset: 0 }, layout.valueBytes, counter);
  setWord(code, RING_HEAD, next);
  code.i32(0);
  return code;
}

function get(layout: QueueLayout, forget: boolean): WasmCode {
  const code = new WasmCode();
  const [slot, counter, bytes] = [2, 3, 4];
  code.get(STATE);
  code.callLocal(NAMES.indexOf("front"));
  code.tee(slot);
  code.op(W.i32_eqz);
  code.open(W.if);
  code.i32(layout.valueBytes);
  code.set(bytes);
  emitZeroBytes(code, VALUE, bytes);
  code.i32(-ENOENT);
  code.op(W.return);
  code.end();
  emitCopy(code, { local: VALUE, offset: 0 }, { local: slot, offset: 0 }, layout.valueBytes, counter);
  if (forget) {
    // of a stack the head goes back to the value that was there; of a queue the tail goes on behind it
    if (!layout.stack) advance(code, slot, layout.valueBytes);
    setWord(code, layout.stack ? RING_HEAD : RING_TAIL, slot);
  }
  code.i32(0);
  return code;
}
