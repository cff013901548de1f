/** `netsim prog run OBJ.o --data-in FILE`: one program over packets, as BPF_PROG_RUN runs it, with bpftool's output. */
import { resolve } from "node:path";
import { call, type Operation } from "effection";
import type { BpfMap } from "../../bpf/map.ts";
import { LabError } from "../../engine/errors.ts";
import { type CliCommand, collect, GLOBAL_HELP } from "../command.ts";
import { readInput } from "../input-file.ts";
import { type CliIo, EXIT } from "../io.ts";
import { OutputFile } from "../output-file.ts";
import type { ChosenProgram } from "../prog-run/load-program.ts";
import type { PacketRun } from "../prog-run/run-packets.ts";

/** Packets, captures, contexts and maps. */
const MAX_INPUT_BYTES = 1 << 28;
/** BPF_PROG_RUN takes a u32; so many runs take hours. */
const MAX_REPEAT = 2 ** 32 - 1;

interface Options {
  readonly prog?: string;
  readonly type?: string;
  readonly global?: readonly string[];
  readonly dataIn?: string;
  readonly dataOut?: string;
  readonly ctxIn?: string;
  readonly ctxOut?: string;
  readonly repeat: string;
  readonly maps?: string;
  readonly mapsOut?: string;
  readonly profile?: boolean;
  readonly coverage?: string;
  readonly json?: boolean;
  readonly pretty?: boolean;
}

const EXAMPLE = `
Example:
  netsim run topologies/xdp_proto_count.yaml --pcap h2:eth0 --out capture
  netsim prog run programs/xdp_proto_count.o --data-in capture/h2-eth0.pcapng --profile

FILE for --data-in and --ctx-in is read as it is; a pcap or pcapng file is run packet by packet. The duration is
the cost model's, in ns: the same on every machine.`;

export const progRun: CliCommand = {
  name: "prog run",
  summary: "run one program over packets, without a network",
  define(command) {
    command
      .argument("<object>", "object file")
      .option("--prog <name>", "program, by its name or its section's; not needed when there is only one")
      .option(
        "--type <type>",
        "program type, where the section says none or another: xdp, sched_cls, socket_filter ...",
      )
      .option("--global <name=value>", GLOBAL_HELP, collect)
      .option("--data-in <file>", "packet, or a capture of packets; - is standard input")
      .option("--data-out <file>", "write the packet as the program left it; - prints it")
      .option("--ctx-in <file>", "context: struct xdp_md, __sk_buff ... as BPF_PROG_RUN takes it")
      .option("--ctx-out <file>", "write the context as the program left it; - prints it")
      .option("--repeat <n>", "runs on each packet, on one buffer", "1")
      .option("--maps <file>", 'fill maps before: {"NAME": [elements as `bpftool -j map dump` prints them]}')
      .option("--maps-out <file>", "write all maps afterwards, in the same form; - prints them")
      .option("--profile", "show how often each source line ran, and the helpers called")
      .option("--coverage <file>", "write line coverage for lcov")
      .option("-j, --json", "print JSON as bpftool does")
      .option("-p, --pretty", "print JSON over several lines")
      .addHelpText("after", EXAMPLE);
  },
  *execute({ io }, args, given) {
    const options = given as unknown as Options;
    const repeat = takeRepeat(options.repeat);
    const { loadProgram } = yield* call(() => import("../prog-run/load-program.ts"));
    const { runPackets } = yield* call(() => import("../prog-run/run-packets.ts"));
    const input = (path: string): Uint8Array =>
      readInput(path === "-" ? "/dev/stdin" : resolve(io.cwd, path), path, MAX_INPUT_BYTES);
    const chosen = loadProgram(io.cwd, {
      object: args[0]!,
      name: options.prog,
      type: options.type,
      globals: options.global ?? [],
      profile: options.profile === true || options.coverage !== undefined,
    });
    if (options.maps !== undefined) {
      const { restoreMaps } = yield* call(() => import("../../tools/bpftool/map-restore.ts"));
      restoreMaps(chosen.object, new TextDecoder().decode(input(options.maps)), options.maps);
    }
    const runs = runPackets(chosen, {
      data: options.dataIn === undefined ? null : { bytes: input(options.dataIn), file: options.dataIn },
      ctx: options.ctxIn === undefined ? null : input(options.ctxIn),
      repeat,
    });
    yield* writeOutputs(io, options, runs);
    yield* print(io, options, chosen, runs, repeat);
    yield* afterwards(io, options, chosen);
    return EXIT.OK;
  },
};

