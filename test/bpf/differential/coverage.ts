/** Which instruction forms, helpers and map types stand in the programs of cases. */
import { readFields, rowOf } from "../../../sim/bpf/isa/decode.ts";
import { type InsnRow, insnRows } from "../../../sim/bpf/isa/table.ts";
import { type Case, MAP_TYPE } from "./case.ts";

/** Forms that no case can hold, and why. */
const EXCLUDED: readonly (readonly [RegExp, string])[] = [
  [/^call kernel-function/, "kfuncs have tests of their own"],
  [/addr_space_cast/, "arenas are refused"],
  [/^r\{dst\} = btf\[/, "addresses of kernel variables differ from kernel to kernel"],
  [/map\[idx:/, "the same as map[fd:...] once loaded"],
];

/** Why a form is not asked for, or null. */
export function excluded(row: InsnRow): string | null {
  return EXCLUDED.find(([pattern]) => pattern.test(row.text))?.[1] ?? null;
}

/** Counts. */
export class Coverage {
  readonly rows: Map<InsnRow, number> = new Map(insnRows.map((row) => [row, 0]));
  readonly helpers: Map<number, number> = new Map();
  readonly maps: Map<string, number> = new Map();

  /** Counts what stands in a case. */
  add(c: Case): void {
    for (const m of c.maps) {
      const name = Object.entries(MAP_TYPE).find(([, type]) => type === m.type)![0];
      this.maps.set(name, (this.maps.get(name) ?? 0) + 1);
    }
    for (const { insns } of c.programs) {
      for (let slot = 0; slot < insns.length / 8; slot++) {
        const opcode = insns[slot * 8]!;
        const fields = readFields(insns, slot);
        const row = rowOf(opcode, fields);
        if (row !== undefined) this.rows.set(row, this.rows.get(row)! + 1);
        if (opcode === 0x85 && fields.src === 0) this.helpers.set(fields.imm, (this.helpers.get(fields.imm) ?? 0) + 1);
        if (opcode === 0x18) slot++;
      }
    }
  }

  /** Forms that stand in no case though they could. */
  missing(mayGoto: boolean): readonly InsnRow[] {
    return [...this.rows]
      .filter(([row, count]) => count === 0 && excluded(row) === null && (mayGoto || row.opcode !== 0xe5))
      .map(([row]) => row);
  }
}
