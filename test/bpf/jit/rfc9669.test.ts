import { describe, expect, it } from "vitest";
import { MachineBench, runBoth } from "./kit.ts";

const bench = new MachineBench();
const M = 0xffffffffffffffffn;

function expectBoth(text: string, r0: bigint): void {
  const { jit, interp } = runBoth(bench, bench.load(text));
  expect({ r0: jit.r0, insns: jit.insns }).toEqual({ r0, insns: interp.insns });
  expect(interp.r0).toBe(r0);
}

const ld = (reg: number, v: bigint): string => `r${reg} = 0x${BigInt.asUintN(64, v).toString(16)}`;

/** dst op src, in 64 and in 32 bits, with the results that RFC 9669 defines. */
const ARITHMETIC: readonly (readonly [string, bigint, bigint, bigint, bigint])[] = [
  ["+=", M, 2n, 1n, 1n],
  ["+=", 0x7fffffffn, 1n, 0x80000000n, 0x80000000n],
  ["-=", 1n, 2n, M, 0xffffffffn],
  ["*=", 1n << 40n, 1n << 30n, 0n, 0n],
  ["*=", 0xffffffffn, 0xffffffffn, 0xfffffffe00000001n, 1n],
  ["/=", M, 10n, M / 10n, 0xffffffffn / 10n],
  ["/=", 7n, 0n, 0n, 0n],
  ["s/=", -7n, 2n, -3n, 0xfffffffdn],
  ["s/=", -7n, -2n, 3n, 3n],
  ["s/=", -7n, 0n, 0n, 0n],
  ["s/=", -(1n << 63n), -1n, 1n << 63n, 0n],
  ["s/=", -(1n << 31n), -1n, 1n << 31n, 0x80000000n],
  ["%=", M, 10n, M % 10n, 0xffffffffn % 10n],
  ["%=", 0x500000007n, 0n, 0x500000007n, 7n],
  ["s%=", -7n, 2n, -1n, 0xffffffffn],
  ["s%=", 7n, -2n, 1n, 1n],
  ["s%=", -(1n << 63n), -1n, 0n, 0n],
  ["s%=", -(1n << 31n), -1n, 0n, 0n],
  ["s%=", 0x500000007n, 0n, 0x500000007n, 7n],
  ["|=", 0xf0f000000000n, 0x0f0fn, 0xf0f000000f0fn, 0x0f0fn],
  ["&=", M, 0xff00ff00ff00n, 0xff00ff00ff00n, 0xff00ff00n],
  ["^=", M, 0xff00ff00ff00n, 0xffff00ff00ff00ffn, 0x00ff00ffn],
  ["<<=", 1n, 63n, 1n << 63n, 1n << 31n],
  ["<<=", 1n, 64n, 1n, 1n],
  ["<<=", 1n, 33n, 1n << 33n, 2n],
  [">>=", M, 4n, M >> 4n, 0x0fffffffn],
  [">>=", M, 100n, M >> 36n, 0x0fffffffn],
  ["s>>=", -16n, 2n, -4n, 0xfffffffcn],
  ["s>>=", 0x80000000n, 31n, 1n, 0xffffffffn],
  ["=", 5n, -1n, M, 0xffffffffn],
];

