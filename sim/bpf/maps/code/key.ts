/**
 * WebAssembly for keys and values: a key's words, its hash, comparing and copying. Sizes are known when the code is made, so that
 * short ones become straight code.
 */
import type { WasmCode } from "../../jit/wasm-code.ts";
import { W } from "../../jit/wasm-op.ts";

/** Above this many words a key is hashed in a loop. */
const UNROLLED_WORDS = 24;
/** Above this many bytes a copy is a loop. */
const UNROLLED_BYTES = 64;

/** An i32 local that holds an address, and an offset from it that goes into the instruction. */
export interface At {
  readonly local: number;
  readonly offset: number;
}

/** The same, further on. */
export function plus(at: At, offset: number): At {
  return { local: at.local, offset: at.offset + offset };
}

/** Pushes the word at an address. */
export function load(code: WasmCode, at: At): void {
  code.get(at.local);
  code.memory(W.i32_load, at.offset);
}

/** Stores a word at an address. @param push pushes the word */
export function store(code: WasmCode, at: At, push: () => void): void {
  code.get(at.local);
  push();
  code.memory(W.i32_store, at.offset);
}

/** Words of a key: its last one is padded with zeros. */
export function wordsOf(sizeBytes: number): number {
  return Math.ceil(sizeBytes / 4);
}

/** Pushes word `i` of a key of `sizeBytes`; reads no byte behind the key. */
export function loadKeyWord(code: WasmCode, key: At, i: number, sizeBytes: number): void {
  const offset = key.offset + 4 * i;
  const left = sizeBytes - 4 * i;
  code.get(key.local);
  if (left >= 4) code.memory(W.i32_load, offset);
  else if (left === 1) code.memory(W.i32_load8_u, offset);
  else {
    code.memory(W.i32_load16_u, offset);
    if (left === 2) return;
    code.get(key.local);
    code.memory(W.i32_load8_u, offset + 2);
    code.i32(16);
    code.op(W.i32_shl, W.i32_or);
  }
}

/** i32 locals that the hash is computed in; the result is left in `c`. */
export interface HashLocals {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  /** Address in the key, and one past the last address of the loop; used for long keys only. */
  readonly at: number;
  readonly end: number;
}

const INITVAL = 0xdeadbeef;

/**
 * Jenkins' lookup3 hash of a key as the kernel's hash maps use it. Linux seeds it at random; netsim always with 0, as Linux does
 * under BPF_F_ZERO_SEED, so that the order of `nextKey` is the same in every run, and equals Linux's under that flag.
 * @param seed an i32 local to be added to the seed; -1: none
 * @source include/linux/jhash.h; Bob Jenkins, lookup3.c
 */
export function emitJhash(code: WasmCode, key: At, sizeBytes: number, l: HashLocals, seed: number = -1): void {
  const words = wordsOf(sizeBytes);
  code.i32(INITVAL + sizeBytes);
  if (seed >= 0) {
    code.get(seed);
    code.op(W.i32_add);
  }
  code.tee(l.a);
  code.tee(l.b);
  code.set(l.c);
  const rounds = Math.max(0, Math.ceil(words / 3) - 1);
  if (words <= UNROLLED_WORDS) {
    for (let r = 0; r < rounds; r++) mixWords(code, plus(key, 12 * r), l);
  } else {
    code.get(key.local);
    code.tee(l.at);
    code.i32(12 * rounds);
    code.op(W.i32_add);
    code.set(l.end);
    code.open(W.loop);
    mixWords(code, { local: l.at, offset: key.offset }, l);
    code.get(l.at);
    code.i32(12);
    code.op(W.i32_add);
    code.tee(l.at);
    code.get(l.end);
    code.op(W.i32_lt_u);
    code.brIf(0);
    code.end();
  }
  [l.a, l.b, l.c].forEach((local, i) => {
    const word = 3 * rounds + i;
    if (word >= words) return;
    code.get(local);
    loadKeyWord(code, key, word, sizeBytes);
    code.op(W.i32_add);
    code.set(local);
  });
  const final = (x: number, y: number, by: number): void => {
    code.get(x);
    code.get(y);
    code.op(W.i32_xor);
    rotated(code, y, by);
    code.op(W.i32_sub);
    code.set(x);
  };
  final(l.c, l.b, 14);
  final(l.a, l.c, 11);
  final(l.b, l.a, 25);
  final(l.c, l.b, 16);
  final(l.a, l.c, 4);
  final(l.b, l.a, 14);
  final(l.c, l.b, 24);
}

