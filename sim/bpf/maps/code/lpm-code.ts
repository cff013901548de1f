/**
 * The longest-prefix-match trie as WebAssembly, made for one size of keys and values: compiled programs call it without leaving
 * WebAssembly, JavaScript calls the same code. Here is the lookup; lpm-update.ts has what changes the trie, lpm-layout.ts the layout.
 *
 * A node's data matches when it differs from the key's in no bit of the mask: so a node costs the loads of its data and its mask, and
 * no counting of bits. All of a node's ancestors have matched when it is reached, and a node is reached by the bit behind its prefix.
 *
 * @source kernel/bpf/lpm_trie.c trie_lookup_elem
 */
import type { Arena } from "../../../engine/arena.ts";
import { codeInstance } from "../../jit/code-instance.ts";
import { WasmCode } from "../../jit/wasm-code.ts";
import type { ValueType } from "../../jit/wasm-module.ts";
import { I32, I64, W } from "../../jit/wasm-op.ts";
import { load, loadKeyWord, wordsOf } from "./key.ts";
import {
  LPM_FN,
  type LpmLayout,
  type LpmOwner,
  NODE_CHILD,
  NODE_INTERMEDIATE,
  NODE_MASK,
  NODE_PREFIX,
  nodeDataBytes,
  TRIE_ROOT,
} from "./lpm-layout.ts";
import { defineLpmChanges, TAKE_TYPE } from "./lpm-update.ts";

/** The code for one layout over one arena. */
export interface LpmCode {
  /** @param key address of the prefix length, any alignment. @returns address of the value of the longest prefix, or 0 */
  lookup(state: number, key: number, cpu: number): number;
  /** As `BpfMap.update`. */
  update(state: number, key: number, value: number, flags: number, cpu: number): number;
  /** As `BpfMap.delete`. */
  delete(state: number, key: number): number;
  /** @returns how many of the first `limit` bits of the words at two addresses are alike from the first one on */
  common(a: number, b: number, limit: number): number;
}

/** The code for a layout. @param state address by which `owner` is found from now on */
export function lpmCode(arena: Arena, layout: LpmLayout, state: number, owner: LpmOwner): LpmCode {
  return codeInstance<LpmOwner, LpmCode>(arena, `lpm ${JSON.stringify(layout)}`, state, owner, () => ({
    imports: [{ name: "take", type: TAKE_TYPE, call: (o) => o.takeNew() }],
    build(module): void {
      const locals = [...SCALARS, ...keyLocals(layout)];
      module.setFunction(LPM_FN.lookup, { params: [I32, I32, I32], results: [I32] }, locals, lookup(layout));
      defineLpmChanges(layout, module);
      for (const name of ["lookup", "update", "delete", "common"] as const) module.export(name, LPM_FN[name]);
    },
  }));
}

/** Data of up to so many bytes is kept in locals and compared by straight code. */
const IN_LOCALS = 32;
const [STATE, KEY, PREFIX, FOUND, NODE, LENGTH, FIRST_KEY] = [0, 1, 3, 4, 5, 6, 7] as const;
const SCALARS: readonly ValueType[] = [I32, I32, I32, I32];

/** Pieces of the data: of 8 bytes as far as they go, then one of 4. */
function pieces(layout: LpmLayout): { readonly offset: number; readonly wide: boolean }[] {
  const words = wordsOf(layout.dataBytes);
  const of8 = Array.from({ length: words >>> 1 }, (_, i) => ({ offset: 8 * i, wide: true }));
  return words % 2 === 0 ? of8 : [...of8, { offset: 4 * (words - 1), wide: false }];
}

function keyLocals(layout: LpmLayout): ValueType[] {
  return layout.dataBytes > IN_LOCALS ? [] : pieces(layout).map((p) => (p.wide ? I64 : I32));
}

