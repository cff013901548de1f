import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { verbs } from "../../sim/cli/debug/verbs.ts";
import { netsim, ROOT } from "./kit.ts";

const packets = JSON.parse(readFileSync(new URL("../kernel/packets.json", import.meta.url), "utf8")) as {
  name: string;
  hex: string;
}[];
const dir = mkdtempSync(join(tmpdir(), "netsim-debug-"));
afterAll(() => rmSync(dir, { recursive: true }));
for (const { name, hex } of packets) writeFileSync(join(dir, name), Buffer.from(hex, "hex"));

/** What a debugger answers to each line. */
async function session(args: readonly string[], lines: readonly string[]): Promise<string[]> {
  const run = await netsim(["debug", ...args], ROOT, {}, lines);
  expect(run.stderr).toBe("");
  expect(run.status).toBe(0);
  return run.stdout.split(/\(netsim\) (?:.*\n)?/);
}

const VLAN = ["programs/xdp_vlan.o", "--prog", "xdp_vlan_pop", "--data-in", join(dir, "vlan_ipv4_tcp")];
const where = (text: string): string => /^=> +(\d+):/m.exec(text)?.[1] ?? text;

describe("netsim debug", () => {
  it("begins before the first instruction and steps by instruction and by source line", async () => {
    const [start, one, line, over] = await session(VLAN, ["stepi", "step", "next 2"]);
    expect(start).toMatch(/^xdp_vlan_pop\(\) at xdp_vlan\.c:\d+, insn 0, 0 executed\n +\d+ {2}int xdp_vlan_pop/);
    expect(where(one!)).toBe("1");
    expect(line).toContain("parse.h:");
    expect(over).toMatch(/ at xdp_vlan\.c:\d+, insn \d+, \d+ executed\n/);
  });

  it("goes backwards to the very same state", async () => {
    const forth = await session(VLAN, ["stepi 9", "print registers", "print packet"]);
    const back = await session(VLAN, ["stepi 60", "back 51", "print registers", "print packet"]);
    expect(back[2]).toBe(forth[1]);
    const unmarked = (text: string): string => text.replaceAll("*", " ").replaceAll(/ +/g, " ");
    expect(unmarked(back[3]!)).toBe(unmarked(forth[2]!));
    expect(unmarked(back[4]!)).toBe(unmarked(forth[3]!));
  });

  it("stops at breakpoints, forwards and backwards, and lists and forgets them", async () => {
    const answers = await session(VLAN, ["break insn 30", "break", "continue", "c", "rc", "delete 1", "break", "run"]);
    expect(answers[1]).toBe("breakpoint 1 at insn 30\n");
    expect(answers[2]).toBe("  1  insn 30\n");
    expect(answers[3]).toMatch(/^breakpoint 1 at insn 30\n/);
    expect(where(answers[3]!)).toBe("30");
    expect(answers[4]).toMatch(/^the program has ended after \d+ instructions: XDP_PASS \(r0 = 0x2\)\n/);
    expect(where(answers[5]!)).toBe("30");
    expect(answers[7]).toBe("no breakpoints\n");
    expect(answers[8]).toBe(answers[4]);
  });

  it("breaks at lines and functions; finish and backtrace know the call chain", async () => {
    const args = [
      "test/fixtures/objects/subprogs.o",
      "--prog",
      "calls_other_first",
      "--data-in",
      join(dir, "ipv4_udp"),
    ];
    const lines = [
      "break leaf",
      "continue",
      "backtrace",
      "finish",
      "break 25",
      "run",
      "delete",
      "break other",
      "continue",
      "finish",
    ];
    const answers = await session(args, lines);
    expect(answers[1]).toMatch(/^breakpoint 1 at leaf\(\), insn \d+\n/);
    expect(answers[3]).toMatch(
      /^#0 {2}leaf\(\) at subprogs\.c:4, insn \d+\n#1 {2}middle\(\) at subprogs\.c:11, insn \d+\n#2 {2}calls_other_first\(\) at/,
    );
    expect(answers[4]).toMatch(/^middle\(\) at subprogs\.c:11, insn/);
    expect(answers[5]).toMatch(/^breakpoint 2 at subprogs\.c:25, insn 0\n/);
    expect(answers[9]).toMatch(/^breakpoint 3 at other\(\)\nother\(\) at subprogs\.c:\d+, insn/);
    expect(answers[10]).toMatch(/^calls_other_first\(\) at subprogs\.c:\d+, insn/);
  });

  it("decodes the packet and marks what changed", async () => {
    const answers = await session(VLAN, ["print packet", "continue", "print packet"]);
    expect(answers[1]).toContain("   14  vlan      id 100  priority 0  type 0x0800\n");
    expect(answers[1]).toContain("src 192.0.2.1  dst 198.51.100.2  proto 6");
    expect(answers[3]).toContain("*type 0x0800");
    expect(answers[3]).toMatch(/^ +14 {2}ipv4 +src 192\.0\.2\.1 {2}dst/m);
    expect(answers[3]).not.toContain("vlan");
  });

  it("names pointers by what they point to, and prints context, stack and maps", async () => {
    const args = ["programs/xdp_proto_count.o", "--data-in", join(dir, "ipv4_udp")];
    const answers = await session(args, ["print r1", "print r10", "print ctx", "continue", "print map proto_count"]);
    expect(answers[1]).toMatch(/r1 = 0x[0-9a-f]+ {2}ctx\n/);
    expect(answers[2]).toMatch(/r10 = 0x[0-9a-f]+ {2}stack\n/);
    expect(answers[3]).toMatch(/^struct xdp_md\n +0 {2}data +0x[0-9a-f]{8}\n/);
    expect(answers[5]).toContain('"packets": 1');
  });

  it("repeats the last line for an empty one, and takes any clear beginning of a verb", async () => {
    const answers = await session(VLAN, ["stepi", "", "", "whe", "re"]);
    expect(where(answers[3]!)).toBe("3");
    expect(answers[4]).toBe(answers[3]);
    expect(answers[5]).toContain('"re" is not clear [DEBUG_VERB]\n  fix: reverse-step or reverse-continue');
  });

  it("says what is wrong with a line and goes on", async () => {
    const answers = await session(VLAN, ["brek 7", "break nowhere", "print r11", "step x", "c", "print r1", "back"]);
    expect(answers[1]).toContain("did you mean break?");
    expect(answers[2]).toContain('no function "nowhere"');
    expect(answers[3]).toContain("print what? rN, registers, packet");
    expect(answers[4]).toContain('expected how many times, got "x"');
    expect(answers[6]).toContain("the program has ended [DEBUG_ENDED]");
    expect(where(answers[7]!)).toMatch(/^\d+$/);
  });

  it("shows a fault where it happens and can go back from it", async () => {
    // a tc program looks for its packet where struct xdp_md has ended
    const args = ["programs/tc_meta.o", "--type", "xdp", "--data-in", join(dir, "ipv4_udp")];
    const answers = await session(args, ["continue", "step", "print r0", "back"]);
    expect(answers[1]).toContain("[PROGRAM_FAULT]");
    expect(answers[2]).toBe(answers[1]);
    expect(answers[3]).toContain("[DEBUG_ENDED]");
    expect(answers[4]).toMatch(/^tc_meta\(\) at /);
  });

  it("answers its help's example, and help lists every verb", async () => {
    const help = (await netsim(["debug", "--help"])).stdout;
    expect(help).toContain("printf 'step\\nnext 2\\nprint registers\\nback\\n' |");
    const answers = await session(VLAN, ["step", "next 2", "print registers", "back", "help", "quit"]);
    expect(where(answers[4]!)).not.toBe(where(answers[2]!));
    for (const verb of verbs) expect(answers[5]).toContain(`${verb.usage} `);
  });

  it("refuses what cannot be run before it prompts", async () => {
    const run = await netsim(["debug", "programs/xdp_pass.o", "--data-in", "nope"]);
    expect(run).toMatchObject({ status: 2, stdout: "" });
    expect(run.stderr).toContain("nope: no such file");
    writeFileSync(join(dir, "tiny"), "abc");
    const tiny = await netsim(["debug", "programs/xdp_pass.o", "--data-in", join(dir, "tiny")]);
    expect(tiny.stderr).toContain("failed to run program: Invalid argument");
  });
});
