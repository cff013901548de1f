/** `netsim check LAB`: everything that can be said about a lab without running it. */
import { call } from "effection";
import type { CliCommand } from "../command.ts";
import { EXIT } from "../io.ts";

export const check: CliCommand = {
  name: "check",
  summary: "check a lab without running it",
  define(command) {
    command.argument("<lab>", "lab file").option("--quiet", "print nothing when the lab is good");
  },
  *execute({ io, fault }, args, options) {
    const { loadLab } = yield* call(() => import("../load-lab.ts"));
    const { spec, files } = loadLab(args[0]!, io, {});
    const { buildNetwork } = yield* call(() => import("../../lab/build-network.ts"));
    const { checkNetwork } = yield* call(() => import("../../lab/run-network.ts"));
    const { defaultParts } = yield* call(() => import("../../lab/default-parts.ts"));
    const network = yield* buildNetwork(spec, files, defaultParts);
    fault.position = network.position;
    yield* checkNetwork(network);
    if (options.quiet === true) return EXIT.OK;
    const { formatDiagnostic } = yield* call(() => import("../../engine/errors.ts"));
    for (const note of spec.notes) io.stdout.write(`note: ${formatDiagnostic(note)}\n`);
    const count = (n: number, one: string): string => `${n} ${one}${n === 1 ? "" : "s"}`;
    const parts = [
      count(spec.nodes.length, "node"),
      count(spec.links.length, "link"),
      `${spec.traffic.length} of traffic`,
      count(spec.timeline.length, "event"),
      count(spec.expect.length, "expectation"),
    ];
    io.stdout.write(`${spec.file}: good (${parts.join(", ")})\n`);
    return EXIT.OK;
  },
};
