/** Runs `netsim` commands in this process, with streams that remember. */
import { run, stream } from "effection";
import { runCli } from "../../sim/cli/index.ts";
import type { CliIo, Output } from "../../sim/cli/io.ts";

/** What a command left behind. */
export interface CliResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The repository's root. */
export const ROOT: string = new URL("../../", import.meta.url).pathname;

/** An output that remembers. */
export class Remembered implements Output {
  text: string = "";
  readonly isTerminal: boolean;
  readonly columns: number = 100;
  constructor(isTerminal: boolean = false) {
    this.isTerminal = isTerminal;
  }
  write(text: string): void {
    this.text += text;
  }
}

/** Standard input that holds these lines. */
export function inputOf(lines: readonly string[]): CliIo["lines"] {
  return stream(
    (async function* () {
      yield* lines;
    })(),
  );
}

/**
 * Runs a command line.
 * @param cwd directory that relative paths start from; the repository's root when absent
 * @param input lines of standard input
 */
export async function netsim(
  argv: readonly string[],
  cwd: string = ROOT,
  env: CliIo["env"] = {},
  input: readonly string[] = [],
): Promise<CliResult> {
  const stdout = new Remembered();
  const stderr = new Remembered();
  let ms = 0;
  const io: CliIo = { stdout, stderr, cwd, env, lines: inputOf(input), nowMs: () => ms++ };
  const status = await run(() => runCli(argv, io));
  return { status, stdout: stdout.text, stderr: stderr.text };
}
