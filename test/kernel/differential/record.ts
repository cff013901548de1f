/** Records the sample of random programs, or asks the running kernel the recorded ones again. Started by record.mjs. */
import { release } from "node:os";
import { parseArgs } from "node:util";
import { type Answer, difference } from "../../bpf/differential/case.ts";
import { generateCase } from "../../bpf/differential/generate.ts";
import { readSample, type SampleCase, writeSample } from "../../bpf/differential/sample.ts";
import { decodeAnswer, decodeCase, encodeCase } from "../../bpf/differential/wire.ts";
import { isAnswer, KernelOracle } from "./kernel.ts";

const CASES = 1000;
/** Differences that are printed. */
const SHOWN = 10;

const { values } = parseArgs({
  options: {
    runner: { type: "string" },
    cpus: { type: "string", default: "2" },
    file: { type: "string" },
    seed: { type: "string", default: "1" },
    "may-goto": { type: "boolean", default: false },
    check: { type: "boolean", default: false },
  },
});
const file = values.file!;
const cpus = Number(values.cpus);
const kernel = new KernelOracle(values.runner!, cpus);

async function record(): Promise<void> {
  const cases: SampleCase[] = [];
  for (let seed = Number(values.seed); cases.length < CASES; seed++) {
    const c = generateCase(seed, { mayGoto: values["may-goto"] });
    const { answer, bytes } = await kernel.ask(c);
    if (isAnswer(answer)) cases.push({ seed, request: encodeCase(c), answer: bytes });
  }
  writeSample(file, { kernel: release(), cpus, cases });
}

async function check(): Promise<void> {
  const sample = readSample(file);
  if (sample.cpus !== cpus) {
    process.stdout.write(`recorded with ${sample.cpus} CPUs, this machine has ${cpus}\n`);
    process.exitCode = 3;
    return;
  }
  let different = 0;
  for (const { seed, request, answer } of sample.cases) {
    const c = decodeCase(request);
    const now = (await kernel.ask(c)).answer;
    const then = decodeAnswer(c, answer, cpus) as Answer;
    const found = isAnswer(now) ? difference(then, now) : `refused now, errno ${now.errno}`;
    if (found === null) continue;
    if (different++ < SHOWN) process.stdout.write(`seed ${seed}: recorded and now: ${found}\n`);
  }
  process.stdout.write(different === 0 ? "all the same\n" : `${different} of ${sample.cases.length} differ\n`);
  process.exitCode = different === 0 ? 0 : 1;
}

await (values.check ? check() : record());
kernel.close();
