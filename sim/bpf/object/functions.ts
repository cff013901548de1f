/**
 * The functions of an object's executable sections: where each starts and ends, and the records that belong to its bytes.
 * @source libbpf src/libbpf.c bpf_object__add_programs
 * @differs objects without STT_FUNC symbols (clang before 2018, iproute2's way) are read by their untyped global symbols, and a
 *          section without any symbol is one function named after the section; libbpf finds no program in them
 */
import type { BtfExt, CoreRecord, LineRecord } from "../btf/parse-btf-ext.ts";
import {
  type ElfFile,
  type ElfRelocation,
  type ElfSection,
  SHF_EXECINSTR,
  SHT_PROGBITS,
  STB_LOCAL,
  STT_FUNC,
  STT_NOTYPE,
} from "../elf/elf.ts";
import { objectError } from "../elf/object-error.ts";

/** Bytes of an instruction slot. */
export const INSN_BYTES = 8;

/** One function. */
export interface Func {
  readonly name: string;
  readonly section: ElfSection;
  /** Byte offset within the section. */
  readonly start: number;
  /** bytes */
  readonly size: number;
  /** Not `static`. */
  readonly global: boolean;
  /** BTF type id of the FUNC, 0 when unknown. */
  readonly typeId: number;
}

/** What belongs to one executable section. */
export interface CodeSection {
  readonly section: ElfSection;
  /** By byte offset of the start. */
  readonly funcs: ReadonlyMap<number, Func>;
  /** By byte offset of the instruction. */
  readonly relocations: ReadonlyMap<number, ElfRelocation>;
  readonly lines: readonly LineRecord[];
  readonly core: readonly CoreRecord[];
}

/** Whether a section holds code. */
export function isCode(section: ElfSection): boolean {
  return section.type === SHT_PROGBITS && (section.flags & SHF_EXECINSTR) !== 0 && section.size > 0;
}

/**
 * The code sections by section number.
 * @throws ObjectError FUNC_RANGE when a function does not lie within its section or on instruction boundaries
 */
export function readCode(elf: ElfFile, ext: BtfExt): Map<number, CodeSection> {
  const out = new Map<number, CodeSection>();
  for (const section of elf.sections) {
    if (!isCode(section)) continue;
    const typeIds = new Map((ext.funcs.get(section.name) ?? []).map((f) => [f.offset, f.typeId]));
    const funcs = new Map<number, Func>();
    for (const f of spans(elf, section)) {
      const aligned = f.size % INSN_BYTES === 0 && f.start % INSN_BYTES === 0;
      const inside = f.size > 0 && f.start < section.size && f.start + f.size <= section.size;
      if (!aligned || !inside) {
        const place = { file: elf.path, section: section.name, offset: f.start };
        const message = `corrupted program '${f.name}', size ${f.size} in a section of ${section.size} bytes`;
        throw objectError("FUNC_RANGE", place, message, "compile it again with clang -target bpf");
      }
      funcs.set(f.start, { ...f, section, typeId: typeIds.get(f.start) ?? 0 });
    }
    const relocations = new Map(elf.relocationsOf(section).map((r) => [r.offset, r]));
    const lines = ext.lines.get(section.name) ?? [];
    out.set(section.index, { section, funcs, relocations, lines, core: ext.core.get(section.name) ?? [] });
  }
  return out;
}

type Span = Omit<Func, "section" | "typeId">;

function spans(elf: ElfFile, section: ElfSection): Span[] {
  const own = elf.symbols.filter((s) => s.shndx === section.index && s.name !== "");
  const typed = own.filter((s) => s.type === STT_FUNC);
  if (typed.length > 0) {
    return typed.map((s) => ({ name: s.name, start: s.value, size: s.size, global: s.bind !== STB_LOCAL }));
  }
  const untyped = own.filter((s) => s.type === STT_NOTYPE && s.bind !== STB_LOCAL).sort((a, b) => a.value - b.value);
  if (untyped.length > 0) {
    return untyped.map((s, i) => {
      const end = untyped[i + 1]?.value ?? section.size;
      return { name: s.name, start: s.value, size: s.size > 0 ? s.size : end - s.value, global: true };
    });
  }
  return [{ name: section.name, start: 0, size: section.size, global: true }];
}
