import { describe, expect, it } from "vitest";
import { type Answer, difference } from "./case.ts";
import { Coverage } from "./coverage.ts";
import { ENGINES, Netsim } from "./in-netsim.ts";
import { readSample } from "./sample.ts";
import { decodeAnswer, decodeCase } from "./wire.ts";

const sample = readSample(new URL("sample.msgpack.gz", import.meta.url));
const cases = sample.cases.map(({ seed, request, answer }) => {
  const c = decodeCase(request);
  return { seed, c, answer: decodeAnswer(c, answer, sample.cpus) as Answer };
});

describe(`1,000 random programs that Linux ${sample.kernel} ran`, () => {
  it("are a thousand, and every instruction form that the kernel runs stands in them", () => {
    const coverage = new Coverage();
    for (const { c } of cases) coverage.add(c);
    expect(cases.length).toBe(1000);
    expect(coverage.missing(true).map((row) => row.text)).toEqual([]);
  });

  it("leave the same r0, packet, context and maps compiled with checks, interpreted, and compiled without checks", () => {
    const netsim = new Netsim(sample.cpus);
    for (const { seed, c, answer } of cases) {
      netsim.attempts(c, ENGINES).forEach((attempt, i) => {
        const differ = attempt.answer === null ? String(attempt.error) : difference(answer, attempt.answer);
        expect(differ, `seed ${seed}, ${ENGINES[i]}`).toBeNull();
      });
    }
  }, 300_000);
});
