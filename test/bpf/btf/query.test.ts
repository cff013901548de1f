import { describe, expect, it } from "vitest";
import { parseBtf } from "../../../sim/bpf/btf/parse-btf.ts";
import { declare, findTypes, resolve, sizeOf, typeName } from "../../../sim/bpf/btf/query.ts";
import type { Btf } from "../../../sim/bpf/btf/types.ts";
import { fixture, refusal } from "../object/fixtures.ts";
import { btf, id } from "./kit.ts";

describe("parseBtf", () => {
  it("reads a struct as bpftool btf dump shows it", () => {
    const type = btf.types[id("backend")]!;
    if (type.kind !== "struct") throw new Error("backend is no struct");
    expect(type.size).toBe(104);
    expect(type.members.map((m) => [m.name, m.bitOffset, m.bitSize])).toEqual([
      ["name", 0, 0],
      ["mac", 96, 0],
      ["port", 144, 0],
      ["delta", 192, 0],
      ["proto", 256, 0],
      ["low", 288, 5],
      ["mid", 293, 7],
      ["high", 300, 20],
      ["counters", 320, 0],
      ["up", 512, 0],
      ["", 528, 0],
      ["vip", 576, 0],
      ["pointer", 768, 0],
    ]);
  });

  it("reads enumerators with their sign", () => {
    const type = btf.types[id("proto", "enum")]!;
    if (type.kind !== "enum") throw new Error("proto is no enum");
    expect(type.values).toEqual([
      { name: "PROTO_TCP", value: 6n },
      { name: "PROTO_UDP", value: 17n },
      { name: "PROTO_NONE", value: -1n },
    ]);
  });

  it("fills sizes and offsets of data sections in from the ELF file", () => {
    const data = fixture("data").btf!;
    const section = data.types[findTypes(data, ".data", "datasec")[0]!]!;
    if (section.kind !== "datasec") throw new Error(".data is no datasec");
    const names = section.vars.map((v) => {
      const variable = data.types[v.type]!;
      return [variable.kind === "var" ? variable.name : "?", v.offset, v.size];
    });
    expect(section.size).toBe(24);
    expect(names).toEqual([
      ["seen", 0, 4],
      ["pointer", 8, 8],
      ["hidden", 16, 8],
    ]);
  });

  it.each<[string, number[], string]>([
    ["too short for a header", [0x9f, 0xeb, 1], "BTF_HEADER"],
    ["a wrong magic number", [1, 2, 1, 0, 24, ...Array<number>(19).fill(0)], "BTF_HEADER"],
    ["big-endian", [0xeb, 0x9f, 1, 0, 24, ...Array<number>(19).fill(0)], "BTF_HEADER"],
    ["version 2", [0x9f, 0xeb, 2, 0, 24, ...Array<number>(19).fill(0)], "BTF_HEADER"],
    [
      "types beyond the end",
      [0x9f, 0xeb, 1, 0, 24, 0, 0, 0, 0, 0, 0, 0, 99, ...Array<number>(11).fill(0)],
      "BTF_TRUNCATED",
    ],
    ["kind 25", [...header(12, 1), 0, 0, 0, 0, 0, 0, 0, 25, 4, 0, 0, 0, 0], "BTF_KIND"],
    ["a pointer to type 7 of 1", [...header(12, 1), 0, 0, 0, 0, 0, 0, 0, 2, 7, 0, 0, 0, 0], "BTF_TYPE_ID"],
    ["a typedef of itself", [...header(12, 1), 0, 0, 0, 0, 0, 0, 0, 8, 1, 0, 0, 0, 0], "BTF_LOOP"],
    ["35 consts on each other", [...header(35 * 12, 1), ...chain(35), 0], "BTF_LOOP"],
    ["a name outside the strings", [...header(12, 1), 9, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0], "BTF_STRING"],
    ["a type cut off", [...header(8, 1), 0, 0, 0, 0, 0, 0, 0, 2, 0], "BTF_TRUNCATED"],
    [
      "a struct with more members than bytes",
      [...header(12, 1), 0, 0, 0, 0, 5, 0, 0, 4, 4, 0, 0, 0, 0],
      "BTF_TRUNCATED",
    ],
  ])("refuses %s", (_, bytes, code) => {
    const found = refusal(() => parseBtf(Uint8Array.from(bytes), { file: "x.o" }));
    expect(found.code).toBe(code);
    expect(found.message).toMatch(/^x\.o: section "\.BTF"/);
  });
});

/** A BTF header for so many bytes of types and strings behind them. */
function header(typeBytes: number, stringBytes: number): number[] {
  const u32 = (n: number): number[] => [n & 255, n >> 8, 0, 0];
  return [0x9f, 0xeb, 1, 0, ...u32(24), ...u32(0), ...u32(typeBytes), ...u32(typeBytes), ...u32(stringBytes)];
}

/** So many consts, each of the next one, the last of void. */
function chain(count: number): number[] {
  return Array.from({ length: count }, (_, i) => [0, 0, 0, 0, 0, 0, 0, 10, i + 1 < count ? i + 2 : 0, 0, 0, 0]).flat();
}

describe("type queries", () => {
  const small: Btf = {
    types: [
      { kind: "void" },
      { kind: "int", name: "int", size: 4, bits: 32, signed: true, bool: false, char: false },
      { kind: "const", type: 1 },
      { kind: "ptr", type: 2 },
      { kind: "const", type: 3 },
      { kind: "array", type: 1, indexType: 1, count: 3 },
      { kind: "array", type: 5, indexType: 1, count: 2 },
      { kind: "func_proto", ret: 1, params: [{ name: "x", type: 3 }] },
      { kind: "ptr", type: 7 },
      { kind: "typedef", name: "number", type: 2 },
      { kind: "typedef", name: "loop", type: 10 },
      { kind: "struct", name: "s", size: 12, members: [] },
      { kind: "ptr", type: 5 },
      { kind: "fwd", name: "later", union: false },
      { kind: "func", name: "f", type: 7, linkage: 1 },
      { kind: "array", type: 15, indexType: 1, count: 2 },
    ],
  };

  it.each([
    [1, "int"],
    [2, "const int"],
    [3, "const int *"],
    [4, "const int *const"],
    [5, "int [3]"],
    [6, "int [2][3]"],
    [8, "int (*)(const int *x)"],
    [9, "number"],
    [11, "struct s"],
    [12, "int (*)[3]"],
    [13, "struct later"],
    [14, "int f(const int *x)"],
  ])("type %i is %s in C", (type, expected) => {
    expect(typeName(small, type)).toBe(expected);
  });

  it("declares members", () => {
    expect(declare(small, 6, "m")).toBe("int m[2][3]");
    expect(declare(small, 8, "callback")).toBe("int (*callback)(const int *x)");
  });

  it.each([
    [1, 4],
    [3, 8],
    [6, 24],
    [9, 4],
    [11, 12],
    [0, null],
    [7, null],
    [13, null],
    [10, null],
    [15, null],
    [99, null],
  ])("the size of type %i is %s bytes; loops and types without values have none", (type, expected) => {
    expect(sizeOf(small, type)).toBe(expected);
  });

  it("peels qualifiers and typedefs off and remembers the names", () => {
    expect(resolve(small, 9)).toEqual({ id: 1, type: small.types[1], names: ["number"] });
    expect(resolve(small, 10).type.kind).toBe("void");
  });
});
