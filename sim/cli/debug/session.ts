/**
 * A program stopped somewhere in a run. Forwards it executes; backwards it begins anew, on a fresh machine, and executes up to the
 * place: the same lab gives the same run, so nothing has to be undone or remembered.
 */
import { type CallFrame, Execution } from "../../bpf/interp/execution.ts";
import type { Insn } from "../../bpf/isa/insn.ts";
import type { LineInfo } from "../../bpf/spec.ts";
import { LabError, VerifierError } from "../../engine/errors.ts";
import { STRERROR } from "../../net/netlink-error.ts";
import { beginTestRun } from "../../net/prog-test-run.ts";
import type { TestRun, TestRunRequest } from "../../net/test-run/test-run.ts";
import type { ChosenProgram } from "../prog-run/load-program.ts";
import { lineAt } from "./places.ts";

/** Instructions after which a motion gives up: an endless loop of a person's, not of the program's. */
const MAX_STEPS = 20_000_000;

/** A run that can be moved in. */
export class DebugSession {
  /** Instructions executed since the run began. */
  steps: number = 0;
  /** What stopped the program for good, null while nothing did. */
  fault: string | null = null;
  private readonly load: () => ChosenProgram;
  private readonly request: TestRunRequest;
  private live: { readonly chosen: ChosenProgram; readonly run: TestRun; readonly execution: Execution };

  /**
   * Lays the packet out and stops before the first instruction.
   * @param load makes the program anew on a machine of its own
   * @throws LabError RUN_REFUSED, ObjectError
   */
  constructor(load: () => ChosenProgram, request: TestRunRequest) {
    this.load = load;
    this.request = request;
    this.live = this.begin();
  }

  /** The program, its host and its maps; those of another machine after a motion backwards. */
  get chosen(): ChosenProgram {
    return this.live.chosen;
  }

  /** The call chain, the innermost function last; empty when the program has ended. */
  get frames(): readonly CallFrame[] {
    return this.live.execution.frames;
  }

  /** The function that runs now. Only while `running`. */
  get frame(): CallFrame {
    return this.live.execution.frame;
  }

  /** The instruction that is executed next. Only while `running`. */
  get next(): Insn {
    return this.live.execution.next;
  }

  /** There is a next instruction. */
  get running(): boolean {
    return this.fault === null && !this.live.execution.done;
  }

  /** r0 of the program's end. */
  get r0(): bigint {
    return this.live.execution.r0;
  }

  /** The source line of the next instruction. */
  get line(): LineInfo | undefined {
    return this.running ? lineAt(this.frame.program.spec, this.next.slot) : undefined;
  }

  /** The next instruction is the first of a run of one line. */
  get atLineStart(): boolean {
    return this.running && this.line?.insn === this.next.slot;
  }

  /** Executes one instruction. Does nothing when there is none. */
  step(): void {
    if (!this.running) return;
    try {
      this.live.execution.step();
      this.steps++;
    } catch (error) {
      if (!(error instanceof VerifierError)) throw error;
      this.fault = error.message;
    }
  }

  /** Steps until `stop` says so, at least once. @throws LabError DEBUG_ENDLESS */
  stepUntil(stop: () => boolean): void {
    for (let n = 0; this.running; n++) {
      if (n === MAX_STEPS) {
        throw new LabError([{ code: "DEBUG_ENDLESS", message: `still running after ${MAX_STEPS} instructions` }]);
      }
      this.step();
      if (stop()) return;
    }
  }

  /** Goes back by so many instructions; one that faulted counts. */
  back(steps: number): void {
    this.goTo(Math.max(0, this.steps - steps + (this.fault === null ? 0 : 1)));
  }

  /** Goes to where so many instructions had been executed. */
  goTo(steps: number): void {
    if (steps < this.steps || this.fault !== null) this.restart();
    while (this.steps < steps && this.running) this.step();
  }

  /** Goes back to the last place before this one that `is` recognises; to the beginning when there is none. */
  backTo(is: () => boolean): void {
    const here = this.steps;
    let found = 0;
    this.restart();
    while (this.steps < here && this.running) {
      if (is()) found = this.steps;
      this.step();
    }
    this.goTo(found);
  }

  /** Back to before the first instruction. */
  restart(): void {
    this.close();
    this.steps = 0;
    this.fault = null;
    this.live = this.begin();
  }

  /** Gives the machine's memory back. */
  close(): void {
    this.live.run.end();
  }

  private begin(): DebugSession["live"] {
    const chosen = this.load();
    let ctx = 0;
    const run = beginTestRun(chosen.host, chosen.program, {
      ...this.request,
      execute: (_program, at) => {
        ctx = at;
        return 0;
      },
    });
    if (typeof run === "number") {
      const message = `failed to run program: ${STRERROR[run] ?? `errno ${run}`}`;
      const fix =
        "give a packet as BPF_PROG_RUN takes it: an Ethernet frame of at least 14 bytes, whole as far as its headers promise";
      throw new LabError([{ code: "RUN_REFUSED", message, fix }]);
    }
    // learns where the context lies; the program itself is executed below
    run.run(1);
    const { machine } = chosen.host.kernel;
    return { chosen, run, execution: new Execution(machine, machine.liveOf(chosen.program), ctx) };
  }
}
