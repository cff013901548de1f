/**
 * Every case that oracle/record.mjs asked of a real kernel by BPF_PROG_RUN, asked of netsim with the same objects, compiled and
 * interpreted: the answer of each call, what the packet is after it, and the packet's bytes at the end.
 */
import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import type { BpfMachine } from "../../../sim/bpf/create-machine.ts";
import { createInterpreter } from "../../../sim/bpf/interp/interpreter.ts";
import { parseObject } from "../../../sim/bpf/object/parse-object.ts";
import { type LoadedObject, loadObjectOnHost } from "../../../sim/net/bpf-objects.ts";
import type { Host } from "../../../sim/net/host.ts";
import { AF_INET, AF_INET6, parseIp } from "../../../sim/net/ip/address.ts";
import { progTestRun } from "../../../sim/net/prog-test-run.ts";
import { openUdp } from "../../../sim/net/sockets/index.ts";
import { addHost } from "../../../sim/net/stack.ts";
import type { TestRunRequest } from "../../../sim/net/test-run/test-run.ts";
import { fromHex, toHex } from "../../kernel/replay-kit.ts";
import { runSetup } from "../../kernel/replay-setup.ts";
import { testKernel, words } from "../kit.ts";
import { decodeResult, encodeStep, PROGRAMS, type Result, STEPS, type Step } from "./oracle/cases.mjs";
import { SETUP, SOCKETS } from "./oracle/setup.mjs";

interface Case {
  readonly packet: string;
  readonly ifindex?: number;
  readonly steps: readonly Step[];
  readonly err?: number;
  readonly after?: string;
  readonly results: readonly Result[];
}

const OFF_IFINDEX = 40;
const here = (path: string): URL => new URL(path, import.meta.url);

/** A way to run programs, on a host of its own: some maps hold what earlier cases left there. */
interface Engine {
  readonly host: Host;
  readonly execute: TestRunRequest["execute"];
}

const engines: Engine[] = [];

beforeAll(async () => {
  const compiled = await createHost();
  const other = await createHost();
  const interpreter = createInterpreter(other.kernel.machine as BpfMachine);
  engines.push({ host: compiled, execute: undefined });
  engines.push({ host: other, execute: (program, ctx) => interpreter.run(program, ctx) });
});

async function createHost(): Promise<Host> {
  const host = addHost(testKernel(), "h");
  await runSetup(host, SETUP);
  for (const s of SOCKETS) {
    const family = s.address.includes(":") ? AF_INET6 : AF_INET;
    const socket = openUdp(host, family);
    if (s.device !== undefined) socket.boundIfindex = host.devByName.get(s.device)!.ifindex;
    socket.bind(parseIp(s.address)!, s.port);
    if (s.peer !== undefined) socket.connect(parseIp(s.peer)!, s.peerPort!);
  }
  return host;
}

/** Loads a program's object, its redirect map with lo as port 1. */
function load(host: Host, name: string): LoadedObject {
  const file = `oracle/objects/${name}.o`;
  const object = loadObjectOnHost(host, parseObject(readFileSync(here(file)), file));
  object.maps.get("ports")?.write(words(1), words(1), 0);
  return object;
}

function ask(object: LoadedObject, name: string, c: Case, { host, execute }: Engine): unknown {
  const { ops, forSocket, forRoute } = PROGRAMS[name]!;
  const steps = object.maps.get("steps")!;
  const results = object.maps.get("results")!;
  for (let i = 0; i < STEPS; i++) {
    const step = c.steps[i];
    steps.write(words(i), step === undefined ? new Uint8Array(steps.spec.valueSize) : encodeStep(ops, step), 0);
    results.write(words(i), new Uint8Array(results.spec.valueSize), 0);
  }
  const ctx = new Uint8Array(OFF_IFINDEX + 4);
  new DataView(ctx.buffer).setUint32(OFF_IFINDEX, c.ifindex ?? 0, true);
  const sock = forSocket === true ? openUdp(host, AF_INET) : null;
  const answer = progTestRun(host, object.program("run"), {
    data: fromHex(c.packet),
    ...(c.ifindex === undefined ? {} : { ctx }),
    ...(execute === undefined ? {} : { execute }),
    ...(sock === null ? {} : { sock, anyType: true }),
    ...(forRoute === true ? { anyType: true } : {}),
  });
  sock?.close();
  if (typeof answer === "number") return { err: -answer };
  return {
    after: forRoute === true ? c.packet : toHex(answer.data),
    results: c.steps.map((_, i) => decodeResult(results.read(words(i))!)),
  };
}

for (const file of readdirSync(here("vectors")).sort()) {
  const name = file.replace(".json", "");
  const vectors = JSON.parse(readFileSync(here(`vectors/${file}`), "utf8")) as {
    readonly kernel: string;
    readonly cases: readonly Case[];
  };

  describe(`network helpers answer as Linux ${vectors.kernel} does: ${name}`, () => {
    const rows = vectors.cases.map((c, i) => ({ c, title: `${i}: ${JSON.stringify(c.steps)}`.slice(0, 140) }));
    let objects: readonly LoadedObject[];
    beforeAll(() => {
      objects = engines.map(({ host }) => load(host, name));
    });
    it.each(rows)("$title", ({ c }) => {
      const want = c.err === undefined ? { after: c.after ?? c.packet, results: c.results } : { err: c.err };
      for (const [i, engine] of engines.entries()) expect(ask(objects[i]!, name, c, engine)).toEqual(want);
    });
  });
}
