/**
 * Variables by which a program tells of itself: constants whose names begin with `bpf_metadata_`.
 * @source bpftool prog.c find_metadata, show_prog_metadata
 */
import { formatValue } from "../../bpf/btf/format-value.ts";
import { sizeOf, typeOf } from "../../bpf/btf/query.ts";
import type { Program } from "../../bpf/program.ts";
import { mapName } from "./handles.ts";

const PREFIX = "bpf_metadata_";

/** Lines of `bpftool prog show`; "" when there are none. */
export function metadataText(prog: Program): string {
  const rows = metadataOf(prog).map(([name, value]) => `\t\t${name} = ${value}\n`);
  return rows.length === 0 ? "" : `\tmetadata:\n${rows.join("")}`;
}

/** The same as a member of a JSON object: `"metadata":{...}`, or "". */
export function metadataJson(prog: Program): string {
  const rows = metadataOf(prog).map(([name, value]) => `${JSON.stringify(name)}:${value}`);
  return rows.length === 0 ? "" : `"metadata":{${rows.join(",")}}`;
}

/** Names without the prefix, and values as JSON, of the first map of constants that the program uses. */
function metadataOf(prog: Program): readonly (readonly [string, string])[] {
  const map = prog.maps.find((m) => m.spec.data !== null && mapName(m).includes(".rodata"));
  const btf = map?.spec.btf ?? null;
  const value = map?.read(new Uint8Array(4)) ?? null;
  if (map === undefined || btf === null || value === null) return [];
  const section = typeOf(btf, map.spec.valueTypeId);
  if (section.kind !== "datasec") return [];
  const out: (readonly [string, string])[] = [];
  for (const v of section.vars) {
    const variable = typeOf(btf, v.type);
    if (variable.kind !== "var" || !variable.name.startsWith(PREFIX)) continue;
    const bytes = value.subarray(v.offset, v.offset + (sizeOf(btf, v.type) ?? 0));
    out.push([variable.name.slice(PREFIX.length), formatValue(btf, variable.type, bytes, { plain: false })]);
  }
  return out;
}
