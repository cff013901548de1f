/**
 * String functions over any readable memory, without bounds that a program would have to know.
 * Answers besides a position or a length: -ENOENT nothing found, -E2BIG no end within 64 KiB, and where an address cannot be read
 * -ERANGE in user space's half of the addresses and -EFAULT in the kernel's.
 * @source kernel/bpf/helpers.c bpf_strcmp to bpf_strstr; compared with Linux 6.18. Costs: estimates
 */
import { GUARD_BYTES } from "../../engine/arena.ts";
import type { BpfEnv } from "../env.ts";
import type { ArgKind, KfuncDef } from "../helper.ts";
import { E2BIG, EFAULT, ENOENT, ERANGE } from "../maps/errno.ts";

/** @source include/uapi/linux/limits.h XATTR_SIZE_MAX */
const MAX = 65536;
/** What an unreadable address gives in place of a character. */
const BAD = 256;

function define(
  name: string,
  args: readonly ArgKind[],
  call: (env: BpfEnv, ...args: number[]) => number,
  since: string = "6.17",
): KfuncDef {
  return {
    name,
    since,
    args,
    ret: "int",
    gplOnly: false,
    progKinds: null,
    mapKinds: null,
    changesPacket: false,
    flags: [],
    costNs: 20,
    call,
  };
}

/** The character at an offset, unsigned as the kernel is compiled; BAD where nothing is. */
function charAt(env: BpfEnv, lo: number, hi: number, offset: number): number {
  const at = (lo >>> 0) + offset;
  const { u8 } = env.machine.arena;
  return hi !== 0 || at < GUARD_BYTES || at >= u8.length ? BAD : u8[at]!;
}

/** -ERANGE where the kernel refuses to try; 0 where it reads, whatever comes of it. */
function refused(env: BpfEnv, lo: number, hi: number): number {
  return hi >= 0 && charAt(env, lo, hi, 0) === BAD ? -ERANGE : 0;
}

function compare(env: BpfEnv, lo1: number, hi1: number, lo2: number, hi2: number, fold: boolean): number {
  const err = refused(env, lo1, hi1) || refused(env, lo2, hi2);
  if (err !== 0) return err;
  for (let i = 0; i < MAX; i++) {
    let a = charAt(env, lo1, hi1, i);
    let b = charAt(env, lo2, hi2, i);
    if (a === BAD || b === BAD) return -EFAULT;
    if (fold) {
      a = lower(a);
      b = lower(b);
    }
    if (a !== b) return a < b ? -1 : 1;
    if (a === 0) return 0;
  }
  return -E2BIG;
}

/** The kernel's tolower, on Latin-1. */
function lower(c: number): number {
  const upper = (c >= 0x41 && c <= 0x5a) || (c >= 0xc0 && c <= 0xde && c !== 0xd7);
  return upper ? c + 32 : c;
}

/** `bpf_strcmp`: -1, 0 or 1. */
export const strcmp: KfuncDef = define("bpf_strcmp", ["u64", "u64"], (env, a, aHi, b, bHi) =>
  compare(env, a!, aHi!, b!, bHi!, false),
);

/** `bpf_strcasecmp`. */
export const strcasecmp: KfuncDef = define(
  "bpf_strcasecmp",
  ["u64", "u64"],
  (env, a, aHi, b, bHi) => compare(env, a!, aHi!, b!, bHi!, true),
  "6.18",
);

/** Position of the first `wanted` within `count` characters. */
function find(env: BpfEnv, s: number, sHi: number, count: number, wanted: number, orEnd: boolean): number {
  const err = refused(env, s, sHi);
  if (err !== 0) return err;
  const n = Math.min(count, MAX);
  for (let i = 0; i < n; i++) {
    const c = charAt(env, s, sHi, i);
    if (c === BAD) return -EFAULT;
    if (c === wanted || (orEnd && c === 0)) return i;
    if (c === 0) return -ENOENT;
  }
  return n === MAX ? -E2BIG : -ENOENT;
}

const asChar = (n: number): number => n & 0xff;
/** A size_t of two words as a number that is at most MAX for our purposes. */
const sizeOf = (lo: number, hi: number): number => (hi === 0 ? lo >>> 0 : MAX);

/** `bpf_strchr`. */
export const strchr: KfuncDef = define("bpf_strchr", ["u64", "u32"], (env, s, sHi, c) =>
  find(env, s!, sHi!, MAX, asChar(c!), false),
);

