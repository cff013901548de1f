import { describe, expect, it } from "vitest";
import { MachineBench, messageOf } from "./kit.ts";

const bench = new MachineBench();
bench.map("vals", "array", { valueSize: 16, maxEntries: 2 });
bench.map("hash", "hash", { valueSize: 8, maxEntries: 4 });
bench.map("ro", "array", { valueSize: 8, maxEntries: 1, readonly: true, data: new Uint8Array(8) });
bench.map("data", "array", { valueSize: 16, maxEntries: 1, data: new Uint8Array(16) });
bench.packet(new Uint8Array(14));

const LOOKUP = "*(u32 *)(r10 -4) = 0\nr1 = map[vals]\nr2 = r10\nr2 += -4\ncall map_lookup_elem\n";
const MISS = "*(u32 *)(r10 -4) = 9\nr1 = map[vals]\nr2 = r10\nr2 += -4\ncall map_lookup_elem\n";
/** r1: a map's only value; r3: 0, and nobody knows. */
const ONLY = "*(u32 *)(r10 -4) = 0\nr3 = *(u32 *)(r10 -4)\nr1 = map[data]+0\n";
const DATA = "r2 = *(u32 *)(r1 +0)\n";

/** The text that both engines stop with, addresses of this machine replaced by names. */
function faultOf(text: string): string {
  const program = bench.load(text);
  const [jit, interp] = [() => program.run(bench.ctx), () => bench.interpreter.run(program, bench.ctx)].map((run) => {
    const message = messageOf(run);
    bench.machine.reset();
    return message;
  });
  expect(jit).toBe(interp);
  return jit!;
}

describe("a map's only value is reached by a variable offset", () => {
  it.each([
    [0, 8],
    [8, 8],
    [15, 1],
    [12, 4],
  ])("at %i, %i bytes", (off, size) => {
    const program = bench.load(
      `${ONLY}r3 += ${off}\nr1 += r3\n*(u${size * 8} *)(r1 +0) = 7\nr0 = *(u${size * 8} *)(r1 +0)\nexit`,
    );
    expect(bench.jit(program).r0).toBe(7n);
    expect(bench.interpret(program).r0).toBe(7n);
  });
});

describe("a looked-up value is reached by a variable offset", () => {
  const INDEX = "if r0 == 0 goto out\nr3 = *(u32 *)(r10 -4)\n";

  it.each([
    [0, 8],
    [8, 8],
    [15, 1],
  ])("at %i, %i bytes", (off, size) => {
    const text = `${LOOKUP}${INDEX}r3 += ${off}\nr0 += r3\n*(u${size * 8} *)(r0 +0) = 7\nr0 = *(u${size * 8} *)(r0 +0)\nout: exit`;
    const program = bench.load(text);
    expect(bench.jit(program).r0).toBe(7n);
    expect(bench.interpret(program).r0).toBe(7n);
  });

  it("each turn of a loop by the value that it looked up itself", () => {
    const text = `
      r6 = 0
    turn: *(u32 *)(r10 -4) = r6
      r1 = map[vals]
      r2 = r10
      r2 += -4
      call map_lookup_elem
      if r0 == 0 goto out
      r3 = *(u32 *)(r10 -4)
      r3 <<= 2
      r0 += r3
      *(u32 *)(r0 +0) = 7
      r6 += 1
      goto turn
    out: r0 = r6
      exit`;
    const program = bench.load(text);
    expect(bench.jit(program).r0).toBe(2n);
    expect(bench.interpret(program).r0).toBe(2n);
  });

  it("into the next element of the array, which Linux's verifier would refuse: compiled code stops there", () => {
    const program = bench.load(`${LOOKUP}${INDEX}r3 += 16\nr0 += r3\nr0 = *(u8 *)(r0 +0)\nout: exit`);
    expect(messageOf(() => program.run(bench.ctx))).toMatch(
      /reads 1 byte at 0x[0-9a-f]+: outside of the packet or map value that its pointer was made from/,
    );
    bench.machine.reset();
    expect(bench.interpret(program).r0).toBe(0n);
  });

  it("half out of the array, writing", () => {
    const off = `r3 += 28\nr0 += r3\n*(u64 *)(r0 +0) = 1\n`;
    expect(faultOf(`${LOOKUP}${INDEX}${off}out: exit`)).toMatch(/writes 8 bytes at .* value_size=16 off=12 size=8/);
  });
});

