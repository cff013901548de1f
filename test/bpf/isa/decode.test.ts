import { describe, expect, it } from "vitest";
import { assemble } from "../../../sim/bpf/isa/assemble.ts";
import { decodeProgram } from "../../../sim/bpf/isa/decode.ts";
import { programTag } from "../../../sim/bpf/isa/tag.ts";
import { messageOf } from "../jit/kit.ts";

const bytes = (...hex: string[]): Uint8Array => Uint8Array.from(Buffer.from(hex.join(""), "hex"));
const EXIT = "9500000000000000";

describe("decoding refuses, naming program and instruction", () => {
  it.each([
    [[], "the program has no instructions"],
    [["b700"], "the program's 2 bytes are no whole number of 8-byte instructions"],
    [["8f00000000000000", EXIT], "insn 0: unknown opcode 8f"],
    [["ff00000000000000", EXIT], "insn 0: unknown opcode ff"],
    [["0000000000000000", EXIT], "insn 0: unknown opcode 00"],
    [["b70b000000000000", EXIT], "insn 0: R11 is invalid"],
    [["bfb0000000000000", EXIT], "insn 0: R11 is invalid"],
    [["b70a000000000000", EXIT], "insn 0: frame pointer is read only"],
    [["db a0 f8ff e1000000".replaceAll(" ", ""), EXIT], "insn 0: frame pointer is read only"],
    [["b710000000000000", EXIT], "insn 0: BPF_MOV uses reserved fields (src is 1)"],
    [["0f10000005000000", EXIT], "insn 0: BPF_ALU uses reserved fields (imm is 5)"],
    [["3700020007000000", EXIT], "insn 0: BPF_ALU uses reserved fields"],
    [["dc00000011000000", EXIT], "insn 0: BPF_END uses reserved fields"],
    [["db10000002000000", EXIT], "insn 0: BPF_ATOMIC uses invalid atomic opcode 02"],
    [["1800000000000000"], "insn 0: invalid bpf_ld_imm64 insn: its second slot is missing"],
    [["1800000000000000", "0100000000000000", EXIT], "insn 0: invalid bpf_ld_imm64 insn: its second slot is not empty"],
    [["0500050000000000", EXIT], "insn 0: jump out of range from insn 0 to 6"],
    [["0500feff00000000", EXIT], "insn 0: jump out of range from insn 0 to -1"],
    [
      ["0500010000000000", "1800000000000000", "0000000000000000", EXIT],
      "insn 0: jump into the middle of ldimm64 insn 2",
    ],
    [["b700000000000000"], "insn 0: last insn is not an exit or jmp"],
    [["8510000009000000", EXIT], "insn 0: call to invalid destination"],
    [["8510000000000000", "b700000000000000"], "insn 0: last insn is not an exit or jmp"],
    [["e500050000000000", EXIT], "insn 0: jump out of range from insn 0 to 6"],
    [["8d00000001000000", EXIT], "insn 0: unknown opcode 8d"],
    [["1851000000000000", "0000000000000000", EXIT], "insn 0: fd_idx without fd_array is invalid"],
  ])("%s: %s", (insns, message) => {
    const text = messageOf(() => decodeProgram("p", bytes(...insns)));
    expect(text).toContain('program "p": ');
    expect(text).toContain(message);
  });

  it("a jump into another function is out of range", () => {
    const { insns } = assemble("call f\ngoto inside\nf: r0 = 1\ninside: exit");
    expect(() => decodeProgram("p", insns)).toThrow("jump out of range from insn 1 to 3");
  });
});

describe("decoding", () => {
  it("finds the functions", () => {
    const { insns } = assemble("call g\ncall f\nexit\nf: r0 = 1\nexit\ng: r0 = 2\nexit");
    expect(decodeProgram("p", insns).functionSlots).toEqual([0, 3, 5]);
  });

  it("tells division from signed division, and moves from sign-extending moves", () => {
    const { insns } = assemble("r1 /= r2\nr1 s/= r2\nr1 = r2\nr1 = (s16)r2\nexit");
    const decoded = decodeProgram("p", insns).insns;
    expect(decoded.map((i) => (i.kind === "alu" ? i.op : i.kind))).toEqual(["div", "sdiv", "mov", "movsx", "exit"]);
  });
});

describe("the program tag", () => {
  it("of `r0 = 2; exit` is what Linux 6.18 shows", () => {
    expect(programTag(assemble("w0 = 2\nexit").insns, [])).not.toBe("614b434cd8324ecc");
    expect(programTag(assemble("r0 = 2\nexit").insns, [])).toBe("614b434cd8324ecc");
  });

  it("does not depend on which map is loaded", () => {
    const a = assemble("r1 = map[a]\nexit");
    const withFd = a.insns.slice();
    withFd[4] = 17;
    expect(programTag(withFd, a.relocations)).toBe(programTag(a.insns, a.relocations));
  });
});
