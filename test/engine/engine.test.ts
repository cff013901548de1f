import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Engine, MAX_TIME_NS } from "../../sim/engine/engine.ts";
import { BugError } from "../../sim/engine/errors.ts";

function recorder(engine: Engine) {
  const log: [number, number][] = [];
  const kind = engine.defineEvent<null>("record", (_, arg) => log.push([engine.nowNs, arg]));
  return { log, kind };
}

describe("Engine", () => {
  it("events happen in order of time, those of one time in order of scheduling", () => {
    const engine = new Engine();
    const { log, kind } = recorder(engine);
    for (const [at, arg] of [
      [5, 1],
      [3, 2],
      [5, 3],
      [0, 4],
      [3, 5],
    ] as const) {
      engine.schedule(at, kind, null, arg);
    }
    expect(engine.run(10, 100)).toBe(true);
    expect(log).toEqual([
      [0, 4],
      [3, 2],
      [3, 5],
      [5, 1],
      [5, 3],
    ]);
    expect(engine.nowNs).toBe(10);
    expect(engine.executed).toBe(5);
  });

  it("an event for the present comes after all that were scheduled for this time before", () => {
    const engine = new Engine();
    const log: string[] = [];
    const name = engine.defineEvent<string>("name", (s) => log.push(s));
    const first = engine.defineEvent<null>("first", () => {
      log.push("first");
      engine.schedule(7, name, "present", 0);
    });
    engine.schedule(7, first, null, 0);
    engine.schedule(7, name, "second", 0);
    engine.run(7, 10);
    expect(log).toEqual(["first", "second", "present"]);
  });

  it("the order is that of a stable sort by time, whatever is scheduled from within events", () => {
    const spans = fc.array(fc.record({ at: fc.nat(50), child: fc.option(fc.nat(20), { nil: undefined }) }), {
      maxLength: 300,
    });
    fc.assert(
      fc.property(spans, (list) => {
        const engine = new Engine();
        const seen: { at: number; seq: number }[] = [];
        let seq = 0;
        const kind = engine.defineEvent<{ seq: number; child: number | undefined }>("e", (t) => {
          seen.push({ at: engine.nowNs, seq: t.seq });
          if (t.child !== undefined) engine.schedule(engine.nowNs + t.child, kind, { seq: seq++, child: undefined }, 0);
        });
        for (const { at, child } of list) engine.schedule(at, kind, { seq: seq++, child }, 0);
        engine.run(1000, 10_000);
        expect(seen).toHaveLength(seq);
        for (let i = 1; i < seen.length; i++) {
          const [a, b] = [seen[i - 1]!, seen[i]!];
          expect(a.at < b.at || (a.at === b.at && a.seq < b.seq)).toBe(true);
        }
      }),
      { seed: 3, numRuns: 100 },
    );
  });

  it.each([
    ["in the past", 4],
    ["not a number", Number.NaN],
  ])("scheduling %s is a bug", (_, at) => {
    const engine = new Engine();
    const { kind } = recorder(engine);
    engine.run(5, 1);
    expect(() => engine.schedule(at, kind, null, 0)).toThrow(BugError);
  });

  it("what lies beyond the end of time is forgotten", () => {
    const engine = new Engine();
    const { kind } = recorder(engine);
    engine.schedule(MAX_TIME_NS + 1, kind, null, 0);
    expect(engine.pending).toBe(0);
  });

  it("a slice ends after its number of events, and the rest follows", () => {
    const engine = new Engine();
    const { log, kind } = recorder(engine);
    for (let i = 0; i < 5; i++) engine.schedule(i, kind, null, i);
    expect(engine.run(10, 2)).toBe(false);
    expect(log).toHaveLength(2);
    expect(engine.nextAtNs()).toBe(2);
    expect(engine.run(10, 100)).toBe(true);
    expect(log).toHaveLength(5);
    expect(engine.nextAtNs()).toBe(-1);
  });

  it("stop ends the run after the event that calls it", () => {
    const engine = new Engine();
    const { log, kind } = recorder(engine);
    const stop = engine.defineEvent<null>("stop", () => engine.stop());
    engine.schedule(1, stop, null, 0);
    engine.schedule(1, kind, null, 0);
    expect(engine.run(10, 100)).toBe(false);
    expect(log).toHaveLength(0);
    expect(engine.run(10, 100)).toBe(true);
    expect(log).toHaveLength(1);
  });

  it("events up to and including the end happen, later ones stay", () => {
    const engine = new Engine();
    const { log, kind } = recorder(engine);
    engine.schedule(10, kind, null, 0);
    engine.schedule(11, kind, null, 1);
    engine.run(10, 100);
    expect(log).toEqual([[10, 0]]);
    expect(engine.pending).toBe(1);
  });

  it("tens of thousands wait at once, future and present", () => {
    const engine = new Engine();
    const { log, kind } = recorder(engine);
    for (let i = 0; i < 20_000; i++) {
      engine.schedule(20_000 - i, kind, null, i);
      engine.schedule(0, kind, null, i);
    }
    expect(engine.pending).toBe(40_000);
    engine.run(30_000, 100_000);
    expect(log).toHaveLength(40_000);
    expect(log[39_999]).toEqual([20_000, 0]);
  });
});
