import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { assemble } from "../../../sim/bpf/isa/assemble.ts";
import { readFields, rowOf } from "../../../sim/bpf/isa/decode.ts";
import { disassemble, insnText } from "../../../sim/bpf/isa/disassemble.ts";
import { insnRows } from "../../../sim/bpf/isa/table.ts";
import { helperName } from "../../../sim/bpf/object/helper-names.ts";

/** Recorded by record-kernel-text.mjs from the verifier's log. */
const recorded = JSON.parse(readFileSync(new URL("kernel-text.json", import.meta.url), "utf8")) as {
  readonly kernel: string;
  readonly rows: readonly (readonly [string, string])[];
};

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe(`instruction text, as Linux ${recorded.kernel} writes it`, () => {
  it.each(recorded.rows)("%s is written %s", (hex, text) => {
    expect(insnText(bytesOf(hex), 0, { helperName })).toBe(text);
  });

  it.each(recorded.rows)("%s is what %s assembles to", (hex, text) => {
    const first = text.includes("= 0x") && !text.startsWith("if") ? hex : hex.slice(0, 16);
    expect(hexOf(assemble(text).insns)).toBe(first);
  });

  it("every form that netsim runs was asked of the kernel, but the loads of maps, functions and kernel symbols", () => {
    const asked = new Set(
      recorded.rows.map(([hex]) => {
        const bytes = bytesOf(hex);
        return rowOf(bytes[0]!, readFields(bytes, 0));
      }),
    );
    const missing = insnRows.filter((row) => row.refuse === undefined && !asked.has(row)).map((row) => row.text);
    expect(missing).toEqual([
      "r{dst} = map[fd:{imm}]",
      "r{dst} = map[fd:{imm}][0]+{next}",
      "r{dst} = btf[{imm}]",
      "r{dst} = subprog[{tolong}]",
      "call kernel-function#{imm}",
    ]);
  });

  it("a whole program is listed with slot numbers, a ld_imm64 taking two", () => {
    const { insns } = assemble("r1 = 7 ll\nr0 = 1\nexit");
    expect(disassemble(insns)).toEqual([
      { insn: 0, text: "r1 = 0x7" },
      { insn: 2, text: "r0 = 1" },
      { insn: 3, text: "exit" },
    ]);
  });

  it("a map is named by the caller", () => {
    const { insns } = assemble("r1 = map[vips]\nexit");
    expect(disassemble(insns, { imm64: () => "map[id:5]" })[0]!.text).toBe("r1 = map[id:5]");
  });
});

describe("the assembler", () => {
  it("resolves labels forwards and backwards, for jumps and for calls", () => {
    const a = assemble("top: r0 = 1\nif r0 == 1 goto out\ngoto top\nout: call f\nexit\nf: exit");
    expect(disassemble(a.insns).map((l) => l.text)).toEqual([
      "r0 = 1",
      "if r0 == 0x1 goto pc+1",
      "goto pc-3",
      "call pc+1",
      "exit",
      "exit",
    ]);
  });

  it("records map loads as relocations", () => {
    expect(assemble("r1 = map[vips]\nr2 = map[.data]+8\nexit").relocations).toEqual([
      { kind: "map", insn: 0, map: "vips" },
      { kind: "map-value", insn: 2, map: ".data", offset: 8 },
    ]);
  });

  it.each([
    ["r0 = r99", "no such register"],
    ["r0 <- 1", "no such instruction"],
    ["goto nowhere", 'no label "nowhere"'],
    ["call no_such_helper", 'no helper "no_such_helper"'],
  ])("refuses %s: %s", (text, why) => {
    expect(() => assemble(text)).toThrow(why);
  });

  it("a jump reaches as far as its 16 bits: one instruction more is refused, and gotol has 32", () => {
    const over = (n: number, jump: string): string => `${jump} far\n${"r0 = 1\n".repeat(n)}far: exit`;
    expect(disassemble(assemble(over(32767, "goto")).insns)[0]!.text).toBe("goto pc+32767");
    expect(() => assemble(over(32768, "goto"))).toThrow('the jump to "far" is 32768 instructions long');
    expect(disassemble(assemble(over(32768, "gotol")).insns)[0]!.text).toBe("gotol pc+32768");
  });
});
