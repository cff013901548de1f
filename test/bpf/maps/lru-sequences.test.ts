import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { SessionReplay } from "./session-replay.ts";

interface Sequence {
  readonly name: string;
  readonly steps: readonly string[];
}
interface Tools {
  readonly lruSequences: () => Sequence[];
  readonly letter: (step: string, answer: string) => string;
}

const folder = new URL("kernel/", import.meta.url);
const { lruSequences, letter } = (await import(new URL("lru-sequences.mjs", folder).href)) as Tools;
const recorded = JSON.parse(readFileSync(new URL("lru.json", folder), "utf8")) as {
  readonly kernel: string;
  readonly sequences: Readonly<Record<string, { readonly answers: string; readonly left: string }>>;
};

describe(`an LRU map evicts what Linux ${recorded.kernel.split("-")[0]} evicts, step by step`, () => {
  it("the record has every sequence", () => {
    expect(Object.keys(recorded.sequences)).toEqual(lruSequences().map((s) => s.name));
  });

  it.each(lruSequences())("$name", ({ name, steps }) => {
    const replay = new SessionReplay();
    const { answers, left } = recorded.sequences[name]!;
    replay.do(steps[0]!);
    let got = "";
    for (const step of steps.slice(1, -1)) got += letter(step, replay.do(step));
    let same = 0;
    while (same < got.length && got[same] === answers[same]) same++;
    const at =
      same === got.length ? null : `step ${same}: ${steps[same + 1]}: Linux ${answers[same]}, netsim ${got[same]}`;
    expect(at).toBeNull();
    expect(replay.do(steps.at(-1)!).split(" ")[2]).toBe(left);
  });
});
