import { describe, expect, it } from "vitest";
import { MachineBench, messageOf, runBoth } from "./kit.ts";

const bench = new MachineBench();

/** Runs in both engines; they agree on r0 and on the number of instructions. */
function both(text: string): { readonly r0: bigint; readonly insns: number } {
  const { jit, interp } = runBoth(bench, bench.load(text));
  expect(jit).toEqual(interp);
  return jit;
}

describe("may_goto", () => {
  it("falls through while the function's budget lasts, in both engines", () => {
    expect(both("r0 = 0\nl: may_goto out\nr0 += 1\nif r0 < 1000 goto l\nout: exit")).toEqual({
      r0: 1000n,
      insns: 3002,
    });
  });

  it("jumps after 8,388,608 of them, whatever the number of instructions between", () => {
    const program = bench.load("r0 = 0\nl: may_goto out\nr0 += 1\nr1 = r0\nr1 += 1\nr1 += 2\ngoto l\nout: exit");
    expect(bench.jit(program)).toEqual({ r0: 8388608n, insns: 8388608 * 6 + 3 });
  });

  it("draws on one budget in all of a function, and on another in each call of one", () => {
    const text = `
      r6 = 0
    a: may_goto b
      r6 += 1
      if r6 < 8000000 goto a
    b: r7 = 0
    c: may_goto d
      r7 += 1
      goto c
    d: call f
      r0 += r7
      exit
    f: r0 = 0
    g: may_goto h
      r0 += 1
      goto g
    h: exit`;
    expect(bench.jit(bench.load(text)).r0).toBe(BigInt(388608 + 8388608));
  });

  it("to the next instruction is no jump and takes nothing from the budget", () => {
    expect(both("r0 = 7\nmay_goto pc+0\nexit").r0).toBe(7n);
  });
});

describe("control flow is recovered", () => {
  it("a loop with its test at the end", () => {
    expect(both("r0 = 0\nr1 = 10\nl: r0 += r1\nr1 -= 1\nif r1 != 0 goto l\nexit")).toEqual({ r0: 55n, insns: 33 });
  });

  it("a loop with its test at the beginning, and a break out of its middle", () => {
    const text = `
      r0 = 0
      r1 = 0
    top: if r1 >= 100 goto done
      r1 += 1
      r2 = r1
      r2 %= 7
      if r2 == 0 goto top        # continue
      r0 += r1
      if r0 > 300 goto broken    # break
      goto top
    done: r0 = -1
      exit
    broken: exit`;
    expect(both(text).r0).toBe(309n);
  });

  it("nested loops, the inner one leaving both", () => {
    const text = `
      r0 = 0
      r1 = 0
    outer: r2 = 0
    inner: r0 += 1
      if r0 == 37 goto out
      r2 += 1
      if r2 < 10 goto inner
      r1 += 1
      if r1 < 10 goto outer
    out: r3 = r1
      r3 *= 100
      r0 += r3
      exit`;
    expect(both(text).r0).toBe(337n);
  });

  it("three loops that share one header", () => {
    const text = `
      r0 = 0
      r1 = 0
    h: r1 += 1
      r2 = r1
      r2 %= 3
      if r1 > 50 goto out
      if r2 == 0 goto h
      r0 += 1
      if r2 == 1 goto h
      r0 += 10
      goto h
    out: exit`;
    expect(both(text).r0).toBe(204n);
  });

  it("an irreducible loop: two entries", () => {
    const text = `
      r0 = 0
      r1 = *(u32 *)(r1 +12)
      if r1 == 0 goto b
    a: r0 += 1
      goto c
    b: r0 += 100
    c: if r0 > 1000 goto out
      r2 = r0
      r2 &= 1
      if r2 == 0 goto a
      goto b
    out: exit`;
    const fromB = both(text);
    bench.arena.dv.setUint32(bench.ctx + 12, 1, true);
    const fromA = both(text);
    bench.arena.dv.setUint32(bench.ctx + 12, 0, true);
    expect([fromA.r0, fromB.r0]).toEqual([1001n, 1001n]);
    expect(fromA.insns).not.toBe(fromB.insns);
  });

  it("a diamond of diamonds", () => {
    const lines = ["r0 = 1", "r1 = 0x5a5a5a5a ll"];
    for (let i = 0; i < 30; i++) {
      lines.push("r2 = r1", `r2 >>= ${i}`, "r2 &= 1", `if r2 == 0 goto e${i}`, "r0 *= 3", `goto f${i}`);
      lines.push(`e${i}: r0 += 7`, `f${i}: r0 ^= ${i}`);
    }
    lines.push("exit");
    expect(both(lines.join("\n")).insns).toBeGreaterThan(150);
  });

  it("a jump to the next instruction, and a condition whose two ways are one", () => {
    expect(both("r0 = 3\ngoto pc+0\nif r0 == 3 goto pc+0\nexit").r0).toBe(3n);
  });

  it("instructions that nothing leads to are left out", () => {
    expect(both("r0 = 3\ngoto out\nr0 = 4\nr0 += 5\nout: exit").r0).toBe(3n);
  });

  it("a thousand ifs that leave to one place do not nest", () => {
    const lines = ["r0 = 0"];
    for (let i = 0; i < 1000; i++) lines.push(`r0 += ${i % 3}`, `if r0 == ${5000 + i} goto out`);
    lines.push("out: exit");
    expect(both(lines.join("\n"))).toEqual({ r0: 999n, insns: 2002 });
  });

  it("a thousand ifs, each with an exit of its own", () => {
    const lines = ["r0 = 0"];
    for (let i = 0; i < 1000; i++)
      lines.push(`r0 += 1`, `if r0 != ${i + 7000} goto n${i}`, `r0 = ${i}`, "exit", `n${i}:`);
    lines.push("exit");
    expect(both(lines.join("\n")).r0).toBe(1000n);
  });

  it("an endless loop is stopped", () => {
    const program = bench.load("r0 = 0\nl: r0 += 1\ngoto l");
    expect(messageOf(() => program.run(bench.ctx))).toContain(
      'program "p": insn 1: r0 += 1: ran for more than 33554432 instructions: an endless loop [PROGRAM_FAULT]',
    );
    bench.machine.reset();
    expect(both("r0 = 1\nexit").r0).toBe(1n);
  });
});

