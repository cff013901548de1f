/**
 * clang leaves sizes and offsets of data sections in BTF at zero; the ELF file has them.
 * @source libbpf src/libbpf.c btf_fixup_datasec
 */
import type { ElfFile } from "../elf/elf.ts";
import { sizeOf, typeOf } from "./query.ts";
import type { Btf, BtfType } from "./types.ts";

/** BTF with the size of every data section and the offsets of its variables filled in, variables ordered by offset. */
export function fixDatasecs(btf: Btf, elf: ElfFile): Btf {
  if (!btf.types.some((t) => t.kind === "datasec")) return btf;
  const sections = new Map(elf.sections.map((s) => [s.name, s]));
  const offsets = new Map<string, number>();
  for (const s of elf.symbols) offsets.set(`${s.shndx} ${s.name}`, s.value);
  const types = btf.types.map((type): BtfType => {
    if (type.kind !== "datasec") return type;
    const section = sections.get(type.name);
    if (section === undefined || type.name === ".kconfig" || type.name === ".ksyms") return type;
    const vars = type.vars.map((v) => {
      const variable = typeOf(btf, v.type);
      const known = variable.kind === "var" ? offsets.get(`${section.index} ${variable.name}`) : undefined;
      const size = v.size === 0 ? (sizeOf(btf, v.type) ?? 0) : v.size;
      return { type: v.type, offset: type.size === 0 ? (known ?? v.offset) : v.offset, size };
    });
    vars.sort((a, b) => a.offset - b.offset);
    return { ...type, size: type.size === 0 ? section.size : type.size, vars };
  });
  return { ...btf, types };
}
