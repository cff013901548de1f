/** Damaged object files, from file to packet: programs/*.o and the fixtures. */
import { readdirSync, readFileSync } from "node:fs";
import { parseObject } from "../../sim/bpf/object/parse-object.ts";
import type { ObjectSpec, ProgramSpec } from "../../sim/bpf/spec.ts";
import { VerifierError } from "../../sim/engine/errors.ts";
import type { RandomStream } from "../../sim/engine/streams.ts";
import { loadObjectOnHost } from "../../sim/net/bpf-objects.ts";
import type { Host } from "../../sim/net/host.ts";
import { progTestRun } from "../../sim/net/prog-test-run.ts";
import { addHost, createKernel } from "../../sim/net/stack.ts";
import { repository } from "../repository.ts";
import { mutateElf } from "./mutate.ts";
import { type Ending, endingOf, type FuzzTarget } from "./target.ts";

/** A machine keeps its programs for ever: a fresh one every so often. */
const PER_KERNEL = 40;
const PACKETS_PER_PROGRAM = 3;

/** The objects that are damaged, in a fixed order. */
export function objectCorpus(): readonly Uint8Array[] {
  return ["programs/", "test/fixtures/objects/"].flatMap((folder) =>
    readdirSync(new URL(folder, repository))
      .filter((file) => file.endsWith(".o"))
      .sort()
      .map((file) => Uint8Array.from(readFileSync(new URL(folder + file, repository)))),
  );
}

function packetCorpus(): readonly Uint8Array[] {
  const text = readFileSync(new URL("test/kernel/packets.json", repository), "utf8");
  return (JSON.parse(text) as { hex: string }[]).map((p) => Uint8Array.from(Buffer.from(p.hex, "hex")));
}

/** Damaged objects. */
export const objects: FuzzTarget = {
  name: "objects",
  share: 20,
  create() {
    const originals = objectCorpus();
    const packets = packetCorpus();
    let host: Host | null = null;
    let count = 0;
    return (random) => {
      if (host === null || count++ % PER_KERNEL === 0) {
        host = addHost(createKernel({ seed: 1, idealCpu: true }), "h", { cpus: 2 });
      }
      return attempt(host, mutateElf(originals[random.below(originals.length)]!, random), packets, random);
    };
  },
};

/** The worst that happened to any of the object's programs. */
function attempt(host: Host, bytes: Uint8Array, packets: readonly Uint8Array[], random: RandomStream): Ending {
  const endings = new Set<Ending>();
  try {
    const spec = parseObject(bytes, "damaged.o");
    for (const program of spec.programs) endings.add(loadAndRun(host, spec, program, packets, random));
  } catch (error) {
    return endingOf(error);
  }
  return endings.has("stopped") ? "stopped" : endings.has("ran") ? "ran" : "refused";
}

function loadAndRun(
  host: Host,
  spec: ObjectSpec,
  program: ProgramSpec,
  packets: readonly Uint8Array[],
  random: RandomStream,
): Ending {
  try {
    const loaded = loadObjectOnHost(host, spec, { programs: [program.name], kind: program.kind ?? "xdp" });
    for (let i = 0; i < PACKETS_PER_PROGRAM; i++) {
      for (const live of loaded.programs.values()) {
        progTestRun(host, live, { data: packets[random.below(packets.length)]! });
      }
    }
    return "ran";
  } catch (error) {
    if (error instanceof VerifierError) {
      host.kernel.machine.reset();
      host.kernel.env.resetRuns();
    }
    return endingOf(error);
  }
}
