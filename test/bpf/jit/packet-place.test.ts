import { describe, expect, it } from "vitest";
import type { HelperDef } from "../../../sim/bpf/helper.ts";
import type { Program } from "../../../sim/bpf/program.ts";
import { MachineBench, messageOf } from "./kit.ts";

/** Takes bytes from the packet's end, as bpf_xdp_adjust_tail. */
const shorten: HelperDef = {
  id: 65,
  name: "xdp_adjust_tail",
  since: "4.18",
  args: ["ctx", "u32"],
  ret: "int",
  gplOnly: false,
  progKinds: null,
  mapKinds: null,
  changesPacket: true,
  costNs: 0,
  call: (_env, ctx, by) => {
    const end = bench.arena.dv.getUint32(ctx + 4, true);
    bench.arena.dv.setUint32(ctx + 4, end + by, true);
    return 0;
  },
};
const bench: MachineBench = new MachineBench([shorten]);

/** r0, or the text of the fault. */
function outcome(run: () => unknown): string {
  try {
    run();
    return String(bench.machine.r0);
  } catch (error) {
    bench.machine.reset();
    return (error as Error).message;
  }
}

/** What both engines answer on packets of 0 to 9 bytes. */
function onAllLengths(text: string): string[] {
  const program: Program = bench.load(text);
  return Array.from({ length: 10 }, (_, length) => {
    const bytes = Uint8Array.from({ length }, (_, i) => i + 1);
    bench.packet(bytes);
    const jit = outcome(() => program.run(bench.ctx));
    bench.packet(bytes);
    expect(jit).toBe(outcome(() => bench.interpreter.run(program, bench.ctx)));
    return jit;
  });
}

const START = "r6 = r1\nr2 = *(u32 *)(r1 +0)\nr3 = *(u32 *)(r1 +4)\nr0 = 99\n";
const OPS = [">", ">=", "<", "<=", "s>", "s>=", "s<", "s<=", "==", "!="];

describe("a comparison with data_end spares no check that it does not stand for", () => {
  it.each(OPS)("%s, in both orders, on both ways, whatever is read then", (op) => {
    for (const [left, right] of [
      ["r4", "r3"],
      ["r3", "r4"],
    ]) {
      for (const by of [0, 3, 4, 5]) {
        const compare = `r4 = r2\nr4 += ${by}\nif ${left} ${op} ${right} goto l\n`;
        for (const read of ["r0 = *(u16 *)(r2 +2)", "r0 = *(u32 *)(r4 -4)", "r0 = *(u8 *)(r4 -1)"]) {
          onAllLengths(`${START}${compare}exit\nl: ${read}\nexit`);
          onAllLengths(`${START}${compare}${read}\nexit\nl: exit`);
        }
      }
    }
  });

  it("a jump to the next instruction compares, and tells nothing", () => {
    const answers = onAllLengths(`${START}r4 = r2\nr4 += 4\nif r4 < r3 goto pc+0\nr0 = *(u32 *)(r2 +0)\nexit`);
    expect(answers.slice(0, 4).every((a) => a.includes("invalid access to packet"))).toBe(true);
  });

  it("an anchor far below or beyond the packet is found out", () => {
    for (const far of [-0x80000000, -1, 0x7fffffff]) {
      onAllLengths(`${START}r5 = ${far}\nr2 += r5\nr4 = r2\nr4 += 4\nif r4 > r3 goto l\nr0 = *(u32 *)(r2 +0)\nl: exit`);
      onAllLengths(
        `${START}r5 = ${far}\nr5 <<= 31\nr2 += r5\nr4 = r2\nr4 += 4\nif r4 s> r3 goto l\nr0 = *(u8 *)(r2 +0)\nl: exit`,
      );
    }
  });

  it("what was compared before the packet got shorter is forgotten", () => {
    const compare = "if r4 > r3 goto l\n";
    const call = "r7 = r2\nr8 = r3\nr1 = r6\nr2 = -2\ncall 65\nr2 = r7\nr3 = r8\nr4 = r2\nr4 += 4\n";
    const text = (again: string): string =>
      `${START}r4 = r2\nr4 += 4\n${compare}${call}${again}r0 = *(u32 *)(r2 +0)\nexit\nl: r0 = 98\nexit`;
    for (const again of ["", compare]) {
      expect(onAllLengths(text(again)).map((a) => a.includes("invalid access to packet"))).toEqual(
        Array.from({ length: 10 }, (_, length) => length === 4 || length === 5),
      );
    }
  });

  it("a function that makes the packet shorter is seen, too", () => {
    const text = `
      r6 = *(u32 *)(r1 +0)
      r7 = *(u32 *)(r1 +4)
      r8 = r6
      r8 += 4
      call f
      if r8 > r7 goto out
      r0 = *(u32 *)(r6 +0)
    out: exit
    f: r2 = -2
      call 65
      exit`;
    bench.packet(new Uint8Array(5));
    const program = bench.load(text);
    expect(messageOf(() => program.run(bench.ctx))).toContain("invalid access to packet");
    bench.machine.reset();
  });

  it("a callback that makes the packet shorter is seen, too", () => {
    const text = `
      r6 = *(u32 *)(r1 +0)
      r7 = *(u32 *)(r1 +4)
      *(u64 *)(r10 -8) = r1
      r8 = r6
      r8 += 4
      if r8 > r7 goto out
      r1 = 1
      r2 = subprog[f]
      r3 = r10
      r3 += -8
      r4 = 0
      call loop
      r0 = *(u32 *)(r6 +0)
    out: exit
    f: r1 = *(u64 *)(r2 +0)
      r2 = -2
      call 65
      r0 = 0
      exit`;
    bench.packet(new Uint8Array(5));
    const program = bench.load(text);
    expect(messageOf(() => program.run(bench.ctx))).toContain("invalid access to packet");
    bench.machine.reset();
  });

  it("a loop that compares each turn reads up to the end", () => {
    const answers = onAllLengths(
      `${START}r0 = 0\nl: r4 = r2\nr4 += 2\nif r4 > r3 goto out\nr5 = *(u16 *)(r2 +0)\nr0 += r5\nr2 += 2\ngoto l\nout: exit`,
    );
    expect(answers.slice(0, 5)).toEqual(["0", "0", "513", "513", String(513 + 1027)]);
  });
});
