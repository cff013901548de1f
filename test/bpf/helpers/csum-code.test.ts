import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { csumCode } from "../../../sim/bpf/helpers/csum-code.ts";
import { Bench } from "../kit.ts";

/** Ones' complement sum of 16-bit words, bit for bit as the kernel folds it: csum_partial, csum_add, csum_from32to16. */
function model(from: Uint8Array, to: Uint8Array, seed: number): number {
  const fold32 = (sum: bigint): bigint => {
    let s = sum;
    while (s >> 32n !== 0n) s = (s & 0xffffffffn) + (s >> 32n);
    return s;
  };
  const partial = (bytes: Uint8Array, start: bigint): bigint => {
    let sum = start;
    for (let i = 0; i < bytes.length; i++) sum += BigInt(bytes[i]!) << BigInt(8 * (i % 4));
    return fold32(sum);
  };
  const not = (v: bigint): bigint => v ^ 0xffffffffn;
  const start = BigInt(seed);
  let sum = start;
  if (to.length > 0) {
    sum = partial(to, start);
    if (from.length > 0) sum = fold32(sum + not(partial(from, 0n)));
  } else if (from.length > 0) sum = not(partial(from, not(start)));
  for (let i = 0; i < 2; i++) sum = (sum & 0xffffn) + (sum >> 16n);
  return Number(sum);
}

describe("the code of bpf_csum_diff", () => {
  it("answers as a sum in whole numbers does, for any sizes, bytes, places and seed", () => {
    const bench = new Bench();
    const code = csumCode(bench.arena);
    const bytes = fc.uint8Array({ maxLength: 70 });
    fc.assert(
      fc.property(bytes, bytes, fc.nat(0xffffffff), fc.nat(3), (from, to, seed, skew) => {
        const got = code.diff(bench.put(from, skew), from.length, bench.put(to, skew), to.length, seed | 0);
        expect(got).toBe(model(from, to, seed));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    [[], [], 0, 0],
    [[0xff, 0xff, 0xff, 0xff], [], 0, 0],
    [[], [0xff, 0xff, 0xff, 0xff], 0, 0xffff],
    [[], [], 0xffffffff, 0xffff],
    [[1, 2, 3, 4], [1, 2, 3, 4], 0, 0xffff],
  ])("%j to %j from %i is %i", (from, to, seed, sum) => {
    const bench = new Bench();
    const put = (b: number[]): number => bench.put(Uint8Array.from(b));
    expect(csumCode(bench.arena).diff(put(from), from.length, put(to), to.length, seed | 0)).toBe(sum);
    expect(model(Uint8Array.from(from), Uint8Array.from(to), seed)).toBe(sum);
  });
});
