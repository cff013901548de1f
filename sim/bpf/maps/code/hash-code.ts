/**
 * The operations of the chained hash table as WebAssembly, made for one size of keys and values: compiled programs call them
 * without leaving WebAssembly, JavaScript calls the same ones. Only what needs new memory goes out to JavaScript.
 *
 * @source kernel/bpf/hashtab.c __htab_map_lookup_elem, htab_map_delete_elem and their per-CPU and LRU kin
 */
import type { Arena } from "../../../engine/arena.ts";
import { codeInstance } from "../../jit/code-instance.ts";
import { WasmCode } from "../../jit/wasm-code.ts";
import type { FuncType, WasmModuleBuilder } from "../../jit/wasm-module.ts";
import { I32, W } from "../../jit/wasm-op.ts";
import { ENOENT } from "../errno.ts";
import {
  type Body,
  HASH_FN,
  type HashLayout,
  type HashOwner,
  LINK_HASH,
  LINK_KEY,
  LINK_LRU,
  LINK_NEXT,
  pushValue,
  refuseIf,
  TABLE,
  TABLE_BUCKETS,
  TABLE_COUNT,
  TABLE_HASH,
  TABLE_MASK,
  TABLE_SLAB,
  TAKE_TYPE,
} from "./hash-layout.ts";
import { UPDATE_TYPE, update } from "./hash-update.ts";
import { type At, branchUnlessEqual, emitJhash, load, storeKey } from "./key.ts";
import { defineLru } from "./lru-code.ts";
import { NODE_REF } from "./lru-list-code.ts";

/** The code for one layout over one arena. `table` is the address of a table's state. */
export interface HashCode {
  /** @param key address, any alignment. @returns the element or 0 */
  find(table: number, key: number): number;
  /** Links an element at the head of its bucket; the last `find` was for this key. */
  insert(table: number, el: number, key: number): void;
  /** Unlinks an element. @returns 0 when it was not linked */
  remove(table: number, el: number): number;
  /** As a program looks up: the address of the value, or the handle; 0 when there is none. */
  lookup(table: number, key: number, cpu: number): number;
  /** As `BpfMap.update`. */
  update(table: number, key: number, value: number, flags: number, cpu: number): number;
  /** As `BpfMap.delete`. */
  delete(table: number, key: number): number;
}

/** The code for a layout. @param table address by which `owner` is found from now on */
export function hashCode(arena: Arena, layout: HashLayout, table: number, owner: HashOwner): HashCode {
  const key = `hash ${JSON.stringify(layout)}`;
  return codeInstance<HashOwner, HashCode>(arena, key, table, owner, () => ({
    imports: [
      { name: "take", type: TAKE_TYPE, call: (o) => o.takeNew() },
      {
        name: "removed",
        type: REMOVED_TYPE,
        call: (o, el) => {
          o.removed(el!);
          return 0;
        },
      },
    ],
    build(module): void {
      const define = (name: keyof typeof HASH_FN, params: number, results: number, body: Body): void => {
        const type: FuncType = { params: i32s(params), results: i32s(results) };
        module.setFunction(HASH_FN[name], type, i32s(body.locals), body.code);
        if (name !== "give") module.export(name, HASH_FN[name]);
      };
      define("find", 2, 1, find(layout));
      define("insert", 3, 0, insert(layout));
      define("remove", 2, 1, remove(layout, module));
      define("lookup", 3, 1, lookup(layout));
      define("update", UPDATE_TYPE.params.length, 1, update(layout, module));
      define("delete", 2, 1, deletion());
      if (layout.lru === "") define("give", 2, 0, give(layout));
      else defineLru(layout, module);
    },
  }));
}

const REMOVED_TYPE: FuncType = { params: [I32, I32], results: [I32] };

function i32s(count: number): (typeof I32)[] {
  return new Array<typeof I32>(count).fill(I32);
}

function find(layout: HashLayout): Body {
  const code = new WasmCode();
  const h = { a: 2, b: 3, c: 4, at: 5, end: 6 };
  const el = 7;
  emitJhash(code, { local: 1, offset: 0 }, layout.keySize, h);
  code.get(TABLE);
  code.get(h.c);
  code.memory(W.i32_store, TABLE_HASH);
  emitWalk(code, layout, { key: 1, hash: h.c, el, counter: h.at }, () => code.get(el));
  return { locals: 6, code };
}

/** Walks a bucket; what is found is answered as `result` pushes it, nothing as 0. */
function emitWalk(
  code: WasmCode,
  layout: HashLayout,
  l: { readonly key: number; readonly hash: number; readonly el: number; readonly counter: number },
  result: () => void,
): void {
  const at = (offset: number): At => ({ local: l.el, offset: layout.linkOffset + offset });
  pushBucket(code, () => code.get(l.hash));
  code.memory(W.i32_load, 0);
  code.set(l.el);
  code.open(W.loop);
  code.get(l.el);
  code.op(W.i32_eqz);
  code.open(W.if);
  code.i32(0);
  code.op(W.return);
  code.end();
  code.open(W.block);
  load(code, at(LINK_HASH));
  code.get(l.hash);
  code.op(W.i32_ne);
  code.brIf(0);
  branchUnlessEqual(code, at(LINK_KEY), { local: l.key, offset: 0 }, layout.keySize, l.counter);
  result();
  code.op(W.return);
  code.end();
  load(code, at(LINK_NEXT));
  code.set(l.el);
  code.br(0);
  code.end();
  code.op(W.unreachable);
}