function lookup(layout: LpmLayout): WasmCode {
  const code = new WasmCode();
  const node = (offset: number): { local: number; offset: number } => ({
    local: NODE,
    offset: layout.childOffset + offset,
  });
  load(code, { local: KEY, offset: 0 });
  code.tee(PREFIX);
  code.i32(layout.dataBytes * 8);
  code.op(W.i32_gt_u);
  code.open(W.if);
  code.i32(0);
  code.op(W.return);
  code.end();
  if (layout.dataBytes <= IN_LOCALS) {
    pieces(layout).forEach((p, i) => {
      pushKeyPiece(code, layout, p);
      code.set(FIRST_KEY + i);
    });
  }
  load(code, { local: STATE, offset: TRIE_ROOT });
  code.set(NODE);
  code.open(W.block);
  code.open(W.loop);
  code.get(NODE);
  code.op(W.i32_eqz);
  code.brIf(1);
  load(code, node(NODE_PREFIX));
  code.tee(LENGTH);
  code.get(PREFIX);
  code.op(W.i32_gt_u);
  code.brIf(1);
  pushDifference(code, layout);
  code.brIf(1);
  code.get(FOUND);
  code.get(NODE);
  load(code, node(NODE_INTERMEDIATE));
  code.op(W.select);
  code.set(FOUND);
  code.get(LENGTH);
  code.get(PREFIX);
  code.op(W.i32_eq);
  code.brIf(1);
  pushNextBit(code);
  code.i32(2);
  code.op(W.i32_shl);
  code.get(NODE);
  code.op(W.i32_add);
  code.memory(W.i32_load, layout.childOffset + NODE_CHILD);
  code.set(NODE);
  code.br(0);
  code.end();
  code.end();
  code.get(FOUND);
  return code;
}

function pushKeyPiece(code: WasmCode, layout: LpmLayout, p: { readonly offset: number; readonly wide: boolean }): void {
  const key = { local: KEY, offset: 4 };
  const word = p.offset / 4;
  if (p.wide && p.offset + 8 <= layout.dataBytes) {
    code.get(KEY);
    code.memory(W.i64_load, 4 + p.offset);
    return;
  }
  loadKeyWord(code, key, word, layout.dataBytes);
  if (!p.wide) return;
  code.op(W.i64_extend_i32_u);
  loadKeyWord(code, key, word + 1, layout.dataBytes);
  code.op(W.i64_extend_i32_u);
  code.i64(32);
  code.op(W.i64_shl, W.i64_or);
}

/** Pushes an i32 that is not 0 when the node's data differs from the key's within the mask. */
function pushDifference(code: WasmCode, layout: LpmLayout): void {
  const mask = layout.childOffset + NODE_MASK;
  const data = mask + nodeDataBytes(layout.dataBytes);
  const inLocals = layout.dataBytes <= IN_LOCALS;
  const all = pieces(layout);
  const anyWide = all.some((p) => p.wide);
  all.forEach((p, i) => {
    code.get(NODE);
    code.memory(p.wide ? W.i64_load : W.i32_load, data + p.offset);
    if (inLocals) code.get(FIRST_KEY + i);
    else pushKeyPiece(code, layout, p);
    code.op(p.wide ? W.i64_xor : W.i32_xor);
    code.get(NODE);
    code.memory(p.wide ? W.i64_load : W.i32_load, mask + p.offset);
    code.op(p.wide ? W.i64_and : W.i32_and);
    if (anyWide && !p.wide) code.op(W.i64_extend_i32_u);
    if (i > 0) code.op(W.i64_or);
  });
  if (!anyWide) return;
  code.i64(0);
  code.op(W.i64_ne);
}

/** Pushes bit number `length` of the key's data, counted from the most significant bit of its first byte. */
function pushNextBit(code: WasmCode): void {
  code.get(LENGTH);
  code.i32(3);
  code.op(W.i32_shr_u);
  code.get(KEY);
  code.op(W.i32_add);
  code.memory(W.i32_load8_u, 4);
  code.i32(7);
  code.get(LENGTH);
  code.i32(7);
  code.op(W.i32_and, W.i32_sub, W.i32_shr_u);
  code.i32(1);
  code.op(W.i32_and);
}
