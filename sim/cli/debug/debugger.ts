/** What a person who debugs has: the session, the breakpoints, and what the program looked like at the last stop. */

import { insnText } from "../../bpf/isa/disassemble.ts";
import { helperName } from "../../bpf/object/helper-names.ts";
import { progTypeOf } from "../../bpf/prog-types/index.ts";
import type { TestRunRequest } from "../../net/test-run/test-run.ts";
import type { ChosenProgram } from "../prog-run/load-program.ts";
import { verdictName } from "../prog-run/verdict.ts";
import { type Breakpoint, baseName, functionAt } from "./places.ts";
import { DebugSession } from "./session.ts";

/** A debugger: `sim/cli/debug/verbs.ts` has its commands. */
export class Debugger {
  readonly session: DebugSession;
  breakpoints: readonly Breakpoint[] = [];
  /** Registers and packet at the stop before, to mark what changed. */
  beforeRegs: readonly bigint[] | null = null;
  beforePacket: Uint8Array | null = null;
  /** `quit` was said. */
  done: boolean = false;
  private lastNumber: number = 0;
  /** Lines of trace_printk already shown, and the host that they are of. */
  private shownLines: number = 0;
  private shownHost: unknown = null;

  constructor(load: () => ChosenProgram, request: TestRunRequest) {
    this.session = new DebugSession(load, request);
  }

  /** The packet as it is now; null for programs without one. */
  packet(): Uint8Array | null {
    const { env, arena } = this.session.chosen.host.kernel;
    const def = progTypeOf(this.session.chosen.program.kind);
    return def.dataOffset < 0 ? null : arena.u8.slice(env.skb.data, env.skb.data + env.skb.len);
  }

  addBreakpoint(place: Omit<Breakpoint, "number">): Breakpoint {
    const b = { number: ++this.lastNumber, ...place };
    this.breakpoints = [...this.breakpoints, b];
    return b;
  }

  /** The breakpoint at the next instruction. */
  breakpointHere(): Breakpoint | undefined {
    const { session } = this;
    if (!session.running) return undefined;
    const { name } = session.frame.program.spec;
    const { slot } = session.next;
    return this.breakpoints.find((b) => b.program === name && b.slots.includes(slot));
  }

  /** Moves, and tells where the program stands then. */
  move(motion: () => void): string {
    const { session } = this;
    this.beforeRegs = session.running ? [...session.frame.regs] : null;
    this.beforePacket = this.packet();
    const from = session.steps;
    motion();
    const here = session.steps > from ? this.breakpointHere() : undefined;
    const hit = here === undefined ? "" : `breakpoint ${here.number} at ${here.where}\n`;
    return `${this.printed()}${hit}${this.where()}`;
  }

  /** What the program printed since the last stop. */
  private printed(): string {
    const { host } = this.session.chosen;
    const { entries } = host.bpf.trace;
    const known = this.shownHost === host ? this.shownLines : entries.length;
    this.shownHost = host;
    this.shownLines = entries.length;
    return entries
      .slice(known)
      .map((l) => `trace_printk: ${l.text}\n`)
      .join("");
  }

  /** Where the program stands. */
  where(): string {
    const { session } = this;
    if (session.fault !== null) return `${session.fault}\n`;
    if (!session.running) {
      const verdict = verdictName(session.chosen.program.kind, Number(session.r0 & 0xffffffffn));
      return `the program has ended after ${session.steps} instructions: ${verdict} (r0 = 0x${session.r0.toString(16)})\n`;
    }
    const { spec } = session.frame.program;
    const { slot } = session.next;
    const func = functionAt(spec, slot)?.name ?? spec.name;
    const { line } = session;
    const place = line === undefined ? "" : ` at ${baseName(line.file)}:${line.line}`;
    const source =
      line === undefined || line.text === "" ? "" : `${String(line.line).padStart(5)}  ${line.text.trimEnd()}\n`;
    return `${func}()${place}, insn ${slot}, ${session.steps} executed\n${source}${insnLine(spec.insns, slot, true)}`;
  }
}

/** `=>   14: (bf) r2 = r10` */
export function insnLine(insns: Uint8Array, slot: number, current: boolean): string {
  const opcode = insns[slot * 8]!.toString(16).padStart(2, "0");
  return `${current ? "=>" : "  "} ${String(slot).padStart(4)}: (${opcode}) ${insnText(insns, slot, { helperName })}\n`;
}
