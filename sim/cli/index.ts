/** The commands of `netsim`: one line each, and how a command line becomes an exit status. */
import { Command, CommanderError } from "commander";
import type { Operation } from "effection";
import { nearest } from "../engine/nearest.ts";
import type { CliCommand, CommandContext } from "./command.ts";
import { asm } from "./commands/asm.ts";
import { btfDump } from "./commands/btf-dump.ts";
import { check } from "./commands/check.ts";
import { debug } from "./commands/debug.ts";
import { progDump } from "./commands/prog-dump.ts";
import { progRun } from "./commands/prog-run.ts";
import { progShow } from "./commands/prog-show.ts";
import { run } from "./commands/run.ts";
import { schema } from "./commands/schema.ts";
import { type FaultContext, reportFailure } from "./failure.ts";
import { type CliIo, EXIT } from "./io.ts";

/** All commands. */
export const commands: readonly CliCommand[] = [run, check, progShow, progDump, progRun, debug, btfDump, asm, schema];

/** Groups of commands: the first word, and what the group is about. */
const GROUPS: Readonly<Record<string, string>> = {
  prog: "look into eBPF objects, and run their programs",
  btf: "look into types",
};

/**
 * Runs a command line.
 * @param argv without `node` and the script
 * @returns the exit status; nothing is thrown
 */
export function* runCli(
  argv: readonly string[],
  io: CliIo,
  fault: FaultContext = { position: null },
): Operation<number> {
  let chosen: (() => Operation<number>) | null = null;
  const program = build(
    io,
    (operation) => {
      chosen = operation;
    },
    { io, fault },
  );
  try {
    program.parse(argv as string[], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.OK : EXIT.USAGE;
    return reportFailure(error, io, fault);
  }
  const operation = chosen as (() => Operation<number>) | null;
  if (operation === null) return EXIT.OK;
  try {
    return yield* operation();
  } catch (error) {
    return reportFailure(error, io, fault);
  }
}

function build(io: CliIo, choose: (operation: () => Operation<number>) => void, context: CommandContext): Command {
  const program = prepare(new Command("netsim"), io)
    .description("A deterministic simulator of Linux networking that runs real XDP and tc eBPF objects")
    .helpCommand(false)
    .version(VERSION, "--version", "print the version");
  const groups = new Map<string, Command>();
  for (const c of commands) {
    const words = c.name.split(" ");
    let parent = program;
    if (words.length === 2) {
      const [group] = words;
      parent =
        groups.get(group!) ??
        prepare(program.command(group!), io)
          .description(GROUPS[group!] ?? "")
          .helpCommand(false);
      groups.set(group!, parent);
    }
    const command = prepare(parent.command(words[words.length - 1]!), io).description(c.summary);
    c.define(command);
    command.action((...given: unknown[]) => {
      const args = given.slice(0, -2).flat() as (string | undefined)[];
      const options = given[given.length - 2] as Readonly<Record<string, unknown>>;
      choose(() => c.execute(context, args, options));
    });
  }
  for (const parent of [program, ...groups.values()]) refuseUnknown(parent);
  return program;
}

/** Errors are ours to print and to exit with. */
function prepare(command: Command, io: CliIo): Command {
  return command
    .exitOverride()
    .showSuggestionAfterError(true)
    .helpOption("-h, --help", "print this help")
    .allowExcessArguments(false)
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => Math.min(io.stdout.columns, 100),
      getErrHelpWidth: () => Math.min(io.stderr.columns, 100),
      outputError: (text, write) =>
        write(text.replace(/^error: /, "netsim: ").replace(/\n\(Did you mean (.*)\?\)/, "\n  fix: did you mean $1?")),
    });
}

/** A group or the program itself, called with a word that is none of its commands, or with none. */
function refuseUnknown(parent: Command): void {
  parent.allowUnknownOption(true).allowExcessArguments(true).usage("<command> ...");
  parent.action(() => {
    const word = parent.args[0];
    const names = parent.commands.map((c) => c.name());
    if (word === "help") {
      const about = parent.commands.find((c) => c.name() === parent.args[1]) ?? parent;
      about.outputHelp();
      throw new CommanderError(0, "netsim.help", "");
    }
    const path = parent.parent === null ? "netsim" : `netsim ${parent.name()}`;
    if (word === undefined) {
      parent.outputHelp({ error: true });
      throw new CommanderError(EXIT.USAGE, "netsim.noCommand", "");
    }
    const option = word.startsWith("-");
    const near = option ? null : nearest(word, names);
    const known = `known: ${names.join(", ")}`;
    const fix = near === null ? known : `did you mean ${path} ${near}? ${known}`;
    const what = option ? `unknown option '${word}' of ${path}` : `unknown command "${word}"`;
    parent.error(`netsim: ${what}\n  fix: ${option ? `commands ${known}` : fix}`, { exitCode: EXIT.USAGE });
  });
}

/** Of the package; a test keeps the two the same. */
export const VERSION = "0.1.0";