function takeRepeat(text: string): number {
  const n = Number(text);
  if (/^\d+$/.test(text) && n >= 1 && n <= MAX_REPEAT) return n;
  const message = `--repeat ${text}: expected a number of runs from 1 to ${MAX_REPEAT}`;
  throw new LabError([{ code: "OPTION_VALUE", message }]);
}

/** Packets and contexts into files; what is to be printed is printed with the verdicts. */
function* writeOutputs(io: CliIo, options: Options, runs: readonly PacketRun[]): Operation<void> {
  const { dataOut, ctxOut } = options;
  if (ctxOut !== undefined && ctxOut !== "-") {
    writeFile(io, ctxOut, [runs.at(-1)!.ctx]);
  }
  if (dataOut === undefined || dataOut === "-") return;
  if (runs.length === 1) {
    writeFile(io, dataOut, [runs[0]!.data]);
    return;
  }
  const { LINKTYPE_ETHERNET, PcapngWriter } = yield* call(() => import("../../observe/pcapng.ts"));
  const file = new OutputFile(resolve(io.cwd, dataOut), dataOut, process.pid);
  const writer = new PcapngWriter(file, "prog run", LINKTYPE_ETHERNET);
  for (const r of runs) writer.packet(r.atNs, r.data, 0, r.data.length, true, 0);
  file.close();
}

function writeFile(io: CliIo, path: string, parts: readonly Uint8Array[]): void {
  const file = new OutputFile(resolve(io.cwd, path), path, process.pid);
  for (const part of parts) file.write(part);
  file.close();
}

function* print(
  io: CliIo,
  options: Options,
  { host, program }: ChosenProgram,
  runs: readonly PacketRun[],
  repeat: number,
): Operation<void> {
  const { runJson, runText } = yield* call(() => import("../../tools/bpftool/run-output.ts"));
  const { layOutJson } = yield* call(() => import("../../tools/json.ts"));
  const { packetLine, verdictTable } = yield* call(() => import("../prog-run/packet-lines.ts"));
  const result = (r: PacketRun): Parameters<typeof runText>[0] => ({
    retval: r.retval,
    durationNs: r.durationNs,
    repeat,
    dataOut: options.dataOut === "-" ? r.data : null,
    ctxOut: options.ctxOut === "-" ? r.ctx : null,
  });
  if (options.json === true || options.pretty === true) {
    const text = runs.length === 1 ? runJson(result(runs[0]!)) : `[${runs.map((r) => runJson(result(r))).join(",")}]`;
    io.stdout.write(`${options.pretty === true ? layOutJson(text, "bpftool") : text}\n`);
    return;
  }
  if (runs.length === 1) io.stdout.write(runText(result(runs[0]!)));
  else {
    for (const [i, r] of runs.entries()) io.stdout.write(packetLine(program.kind, i + 1, r));
    io.stdout.write(verdictTable(program.kind, runs));
  }
  for (const line of host.bpf.trace.entries) io.stdout.write(`trace_printk: ${line.text}\n`);
  for (const r of host.bpf.records.entries) {
    const from = r.cpu < 0 ? r.map.spec.name : `${r.map.spec.name} CPU ${r.cpu}`;
    io.stdout.write(`record of ${from}: ${Buffer.from(r.data).toString("hex")}\n`);
  }
}

/** Maps, profile and coverage. */
function* afterwards(io: CliIo, options: Options, { object, program }: ChosenProgram): Operation<void> {
  if (options.mapsOut !== undefined) {
    const { dumpMap } = yield* call(() => import("../../tools/bpftool/map-dump.ts"));
    const flags = { json: true, pretty: false };
    const list = (m: BpfMap): string => dumpMap(m, flags).text.trim();
    const text = `{${[...object.maps].map(([name, m]) => `${JSON.stringify(name)}:${list(m)}`).join(",")}}\n`;
    if (options.mapsOut === "-") io.stdout.write(text);
    else writeFile(io, options.mapsOut, [new TextEncoder().encode(text)]);
  }
  if (options.profile !== true && options.coverage === undefined) return;
  const { slotHits } = yield* call(() => import("../../bpf/object/line-hits.ts"));
  const hits = slotHits(program.spec, program.blockHits());
  if (options.profile === true) {
    const { profileText } = yield* call(() => import("../prog-run/profile-text.ts"));
    io.stdout.write(profileText(program.spec, hits));
  }
  if (options.coverage === undefined) return;
  const { lcovText } = yield* call(() => import("../prog-run/lcov.ts"));
  writeFile(io, options.coverage, [new TextEncoder().encode(lcovText(program.spec, hits, program.spec.name))]);
}