/** `bpf_strnchr`. */
export const strnchr: KfuncDef = define("bpf_strnchr", ["u64", "u64", "u32"], (env, s, sHi, n, nHi, c) =>
  find(env, s!, sHi!, sizeOf(n!, nHi!), asChar(c!), false),
);

/** `bpf_strchrnul`: the end of the string where there is no such character. */
export const strchrnul: KfuncDef = define("bpf_strchrnul", ["u64", "u32"], (env, s, sHi, c) =>
  find(env, s!, sHi!, MAX, asChar(c!), true),
);

/** `bpf_strrchr`: the last one. */
export const strrchr: KfuncDef = define("bpf_strrchr", ["u64", "u32"], (env, s, sHi, c) => {
  const err = refused(env, s!, sHi!);
  if (err !== 0) return err;
  let last = -ENOENT;
  for (let i = 0; i < MAX; i++) {
    const at = charAt(env, s!, sHi!, i);
    if (at === BAD) return -EFAULT;
    if (at === c) last = i;
    if (at === 0) return last;
  }
  return -E2BIG;
});

function length(env: BpfEnv, s: number, sHi: number, count: number): number {
  const err = refused(env, s, sHi);
  if (err !== 0) return err;
  const n = Math.min(count, MAX);
  for (let i = 0; i < n; i++) {
    const c = charAt(env, s, sHi, i);
    if (c === BAD) return -EFAULT;
    if (c === 0) return i;
  }
  return n === MAX ? -E2BIG : n;
}

/** `bpf_strlen`. */
export const strlen: KfuncDef = define("bpf_strlen", ["u64"], (env, s, sHi) => length(env, s!, sHi!, MAX));

/** `bpf_strnlen`. */
export const strnlen: KfuncDef = define("bpf_strnlen", ["u64", "u64"], (env, s, sHi, n, nHi) =>
  length(env, s!, sHi!, sizeOf(n!, nHi!)),
);

/** Length of the beginning of `s` that consists of characters of `set` only (`inside`), or of none of them. */
function span(env: BpfEnv, s: number, sHi: number, set: number, setHi: number, inside: boolean): number {
  const err = refused(env, s, sHi) || refused(env, set, setHi);
  if (err !== 0) return err;
  for (let i = 0; i < MAX; i++) {
    const c = charAt(env, s, sHi, i);
    if (c === BAD) return -EFAULT;
    if (c === 0) return i;
    let j = 0;
    let of = BAD;
    for (; j < MAX; j++) {
      of = charAt(env, set, setHi, j);
      if (of === BAD) return -EFAULT;
      if (of === c || of === 0) break;
    }
    if (j === MAX) return -E2BIG;
    if ((of === 0) === inside) return i;
  }
  return -E2BIG;
}

/** `bpf_strspn`. */
export const strspn: KfuncDef = define("bpf_strspn", ["u64", "u64"], (env, s, sHi, a, aHi) =>
  span(env, s!, sHi!, a!, aHi!, true),
);

/** `bpf_strcspn`. */
export const strcspn: KfuncDef = define("bpf_strcspn", ["u64", "u64"], (env, s, sHi, a, aHi) =>
  span(env, s!, sHi!, a!, aHi!, false),
);

/** Position of a string within the first `len` characters of another one. */
function search(env: BpfEnv, s: number, sHi: number, t: number, tHi: number, len: number): number {
  const err = refused(env, s, sHi) || refused(env, t, tHi);
  if (err !== 0) return err;
  for (let i = 0; i < MAX; i++) {
    let j = 0;
    for (; i + j <= len && j < MAX; j++) {
      const c = charAt(env, t, tHi, j);
      if (c === BAD) return -EFAULT;
      if (c === 0) return i;
      if (i + j === len) break;
      const at = charAt(env, s, sHi, i + j);
      if (at === BAD) return -EFAULT;
      if (at === 0) return -ENOENT;
      if (at !== c) break;
    }
    if (j === MAX) return -E2BIG;
    if (i + j === len) return -ENOENT;
  }
  return -E2BIG;
}

/** `bpf_strstr`. */
export const strstr: KfuncDef = define("bpf_strstr", ["u64", "u64"], (env, s, sHi, t, tHi) =>
  search(env, s!, sHi!, t!, tHi!, MAX),
);

/** `bpf_strnstr`. */
export const strnstr: KfuncDef = define("bpf_strnstr", ["u64", "u64", "u64"], (env, s, sHi, t, tHi, n, nHi) =>
  search(env, s!, sHi!, t!, tHi!, sizeOf(n!, nHi!)),
);
