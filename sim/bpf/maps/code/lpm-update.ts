/**
 * What changes the longest-prefix-match trie, as WebAssembly. lpm-layout.ts has the layout.
 *
 * @source kernel/bpf/lpm_trie.c trie_update_elem, trie_delete_elem, longest_prefix_match; 6.18: the flags rule before the room does
 * @differs a node that was deleted or replaced may be reused at once; Linux waits until running programs have ended
 */
import { WasmCode } from "../../jit/wasm-code.ts";
import type { FuncType, WasmModuleBuilder } from "../../jit/wasm-module.ts";
import { I32, W } from "../../jit/wasm-op.ts";
import { BPF_EXIST, BPF_NOEXIST } from "../../map.ts";
import { EEXIST, EINVAL, ENOENT, ENOMEM, ENOSPC } from "../errno.ts";
import { type At, emitCopy, load, loadKeyWord, store, wordsOf } from "./key.ts";
import {
  LPM_FN,
  type LpmLayout,
  NODE_CHILD,
  NODE_INTERMEDIATE,
  NODE_MASK,
  NODE_PREFIX,
  nodeDataBytes,
  TRIE_ENTRIES,
  TRIE_KEY,
  TRIE_LIMIT,
  TRIE_MATCHED,
  TRIE_PARENT,
  TRIE_PARENT_SLOT,
  TRIE_SLAB,
  TRIE_SLOT,
} from "./lpm-layout.ts";

/** (state) -> a node from new memory, or 0 */
export const TAKE_TYPE: FuncType = { params: [I32], results: [I32] };

const STATE = 0;

/** Adds the functions to a layout's module. */
export function defineLpmChanges(layout: LpmLayout, module: WasmModuleBuilder): void {
  const i32s = (count: number): (typeof I32)[] => new Array<typeof I32>(count).fill(I32);
  const define = (fn: number, params: number, results: number, locals: number, code: WasmCode): void => {
    module.setFunction(fn, { params: i32s(params), results: i32s(results) }, i32s(locals), code);
  };
  define(LPM_FN.common, 3, 1, 2, common());
  define(LPM_FN.walk, 2, 1, 7, walk(layout));
  define(LPM_FN.fill, 3, 0, 3, fill(layout));
  define(LPM_FN.update, 5, 1, 7, update(layout, module));
  define(LPM_FN.delete, 2, 1, 6, deletion(layout));
}

const word = (offset: number): At => ({ local: STATE, offset });

/** Swaps the bytes of the i32 on the stack. @param x scratch */
function swapBytes(code: WasmCode, x: number): void {
  code.tee(x);
  code.i32(8);
  code.op(W.i32_rotl);
  code.i32(0x00ff00ff);
  code.op(W.i32_and);
  code.get(x);
  code.i32(24);
  code.op(W.i32_rotl);
  code.i32(0xff00ff00);
  code.op(W.i32_and, W.i32_or);
}

/** Pushes bit number `bit` (a local) of the data at an address, counted from the most significant bit of the first byte. */
function pushBit(code: WasmCode, data: () => void, bit: number): void {
  data();
  code.get(bit);
  code.i32(3);
  code.op(W.i32_shr_u, W.i32_add);
  code.memory(W.i32_load8_u, 0);
  code.i32(7);
  code.get(bit);
  code.i32(7);
  code.op(W.i32_and, W.i32_sub, W.i32_shr_u);
  code.i32(1);
  code.op(W.i32_and);
}

/** (a, b, limit): how many of the first `limit` bits of the words at two addresses are alike from the first one on. */
function common(): WasmCode {
  const code = new WasmCode();
  const [a, b, limit, done, x] = [0, 1, 2, 3, 4];
  code.open(W.block);
  code.open(W.loop);
  code.get(done);
  code.get(limit);
  code.op(W.i32_ge_u);
  code.brIf(1);
  load(code, { local: a, offset: 0 });
  load(code, { local: b, offset: 0 });
  code.op(W.i32_xor);
  code.tee(x);
  code.open(W.if);
  code.get(done);
  code.get(x);
  swapBytes(code, x);
  code.op(W.i32_clz, W.i32_add);
  code.tee(done);
  code.get(limit);
  code.get(done);
  code.get(limit);
  code.op(W.i32_lt_u, W.select, W.return);
  code.end();
  for (const at of [a, b]) {
    code.get(at);
    code.i32(4);
    code.op(W.i32_add);
    code.set(at);
  }
  code.get(done);
  code.i32(32);
  code.op(W.i32_add);
  code.set(done);
  code.br(0);
  code.end();
  code.end();
  code.get(limit);
  return code;
}

