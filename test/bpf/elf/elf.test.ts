import { describe, expect, it } from "vitest";
import { parseElf } from "../../../sim/bpf/elf/elf.ts";
import { readObject } from "../../../sim/bpf/object/read-object.ts";
import { fixtureBytes, refusal } from "../object/fixtures.ts";

const text = (s: string): Uint8Array => new TextEncoder().encode(s);

/** A copy of maps.o with some bytes replaced. */
function patched(changes: Readonly<Record<number, number>>): Uint8Array {
  const bytes = Uint8Array.from(fixtureBytes("maps"));
  for (const [at, value] of Object.entries(changes)) bytes[Number(at)] = value;
  return bytes;
}

describe("parseElf", () => {
  it("reads the sections that llvm-readelf -S shows", () => {
    const elf = parseElf(fixtureBytes("maps"), "maps.o");
    expect(elf.sections.map((s) => [s.index, s.name, s.type, s.flags, s.link, s.info]).slice(0, 8)).toEqual([
      [0, "", 0, 0, 0, 0],
      [1, ".strtab", 3, 0, 0, 0],
      [2, ".text", 1, 6, 0, 0],
      [3, "xdp", 1, 6, 0, 0],
      [4, ".relxdp", 9, 0x40, 13, 3],
      [5, ".maps", 1, 3, 0, 0],
      [6, ".rel.maps", 9, 0x40, 13, 5],
      [7, "license", 1, 3, 0, 0],
    ]);
    expect(elf.sections[3]!.size).toBe(0x158);
    expect(elf.sections[3]!.data.length).toBe(0x158);
  });

  it("reads the symbols that llvm-readelf -s shows", () => {
    const elf = parseElf(fixtureBytes("maps"), "maps.o");
    const rows = elf.symbols.map((s) => [s.index, s.value, s.size, s.type, s.bind, s.shndx, s.name]);
    expect(rows.slice(0, 9)).toEqual([
      [0, 0, 0, 0, 0, 0, ""],
      [1, 0, 0, 3, 0, 3, "xdp"],
      [2, 0x00, 16, 2, 1, 3, "handle_first"],
      [3, 0x10, 96, 2, 1, 3, "handle_second"],
      [4, 0x40, 72, 1, 1, 5, "outer"],
      [5, 0x70, 136, 2, 1, 3, "dispatch"],
      [6, 0xc0, 48, 1, 1, 5, "blocked"],
      [7, 0x88, 56, 1, 1, 5, "jumps"],
      [8, 0xf8, 96, 2, 1, 3, "to_stack"],
    ]);
  });

  it("reads the relocations that llvm-readelf -r shows, by the section they apply to", () => {
    const elf = parseElf(fixtureBytes("maps"), "maps.o");
    const of = (name: string): unknown =>
      elf.relocationsOf(elf.sections.find((s) => s.name === name)!).map((r) => [r.offset, r.type, r.symbol.name]);
    expect(of("xdp")).toEqual([
      [0x30, 1, "outer"],
      [0xa0, 1, "blocked"],
      [0xc8, 1, "jumps"],
      [0x118, 1, "stacks"],
    ]);
    expect(of(".maps")).toEqual([
      [0x60, 2, "inner_a"],
      [0x80, 2, "inner_b"],
      [0xa0, 2, "handle_first"],
      [0xb8, 2, "handle_second"],
    ]);
    expect(of(".text")).toEqual([]);
  });

  it.each<[string, Uint8Array, string, RegExp]>([
    ["an empty file", new Uint8Array(0), "ELF_EMPTY", /the file is empty/],
    [
      "C source",
      text('#include <linux/bpf.h>\nSEC("xdp") int p(void) { return 2; }\n'),
      "ELF_NOT",
      /a C source file[\s\S]*clang/,
    ],
    ["a text file", text("hello there\n"), "ELF_NOT", /a text file/],
    ["an archive", text("!<arch>\nfoo.o/"), "ELF_NOT", /an ar archive \(\.a\)[\s\S]*ar x/],
    ["bitcode", Uint8Array.of(0x42, 0x43, 0xc0, 0xde, 1), "ELF_NOT", /LLVM bitcode[\s\S]*-flto/],
    ["gzip", Uint8Array.of(0x1f, 0x8b, 8, 0), "ELF_NOT", /gzip/],
    ["a Git LFS pointer", text("version https://git-lfs.github.com/spec/v1\n"), "ELF_NOT", /Git LFS pointer/],
    ["binary rubbish", Uint8Array.of(1, 2, 3, 4), "ELF_NOT", /^x\.o: not an ELF object \[ELF_NOT\]/],
    ["a header cut off", fixtureBytes("maps").subarray(0, 30), "ELF_TRUNCATED", /ends after 30 bytes/],
    ["a file cut off", fixtureBytes("maps").subarray(0, 3000), "ELF_TRUNCATED", /the file ends at 3000/],
    ["a 32-bit file", patched({ 4: 1 }), "ELF_CLASS", /32-bit/],
    ["a big-endian file", patched({ 5: 2 }), "ELF_ENDIAN", /big-endian[\s\S]*bpfel/],
    ["an x86-64 object", patched({ 18: 62 }), "ELF_MACHINE", /x86-64 \(machine 62\), expected BPF/],
    ["an executable", patched({ 16: 2 }), "ELF_TYPE", /an executable, expected a relocatable/],
    ["a wrong section header size", patched({ 58: 32 }), "ELF_HEADER", /headers of 32 bytes/],
    ["no sections", patched({ 60: 0 }), "ELF_HEADER", /no section table/],
    ["names in a section that is not there", patched({ 62: 200 }), "ELF_HEADER", /section 200/],
  ])("refuses %s", (_, bytes, code, message) => {
    const found = refusal(() => parseElf(bytes, "x.o"));
    expect(found.code).toBe(code);
    expect(found.message).toMatch(message);
  });

  it("refuses a file without a symbol table and says how to strip", () => {
    const bytes = Uint8Array.from(fixtureBytes("maps"));
    const shoff = new DataView(bytes.buffer).getUint32(40, true);
    bytes[shoff + 13 * 64 + 4] = 1; // .symtab becomes PROGBITS
    const found = refusal(() => parseElf(bytes, "x.o"));
    expect(found.code).toBe("ELF_NO_SYMBOLS");
    expect(found.message).toMatch(/stripped[\s\S]*llvm-strip -g/);
  });

  it("names section and offset of a relocation against a symbol that is not there", () => {
    const bytes = Uint8Array.from(fixtureBytes("maps"));
    const view = new DataView(bytes.buffer);
    const shoff = view.getUint32(40, true);
    const rel = view.getUint32(shoff + 4 * 64 + 24, true);
    view.setUint32(rel + 16 + 12, 999, true);
    const elf = parseElf(bytes, "x.o");
    const found = refusal(() => elf.relocationsOf(elf.sections[3]!));
    expect(found.code).toBe("ELF_RELOCATION");
    expect(found.message).toMatch(/^x\.o: section "\.relxdp", offset 0x1c: relocation against symbol 999/);
  });
});

describe("readObject", () => {
  it("says of a missing object how to compile it", () => {
    const found = refusal(() => readObject("no/such/file.o", "lb.o"));
    expect(found.code).toBe("OBJECT_MISSING");
    expect(found.message).toBe(
      "lb.o: no such file [OBJECT_MISSING]\n  fix: compile it: clang -O2 -g -target bpf -c lb.c -o lb.o",
    );
  });

  it("refuses a directory", () => {
    expect(refusal(() => readObject("test")).code).toBe("OBJECT_UNREADABLE");
  });
});
