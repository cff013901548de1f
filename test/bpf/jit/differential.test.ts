import { describe, expect, it } from "vitest";
import { RandomStream } from "../../../sim/engine/streams.ts";
import { MachineBench as Bench, type MachineBench, runBoth } from "./kit.ts";

const SIZES = ["u8", "u16", "u32", "u64"];
const ALU = ["+=", "-=", "*=", "/=", "s/=", "|=", "&=", "<<=", ">>=", "%=", "s%=", "^=", "=", "s>>="];
const CONDITIONS = ["==", "!=", ">", ">=", "<", "<=", "s>", "s>=", "s<", "s<=", "&"];
const ATOMICS = ["add", "or", "and", "xor"];
/** r0 to r5 and r7 hold anything; r6 the packet, r8 a map value, r9 how many blocks may still run. */
const FREE = [0, 1, 2, 3, 4, 5, 7];
const BLOCKS = 12;
const INTERESTING = [0, 1, -1, 2, 7, 31, 32, 63, 64, 255, 256, 0x7fff, 0xffff, 0x7fffffff, -0x80000000, -0x7fffffff];

/** A program of random blocks with random jumps between them, irreducible more often than not; it always ends. */
function randomProgram(rnd: RandomStream): string {
  const pick = <T>(items: readonly T[]): T => items[rnd.below(items.length)]!;
  const reg = (): number => pick(FREE);
  const imm = (): number => (rnd.below(2) === 0 ? pick(INTERESTING) : rnd.u32() | 0);
  const size = (): string => pick(SIZES);
  const bytes = (type: string): number => Number(type.slice(1)) / 8;
  const place = (type: string): string => {
    switch (rnd.below(3)) {
      case 0:
        return `(r10 -${64 + bytes(type) + rnd.below(64)})`;
      case 1:
        return `(r6 +${rnd.below(64 - bytes(type) + 1)})`;
      default:
        return `(r8 +${rnd.below(32 - bytes(type) + 1)})`;
    }
  };
  const straight = (): string => {
    const w = pick(["r", "w"]);
    const type = size();
    switch (rnd.below(12)) {
      case 0:
      case 1:
      case 2:
        return `${w}${reg()} ${pick(ALU)} ${w}${reg()}`;
      case 3:
      case 4:
        return `${w}${reg()} ${pick(ALU)} ${imm()}`;
      case 5: {
        const r = reg();
        return pick([`${w}${r} = -${w}${r}`, `r${r} = ${pick(["le", "be", "bswap"])}${pick([16, 32, 64])} r${r}`]);
      }
      case 6:
        return pick([`r${reg()} = (s${pick([8, 16, 32])})r${reg()}`, `w${reg()} = (s${pick([8, 16])})w${reg()}`]);
      case 7:
        return `r${reg()} = *(${type} *)${place(type)}`;
      case 8:
        return type === "u64"
          ? `r${reg()} = 0x${rnd.u32().toString(16)}${rnd.u32().toString(16)}`
          : `r${reg()} = *(s${type.slice(1)} *)${place(type)}`;
      case 9:
        return `*(${type} *)${place(type)} = r${reg()}`;
      case 10:
        return `*(${type} *)${place(type)} = ${imm()}`;
      default: {
        const t = pick(["u32", "u64"]);
        const fn = t === "u64" ? "atomic64" : "atomic";
        const at = `(${t} *)${place(t)}`;
        const r = reg();
        return pick([
          `lock *${at} ${pick(["+=", "|=", "&=", "^="])} r${r}`,
          `r${r} = ${fn}_fetch_${pick(ATOMICS)}(${at}, r${r})`,
          `r${r} = ${fn}_xchg(${at}, r${r})`,
          `r0 = ${fn}_cmpxchg(${at}, r0, r${r})`,
        ]);
      }
    }
  };
  const target = (): string => `b${rnd.below(BLOCKS)}`;
  const lines = [
    "r6 = *(u32 *)(r1 +0)",
    "*(u32 *)(r10 -4) = 0",
    "r1 = map[m]",
    "r2 = r10",
    "r2 += -4",
    "call map_lookup_elem",
  ];
  lines.push("if r0 != 0 goto found", "exit", "found: r8 = r0", "r9 = 60");
  for (const r of FREE) lines.push(`r${r} = ${imm()}`);
  for (let off = 136; off >= 64; off -= 8) lines.push(`*(u64 *)(r10 -${off}) = ${imm()}`);
  for (let b = 0; b < BLOCKS; b++) {
    lines.push(`b${b}: r9 -= 1`, "if r9 s< 0 goto end");
    for (let i = rnd.below(7); i > 0; i--) lines.push(straight());
    const w = pick(["r", "w"]);
    if (rnd.below(4) > 0) {
      const operand = rnd.below(2) === 0 ? `${w}${reg()}` : imm();
      lines.push(`if ${w}${reg()} ${pick(CONDITIONS)} ${operand} goto ${target()}`);
    }
    if (rnd.below(3) > 0) lines.push(`goto ${target()}`);
    if (rnd.below(6) === 0) lines.push("r0 ^= r7", "exit");
  }
  lines.push("end: r0 += r7", "r0 ^= r3", "exit");
  return lines.join("\n");
}

function memoryOf(bench: MachineBench, value: number): string {
  const { u8 } = bench.arena;
  const stack = u8.slice(bench.machine.memory.stackTop - 144, bench.machine.memory.stackTop);
  const rest = [u8.slice(bench.data, bench.data + 64), u8.slice(value, value + 32), stack];
  return rest.map((bytes) => Buffer.from(bytes).toString("hex")).join(" ");
}

describe("JIT and interpreter agree on r0, memory and the number of instructions", () => {
  it.each([1, 2, 3, 4])("over 60 random programs of seed %i, checked and unchecked", (seed) => {
    const rnd = new RandomStream(seed);
    const bench = new Bench();
    const map = bench.map("m", "array", { valueSize: 32, maxEntries: 1 });
    const value = map.inlineArray!.base;
    for (let i = 0; i < 60; i++) {
      const text = randomProgram(rnd);
      const packet = Uint8Array.from({ length: 64 }, () => rnd.below(256));
      const outcomes = [true, false].map((checks) => {
        const program = bench.load(text, { checks });
        const start = (): void => {
          bench.packet(packet);
          bench.arena.u8.fill(0x5a, value, value + 32);
        };
        start();
        const interp = { ...bench.interpret(program), memory: memoryOf(bench, value) };
        start();
        const jit = { ...bench.jit(program), memory: memoryOf(bench, value) };
        expect(jit, text).toEqual(interp);
        return jit;
      });
      expect(outcomes[0], text).toEqual(outcomes[1]);
    }
  });

  it("the generator makes programs whose runs differ", () => {
    const rnd = new RandomStream(1);
    const bench = new Bench();
    bench.map("m", "array", { valueSize: 32, maxEntries: 1 });
    const results = new Set(Array.from({ length: 20 }, () => runBoth(bench, bench.load(randomProgram(rnd))).jit.r0));
    expect(results.size).toBeGreaterThan(10);
  });
});
