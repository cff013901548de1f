/** The record of one command. One file each in commands/, one line each in index.ts. */
import type { Command } from "commander";
import type { Operation } from "effection";
import type { FaultContext } from "./failure.ts";
import type { CliIo } from "./io.ts";

/** What a command is given to work with. */
export interface CommandContext {
  readonly io: CliIo;
  readonly fault: FaultContext;
}

export interface CliCommand {
  /** Words after `netsim`: `run`, `prog show`. */
  readonly name: string;
  readonly summary: string;
  /** Declares arguments and options. */
  define(command: Command): void;
  /**
   * Does it. Heavy parts are imported here, so that no command waits for another's.
   * @returns the exit status
   */
  execute(
    context: CommandContext,
    args: readonly (string | undefined)[],
    options: Readonly<Record<string, unknown>>,
  ): Operation<number>;
}

/** Help of `--global`, which every command that loads a program by itself has. */
export const GLOBAL_HELP = "value of a global variable, set before loading: limit=5; may be repeated";

/** The parser of an option that may be repeated: all its values in order. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}
