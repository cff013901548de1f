/** CO-RE as libbpf does it: answers.json holds what libbpf made of the same objects and the same types. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { formatSpec, parseAccess } from "../../../sim/bpf/core/access.ts";
import { createKernelTypes, type KernelTypes } from "../../../sim/bpf/core/kernel-types.ts";
import { CORE_KINDS } from "../../../sim/bpf/core/kinds.ts";
import { relocateCore } from "../../../sim/bpf/core/relocate.ts";
import { parseElf } from "../../../sim/bpf/elf/elf.ts";
import { programTag } from "../../../sim/bpf/isa/tag.ts";
import type { ProgramSpec } from "../../../sim/bpf/spec.ts";
import { kernelTypes } from "../../../sim/net/btf/kernel-types.ts";
import { fixture, fixtureBytes, program, refusal } from "../object/fixtures.ts";

interface Answer {
  readonly insns: string;
  readonly asked: readonly string[];
  readonly error?: number;
  readonly refused?: readonly string[];
}

type Answers = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, Answer>>>>>>;

const { answers } = JSON.parse(readFileSync(new URL("libbpf/answers.json", import.meta.url), "utf8")) as {
  readonly answers: Answers;
};
const targetBtf = parseElf(fixtureBytes("core_target"), "core_target.o").sections.find((s) => s.name === ".BTF")!.data;
const targets: Readonly<Record<string, KernelTypes>> = {
  "kernel.btf": kernelTypes,
  "core_target.o": createKernelTypes("core_target.o", () => targetBtf),
};

const cases = Object.entries(answers).flatMap(([target, objects]) =>
  Object.entries(objects).flatMap(([object, programs]) =>
    Object.entries(programs).map(([name, answer]) => ({ target, object, name, answer })),
  ),
);

function relocated(object: string, name: string, target: string): ProgramSpec {
  return relocateCore(program(fixture(object.replace(".o", "")), name), targets[target]);
}

describe("CO-RE relocation", () => {
  it("has an answer of libbpf for every program of the fixtures", () => {
    const names = ["core", "core_errors"].flatMap((o) => fixture(o).programs.map((p) => p.name));
    expect(cases.map((c) => c.name).sort()).toEqual([...names, ...names].sort());
  });

  it.each(cases.filter((c) => c.answer.error === undefined))(
    "$object $name against $target has libbpf's instructions",
    ({ object, name, target, answer }) => {
      expect(Buffer.from(relocated(object, name, target).insns).toString("hex")).toBe(answer.insns);
    },
  );

  it.each(cases.filter((c) => c.answer.error !== undefined))(
    "$object $name against $target is refused in libbpf's words",
    ({ object, name, target, answer }) => {
      const { code, message } = refusal(() => relocated(object, name, target));
      expect(code).toBe("CORE_FAILED");
      expect(answer.refused).toHaveLength(1);
      expect(message).toContain(answer.refused![0]);
    },
  );

  it.each(cases.filter((c) => c.target === "kernel.btf"))(
    "$object $name: its relocations are numbered and written as libbpf writes them",
    ({ object, name, answer }) => {
      const spec = program(fixture(object.replace(".o", "")), name);
      const asked = spec.core!.map((r) => {
        const func = spec.funcs.findLast((f) => f.insn <= r.insn)!;
        const parsed = parseAccess(spec.btf!, CORE_KINDS[r.kind]!, r.typeId, r.access);
        return `prog '${func.name}': relo #${r.index}: ${"spec" in parsed ? formatSpec(parsed.spec) : parsed.errno}`;
      });
      expect(asked).toEqual(answer.asked);
    },
  );

  it("gives one spec for one kernel, so that it is compiled once", () => {
    const spec = program(fixture("core"), "k_task");
    expect(relocateCore(spec, kernelTypes)).toBe(relocateCore(spec, kernelTypes));
    expect(relocateCore(spec, targets["core_target.o"])).not.toBe(relocateCore(spec, kernelTypes));
  });

  it("leaves a program without relocations alone, and the compiled bytes of one with them", () => {
    const plain = program(fixture("data"), fixture("data").programs[0]!.name);
    expect(relocateCore(plain, kernelTypes)).toBe(plain);
    const spec = program(fixture("core"), "k_skb_len");
    const before = programTag(spec.insns, []);
    expect(programTag(relocateCore(spec, kernelTypes).insns, [])).not.toBe(before);
    expect(programTag(spec.insns, [])).toBe(before);
  });

  it("refuses a program on a machine that has no kernel types", () => {
    const { code } = refusal(() => relocateCore(program(fixture("core"), "k_task"), undefined));
    expect(code).toBe("CORE_NO_KERNEL");
  });
});
