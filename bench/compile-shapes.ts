/** Programs of about 50,000 instructions in the shapes that compilers find hard, as the assembler's text. */

/** A program to compile. */
export interface Shape {
  readonly what: string;
  readonly text: string;
}

const INSNS = 50_000;

/** `count` lines or groups of lines, each by its number. */
function lines(count: number, line: (i: number) => string): string {
  return Array.from({ length: Math.floor(count) }, (_, i) => line(i)).join("\n");
}

/** Loads the packet's bounds into r2 and r3, and some numbers. */
const BEGIN = `
  r6 = r1
  r2 = *(u32 *)(r1 +0)
  r3 = *(u32 *)(r1 +4)
  r4 = r2
  r4 += 64
  if r4 <= r3 goto begin
  gotol done
begin:
  r0 = 1
  r7 = 3
  r8 = 5`;
const END = `
done:
  r0 = 2
  exit`;

const around = (text: string): string => `${BEGIN}\n${text}\n${END}`;

/** What programs do most: arithmetic, the packet, the stack. */
function work(i: number): string {
  switch (i % 5) {
    case 0:
      return `  r7 = *(u8 *)(r2 +${i % 64})`;
    case 1:
      return "  r7 += r8";
    case 2:
      return `  *(u64 *)(r10 -${8 + 8 * (i % 40)}) = r7`;
    case 3:
      return `  r8 = *(u64 *)(r10 -${8 + 8 * ((i - 1) % 40)})`;
    default:
      return `  w0 ^= ${i}`;
  }
}

function oneBlock(): string {
  return around(lines(INSNS, work));
}

/** A jump over each second instruction. */
function branches(): string {
  return around(lines(INSNS / 3, (i) => `  if r7 == ${i} goto l${i}\n${work(i)}\nl${i}:\n${work(i + 1)}`));
}

/** Thousands of tests that all lead to one place, by jumps as far as a jump reaches. */
function commonExit(): string {
  const tests = 5_000;
  const group = (g: number): string =>
    `${lines(tests, (i) => `  if r7 == ${i} goto out${g}\n${work(i)}`)}\n  goto on${g}\nout${g}:\n  gotol done\non${g}:`;
  return around(lines(INSNS / tests / 2, group));
}

/** Tests within tests: each opens a region that the next lies in, and all close at the end one after the other. Twice. */
function nested(): string {
  const depth = INSNS / 8;
  const open = (k: number): string => lines(depth, (i) => `  if r7 == ${i} goto n${k}_${i}\n${work(i)}`);
  const close = (k: number): string => lines(depth, (i) => `n${k}_${depth - 1 - i}:\n${work(i)}\n${work(i + 1)}`);
  return around(lines(2, (k) => `${open(k)}\n${close(k)}`));
}

/** As clang compiles a large switch: comparisons, and a case behind each, all of which end at one place. Twice. */
function cases(): string {
  const n = INSNS / 12;
  const choose = (k: number): string => lines(n, (i) => `  if r7 == ${i} goto c${k}_${i}`);
  const handle = (k: number): string =>
    lines(n, (i) => `c${k}_${i}:\n${work(i)}\n${work(i + 1)}\n${work(i + 2)}\n  r8 += ${i}\n  goto joined${k}`);
  return around(lines(2, (k) => `${choose(k)}\n  goto joined${k}\n${handle(k)}\njoined${k}:\n  r7 += r8`));
}

/** Loops one after the other. */
function loops(): string {
  const loop = (i: number): string =>
    `  r9 = 3\nt${i}:\n${work(i)}\n${work(i + 1)}\n${work(i + 2)}\n  r9 += -1\n  if r9 != 0 goto t${i}`;
  return around(lines(INSNS / 6, loop));
}

/** Loops within loops: all heads first, then all tests. Twice. */
function nestedLoops(): string {
  const depth = INSNS / 100;
  const heads = (k: number): string => lines(depth, (i) => `t${k}_${i}:\n${lines(48, (j) => work(i + j))}`);
  const tests = (k: number): string => lines(depth, (i) => `  r8 += 1\n  if r7 == ${i} goto t${k}_${depth - 1 - i}`);
  return around(lines(2, (k) => `${heads(k)}\n${tests(k)}`));
}

function subprograms(): string {
  const n = 2_000;
  const calls = lines(n, (i) => `  r1 = ${i}\n  r2 = r7\n  call f${i}\n  r7 = r0`);
  const body = lines(20, (i) => (i % 5 === 0 ? `  r1 += ${i}` : work(i)));
  return `  r7 = 0\n  r8 = 0\n${calls}\n  exit\n${lines(n, (i) => `f${i}:\n  r7 = 0\n  r8 = 0\n  r0 = r1\n${body}\n  exit`)}`;
}

/** A lookup with a key on the stack, a test, a counter: what stands in a program again and again. */
function lookups(): string {
  const lookup = (i: number): string => `  *(u32 *)(r10 -4) = ${i}
  r1 = map[counters]
  r2 = r10
  r2 += -4
  call map_lookup_elem
  if r0 == 0 goto l${i}
  r1 = *(u64 *)(r0 +0)
  r1 += 1
  *(u64 *)(r0 +0) = r1
l${i}:`;
  return `${lines(INSNS / 9, lookup)}\n  r0 = 2\n  exit`;
}

/** A jump into the midst of a loop: no structure to recover. */
function irreducible(): string {
  return around(`  if r7 == 3 goto inside\nhead:\n${lines(12, work)}\ninside:\n${lines(INSNS / 3, (i) => `  if r7 == ${i} goto l${i}\n${work(i)}\nl${i}:\n${work(i + 1)}`)}
  r8 += 1\n  if r8 == 7 goto long\n  goto done\nlong:\n  gotol head`);
}

/** All shapes. */
export function compileShapes(): readonly Shape[] {
  return [
    { what: "one block", text: oneBlock() },
    { what: "small branches", text: branches() },
    { what: "tests with one exit", text: commonExit() },
    { what: "nested tests", text: nested() },
    { what: "two switches of 4,166 cases", text: cases() },
    { what: "loops", text: loops() },
    { what: "nested loops", text: nestedLoops() },
    { what: "2,000 subprograms", text: subprograms() },
    { what: "array lookups", text: lookups() },
    { what: "irreducible", text: irreducible() },
  ];
}
