/**
 * jhash2: Jenkins' lookup3 over 32-bit words, as the kernel hashes what is no map's key. Keys are hashed by WebAssembly (code/key.ts).
 * @source include/linux/jhash.h; Bob Jenkins, lookup3.c
 */

const INITVAL = 0xdeadbeef;

/**
 * @param seed the kernel's initval
 * @returns the hash, unsigned
 */
export function jhash2(words: Uint32Array, seed: number): number {
  let a = (INITVAL + words.length * 4 + seed) | 0;
  let b = a;
  let c = a;
  let at = 0;
  for (; words.length - at > 3; at += 3) {
    a = (a + words[at]!) | 0;
    b = (b + words[at + 1]!) | 0;
    c = (c + words[at + 2]!) | 0;
    a = (a - c) ^ rotated(c, 4);
    c = (c + b) | 0;
    b = (b - a) ^ rotated(a, 6);
    a = (a + c) | 0;
    c = (c - b) ^ rotated(b, 8);
    b = (b + a) | 0;
    a = (a - c) ^ rotated(c, 16);
    c = (c + b) | 0;
    b = (b - a) ^ rotated(a, 19);
    a = (a + c) | 0;
    c = (c - b) ^ rotated(b, 4);
    b = (b + a) | 0;
  }
  const left = words.length - at;
  if (left === 0) return c >>> 0;
  if (left > 2) c = (c + words[at + 2]!) | 0;
  if (left > 1) b = (b + words[at + 1]!) | 0;
  a = (a + words[at]!) | 0;
  c = ((c ^ b) - rotated(b, 14)) | 0;
  a = ((a ^ c) - rotated(c, 11)) | 0;
  b = ((b ^ a) - rotated(a, 25)) | 0;
  c = ((c ^ b) - rotated(b, 16)) | 0;
  a = ((a ^ c) - rotated(c, 4)) | 0;
  b = ((b ^ a) - rotated(a, 14)) | 0;
  return ((c ^ b) - rotated(b, 24)) >>> 0;
}

function rotated(x: number, by: number): number {
  return (x << by) | (x >>> (32 - by));
}