describe("subprograms", () => {
  it("get r1 to r5, answer r0, and leave r6 to r9 and the caller's stack alone", () => {
    const text = `
      *(u64 *)(r10 -8) = 77
      r1 = 1
      r2 = 2
      r3 = 3
      r4 = 4
      r5 = 5
      r6 = 6
      r9 = 9
      call f
      r0 += r6
      r0 += r9
      r1 = *(u64 *)(r10 -8)
      r0 += r1
      exit
    f: r6 = 1000
      r9 = 1000
      *(u64 *)(r10 -8) = 5000
      r0 = r1
      r0 += r2
      r0 += r3
      r0 += r4
      r0 += r5
      exit`;
    expect(both(text).r0).toBe(15n + 15n + 77n);
  });

  it("write into their caller's stack through a pointer", () => {
    const text = `
      *(u64 *)(r10 -16) = 1
      r1 = r10
      r1 += -16
      call f
      r0 = *(u64 *)(r10 -16)
      exit
    f: *(u64 *)(r1 +0) = 42
      r0 = 0
      exit`;
    expect(both(text).r0).toBe(42n);
  });

  it("reach the context that they are given", () => {
    bench.packet(Uint8Array.of(9, 8, 7));
    const text = `
      call f
      exit
    f: r2 = *(u32 *)(r1 +0)
      r3 = *(u32 *)(r1 +4)
      r3 -= r2
      r0 = *(u8 *)(r2 +0)
      r0 *= r3
      exit`;
    expect(both(text).r0).toBe(27n);
  });

  it("8 frames are allowed", () => {
    const lines = ["call f1", "r0 += 1", "exit"];
    for (let i = 1; i < 7; i++) lines.push(`f${i}: *(u64 *)(r10 -512) = ${i}`, `call f${i + 1}`, "r0 += 1", "exit");
    lines.push("f7: r0 = 100", "exit");
    expect(both(lines.join("\n")).r0).toBe(107n);
  });

  it("9 frames are refused", () => {
    const lines = ["call f1", "exit"];
    for (let i = 1; i < 8; i++) lines.push(`f${i}: call f${i + 1}`, "exit");
    lines.push("f8: r0 = 100", "exit");
    expect(() => bench.load(lines.join("\n"))).toThrow("the call stack of 9 frames is too deep !");
  });

  it("recursion is refused", () => {
    expect(() => bench.load("call f\nexit\nf: call f\nexit")).toThrow("frames is too deep !");
  });
});

