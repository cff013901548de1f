/** Texts of the comparison: listings, tables. */
import { insnText } from "../../../sim/bpf/isa/disassemble.ts";
import { helperName } from "../../../sim/bpf/object/helper-names.ts";
import { type Case, hexOf, type Refusal } from "../../bpf/differential/case.ts";
import { type Coverage, excluded } from "../../bpf/differential/coverage.ts";
import { isNothing } from "../../bpf/differential/minimise.ts";

const REASONS_SHOWN = 12;

/** A case to be read. Maps appear by their index. */
export function listing(c: Case): string {
  const lines: string[] = [c.kind];
  c.maps.forEach((m, i) => {
    lines.push(
      `map ${i}: type ${m.type} key ${m.keySize} value ${m.valueSize} entries ${m.maxEntries} flags ${m.flags}`,
    );
    for (const [key, value] of m.entries) lines.push(`    ${hexOf(key)} ${hexOf(value)}`);
  });
  for (const [map, slot, prog] of c.tails) lines.push(`tail call: map ${map} slot ${slot} program ${prog}`);
  c.programs.forEach(({ insns, funcs }, i) => {
    lines.push(`program ${i}, functions at ${funcs.join(" ")}`);
    for (let slot = 0; slot < insns.length / 8; slot += insns[slot * 8] === 0x18 ? 2 : 1) {
      if (!isNothing(insns, slot))
        lines.push(`  ${String(slot).padStart(4)}: ${insnText(insns, slot, { helperName })}`);
    }
  });
  for (const p of c.packets) lines.push(`packet ${hexOf(p.data)}\n   ctx ${hexOf(p.ctx).replace(/(00)+$/, "")}`);
  return lines.join("\n");
}

/** Refusals, counted by the verifier's last sentence without its numbers. */
export class Refusals {
  private readonly counts: Map<string, number> = new Map();
  private total: number = 0;

  add(r: Refusal): void {
    const said = r.log
      .trim()
      .split("\n")
      .filter((line) => !/^(processed|verification time|stack depth|max_|\d+: \()/.test(line));
    const last = (said.at(-1) ?? "").replace(/0x[0-9a-f]+|-?\d+/g, "N");
    const reason = `${r.what}, errno ${r.errno}: ${last === "" ? "(no words)" : last}`;
    this.counts.set(reason, (this.counts.get(reason) ?? 0) + 1);
    this.total++;
  }

  /** @param accepted programs beside those */
  text(accepted: number): string {
    const share = ((100 * accepted) / Math.max(1, accepted + this.total)).toFixed(1);
    const rows = [...this.counts].sort((a, b) => b[1] - a[1]);
    const shown = rows.slice(0, REASONS_SHOWN).map(([reason, count]) => `  ${String(count).padStart(7)}  ${reason}`);
    const rest = rows.length > REASONS_SHOWN ? [`  and ${rows.length - REASONS_SHOWN} other reasons`] : [];
    return [`${this.total} refused, ${share} % accepted`, ...shown, ...rest].join("\n");
  }
}

/** What stood in the accepted programs, and what did not. */
export function coverageText(coverage: Coverage, mayGoto: boolean): string {
  const rows = [...coverage.rows].filter(([row]) => excluded(row) === null);
  const least = rows.filter(([, count]) => count > 0).sort((a, b) => a[1] - b[1]);
  const helpers = [...coverage.helpers].sort((a, b) => a[0] - b[0]).map(([id, n]) => `${helperName(id) ?? id} ${n}`);
  const maps = [...coverage.maps].map(([name, n]) => `${name} ${n}`);
  const missing = coverage.missing(mayGoto).map((row) => row.text);
  const out = [
    `${least.length} of ${rows.length} instruction forms; rarest: ${least
      .slice(0, 5)
      .map(([row, n]) => `${row.text} ${n}`)
      .join("; ")}`,
    `${helpers.length} helpers: ${helpers.join(", ")}`,
    `${maps.length} map types: ${maps.join(", ")}`,
  ];
  if (missing.length > 0) out.push(`NOT COVERED: ${missing.join("; ")}`);
  for (const [row] of coverage.rows) {
    const why = excluded(row);
    if (why !== null) out.push(`left out: ${row.text}: ${why}`);
  }
  return out.join("\n");
}
