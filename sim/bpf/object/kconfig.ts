/**
 * `extern ... __kconfig`: variables that hold the kernel's configuration. They have no section in the object; libbpf lays them out in
 * a read-only map of its own, `NAME.kconfig`, by falling alignment, then rising size, then name, and fills it in when it loads.
 * @source libbpf src/libbpf.c bpf_object__collect_externs, find_kcfg_type, cmp_externs, bpf_object__init_kconfig_map
 */
import { resolve, sizeOf, typeOf } from "../btf/query.ts";
import type { Btf, BtfType } from "../btf/types.ts";
import { type ElfFile, SHN_UNDEF, STB_WEAK } from "../elf/elf.ts";
import { objectError } from "../elf/object-error.ts";
import { BPF_F_MMAPABLE, BPF_F_RDONLY_PROG } from "../maps/flags.ts";
import type { KconfigVariable, MapSpec } from "../spec.ts";
import { dataMapName } from "./map-data.ts";
import type { MapEntry } from "./map-entry.ts";

const SECTION = ".kconfig";
const VAR_GLOBAL = 1;
/** No section of the file holds the map. */
const NO_SECTION = -1;

/** The map of an object's `.kconfig` variables, its bytes zero until it is loaded. */
export interface Kconfig {
  readonly entry: MapEntry;
  /** The object's types with the section laid out. */
  readonly btf: Btf;
  /** By name. */
  readonly variables: ReadonlyMap<string, KconfigVariable>;
}

/**
 * The layout of the `.kconfig` variables that the object's code refers to; null when there are none.
 * @throws ObjectError KCONFIG_TYPE
 */
export function readKconfig(elf: ElfFile, btf: Btf | null): Kconfig | null {
  const id = btf === null ? -1 : btf.types.findIndex((t) => t.kind === "datasec" && t.name === SECTION);
  if (btf === null || id < 0) return null;
  const variables = layOut(elf, btf, id);
  const last = variables[variables.length - 1];
  if (last === undefined) return null;
  const size = last.offset + last.size;
  const name = dataMapName(elf.path, SECTION);
  const placed = placeVariables(btf, id, variables, size);
  const map: MapSpec = {
    name,
    kind: "array",
    keySize: 4,
    valueSize: size,
    maxEntries: 1,
    flags: BPF_F_RDONLY_PROG | BPF_F_MMAPABLE,
    pinByName: false,
    keyTypeId: 0,
    valueTypeId: id,
    btf: placed,
    inner: null,
    data: new Uint8Array(size),
    readonly: true,
    slots: [],
    kconfig: variables,
  };
  return {
    btf: placed,
    entry: { section: NO_SECTION, offset: 0, name, map, supported: true },
    variables: new Map(variables.map((v) => [v.name, v])),
  };
}

function layOut(elf: ElfFile, btf: Btf, datasecId: number): readonly KconfigVariable[] {
  const datasec = typeOf(btf, datasecId);
  if (datasec.kind !== "datasec") return [];
  const externs = new Map(elf.symbols.filter((s) => s.shndx === SHN_UNDEF && s.name !== "").map((s) => [s.name, s]));
  const found = datasec.vars.flatMap((v) => {
    const variable = typeOf(btf, v.type);
    const symbol = "name" in variable ? externs.get(variable.name) : undefined;
    if (symbol === undefined) return [];
    const place = { file: elf.path, section: SECTION };
    if (variable.kind !== "var") {
      const message = `extern function ${symbol.name} is unsupported under .kconfig section`;
      throw objectError("KCONFIG_TYPE", place, message, "declare kernel functions with __ksym");
    }
    const type = typeIn(btf, variable.type);
    if (type === null) {
      const message = `extern (kcfg) '${symbol.name}': type is unsupported`;
      const fix = "use bool, enum libbpf_tristate, char, an integer or an array of char";
      throw objectError("KCONFIG_TYPE", place, message, fix);
    }
    return [{ name: symbol.name, weak: symbol.bind === STB_WEAK, ...type }];
  });
  found.sort((a, b) => b.align - a.align || a.size - b.size || (a.name < b.name ? -1 : 1));
  let end = 0;
  return found.map(({ align, ...v }): KconfigVariable => {
    const offset = Math.ceil(end / align) * align;
    end = offset + v.size;
    return { ...v, offset };
  });
}

type Typed = Pick<KconfigVariable, "type" | "signed" | "size"> & { readonly align: number };

function typeIn(btf: Btf, id: number): Typed | null {
  const { type } = resolve(btf, id);
  switch (type.kind) {
    case "int": {
      const { size } = type;
      if (type.bool) return size === 1 ? { type: "bool", signed: false, size, align: 1 } : null;
      if (size === 1) return { type: "char", signed: type.signed, size, align: 1 };
      return size === 2 || size === 4 || size === 8 ? { type: "int", signed: type.signed, size, align: size } : null;
    }
    case "enum": {
      if (type.name !== "libbpf_tristate" || (type.size !== 4 && type.wide !== true)) return null;
      return { type: "tristate", signed: false, size: type.size, align: type.size };
    }
    case "array": {
      if (type.count === 0 || typeIn(btf, type.type)?.type !== "char") return null;
      return { type: "char array", signed: false, size: sizeOf(btf, id) ?? 0, align: 1 };
    }
    default:
      return null;
  }
}

/** The types with the data section's size and offsets, its variables no longer extern. */
function placeVariables(btf: Btf, id: number, variables: readonly KconfigVariable[], size: number): Btf {
  const offsets = new Map(variables.map((v) => [v.name, v]));
  const own = new Set<number>();
  const types = btf.types.map((type, at): BtfType => {
    if (at !== id || type.kind !== "datasec") return type;
    const vars = type.vars.flatMap((v) => {
      const variable = typeOf(btf, v.type);
      const placed = variable.kind === "var" ? offsets.get(variable.name) : undefined;
      if (placed === undefined) return [];
      own.add(v.type);
      return [{ type: v.type, offset: placed.offset, size: placed.size }];
    });
    return { ...type, size, vars: vars.sort((a, b) => a.offset - b.offset) };
  });
  for (const at of own) {
    const variable = types[at];
    if (variable?.kind === "var") types[at] = { ...variable, linkage: VAR_GLOBAL };
  }
  return { ...btf, types };
}
