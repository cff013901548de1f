/**
 * Reader of ELF64 little-endian relocatable files for machine EM_BPF. Every access is bounds-checked; a defect is an
 * ObjectError that names section and offset. Section contents are views into the file's bytes, never copies.
 *
 * ELF header (64 bytes)                       Section header (64 bytes)
 *     +0  u8[4] 7f 45 4c 46                       +0  u32 name         +40 u32 link
 *     +4  u8 class (2)  +5 u8 data (1)            +4  u32 type         +44 u32 info
 *     +16 u16 type (1)  +18 u16 machine (247)     +8  u64 flags        +48 u64 addralign
 *     +20 u32 version                             +16 u64 addr         +56 u64 entsize
 *     +40 u64 shoff                               +24 u64 offset
 *     +58 u16 shentsize +60 u16 shnum             +32 u64 size
 *     +62 u16 shstrndx
 * Symbol (24 bytes): +0 u32 name, +4 u8 bind:4|type:4, +5 u8 visibility, +6 u16 shndx, +8 u64 value, +16 u64 size
 * Rel (16 bytes): +0 u64 offset, +8 u32 type, +12 u32 symbol
 * @source System V ABI (gabi) chapters 4; Documentation/bpf/llvm_reloc.rst for the relocation types
 */
import { objectError } from "./object-error.ts";
import { sniff } from "./sniff.ts";

/** Section types. */
export const SHT_PROGBITS = 1;
const SHT_SYMTAB = 2;
const SHT_STRTAB = 3;
const SHT_RELA = 4;
export const SHT_NOBITS = 8;
const SHT_REL = 9;
/** Section flag: it holds instructions. */
export const SHF_EXECINSTR = 4;
/** Bindings and types of symbols. */
export const STB_LOCAL = 0;
export const STB_WEAK = 2;
export const STT_NOTYPE = 0;
export const STT_OBJECT = 1;
export const STT_FUNC = 2;
export const STT_SECTION = 3;
/** Section number of a symbol that stands elsewhere. */
export const SHN_UNDEF = 0;
/** Section numbers from here on are special (absolute, common). */
export const SHN_LORESERVE = 0xff00;
/** Relocations of instructions: none, of a 64-bit load, of a call. */
export const R_BPF_NONE = 0;
export const R_BPF_64_64 = 1;
export const R_BPF_64_32 = 10;

const EM_BPF = 247;
const EHDR_BYTES = 64;
const SHDR_BYTES = 64;
const SYM_BYTES = 24;
const REL_BYTES = 16;

/** A section with its bytes. */
export interface ElfSection {
  readonly index: number;
  readonly name: string;
  /** SHT_* */
  readonly type: number;
  /** SHF_*, the low 32 bits */
  readonly flags: number;
  /** bytes; for SHT_NOBITS nothing in the file stands behind it */
  readonly size: number;
  readonly link: number;
  readonly info: number;
  /** The contents; empty for SHT_NOBITS. */
  readonly data: Uint8Array;
}

/** A symbol. */
export interface ElfSymbol {
  readonly index: number;
  readonly name: string;
  /** STT_* */
  readonly type: number;
  /** STB_* */
  readonly bind: number;
  /** Section number; 0 undefined, from SHN_LORESERVE special. */
  readonly shndx: number;
  /** Byte offset within its section. */
  readonly value: number;
  /** bytes */
  readonly size: number;
}

/** A relocation of a section. */
export interface ElfRelocation {
  /** Byte offset within the section it applies to. */
  readonly offset: number;
  /** R_BPF_* */
  readonly type: number;
  readonly symbol: ElfSymbol;
}

/** A parsed object file. */
export interface ElfFile {
  readonly path: string;
  /** By section number; number 0 is the empty one. */
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  /** The relocations that apply to a section, ordered by offset. @throws ObjectError when they are malformed */
  relocationsOf(section: ElfSection): readonly ElfRelocation[];
}

