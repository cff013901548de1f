/** Coverage as lcov's tracefile, which genhtml and editors read. @source geninfo(1), "TRACEFILE FORMAT" */
import { functionHits, lineHits } from "../../bpf/object/line-hits.ts";
import type { ProgramSpec } from "../../bpf/spec.ts";

/**
 * One record for each source file.
 * @param name of the test: letters, digits and underscores are kept
 */
export function lcovText(spec: ProgramSpec, hits: Float64Array, name: string): string {
  const lines = lineHits(spec, hits);
  const functions = functionHits(spec, hits);
  let out = "";
  for (const file of new Set(lines.map((l) => l.file))) {
    const its = lines.filter((l) => l.file === file && l.line > 0);
    const entries = functions.filter((f) => f.file === file);
    out += `TN:${name.replace(/\W/g, "_")}\nSF:${file}\n`;
    for (const f of entries) out += `FN:${f.line},${f.name}\n`;
    for (const f of entries) out += `FNDA:${f.hits},${f.name}\n`;
    out += `FNF:${entries.length}\nFNH:${entries.filter((f) => f.hits > 0).length}\n`;
    for (const l of its) out += `DA:${l.line},${l.hits}\n`;
    out += `LF:${its.length}\nLH:${its.filter((l) => l.hits > 0).length}\nend_of_record\n`;
  }
  return out;
}
