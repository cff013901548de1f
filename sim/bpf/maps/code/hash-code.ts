/**
 * The operations of the chained hash table as WebAssembly, made for one size of keys and values: compiled programs call them
 * without leaving WebAssembly, JavaScript calls the same ones. Only what needs new memory goes out to JavaScript.
 *
 *     table                                     element, counted from its link
 *     +0  u32 buckets, address of the first     +0  u32 next in bucket, 0 at its end
 *     +4  u32 number of buckets less 1          +4  u32 hash
 *     +8  u32 elements linked now               +8  u32 address of the values, when they are per CPU
 *     +12 u32 hash of the key last looked for   +12 u32 x 5, for the LRU (lru-lists.ts)
 *     +16 u32 x 3, of the slab (slab.ts)        +32 key, zero-padded to 4
 *     +28 u32 elements at most
 *
 * @source kernel/bpf/hashtab.c __htab_map_lookup_elem, htab_map_update_elem, htab_map_delete_elem and their per-CPU and LRU kin
 */
import type { Arena } from "../../../engine/arena.ts";
import { codeInstance } from "../../jit/code-instance.ts";
import { WasmCode } from "../../jit/wasm-code.ts";
import type { FuncType, WasmModuleBuilder } from "../../jit/wasm-module.ts";
import { I32, W } from "../../jit/wasm-op.ts";
import { BPF_EXIST, BPF_NOEXIST } from "../../map.ts";
import { E2BIG, EEXIST, EINVAL, ENOENT, ENOMEM } from "../errno.ts";
import { type At, branchUnlessEqual, emitCopy, emitJhash, load, storeKey } from "./key.ts";

export const TABLE_BUCKETS = 0;
export const TABLE_MASK = 4;
export const TABLE_COUNT = 8;
const TABLE_HASH = 12;
export const TABLE_SLAB = 16;
export const TABLE_LIMIT = 28;
export const TABLE_BYTES = 32;

export const LINK_NEXT = 0;
export const LINK_HASH = 4;
export const LINK_VALUES = 8;
export const LINK_LRU = 12;
export const LINK_KEY = 32;
/** The reference bit's word among the LRU's. */
const LRU_REF = LINK_LRU + 3 * 4;

/** What the code is made for; two tables of one layout share it. */
export interface HashLayout {
  readonly keySize: number;
  /** Bytes of a value that an update copies. */
  readonly valueBytes: number;
  /** Bytes from an element's address to its link. */
  readonly linkOffset: number;
  /** Bytes from one CPU's value to the next one's; 0: an element has one value, at its address. */
  readonly cpuStride: number;
  /** A lookup by a program sets the reference bit. */
  readonly lru: boolean;
  /** The value is the handle of a map, which a lookup answers. */
  readonly handles: boolean;
}

/** What the code asks of JavaScript. */
export interface HashOwner {
  /** An unlinked element from new memory, or 0. */
  takeNew(): number;
  /** Updates that the code leaves to the map: a new key of a per-CPU map. */
  updateNew(key: number, value: number, flags: number, cpu: number): number;
}

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
  /** As `BpfMap.update`, for maps without LRU and without a spin lock in the value. */
  update(table: number, key: number, value: number, flags: number, cpu: number): number;
  /** As `BpfMap.delete`, for maps without LRU. */
  delete(table: number, key: number): number;
}

/** The code for a layout. @param table address by which `owner` is found from now on */
export function hashCode(arena: Arena, layout: HashLayout, table: number, owner: HashOwner): HashCode {
  const key = `hash ${JSON.stringify(layout)}`;
  return codeInstance<HashOwner, HashCode>(arena, key, table, owner, () => ({
    imports: [
      { name: "take", type: TAKE_TYPE, call: (o) => o.takeNew() },
      {
        name: "updateNew",
        type: UPDATE_TYPE,
        call: (o, keyAt, value, flags, cpu) => o.updateNew(keyAt!, value!, flags!, cpu!),
      },
    ],
    build(module): void {
      const define = (fn: number, name: keyof HashCode, type: FuncType, body: Body): void => {
        module.setFunction(fn, type, new Array<typeof I32>(body.locals).fill(I32), body.code);
        module.export(name, fn);
      };
      define(FIND, "find", { params: [I32, I32], results: [I32] }, find(layout));
      define(1, "insert", { params: [I32, I32, I32], results: [] }, insert(layout));
      define(REMOVE, "remove", { params: [I32, I32], results: [I32] }, remove(layout));
      define(3, "lookup", { params: [I32, I32, I32], results: [I32] }, lookup(layout));
      define(4, "update", UPDATE_TYPE, update(layout, module));
      define(5, "delete", { params: [I32, I32], results: [I32] }, deletion(layout));
    },
  }));
}

const FIND = 0;
const REMOVE = 2;
const TAKE_TYPE: FuncType = { params: [I32], results: [I32] };
const UPDATE_TYPE: FuncType = { params: [I32, I32, I32, I32, I32], results: [I32] };

