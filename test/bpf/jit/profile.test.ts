import { describe, expect, it } from "vitest";
import { MachineBench } from "./kit.ts";

const bench = new MachineBench();

const LOOP = `
  r6 = 0
  r7 = 5
again: r1 = r6
  call double
  r6 = r0
  r6 += 1
  r7 -= 1
  if r7 != 0 goto again
  if r6 == 31 goto done
  r6 = -1
done: r0 = r6
  exit
double: r0 = r1
  r0 <<= 1
  exit`;

describe("block counters", () => {
  it("count each run through a block, in all functions, over all runs", () => {
    const program = bench.load(LOOP, { profile: true });
    expect(bench.jit(program).r0).toBe(31n);
    const once = [
      { firstSlot: 0, lastSlot: 1, hits: 1 },
      { firstSlot: 2, lastSlot: 7, hits: 5 },
      { firstSlot: 8, lastSlot: 8, hits: 1 },
      { firstSlot: 9, lastSlot: 9, hits: 0 },
      { firstSlot: 10, lastSlot: 11, hits: 1 },
      { firstSlot: 12, lastSlot: 14, hits: 5 },
    ];
    const sorted = (): unknown[] => [...program.blockHits()].sort((a, b) => a.firstSlot - b.firstSlot);
    expect(sorted()).toEqual(once);
    bench.jit(program);
    expect(sorted()).toEqual(once.map((b) => ({ ...b, hits: b.hits * 2 })));
  });

  it("weighted with the blocks' lengths are the executed instructions", () => {
    const program = bench.load(LOOP, { profile: true });
    const { insns } = bench.jit(program);
    const sum = program.blockHits().reduce((n, b) => n + b.hits * (b.lastSlot - b.firstSlot + 1), 0);
    expect(sum).toBe(insns);
  });

  it("belong to one loading of a program", () => {
    const a = bench.load(LOOP, { profile: true });
    const b = bench.load(LOOP, { profile: true });
    bench.jit(a);
    expect(b.blockHits().every((block) => block.hits === 0)).toBe(true);
  });

  it("go on above 2^32", () => {
    const program = bench.load("r0 = 0\nexit", { profile: true });
    const before = bench.snapshot();
    bench.jit(program);
    const at = bench.snapshot().findIndex((byte, i) => i >= bench.data && byte !== before[i]);
    bench.arena.u32[at >>> 2] = 0xffffffff;
    bench.jit(program);
    expect(program.blockHits()).toEqual([{ firstSlot: 0, lastSlot: 1, hits: 2 ** 32 }]);
  });

  it("are not there unless asked for, and change no result", () => {
    const plain = bench.load(LOOP);
    const profiled = bench.load(LOOP, { profile: true });
    expect(plain.blockHits()).toEqual([]);
    expect(bench.jit(plain)).toEqual(bench.jit(profiled));
    expect(plain.jitedBytes!).toBeLessThan(profiled.jitedBytes!);
  });
});
