/**
 * netsim as a library: read a lab, build its network, run it.
 *
 *     import { run } from "effection";
 *     import { buildNetwork, defaultParts, parseLab, runNetwork } from "netsim";
 *     const summary = await run(function* () {
 *       const network = yield* buildNetwork(parseLab(text, "lab.yaml"), { read: readFileSync }, defaultParts);
 *       return yield* runNetwork(network);
 *     });
 */

export { parseObject } from "./bpf/object/parse-object.ts";
export { BugError, type Diagnostic, formatDiagnostic, LabError, ObjectError, VerifierError } from "./engine/errors.ts";
export { runSimulation, sleep, sleepUntil } from "./engine/process.ts";
export { buildNetwork } from "./lab/build-network.ts";
export { defaultParts } from "./lab/default-parts.ts";
export type { LabFiles } from "./lab/lab-files.ts";
export { Network } from "./lab/network.ts";
export { type ParseOptions, parseLab } from "./lab/parse-lab.ts";
export type { LabParts } from "./lab/parts.ts";
export { allHeld, checkNetwork, runNetwork } from "./lab/run-network.ts";
export { labJsonSchema } from "./lab/schema/lab.ts";
export type { LabSpec } from "./lab/spec.ts";
export type { RunSummary } from "./lab/summary.ts";
