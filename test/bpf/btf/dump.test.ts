/** Types as bpftool prints them: dumps.json holds its output over the same files, long ones as a digest. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { dumpBtfC } from "../../../sim/bpf/btf/dump-c.ts";
import { dumpBtfJson, dumpBtfRaw } from "../../../sim/bpf/btf/dump-raw.ts";
import type { Btf, BtfType } from "../../../sim/bpf/btf/types.ts";
import { parseBtfFile } from "../../../sim/bpf/object/read-btf.ts";
import { refusal } from "../object/fixtures.ts";

const ROOT = new URL("../../../", import.meta.url);
const { dumps } = JSON.parse(readFileSync(new URL("dumps.json", import.meta.url), "utf8")) as {
  readonly dumps: Readonly<Record<string, Readonly<Record<string, string>>>>;
};

const forms: Readonly<Record<string, (btf: Btf) => string>> = {
  raw: (btf) => dumpBtfRaw(btf),
  json: (btf) => `${dumpBtfJson(btf)}\n`,
  c: (btf) => dumpBtfC(btf),
  unsorted: (btf) => dumpBtfC(btf, { unsorted: true }),
};

function types(...list: BtfType[]): Btf {
  return { types: [{ kind: "void" }, ...list] };
}

const int: BtfType = { kind: "int", name: "int", size: 4, bits: 32, signed: true, bool: false, char: false };

describe("types as bpftool prints them", () => {
  it.each(Object.keys(dumps))("%s", (file) => {
    const btf = parseBtfFile(readFileSync(new URL(file, ROOT)), file);
    for (const [form, recorded] of Object.entries(dumps[file]!)) {
      const text = forms[form]!(btf);
      const short = recorded.length === 64 ? createHash("sha256").update(text).digest("hex") : text;
      expect(short, form).toBe(recorded);
    }
  });

  it("a header of chosen types has what they need and no more", () => {
    const btf = types(
      int,
      { kind: "struct", name: "inner", size: 4, members: [{ name: "x", type: 1, bitOffset: 0, bitSize: 0 }] },
      { kind: "struct", name: "outer", size: 4, members: [{ name: "in", type: 2, bitOffset: 0, bitSize: 0 }] },
      { kind: "struct", name: "unasked", size: 0, members: [] },
    );
    const text = dumpBtfC(btf, { ids: [3] });
    expect(text).toContain("struct inner {\n\tint x;\n};\n\nstruct outer {\n\tstruct inner in;\n};\n");
    expect(text).not.toMatch(/unasked|kfuncs/);
  });

  it("what no compiler wrote is refused before it fills the memory", () => {
    const far = { name: "m", type: 1, bitOffset: 0x7ffffff8, bitSize: 0 };
    const hole = types(int, { kind: "struct", name: "s", size: 0x10000000, members: [far] });
    expect(refusal(() => dumpBtfC(hole))).toMatchObject({ code: "BTF_HOLE" });
    const twice = (id: number): BtfType => {
      const member = { name: "", type: id, bitOffset: 0, bitSize: 0 };
      return { kind: "union", name: "", size: 4, members: [member, member] };
    };
    const doubling = types(int, ...Array.from({ length: 40 }, (_, i) => twice(i + 1)), {
      kind: "struct",
      name: "s",
      size: 4,
      members: [{ name: "", type: 41, bitOffset: 0, bitSize: 0 }],
    });
    expect(refusal(() => dumpBtfC(doubling))).toMatchObject({ code: "BTF_TOO_LARGE" });
  });

  it("types in a circle that C cannot write are refused", () => {
    const member = (type: number) => [{ name: "m", type, bitOffset: 0, bitSize: 0 }];
    const circle = types(
      { kind: "struct", name: "a", size: 4, members: member(2) },
      { kind: "struct", name: "b", size: 4, members: member(1) },
    );
    expect(refusal(() => dumpBtfC(circle))).toMatchObject({
      code: "BTF_LOOP",
      message: expect.stringContaining("unsatisfiable type cycle, id:["),
    });
    expect(refusal(() => dumpBtfC(types({ kind: "ptr", type: 1 }))).code).toBe("BTF_LOOP");
    expect(refusal(() => dumpBtfC(types({ kind: "const", type: 1 }))).code).toBe("BTF_LOOP");
  });
});
