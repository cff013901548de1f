/** MurmurHash3 for 32-bit words: what stands for the kernel's keyed hashes of flows. @source Austin Appleby, MurmurHash3_x86_32 */

/** Takes a word into a hash. @returns signed 32 bits */
export function murmurMix(h: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  const x = h ^ Math.imul(k, 0x1b873593);
  return (Math.imul((x << 13) | (x >>> 19), 5) + 0xe6546b64) | 0;
}

/** Spreads the last words over all bits. @returns signed 32 bits */
export function murmurFinish(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