/** Pushes the address of a node's data. */
function pushData(code: WasmCode, layout: LpmLayout, node: number): void {
  code.get(node);
  code.i32(layout.childOffset + NODE_MASK + nodeDataBytes(layout.dataBytes));
  code.op(W.i32_add);
}

const part = (layout: LpmLayout, node: number, offset: number): At => ({
  local: node,
  offset: layout.childOffset + offset,
});

/** (state, prefixlen): the node that equals, covers or collides with the key in the state; 0 when there is none. */
function walk(layout: LpmLayout): WasmCode {
  const code = new WasmCode();
  const [prefix, node, length, slot, parent, parentSlot, matched, key] = [1, 2, 3, 4, 5, 6, 7, 8];
  load(code, word(TRIE_KEY));
  code.set(key);
  code.get(STATE);
  code.set(slot);
  code.open(W.block);
  code.open(W.loop);
  load(code, { local: slot, offset: 0 });
  code.tee(node);
  code.op(W.i32_eqz);
  code.brIf(1);
  pushData(code, layout, node);
  code.get(key);
  load(code, part(layout, node, NODE_PREFIX));
  code.tee(length);
  code.get(prefix);
  code.get(length);
  code.get(prefix);
  code.op(W.i32_lt_u, W.select);
  code.callLocal(LPM_FN.common);
  code.tee(matched);
  code.get(length);
  code.op(W.i32_ne);
  code.get(length);
  code.get(prefix);
  code.op(W.i32_eq, W.i32_or);
  code.brIf(1);
  code.get(node);
  code.set(parent);
  code.get(slot);
  code.set(parentSlot);
  pushBit(code, () => code.get(key), length);
  code.i32(2);
  code.op(W.i32_shl);
  code.get(node);
  code.op(W.i32_add);
  code.i32(layout.childOffset + NODE_CHILD);
  code.op(W.i32_add);
  code.set(slot);
  code.br(0);
  code.end();
  code.end();
  for (const [offset, local] of [
    [TRIE_SLOT, slot],
    [TRIE_PARENT, parent],
    [TRIE_PARENT_SLOT, parentSlot],
    [TRIE_MATCHED, matched],
  ] as const) {
    store(code, word(offset), () => code.get(local));
  }
  code.get(node);
  return code;
}

/** (node, data, bits): writes a node's data, and the mask of its first bits. */
function fill(layout: LpmLayout): WasmCode {
  const code = new WasmCode();
  const [node, data, bits, left, end, x] = [0, 1, 2, 3, 4, 5];
  const bytes = nodeDataBytes(layout.dataBytes);
  code.get(node);
  code.i32(bytes);
  code.op(W.i32_add);
  code.set(end);
  code.open(W.loop);
  // bits of the mask in this word: from 0 to 32
  code.get(bits);
  code.i32(32);
  code.get(bits);
  code.i32(32);
  code.op(W.i32_lt_s, W.select);
  code.tee(left);
  code.i32(0);
  code.get(left);
  code.i32(0);
  code.op(W.i32_gt_s, W.select);
  code.set(left);
  store(code, part(layout, node, NODE_MASK), () => {
    code.i32(-1);
    code.i32(32);
    code.get(left);
    code.op(W.i32_sub, W.i32_shl);
    swapBytes(code, x);
    // a shift by 32 is one by 0
    code.i32(0);
    code.get(left);
    code.op(W.select);
  });
  store(code, part(layout, node, NODE_MASK + bytes), () => load(code, { local: data, offset: 0 }));
  for (const [local, by] of [
    [bits, -32],
    [data, 4],
    [node, 4],
  ] as const) {
    code.get(local);
    code.i32(by);
    code.op(W.i32_add);
    code.set(local);
  }
  code.get(node);
  code.get(end);
  code.op(W.i32_lt_u);
  code.brIf(0);
  code.end();
  return code;
}

/** Returns -errno when the i32 on the stack is not 0. */
function refuseIf(code: WasmCode, errno: number): void {
  code.open(W.if);
  code.i32(-errno);
  code.op(W.return);
  code.end();
}

