import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assembleClassic } from "../../../sim/bpf/cbpf/assemble.ts";
import { decodeClassic } from "../../../sim/bpf/cbpf/check.ts";
import type { ClassicFields } from "../../../sim/bpf/cbpf/insn.ts";
import { kernelBytes } from "../../../sim/bpf/cbpf/kernel-size.ts";
import { type ClassicOperand, type ClassicRow, classicRows } from "../../../sim/bpf/cbpf/table.ts";
import { translateClassic } from "../../../sim/bpf/cbpf/translate.ts";
import { disassemble } from "../../../sim/bpf/isa/disassemble.ts";
import type { Program } from "../../../sim/bpf/program.ts";
import { MachineBench } from "../jit/kit.ts";
import { asmEntries, randomClassic, source } from "./kit.ts";
import { evaluate, type ReferencePacket } from "./reference.ts";

const NETWORK = 14;
const PROTO = 0x86dd;
const METADATA: ReadonlyMap<number, number> = new Map([
  [0, PROTO],
  [4, 3],
  [48, 1],
]);
const SEEDS = 150;

/** A machine with one packet in a socket buffer's context; both engines must agree. */
class Bench {
  private readonly bench: MachineBench = new MachineBench();
  private packet: ReferencePacket = { bytes: new Uint8Array(0), network: NETWORK, metadata: METADATA };

  constructor() {
    this.bench.kind = "socket_filter";
    this.bench.legacy = (offset, size) => {
      const at = offset >= -0x100000 ? offset + 0x100000 + NETWORK : offset + 0x200000;
      const inside = offset < 0 && offset >= -0x200000 && at >= 0 && at + size <= this.packet.bytes.length;
      return inside ? this.bench.data + at : 0;
    };
  }

  put(bytes: Uint8Array): void {
    const { arena, ctx } = this.bench;
    this.packet = { bytes, network: NETWORK, metadata: METADATA };
    this.bench.packet(bytes);
    arena.dv.setUint32(ctx, bytes.length, true);
    arena.dv.setUint32(ctx + 4, 3, true);
    arena.dv.setUint32(ctx + 16, ((PROTO & 255) << 8) | (PROTO >> 8), true);
    arena.dv.setUint32(ctx + 20, 1, true);
  }

  load(insns: readonly ClassicFields[]): Program {
    const spec = translateClassic({ path: "p", insns }, "socket_filter", "p");
    return this.bench.machine.loadProgram(spec, { id: 1, license: "GPL", maps: new Map() });
  }

  /** Runs both engines and the reference. @returns the answer on which they agree */
  agree(insns: readonly ClassicFields[], program: Program = this.load(insns)): number {
    // such programs write to their own stack only, so both start alike
    const interp = this.bench.interpret(program);
    const jit = this.bench.jit(program);
    const wanted = BigInt(evaluate(insns, this.packet));
    expect([jit.r0, interp.r0]).toEqual([wanted, wanted]);
    expect(jit.insns).toBe(interp.insns);
    return Number(jit.r0);
  }
}

const VALUES = [0, 1, 3, 31, 33, 0x80000000, 0xfffffff0, 0xffffffff];
const f = (code: number, k: number = 0, jt: number = 0, jf: number = 0): ClassicFields => ({ code, jt, jf, k });

/** Constants to try, by operand; one where they mean nothing. */
const CONSTANTS: Partial<Record<ClassicOperand, readonly number[]>> = {
  imm: VALUES,
  mem: [0, 15],
  label: [0, 1],
  abs: [0, 3, 60, 61, 63, 64, 0xffe00003],
  ind: [0, 3, 60, 64],
  msh: [0, 3, 63, 64],
};

/** Programs that show what one form does: A and X set before, the outcome returned. */
function programsOf(row: ClassicRow): ClassicFields[][] {
  const out: ClassicFields[][] = [];
  const constants = CONSTANTS[row.operand] ?? [0];
  for (const k of constants) {
    if ((row.code === 0x34 || row.code === 0x94) && k === 0) continue;
    if ((row.code === 0x64 || row.code === 0x74) && k > 31) continue;
    for (const a of VALUES) {
      for (const x of row.operand === "x" || row.operand === "ind" ? VALUES : [7]) {
        const before = [f(0x02, 0), f(0x02, 15), f(0x01, x), f(0x00, a)];
        const insn = row.branch ? f(row.code, k, 1, 2) : f(row.code, k);
        // A - X tells both registers; the stored words are read back for stores
        const outcome = row.name.startsWith("st") ? [f(0x60, k), f(0x16)] : [f(0x1c), f(0x16)];
        if (row.branch || row.operand === "label") outcome.unshift(f(0x00, 1), f(0x04, 2), f(0x04, 4));
        out.push(row.name === "ret" ? [...before, insn] : [...before, insn, ...outcome]);
      }
    }
  }
  return out;
}

