/** The event engine: one pop and one push, at several depths of the queue. */
import { Bench } from "tinybench";
import { Engine } from "../sim/engine/engine.ts";
import { type BenchCase, type BenchRow, si } from "./case.ts";

const BATCH = 20_000;

function loaded(pending: number): { engine: Engine; step(): void } {
  const engine = new Engine();
  let x = 12345;
  const kind = engine.defineEvent<null>("bench", () => {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0;
    engine.schedule(engine.nowNs + 1 + (x % 10_000), kind, null, 0);
  });
  for (let i = 0; i < pending; i++) engine.schedule(1 + i, kind, null, 0);
  return { engine, step: () => void engine.run(Number.MAX_SAFE_INTEGER, BATCH) };
}

export const events: BenchCase = {
  name: "events",
  about: "events per second of the engine",
  unavailable: () => null,
  async run(): Promise<readonly BenchRow[]> {
    const bench = new Bench({ time: 700, warmupTime: 200 });
    for (const pending of [100, 1_000, 10_000, 100_000]) {
      const { step } = loaded(pending);
      bench.add(`${pending} pending`, step);
    }
    await bench.run();
    return bench.tasks.map((task) => {
      const result = task.result as { latency?: { p50: number } };
      const perSecond = BATCH / ((result.latency?.p50 ?? Number.NaN) / 1000);
      return { what: `pop and push, ${task.name}`, figure: `${si(perSecond)} events/s` };
    });
  },
};
