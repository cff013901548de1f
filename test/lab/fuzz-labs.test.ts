import { describe, expect, it } from "vitest";
import { parseLab } from "../../sim/lab/parse-lab.ts";
import { fuzzLabs, RICH_LAB } from "./fuzz-labs.ts";

describe("mutated labs", () => {
  it("the lab they are made from is good", () => {
    expect(parseLab(RICH_LAB, "rich.yaml").nodes).toHaveLength(14);
  });

  it("each gives a spec or a clear error", () => {
    const count = Number(process.env.NETSIM_FUZZ ?? 400);
    const result = fuzzLabs(count, 20260101);
    expect(result.good + result.refused).toBe(count);
    expect(result.good).toBeGreaterThan(0);
    expect(result.refused).toBeGreaterThan(count / 3);
  }, 1_200_000);
});
