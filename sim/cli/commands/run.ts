/** `netsim run LAB`: builds the network, runs it, prints what came of it, and answers by exit status whether it was as expected. */
import { join, resolve } from "node:path";
import { call, type Operation } from "effection";
import { LabError } from "../../engine/errors.ts";
import { suggest } from "../../engine/nearest.ts";
import type { Network } from "../../lab/network.ts";
import type { LabSpec } from "../../lab/spec.ts";
import type { RunSummary } from "../../lab/summary.ts";
import { parseDuration } from "../../lab/units.ts";
import { type CliCommand, type CommandContext, collect } from "../command.ts";
import { type CliIo, EXIT } from "../io.ts";
import { OutputFile, prepareDirectory } from "../output-file.ts";
import { Progress } from "../progress.ts";

/** What the flags say, read. */
interface RunFlags {
  readonly seed: number | undefined;
  readonly durationNs: number | undefined;
  readonly out: string | undefined;
  readonly pcap: readonly string[];
  readonly trace: string | undefined;
  readonly json: boolean;
  readonly quiet: boolean;
}

export const run: CliCommand = {
  name: "run",
  summary: "run a lab to the end of its duration and print what came of it",
  define(command) {
    command
      .argument("<lab>", "lab file")
      .option("--seed <n>", "seed of all randomness, over the lab's")
      .option("--duration <time>", "simulated time to run, over the lab's: 10s, 500ms")
      .option("--out <dir>", "write summary.json, summary.txt and captures into this directory")
      .option("--pcap <node:iface>", "capture an interface to pcapng; may be repeated; * and ? match", collect)
      .option("--trace <file>", "write every tracepoint event, msgpack")
      .option("--json", "print the summary as JSON")
      .option("--quiet", "print nothing but what failed");
  },
  *execute(context, args, options) {
    const flags = readFlags(options);
    const { io } = context;
    if (flags.out !== undefined) prepareDirectory(resolve(io.cwd, flags.out), flags.out);
    const started = new Progress(io.stdout.isTerminal ? io.stdout : io.stderr, io.nowMs);
    const { loadLab } = yield* call(() => import("../load-lab.ts"));
    const { spec, files } = loadLab(args[0]!, io, {
      ...(flags.seed === undefined ? {} : { seed: flags.seed }),
      ...(flags.durationNs === undefined ? {} : { durationNs: flags.durationNs }),
    });
    const { buildNetwork } = yield* call(() => import("../../lab/build-network.ts"));
    const { defaultParts } = yield* call(() => import("../../lab/default-parts.ts"));
    const network = yield* buildNetwork(spec, files, defaultParts);
    context.fault.position = network.position;
    const outputs: OutputFile[] = [];
    const observers: (() => void)[] = [];
    try {
      yield* observe(network, flags, io, outputs, observers);
      const summary = yield* runWithProgress(network, started);
      for (const stop of observers) stop();
      yield* report(summary, flags, context, outputs);
      return summary.expect.every((e) => e.ok) ? EXIT.OK : EXIT.FAILED;
    } catch (error) {
      for (const file of outputs) file.abandon();
      throw error;
    } finally {
      // also when Ctrl-C halts the run: what was captured so far is whole
      started.done();
      for (const stop of observers) stop();
      for (const file of outputs) file.close();
    }
  },
};

function readFlags(o: Readonly<Record<string, unknown>>): RunFlags {
  const text = (key: string): string | undefined => o[key] as string | undefined;
  const bad = (flag: string, value: string, expected: string): never => {
    throw new LabError([{ code: "FLAG_VALUE", message: `--${flag} ${value}: expected ${expected}` }]);
  };
  const seed = text("seed");
  if (seed !== undefined && !(/^\d{1,10}$/.test(seed) && Number(seed) < 2 ** 32))
    bad("seed", seed, "a number from 0 to 4294967295");
  const duration = text("duration");
  const durationNs = duration === undefined ? undefined : parseDuration(duration);
  if (durationNs === null || durationNs === 0) bad("duration", duration!, "a time with its unit, such as 10s or 500ms");
  return {
    seed: seed === undefined ? undefined : Number(seed),
    durationNs: durationNs ?? undefined,
    out: text("out"),
    pcap: (o.pcap as readonly string[] | undefined) ?? [],
    trace: text("trace"),
    json: o.json === true,
    quiet: o.quiet === true,
  };
}

