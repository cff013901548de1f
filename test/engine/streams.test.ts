import { describe, expect, it } from "vitest";
import { portableLog } from "../../sim/engine/portable-math.ts";
import { Streams } from "../../sim/engine/streams.ts";

describe("Streams", () => {
  it("the same seed and name draw the same numbers", () => {
    const draw = (): number[] =>
      Array.from(
        { length: 5 },
        (
          (s) => () =>
            s.u32()
        )(new Streams(7).stream("link a")),
      );
    expect(draw()).toEqual(draw());
  });

  it("the first numbers of a stream never change: runs of old seeds repeat", () => {
    const s = new Streams(1).stream("wire h1:eth0->h2:eth0");
    expect([s.u32(), s.u32(), s.u32()]).toMatchInlineSnapshot(`
      [
        1738172394,
        3722220897,
        4107427366,
      ]
    `);
  });

  it.each([
    ["another seed", 8, "link a"],
    ["another name", 7, "link b"],
  ])("%s draws others", (_, seed, name) => {
    expect(new Streams(seed).stream(name).u32()).not.toBe(new Streams(7).stream("link a").u32());
  });

  it("uniform numbers fill [0, 1) evenly", () => {
    const s = new Streams(3).stream("u");
    const buckets = new Array<number>(10).fill(0);
    for (let i = 0; i < 100_000; i++) {
      const u = s.unit();
      expect(u >= 0 && u < 1).toBe(true);
      buckets[Math.floor(u * 10)]!++;
    }
    for (const n of buckets) expect(Math.abs(n - 10_000)).toBeLessThan(400);
  });

  it("below(n) reaches every number and none beyond", () => {
    const s = new Streams(3).stream("b");
    const seen = new Set(Array.from({ length: 1000 }, () => s.below(7)));
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it("exponential gaps have the mean asked for", () => {
    const s = new Streams(4).stream("e");
    let sum = 0;
    for (let i = 0; i < 100_000; i++) sum += s.exponential(250);
    expect(sum / 100_000).toBeGreaterThan(247);
    expect(sum / 100_000).toBeLessThan(253);
  });
});

describe("portableLog", () => {
  // the logarithms to 17 digits, from tables
  it.each([
    [1e-300, -690.77552789821368],
    [1e-9, -20.72326583694641],
    [0.25, -2 * Math.LN2],
    [0.5, -Math.LN2],
    [1, 0],
    [1.5, 0.40546510810816438],
    [2, Math.LN2],
    [Math.E, 1],
    [3, 1.0986122886681098],
    [10, Math.LN10],
    [1e9, 20.723265836946414],
    [1e300, 690.77552789821368],
  ])("of %s is %s", (x, ln) => {
    const error = portableLog(x) - ln;
    expect(error * error).toBeLessThanOrEqual((ln * 1e-15 + 1e-16) ** 2);
  });
});
