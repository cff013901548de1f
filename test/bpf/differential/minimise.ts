/** Makes a case that differs as small as it can be without losing the difference. */
import type { Case } from "./case.ts";

const JA = 0x05;
const LD_IMM64 = 0x18;
const CHUNKS = [64, 16, 8, 4, 2, 1];

/**
 * Takes packets away, then turns instructions into `goto +0`, as long as `fails` still says so.
 * @param fails whether a case is accepted by the kernel and still differs
 */
export async function minimise(c: Case, fails: (c: Case) => Promise<boolean>): Promise<Case> {
  let best = c;
  for (let i = 0; i < best.packets.length && best.packets.length > 1; ) {
    const fewer = { ...best, packets: best.packets.filter((_, n) => n !== i) };
    if (await fails(fewer)) best = fewer;
    else i++;
  }
  for (let p = 0; p < best.programs.length; p++) {
    for (const chunk of CHUNKS) {
      for (let slot = 0; slot < best.programs[p]!.insns.length / 8; slot += chunk) {
        const tried = without(best, p, slot, chunk);
        if (tried !== null && (await fails(tried))) best = tried;
      }
    }
  }
  return best;
}

/** The case with some slots of a program emptied; null when nothing would change. */
function without(c: Case, program: number, slot: number, count: number): Case | null {
  const insns = Uint8Array.from(c.programs[program]!.insns);
  const last = Math.min(slot + count, insns.length / 8);
  let changed = false;
  for (let s = slot; s < last; s++) {
    const opcode = insns[s * 8]!;
    // the second slot of a ld_imm64 has opcode 0 and goes with the first
    if (opcode === 0 || isNothing(insns, s) || fillsFrame(insns, s)) continue;
    changed = true;
    empty(insns, s);
    if (opcode === LD_IMM64) empty(insns, s + 1);
  }
  if (!changed) return null;
  return { ...c, programs: c.programs.map((p, i) => (i === program ? { ...p, insns } : p)) };
}

/** Stores of 8 bytes through r10: without them a program may read what it never wrote, which the kernel allows and nobody can foretell. */
function fillsFrame(insns: Uint8Array, slot: number): boolean {
  const opcode = insns[slot * 8]!;
  return (opcode === 0x7a || opcode === 0x7b) && (insns[slot * 8 + 1]! & 15) === 10;
}

function empty(insns: Uint8Array, slot: number): void {
  insns.fill(0, slot * 8, slot * 8 + 8);
  insns[slot * 8] = JA;
}

/** `goto +0`. */
export function isNothing(insns: Uint8Array, slot: number): boolean {
  return insns[slot * 8] === JA && insns.subarray(slot * 8 + 1, slot * 8 + 8).every((b) => b === 0);
}
