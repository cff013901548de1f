/** The reference interpreter: the JIT's test oracle, and what a debugger steps through. */
import type { BpfMachine } from "../create-machine.ts";
import type { BpfEnv } from "../env.ts";
import type { Program } from "../program.ts";
import { Execution } from "./execution.ts";

/** Runs programs of one machine by interpretation. */
export interface Interpreter {
  /**
   * As `Program.run`; the full r0 is left in the machine's cell.
   * @throws VerifierError when an access check fails
   */
  run(program: Program, ctx: number): number;
}

/** Makes an interpreter of a machine's programs. */
export function createInterpreter(machine: BpfMachine<BpfEnv>): Interpreter {
  return {
    run(program, ctx) {
      const run = new Execution(machine, machine.liveOf(program), ctx);
      while (!run.done) run.step();
      return run.finish();
    },
  };
}
