import { describe, expect, it } from "vitest";
import { type MaglevBackend, maglevRing } from "../../sim/lab/maglev.ts";

const SIZE = 8191;
const backends = (n: number): MaglevBackend[] =>
  Array.from({ length: n }, (_, i) => ({ name: `10.0.1.${i + 1}`, slot: i + 1, weight: 1 }));
const counts = (ring: Uint32Array, n: number): number[] =>
  Array.from({ length: n }, (_, i) => ring.reduce((c, slot) => c + (slot === i + 1 ? 1 : 0), 0));

describe("the Maglev ring", () => {
  it.each([1, 3, 8, 100])("%i equal backends get floor(M/N) or ceil(M/N) entries each", (n) => {
    for (const c of counts(maglevRing(backends(n), SIZE), n)) {
      expect([Math.floor(SIZE / n), Math.ceil(SIZE / n)]).toContain(c);
    }
  });
  it("a backend that leaves moves few entries of the others", () => {
    const before = maglevRing(backends(10), SIZE);
    const after = maglevRing(backends(9), SIZE);
    let moved = 0;
    for (let i = 0; i < SIZE; i++) if (before[i] !== 10 && before[i] !== after[i]) moved++;
    expect(moved / SIZE).toBeLessThan(0.03);
    expect(after.includes(10)).toBe(false);
  });
  it("a backend of weight 3 gets three times the entries", () => {
    const [heavy, light] = counts(
      maglevRing(
        [
          { name: "a", slot: 1, weight: 3 },
          { name: "b", slot: 2, weight: 1 },
        ],
        SIZE,
      ),
      2,
    );
    expect(heavy! / light!).toBeCloseTo(3, 1);
  });
  it("without backends all entries are 0", () => {
    expect(maglevRing([], 13).every((slot) => slot === 0)).toBe(true);
  });
});
