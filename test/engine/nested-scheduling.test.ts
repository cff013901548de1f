import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Engine } from "../../sim/engine/engine.ts";

/** Runs events that schedule further events, each as its number says; a plain sorted list says in which order they must come. */
function order(delays: readonly (readonly number[])[], first: number): { got: string[]; want: string[] } {
  const got: string[] = [];
  const engine = new Engine();
  let made = 0;
  const waiting: { atNs: number; id: number }[] = [];
  const put = (delayNs: number): void => {
    const atNs = engine.nowNs + delayNs;
    waiting.push({ atNs, id: made });
    engine.schedule(atNs, kind, null, made++);
  };
  const want: string[] = [];
  const kind = engine.defineEvent<null>("test", (_target, id) => {
    got.push(`${engine.nowNs} ${id}`);
    let next = 0;
    for (let i = 1; i < waiting.length; i++) {
      const a = waiting[i]!;
      const b = waiting[next]!;
      if (a.atNs < b.atNs || (a.atNs === b.atNs && a.id < b.id)) next = i;
    }
    const [due] = waiting.splice(next, 1);
    want.push(`${due!.atNs} ${due!.id}`);
    expect(engine.pending).toBe(waiting.length);
    for (const d of delays[id] ?? []) put(d);
  });
  for (let i = 0; i < first; i++) put(1 + (i % 3));
  expect(engine.run(1000, 10_000)).toBe(true);
  expect(engine.pending).toBe(0);
  return { got, want };
}

describe("Engine: events that schedule events", () => {
  it("run by time and order of scheduling, however many a handler schedules", () => {
    const few = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 });
    fc.assert(
      fc.property(fc.array(few, { maxLength: 40 }), fc.integer({ min: 1, max: 20 }), (delays, first) => {
        const { got, want } = order(delays, first);
        expect(got).toEqual(want);
      }),
    );
  });

  it("a handler sees the next event's time, not its own", () => {
    const engine = new Engine();
    const seen: number[] = [];
    const kind = engine.defineEvent<null>("test", () => seen.push(engine.nextAtNs()));
    for (const atNs of [10, 20, 30]) engine.schedule(atNs, kind, null, 0);
    engine.run(100, 100);
    expect(seen).toEqual([20, 30, -1]);
  });

  it("after a handler threw, the others still run, each once", () => {
    const engine = new Engine();
    const seen: number[] = [];
    const kind = engine.defineEvent<null>("test", (_target, arg) => {
      seen.push(arg);
      if (arg === 1) throw new Error("stop here");
    });
    for (const n of [1, 2, 3]) engine.schedule(n * 10, kind, null, n);
    expect(() => engine.run(100, 100)).toThrow("stop here");
    engine.schedule(engine.nowNs + 5, kind, null, 4);
    engine.run(100, 100);
    expect(seen).toEqual([1, 4, 2, 3]);
  });
});
