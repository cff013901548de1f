import { createInterface } from "node:readline";
import { resource, type Stream, stream } from "effection";

/** What a command of `netsim` sees of the process: given from outside so that tests run commands without one. */

/** A stream of text. */
export interface Output {
  write(text: string): void;
  /** A terminal: colours and progress are welcome. */
  readonly isTerminal: boolean;
  /** Characters per line. */
  readonly columns: number;
}

export interface CliIo {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Standard input by lines, for commands that converse. */
  readonly lines: Stream<string, unknown>;
  /** Wall clock, ms, from any point in time: for progress only, never for results. */
  nowMs(): number;
}

/** Exit statuses. */
export const EXIT = {
  /** Ran, and every expectation held. */
  OK: 0,
  /** An expectation failed. */
  FAILED: 1,
  /** The lab or the command line is at fault. */
  USAGE: 2,
  /** An object cannot be loaded, or a program is refused. */
  OBJECT: 3,
  /** A fault of netsim's own. */
  FAULT: 4,
  /** Ctrl-C. */
  INTERRUPTED: 130,
} as const;

/** The process's own streams. Writing into a closed pipe (`| head`) is no error: what follows is dropped. */
export function processIo(process: NodeJS.Process): CliIo {
  return {
    stdout: streamOutput(process.stdout),
    stderr: streamOutput(process.stderr),
    cwd: process.cwd(),
    env: process.env,
    lines: inputLines(process.stdin),
    nowMs: () => performance.now(),
  };
}

/** Opened when somebody reads it, closed when nobody does any more. */
function inputLines(input: NodeJS.ReadStream): Stream<string, unknown> {
  return resource(function* (provide) {
    const lines = createInterface({ input, terminal: false });
    try {
      yield* provide(yield* stream(lines[Symbol.asyncIterator]()));
    } finally {
      lines.close();
    }
  });
}

function streamOutput(stream: NodeJS.WriteStream): Output {
  let closed = false;
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    closed = true;
  });
  return {
    write(text) {
      if (!closed) stream.write(text);
    },
    isTerminal: stream.isTTY === true,
    columns: stream.columns ?? 100,
  };
}
