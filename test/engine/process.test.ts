import { run, scoped, spawn, sleep as wallSleep } from "effection";
import { describe, expect, it } from "vitest";
import { Engine } from "../../sim/engine/engine.ts";
import { BugError } from "../../sim/engine/errors.ts";
import { runSimulation, sleep, sleepUntil } from "../../sim/engine/process.ts";

describe("processes on simulated time", () => {
  it("sleepers go on at their times, in the order of time and then of scheduling", async () => {
    const engine = new Engine();
    const log: string[] = [];
    await run(function* () {
      for (const [name, span] of [
        ["a", 5],
        ["b", 7],
        ["c", 5],
      ] as const) {
        yield* spawn(function* () {
          for (let i = 0; i < 3; i++) {
            yield* sleep(engine, span);
            log.push(`${name}${engine.nowNs}`);
          }
        });
      }
      yield* runSimulation(engine, 100);
    });
    expect(log).toEqual(["a5", "c5", "b7", "a10", "c10", "b14", "a15", "c15", "b21"]);
    expect(engine.nowNs).toBe(100);
  });

  it("a woken operation goes on within the event that wakes it, before the next event", async () => {
    const engine = new Engine();
    const log: string[] = [];
    const mark = engine.defineEvent<string>("mark", (name) => log.push(name));
    await run(function* () {
      yield* spawn(function* () {
        yield* sleepUntil(engine, 10);
        log.push("woken");
        engine.schedule(10, mark, "scheduled by the woken", 0);
      });
      yield* wallSleep(0);
      engine.schedule(10, mark, "scheduled after the sleeper", 0);
      yield* runSimulation(engine, 20);
    });
    expect(log).toEqual(["woken", "scheduled after the sleeper", "scheduled by the woken"]);
  });

  it("a halted sleeper never goes on", async () => {
    const engine = new Engine();
    const log: string[] = [];
    await run(function* () {
      const task = yield* spawn(function* () {
        yield* sleep(engine, 50);
        log.push("late");
      });
      yield* spawn(function* () {
        yield* sleep(engine, 20);
        yield* task.halt();
        log.push(`halted ${engine.nowNs}`);
      });
      yield* runSimulation(engine, 100);
    });
    expect(log).toEqual(["halted 20"]);
  });

  it.each([-1, 1.5, Number.NaN])("sleeping for %s ns is a bug", async (ns) => {
    await expect(run(() => sleep(new Engine(), ns))).rejects.toThrow(BugError);
  });

  it("a time that has passed means now", async () => {
    const engine = new Engine();
    engine.run(40, 1);
    let woke = -1;
    await run(function* () {
      yield* spawn(function* () {
        yield* sleepUntil(engine, 10);
        woke = engine.nowNs;
      });
      yield* runSimulation(engine, 50);
    });
    expect(woke).toBe(40);
  });

  it("slices leave room for other tasks of the process and call back after each", async () => {
    const engine = new Engine();
    let left = 100;
    const tick = engine.defineEvent<null>("tick", () => {
      if (--left > 0) engine.schedule(engine.nowNs + 1, tick, null, 0);
    });
    engine.schedule(1, tick, null, 0);
    let slices = 0;
    let turns = 0;
    const turn = (): void => {
      turns++;
      timer = setImmediate(turn);
    };
    let timer = setImmediate(turn);
    await run(() => runSimulation(engine, 1000, { sliceEvents: 10, onSlice: () => slices++ }));
    clearImmediate(timer);
    expect(left).toBe(0);
    expect(slices).toBeGreaterThanOrEqual(10);
    expect(turns).toBeGreaterThanOrEqual(9);
  });

  it("halting a run of endless events ends it", async () => {
    const engine = new Engine();
    const tick = engine.defineEvent<null>("tick", () => engine.schedule(engine.nowNs + 1, tick, null, 0));
    engine.schedule(1, tick, null, 0);
    const task = run(() => runSimulation(engine, Number.MAX_SAFE_INTEGER));
    await new Promise((resolve) => setTimeout(resolve, 20));
    await task.halt();
    const stoodAt = engine.executed;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(stoodAt).toBeGreaterThan(0);
    expect(engine.executed).toBe(stoodAt);
  });

  it("what an event handler throws comes out of the run", async () => {
    const engine = new Engine();
    const boom = engine.defineEvent<null>("boom", () => {
      throw new BugError("BOOM", "boom");
    });
    engine.schedule(3, boom, null, 0);
    await expect(run(() => runSimulation(engine, 10))).rejects.toThrow("boom [BOOM]");
    expect(engine.nowNs).toBe(3);
  });

  it("what a process throws ends the scope that runs the simulation", async () => {
    const engine = new Engine();
    const result = run(() =>
      scoped(function* () {
        yield* spawn(function* () {
          yield* sleep(engine, 5);
          throw new Error("process failed");
        });
        yield* runSimulation(engine, 1000);
      }),
    );
    await expect(result).rejects.toThrow("process failed");
  });
});
