/**
 * Hits of basic blocks as hits of instructions, source lines and functions.
 * A line's hits are those of its most frequent instruction: what a person would count who watched the line.
 */
import type { BlockHits } from "../program.ts";
import type { LineInfo, ProgramSpec } from "../spec.ts";
import { INSN_BYTES } from "./functions.ts";

/** What one source line did. */
export interface LineHits {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  /** Runs through it. */
  readonly hits: number;
  /** Instructions executed that were compiled from it. */
  readonly insns: number;
}

/** How often a function was entered. */
export interface FunctionHits {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly hits: number;
}

/** Hits of each slot; second slots of a ld_imm64 and what no path leads to have 0. */
export function slotHits(spec: ProgramSpec, blocks: readonly BlockHits[]): Float64Array {
  const hits = new Float64Array(spec.insns.length / INSN_BYTES);
  for (const b of blocks) hits.fill(b.hits, b.firstSlot, b.lastSlot + 1);
  for (let slot = 0; slot < hits.length; slot++) if (spec.insns[slot * INSN_BYTES] === 0x18) hits[++slot] = 0;
  return hits;
}

/** Lines in the order of files and numbers. Instructions without line information are left out. */
export function lineHits(spec: ProgramSpec, hits: Float64Array): LineHits[] {
  const byPlace = new Map<string, LineHits>();
  spec.lines.forEach((l, i) => {
    const end = spec.lines[i + 1]?.insn ?? hits.length;
    let most = 0;
    let insns = 0;
    for (let slot = l.insn; slot < end; slot++) {
      most = Math.max(most, hits[slot]!);
      insns += hits[slot]!;
    }
    const place = `${l.file}:${l.line}`;
    const before = byPlace.get(place);
    byPlace.set(place, {
      file: l.file,
      line: l.line,
      text: l.text,
      hits: Math.max(most, before?.hits ?? 0),
      insns: insns + (before?.insns ?? 0),
    });
  });
  return [...byPlace.values()].sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line));
}

/** Functions in the order of the linked program; those without line information are left out. */
export function functionHits(spec: ProgramSpec, hits: Float64Array): FunctionHits[] {
  return spec.funcs.flatMap((f) => {
    const first: LineInfo | undefined = spec.lines.find((l) => l.insn >= f.insn);
    return first === undefined ? [] : [{ name: f.name, file: first.file, line: first.line, hits: hits[f.insn] ?? 0 }];
  });
}