/** Names of section types for listings. */
export function sectionTypeName(type: number): string {
  const names = ["NULL", "PROGBITS", "SYMTAB", "STRTAB", "RELA", "HASH", "DYNAMIC", "NOTE", "NOBITS", "REL"];
  if (type === 0x6fff4c03) return "LLVM_ADDRSIG";
  return names[type] ?? `0x${type.toString(16)}`;
}

/**
 * Reads an object file.
 * @param path for messages only
 * @param file is not changed
 * @throws ObjectError: ELF_EMPTY, ELF_NOT, ELF_TRUNCATED, ELF_CLASS, ELF_ENDIAN, ELF_MACHINE, ELF_TYPE, ELF_HEADER, ELF_SECTION,
 *         ELF_STRING, ELF_SYMBOL, ELF_NO_SYMBOLS
 */
export function parseElf(file: Uint8Array, path: string): ElfFile {
  // a Buffer's slice() shares its memory, and what is made of this file must not
  const bytes = new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  checkIdent(bytes, path);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sections = readSections(bytes, view, path);
  const symbols = readSymbols(sections, path);
  return { path, sections, symbols, relocationsOf: (section) => readRelocations(sections, symbols, section, path) };
}

/** The NUL-terminated string at an offset of a string table. @returns null when it is not there or has no end */
function stringAt(table: Uint8Array, offset: number): string | null {
  if (offset >= table.length) return null;
  const end = table.indexOf(0, offset);
  if (end < 0) return null;
  return utf8.decode(table.subarray(offset, end));
}

const utf8 = new TextDecoder("utf-8");
const RECOMPILE = "compile it again: clang -O2 -g -target bpf -c FILE.c -o FILE.o";

function checkIdent(bytes: Uint8Array, path: string): void {
  const place = { file: path };
  if (bytes.length === 0) throw objectError("ELF_EMPTY", place, "the file is empty, expected an ELF object", RECOMPILE);
  if (bytes[0] !== 0x7f || bytes[1] !== 0x45 || bytes[2] !== 0x4c || bytes[3] !== 0x46) {
    const seen = sniff(bytes);
    const what = seen === null ? "" : `: it looks like ${seen.what}`;
    throw objectError(
      "ELF_NOT",
      place,
      `not an ELF object${what}`,
      seen?.fix ?? "give an object compiled with clang -target bpf",
    );
  }
  if (bytes.length < EHDR_BYTES) {
    const message = `the file ends after ${bytes.length} bytes, expected an ELF header of ${EHDR_BYTES}`;
    throw objectError("ELF_TRUNCATED", place, message, RECOMPILE);
  }
  if (bytes[4] !== 2) {
    const what = bytes[4] === 1 ? "a 32-bit ELF file" : `an ELF file of class ${bytes[4]}`;
    throw objectError(
      "ELF_CLASS",
      { file: path, offset: 4 },
      `${what}, expected a 64-bit one`,
      "compile with clang -target bpf",
    );
  }
  if (bytes[5] !== 1) {
    const what = bytes[5] === 2 ? "a big-endian ELF file" : `an ELF file of data encoding ${bytes[5]}`;
    const fix = "compile for a little-endian machine: clang -target bpfel";
    throw objectError("ELF_ENDIAN", { file: path, offset: 5 }, `${what}, expected a little-endian one`, fix);
  }
  const machine = bytes[18]! | (bytes[19]! << 8);
  // EM_NONE: clang before its BPF back end had a machine number
  if (machine !== EM_BPF && machine !== 0) {
    const name = MACHINES[machine] ?? "another machine";
    const message = `an object for ${name} (machine ${machine}), expected BPF (machine ${EM_BPF})`;
    throw objectError("ELF_MACHINE", { file: path, offset: 18 }, message, "compile with clang -target bpf");
  }
  const type = bytes[16]! | (bytes[17]! << 8);
  if (type !== 1) {
    const name = { 2: "an executable", 3: "a shared library", 4: "a core dump" }[type] ?? `an ELF file of type ${type}`;
    throw objectError(
      "ELF_TYPE",
      { file: path, offset: 16 },
      `${name}, expected a relocatable object`,
      "compile with clang -c",
    );
  }
}

