/** Checksum identities against a sum over all bytes, formed in the plainest way. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Arena } from "../../../sim/engine/arena.ts";
import { csumAdd, csumFold, csumPartial, csumPseudo, csumSub } from "../../../sim/net/checksum.ts";

const arena = new Arena(1 << 20);
const base = arena.alloc(70000, 64);

/** RFC 1071 over big-endian words. @returns the value of the header field, big-endian */
function plain(bytes: Uint8Array | readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i]! * 256 + (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum % 65536) + Math.floor(sum / 65536);
  return 65535 - sum;
}

const swap = (x: number) => ((x & 0xff) << 8) | (x >>> 8);

describe("csumPartial and csumFold", () => {
  it("the example of RFC 1071, section 3", () => {
    arena.u8.set([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7], base);
    expect(swap(csumFold(csumPartial(arena, base, 8, 0)))).toBe(0x220d);
  });

  it("agree with the plain sum for any bytes at any address", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(7), (bytes, shift) => {
        arena.u8.set(bytes, base + shift);
        expect(swap(csumFold(csumPartial(arena, base + shift, bytes.length, 0)))).toBe(plain(bytes));
      }),
    );
  });

  it("64 KiB of 0xff do not overflow", () => {
    arena.u8.fill(0xff, base, base + 65535);
    expect(swap(csumFold(csumPartial(arena, base, 65535, 0)))).toBe(plain(arena.u8.slice(base, base + 65535)));
  });

  it("a sum may be formed in pieces of even length", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 2, maxLength: 200 }), fc.nat(99), (bytes, cut) => {
        const at = Math.min(cut * 2, bytes.length & ~1);
        arena.u8.set(bytes, base);
        const whole = csumPartial(arena, base, bytes.length, 0);
        const pieces = csumPartial(arena, base + at, bytes.length - at, csumPartial(arena, base, at, 0));
        expect(csumFold(pieces)).toBe(csumFold(whole));
      }),
    );
  });

  it("csumSub takes back what csumAdd added", () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.nat(0xffffffff), (a, b) => {
        // +0 and -0 are the same number
        const back = csumFold(csumSub(csumAdd(a, b), b)) % 0xffff;
        expect(back).toBe(csumFold(a) % 0xffff);
      }),
    );
  });
});

it("csumPseudo adds length and protocol", () => {
  const addresses = [10, 0, 0, 1, 10, 0, 0, 2];
  arena.u8.set(addresses, base);
  const sum = csumPseudo(arena, base, 8, 0x1234, 17);
  expect(swap(csumFold(sum))).toBe(plain([...addresses, 0, 17, 0x12, 0x34]));
});
