/** Compares netsim with the running kernel over generated cases. Started by run.mjs. */
import { parseArgs } from "node:util";
import { type Answer, type Case, difference } from "../../bpf/differential/case.ts";
import { Coverage } from "../../bpf/differential/coverage.ts";
import { generateCase } from "../../bpf/differential/generate.ts";
import { ENGINES, type Engine, Netsim } from "../../bpf/differential/in-netsim.ts";
import { minimise } from "../../bpf/differential/minimise.ts";
import { isAnswer, KernelOracle } from "./kernel.ts";
import { coverageText, listing, Refusals } from "./report.ts";

/** Cases under way in the kernel while netsim works on others. */
const AHEAD = 48;
/** Runners: most of a load and an unload is waiting for a grace period. */
const RUNNERS = 6;

const { values } = parseArgs({
  options: {
    runner: { type: "string" },
    cpus: { type: "string", default: "2" },
    count: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    /** The interpreter, and the code without checks, run every so many cases; 0: never. */
    interpret: { type: "string", default: "1" },
    unchecked: { type: "string", default: "1" },
    "may-goto": { type: "boolean", default: false },
    /** Stop after so many differences. */
    stop: { type: "string", default: "5" },
    /** Print the generated case with this seed and ask nothing. */
    show: { type: "string" },
    /** Write every refusal with its listing. */
    refusals: { type: "boolean", default: false },
  },
});

/**
 * What the verifier says when its own state is wrong. Such a program is of no use and a danger to the kernel: the generator must not write what
 * leads there. The exception is a function that only dead code refers to.
 */
const LOST = /verifier bug: (?!No program to jit).*/;
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
  const out: string[] = [];
  netsim.attempts(c, engines).forEach(({ answer, error }, i) => {
    if (error instanceof TypeError || error instanceof RangeError) throw error;
    if (error !== null || answer === null) {
      out.push(`${engines[i]}: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    const found = difference(kernel, answer);
    if (found !== null) out.push(`${engines[i]}: kernel and netsim: ${found}`);
  });
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
  const kernels = Array.from({ length: RUNNERS }, () => new KernelOracle(values.runner!, cpus));
  const first = Number(values.seed);
  const count = Number(values.count);
  const every: Readonly<Record<Engine, number>> = {
    checked: 1,
    unchecked: Number(values.unchecked),
    interpreter: Number(values.interpret),
  };
  const started = performance.now();
  let accepted = 0;
  const ran: Record<Engine, number> = { checked: 0, unchecked: 0, interpreter: 0 };
  let different = 0;
  const asked: { seed: number; c: Case; said: ReturnType<KernelOracle["ask"]> }[] = [];
  for (let seed = first; accepted < count; ) {
    while (asked.length < AHEAD) {
      const c = generateCase(seed, options);
      asked.push({ seed, c, said: kernels[seed++ % RUNNERS]!.ask(c) });
    }
    const { seed: at, c, said } = asked.shift()!;
    const { answer } = await said;
    if (!isAnswer(answer)) {
      refusals.add(answer);
      if (LOST.test(answer.log)) {
        say(`seed ${at}: the kernel's verifier lost its way: ${LOST.exec(answer.log)![0]}`);
        if (++different >= Number(values.stop)) break;
      }
      if (values.refusals) say(`refused: seed ${at}\n${listing(c)}\n${answer.log.slice(-1500)}`);
      continue;
    }
    accepted++;
    coverage.add(c);
    const engines = ENGINES.filter((engine) => every[engine] > 0 && accepted % every[engine] === 0);
    for (const engine of engines) ran[engine]++;
    const found = differences(c, answer, engines);
    if (found.length > 0) {
      await report(kernels[0]!, c, at, found);
      if (++different >= Number(values.stop)) break;
    }
    if (accepted % 2_000 === 0) say(`${accepted} accepted, ${different} different, next seed ${seed}`);
  }
  for (const kernel of kernels) kernel.close();
  const seconds = (performance.now() - started) / 1000;
  say(`${accepted} programs accepted (${(accepted / seconds).toFixed(0)}/s), run ${JSON.stringify(ran)}`);
  say(refusals.text(accepted));
  say(coverageText(coverage, options.mayGoto));
  say(`${different} different`);
  process.exitCode = different > 0 ? 1 : 0;
}

await main();
