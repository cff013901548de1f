import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LatencyHistogram } from "../../sim/engine/histogram.ts";

describe("LatencyHistogram", () => {
  it("an empty one is all zeros", () => {
    expect(new LatencyHistogram().summary()).toEqual({
      count: 0,
      minNs: 0,
      meanNs: 0,
      p50Ns: 0,
      p90Ns: 0,
      p99Ns: 0,
      maxNs: 0,
    });
  });

  it("small numbers of small values are exact", () => {
    const h = new LatencyHistogram();
    for (let i = 1; i <= 100; i++) h.record(i);
    expect(h.summary()).toEqual({ count: 100, minNs: 1, meanNs: 50.5, p50Ns: 50, p90Ns: 90, p99Ns: 99, maxNs: 100 });
  });

  it("a single value is every percentile, to the nanosecond", () => {
    const h = new LatencyHistogram();
    h.record(123_456_789);
    expect(h.summary()).toMatchObject({ p50Ns: 123_456_789, p99Ns: 123_456_789, maxNs: 123_456_789 });
  });

  it("times beyond the first range are taken: an hour, a day", () => {
    const h = new LatencyHistogram();
    h.record(10);
    h.record(3600e9);
    h.record(86400e9);
    expect(h.maxNs).toBe(86400e9);
    expect(h.percentileNs(50) / 3600e9).toBeCloseTo(1, 2);
  });

  it("percentiles are within one part in a thousand of the sorted values, and the mean is exact", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 40 }), { minLength: 1, maxLength: 200 }), (values) => {
        const h = new LatencyHistogram();
        for (const v of values) h.record(v);
        const sorted = [...values].sort((a, b) => a - b);
        for (const p of [50, 90, 99, 100]) {
          const exact = sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)]!;
          expect(Math.abs(h.percentileNs(p) - exact)).toBeLessThanOrEqual(exact / 1000 + 1);
        }
        expect(h.meanNs).toBe(values.reduce((a, b) => a + b, 0) / values.length);
      }),
      { seed: 7, numRuns: 200 },
    );
  });
});