const MACHINES: Readonly<Record<number, string>> = {
  3: "x86",
  8: "MIPS",
  20: "PowerPC",
  21: "64-bit PowerPC",
  22: "S/390",
  40: "32-bit ARM",
  62: "x86-64",
  183: "64-bit ARM",
  243: "RISC-V",
  258: "LoongArch",
};

/** A u64 as a double: offsets beyond 2^53 are beyond any file anyway. */
function u64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}

function readSections(bytes: Uint8Array, view: DataView, path: string): ElfSection[] {
  const shoff = u64(view, 40);
  const shentsize = view.getUint16(58, true);
  const shnum = view.getUint16(60, true);
  const shstrndx = view.getUint16(62, true);
  if (shnum === 0) {
    const message = "the file has no section table, expected sections with programs";
    throw objectError("ELF_HEADER", { file: path, offset: 60 }, message, RECOMPILE);
  }
  if (shentsize !== SHDR_BYTES) {
    const message = `section headers of ${shentsize} bytes, expected ${SHDR_BYTES}`;
    throw objectError("ELF_HEADER", { file: path, offset: 58 }, message, RECOMPILE);
  }
  if (shoff + shnum * SHDR_BYTES > bytes.length) {
    const message =
      `the section table reaches from ${shoff} to ${shoff + shnum * SHDR_BYTES}, but the file ends at ${bytes.length}: ` +
      "the file is truncated or its header damaged";
    throw objectError("ELF_TRUNCATED", { file: path, offset: 40 }, message, "copy or compile it again");
  }
  if (shstrndx >= shnum) {
    const message = `section names are said to be in section ${shstrndx}, but there are ${shnum} sections`;
    throw objectError("ELF_HEADER", { file: path, offset: 62 }, message, RECOMPILE);
  }
  const raw = [];
  for (let i = 0; i < shnum; i++) {
    const at = shoff + i * SHDR_BYTES;
    const type = view.getUint32(at + 4, true);
    const offset = u64(view, at + 24);
    const size = u64(view, at + 32);
    if (type !== SHT_NOBITS && type !== 0 && offset + size > bytes.length) {
      const message =
        `section ${i} reaches from ${offset} to ${offset + size}, but the file ends at ${bytes.length}: ` +
        "the file is truncated or its header damaged";
      throw objectError("ELF_TRUNCATED", { file: path, offset: at + 24 }, message, "copy or compile it again");
    }
    const data = type === SHT_NOBITS || type === 0 ? bytes.subarray(0, 0) : bytes.subarray(offset, offset + size);
    raw.push({ at, type, size: type === 0 ? 0 : size, data });
  }
  const names = raw[shstrndx]!;
  if (names.type !== SHT_STRTAB) {
    const message = `section ${shstrndx} holds the section names, expected type STRTAB, found ${sectionTypeName(names.type)}`;
    throw objectError("ELF_HEADER", { file: path, offset: 62 }, message, RECOMPILE);
  }
  return raw.map((r, index) => {
    const nameAt = view.getUint32(r.at, true);
    const name = index === 0 ? "" : stringAt(names.data, nameAt);
    if (name === null) {
      const message = `the name of section ${index} at ${nameAt} lies outside the section names (${names.data.length} bytes)`;
      throw objectError("ELF_STRING", { file: path, offset: r.at }, message, RECOMPILE);
    }
    const { type, size, data } = r;
    const flags = view.getUint32(r.at + 8, true);
    const link = view.getUint32(r.at + 40, true);
    const info = view.getUint32(r.at + 44, true);
    return { index, name, type, flags, size, link, info, data };
  });
}

