/**
 * Damaged labs from file to packets: each of topologies/ is damaged, read, built and run for a short time. A summary or one of
 * netsim's own refusals, nothing else. NETSIM_FUZZ says how many (`npm run fuzz`: 10,000).
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { run } from "effection";
import { describe, expect, it } from "vitest";
import { LabError, ObjectError, VerifierError } from "../../sim/engine/errors.ts";
import { RandomStream } from "../../sim/engine/streams.ts";
import { buildNetwork } from "../../sim/lab/build-network.ts";
import { defaultParts } from "../../sim/lab/default-parts.ts";
import { parseLab } from "../../sim/lab/parse-lab.ts";
import { runNetwork } from "../../sim/lab/run-network.ts";
import { mutate } from "../lab/fuzz-labs.ts";
import { LABS, labText, ROOT } from "../topologies/kit.ts";

const COUNT = Number(process.env.NETSIM_FUZZ ?? 150);
const SEED = 1;
/** A run is cut short: the point is what is read and built, and that it starts. */
const DURATION_NS = 2e6;
/** A mutation may ask for thousands of hosts; that is work, not a fault. */
const MAX_NODES = 64;

function readFile(file: string): Uint8Array {
  try {
    return readFileSync(resolve(ROOT, "topologies", file));
  } catch {
    throw new LabError([{ code: "FILE_MISSING", message: `${file}: no such file` }]);
  }
}

async function attempt(text: string, name: string): Promise<"ran" | "refused" | "large"> {
  try {
    const spec = parseLab(text, name, { durationNs: DURATION_NS });
    if (spec.nodes.length > MAX_NODES) return "large";
    await run(function* () {
      const network = yield* buildNetwork(spec, { read: readFile }, defaultParts);
      yield* runNetwork(network, {});
    });
    return "ran";
  } catch (error) {
    const clear = error instanceof LabError || error instanceof ObjectError || error instanceof VerifierError;
    if (!clear) throw error;
    expect(error.message).not.toMatch(/\n\s+at /);
    return "refused";
  }
}

describe("damaged labs", () => {
  it(`${COUNT} of them: each runs or is refused in words (seed ${SEED})`, async () => {
    const random = new RandomStream(SEED);
    const tally = { ran: 0, refused: 0, large: 0 };
    for (let i = 0; i < COUNT; i++) {
      const name = LABS[i % LABS.length]!;
      tally[await attempt(mutate(labText(name), random), name)]++;
    }
    expect(tally.ran).toBeGreaterThan(COUNT / 50);
    expect(tally.refused).toBeGreaterThan(COUNT / 20);
    if (process.env.NETSIM_FUZZ !== undefined) process.stdout.write(`damaged labs: ${JSON.stringify(tally)}\n`);
  }, 1_200_000);
});
