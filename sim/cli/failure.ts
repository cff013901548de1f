/** Errors as the user sees them: text for stderr, and the exit status. */
import { BugError, LabError, ObjectError, VerifierError } from "../engine/errors.ts";
import { type CliIo, EXIT } from "./io.ts";

/** Where a run stood: what helps to repeat a fault. */
export interface RunPosition {
  readonly seed: number;
  /** Events executed. */
  readonly event: number;
  /** Simulated time, ns. */
  readonly nowNs: number;
}

/** The run under way, null outside of one. */
export interface FaultContext {
  position: (() => RunPosition) | null;
}

/** Prints an error. @returns the exit status */
export function reportFailure(error: unknown, io: CliIo, context: FaultContext): number {
  const debug = io.env.NETSIM_DEBUG === "1";
  if (error instanceof LabError) {
    io.stderr.write(`${error.message}\n`);
    return EXIT.USAGE;
  }
  if (error instanceof ObjectError || error instanceof VerifierError) {
    io.stderr.write(`${error.message}\n`);
    return EXIT.OBJECT;
  }
  const text =
    error instanceof Error ? `${error instanceof BugError ? "" : `${error.name}: `}${error.message}` : String(error);
  const firstLine = text.split("\n")[0]!;
  io.stderr.write(`netsim: ${firstLine}\n  this is a fault of netsim${where(context)}\n`);
  if (debug && error instanceof Error) io.stderr.write(`${error.stack ?? ""}\n`);
  return EXIT.FAULT;
}

function where(context: FaultContext): string {
  const p = context.position?.();
  if (p === undefined) return "";
  return `: seed ${p.seed}, event ${p.event}, ${(p.nowNs / 1e9).toFixed(9)} s of simulated time`;
}