/** Code of a function and the number of its i32 locals behind the parameters. */
interface Body {
  readonly locals: number;
  readonly code: WasmCode;
}

const TABLE = 0;

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
    if (layout.lru) {
      code.get(el);
      code.i32(1);
      code.memory(W.i32_store, layout.linkOffset + LRU_REF);
    }
    if (layout.handles) load(code, { local: el, offset: 0 });
    else pushValue(code, layout, el, CPU);
  });
  return { locals: 6, code };
}

/** Pushes the address of an element's value for a CPU. */
function pushValue(code: WasmCode, layout: HashLayout, el: number, cpu: number): void {
  if (layout.cpuStride === 0) {
    code.get(el);
    return;
  }
  load(code, { local: el, offset: layout.linkOffset + LINK_VALUES });
  code.get(cpu);
  code.i32(layout.cpuStride);
  code.op(W.i32_mul, W.i32_add);
}

function insert(layout: HashLayout): Body {
  const code = new WasmCode();
  const [el, key, bucket, counter] = [1, 2, 3, 4];
  emitInsert(code, layout, el, key, bucket, counter);
  return { locals: 2, code };
}

function emitInsert(
  code: WasmCode,
  layout: HashLayout,
  el: number,
  key: number,
  bucket: number,
  counter: number,
): void {
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
}

function addToCount(code: WasmCode, by: number): void {
  code.get(TABLE);
  load(code, { local: TABLE, offset: TABLE_COUNT });
  code.i32(by);
  code.op(W.i32_add);
  code.memory(W.i32_store, TABLE_COUNT);
}

function remove(layout: HashLayout): Body {
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
  code.i32(1);
  return { locals: 2, code };
}

/** Gives an unlinked element to the slab's free list, which its link's first word belongs to. */
function emitGive(code: WasmCode, layout: HashLayout, el: number): void {
  code.get(el);
  load(code, { local: TABLE, offset: TABLE_SLAB });
  code.memory(W.i32_store, layout.linkOffset + LINK_NEXT);
  code.get(TABLE);
  code.get(el);
  code.memory(W.i32_store, TABLE_SLAB);
}

function returnErrno(code: WasmCode, errno: number): void {
  code.i32(-errno);
  code.op(W.return);
}

/** Returns -errno when the i32 on the stack is not 0. */
function refuseIf(code: WasmCode, errno: number): void {
  code.open(W.if);
  returnErrno(code, errno);
  code.end();
}

function update(layout: HashLayout, module: WasmModuleBuilder): Body {
  const code = new WasmCode();
  const [KEY, VALUE, FLAGS, CPU] = [1, 2, 3, 4];
  const [old, el, bucket, counter] = [5, 6, 7, 8];
  const refuseFlag = (flag: number, errno: number): void => {
    code.get(FLAGS);
    code.i32(flag);
    code.op(W.i32_and);
    refuseIf(code, errno);
  };
  code.get(FLAGS);
  code.i32(BPF_EXIST);
  code.op(W.i32_gt_u);
  refuseIf(code, EINVAL);
  code.get(TABLE);
  code.get(KEY);
  code.callLocal(FIND);
  code.tee(old);
  code.open(W.if);
  refuseFlag(BPF_NOEXIST, EEXIST);
  if (layout.cpuStride !== 0) {
    pushValue(code, layout, old, CPU);
    code.set(el);
    emitCopy(code, el, VALUE, layout.valueBytes, counter);
    code.i32(0);
    code.op(W.return);
  }
  code.op(W.else);
  refuseFlag(BPF_EXIST, ENOENT);
  load(code, { local: TABLE, offset: TABLE_COUNT });
  load(code, { local: TABLE, offset: TABLE_LIMIT });
  code.op(W.i32_ge_u);
  refuseIf(code, E2BIG);
  code.end();
  if (layout.cpuStride !== 0) {
    for (const local of [TABLE, KEY, VALUE, FLAGS, CPU]) code.get(local);
    code.callImport(module.importFunction("updateNew", UPDATE_TYPE));
    return { locals: 4, code };
  }
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
  emitCopy(code, el, VALUE, layout.valueBytes, counter);
  code.get(old);
  code.open(W.if);
  code.get(TABLE);
  code.get(old);
  code.callLocal(REMOVE);
  code.op(W.drop);
  emitGive(code, layout, old);
  code.end();
  emitInsert(code, layout, el, KEY, bucket, counter);
  code.i32(0);
  return { locals: 4, code };
}

function deletion(layout: HashLayout): Body {
  const code = new WasmCode();
  const el = 2;
  code.get(TABLE);
  code.get(1);
  code.callLocal(FIND);
  code.tee(el);
  code.op(W.i32_eqz);
  refuseIf(code, ENOENT);
  code.get(TABLE);
  code.get(el);
  code.callLocal(REMOVE);
  code.op(W.drop);
  emitGive(code, layout, el);
  code.i32(0);
  return { locals: 1, code };
}
