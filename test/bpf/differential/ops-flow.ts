/** Jumps, loops, calls and exits. All jumps lead forward but those of loops, whose number of turns is bounded. */
import { type Body, SPILL_SLOTS } from "./body.ts";
import type { Label } from "./code.ts";
import { type PlannedFunction, TRACE_BYTES, TRACE_MAP } from "./plan.ts";
import { CTX, cloneState, mergeStates, NONE, SCALAR, type State } from "./state.ts";

const JUMP_CODES = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0];
const JA = 0x05;
const GOTOL = 0x06;
const MAY_GOTO = 0xe5;
const BPF_LOOP = 181;
const TAIL_CALL = 12;

/** if dst op register or immediate goto label */
export function conditionalJump(b: Body, to: Label): void {
  const wide = b.chance(2);
  const opcode = b.pick(JUMP_CODES) | (wide ? 0x05 : 0x06);
  const dst = b.scalar();
  if (b.chance(2)) b.code.jump(opcode | 0x08, dst, b.scalar(), 0, to);
  else b.code.jump(opcode, dst, 0, b.imm(), to);
}

/** goto label, with the 16-bit or the 32-bit offset */
function goto(b: Body, to: Label): void {
  if (b.chance(3)) b.code.reach(GOTOL, 0, 0, to);
  else b.code.jump(JA, 0, 0, 0, to);
}

/** if and perhaps else */
export function branch(b: Body): boolean {
  if (b.nesting > 3) return false;
  const other = b.code.label();
  conditionalJump(b, other);
  if (b.chance(2)) {
    b.skippable(other, () => b.ops(1 + b.rnd.below(4)));
    return true;
  }
  const after = b.code.label();
  const taken = cloneState(b.state);
  b.nesting++;
  b.ops(1 + b.rnd.below(3));
  goto(b, after);
  b.code.place(other);
  const first = b.state;
  b.state = taken;
  b.ops(1 + b.rnd.below(3));
  b.nesting--;
  b.state = mergeStates(b.state, first);
  b.code.place(after);
  return true;
}

/** Blocks with jumps from any to any later one, as no compiler nests them. */
export function tangle(b: Body): boolean {
  if (b.nesting > 2) return false;
  const count = 3 + b.rnd.below(4);
  const labels = Array.from({ length: count + 1 }, () => b.code.label());
  const waiting: (State | null)[] = labels.map(() => null);
  const leadTo = (n: number): Label => {
    waiting[n] = waiting[n] === null ? cloneState(b.state) : mergeStates(waiting[n]!, b.state);
    return labels[n]!;
  };
  b.nesting++;
  let falls = true;
  for (let n = 0; n <= count; n++) {
    const came = waiting[n]!;
    if (falls) b.state = came === null ? b.state : mergeStates(b.state, came);
    else b.state = came;
    b.code.place(labels[n]!);
    if (n === count) break;
    b.ops(b.rnd.below(3));
    const later = (): number => n + 1 + b.rnd.below(count - n);
    for (let jumps = b.rnd.below(3); jumps > 0; jumps--) {
      b.scalar();
      const to = later();
      // the scalar that is compared may have to be made first: the state is taken behind the jump
      conditionalJump(b, labels[to]!);
      leadTo(to);
    }
    falls = !(waiting[n + 1] !== null && b.chance(2));
    if (!falls) goto(b, leadTo(later()));
  }
  b.nesting--;
  return true;
}

/** A loop of a few turns, counted in a register or in the frame, perhaps stopped by may_goto as well. */
export function loop(b: Body): boolean {
  const limit = b.level === 0 ? 2 : 1;
  if (b.loops >= limit || b.nesting > 2) return false;
  const turns = 1 + b.rnd.below(b.level === 0 && b.loops === 0 ? 7 : 3);
  const saved = [7, 8].filter((r) => b.pins[r] === 0);
  if (saved.length === 0) return false;
  const counter = b.pick(saved);
  const up = b.chance(2);
  b.code.set(counter, up ? 0 : turns);
  b.set(counter, NONE);
  b.pins[counter]!++;
  // what may change on the way round may not be relied on: only scalars and pinned registers live on
  for (let r = 0; r < 10; r++) if (b.pins[r] === 0 && b.reg(r).t !== "scalar") b.set(r, NONE);
  for (let s = 0; s < SPILL_SLOTS; s++) b.state.slots[s] = NONE;
  const entry = cloneState(b.state);
  const top = b.code.label();
  const done = b.code.label();
  b.code.place(top);
  const mayGoto = b.plan.mayGoto && b.chance(4);
  if (mayGoto) b.code.jump(MAY_GOTO, 0, 0, 0, done);
  b.loops++;
  b.nesting++;
  b.ops(1 + b.rnd.below(5));
  b.nesting--;
  b.loops--;
  entry.regs.forEach((was, r) => {
    if (was.t === "scalar" && b.reg(r).t !== "scalar") {
      b.code.set(r, b.imm());
      b.set(r, SCALAR);
    }
  });
  b.code.add(counter, up ? 1 : -1);
  const wide = b.chance(2) ? 0x05 : 0x06;
  if (up) b.code.jump(b.pick([0xa0, 0x50]) | wide, counter, 0, turns, top);
  else b.code.jump(0x50 | wide, counter, 0, 0, top);
  b.code.place(done);
  b.pins[counter]!--;
  b.state = mayGoto ? mergeStates(b.state, entry) : b.state;
  b.set(counter, mayGoto ? NONE : SCALAR);
  return true;
}

