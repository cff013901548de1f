/** Compares netsim with the running kernel over generated cases. Started by run.mjs. */
import { parseArgs } from "node:util";
import { type Answer, type Case, difference } from "../../bpf/differential/case.ts";
import { Coverage } from "../../bpf/differential/coverage.ts";
import { generateCase } from "../../bpf/differential/generate.ts";
import { ENGINES, type Engine, Netsim, objectOf } from "../../bpf/differential/in-netsim.ts";
import { minimise } from "../../bpf/differential/minimise.ts";
import { isAnswer, KernelOracle } from "./kernel.ts";
import { coverageText, listing, Refusals } from "./report.ts";

/** Cases under way in the kernel while netsim works on others. */
const AHEAD = 32;

const { values } = parseArgs({
  options: {
    runner: { type: "string" },
    cpus: { type: "string", default: "2" },
    count: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    /** The interpreter runs every so many cases; 0: never. */
    interpret: { type: "string", default: "1" },
    "may-goto": { type: "boolean", default: false },
    /** Stop after so many differences. */
    stop: { type: "string", default: "5" },
    /** Print the generated case with this seed and ask nothing. */
    show: { type: "string" },
    /** Write every refusal with its listing. */
    refusals: { type: "boolean", default: false },
  },
});

const cpus = Number(values.cpus);
const options = { mayGoto: values["may-goto"] };
const netsim = new Netsim(cpus);
const coverage = new Coverage();
const refusals = new Refusals();
const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** netsim's differences to the kernel's answer; empty when there are none. */
function differences(c: Case, kernel: Answer, engines: readonly Engine[]): string[] {
  const spec = objectOf(c);
  const out: string[] = [];
  for (const engine of engines) {
    try {
      const found = difference(kernel, netsim.run(c, engine, spec));
      if (found !== null) out.push(`${engine}: kernel and netsim: ${found}`);
    } catch (error) {
      out.push(`${engine}: ${error instanceof Error ? error.message : String(error)}`);
      if (!(error instanceof Error) || error.name === "TypeError" || error.name === "RangeError") throw error;
    }
  }
  return out;
}

async function report(kernel: KernelOracle, c: Case, seed: number, found: readonly string[]): Promise<void> {
  say(`DIFFERENT: seed ${seed}\n${found.join("\n")}`);
  const engines = ENGINES.filter((engine) => found.some((f) => f.startsWith(`${engine}:`)));
  const small = await minimise(c, async (tried) => {
    const { answer } = await kernel.ask(tried);
    return isAnswer(answer) && differences(tried, answer, engines).length > 0;
  });
  const { answer } = await kernel.ask(small);
  if (isAnswer(answer)) say(`made small:\n${listing(small)}\n${differences(small, answer, engines).join("\n")}\n`);
}

async function main(): Promise<void> {
  if (values.show !== undefined) {
    say(listing(generateCase(Number(values.show), options)));
    return;
  }
  const kernel = new KernelOracle(values.runner!, cpus);
  const first = Number(values.seed);
  const count = Number(values.count);
  const every = Number(values.interpret);
  const started = performance.now();
  let accepted = 0;
  let interpreted = 0;
  let different = 0;
  const asked: { seed: number; c: Case; said: ReturnType<KernelOracle["ask"]> }[] = [];
  for (let seed = first; accepted < count; ) {
    while (asked.length < AHEAD) {
      const c = generateCase(seed, options);
      asked.push({ seed: seed++, c, said: kernel.ask(c) });
    }
    const { seed: at, c, said } = asked.shift()!;
    const { answer } = await said;
    if (!isAnswer(answer)) {
      refusals.add(answer);
      if (values.refusals) say(`refused: seed ${at}\n${listing(c)}\n${answer.log.slice(-1500)}`);
      continue;
    }
    accepted++;
    coverage.add(c);
    const interpret = every > 0 && accepted % every === 0;
    if (interpret) interpreted++;
    const found = differences(c, answer, interpret ? ENGINES : ENGINES.slice(0, 2));
    if (found.length > 0) {
      await report(kernel, c, at, found);
      if (++different >= Number(values.stop)) break;
    }
    if (accepted % 10_000 === 0) say(`${accepted} accepted, ${different} different, next seed ${seed}`);
  }
  kernel.close();
  const seconds = (performance.now() - started) / 1000;
  say(
    `${accepted} programs accepted (${(accepted / seconds).toFixed(0)}/s), ${interpreted} of them interpreted as well`,
  );
  say(refusals.text(accepted));
  say(coverageText(coverage, options.mayGoto));
  say(`${different} different`);
  process.exitCode = different > 0 ? 1 : 0;
}

await main();