function* observe(
  network: Network,
  flags: RunFlags,
  io: CliIo,
  outputs: OutputFile[],
  observers: (() => void)[],
): Operation<void> {
  const open = (name: string): OutputFile => {
    const file = new OutputFile(resolve(io.cwd, name), name, process.pid);
    outputs.push(file);
    return file;
  };
  if (flags.trace !== undefined) {
    const { recordTrace } = yield* call(() => import("../../observe/trace.ts"));
    observers.push(recordTrace(network.kernel, network.spec.name, open(flags.trace)));
  }
  if (flags.pcap.length === 0) return;
  const { captureDevice } = yield* call(() => import("../../observe/capture.ts"));
  const { glob } = yield* call(() => import("../../lab/spec/context.ts"));
  for (const label of captured(network.spec, network, flags.pcap, glob)) {
    const [node, name] = label.split(":") as [string, string];
    const file = open(join(flags.out ?? ".", `${node}-${name}.pcapng`));
    const host = network.host(node);
    captureDevice(host.devByName.get(name)!, file);
    // a host that boots again has lost its taps; its capture goes on as a new section of the file
    network.onRestart(host, () => captureDevice(host.devByName.get(name)!, file));
  }
}

/** The interfaces that patterns mean, each once, in the lab's order. @throws LabError PCAP_NONE */
function captured(
  spec: LabSpec,
  network: Network,
  patterns: readonly string[],
  glob: (pattern: string) => RegExp,
): readonly string[] {
  const all = spec.nodes.flatMap((n) => [...network.host(n.name).devByName.keys()].map((name) => `${n.name}:${name}`));
  const chosen = new Set<string>();
  for (const pattern of patterns) {
    const test = glob(pattern);
    const found = all.filter((label) => test.test(label));
    if (found.length === 0) {
      const message = `--pcap ${pattern}: no interface of that name`;
      throw new LabError([{ code: "PCAP_NONE", message, fix: suggest(pattern, all) }]);
    }
    for (const label of found) chosen.add(label);
  }
  return all.filter((label) => chosen.has(label));
}

function* runWithProgress(network: Network, progress: Progress): Operation<RunSummary> {
  const { runNetwork } = yield* call(() => import("../../lab/run-network.ts"));
  const { engine, pool } = network.kernel;
  const summary = yield* runNetwork(network, {
    onSlice: () => progress.update({ nowNs: engine.nowNs, endNs: network.spec.durationNs, packets: pool.created }),
  });
  progress.done();
  return summary;
}

function* report(summary: RunSummary, flags: RunFlags, { io }: CommandContext, outputs: OutputFile[]): Operation<void> {
  const { PLAIN, summaryText } = yield* call(() => import("../summary-text.ts"));
  const json = `${JSON.stringify(summary, null, 2)}\n`;
  if (flags.out !== undefined) {
    for (const [name, text] of [
      ["summary.json", json],
      ["summary.txt", summaryText(summary, PLAIN)],
    ] as const) {
      const file = new OutputFile(resolve(io.cwd, flags.out, name), join(flags.out, name), process.pid);
      outputs.push(file);
      file.write(new TextEncoder().encode(text));
    }
  }
  if (flags.json) io.stdout.write(json);
  else if (!flags.quiet) {
    const { default: picocolors } = yield* call(() => import("picocolors"));
    const colours = io.stdout.isTerminal && io.env.NO_COLOR === undefined;
    io.stdout.write(summaryText(summary, picocolors.createColors(colours)));
  } else {
    for (const e of summary.expect) {
      if (!e.ok)
        io.stderr.write(`FAIL ${e.text}: ${e.metric} is ${e.actual}, expected ${e.comparison} ${e.expected}\n`);
    }
  }
}
