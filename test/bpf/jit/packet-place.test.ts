import fc from "fast-check";
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

describe("what is known of a pointer lasts", () => {
  /** Whether the code with checks is the code without. */
  const unchecked = (text: string): boolean => {
    const [checked, bare] = [true, false].map((checks) => bench.machine.jitedBytes(bench.load(text, { checks })));
    return checked === bare;
  };
  const compare = (reg: number, bytes: number): string => `r4 = r${reg}\nr4 += ${bytes}\nif r4 > r3 goto out\n`;

  it.each([
    ["where two ways meet that both compared", "if r0 == 1 goto a\nr0 = 2\na: r0 = *(u32 *)(r2 +4)\n", true],
    ["where a way meets it that moved the pointer", "if r0 == 1 goto a\nr2 += 1\na: r0 = *(u32 *)(r2 +4)\n", false],
    [
      "but tells nothing of a pointer that is the same on one way only",
      `r5 = r2\nif r0 == 1 goto a\nr5 += -4\na: ${compare(5, 12)}r0 = *(u32 *)(r2 +8)\n`,
      false,
    ],
    [
      "and tells of a pointer that is as far on all ways",
      `r5 = r2\nif r0 == 1 goto a\nr2 += 1\nr5 += 1\na: ${compare(5, 12)}r0 = *(u32 *)(r2 +8)\n`,
      true,
    ],
    ["in a loop that leaves the pointer alone", "a: r0 = *(u32 *)(r2 +4)\nif r0 == 1 goto a\n", true],
    ["in a loop that moves it forth", "a: r0 = *(u8 *)(r2 +4)\nr2 += 1\nif r0 == 1 goto a\n", false],
    [
      "in a loop that compares each turn and moves it forth",
      `a: ${compare(2, 4)}r0 = *(u32 *)(r2 +0)\nr2 += 4\nif r0 == 1 goto a\n`,
      true,
    ],
    [
      "in a loop that compares each turn and moves it back",
      `a: ${compare(2, 4)}r0 = *(u32 *)(r2 +0)\nr2 += -4\nif r0 == 1 goto a\n`,
      false,
    ],
    [
      "behind a header of a length that the packet says",
      `r5 = *(u8 *)(r2 +0)\nr5 &= 15\nr5 <<= 2\nr2 += r5\n${compare(2, 4)}r0 = *(u32 *)(r2 +0)\n`,
      true,
    ],
    [
      "behind a header whose length may be negative",
      `r5 = *(s8 *)(r2 +0)\nr2 += r5\n${compare(2, 4)}r0 = *(u32 *)(r2 +0)\n`,
      false,
    ],
    ["through the stack", "*(u64 *)(r10 -8) = r2\nr2 = 0\nr2 = *(u64 *)(r10 -8)\nr0 = *(u32 *)(r2 +4)\n", true],
    [
      "through a stack slot that was written since",
      "*(u64 *)(r10 -8) = r2\n*(u8 *)(r10 -7) = 0\nr2 = *(u64 *)(r10 -8)\nr0 = *(u32 *)(r2 +4)\n",
      false,
    ],
    [
      "at an index that grows in 32 bits",
      `w7 = 0\na: r8 = r2\nr8 += r7\n${compare(8, 2)}r0 = *(u16 *)(r8 +0)\nw7 += 2\nif r0 == 1 goto a\n`,
      true,
    ],
  ])("%s", (_, text, known) => {
    expect(unchecked(`${START}${compare(2, 8)}r0 = 1\n${text}out: exit`)).toBe(known);
  });
});