/** Puts a key's data into the state and walks; leaves its prefix length in a local, and the node where the walk ended. @param at scratch */
function walkTo(code: WasmCode, layout: LpmLayout, key: number, prefix: number, node: number, at: number): void {
  load(code, { local: key, offset: 0 });
  code.tee(prefix);
  code.i32(layout.dataBytes * 8);
  code.op(W.i32_gt_u);
  refuseIf(code, EINVAL);
  load(code, word(TRIE_KEY));
  code.set(at);
  for (let i = 0; i < wordsOf(layout.dataBytes); i++) {
    store(code, { local: at, offset: 4 * i }, () => loadKeyWord(code, { local: key, offset: 4 }, i, layout.dataBytes));
  }
  code.get(STATE);
  code.get(prefix);
  code.callLocal(LPM_FN.walk);
  code.set(node);
}

/** Leaves a free node in a local. @param otherwise what is done before ENOMEM is answered */
function take(code: WasmCode, layout: LpmLayout, module: WasmModuleBuilder, node: number, otherwise: () => void): void {
  load(code, word(TRIE_SLAB));
  code.tee(node);
  code.open(W.if);
  store(code, word(TRIE_SLAB), () => load(code, part(layout, node, NODE_CHILD)));
  code.op(W.else);
  code.get(STATE);
  code.callImport(module.importFunction("take", TAKE_TYPE));
  code.tee(node);
  code.op(W.i32_eqz);
  code.open(W.if);
  otherwise();
  code.i32(-ENOMEM);
  code.op(W.return);
  code.end();
  code.end();
}

/** Gives a node to the slab's free list, which its first word belongs to. */
function give(code: WasmCode, layout: LpmLayout, node: number): void {
  store(code, part(layout, node, NODE_CHILD), () => load(code, word(TRIE_SLAB)));
  store(code, word(TRIE_SLAB), () => code.get(node));
}

function addToEntries(code: WasmCode, by: number): void {
  store(code, word(TRIE_ENTRIES), () => {
    load(code, word(TRIE_ENTRIES));
    code.i32(by);
    code.op(W.i32_add);
  });
}

/** Makes what pointed at the node where the walk ended (or above it) point elsewhere. @param at scratch */
function point(code: WasmCode, from: typeof TRIE_SLOT | typeof TRIE_PARENT_SLOT, at: number, push: () => void): void {
  load(code, word(from));
  code.set(at);
  store(code, { local: at, offset: 0 }, push);
}

function returnZero(code: WasmCode): void {
  code.i32(0);
  code.op(W.return);
}

