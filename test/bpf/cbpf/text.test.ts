import { describe, expect, it } from "vitest";
import { ancillaryRows, SKF_AD_OFF } from "../../../sim/bpf/cbpf/ancillary.ts";
import { assembleClassic } from "../../../sim/bpf/cbpf/assemble.ts";
import { classicRows } from "../../../sim/bpf/cbpf/table.ts";
import { formatClassic, parseClassic } from "../../../sim/bpf/cbpf/text.ts";
import { ObjectError } from "../../../sim/engine/errors.ts";
import { asmEntries, randomClassic, source } from "./kit.ts";

const sourced = asmEntries.filter((e) => e.name !== undefined);
const compiled = asmEntries.filter((e) => e.expression !== undefined);

function message(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(ObjectError);
    return (error as Error).message;
  }
  throw new Error("nothing was thrown");
}

describe("the assembler of classic BPF", () => {
  it.each(sourced.map((e) => [e.name!, e] as const))("%s assembles as with bpf_asm", (name, e) => {
    const program = assembleClassic(source(name), name);
    expect(formatClassic(program, "decimal").trim()).toBe(e.decimal);
    expect(formatClassic(program, "c").trim().split("\n")).toEqual(e.c);
  });

  it.each([
    ["jequ #1, l1\nl1: ret a", 'f.asm:1:1: unknown instruction "jequ" [CLASSIC_ASM]', "did you mean jeq?"],
    ["ldh [12]\n  ldd [3]", 'f.asm:2:3: unknown instruction "ldd" [CLASSIC_ASM]', "did you mean ld?"],
    ["ld vlan_tsi\nret a", 'f.asm:1:4: unknown operand "vlan_tsi" [CLASSIC_ASM]', "did you mean vlan_tci?"],
    ["ldh M[3]\nret a", "f.asm:1:5: ldh does not take a word of M[]", "it takes [12], [x + 12]"],
    ["add [3]", "f.asm:1:5: add does not take packet bytes", "it takes #1, x"],
    ["ret a\nadd 3", 'f.asm:2:5: "3" cannot begin an operand', "a constant is written #1"],
    ["jeq #1, nowhere\nret a", 'f.asm:1:9: there is no label "nowhere"', "there are none"],
    ["top: ld #1\nja top", 'f.asm:2:4: a jump back to "top": classic BPF only jumps forward', ""],
    ["a1: a1: ret a", 'f.asm:1:5: the label "a1" is there twice', ""],
    ["ret: ret a", 'f.asm:1:1: "ret" is a word of the language and cannot be a label', ""],
    ["ld #0x1ffffffff", "f.asm:1:5: 0x1ffffffff does not fit into 32 bits", ""],
    ["ld #-2147483649", "f.asm:1:5: -2147483649 does not fit into 32 bits", ""],
    ["ld #08", 'f.asm:1:5: "08" is not a number', ""],
    ["ldx 4*([14]&0xe)", "f.asm:1:5: only 4*([k]&0xf) can be computed", ""],
    ["ldb [x - 3]", 'f.asm:1:8: "-" where "+" should stand', ""],
    ["ldb [y + 3]", 'f.asm:1:6: "y" in brackets', "[12] or [x + 12]"],
    ["ldh [12", 'f.asm:1:8: "]" is missing', ""],
    ["ldh", "f.asm:1:4: the operand is missing", ""],
    ["ret %q", 'f.asm:1:6: unknown register "%q"', "there are %a and %x"],
    ["ld #1 @", 'f.asm:1:7: unexpected character "@"', ""],
    ["; nothing\n", "f.asm:1:10: the program has no instructions", ""],
    ["[12]", 'f.asm:1:1: "[" where an instruction should begin', ""],
    [
      `jeq #1, far\n${"neg\n".repeat(256)}far: ret a`,
      'f.asm:1:9: "far" is 256 instructions away, 255 is the farthest',
      "ja far",
    ],
    ["neg\n".repeat(4097), "f.asm:4097:1: more than 4096 instructions", ""],
  ])("refuses %j at its place", (text, first, fix) => {
    const said = message(() => assembleClassic(text, "f.asm"));
    expect(said.split("\n")[0]).toContain(first);
    expect(said).toContain(fix);
  });

  it("takes a jump that far, and any distance of ja", () => {
    expect(assembleClassic(`jeq #1, far\n${"neg\n".repeat(255)}far: ret a`, "f").insns[0]!.jt).toBe(255);
    expect(assembleClassic(`ja far\n${"neg\n".repeat(4000)}far: ret a`, "f").insns[0]!.k).toBe(4000);
  });

  it("takes [x+4], which bpf_asm refuses, and negative offsets", () => {
    const insns = assembleClassic("ldb [x+4]\nldb [x + -4]\nldb [-4096]\nret a", "f").insns;
    expect(insns.map((f) => f.k)).toEqual([4, 0xfffffffc, SKF_AD_OFF, 0]);
  });
});