describe("a loop that moves pointers along the stack", () => {
  /** Each turn moves every slot one down; the uppermost gets a number. After `turns` turns the program reads through the lowest. */
  const shifting = (turns: number): string => {
    const slots = Array.from({ length: 20 }, (_, i) => 8 * (20 - i));
    const all = (line: (at: number) => string): string => slots.map(line).join("\n");
    const down = slots.slice(1).map((at) => `r5 = *(u64 *)(r10 -${at})\n*(u64 *)(r10 -${at + 8}) = r5`);
    return `${START}${all((at) => `*(u64 *)(r10 -${at}) = r2`)}
      r7 = 0
    turn: ${down.join("\n")}
      *(u64 *)(r10 -8) = 0
      r7 += 1
      if r7 < ${turns} goto turn
      r2 = *(u64 *)(r10 -160)
      r0 = *(u8 *)(r2 +3)
      exit`;
  };

  it("has its pointers until they are moved out, and numbers then", () => {
    expect(onAllLengths(shifting(19)).slice(3, 6)).toEqual([expect.stringContaining("off=3 size=1"), "4", "4"]);
    expect(onAllLengths(shifting(20))[9]).toContain("null pointer plus 3");
  });
});

describe("random programs that walk through the packet", () => {
  /** Pointers in r2, r4, r5, numbers in r0, r7, the packet's end in r3, turns that are left in r8. */
  const program = fc
    .array(
      fc.record({
        what: fc.nat(11),
        a: fc.constantFrom(2, 4, 5),
        b: fc.constantFrom(2, 4, 5),
        n: fc.integer({ min: -4, max: 9 }),
        size: fc.constantFrom(8, 16, 32),
        op: fc.constantFrom(...OPS),
        to: fc.nat(40),
      }),
      { minLength: 4, maxLength: 24 },
    )
    .map((steps) => {
      const at = (n: number): string => `${n < 0 ? "" : "+"}${n}`;
      const lines = steps.map(({ what, a, b, n, size, op, to }) => {
        const target = `l${to % (steps.length + 1)}`;
        switch (what) {
          case 0:
            return `r${a} = r${b}`;
          case 1:
            return `r${a} += ${n}`;
          case 2:
            return `r${a} += r${n < 0 ? 0 : 7}`;
          case 3:
            return `r7 = *(u${size} *)(r${a} ${at(n)})\nr7 &= 3`;
          case 4:
            return `if r${a} ${op} r3 goto ${target}`;
          case 5:
            return `if r3 ${op} r${a} goto ${target}`;
          case 6:
            return `r${a} = r${b}\nr${a} += ${n}\nif r${a} > r3 goto ${target}`;
          case 7:
            return `if r8 == 0 goto out\nr8 += -1\nif r7 == 1 goto ${target}`;
          case 8:
            return `*(u64 *)(r10 -${8 * (1 + (to % 2))}) = r${a}`;
          case 9:
            return `r${a} = *(u64 *)(r10 -${8 * (1 + (to % 2))})`;
          case 10:
            return `r${a} = *(u32 *)(r6 +0)`;
          default:
            return `r0 = *(u${size} *)(r${a} ${at(n)})`;
        }
      });
      const turn = (i: number): string => `l${i}: if r8 == 0 goto out\nr8 += -1\n`;
      const body = lines.map((line, i) => `${turn(i)}${line}`).join("\n");
      return `${START}r4 = r2\nr5 = r2\nr7 = 0\nr8 = 200\n*(u64 *)(r10 -8) = r2\n*(u64 *)(r10 -16) = r2\n${body}\nl${lines.length}: r0 = r7\nout: exit`;
    });

  it("are stopped wherever the interpreter stops them", () => {
    fc.assert(
      fc.property(program, fc.nat(9), fc.array(fc.nat(255), { minLength: 9, maxLength: 9 }), (text, length, bytes) => {
        const loaded = bench.load(text);
        const [jit, interp] = [bench.jit, bench.interpret].map((run) => {
          bench.packet(Uint8Array.from(bytes.slice(0, length)));
          return outcome(() => run.call(bench, loaded));
        });
        if (!jit!.includes("outside of the packet")) expect(jit).toBe(interp);
      }),
      { numRuns: 400 },
    );
  });
});
