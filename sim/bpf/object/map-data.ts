/**
 * Global data as maps: `.data*`, `.rodata*` and `.bss*` each become an array of one element that holds the section.
 * @source libbpf src/libbpf.c bpf_object__init_internal_map, internal_map_name, map_is_mmapable
 */
import { findType, typeOf } from "../btf/query.ts";
import type { Btf } from "../btf/types.ts";
import { type ElfFile, type ElfSection, SHF_EXECINSTR, SHT_NOBITS, SHT_PROGBITS } from "../elf/elf.ts";
import { objectError } from "../elf/object-error.ts";
import { BPF_F_MMAPABLE, BPF_F_RDONLY_PROG } from "../maps/flags.ts";
import type { MapSpec } from "../spec.ts";
import type { MapEntry } from "./map-entry.ts";

const VAR_STATIC = 0;
/** Longest name of a map in the kernel: BPF_OBJ_NAME_LEN less the NUL. */
const NAME_CHARS = 15;
/** `.bss` is spelled out in memory when the object is read. */
const MAX_BSS_BYTES = 64 * 1024 * 1024;

/** What kind of global data a section holds, by its name and type; null for every other section. */
export function dataKind(section: ElfSection): "data" | "rodata" | "bss" | null {
  if (section.size === 0 || (section.flags & SHF_EXECINSTR) !== 0) return null;
  const is = (base: string): boolean => section.name === base || section.name.startsWith(`${base}.`);
  if (section.type === SHT_NOBITS) return is(".bss") ? "bss" : null;
  if (section.type !== SHT_PROGBITS) return null;
  if (is(".data")) return "data";
  return is(".rodata") ? "rodata" : null;
}

/** @throws ObjectError BSS_TOO_LARGE */
export function readDataMaps(elf: ElfFile, btf: Btf | null): MapEntry[] {
  const out: MapEntry[] = [];
  for (const section of elf.sections) {
    const kind = dataKind(section);
    if (kind === null) continue;
    if (section.size > MAX_BSS_BYTES) {
      const message = `${section.size} bytes of global variables, expected at most ${MAX_BSS_BYTES}`;
      throw objectError(
        "BSS_TOO_LARGE",
        { file: elf.path, section: section.name },
        message,
        "keep large data in an array map",
      );
    }
    const valueTypeId = btf === null ? 0 : findType(btf, section.name, "datasec");
    const mmapable = btf !== null && hasGlobal(btf, valueTypeId) ? BPF_F_MMAPABLE : 0;
    const name = dataMapName(elf.path, section.name);
    const map: MapSpec = {
      name,
      kind: "array",
      keySize: 4,
      valueSize: section.size,
      maxEntries: 1,
      flags: mmapable | (kind === "rodata" ? BPF_F_RDONLY_PROG : 0),
      pinByName: false,
      keyTypeId: 0,
      valueTypeId,
      btf,
      inner: null,
      data: kind === "bss" ? new Uint8Array(section.size) : section.data.slice(),
      readonly: kind === "rodata",
      slots: [],
    };
    out.push({ section: section.index, offset: 0, name, map, supported: true });
  }
  return out;
}

function hasGlobal(btf: Btf, datasecId: number): boolean {
  const datasec = typeOf(btf, datasecId);
  if (datasec.kind !== "datasec") return false;
  return datasec.vars.some((v) => {
    const variable = typeOf(btf, v.type);
    return variable.kind === "var" && variable.linkage !== VAR_STATIC;
  });
}

/** The file's name up to its first dot. */
function objectName(path: string): string {
  const base = path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
  const dot = base.indexOf(".");
  return dot < 0 ? base : base.slice(0, dot);
}

/**
 * The name of a data map. `.data`, `.rodata` and `.bss` take as much of the object's name in front as 15 characters leave beside
 * a suffix counted as at least 7; sections with a further dot keep their own name, whole, as libbpf shows it to users.
 */
export function dataMapName(path: string, section: string): string {
  const clean = (text: string): string => text.replace(/[^A-Za-z0-9_.]/g, "_");
  if (section.indexOf(".", 1) >= 0) return clean(section);
  const suffix = Math.min(Math.max(7, section.length), NAME_CHARS);
  return clean(objectName(path).slice(0, NAME_CHARS - suffix) + section.slice(0, suffix));
}