/** Nothing among r0 to r5 is needed after the current operation. */
export function mayClobber(b: Body): boolean {
  return b.pins.slice(0, 6).every((n) => n === 0);
}

/** A call of a function that stands later in the order of calls. */
export function callFunction(b: Body): boolean {
  if (!mayClobber(b) || b.loops > 1) return false;
  const callable = b.plan.functions.filter((f) => f.role === "sub" && f.level > b.level);
  if (callable.length === 0 || (b.role !== "main" && b.role !== "sub")) return false;
  const f = b.pick(callable);
  // in a lower register an earlier argument could overwrite it
  if (f.params.includes("ctx") && b.ctx() < 6) return false;
  passArguments(b, f);
  b.code.reach(0x85, 0, 1, f.label);
  f.used = true;
  b.clobber(SCALAR);
  b.losePacket();
  return true;
}

function passArguments(b: Body, f: PlannedFunction): void {
  const set: number[] = [];
  f.params.forEach((param, i) => {
    const r = i + 1;
    b.pinned(set, () => {
      if (param === "ctx") {
        const from = b.ctx();
        if (from !== r) b.code.move(r, from);
        b.set(r, CTX);
      } else if (param === "value") {
        b.code.imm64(r, 2, TRACE_MAP, 0);
        b.set(r, { t: "mem", space: "value", lo: 0, hi: TRACE_BYTES, phase: 0 });
      } else {
        const have = b.scalars();
        if (have.length > 0 && b.chance(2)) b.code.move(r, b.pick(have));
        else b.code.set(r, b.imm());
        b.set(r, SCALAR);
      }
    });
    set.push(r);
  });
}

/** bpf_loop over a function, with a place of the frame as its context. */
export function helperLoop(b: Body): boolean {
  const callbacks = b.plan.functions.filter((f) => f.role === "loop");
  if (!mayClobber(b) || callbacks.length === 0 || b.loops > 0 || (b.role !== "main" && b.role !== "sub")) return false;
  const f = b.pick(callbacks);
  if (b.chance(2)) b.boundedScalar(1, 15);
  else b.code.set(1, b.rnd.below(12));
  b.code.reach(0x18, 2, 4, f.label);
  b.stackPointer(3, 16, 8);
  b.code.set(4, b.chance(12) ? 1 : 0);
  b.code.call(BPF_LOOP);
  f.used = true;
  b.clobber(SCALAR);
  return true;
}

/**
 * bpf_tail_call; behind it stands what happens when the slot is empty. Not in subprograms: Linux 6.18's verifier loses count of the frames when
 * it goes back over a return that is no exit ("verifier bug: subprog exit from frame 0"), and has crashed the kernel by it.
 */
export function tailCall(b: Body): boolean {
  const map = b.plan.tailMap;
  const ctx = b.ctx();
  if (!mayClobber(b) || map < 0 || ctx < 0 || b.role !== "main") return false;
  b.code.move(1, ctx);
  b.set(1, CTX);
  b.code.imm64(2, 1, map, 0);
  b.set(2, NONE);
  if (b.chance(2)) b.boundedScalar(3, 3);
  else b.code.set(3, b.pick([0, 1, 2, 3, 4, -1]));
  b.code.call(TAIL_CALL);
  b.clobber(NONE);
  b.losePacket();
  return true;
}

/** The function ends here for those who come by. */
export function earlyExit(b: Body): boolean {
  if (b.nesting > 3) return false;
  const over = b.code.label();
  conditionalJump(b, over);
  const kept = cloneState(b.state);
  exit(b);
  b.state = kept;
  b.code.place(over);
  return true;
}

/** The function ends. Programs trace their registers first. */
export function exit(b: Body): void {
  const trace = b.role === "main" ? b.traceReg() : -1;
  if (trace >= 0) for (const r of b.scalars()) b.code.emit(0x7b, trace, r, 8 * r, 0);
  if (b.reg(0).t !== "scalar") {
    const from = b.scalars();
    if (from.length > 0) b.code.move(0, b.pick(from));
    else b.code.set(0, b.imm());
  }
  // callbacks answer whether to stop
  if (b.role === "loop" || b.role === "each") b.code.emit(0x57, 0, 0, 0, 1);
  b.code.emit(0x95, 0, 0, 0, 0);
}
