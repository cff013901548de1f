/** Programs whose relocations failed: what asks first runs, what does not ends where it comes to the missing thing. */
import { describe, expect, it } from "vitest";
import { relocateCore } from "../../../sim/bpf/core/relocate.ts";
import type { Program } from "../../../sim/bpf/program.ts";
import { VerifierError } from "../../../sim/engine/errors.ts";
import { kernelTypes } from "../../../sim/net/btf/kernel-types.ts";
import { MachineBench, messageOf, runBoth } from "../jit/kit.ts";
import { fixture, program } from "../object/fixtures.ts";

function loaded(name: string): { bench: MachineBench; live: Program } {
  const bench = new MachineBench();
  const spec = relocateCore(program(fixture("core"), name), kernelTypes);
  const live = bench.machine.loadProgram(spec, { id: 1, license: "GPL", maps: new Map() });
  return { bench, live };
}

describe("a program with relocations that failed", () => {
  it("runs when it asks for the member first", () => {
    const { bench, live } = loaded("guarded");
    const { jit, interp } = runBoth(bench, live);
    expect(jit).toEqual(interp);
    expect(jit.r0).toBe(112n); // sk_buff.len of Linux 6.18
  });

  it("ends in both engines at the instruction that needs it, in libbpf's words", () => {
    const { bench, live } = loaded("unguarded");
    const compiled = messageOf(() => bench.jit(live));
    bench.machine.reset();
    const interpreted = messageOf(() => bench.interpret(live));
    expect(compiled).toBe(interpreted);
    expect(compiled).toMatch(/in function "in_subprogram": insn \d+: call unknown#195896080: failed to resolve CO-RE/);
    expect(compiled).toContain("<byte_off> [37] struct missing.a (0:0 @ offset 0)");
    bench.machine.reset();
    expect(() => bench.jit(live)).toThrow(VerifierError);
  });
});