describe("tail calls", () => {
  const bench = new MachineBench();
  const progs = bench.map("progs", "prog_array", { valueSize: 4, maxEntries: 8 });
  const key = (i: number): Uint8Array => Uint8Array.of(i, 0, 0, 0);
  const jump = (slot: number): string => `r2 = map[progs]\nr3 = ${slot}\ncall tail_call\n`;
  const check = (text: string): bigint => {
    const { jit, interp } = runBoth(bench, bench.load(text));
    expect(jit).toEqual(interp);
    return jit.r0;
  };

  it("an empty slot and an index out of bounds fall through", () => {
    expect(check(`r6 = r1\n${jump(3)}r1 = r6\n${jump(8)}r1 = r6\n${jump(-1)}r0 = 5\nexit`)).toBe(5n);
  });

  it("a taken one does not come back", () => {
    const target = bench.load("r0 = 7\nexit");
    expect(progs.write(key(1), key(target.id), 0)).toBe(0);
    expect(check(`${jump(1)}r0 = 5\nexit`)).toBe(7n);
  });

  it("out of a subprogram, the target answers the subprogram's caller", () => {
    expect(check(`call f\nr0 += 1\nexit\nf: ${jump(1)}r0 = 5\nexit`)).toBe(8n);
  });

  it.each([
    [100, 11n],
    [101, 12n],
  ])("which array it is may depend on the way there (jiffies %i)", (jiffies, expected) => {
    const own = new MachineBench();
    for (const [name, answer] of [
      ["first", 11],
      ["second", 12],
    ] as const) {
      const array = own.map(name, "prog_array", { valueSize: 4, maxEntries: 2 });
      expect(array.write(key(1), key(own.load(`r0 = ${answer}\nexit`).id), 0)).toBe(0);
    }
    const way = `r6 = r1\ncall jiffies64\nr2 = map[first]\nif r0 == ${jiffies} goto go\nr2 = map[second]\n`;
    const { jit, interp } = runBoth(own, own.load(`${way}go: r1 = r6\nr3 = 1\ncall tail_call\nr0 = 5\nexit`));
    expect(jit).toEqual(interp);
    expect(jit.r0).toBe(expected);
    const empty = runBoth(own, own.load(`${way}go: r1 = r6\nr3 = 0\ncall tail_call\nr0 = 5\nexit`));
    expect(empty.jit).toEqual(empty.interp);
    expect(empty.jit.r0).toBe(5n);
  });

  it("33 are taken, the 34th falls through", () => {
    bench.map("count", "array", { valueSize: 8, maxEntries: 1 });
    const text = `
      r6 = r1
      r1 = map[count]+0
      r0 = *(u64 *)(r1 +0)
      r0 += 1
      *(u64 *)(r1 +0) = r0
      r1 = r6
      ${jump(2)}
      r1 = map[count]+0
      r0 = *(u64 *)(r1 +0)
      exit`;
    const self = bench.load(text);
    expect(progs.write(key(2), key(self.id), 0)).toBe(0);
    const { jit, interp } = runBoth(bench, self);
    expect(jit).toEqual(interp);
    expect(jit.r0).toBe(34n);
  });

  it("chains out of nested subprograms overflow the stack with an error, not beyond it", () => {
    const deep = bench.load(`r6 = r1\ncall a\nexit\na: call b\nexit\nb: ${jump(4)}r0 = 1\nexit`);
    expect(progs.write(key(4), key(deep.id), 0)).toBe(0);
    const texts = [() => deep.run(bench.ctx), () => bench.interpreter.run(deep, bench.ctx)].map((run) => {
      const text = messageOf(run);
      bench.machine.reset();
      return text;
    });
    expect(texts[0]).toContain("the call chain needs more than 16384 bytes of stack");
    expect(texts[1]).toBe(texts[0]);
  });

  it("a program of another type is refused by the array", () => {
    bench.kind = "sched_cls";
    const other = bench.load("r0 = 0\nexit");
    expect(() => bench.load(`${jump(1)}exit`)).toThrow('map "progs" holds programs of another type');
    bench.kind = "xdp";
    expect(progs.write(key(5), key(other.id), 0)).toBe(-22);
  });
});
