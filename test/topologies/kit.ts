/** Runs labs of the repository in this process. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "effection";
import { buildNetwork } from "../../sim/lab/build-network.ts";
import { defaultParts } from "../../sim/lab/default-parts.ts";
import type { Network } from "../../sim/lab/network.ts";
import { parseLab } from "../../sim/lab/parse-lab.ts";
import { runNetwork } from "../../sim/lab/run-network.ts";
import type { LabSpec } from "../../sim/lab/spec.ts";
import type { RunSummary } from "../../sim/lab/summary.ts";
import { recordTrace } from "../../sim/observe/trace.ts";

/** The repository. */
export const ROOT: string = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const FOLDER = join(ROOT, "topologies");

/** The lab files of topologies/, in order of name. */
export const LABS: readonly string[] = readdirSync(FOLDER)
  .filter((name) => /\.ya?ml$/.test(name))
  .sort();

/** The objects of programs/, in order of name. */
export const OBJECTS: readonly string[] = readdirSync(join(ROOT, "programs"))
  .filter((name) => name.endsWith(".o"))
  .sort();

/** A lab file's text. */
export function labText(name: string): string {
  return readFileSync(join(FOLDER, name), "utf8");
}

/** What a run left behind. */
export interface LabRun {
  readonly spec: LabSpec;
  readonly network: Network;
  readonly summary: RunSummary;
  /** Names of the objects that it read. */
  readonly objects: ReadonlySet<string>;
  /** SHA-256 of the trace of all tracepoints. */
  readonly trace: string;
}

/**
 * Runs a lab to its end.
 * @param directory what the lab's file names are relative to
 */
export async function runLab(text: string, name: string, directory: string = FOLDER): Promise<LabRun> {
  const spec = parseLab(text, name);
  const objects = new Set<string>();
  const read = (file: string): Uint8Array => {
    if (file.endsWith(".o")) objects.add(basename(file));
    return readFileSync(resolve(directory, file));
  };
  const hash = createHash("sha256");
  return await run(function* () {
    const network = yield* buildNetwork(spec, { read }, defaultParts);
    const stop = recordTrace(network.kernel, spec.name, { write: (bytes) => hash.update(bytes) });
    const summary = yield* runNetwork(network);
    stop();
    return { spec, network, summary, objects, trace: hash.digest("hex") };
  });
}

/** Runs a lab of topologies/. */
export function runTopology(name: string): Promise<LabRun> {
  return runLab(labText(name), name);
}

/** What the expectations that did not hold say. */
export function failures(summary: RunSummary): readonly string[] {
  return summary.expect
    .filter((e) => !e.ok)
    .map((e) => `${e.text}: ${e.metric} is ${e.actual}, expected ${e.comparison} ${e.expected}`);
}
