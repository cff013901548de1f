/** `netsim debug OBJ.o --data-in FILE`: a program stepped through, forwards and backwards. */
import { resolve } from "node:path";
import { call, each, type Operation } from "effection";
import { LabError } from "../../engine/errors.ts";
import { type CliCommand, collect, GLOBAL_HELP } from "../command.ts";
import type { Debugger } from "../debug/debugger.ts";
import { readInput } from "../input-file.ts";
import { type CliIo, EXIT } from "../io.ts";

const MAX_INPUT_BYTES = 1 << 28;
const PROMPT = "(netsim) ";

const EXAMPLE = `
Commands come from standard input, a line each; \`help\` lists them. Example:
  printf 'step\\nnext 2\\nprint registers\\nback\\n' |
    netsim debug programs/xdp_vlan.o --prog xdp_vlan_pop --data-in packet.bin`;

interface Options {
  readonly prog?: string;
  readonly type?: string;
  readonly global?: readonly string[];
  readonly dataIn?: string;
  readonly ctxIn?: string;
  readonly maps?: string;
}

export const debug: CliCommand = {
  name: "debug",
  summary: "step through a program, by instruction and by source line, backwards too",
  define(command) {
    command
      .argument("<object>", "object file")
      .option("--prog <name>", "program, by its name or its section's; not needed when there is only one")
      .option("--type <type>", "program type, where the section says none or another")
      .option("--data-in <file>", "the packet; of a capture its first")
      .option("--ctx-in <file>", "context: struct xdp_md, __sk_buff ...")
      .option("--global <name=value>", GLOBAL_HELP, collect)
      .option("--maps <file>", "fill maps before, as netsim prog run does")
      .addHelpText("after", EXAMPLE);
  },
  *execute({ io }, args, given) {
    const options = given as Options;
    const d = yield* open(io, args[0]!, options);
    io.stdout.write(d.where());
    yield* converse(io, d);
    d.session.close();
    return EXIT.OK;
  },
};

function* open(io: CliIo, object: string, options: Options): Operation<Debugger> {
  const { loadProgram } = yield* call(() => import("../prog-run/load-program.ts"));
  const { firstPacket } = yield* call(() => import("../prog-run/run-packets.ts"));
  const { restoreMaps } = yield* call(() => import("../../tools/bpftool/map-restore.ts"));
  const { Debugger: Made } = yield* call(() => import("../debug/debugger.ts"));
  const input = (path: string): Uint8Array => readInput(resolve(io.cwd, path), path, MAX_INPUT_BYTES);
  const { dataIn, ctxIn, maps, global } = options;
  const data = dataIn === undefined ? new Uint8Array(0) : firstPacket({ bytes: input(dataIn), file: dataIn });
  const mapsText = maps === undefined ? null : new TextDecoder().decode(input(maps));
  const load = (): ReturnType<typeof loadProgram> => {
    const choice = { object, name: options.prog, type: options.type, globals: global ?? [], profile: false };
    const chosen = loadProgram(io.cwd, choice);
    if (mapsText !== null) restoreMaps(chosen.object, mapsText, maps!);
    return chosen;
  };
  return new Made(load, { data, anyType: true, ...(ctxIn === undefined ? {} : { ctx: input(ctxIn) }) });
}

/** Obeys line after line until there are no more. What is wrong with a line is said, and the next one gets its turn. */
function* converse(io: CliIo, d: Debugger): Operation<void> {
  const { obey } = yield* call(() => import("../debug/verbs.ts"));
  let last = "";
  io.stdout.write(PROMPT);
  for (const line of yield* each(io.lines)) {
    // what comes out of a file or a pipe is shown, so that the answers can be understood
    if (!io.stdout.isTerminal) io.stdout.write(`${line}\n`);
    const text = line.trim() === "" ? last : line;
    last = text;
    try {
      io.stdout.write(obey(d, text));
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      io.stdout.write(`${error.message}\n`);
    }
    if (d.done) return;
    io.stdout.write(PROMPT);
    yield* each.next();
  }
  io.stdout.write("\n");
}