describe("classic programs as eBPF", () => {
  it.each(classicRows.filter((row) => !row.refused).map((row) => [`${row.name} ${row.operand}`, row] as const))(
    "%s does what it is defined to do, compiled and interpreted",
    (_name, row) => {
      const bench = new Bench();
      bench.put(Uint8Array.from({ length: 64 }, (_, i) => (i * 73 + 129) & 255));
      const programs = programsOf(row);
      expect(programs.length).toBeGreaterThan(0);
      for (const insns of programs) bench.agree(insns);
    },
  );

  it("programs made at random answer what the reference answers", () => {
    const bench = new Bench();
    fc.assert(
      fc.property(
        fc.integer({ min: 1000, max: 0x7fffffff }),
        fc.array(fc.uint8Array({ minLength: 14, maxLength: 120 }), { minLength: 3, maxLength: 3 }),
        (seed, frames) => {
          const { insns } = randomClassic(seed);
          const program = bench.load(insns);
          for (const bytes of frames) {
            bench.put(bytes);
            bench.agree(insns, program);
          }
        },
      ),
      { numRuns: SEEDS },
    );
  });

  it.each([
    [
      "branches",
      [...Array.from({ length: 4094 }, (_, i) => f(0x15, i, (i * 7) % 2, (i * 5) % 3 === 0 ? 1 : 0)), f(0x04, 1)],
    ],
    ["branches as far as they go", Array.from({ length: 4095 }, (_, i) => f(0x45, i, Math.min(255, 4094 - i), 0))],
    ["arithmetic", Array.from({ length: 4095 }, (_, i) => f(0x04, i))],
  ])("4096 instructions of %s run", (_name, insns) => {
    const bench = new Bench();
    bench.put(new Uint8Array(60));
    bench.agree([...insns, f(0x16)]);
  });

  it("a jump over 3900 instructions that nothing leads to runs", () => {
    const bench = new Bench();
    bench.put(new Uint8Array(60));
    expect(bench.agree([f(0x05, 3900), ...Array.from({ length: 3900 }, () => f(0x04, 1)), f(0x06, 9)])).toBe(9);
  });

  it("reads as the kernel's translation, with packet loads as LD_ABS and LD_IND", () => {
    const text =
      "ldh [12]\njne #0x800, drop\nldx 4*([14]&0xf)\nldh [x + 16]\njge #0x80000000, drop\ndiv x\nst M[1]\nld #mark\nret a\ndrop: ret #0";
    const spec = translateClassic(assembleClassic(text, "p"), "sched_cls", "p");
    expect(disassemble(spec.insns).map((line) => line.text)).toEqual([
      "w0 ^= w0",
      "w7 ^= w7",
      "r6 = r1",
      "r0 = *(u16 *)skb[12]",
      "if r0 != 0x800 goto pc+18",
      "r7 = r0",
      "r0 = *(u8 *)skb[14]",
      "w0 &= 15",
      "w0 <<= 2",
      "r2 = r7",
      "r7 = r0",
      "r0 = r2",
      "r0 = *(u16 *)skb[r7 + 16]",
      "w2 = -2147483648",
      "if r0 >= r2 goto pc+8",
      "w7 = w7",
      "if r7 != 0x0 goto pc+2",
      "w0 ^= w0",
      "exit",
      "w0 /= w7",
      "*(u32 *)(r10 -8) = r0",
      "r0 = *(u32 *)(r6 +8)",
      "exit",
      "w0 = 0",
      "exit",
    ]);
  });

  it("of bpf_asm's corpus is never longer than Linux's", () => {
    for (const { name } of asmEntries) {
      if (name === undefined) continue;
      const program = assembleClassic(source(name), name);
      const slots = translateClassic(program, "socket_filter", name).insns.length / 8;
      expect(slots, name).toBeLessThanOrEqual(kernelBytes(program.insns.map(decodeClassic)) / 8 - 12);
    }
  });
});