/** A new node takes an old one's place. */
function update(layout: LpmLayout, module: WasmModuleBuilder): WasmCode {
  const code = new WasmCode();
  const [KEY, VALUE, FLAGS] = [1, 2, 3];
  const [prefix, node, added, same, at, fork, matched] = [5, 6, 7, 8, 9, 10, 11];
  const flag = (bit: number): void => {
    code.get(FLAGS);
    code.i32(bit);
    code.op(W.i32_and);
  };
  code.get(FLAGS);
  code.i32(BPF_EXIST);
  code.op(W.i32_gt_u);
  refuseIf(code, EINVAL);
  walkTo(code, layout, KEY, prefix, node, at);
  load(code, word(TRIE_MATCHED));
  code.set(matched);
  code.get(node);
  code.open(W.if);
  load(code, part(layout, node, NODE_PREFIX));
  code.get(prefix);
  code.op(W.i32_eq);
  code.get(matched);
  code.get(prefix);
  code.op(W.i32_eq, W.i32_and);
  code.set(same);
  code.end();
  // the key is there: a node like it, and not an intermediate one
  code.get(same);
  code.open(W.if);
  load(code, part(layout, node, NODE_INTERMEDIATE));
  code.set(fork);
  code.end();
  code.get(same);
  code.get(fork);
  code.op(W.i32_gt_u);
  code.open(W.if);
  flag(BPF_NOEXIST);
  refuseIf(code, EEXIST);
  code.op(W.else);
  flag(BPF_EXIST);
  refuseIf(code, ENOENT);
  load(code, word(TRIE_ENTRIES));
  load(code, word(TRIE_LIMIT));
  code.op(W.i32_eq);
  refuseIf(code, ENOSPC);
  code.end();
  take(code, layout, module, added, () => undefined);
  emitCopy(code, { local: added, offset: 0 }, { local: VALUE, offset: 0 }, layout.valueBytes, at);
  for (const offset of [NODE_CHILD, NODE_CHILD + 4, NODE_INTERMEDIATE]) {
    store(code, part(layout, added, offset), () => code.i32(0));
  }
  store(code, part(layout, added, NODE_PREFIX), () => code.get(prefix));
  code.get(added);
  load(code, word(TRIE_KEY));
  code.get(prefix);
  code.callLocal(LPM_FN.fill);
  code.get(node);
  code.op(W.i32_eqz);
  code.open(W.if);
  point(code, TRIE_SLOT, at, () => code.get(added));
  addToEntries(code, 1);
  returnZero(code);
  code.end();
  code.get(same);
  code.open(W.if);
  code.get(fork);
  code.open(W.if);
  addToEntries(code, 1);
  code.end();
  for (const child of [NODE_CHILD, NODE_CHILD + 4]) {
    store(code, part(layout, added, child), () => load(code, part(layout, node, child)));
  }
  point(code, TRIE_SLOT, at, () => code.get(added));
  give(code, layout, node);
  returnZero(code);
  code.end();
  const storeChild = (above: number, side: () => void, below: number): void => {
    side();
    code.i32(2);
    code.op(W.i32_shl);
    code.get(above);
    code.op(W.i32_add);
    code.get(below);
    code.memory(W.i32_store, layout.childOffset + NODE_CHILD);
  };
  code.get(matched);
  code.get(prefix);
  code.op(W.i32_eq);
  code.open(W.if);
  storeChild(added, () => pushBit(code, () => pushData(code, layout, node), prefix), node);
  point(code, TRIE_SLOT, at, () => code.get(added));
  addToEntries(code, 1);
  returnZero(code);
  code.end();
  // an intermediate node above two that part at bit `matched`
  take(code, layout, module, fork, () => give(code, layout, added));
  store(code, part(layout, fork, NODE_PREFIX), () => code.get(matched));
  store(code, part(layout, fork, NODE_INTERMEDIATE), () => code.i32(1));
  code.get(fork);
  pushData(code, layout, node);
  code.get(matched);
  code.callLocal(LPM_FN.fill);
  const pushSide = (): void => pushBit(code, () => pushData(code, layout, added), matched);
  storeChild(fork, pushSide, added);
  storeChild(
    fork,
    () => {
      pushSide();
      code.op(W.i32_eqz);
    },
    node,
  );
  point(code, TRIE_SLOT, at, () => code.get(fork));
  addToEntries(code, 1);
  code.i32(0);
  return code;
}

function deletion(layout: LpmLayout): WasmCode {
  const code = new WasmCode();
  const [KEY, prefix, node, parent, at, left, right] = [1, 2, 3, 4, 5, 6, 7];
  walkTo(code, layout, KEY, prefix, node, at);
  code.get(node);
  code.op(W.i32_eqz);
  refuseIf(code, ENOENT);
  load(code, part(layout, node, NODE_PREFIX));
  code.get(prefix);
  code.op(W.i32_ne);
  load(code, word(TRIE_MATCHED));
  code.get(prefix);
  code.op(W.i32_ne, W.i32_or);
  load(code, part(layout, node, NODE_INTERMEDIATE));
  code.op(W.i32_or);
  refuseIf(code, ENOENT);
  addToEntries(code, -1);
  load(code, part(layout, node, NODE_CHILD));
  code.set(left);
  load(code, part(layout, node, NODE_CHILD + 4));
  code.set(right);
  code.get(left);
  code.op(W.i32_eqz);
  code.get(right);
  code.op(W.i32_eqz, W.i32_or, W.i32_eqz);
  code.open(W.if);
  store(code, part(layout, node, NODE_INTERMEDIATE), () => code.i32(1));
  returnZero(code);
  code.end();
  // of an intermediate node above it, which would be left with one child, only that child stays
  load(code, word(TRIE_PARENT));
  code.tee(parent);
  code.open(W.if);
  code.get(left);
  code.get(right);
  code.op(W.i32_or, W.i32_eqz);
  load(code, part(layout, parent, NODE_INTERMEDIATE));
  code.op(W.i32_and);
  code.open(W.if);
  point(code, TRIE_PARENT_SLOT, at, () => {
    load(code, part(layout, parent, NODE_CHILD + 4));
    load(code, part(layout, parent, NODE_CHILD));
    load(code, part(layout, parent, NODE_CHILD));
    code.get(node);
    code.op(W.i32_eq, W.select);
  });
  give(code, layout, parent);
  give(code, layout, node);
  returnZero(code);
  code.end();
  code.end();
  point(code, TRIE_SLOT, at, () => {
    code.get(left);
    code.get(right);
    code.op(W.i32_or);
  });
  give(code, layout, node);
  code.i32(0);
  return code;
}