function readSymbols(sections: readonly ElfSection[], path: string): ElfSymbol[] {
  const tables = sections.filter((s) => s.type === SHT_SYMTAB);
  const table = tables[0];
  if (table === undefined) {
    const message = "no symbol table, so programs and maps have no names: a stripped file?";
    throw objectError("ELF_NO_SYMBOLS", { file: path }, message, "strip only debug sections: llvm-strip -g FILE.o");
  }
  const place = { file: path, section: table.name };
  if (tables.length > 1)
    throw objectError("ELF_SYMBOL", place, `${tables.length} symbol tables, expected one`, RECOMPILE);
  const strings = sections[table.link];
  if (strings === undefined || strings.type !== SHT_STRTAB) {
    const message = `symbol names are said to be in section ${table.link}, which is no string table`;
    throw objectError("ELF_SYMBOL", place, message, RECOMPILE);
  }
  if (table.size % SYM_BYTES !== 0) {
    const message = `${table.size} bytes of symbols, expected a multiple of ${SYM_BYTES}`;
    throw objectError("ELF_SYMBOL", place, message, RECOMPILE);
  }
  const view = new DataView(table.data.buffer, table.data.byteOffset, table.data.byteLength);
  const symbols: ElfSymbol[] = [];
  for (let at = 0; at < table.data.length; at += SYM_BYTES) {
    const index = at / SYM_BYTES;
    const info = view.getUint8(at + 4);
    const shndx = view.getUint16(at + 6, true);
    const nameAt = view.getUint32(at, true);
    if (shndx >= sections.length && shndx < SHN_LORESERVE) {
      const message = `symbol ${index} belongs to section ${shndx}, but there are ${sections.length} sections`;
      throw objectError("ELF_SYMBOL", { ...place, offset: at + 6 }, message, RECOMPILE);
    }
    const own = nameAt === 0 ? "" : stringAt(strings.data, nameAt);
    if (own === null) {
      const message = `the name of symbol ${index} at ${nameAt} lies outside the symbol names (${strings.data.length} bytes)`;
      throw objectError("ELF_STRING", { ...place, offset: at }, message, RECOMPILE);
    }
    const type = info & 15;
    const name = own === "" && type === STT_SECTION ? (sections[shndx]?.name ?? "") : own;
    symbols.push({ index, name, type, bind: info >> 4, shndx, value: u64(view, at + 8), size: u64(view, at + 16) });
  }
  return symbols;
}

function readRelocations(
  sections: readonly ElfSection[],
  symbols: readonly ElfSymbol[],
  target: ElfSection,
  path: string,
): ElfRelocation[] {
  const out: ElfRelocation[] = [];
  for (const section of sections) {
    if (section.info !== target.index || (section.type !== SHT_REL && section.type !== SHT_RELA)) continue;
    const place = { file: path, section: section.name };
    if (section.type === SHT_RELA) {
      throw objectError(
        "ELF_RELOCATION",
        place,
        "relocations with addends (RELA), expected REL as clang writes for BPF",
        RECOMPILE,
      );
    }
    if (section.size % REL_BYTES !== 0) {
      const message = `${section.size} bytes of relocations, expected a multiple of ${REL_BYTES}`;
      throw objectError("ELF_RELOCATION", place, message, RECOMPILE);
    }
    const view = new DataView(section.data.buffer, section.data.byteOffset, section.data.byteLength);
    for (let at = 0; at < section.data.length; at += REL_BYTES) {
      const offset = u64(view, at);
      const number = view.getUint32(at + 12, true);
      const symbol = symbols[number];
      if (symbol === undefined) {
        const message = `relocation against symbol ${number}, but there are ${symbols.length} symbols`;
        throw objectError("ELF_RELOCATION", { ...place, offset: at + 12 }, message, RECOMPILE);
      }
      if (offset >= target.size) {
        const message = `relocation of byte 0x${offset.toString(16)} of section ${JSON.stringify(target.name)}, which has ${target.size} bytes`;
        throw objectError("ELF_RELOCATION", { ...place, offset: at }, message, RECOMPILE);
      }
      out.push({ offset, type: view.getUint32(at + 8, true), symbol });
    }
  }
  return out.sort((a, b) => a.offset - b.offset);
}
