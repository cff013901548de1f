/** What `netsim prog show OBJ.o` tells about an object: as data, and as a text table. */
import { typeName } from "../btf/query.ts";
import { isMapRelocation, type MapSpec, type ObjectSpec, type ProgramSpec, type SectionSpec } from "../spec.ts";
import { INSN_BYTES } from "./functions.ts";

/** One program of the listing. */
export interface ShownProgram {
  readonly name: string;
  readonly section: string;
  /** The kernel's name of its type; null when the section name says none. */
  readonly type: string | null;
  readonly attach: string | null;
  readonly frags: boolean;
  /** Instruction slots of 8 bytes, subprograms included. */
  readonly insns: number;
  /** The subprograms linked behind it, with their own slots. */
  readonly subprograms: readonly { readonly name: string; readonly insns: number }[];
  /** Names of the maps it refers to, in order of first use. */
  readonly maps: readonly string[];
  /** Why it cannot be loaded; null when nothing stands against it. */
  readonly refused: string | null;
}

/** One map of the listing. */
export interface ShownMap {
  readonly name: string;
  readonly kind: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: readonly string[];
  /** C names of key and value types, null without BTF. */
  readonly keyType: string | null;
  readonly valueType: string | null;
  readonly pinned: boolean;
  /** `inner map's kind` for maps of maps. */
  readonly inner: string | null;
  /** netsim has this map type. */
  readonly supported: boolean;
}

/** A listing of an object. */
export interface ShownObject {
  readonly path: string;
  readonly license: string;
  readonly version: number | null;
  readonly sections: readonly SectionSpec[];
  readonly programs: readonly ShownProgram[];
  readonly maps: readonly ShownMap[];
  readonly notes: readonly string[];
}

/** The listing as data, ready for JSON. */
export function showObject(spec: ObjectSpec): ShownObject {
  const unsupported = (spec.unsupportedMaps ?? []).map((m): ShownMap => {
    const { name, kind, keySize, valueSize, maxEntries } = m;
    const types = { keyType: null, valueType: null, pinned: false, inner: null, supported: false };
    return { name, kind, keySize, valueSize, maxEntries, flags: flagNames(m.flags), ...types };
  });
  return {
    path: spec.path,
    license: spec.license,
    version: spec.version ?? null,
    sections: (spec.sections ?? []).filter((s) => s.index > 0),
    programs: spec.programs.map(showProgram),
    maps: [...spec.maps.map(showMap), ...unsupported],
    notes: spec.notes ?? [],
  };
}

function showProgram(program: ProgramSpec): ShownProgram {
  const total = program.insns.length / INSN_BYTES;
  const ends = [...program.funcs.slice(1).map((f) => f.insn), total];
  const refusal = program.refusal ?? null;
  return {
    name: program.name,
    section: program.section,
    type: program.kind ?? program.typeName ?? null,
    attach: program.attach,
    frags: program.frags,
    insns: total,
    subprograms: program.funcs.map((f, i) => ({ name: f.name, insns: ends[i]! - f.insn })).slice(1),
    maps: [...new Set(program.relocations.filter(isMapRelocation).map((r) => r.map))],
    refused: refusal === null ? null : `${refusal.message} [${refusal.code}]`,
  };
}

function showMap(map: MapSpec): ShownMap {
  const { name, kind, keySize, valueSize, maxEntries, btf } = map;
  const type = (id: number): string | null => (btf === null || id === 0 ? null : typeName(btf, id));
  return {
    name,
    kind,
    keySize,
    valueSize,
    maxEntries,
    flags: flagNames(map.flags),
    keyType: type(map.keyTypeId),
    valueType: type(map.valueTypeId),
    pinned: map.pinByName || map.elfPin !== undefined,
    inner: map.inner?.kind ?? null,
    supported: true,
  };
}

/** @source include/uapi/linux/bpf.h, the BPF_F_* flags of BPF_MAP_CREATE, by bit */
const FLAGS: readonly string[] = [
  "no_prealloc",
  "no_common_lru",
  "numa_node",
  "rdonly",
  "wronly",
  "stack_build_id",
  "zero_seed",
  "rdonly_prog",
  "wronly_prog",
  "clone",
  "mmapable",
  "preserve_elems",
  "inner_map",
  "link",
  "path_fd",
  "vtype_btf_obj_fd",
  "token_fd",
  "segv_on_fault",
  "no_user_conv",
];

function flagNames(flags: number): string[] {
  const out: string[] = [];
  for (let bit = 0; bit < 32; bit++) {
    if ((flags & (1 << bit)) !== 0) out.push(FLAGS[bit] ?? `0x${(2 ** bit).toString(16)}`);
  }
  return out;
}

/** The listing as text, with a newline at the end. */
export function formatObject(shown: ShownObject): string {
  const lines = [`${shown.path}: license ${shown.license === "" ? "none" : JSON.stringify(shown.license)}`];
  if (shown.version !== null) lines.push(`version ${shown.version}`);
  lines.push("", "programs:");
  lines.push(
    ...table(
      ["name", "section", "type", "insns", "subprograms", "maps"],
      shown.programs.map((p) => [
        p.name,
        p.section,
        typeText(p),
        String(p.insns),
        p.subprograms.map((s) => `${s.name} ${s.insns}`).join(", ") || "-",
        p.maps.join(", ") || "-",
      ]),
    ),
  );
  const refused = shown.programs.filter((p) => p.refused !== null);
  if (refused.length > 0) lines.push("", "cannot be loaded:", ...refused.map((p) => `  ${p.refused}`));
  lines.push("", "maps:");
  lines.push(
    ...table(
      ["name", "type", "key", "value", "max_entries", "flags"],
      shown.maps.map((m) => [
        m.name,
        `${m.kind}${m.inner === null ? "" : ` of ${m.inner}`}${m.supported ? "" : " (not supported)"}`,
        sizeText(m.keySize, m.keyType),
        sizeText(m.valueSize, m.valueType),
        String(m.maxEntries),
        [...m.flags, ...(m.pinned ? ["pinned"] : [])].join(" ") || "-",
      ]),
    ),
  );
  lines.push("", "sections:");
  lines.push(
    ...table(
      ["nr", "name", "type", "bytes", "flags"],
      shown.sections.map((s) => [String(s.index), s.name || "-", s.type, String(s.sizeBytes), s.flags || "-"]),
    ),
  );
  if (shown.notes.length > 0) lines.push("", ...shown.notes.map((n) => `note: ${n}`));
  return `${lines.join("\n")}\n`;
}

function typeText(p: ShownProgram): string {
  const type = p.type ?? "unknown: say it";
  const attach = p.attach === null || p.attach === p.type ? "" : ` ${p.attach}`;
  return `${type}${attach}${p.frags ? " frags" : ""}`;
}

function sizeText(size: number, type: string | null): string {
  return type === null ? `${size}B` : `${size}B ${type}`;
}

/** Columns as wide as their widest cell, two spaces apart, indented by two. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return ["  none"];
  const all = [head, ...rows];
  const widths = head.map((_, c) => Math.max(...all.map((r) => r[c]!.length)));
  return all.map((r) => `  ${r.map((cell, c) => cell.padEnd(widths[c]!)).join("  ")}`.trimEnd());
}