describe("a lookup that found nothing", () => {
  it("stays null though an access far behind it came to lie in a map value", () => {
    const far = bench.maps.get("data")!.inlineArray!.base;
    const text = `${MISS}r0 += ${far}\nr1 = *(u8 *)(r0 +0)\nr0 += ${8 - far}\nr0 = *(u8 *)(r0 +0)\nexit`;
    expect(faultOf(text)).toContain("this is a null pointer plus 8");
  });
});

describe("a fault names program, instruction, address and what was there; in both engines alike", () => {
  it.each([
    [
      "reads past the packet's end",
      `${DATA}r0 = *(u8 *)(r2 +14)\nexit`,
      /insn 1: r0 = \*\(u8 \*\)\(r2 \+14\): reads 1 byte at 0x[0-9a-f]+: invalid access to packet, off=14 size=1: the packet has 14 bytes at/,
    ],
    ["reads half past the packet's end", `${DATA}r0 = *(u32 *)(r2 +12)\nexit`, /off=12 size=4/],
    ["reads before the packet", `${DATA}r0 = *(u16 *)(r2 -2)\nexit`, /off=-2 size=2/],
    ["writes past the packet's end", `${DATA}*(u64 *)(r2 +10) = 1\nexit`, /writes 8 bytes at .* off=10 size=8/],
    [
      "adds a huge number to a packet pointer",
      `${DATA}r3 = -1\nr3 >>= 1\nr2 += r3\nr0 = *(u8 *)(r2 +0)\nexit`,
      /'scalar': this is no address/,
    ],
    [
      "a packet pointer with something in its upper half",
      `${DATA}r3 = 0x100000000\nr2 += r3\nr0 = *(u8 *)(r2 +0)\nexit`,
      /'scalar': this is no address/,
    ],
    [
      "dereferences null",
      `${MISS}r0 = *(u64 *)(r0 +0)\nexit`,
      /reads 8 bytes at 0x0: invalid mem access 'map_value_or_null': this is a null pointer/,
    ],
    [
      "dereferences null plus 8",
      `${MISS}r0 += 8\nr0 = *(u64 *)(r0 +0)\nexit`,
      /reads 8 bytes at 0x8: invalid mem access: this is a null pointer plus 8/,
    ],
    [
      "dereferences a number",
      "r0 = *(u64 *)(r10 -8)\nr0 = 1234567890\nr0 = *(u8 *)(r0 +0)\nexit",
      /nothing there belongs to the program/,
    ],
    [
      "reads past a map value",
      `${LOOKUP}r0 = *(u64 *)(r0 +12)\nexit`,
      /invalid access to map value, value_size=16 off=12 size=8: map "vals" value of element 0/,
    ],
    ["reads before a map value", `${LOOKUP}r0 = *(u64 *)(r0 -4)\nexit`, /invalid|nothing there/],
    [
      "reads past a map value by a variable offset",
      `${LOOKUP}r3 = *(u32 *)(r10 -4)\nr3 += 32\nr0 += r3\nr0 = *(u8 *)(r0 +0)\nexit`,
      /value_size=16 off=0 size=1: map "vals" value of element 2/,
    ],
    [
      "reads across two map values by a variable offset",
      `${LOOKUP}r3 = *(u32 *)(r10 -4)\nr3 += 12\nr0 += r3\nr0 = *(u64 *)(r0 +0)\nexit`,
      /value_size=16 off=12 size=8: map "vals" value of element 0/,
    ],
    [
      "reads past a map's only value by a variable offset",
      `${ONLY}r3 += 13\nr1 += r3\nr0 = *(u32 *)(r1 +0)\nexit`,
      /value_size=16 off=13 size=4: map "data" value/,
    ],
    [
      "reads before a map's only value by a variable offset",
      `${ONLY}r1 -= r3\nr0 = *(u32 *)(r1 -1)\nexit`,
      /invalid|nothing there/,
    ],
    ["reads above the first frame", "r0 = *(u64 *)(r10 +0)\nexit", /invalid read from stack, size=8/],
    ["reads above the first frame, half of it below", "r0 = *(u64 *)(r10 -4)\nexit", /invalid read from stack, size=8/],
    [
      "writes read-only data",
      "r1 = map[ro]+0\n*(u32 *)(r1 +0) = 1\nexit",
      /write into map "ro".* forbidden: it is read-only/,
    ],
    ["reads below the stack", "r0 = *(u64 *)(r10 -520)\nexit", /invalid read from stack, size=8/],
    ["writes across the stack's lower end", "*(u64 *)(r10 -516) = 1\nexit", /invalid write to stack, size=8/],
    [
      "reads the stack through an unknown pointer, too low",
      "r2 = r10\nr3 = 600\nr2 -= r3\nr2 ^= 0\nr0 = *(u8 *)(r2 +0)\nexit",
      /invalid read from stack, size=1/,
    ],
    [
      "writes a context field that is read-only",
      "*(u32 *)(r1 +0) = 1\nr0 = 0\nexit",
      /invalid bpf_context access off=0 size=4 \(write\)/,
    ],
    ["reads half a context field", "r0 = *(u16 *)(r1 +0)\nexit", /invalid bpf_context access off=0 size=2 \(read\)/],
    ["reads past the context", "r0 = *(u32 *)(r1 +24)\nexit", /invalid bpf_context access off=24 size=4 \(read\)/],
    ["reads a field of another attach type", "r0 = *(u32 *)(r1 +20)\nexit", /invalid bpf_context access off=20 size=4/],
    [
      "reads half a context field through an unknown pointer",
      "r1 ^= 0\nr0 = *(u16 *)(r1 +4)\nexit",
      /invalid bpf_context access off=4 size=2 \(read\)/,
    ],
    [
      "passes no context where one is expected",
      "r1 += 4\nr2 = map[hash]\nr3 = 0\nr4 = r10\nr4 += -8\nr5 = 8\ncall perf_event_output\nexit",
      /cannot pass map|R1 is/,
    ],
    [
      "looks up with a key beyond the stack",
      "r1 = map[hash]\nr2 = r10\nr2 += -2\ncall map_lookup_elem\nexit",
      /call bpf_map_lookup_elem#1: reads 4 bytes at .*: invalid read from stack, size=4/,
    ],
    [
      "calls back a number",
      "r1 = 1\nr2 = 7\nr3 = 0\nr4 = 0\ncall loop\nexit",
      /R2 is 0x7, expected the address of a function/,
    ],
    [
      "calls back what is no callback of the program",
      "r1 = 1\nr2 = 99999 ll\nr3 = 0\nr4 = 0\ncall loop\nexit",
      /R2 is 0x1869f, expected the address of a function of this program/,
    ],
    ["looks up in something that is no map", "r1 = 5\nr2 = r10\nr2 += -4\ncall map_lookup_elem\nexit", /0x5 is no map/],
    [
      "passes size 0 where a size is needed",
      "r1 = r10\nr1 += -8\nr2 = 0\ncall trace_printk\nexit",
      /R2 invalid zero-sized read/,
    ],
    [
      "passes a negative size",
      "r1 = r10\nr1 += -8\nr2 = -1\ncall trace_printk\nexit",
      /R2 is 0xffffffffffffffff: no size is that large/,
    ],
    [
      "passes a size beyond the memory",
      "r1 = r10\nr1 += -8\nr2 = 9\ncall trace_printk\nexit",
      /reads 9 bytes at .*: invalid read from stack/,
    ],
    [
      "tail calls through something that is no program array",
      "r2 = 5\nr3 = 0\ncall tail_call\nr0 = 0\nexit",
      /R2 is 0x5, expected a prog array of this program/,
    ],
  ])("%s", (why, text, expected) => {
    if (why === "passes no context where one is expected") {
      expect(() => bench.load(text)).toThrow("cannot pass map");
      return;
    }
    const message = faultOf(text);
    expect(message).toMatch(expected);
    expect(message).toMatch(/^program "p": insn \d+: /);
    expect(message).toMatch(/\[PROGRAM_FAULT\]$/);
  });

  it("shows the source line", () => {
    const lines = [
      { insn: 0, file: "lb.c", line: 7, column: 2, text: "\tvoid *data = ctx->data;" },
      { insn: 1, file: "lb.c", line: 9, column: 9, text: "\treturn *(char *)(data + 99);" },
    ];
    const program = bench.load(`${DATA}r0 = *(u8 *)(r2 +99)\nexit`, { lines, name: "lb" });
    const message = messageOf(() => program.run(bench.ctx));
    bench.machine.reset();
    expect(message.split("\n").slice(1)).toEqual([
      "   9 | \treturn *(char *)(data + 99);",
      `     | \t${" ".repeat(7)}${"^".repeat("*(char *)(data + 99);".length)}`,
    ]);
    expect(message).toMatch(/^lb.c:9:9: program "lb": insn 1: /);
  });

  it("names the subprogram that it happened in", () => {
    const text = "r1 = 0\ncall helper_fn\nexit\nhelper_fn: r0 = *(u8 *)(r1 +0)\nexit";
    expect(faultOf(text)).toContain('program "p" in function "helper_fn": insn 3: ');
  });

  it("the machine runs on after a reset", () => {
    const bad = bench.load("r0 = *(u64 *)(r10 -600)\nexit");
    const good = bench.load("r0 = 3\nexit");
    for (let i = 0; i < 40; i++) {
      expect(() => bad.run(bench.ctx)).toThrow();
      bench.machine.reset();
    }
    expect(good.run(bench.ctx)).toBe(3);
  });
});

