/**
 * What `--profile` prints: the source lines that a program ran through, with the hot ones marked; the disassembly where an
 * object has no line information.
 *
 *     xdp_count.c
 *          runs    insns  share
 *           100      400    12%   | 14  __u32 key = 0;
 *           100     2000    61% # | 20  for (int i = 0; i < 4; i++)
 */

import { insnText } from "../../bpf/isa/disassemble.ts";
import { helperName } from "../../bpf/object/helper-names.ts";
import { lineHits } from "../../bpf/object/line-hits.ts";
import type { ProgramSpec } from "../../bpf/spec.ts";

/** From this share of all executed instructions on a line is marked as hot. */
const HOT = 0.1;
const CALL = 0x85;

/** The whole profile, with a newline at the end. @param hits of each slot */
export function profileText(spec: ProgramSpec, hits: Float64Array): string {
  const total = hits.reduce((sum, n) => sum + n, 0);
  const body = spec.lines.length > 0 ? sourceProfile(spec, hits, total) : insnProfile(spec, hits, total);
  return `${body}${total} instructions in ${hits[0] ?? 0} runs\n${helperProfile(spec, hits)}`;
}

function sourceProfile(spec: ProgramSpec, hits: Float64Array, total: number): string {
  let out = "";
  let file = "";
  for (const l of lineHits(spec, hits)) {
    if (l.file !== file) {
      file = l.file;
      out += `${file}\n${HEAD}`;
    }
    out += `${columns(l.hits, l.insns, total)}| ${String(l.line).padStart(4)}  ${l.text.trimEnd()}\n`;
  }
  return out;
}

function insnProfile(spec: ProgramSpec, hits: Float64Array, total: number): string {
  let out = HEAD;
  for (let slot = 0; slot < hits.length; slot++) {
    const n = hits[slot]!;
    out += `${columns(n, n, total)}| ${String(slot).padStart(4)}  ${insnText(spec.insns, slot, { helperName, name: spec.name })}\n`;
    if (spec.insns[slot * 8] === 0x18) slot++;
  }
  return out;
}

const HEAD = `${"runs".padStart(10)} ${"insns".padStart(10)} ${"share".padStart(6)}\n`;

function columns(runs: number, insns: number, total: number): string {
  const share = total === 0 ? 0 : insns / total;
  const percent = insns === 0 ? "" : `${Math.round(share * 100)}%`;
  return `${String(runs).padStart(10)} ${String(insns).padStart(10)} ${percent.padStart(6)} ${share >= HOT ? "#" : " "} `;
}

/** Calls of helpers, the most frequent first. */
function helperProfile(spec: ProgramSpec, hits: Float64Array): string {
  const calls = new Map<string, number>();
  const view = new DataView(spec.insns.buffer, spec.insns.byteOffset, spec.insns.byteLength);
  for (let slot = 0; slot < hits.length; slot++) {
    if (spec.insns[slot * 8] === 0x18) slot++;
    else if (spec.insns[slot * 8] === CALL && spec.insns[slot * 8 + 1]! >> 4 === 0 && hits[slot]! > 0) {
      const id = view.getInt32(slot * 8 + 4, true);
      const name = `bpf_${helperName(id) ?? `unknown#${id}`}`;
      calls.set(name, (calls.get(name) ?? 0) + hits[slot]!);
    }
  }
  const sorted = [...calls].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  return sorted.map(([name, n]) => `${String(n).padStart(10)} calls of ${name}\n`).join("");
}