describe("the disassembler of classic BPF", () => {
  it.each(classicRows.map((row) => [`${row.name} ${row.operand}`, row] as const))(
    "%s assembles to what it came from",
    (_name, row) => {
      const insns = [3, 0x80000000].map((k) => ({
        code: row.code,
        jt: row.branch ? 1 : 0,
        jf: row.branch ? 2 : 0,
        k: row.operand === "label" ? 1 : ["none", "a", "x", "len"].includes(row.operand) ? 0 : k,
      }));
      const end = { code: 0x06, jt: 0, jf: 0, k: 7 };
      const program = { path: "p", insns: [...insns, end, end, end] };
      expect(assembleClassic(formatClassic(program, "disasm"), "p").insns).toEqual(program.insns);
    },
  );

  it.each(ancillaryRows.map((row) => [row.name ?? "xor", row] as const))("%s has its name", (_name, row) => {
    const f = { code: 0x20, jt: 0, jf: 0, k: SKF_AD_OFF + row.ad };
    const text = formatClassic({ path: "p", insns: [f] }, "disasm");
    expect(text).toBe(row.name === null ? "l0:\tld [-4056]\n" : `l0:\tld #${row.name}\n`);
    expect(assembleClassic(text, "p").insns).toEqual([f]);
  });

  it("programs made at random survive text and back", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const { insns } = randomClassic(seed);
      expect(assembleClassic(formatClassic({ path: "", insns }, "disasm"), "p").insns).toEqual(insns);
    }
  });

  it("prints what libpcap calls unimplemented as it does", () => {
    const insns = [0x81, 0x0e, 0x99].map((code) => ({ code, jt: 0, jf: 0, k: 0 }));
    expect(formatClassic({ path: "", insns }, "d")).toBe(
      "(000) unimp    0x81\n(001) unimp    0xe\n(002) unimp    0x99\n",
    );
    expect(formatClassic({ path: "", insns: insns.slice(2) }, "disasm")).toBe("l0:\tnosup 0x99\n");
  });
});

describe("texts of tcpdump", () => {
  it.each(compiled.map((e) => [`${e.plain ? "-O " : ""}'${e.expression}'`, e] as const))("%s", (_name, e) => {
    const program = parseClassic(e.ddd!);
    expect(formatClassic(program, "ddd").trim()).toBe(e.ddd);
    expect(formatClassic(program, "d").trimEnd().split("\n")).toEqual(e.d);
    expect(parseClassic(formatClassic(program, "decimal")).insns).toEqual(program.insns);
  });

  it.each([
    ["", "bytecode: it does not begin with the number of instructions"],
    ["40 0 0 12", "bytecode: it does not begin with the number of instructions"],
    ["2,6 0 0 1,", "bytecode: it says 2 instructions and has 1"],
    ["1,6 0 0,", 'bytecode: insn 0: "6 0 0" is not four decimal numbers'],
    ["1,6 0 0 0x10,", 'bytecode: insn 0: "6 0 0 0x10" is not four decimal numbers'],
    ["2,6 0 0 1,6 256 0 1", 'bytecode: insn 1: "6 256 0 1" is out of range'],
    ["1,6 0 0 4294967296,", 'bytecode: insn 0: "6 0 0 4294967296" is out of range'],
  ])("refuses %j", (text, first) => {
    expect(message(() => parseClassic(text))).toContain(first);
  });
});
