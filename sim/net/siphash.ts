/**
 * SipHash-2-4 on 32-bit halves: 64-bit additions by hand, since a BigInt costs more than the whole hash.
 *
 * @source lib/siphash.c; Aumasson and Bernstein, "SipHash: a fast short-input PRF"
 */

/** A key of 128 bits: k0 low, k0 high, k1 low, k1 high. */
export type SipKey = Readonly<Uint32Array>;

// v0 to v3 as (low, high) pairs
const v: Uint32Array = new Uint32Array(8);

/** v[a] += v[b] */
function add(a: number, b: number): void {
  const low = v[a]! + v[b]!;
  v[a] = low;
  v[a + 1] = v[a + 1]! + v[b + 1]! + (low > 0xffffffff ? 1 : 0);
}

/** v[a] = rotl(v[a], bits) ^ v[b]; bits below 32 */
function rotateXor(a: number, bits: number, b: number): void {
  const low = v[a]!;
  const high = v[a + 1]!;
  v[a] = ((low << bits) | (high >>> (32 - bits))) ^ v[b]!;
  v[a + 1] = ((high << bits) | (low >>> (32 - bits))) ^ v[b + 1]!;
}

/** v[a] = rotl(v[a], 32) */
function swap(a: number): void {
  const low = v[a]!;
  v[a] = v[a + 1]!;
  v[a + 1] = low;
}

function round(): void {
  add(0, 2);
  rotateXor(2, 13, 0);
  swap(0);
  add(4, 6);
  rotateXor(6, 16, 4);
  add(0, 6);
  rotateXor(6, 21, 0);
  add(4, 2);
  rotateXor(2, 17, 4);
  swap(4);
}

function absorb(low: number, high: number): void {
  v[6]! ^= low;
  v[7]! ^= high;
  round();
  round();
  v[0]! ^= low;
  v[1]! ^= high;
}

/**
 * The hash of a message of whole 32-bit words.
 * @param words the message, little-endian words, an even or odd number of them
 * @returns the low 32 bits, unsigned
 */
export function siphash32(words: Readonly<Uint32Array>, count: number, key: SipKey): number {
  v[0] = 0x70736575 ^ key[0]!;
  v[1] = 0x736f6d65 ^ key[1]!;
  v[2] = 0x6e646f6d ^ key[2]!;
  v[3] = 0x646f7261 ^ key[3]!;
  v[4] = 0x6e657261 ^ key[0]!;
  v[5] = 0x6c796765 ^ key[1]!;
  v[6] = 0x79746573 ^ key[2]!;
  v[7] = 0x74656462 ^ key[3]!;
  const pairs = count & ~1;
  for (let i = 0; i < pairs; i += 2) absorb(words[i]!, words[i + 1]!);
  // the length in bytes stands in the topmost byte of the last word
  absorb(pairs < count ? words[pairs]! : 0, (count * 4) << 24);
  v[4]! ^= 0xff;
  round();
  round();
  round();
  round();
  return (v[0]! ^ v[2]! ^ v[4]! ^ v[6]!) >>> 0;
}
