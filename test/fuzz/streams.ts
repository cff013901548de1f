/**
 * Damaged instruction streams: generated programs with some of their slots changed, and slots of pure chance. Each is refused, or runs, or is
 * stopped by the access checks, alike in JIT and interpreter; and it changes no memory that is not its own.
 */
import type { ObjectSpec } from "../../sim/bpf/spec.ts";
import type { RandomStream } from "../../sim/engine/streams.ts";
import { type Answer, type Case, difference } from "../bpf/differential/case.ts";
import { generateCase } from "../bpf/differential/generate.ts";
import { type Engine, Netsim, objectOf } from "../bpf/differential/in-netsim.ts";
import { ArenaGuard } from "./arena-guard.ts";
import { type Ending, endingOf, type FuzzTarget } from "./target.ts";

const CPUS = 2;
const PER_KERNEL = 80;
/** Instructions of a case that the interpreter is asked to run. */
const INTERPRETED_MAX = 300_000;
const INTERPRETED_MAX_MS = 1000;
const GENERATED = 2 ** 31;
/** Programs that may loop by may_goto run for seconds when damage makes their loops endless. */
const ONE_MAY_GOTO_IN = 12;
const IMMEDIATES = [0, 1, -1, 8, 64, 512, 0x7fff, 0x10000, 0x7fffffff, -0x80000000];

/** A case whose first program is damaged. */
export function damagedCase(random: RandomStream): Case {
  const c = generateCase(random.below(GENERATED), { short: true, mayGoto: random.below(ONE_MAY_GOTO_IN) === 0 });
  const [first, ...rest] = c.programs;
  const insns = Uint8Array.from(first!.insns);
  if (random.below(20) === 0) {
    for (let i = 0; i < insns.length; i++) if (random.below(4) > 0) insns[i] = random.below(256);
  }
  for (let i = 1 + random.below(4); i > 0; i--) damage(insns, random);
  return { ...c, programs: [{ insns, funcs: first!.funcs }, ...rest], packets: c.packets.slice(0, 1) };
}

function damage(insns: Uint8Array, random: RandomStream): void {
  const slots = insns.length / 8;
  const at = random.below(slots) * 8;
  const view = new DataView(insns.buffer);
  switch (random.below(16)) {
    case 0:
      insns[at] = random.below(256);
      break;
    case 1:
      insns[at]! ^= 1 << random.below(8);
      break;
    case 2:
    case 3:
    case 4:
    case 5:
      insns[at + 1] = (insns[at + 1]! & 0xf0) | random.below(11);
      break;
    case 6:
    case 7:
      if (insns[at + 1]! >> 4 !== 0) insns[at + 1] = (insns[at + 1]! & 15) | (random.below(11) << 4);
      break;
    case 8:
    case 9:
      if (view.getInt16(at + 2, true) !== 0) view.setInt16(at + 2, random.below(1200) - 600, true);
      break;
    case 10:
      if (view.getInt16(at + 2, true) !== 0) view.setInt16(at + 2, random.below(slots) - at / 8, true);
      break;
    case 11:
    case 12:
      if (view.getInt32(at + 4, true) !== 0) {
        view.setInt32(at + 4, IMMEDIATES[random.below(IMMEDIATES.length)]!, true);
      }
      break;
    case 13:
      if (view.getInt32(at + 4, true) !== 0) view.setInt32(at + 4, random.below(256) - 32, true);
      break;
    case 14:
      insns.copyWithin(at, random.below(slots) * 8, insns.length);
      break;
    default:
      insns.copyWithin(random.below(slots) * 8, at, at + 8 * (1 + random.below(3)));
  }
}

/** The instruction that a message is about. */
function placeOf(text: string): string {
  return /^.*?insn \d+/.exec(text)?.[0] ?? text;
}

/** An engine with a simulation of its own. Two that were given the same cases have everything at the same addresses. */
class Watched {
  private guard: ArenaGuard | null = null;
  private netsim: Netsim | null = null;
  private readonly engine: Engine;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  /** A fresh simulation. */
  renew(): void {
    this.netsim = new Netsim(CPUS, {
      keep: true,
      onKernel: (kernel) => {
        this.guard = new ArenaGuard(kernel);
      },
    });
    this.netsim.prepare();
  }

  /** @returns how it ended: word and text, the answer, and how long it was */
  attempt(c: Case, spec: ObjectSpec): { word: Ending; text: string; answer: Answer | null; insns: number } {
    this.guard!.begin();
    const { answer, error, insns } = this.netsim!.attempt(c, this.engine, spec);
    const changed = this.guard!.end();
    if (changed !== null) throw new Error(`${this.engine}: memory of others: ${changed}`);
    if (error === null) return { word: "ran", text: "", answer, insns };
    return { word: endingOf(error), text: (error as Error).message, answer, insns };
  }
}

/** Damaged instruction streams. */
export const streams: FuzzTarget = {
  name: "instruction streams",
  share: 30,
  create() {
    const jit = new Watched("checked");
    const interpreter = new Watched("interpreter");
    let left = 0;
    return (random) => {
      if (left-- === 0) {
        for (const engine of [jit, interpreter]) engine.renew();
        left = PER_KERNEL;
      }
      const c = damagedCase(random);
      const spec = objectOf(c);
      const started = performance.now();
      const a = jit.attempt(c, spec);
      // compiled code that is stopped leaves its instructions uncounted: then the clock tells
      const long = a.insns > INTERPRETED_MAX || performance.now() - started > INTERPRETED_MAX_MS;
      if (long || a.text.includes("an endless loop")) {
        // it would take the interpreter minutes; without it the two are no longer alike
        left = 0;
        return a.word;
      }
      const b = interpreter.attempt(c, spec);
      if (placeOf(a.text) !== placeOf(b.text)) {
        // The compiler knows where a pointer comes from and stops what Linux's verifier would refuse; the interpreter sees only that the
        // address lies in another place which the program may reach. That compiled code stops too much, the kernel's answers would tell.
        if (a.word !== "stopped") throw new Error(`JIT: ${a.text || "ran"}\ninterpreter: ${b.text || "ran"}`);
        left = 0;
        return "stopped before the interpreter";
      } else if (a.answer !== null && b.answer !== null) {
        const differ = difference(a.answer, b.answer);
        if (differ !== null) throw new Error(`JIT and interpreter: ${differ}`);
      }
      return a.word;
    };
  },
};