describe("arithmetic (RFC 9669, 4.1)", () => {
  it.each(ARITHMETIC)("r %s: %s, %s gives %s", (op, dst, src, wide) => {
    expectBoth(`${ld(0, dst)}\n${ld(2, src)}\nr0 ${op} r2\nexit`, BigInt.asUintN(64, wide));
  });

  it.each(ARITHMETIC)("w %s: %s, %s gives (64 bits: %s) %s", (op, dst, src, _wide, narrow) => {
    expectBoth(`${ld(0, dst)}\n${ld(2, src)}\nw0 ${op} w2\nexit`, narrow);
  });

  it.each(ARITHMETIC.filter(([, , src]) => src === BigInt.asIntN(32, src)))(
    "%s with an immediate: %s, %s gives %s, %s",
    (op, dst, src, wide, narrow) => {
      expectBoth(`${ld(0, dst)}\nr0 ${op} ${src}\nexit`, BigInt.asUintN(64, wide));
      expectBoth(`${ld(0, dst)}\nw0 ${op} ${src}\nexit`, narrow);
    },
  );

  it.each([
    ["r0 = -r0", 5n, M - 4n],
    ["w0 = -w0", 5n, 0xfffffffbn],
    ["r0 = -r0", 1n << 63n, 1n << 63n],
    ["r0 = (s8)r0", 0x1280n, M - 0x7fn],
    ["r0 = (s16)r0", 0x128000n, M - 0x7fffn],
    ["r0 = (s32)r0", 0x1280000000n, M - 0x7fffffffn],
    ["w0 = (s8)w0", 0x1280n, 0xffffff80n],
    ["w0 = (s16)w0", 0x128000n, 0xffff8000n],
    ["w0 = w0", M, 0xffffffffn],
    ["r0 = le16 r0", 0x1122334455667788n, 0x7788n],
    ["r0 = le32 r0", 0x1122334455667788n, 0x55667788n],
    ["r0 = le64 r0", 0x1122334455667788n, 0x1122334455667788n],
    ["r0 = be16 r0", 0x1122334455667788n, 0x8877n],
    ["r0 = be32 r0", 0x1122334455667788n, 0x88776655n],
    ["r0 = be64 r0", 0x1122334455667788n, 0x8877665544332211n],
    ["r0 = bswap16 r0", 0x1122334455667788n, 0x8877n],
    ["r0 = bswap32 r0", 0x1122334455667788n, 0x88776655n],
    ["r0 = bswap64 r0", 0x1122334455667788n, 0x8877665544332211n],
  ])("%s of %s is %s", (text, value, result) => {
    expectBoth(`${ld(0, value)}\n${text}\nexit`, result);
  });

  it("an immediate is sign-extended to 64 bits", () => {
    expectBoth("r0 = -1\nexit", M);
    expectBoth("r0 = 0\nr0 += -5\nexit", M - 4n);
    expectBoth("r0 = -1\nr0 /= -1\nexit", 1n);
    expectBoth("w0 = -1\nexit", 0xffffffffn);
  });
});

/** a op b: in 64 bits, and in the low 32. */
const CONDITIONS: readonly (readonly [string, bigint, bigint, boolean, boolean])[] = [
  ["==", 5n, 5n, true, true],
  ["==", 0x1_0000_0005n, 5n, false, true],
  ["!=", 0x1_0000_0005n, 5n, true, false],
  [">", -1n, 1n, true, true],
  [">", 5n, 5n, false, false],
  [">=", 5n, 5n, true, true],
  ["<", 1n, -1n, true, true],
  ["<", 0x1_0000_0000n, 1n, false, true],
  ["<=", 5n, 5n, true, true],
  ["<=", 6n, 5n, false, false],
  ["s>", -1n, 1n, false, false],
  ["s>", 1n, -1n, true, true],
  ["s>", 0x80000000n, 1n, true, false],
  ["s>=", -5n, -5n, true, true],
  ["s<", -1n, 1n, true, true],
  ["s<", 0x80000000n, 1n, false, true],
  ["s<=", -5n, -5n, true, true],
  ["s<=", 1n, -5n, false, false],
  ["&", 0x8n, 0xcn, true, true],
  ["&", 0x8n, 0x4n, false, false],
  ["&", 0x1_0000_0000n, -1n, true, false],
];

describe("conditional jumps (RFC 9669, 4.3)", () => {
  it.each(CONDITIONS)("%s: %s, %s is %s; in 32 bits %s", (op, a, b, wide, narrow) => {
    for (const [r, taken] of [
      ["r", wide],
      ["w", narrow],
    ] as const) {
      const prologue = `${ld(1, a)}\n${ld(2, b)}\nr0 = 1\n`;
      expectBoth(`${prologue}if ${r}1 ${op} ${r}2 goto out\nr0 = 0\nout: exit`, taken ? 1n : 0n);
      if (b === BigInt.asIntN(32, b)) {
        expectBoth(`${prologue}if ${r}1 ${op} ${b} goto out\nr0 = 0\nout: exit`, taken ? 1n : 0n);
      }
    }
  });

  it("goto and gotol jump, in both directions", () => {
    expectBoth("r0 = 0\ngoto a\nb: r0 += 1\ngotol c\na: r0 += 2\ngoto b\nc: exit", 3n);
  });
});