/** Pushes the address of the bucket of a hash. */
function pushBucket(code: WasmCode, pushHash: () => void): void {
  load(code, { local: TABLE, offset: TABLE_BUCKETS });
  pushHash();
  load(code, { local: TABLE, offset: TABLE_MASK });
  code.op(W.i32_and);
  code.i32(2);
  code.op(W.i32_shl, W.i32_add);
}

function lookup(layout: HashLayout): Body {
  const code = new WasmCode();
  const [CPU, el] = [2, 8];
  const h = { a: 3, b: 4, c: 5, at: 6, end: 7 };
  emitJhash(code, { local: 1, offset: 0 }, layout.keySize, h);
  emitWalk(code, layout, { key: 1, hash: h.c, el, counter: h.at }, () => {
    if (layout.lru !== "") {
      code.get(el);
      code.i32(1);
      code.memory(W.i32_store, layout.linkOffset + LINK_LRU + NODE_REF);
    }
    if (layout.handles) load(code, { local: el, offset: 0 });
    else pushValue(code, layout, el, CPU);
  });
  return { locals: 6, code };
}

function insert(layout: HashLayout): Body {
  const code = new WasmCode();
  const [el, key, bucket, counter] = [1, 2, 3, 4];
  const link = layout.linkOffset;
  code.get(el);
  load(code, { local: TABLE, offset: TABLE_HASH });
  code.memory(W.i32_store, link + LINK_HASH);
  storeKey(code, { local: el, offset: link + LINK_KEY }, { local: key, offset: 0 }, layout.keySize, counter);
  pushBucket(code, () => load(code, { local: TABLE, offset: TABLE_HASH }));
  code.set(bucket);
  code.get(el);
  load(code, { local: bucket, offset: 0 });
  code.memory(W.i32_store, link + LINK_NEXT);
  code.get(bucket);
  code.get(el);
  code.memory(W.i32_store, 0);
  addToCount(code, 1);
  return { locals: 2, code };
}

function addToCount(code: WasmCode, by: number): void {
  code.get(TABLE);
  load(code, { local: TABLE, offset: TABLE_COUNT });
  code.i32(by);
  code.op(W.i32_add);
  code.memory(W.i32_store, TABLE_COUNT);
}

function remove(layout: HashLayout, module: WasmModuleBuilder): Body {
  const code = new WasmCode();
  const [el, at, other] = [1, 2, 3];
  const link = layout.linkOffset;
  pushBucket(code, () => load(code, { local: el, offset: link + LINK_HASH }));
  code.set(at);
  code.open(W.loop);
  load(code, { local: at, offset: 0 });
  code.tee(other);
  code.op(W.i32_eqz);
  code.open(W.if);
  code.i32(0);
  code.op(W.return);
  code.end();
  code.get(other);
  code.get(el);
  code.op(W.i32_ne);
  code.open(W.if);
  code.get(other);
  code.i32(link + LINK_NEXT);
  code.op(W.i32_add);
  code.set(at);
  code.br(1);
  code.end();
  code.end();
  code.get(at);
  load(code, { local: el, offset: link + LINK_NEXT });
  code.memory(W.i32_store, 0);
  addToCount(code, -1);
  if (layout.tells) {
    code.get(TABLE);
    code.get(el);
    code.callImport(module.importFunction("removed", REMOVED_TYPE));
    code.op(W.drop);
  }
  code.i32(1);
  return { locals: 2, code };
}

/** Gives an unlinked element to the slab's free list, which its link's first word belongs to. */
function give(layout: HashLayout): Body {
  const code = new WasmCode();
  const el = 1;
  code.get(el);
  load(code, { local: TABLE, offset: TABLE_SLAB });
  code.memory(W.i32_store, layout.linkOffset + LINK_NEXT);
  code.get(TABLE);
  code.get(el);
  code.memory(W.i32_store, TABLE_SLAB);
  return { locals: 0, code };
}

function deletion(): Body {
  const code = new WasmCode();
  const el = 2;
  code.get(TABLE);
  code.get(1);
  code.callLocal(HASH_FN.find);
  code.tee(el);
  code.op(W.i32_eqz);
  refuseIf(code, ENOENT);
  for (const fn of [HASH_FN.remove, HASH_FN.give]) {
    code.get(TABLE);
    code.get(el);
    code.callLocal(fn);
    if (fn === HASH_FN.remove) code.op(W.drop);
  }
  code.i32(0);
  return { locals: 1, code };
}
