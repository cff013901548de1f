/** Expectations are worth what they notice: with programs that only let packets through, every lab about a program has to fail. */
import { describe, expect, it, vi } from "vitest";
import { assemble } from "../../sim/bpf/isa/assemble.ts";
import type { ObjectSpec, ProgramSpec } from "../../sim/bpf/spec.ts";
import { failures, LABS, labText, runTopology } from "./kit.ts";

vi.mock("../../sim/bpf/object/parse-object.ts", async (importOriginal) => {
  const original = await importOriginal<typeof import("../../sim/bpf/object/parse-object.ts")>();
  return { ...original, parseObject: (bytes: Uint8Array, path: string) => idle(original.parseObject(bytes, path)) };
});

/** XDP_PASS is 2, TC_ACT_OK 0; a socket filter says how many bytes to keep. */
const VERDICTS: Readonly<Record<string, number>> = { xdp: 2, sched_cls: 0, socket_filter: 65535 };

function idle(object: ObjectSpec): ObjectSpec {
  return { ...object, programs: object.programs.map(idleProgram) };
}

function idleProgram(program: ProgramSpec): ProgramSpec {
  const verdict = VERDICTS[program.kind ?? ""];
  if (verdict === undefined) throw new Error(`what does an idle ${program.kind} program return?`);
  const { insns } = assemble(`r0 = ${verdict}\nexit\n`);
  return { ...program, insns, relocations: [], lines: [], funcs: program.funcs.filter((f) => f.insn === 0) };
}

const withPrograms = LABS.filter((name) => labText(name).includes(".o"));

describe("with programs that do nothing", () => {
  it.each(withPrograms)("%s notices", async (name) => {
    const { summary } = await runTopology(name);
    expect(failures(summary).length).toBeGreaterThan(0);
  });
});