/** One round: three words added, then __jhash_mix. */
function mixWords(code: WasmCode, at: At, { a, b, c }: HashLocals): void {
  [a, b, c].forEach((local, i) => {
    code.get(local);
    load(code, plus(at, 4 * i));
    code.op(W.i32_add);
    code.set(local);
  });
  const mix = (x: number, y: number, by: number, z: number): void => {
    code.get(x);
    code.get(y);
    code.op(W.i32_sub);
    rotated(code, y, by);
    code.op(W.i32_xor);
    code.set(x);
    code.get(y);
    code.get(z);
    code.op(W.i32_add);
    code.set(y);
  };
  mix(a, c, 4, b);
  mix(b, a, 6, c);
  mix(c, b, 8, a);
  mix(a, c, 16, b);
  mix(b, a, 19, c);
  mix(c, b, 4, a);
}

function rotated(code: WasmCode, local: number, by: number): void {
  code.get(local);
  code.i32(by);
  code.op(W.i32_rotl);
}

/** Leaves the innermost block unless the padded key at `stored` equals `key`. @param counter an i32 local for long keys */
export function branchUnlessEqual(code: WasmCode, stored: At, key: At, sizeBytes: number, counter: number): void {
  const whole = sizeBytes >>> 2;
  let i = 0;
  if (whole > UNROLLED_WORDS) {
    i = whole - (whole % 2);
    loopBy8(code, counter, 4 * i, () => {
      for (const at of [stored, key]) {
        code.get(at.local);
        code.get(counter);
        code.op(W.i32_add);
        code.memory(W.i64_load, at.offset);
      }
      code.op(W.i64_ne);
      code.brIf(1);
    });
  }
  for (; i + 2 <= whole; i += 2) {
    for (const at of [stored, key]) {
      code.get(at.local);
      code.memory(W.i64_load, at.offset + 4 * i);
    }
    code.op(W.i64_ne);
    code.brIf(0);
  }
  for (; i < wordsOf(sizeBytes); i++) {
    load(code, plus(stored, 4 * i));
    loadKeyWord(code, key, i, sizeBytes);
    code.op(W.i32_ne);
    code.brIf(0);
  }
}

/** Stores a key, its last word padded. @param counter an i32 local for long keys */
export function storeKey(code: WasmCode, to: At, key: At, sizeBytes: number, counter: number): void {
  let i = 0;
  if (sizeBytes > UNROLLED_BYTES) {
    i = 2 * (sizeBytes >>> 3);
    copyBy8(code, to, key, 4 * i, counter);
  }
  for (; i < wordsOf(sizeBytes); i++) {
    code.get(to.local);
    loadKeyWord(code, key, i, sizeBytes);
    code.memory(W.i32_store, to.offset + 4 * i);
  }
}

const MOVES = [
  { bytes: 8, load: W.i64_load, store: W.i64_store },
  { bytes: 4, load: W.i32_load, store: W.i32_store },
  { bytes: 2, load: W.i32_load16_u, store: W.i32_store16 },
  { bytes: 1, load: W.i32_load8_u, store: W.i32_store8 },
] as const;

/** Copies `sizeBytes` between areas that do not overlap. @param counter an i32 local for the loop over long values */
export function emitCopy(code: WasmCode, to: At, from: At, sizeBytes: number, counter: number): void {
  let done = 0;
  if (sizeBytes > UNROLLED_BYTES) {
    done = sizeBytes - (sizeBytes % 8);
    copyBy8(code, to, from, done, counter);
  }
  for (const move of MOVES) {
    for (; sizeBytes - done >= move.bytes; done += move.bytes) {
      code.get(to.local);
      code.get(from.local);
      code.memory(move.load, from.offset + done);
      code.memory(move.store, to.offset + done);
    }
  }
}

function copyBy8(code: WasmCode, to: At, from: At, sizeBytes: number, counter: number): void {
  loopBy8(code, counter, sizeBytes, () => {
    for (const local of [to.local, from.local]) {
      code.get(local);
      code.get(counter);
      code.op(W.i32_add);
    }
    code.memory(W.i64_load, from.offset);
    code.memory(W.i64_store, to.offset);
  });
}

/** A loop that counts from 0 by 8 below `end`, at least once; branch 1 of its body leaves the block around it. */
function loopBy8(code: WasmCode, counter: number, end: number, body: () => void): void {
  code.i32(0);
  code.set(counter);
  code.open(W.loop);
  body();
  code.get(counter);
  code.i32(8);
  code.op(W.i32_add);
  code.tee(counter);
  code.i32(end);
  code.op(W.i32_lt_u);
  code.brIf(0);
  code.end();
}
