/** Time from the start of a process to the first simulated packet of a lab, as `netsim run` loads, checks, builds and starts it. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { objectUrl } from "../test/kernel/replay-kit.ts";
import type { BenchCase, BenchRow } from "./case.ts";

const AIM_MS = 400;
const ROUNDS = 9;
const LAB = fileURLToPath(new URL("../topologies/l4lb.yaml", objectUrl("xdp_pass.o")));
const beside = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** @returns ms from just before a process is started until its first line of output, which is the time of its event */
function timeOf(args: readonly string[]): number {
  const start = performance.timeOrigin + performance.now();
  return Number(execFileSync(process.execPath, args, { encoding: "utf8" })) - start;
}

/** The best and the middle of several. */
function several(args: readonly string[]): readonly [best: number, median: number] {
  const times = Array.from({ length: ROUNDS }, () => timeOf(args)).sort((a, b) => a - b);
  return [times[0]!, times[ROUNDS >> 1]!];
}

export const startup: BenchCase = {
  name: "startup",
  about: "time from the start of the process to the first simulated packet",
  unavailable: () => (existsSync(LAB) ? null : `there is no ${LAB}`),
  async run(): Promise<readonly BenchRow[]> {
    const [node] = several(["-e", "console.log(performance.timeOrigin + performance.now())"]);
    // bundled, as the package's own command is
    const first = [beside("../bin/first-packet.js"), "run", LAB];
    const [best, median] = several(first);
    const figure = (ms: number): string => `${ms.toFixed(0)} ms`;
    return [
      {
        what: "netsim run l4lb.yaml, best",
        figure: figure(best),
        against: `aim ${AIM_MS} ms: ${(best / AIM_MS).toFixed(2)} of it`,
      },
      { what: "netsim run l4lb.yaml, median", figure: figure(median), against: `of which node itself ${figure(node)}` },
    ];
  },
};
