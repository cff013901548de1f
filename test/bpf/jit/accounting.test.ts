import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Insn } from "../../../sim/bpf/isa/insn.ts";
import { planAccounting } from "../../../sim/bpf/jit/accounting.ts";
import { buildCfg, type Cfg } from "../../../sim/bpf/jit/cfg.ts";

/** One instruction per block: a jump to each target, an exit for each null, and an exit at the end. */
function graph(targets: readonly (number | null)[]): Cfg {
  const insns = [...targets, null].map((target, slot) =>
    target === null ? { kind: "exit", slot } : { kind: "jump", slot, target: target % (targets.length + 1) },
  );
  const slots = Int32Array.from(insns, (_, i) => i);
  return buildCfg(insns as unknown as Insn[], slots, 0, insns.length - 1);
}

const pricesOf = (cfg: Cfg): Float64Array => Float64Array.from(cfg.blocks, (_, b) => (b + 1) * 2 ** 32 + b * b + 1);

describe("the plan of where blocks count", () => {
  it("on any path through any graph, what was added and what is owed make up the price of its blocks", () => {
    const targets = fc.array(fc.option(fc.nat(30), { freq: 8 }), { minLength: 1, maxLength: 30 });
    const turns = fc.array(fc.nat(1), { minLength: 60, maxLength: 60 });
    fc.assert(
      fc.property(targets, turns, fc.nat(), (jumps, ways, seed) => {
        const cfg = graph(jumps);
        const price = pricesOf(cfg);
        const stores = cfg.blocks.map((block, b) => block.successors.length === 0 || ((seed >>> (b % 31)) & 1) === 1);
        const { add, owed } = planAccounting(cfg, price, (b) => stores[b]!);
        let [b, spent, added, debt] = [0, 0, 0, 0];
        for (const way of ways) {
          if (cfg.isLoop[b]!) expect(debt).toBe(0);
          spent += price[b]!;
          added += add[b]!;
          debt = owed[b]!;
          expect(added + debt).toBe(spent);
          const { successors } = cfg.blocks[b]!;
          if (successors.length === 0) {
            expect(debt).toBe(0);
            return;
          }
          b = successors[way % successors.length]!;
        }
      }),
      { numRuns: 500 },
    );
  });

  it("a chain of tests adds once, at its end", () => {
    const cfg = graph([4, 4, 4, 4]);
    const { add } = planAccounting(cfg, pricesOf(cfg), (b) => cfg.blocks[b]!.successors.length === 0);
    expect([...add].filter((n) => n !== 0).length).toBeLessThan(cfg.blocks.length);
  });

  it("a turn of a loop with a test in it adds once, and once more where the test jumps", () => {
    const cfg = graph([2, 2, 0]);
    const { add } = planAccounting(cfg, pricesOf(cfg), (b) => cfg.blocks[b]!.successors.length === 0);
    expect([...add].map((n) => n !== 0)).toEqual([false, true, true, true]);
  });
});