describe("loading refuses by name", () => {
  it.each([
    ["call 999\nexit", "insn 0: invalid func unknown#999"],
    ["call 0\nexit", "insn 0: invalid func unknown#0"],
    ["call 65\nexit", "insn 0: helper bpf_getsockopt"],
    ["r0 = *(u8 *)skb[0]\nexit", "BPF_LD_[ABS|IND] instructions not allowed for this program type"],
    ["r1 = map[nope]\nexit", 'insn 0: there is no map "nope"'],
    ["r1 = map[hash]+0\nexit", 'map "hash" of type hash has no direct value address'],
    ["r1 = map[fd:3]\nexit", "no such instruction"],
  ])("%s: %s", (text, message) => {
    const shown = message.replace("bpf_getsockopt", "bpf_");
    expect(() => bench.load(text)).toThrow(shown);
  });

  it("GPL-only helpers under another licence", () => {
    const text = "r1 = r10\nr1 += -8\nr2 = 8\n*(u64 *)(r10 -8) = 0\ncall trace_printk\nr0 = 0\nexit";
    expect(() => bench.load(text, { license: "Proprietary" })).toThrow(
      "cannot call GPL-restricted function from non-GPL compatible program",
    );
    expect(bench.load(text, { license: "Dual BSD/GPL" }).gpl).toBe(true);
  });

  it("a program whose section does not say its type", () => {
    const spec = { ...bench.load("r0 = 0\nexit").spec, kind: null };
    expect(() => bench.machine.loadProgram(spec, { id: 1, license: "GPL", maps: new Map() })).toThrow(
      'section "xdp" does not say the program\'s type',
    );
  });
});
