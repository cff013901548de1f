import { describe, expect, it } from "vitest";
import { siphash32 } from "../../sim/net/siphash.ts";

/** Key 00 01 .. 0f. */
const key = Uint32Array.of(0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c);
/** Message 00 01 02 ... */
const message = Uint32Array.of(0x03020100, 0x07060504, 0x0b0a0908);

describe("siphash32", () => {
  // the authors' published vectors, first four bytes as a little-endian number
  it.each([
    [0, 0xdd0e0e31],
    [1, 0x277187b7],
    [2, 0x9a932462],
    [3, 0x860ee5fb],
  ])("hashes %i words as the reference does", (words, hash) => {
    expect(siphash32(message, words, key)).toBe(hash);
  });
});
