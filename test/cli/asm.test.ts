import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { netsim, ROOT } from "./kit.ts";

const dir = mkdtempSync(join(tmpdir(), "netsim-asm-"));
afterAll(() => rmSync(dir, { recursive: true }));
const asm = (text: string, ...args: string[]): ReturnType<typeof netsim> => {
  writeFileSync(join(dir, "prog.asm"), text);
  return netsim(["asm", "prog.asm", ...args], dir);
};

const SOURCE = "r1 = *(u32 *)(r1 +4)\nif r1 s< 0x7 goto out\ncall bpf_ktime_get_ns\nout:\nr0 = 2\nexit\n";

describe("netsim asm", () => {
  it("lists what it assembled in the syntax of prog dump", async () => {
    expect((await asm(SOURCE)).stdout).toBe(
      "   0: (61) r1 = *(u32 *)(r1 +4)\n" +
        "   1: (c5) if r1 s< 0x7 goto pc+1\n" +
        "   2: (85) call bpf_ktime_get_ns#5\n" +
        "   3: (b7) r0 = 2\n" +
        "   4: (95) exit\n",
    );
  });

  it("writes hexadecimal digits, C initialisers and bytes", async () => {
    expect((await asm("r0 = -2\nexit", "--format", "hex")).stdout).toBe("b7000000feffffff\n9500000000000000\n");
    expect((await asm("r3 = *(u16 *)(r2 -4)", "--format", "c")).stdout).toBe(
      "{ .code = 0x69, .dst_reg = 3, .src_reg = 2, .off = -4, .imm = 0 },\n",
    );
    const written = await asm("r0 = -2\nexit", "--format", "bytes", "-o", "prog.bin");
    expect(written).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(readFileSync(join(dir, "prog.bin")).toString("hex")).toBe("b7000000feffffff9500000000000000");
  });

  const FILTER = "ldh [12]\njne #0x800, drop\nret #-1\ndrop: ret #0\n";

  it.each([
    ["decimal", "4,40 0 0 12,21 0 1 2048,6 0 0 4294967295,6 0 0 0,\n"],
    ["ddd", "4\n40 0 0 12\n21 0 1 2048\n6 0 0 4294967295\n6 0 0 0\n"],
    ["d", "(000) ldh      [12]\n(001) jeq      #0x800           jt 2\tjf 3\n(002) ret      #-1\n(003) ret      #0\n"],
  ])("writes classic BPF as %s", async (format, text) => {
    const made = await asm(FILTER, "--classic", "--format", format);
    expect(made.stderr).toBe("");
    expect(made.stdout).toBe(text);
  });

  it("shows the eBPF that the kernel makes of a classic program, also of one given in numbers", async () => {
    const made = await asm(FILTER, "--classic", "--format", "ebpf");
    expect(made.stdout).toContain("r0 = *(u16 *)skb[12]\n");
    const numbers = (await asm(FILTER, "--classic")).stdout;
    expect((await asm(numbers, "--classic", "--format", "ebpf")).stdout).toBe(made.stdout);
  });

  it.each([
    [
      "r0 = 2\nr0 = r11 +\nexit",
      [],
      3,
      "prog.asm:2:1: no such instruction [ASM_INVALID]\n   2 | r0 = r11 +\n     | ^^^^^^^^^^",
    ],
    ["  goto ot\nout: exit", [], 3, 'prog.asm:1:8: no label "ot"'],
    ["call ktime_get_n", [], 3, "fix: did you mean ktime_get_ns?"],
    ["ldh [12]\njeqq #1, a\na: ret #0", ["--classic"], 3, "prog.asm:2:1: "],
    ["r0 = 1", ["--format", "hx"], 2, "did you mean hex?"],
    ["r0 = 1", ["--format", "bytes"], 2, "--format bytes is no text to print"],
  ])("refuses %j in words", async (text, args, status, message) => {
    const made = await asm(text, ...args);
    expect(made.stderr).toContain(message);
    expect(made.status).toBe(status);
    expect(made.stdout).toBe("");
  });

  it("refuses a file that is not there", async () => {
    const made = await netsim(["asm", "no.asm"], ROOT);
    expect(made.status).toBe(2);
    expect(made.stderr).toContain("no.asm: no such file");
  });
});
