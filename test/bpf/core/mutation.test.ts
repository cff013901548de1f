/** Damaged objects with CO-RE relocations: they are relocated and their types are printed, or an ObjectError says why not. */
import { describe, expect, it } from "vitest";
import { dumpBtfC } from "../../../sim/bpf/btf/dump-c.ts";
import { dumpBtfRaw } from "../../../sim/bpf/btf/dump-raw.ts";
import { createKernelTypes } from "../../../sim/bpf/core/kernel-types.ts";
import { relocateCore } from "../../../sim/bpf/core/relocate.ts";
import { parseElf } from "../../../sim/bpf/elf/elf.ts";
import { dumpLinked } from "../../../sim/bpf/object/dump-program.ts";
import { parseObject } from "../../../sim/bpf/object/parse-object.ts";
import { parseBtfFile } from "../../../sim/bpf/object/read-btf.ts";
import { ObjectError } from "../../../sim/engine/errors.ts";
import { RandomStream } from "../../../sim/engine/streams.ts";
import { fixtureBytes } from "../object/fixtures.ts";

const SEED = 1;
const ROUNDS = 150;

/** Damages the words of one section. */
function damaged(original: Uint8Array, section: { readonly at: number; readonly size: number }, random: RandomStream) {
  const bytes = Uint8Array.from(original);
  const view = new DataView(bytes.buffer);
  for (let i = 1 + random.below(6); i > 0; i--) {
    const at = section.at + ((24 + random.below(section.size - 24) - 3) & ~3);
    const values = [
      0,
      1,
      random.below(200),
      0x7fffffff,
      0xffffffff,
      view.getUint32(at, true) ^ (1 << random.below(32)),
    ];
    view.setUint32(at, values[random.below(values.length)]! >>> 0, true);
  }
  return bytes;
}

/** Where a section's bytes lie in an ELF file. */
function place(bytes: Uint8Array, data: Uint8Array): { readonly at: number; readonly size: number } {
  return { at: Buffer.from(bytes).indexOf(data), size: data.length };
}

/** What came of it: a code, or "" when nothing was wrong. */
function outcome(run: () => void): string {
  try {
    run();
    return "";
  } catch (error) {
    if (error instanceof ObjectError) return error.code;
    throw error;
  }
}

describe("damaged types and relocations", () => {
  const original = fixtureBytes("core");
  const btf = place(original, sectionData(original, ".BTF"));
  const ext = place(original, sectionData(original, ".BTF.ext"));

  it.each([
    [".BTF", btf],
    [".BTF.ext", ext],
  ] as const)(`%s: each of ${ROUNDS} mutations is relocated or refused (seed ${SEED})`, (_name, section) => {
    const random = new RandomStream(SEED + section.size);
    const codes = new Map<string, number>();
    const count = (code: string): void => void codes.set(code, (codes.get(code) ?? 0) + 1);
    const kernel = createKernelTypes("core_target.o", () => sectionData(fixtureBytes("core_target"), ".BTF"));
    for (let round = 0; round < ROUNDS; round++) {
      const bytes = damaged(original, section, random);
      count(
        outcome(() => {
          const spec = parseObject(bytes, "x.o");
          for (const p of spec.programs) {
            count(outcome(() => expect(dumpLinked(relocateCore(p, kernel), spec.btf)).toContain(":")));
          }
          const types = parseBtfFile(bytes, "x.o");
          expect(dumpBtfRaw(types)).toContain("[1] ");
          expect(dumpBtfC(types)).toContain("__VMLINUX_H__");
        }),
      );
    }
    expect(codes.get("")).toBeGreaterThan(ROUNDS);
    expect(codes.get("CORE_FAILED")).toBeGreaterThan(10);
    expect(codes.size).toBeGreaterThan(3);
  });

  it("the kernel's own types may be damaged as well", () => {
    const target = fixtureBytes("core_target");
    const data = sectionData(target, ".BTF");
    const random = new RandomStream(SEED);
    const programs = parseObject(original, "core.o").programs;
    for (let round = 0; round < ROUNDS; round++) {
      const bytes = damaged(data, { at: 0, size: data.length }, random);
      const kernel = createKernelTypes("x.btf", () => bytes);
      for (const p of programs.slice(round % 7, (round % 7) + 20)) outcome(() => relocateCore(p, kernel));
    }
  });
});

function sectionData(bytes: Uint8Array, name: string): Uint8Array {
  return parseElf(bytes, "x.o").sections.find((s) => s.name === name)!.data;
}
