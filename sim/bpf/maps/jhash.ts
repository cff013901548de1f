/**
 * Jenkins' lookup3 hash as the kernel's hash maps use it. Linux seeds it at random; netsim always with 0, as Linux does
 * under BPF_F_ZERO_SEED, so that the order of `nextKey` is the same in every run, and equals Linux's under that flag.
 * @source include/linux/jhash.h; Bob Jenkins, lookup3.c
 */

const INITVAL = 0xdeadbeef;

/**
 * Hash of `words` 32-bit words. A key whose length is no multiple of 4 is zero-padded by the caller, which gives the same
 * result as the byte-wise tail of jhash().
 * @param w index of the first word
 * @param lengthBytes length of the key before padding, at least 1
 * @returns signed 32-bit
 */
export function jhash(i32: Int32Array, w: number, words: number, lengthBytes: number): number {
  let a = (INITVAL + lengthBytes) | 0;
  let b = a;
  let c = a;
  let at = w;
  let left = words;
  while (left > 3) {
    a = (a + i32[at]!) | 0;
    b = (b + i32[at + 1]!) | 0;
    c = (c + i32[at + 2]!) | 0;
    a = (a - c) ^ ((c << 4) | (c >>> 28));
    c = (c + b) | 0;
    b = (b - a) ^ ((a << 6) | (a >>> 26));
    a = (a + c) | 0;
    c = (c - b) ^ ((b << 8) | (b >>> 24));
    b = (b + a) | 0;
    a = (a - c) ^ ((c << 16) | (c >>> 16));
    c = (c + b) | 0;
    b = (b - a) ^ ((a << 19) | (a >>> 13));
    a = (a + c) | 0;
    c = (c - b) ^ ((b << 4) | (b >>> 28));
    b = (b + a) | 0;
    at += 3;
    left -= 3;
  }
  if (left > 2) c = (c + i32[at + 2]!) | 0;
  if (left > 1) b = (b + i32[at + 1]!) | 0;
  a = (a + i32[at]!) | 0;
  c = ((c ^ b) - ((b << 14) | (b >>> 18))) | 0;
  a = ((a ^ c) - ((c << 11) | (c >>> 21))) | 0;
  b = ((b ^ a) - ((a << 25) | (a >>> 7))) | 0;
  c = ((c ^ b) - ((b << 16) | (b >>> 16))) | 0;
  a = ((a ^ c) - ((c << 4) | (c >>> 28))) | 0;
  b = ((b ^ a) - ((a << 14) | (a >>> 18))) | 0;
  c = ((c ^ b) - ((b << 24) | (b >>> 8))) | 0;
  return c;
}
