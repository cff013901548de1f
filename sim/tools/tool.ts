/**
 * Commands on a simulated host: typed as on Linux, printing what Linux prints. One file per tool or per object of a tool
 * (`ip/link.ts`, `tc/qdisc.ts`), one line in the index of its folder.
 */
import type { Operation } from "effection";
import type { Host } from "../net/host.ts";

/** What a finished command left behind. */
export interface ToolResult {
  /** Exit status. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /**
   * The ObjectError, VerifierError or LabError that a refusal stems from. `stderr` has Linux's words for it; this knows section,
   * instruction and remedy, and callers tell by it that an object was at fault and not the command.
   */
  readonly cause?: Error;
}

/** What a command sees of the world outside its host. */
export interface ToolSession {
  readonly host: Host;
  /**
   * A file of the user's (an eBPF object), by path as typed; relative paths are relative to the lab.
   * @throws LabError when it cannot be read
   */
  readFile(path: string): Uint8Array;
  /**
   * Values by name for the global variables of the object that the command loads, as a skeleton's user sets them before loading. `ip`, `tc`
   * and `bpftool` have no words for that; absent: what the file says.
   */
  readonly globals?: ReadonlyMap<string, unknown>;
}

/** The record of one tool. */
export interface Tool {
  readonly name: string;
  /** One line for lists of commands. */
  readonly summary: string;
  /** Runs to its end; may take simulated time. Throws ToolError for what the tool itself says no to. */
  run(session: ToolSession, argv: readonly string[]): Operation<ToolResult>;
}

/** A tool's refusal: its exit status, what it prints to stderr and what it has printed to stdout (with newlines). */
export class ToolError extends Error {
  readonly status: number;
  readonly stderr: string;
  readonly stdout: string;
  constructor(status: number, stderr: string, stdout: string = "", cause?: Error) {
    super(stderr.trimEnd(), cause === undefined ? undefined : { cause });
    this.name = "ToolError";
    this.status = status;
    this.stderr = stderr;
    this.stdout = stdout;
  }

  /** The refusal as the result of the command. */
  toResult(): ToolResult {
    const { status, stdout, stderr } = this;
    return this.cause instanceof Error ? { status, stdout, stderr, cause: this.cause } : { status, stdout, stderr };
  }
}

/** A command that needs no simulated time, as an operation. A string is what it prints; its status is 0 then. */
// biome-ignore lint/correctness/useYield: operations are generators, also those that never wait
export function* immediate(f: () => string | ToolResult): Operation<ToolResult> {
  const done = f();
  return typeof done === "string" ? { status: 0, stdout: done, stderr: "" } : done;
}
