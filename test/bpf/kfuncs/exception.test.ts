/** bpf_throw where BPF_PROG_RUN does not show it: with loops, packets and nested programs, and where it may not stand. */
import { describe, expect, it } from "vitest";
import { MachineBench, messageOf, runBoth } from "../jit/kit.ts";

/** The same answer, after the same number of instructions, from compiled code and from the interpreter. */
function both(bench: MachineBench, text: string): bigint {
  const { jit, interp } = runBoth(bench, bench.load(text));
  expect(jit).toEqual(interp);
  return jit.r0;
}

describe("bpf_throw", () => {
  it("answers all 64 bits of its argument", () => {
    expect(both(new MachineBench(), "r1 = 0x123456789abcdef ll\ncall kfunc[bpf_throw]\nr0 = 1\nexit")).toBe(
      0x123456789abcdefn,
    );
  });

  it("leaves a loop over a packet in a subprogram", () => {
    const text = `
      r6 = r1
      r0 = 0
      r7 = 0
    outer: r1 = r6
      r2 = r7
      call look
      r7 += 1
      if r7 < 1000 goto outer
      exit
    look: r3 = *(u32 *)(r1 +0)
      r4 = *(u32 *)(r1 +4)
      r5 = r3
      r5 += 1
      if r5 > r4 goto none
      r0 = *(u8 *)(r3 +0)
      r1 = r2
    turn: r0 += -1
      if r0 s> 0 goto turn
      if r2 < 5 goto none
      call kfunc[bpf_throw]
    none: r0 = 0
      exit`;
    const bench = new MachineBench();
    bench.packet(new Uint8Array(64).fill(9));
    expect(both(bench, text)).toBe(5n);
  });

  it("does not keep a program from being stopped by a failed check, in the function that would catch", () => {
    const bench = new MachineBench();
    const program = bench.load(
      "r2 = *(u32 *)(r1 +4)\nr0 = *(u8 *)(r2 +0)\nif r0 == 0 goto l\nr1 = 3\ncall kfunc[bpf_throw]\nl: r0 = 2\nexit",
    );
    expect(messageOf(() => bench.jit(program))).toMatch(/invalid access to packet/);
  });

  it("ends the program that was called at the end, not the one before", () => {
    const bench = new MachineBench();
    const progs = bench.map("progs", "prog_array", { valueSize: 4, maxEntries: 1 });
    const last = bench.load("r1 = 77\ncall kfunc[bpf_throw]\nr0 = 1\nexit");
    progs.write(new Uint8Array(4), new Uint8Array(Uint32Array.of(last.id).buffer), 0);
    const text =
      "if r1 == 0 goto l\nr2 = map[progs]\nr3 = 0\ncall tail_call\nl: r1 = 5\ncall kfunc[bpf_throw]\nr0 = 2\nexit";
    expect(both(bench, text)).toBe(77n);
  });

  it.each([
    [
      "a callback",
      "r1 = 1\nr2 = subprog[cb]\nr3 = 0\nr4 = 0\ncall loop\nexit\ncb: call kfunc[bpf_throw]\nr0 = 0\nexit",
    ],
    [
      "a function that a callback calls",
      "r1 = 1\nr2 = subprog[cb]\nr3 = 0\nr4 = 0\ncall loop\nexit\ncb: call sub\nr0 = 0\nexit\nsub: call kfunc[bpf_throw]\nr0 = 0\nexit",
    ],
  ])("is refused in %s", (_what, text) => {
    expect(() => new MachineBench().load(text)).toThrow(
      /bpf_throw kfunc \(insn \d+\) cannot be called from callback subprog \d/,
    );
  });
});

it("__bpf_trap stops the program", () => {
  const bench = new MachineBench();
  const program = bench.load("call kfunc[__bpf_trap]\nr0 = 0\nexit");
  expect(messageOf(() => bench.jit(program))).toMatch(/unexpected __bpf_trap\(\) due to uninitialized variable\?/);
});
