import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { cases } from "./oracle/cases.mjs";
import { compareOutputs } from "./oracle/compare.mjs";
import { replayCase } from "./oracle/replay.ts";

const answers = JSON.parse(readFileSync(new URL("oracle/answers.json", import.meta.url), "utf8")) as {
  kernel: string;
  cases: Record<string, string[]>;
};

describe("TCP does what Linux 6.18 does, segment by segment", () => {
  it("every case was asked of the kernel", () => {
    expect(Object.keys(answers.cases)).toEqual(cases.map((c) => c.name));
    expect(answers.kernel).toMatch(/^6\.18/);
  });

  it.each(cases.map((c) => [c.name, c.why, c] as const))("%s: %s", (name, _why, c) => {
    expect(compareOutputs(replayCase(c), answers.cases[name]!) ?? "as Linux").toBe("as Linux");
  });
});
