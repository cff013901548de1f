/** A few of the inputs that `npm run fuzz` tries by the million. */
import { describe, expect, it } from "vitest";
import { createKernel } from "../../sim/net/stack.ts";
import { ArenaGuard } from "./arena-guard.ts";
import { targets } from "./targets.ts";
import { tryInputs } from "./try-inputs.ts";

const COUNT = 600;

describe("damaged objects, instruction streams, texts and types", () => {
  it(`${COUNT} of them: each is refused in words, runs, or is stopped by the checks`, () => {
    const { endings, failures } = tryInputs(targets, 0, COUNT, () => 0);
    expect(failures).toEqual([]);
    for (const { name, share } of targets) {
      const reached = Object.keys(endings).filter((key) => key.startsWith(name));
      const tried = reached.reduce((sum, key) => sum + endings[key]!, 0);
      expect(tried, name).toBe((COUNT * share) / 100);
      // neither are all refused nor none
      expect(reached.length, name).toBeGreaterThan(1);
    }
    expect(endings["instruction streams: stopped"]).toBeGreaterThan(COUNT / 40);
    expect(endings["instruction streams: ran"]).toBeGreaterThan(COUNT / 40);
  }, 300_000);

  it("the shares of all targets make a hundred", () => {
    expect(targets.reduce((sum, { share }) => sum + share, 0)).toBe(100);
  });
});

describe("the guard over a simulation's memory", () => {
  it("tells a byte of somebody else's that changed, and lets a program's own change", () => {
    const kernel = createKernel({ seed: 1, idealCpu: true });
    const guard = new ArenaGuard(kernel);
    const foreign = kernel.arena.alloc(64);
    guard.begin();
    const own = kernel.arena.alloc(64);
    kernel.arena.u8.fill(1, own, own + 64);
    expect(guard.end()).toBeNull();
    guard.begin();
    kernel.arena.u8[foreign + 5] = 7;
    expect(guard.end()).toBe(`the byte at 0x${(foreign + 5).toString(16)} changed from 0 to 7`);
    guard.begin();
    kernel.arena.u8[16] = 1;
    expect(guard.end()).toContain("0x10 changed");
  });
});