describe("memory (RFC 9669, 5)", () => {
  it.each([
    ["u8", 0x88n],
    ["u16", 0x7788n],
    ["u32", 0x85667788n],
    ["u64", 0x9122334485667788n],
    ["s8", M - 0x77n],
    ["s16", 0x7788n],
    ["s32", M - 0x7a998877n],
  ])("a load of %s gives %s", (type, result) => {
    expectBoth(`${ld(2, 0x9122334485667788n)}\n*(u64 *)(r10 -8) = r2\nr0 = *(${type} *)(r10 -8)\nexit`, result);
  });

  it.each([
    ["u8", 0x11111111111111fen],
    ["u16", 0x111111111111fffen],
    ["u32", 0x11111111fffffffen],
    ["u64", M - 1n],
  ])("a store of %s leaves %s, from a register and from an immediate", (type, result) => {
    const fill = `${ld(2, 0x1111111111111111n)}\n*(u64 *)(r10 -8) = r2\n`;
    expectBoth(`${fill}r3 = -2\n*(${type} *)(r10 -8) = r3\nr0 = *(u64 *)(r10 -8)\nexit`, result);
    expectBoth(`${fill}*(${type} *)(r10 -8) = -2\nr0 = *(u64 *)(r10 -8)\nexit`, result);
  });

  it("unaligned accesses work", () => {
    expectBoth(`${ld(2, 0x1122334455667788n)}\n*(u64 *)(r10 -13) = r2\nr0 = *(u32 *)(r10 -12)\nexit`, 0x44556677n);
  });

  it("load_acquire and store_release are a load and a store", () => {
    expectBoth("r2 = -2\nstore_release((u16 *)(r10 -8), r2)\nr0 = load_acquire((u16 *)(r10 -8))\nexit", 0xfffen);
  });
});

describe("atomic operations (RFC 9669, 5.3)", () => {
  const old = 0x0000000f_fffffff1n;
  const operand = 0x00000001_0000001fn;
  const start = `${ld(7, old)}\n*(u64 *)(r10 -8) = r7\n${ld(2, operand)}\n`;
  const low = (v: bigint): bigint => v & 0xffffffffn;
  const cases = (
    [
      ["+=", "add", old + operand, low(old + operand)],
      ["|=", "or", old | operand, low(old | operand)],
      ["&=", "and", old & operand, low(old & operand)],
      ["^=", "xor", old ^ operand, low(old ^ operand)],
    ] as const
  ).map(([sign, name, wide, narrow]) => [sign, name, wide, (old & ~0xffffffffn) | narrow] as const);

  it.each(cases)("%s (%s) leaves %s in 64 bits, %s in 32", (sign, name, wide, narrow) => {
    for (const [type, fn, result] of [
      ["u64", "atomic64", wide],
      ["u32", "atomic", narrow],
    ] as const) {
      const fetched = type === "u64" ? old : low(old);
      const at = `(${type} *)(r10 -8)`;
      expectBoth(`${start}lock *${at} ${sign} r2\nr0 = *(u64 *)(r10 -8)\nexit`, result);
      expectBoth(`${start}lock *${at} ${sign} r2\nr0 = r2\nexit`, operand);
      expectBoth(`${start}r2 = ${fn}_fetch_${name}(${at}, r2)\nr0 = *(u64 *)(r10 -8)\nexit`, result);
      expectBoth(`${start}r2 = ${fn}_fetch_${name}(${at}, r2)\nr0 = r2\nexit`, fetched);
    }
  });

  it("xchg swaps; in 32 bits the register's upper half becomes 0", () => {
    const at = "(u64 *)(r10 -8)";
    expectBoth(`${start}r2 = atomic64_xchg(${at}, r2)\nr0 = r2\nexit`, old);
    expectBoth(`${start}r2 = atomic64_xchg(${at}, r2)\nr0 = *${at}\nexit`, operand);
    expectBoth(`${start}r2 = atomic_xchg((u32 *)(r10 -8), r2)\nr0 = r2\nexit`, low(old));
    expectBoth(`${start}r2 = atomic_xchg((u32 *)(r10 -8), r2)\nr0 = *${at}\nexit`, 0xf_0000001fn);
  });

  it.each([
    ["64 bits, equal", "atomic64", "u64", old, old, operand],
    ["64 bits, not equal", "atomic64", "u64", old + 1n, old, old],
    ["64 bits, only the low half equal", "atomic64", "u64", low(old), old, old],
    ["32 bits, equal in the low half", "atomic", "u32", 0x5_fffffff1n, low(old), 0xf_0000001fn],
    ["32 bits, not equal", "atomic", "u32", 7n, low(old), old],
  ])("cmpxchg, %s", (_why, fn, type, expected, r0, memory) => {
    const text = `${start}${ld(0, expected)}\nr0 = ${fn}_cmpxchg((${type} *)(r10 -8), r0, r2)\n`;
    expectBoth(`${text}exit`, r0);
    expectBoth(`${text}r0 = *(u64 *)(r10 -8)\nexit`, memory);
  });
});

describe("64-bit immediates", () => {
  it.each([0n, 1n, M, 0x8000000080000000n, 0x00000001ffffffffn])("%s", (v) => {
    expectBoth(`${ld(0, v)}\nexit`, v);
  });
});
