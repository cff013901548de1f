/**
 * How the chained hash table lies in memory, and what its code is made for. hash-code.ts has the code of all tables, hash-update.ts
 * the updates, lru-code.ts the lists of the LRU.
 *
 *     table                                     element, counted from its link
 *     +0  u32 buckets, address of the first     +0  u32 next in bucket, 0 at its end
 *     +4  u32 number of buckets less 1          +4  u32 hash
 *     +8  u32 elements linked now               +8  u32 address of the values, when they are per CPU
 *     +12 u32 hash of the key last looked for   +12 u32 x 5, for the LRU (lru-code.ts)
 *     +16 u32 x 3, of the slab (slab.ts)        +32 key, zero-padded to 4
 *     +28 u32 elements at most
 *     +32 u32 number of CPUs
 *     +36 u32 address of the LRU's state
 */
import type { WasmCode } from "../../jit/wasm-code.ts";
import type { FuncType } from "../../jit/wasm-module.ts";
import { I32, W } from "../../jit/wasm-op.ts";
import { emitCopy, load } from "./key.ts";

export const TABLE_BUCKETS = 0;
export const TABLE_MASK = 4;
export const TABLE_COUNT = 8;
export const TABLE_HASH = 12;
export const TABLE_SLAB = 16;
export const TABLE_LIMIT = 28;
export const TABLE_CPUS = 32;
export const TABLE_LRU = 36;
export const TABLE_BYTES = 40;

export const LINK_NEXT = 0;
export const LINK_HASH = 4;
export const LINK_VALUES = 8;
export const LINK_LRU = 12;
export const LINK_KEY = 32;

/** What the code is made for; two tables of one layout share it. */
export interface HashLayout {
  readonly keySize: number;
  /** The pieces of a value that an update copies: all of it but the fields that belong to the kernel. */
  readonly pieces: readonly { readonly offset: number; readonly bytes: number }[];
  /** Bytes from an element's address to its link. */
  readonly linkOffset: number;
  /** Bytes from one CPU's value to the next one's; 0: an element has one value, at its address. */
  readonly cpuStride: number;
  /** How the map evicts, "": not at all. If it does, a lookup by a program sets the reference bit. */
  readonly lru: "" | "common" | "percpu";
  /** The value is the handle of a map, which a lookup answers. */
  readonly handles: boolean;
  /** The value has a bpf_spin_lock: BPF_F_LOCK is allowed. */
  readonly lock: boolean;
  /** The map is told of every element that leaves the table. */
  readonly tells: boolean;
}

/** What the code asks of JavaScript. */
export interface HashOwner {
  /** An unlinked element from new memory, or 0. */
  takeNew(): number;
  /** An element has left the table; its value is still there. Called when the layout says so. */
  removed(el: number): void;
}

/** (table) -> an element from new memory, or 0 */
export const TAKE_TYPE: FuncType = { params: [I32], results: [I32] };

/** The code's functions by number. An LRU's `give` puts elements onto its own free lists. */
export const HASH_FN = { find: 0, insert: 1, remove: 2, lookup: 3, update: 4, delete: 5, give: 6 } as const;
/** The LRU's functions: those of its lists (lru-list-code.ts), and those above them (lru-code.ts). */
export const LRU_FN = {
  move: 7,
  rotate: 8,
  shrink: 9,
  evict: 10,
  firstFree: 11,
  pop: 12,
  popLocal: 13,
  popPending: 14,
  refill: 15,
  steal: 16,
} as const;

/** The first parameter of all functions. */
export const TABLE = 0;

/** Code of a function and the number of its i32 locals behind the parameters. */
export interface Body {
  readonly locals: number;
  readonly code: WasmCode;
}

/** Pushes the address of an element's value for a CPU. */
export function pushValue(code: WasmCode, layout: HashLayout, el: number, cpu: number): void {
  if (layout.cpuStride === 0) {
    code.get(el);
    return;
  }
  load(code, { local: el, offset: layout.linkOffset + LINK_VALUES });
  code.get(cpu);
  code.i32(layout.cpuStride);
  code.op(W.i32_mul, W.i32_add);
}

/** Copies a value but for the fields that belong to the kernel. @source bpf_obj_memcpy */
export function emitCopyValue(code: WasmCode, layout: HashLayout, to: number, from: number, counter: number): void {
  for (const p of layout.pieces) {
    emitCopy(code, { local: to, offset: p.offset }, { local: from, offset: p.offset }, p.bytes, counter);
  }
}

/** Returns -errno. */
export function returnErrno(code: WasmCode, errno: number): void {
  code.i32(-errno);
  code.op(W.return);
}

/** Returns -errno when the i32 on the stack is not 0. */
export function refuseIf(code: WasmCode, errno: number): void {
  code.open(W.if);
  returnErrno(code, errno);
  code.end();
}
