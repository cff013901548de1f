/**
 * Damaged objects from file to packet: each is refused in words, or loads and runs, or is stopped by the access checks. Never another
 * exception, never a hang. NETSIM_FUZZ says how many (`npm run fuzz`: 10,000).
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseObject } from "../../sim/bpf/object/parse-object.ts";
import type { ProgramSpec } from "../../sim/bpf/spec.ts";
import { LabError, ObjectError, VerifierError } from "../../sim/engine/errors.ts";
import { RandomStream } from "../../sim/engine/streams.ts";
import { loadObjectOnHost } from "../../sim/net/bpf-objects.ts";
import type { Host } from "../../sim/net/host.ts";
import type { Kernel } from "../../sim/net/kernel.ts";
import { NetlinkError } from "../../sim/net/netlink-error.ts";
import { progTestRun } from "../../sim/net/prog-test-run.ts";
import { addHost, createKernel } from "../../sim/net/stack.ts";
import { mutateElf } from "./mutate.ts";

const COUNT = Number(process.env.NETSIM_FUZZ ?? 600);
const SEED = 1;
/** A machine keeps its programs for ever: a fresh one every so often. */
const PER_KERNEL = 40;
const PROGRAMS = new URL("../../programs/", import.meta.url);
const PACKETS = (
  JSON.parse(readFileSync(new URL("../kernel/packets.json", import.meta.url), "utf8")) as {
    name: string;
    hex: string;
  }[]
).map((p) => Uint8Array.from(Buffer.from(p.hex, "hex")));

interface Tally {
  refused: number;
  loaded: number;
  ran: number;
  stopped: number;
}

function attempt(kernel: Kernel, host: Host, bytes: Uint8Array, random: RandomStream, tally: Tally): void {
  try {
    const spec = parseObject(bytes, "damaged.o");
    for (const program of spec.programs) loadAndRun(kernel, host, spec, program, random, tally);
  } catch (error) {
    expectClear(error);
    tally.refused++;
  }
}

function loadAndRun(
  kernel: Kernel,
  host: Host,
  spec: ReturnType<typeof parseObject>,
  program: ProgramSpec,
  random: RandomStream,
  tally: Tally,
): void {
  try {
    const loaded = loadObjectOnHost(host, spec, { programs: [program.name], kind: program.kind ?? "xdp" });
    tally.loaded++;
    for (let i = 0; i < 3; i++) {
      for (const live of loaded.programs.values()) {
        progTestRun(host, live, { data: PACKETS[random.below(PACKETS.length)]! });
        tally.ran++;
      }
    }
  } catch (error) {
    expectClear(error);
    if (error instanceof VerifierError) {
      tally.stopped++;
      kernel.machine.reset();
      kernel.env.resetRuns();
    } else tally.refused++;
  }
}

/** One of netsim's own refusals, of few lines, without a stack trace in the text. */
function expectClear(error: unknown): void {
  const clear =
    error instanceof ObjectError ||
    error instanceof VerifierError ||
    error instanceof LabError ||
    error instanceof NetlinkError;
  if (!clear) throw error;
  expect(error.message).not.toMatch(/\n\s+at /);
  expect(error.message.split("\n").length).toBeLessThan(20);
}

describe("damaged objects", () => {
  it(`${COUNT} of them: each is refused in words, runs, or is stopped by the checks (seed ${SEED})`, () => {
    const originals = readdirSync(PROGRAMS)
      .filter((f) => f.endsWith(".o"))
      .sort()
      .map((f) => Uint8Array.from(readFileSync(new URL(f, PROGRAMS))));
    const random = new RandomStream(SEED);
    const tally: Tally = { refused: 0, loaded: 0, ran: 0, stopped: 0 };
    let kernel = createKernel({ seed: 1, idealCpu: true });
    let host = addHost(kernel, "h", { cpus: 2 });
    for (let i = 0; i < COUNT; i++) {
      if (i % PER_KERNEL === 0) {
        kernel = createKernel({ seed: 1, idealCpu: true });
        host = addHost(kernel, "h", { cpus: 2 });
      }
      attempt(kernel, host, mutateElf(originals[i % originals.length]!, random), random, tally);
    }
    expect(tally.refused).toBeGreaterThan(COUNT / 20);
    expect(tally.ran).toBeGreaterThan(COUNT / 20);
    if (process.env.NETSIM_FUZZ !== undefined) process.stdout.write(`damaged objects: ${JSON.stringify(tally)}\n`);
  }, 1_200_000);
});
