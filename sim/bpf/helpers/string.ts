/**
 * Numbers out of text, and comparing strings.
 * @source kernel/bpf/helpers.c __bpf_strtoull, lib/kstrtox.c; compared with Linux 6.18. Costs: estimates
 */
import type { BpfEnv } from "../env.ts";
import type { HelperDef } from "../helper.ts";
import { EINVAL, ERANGE } from "../maps/errno.ts";

const TWO32 = 4294967296;
/** Longest text that is looked at behind the sign, bytes. */
const TEXT_BYTES = 63;

interface Parsed {
  /** Bytes consumed, or -errno. */
  readonly used: number;
  readonly negative: boolean;
  readonly lo: number;
  readonly hi: number;
}

const plain = { gplOnly: false, progKinds: null, mapKinds: null, changesPacket: false, fixed: 8, costNs: 20 } as const;

/** `bpf_strtol`. Flags are the base: 0, 8, 10 or 16. */
export const strtol: HelperDef = {
  ...plain,
  id: 105,
  name: "strtol",
  since: "5.2",
  args: ["mem", "size", "u64", "mem_fixed"],
  ret: "int",
  call(env: BpfEnv, buf: number, size: number, flags: number, flagsHi: number, res: number): number {
    // the result is zeroed first, even where it lies in the text
    store(env, res, 0, 0);
    const p = parseNumber(env.machine.arena.u8, buf, size >>> 0, flags, flagsHi);
    if (p.used < 0) return p.used;
    const tooBig = p.hi > 0x80000000 || (p.hi === 0x80000000 && p.lo > 0);
    if (p.negative ? tooBig : p.hi >= 0x80000000) return -ERANGE;
    if (!p.negative) store(env, res, p.lo, p.hi);
    else store(env, res, -p.lo >>> 0, (~p.hi + (p.lo === 0 ? 1 : 0)) >>> 0);
    return p.used;
  },
};

/** `bpf_strtoul`. Flags are the base: 0, 8, 10 or 16. */
export const strtoul: HelperDef = {
  ...plain,
  id: 106,
  name: "strtoul",
  since: "5.2",
  args: ["mem", "size", "u64", "mem_fixed"],
  ret: "int",
  call(env: BpfEnv, buf: number, size: number, flags: number, flagsHi: number, res: number): number {
    // the result is zeroed first, even where it lies in the text
    store(env, res, 0, 0);
    const p = parseNumber(env.machine.arena.u8, buf, size >>> 0, flags, flagsHi);
    if (p.used < 0) return p.used;
    if (p.negative) return -EINVAL;
    store(env, res, p.lo, p.hi);
    return p.used;
  },
};

/** `bpf_strncmp`: the second string lies in read-only map memory. */
export const strncmp: HelperDef = {
  id: 182,
  name: "strncmp",
  since: "5.17",
  args: ["mem", "size", "any"],
  ret: "int",
  gplOnly: false,
  progKinds: null,
  mapKinds: null,
  changesPacket: false,
  costNs: 10,
  call(env: BpfEnv, s1: number, size: number, s2: number): number {
    const u8 = env.machine.arena.u8;
    for (let i = 0; i < size >>> 0; i++) {
      const a = u8[s1 + i]!;
      const b = u8[(s2 >>> 0) + i] ?? 0;
      if (a !== b) return a < b ? -1 : 1;
      if (a === 0) return 0;
    }
    return 0;
  },
};

function store(env: BpfEnv, at: number, lo: number, hi: number): void {
  const dv = env.machine.arena.dv;
  dv.setUint32(at, lo, true);
  dv.setUint32(at + 4, hi, true);
}

function parseNumber(u8: Uint8Array, buf: number, size: number, flags: number, flagsHi: number): Parsed {
  let base = flags & 0x1f;
  if ((flags & ~0x1f) !== 0 || flagsHi !== 0 || (base !== 0 && base !== 8 && base !== 10 && base !== 16)) {
    return failed(EINVAL);
  }
  const end = buf + size;
  let at = buf;
  while (at < end && isSpace(u8[at]!)) at++;
  const negative = at < end && u8[at] === 0x2d;
  if (negative) at++;
  if (at === end) return failed(EINVAL);
  const stop = Math.min(end, at + TEXT_BYTES);
  const byte = (i: number): number => (i < stop ? u8[i]! : 0);
  const hexPrefix = byte(at) === 0x30 && (byte(at + 1) | 0x20) === 0x78;
  if (base === 0) {
    if (byte(at) !== 0x30) base = 10;
    else base = hexPrefix && digit(byte(at + 2)) < 16 ? 16 : 8;
  }
  if (base === 16 && hexPrefix) at += 2;
  const first = at;
  let lo = 0;
  let hi = 0;
  for (; digit(byte(at)) < base; at++) {
    const low = lo * base + digit(byte(at));
    lo = low % TWO32;
    hi = hi * base + Math.floor(low / TWO32);
    if (hi >= TWO32) return failed(ERANGE);
  }
  return at === first ? failed(EINVAL) : { used: at - buf, negative, lo, hi };
}

function failed(errno: number): Parsed {
  return { used: -errno, negative: false, lo: 0, hi: 0 };
}

function digit(c: number): number {
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  const letter = c | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : 99;
}

/** The kernel's isspace: its table has the no-break space of Latin-1 too. */
function isSpace(c: number): boolean {
  return c === 0x20 || (c >= 9 && c <= 13) || c === 0xa0;
}
