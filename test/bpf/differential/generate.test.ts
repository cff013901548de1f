import { describe, expect, it } from "vitest";
import { difference } from "./case.ts";
import { Coverage } from "./coverage.ts";
import { generateCase } from "./generate.ts";
import { Netsim, objectOf } from "./in-netsim.ts";
import { decodeCase, encodeCase } from "./wire.ts";

const CPUS = 2;

describe("the generator of random programs", () => {
  it("makes the same case of the same seed, and another of another", () => {
    expect(encodeCase(generateCase(7))).toEqual(encodeCase(generateCase(7)));
    expect(encodeCase(generateCase(7))).not.toEqual(encodeCase(generateCase(8)));
  });

  it("writes every instruction form that the kernel runs, within a thousand cases", () => {
    const coverage = new Coverage();
    for (let seed = 1; seed <= 1000; seed++) coverage.add(generateCase(seed));
    expect(coverage.missing(false).map((row) => row.text)).toEqual([]);
    expect(coverage.helpers.size).toBeGreaterThan(45);
  });

  it("makes cases that survive being written as bytes", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const c = generateCase(seed);
      expect(encodeCase(decodeCase(encodeCase(c)))).toEqual(encodeCase(c));
    }
  });
});

describe("compiled with checks, without, and interpreted", () => {
  it.each([1, 2, 3])("60 generated cases after seed %i000 answer the same", (thousand) => {
    const netsim = new Netsim(CPUS);
    const answers = new Set<string>();
    for (let seed = thousand * 1000; seed < thousand * 1000 + 60; seed++) {
      const c = generateCase(seed);
      const spec = objectOf(c);
      const compiled = netsim.run(c, "checked", spec);
      expect(difference(compiled, netsim.run(c, "unchecked", spec)), `seed ${seed}, unchecked`).toBeNull();
      expect(difference(compiled, netsim.run(c, "interpreter", spec)), `seed ${seed}, interpreter`).toBeNull();
      answers.add(JSON.stringify([compiled.runs.map((r) => r.retval), compiled.maps]));
    }
    expect(answers.size).toBeGreaterThan(40);
  });
});
