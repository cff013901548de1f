/**
 * The Internet checksum over arena bytes. Programs' incremental updates are in helpers/code/skb-code.ts.
 *
 * As in the kernel, sums are formed from 16-bit words as they lie in memory (little-endian loads): a folded sum is stored the way
 * it is, and the ones' complement sum does not care about byte order (RFC 1071, section 2 (B)).
 *
 * @source RFC 1071; include/net/checksum.h
 */
import type { Arena } from "../engine/arena.ts";

const TWO_32 = 4294967296;

/**
 * Ones' complement sum of bytes; an odd last byte counts as the low half of a word.
 * @param seed a sum to go on from
 * @returns 32 bits, unsigned, not folded
 */
export function csumPartial(arena: Arena, addr: number, lenBytes: number, seed: number): number {
  let p = addr;
  let n = lenBytes;
  let sum = 0;
  const u8 = arena.u8;
  if ((p & 1) !== 0) {
    for (; n >= 2; n -= 2, p += 2) sum += u8[p]! | (u8[p + 1]! << 8);
  } else {
    if ((p & 2) !== 0 && n >= 2) {
      sum = arena.u16[p >>> 1]!;
      p += 2;
      n -= 2;
    }
    if (n >= 4) {
      const u32 = arena.u32;
      const stop = (p >>> 2) + (n >>> 2);
      for (let i = p >>> 2; i < stop; i++) sum += u32[i]!;
      p = stop << 2;
      n &= 3;
    }
    if (n >= 2) {
      sum += arena.u16[p >>> 1]!;
      p += 2;
      n -= 2;
    }
  }
  if (n === 1) sum += u8[p]!;
  return to32(sum + (seed >>> 0));
}

/** Folds a sum to 16 bits and complements it: what goes into the header. @returns 16 bits in memory order */
export function csumFold(sum: number): number {
  return ~fold16(sum) & 0xffff;
}

/** Ones' complement sum of two 32-bit sums. */
export function csumAdd(a: number, b: number): number {
  return to32((a >>> 0) + (b >>> 0));
}

/** Ones' complement difference of two 32-bit sums. */
export function csumSub(a: number, b: number): number {
  return csumAdd(a, ~b);
}

/** Sum of the pseudo header's addresses; add length and protocol with csumAdd of swapped words. */
export function csumPseudo(
  arena: Arena,
  addresses: number,
  addressBytes: number,
  lenBytes: number,
  proto: number,
): number {
  const sum = csumPartial(arena, addresses, addressBytes, 0);
  return to32(sum + swap16(lenBytes & 0xffff) + swap16(lenBytes >>> 16) + (proto << 8));
}

function to32(sum: number): number {
  let s = sum;
  while (s >= TWO_32) s = (s % TWO_32) + Math.floor(s / TWO_32);
  return s >>> 0;
}

function fold16(sum: number): number {
  let s = (sum & 0xffff) + (sum >>> 16);
  s = (s & 0xffff) + (s >>> 16);
  return s;
}

function swap16(x: number): number {
  return ((x & 0xff) << 8) | (x >>> 8);
}
