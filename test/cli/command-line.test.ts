import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { commands, VERSION } from "../../sim/cli/index.ts";
import { netsim, ROOT } from "./kit.ts";

describe("the command line", () => {
  it.each([
    ["no command", [], /^Usage: netsim <command>/],
    [
      "an unknown command",
      ["runn", "x"],
      /^netsim: unknown command "runn"\n {2}fix: did you mean netsim run\? known: run, check, prog, debug, btf, asm, schema\n$/,
    ],
    [
      "an unknown command of a group",
      ["prog", "shw", "x.o"],
      /^netsim: unknown command "shw"\n {2}fix: did you mean netsim prog show\?/,
    ],
    ["a command far from all", ["frobnicate"], /^netsim: unknown command "frobnicate"\n {2}fix: known: run, check/],
    [
      "an unknown flag",
      ["run", "--sed", "4", "x.yaml"],
      /^netsim: unknown option '--sed'\n {2}fix: did you mean --seed\?\n$/,
    ],
    ["an unknown flag before the command", ["--seed", "4"], /^netsim: unknown option '--seed' of netsim\n/],
    ["a missing argument", ["run"], /^netsim: missing required argument 'lab'\n$/],
    ["a flag without its value", ["run", "x.yaml", "--seed"], /^netsim: option '--seed <n>' argument missing\n$/],
    ["one argument too many", ["check", "a.yaml", "b.yaml"], /^netsim: too many arguments/],
    [
      "a seed that is none",
      ["run", "x.yaml", "--seed", "-5"],
      /^--seed -5: expected a number from 0 to 4294967295 \[FLAG_VALUE\]\n$/,
    ],
    [
      "a duration without unit",
      ["run", "x.yaml", "--duration", "5"],
      /^--duration 5: expected a time with its unit, such as 10s/,
    ],
    [
      "a lab that is not there",
      ["run", "nowhere.yaml"],
      /^nowhere\.yaml: no such file \[FILE_MISSING\]\n {2}fix: check the path\n$/,
    ],
    ["a lab that is a directory", ["check", "sim"], /^sim cannot be read: it is a directory \[FILE_UNREADABLE\]\n$/],
    ["a lab without a name", ["run", ""], /^"": no such file \[FILE_MISSING\]\n/],
    ["a name too long", ["run", "x".repeat(300)], /cannot be read: the name is too long \[FILE_UNREADABLE\]\n$/],
    [
      "an --out that is a file",
      ["run", "topologies/xdp_pass.yaml", "--out", "package.json"],
      /^package\.json cannot be written: a part of the path is not a directory \[OUTPUT_FAILED\]\n$/,
    ],
    ["an --out without a name", ["run", "topologies/xdp_pass.yaml", "--out", ""], /^"" cannot be written: no name/],
    [
      "a --trace that is a directory",
      ["run", "topologies/xdp_pass.yaml", "--trace", "sim"],
      /^sim cannot be written: it is a directory \[OUTPUT_FAILED\]\n$/,
    ],
    ["a lab that is no text", ["check", "programs/xdp_pass.o"], /\[LAB_ENCODING\]|\[YAML_SYNTAX\]/],
  ])("%s: status 2 and what is wrong", async (_what, argv, text) => {
    const r = await netsim(argv);
    expect({ status: r.status, stdout: r.stdout }).toEqual({ status: 2, stdout: "" });
    expect(r.stderr).toMatch(text);
  });

  it.each([
    ["an object that is not there", ["prog", "show", "nowhere.o"], /^nowhere\.o: no such file \[OBJECT_MISSING\]/],
    ["a file that is no object", ["prog", "show", "package.json"], /^package\.json: /],
    ["an object's name too long", ["prog", "dump", "x".repeat(300)], /: the name is too long \[OBJECT_UNREADABLE\]/],
    ["a program that is not in it", ["prog", "dump", "programs/xdp_pass.o", "xdp_pas"], /\[PROGRAM_UNKNOWN\]/],
  ])("%s: status 3 and what is wrong", async (_what, argv, text) => {
    const r = await netsim(argv);
    expect({ status: r.status, stdout: r.stdout }).toEqual({ status: 3, stdout: "" });
    expect(r.stderr).toMatch(text);
  });

  it("help lists every command, and status is 0", async () => {
    const r = await netsim(["--help"]);
    expect(r.status).toBe(0);
    for (const c of commands) expect(r.stdout).toContain(c.name.split(" ")[0]!);
  });

  it.each([
    [["help"], /^Usage: netsim <command>/],
    [["help", "run"], /^Usage: netsim run /],
    [["help", "nothing"], /^Usage: netsim <command>/],
    [["prog", "help", "dump"], /^Usage: netsim prog dump /],
  ])("help is a word as well: %j", async (argv, text) => {
    const r = await netsim(argv);
    expect([r.status, r.stderr]).toEqual([0, ""]);
    expect(r.stdout).toMatch(text);
  });

  it("every command has help of its own", async () => {
    for (const c of commands) {
      const r = await netsim([...c.name.split(" "), "--help"]);
      expect([c.name, r.status]).toEqual([c.name, 0]);
      expect(r.stdout).toContain(c.summary);
    }
  });

  it("the version is the package's", async () => {
    const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, "utf8")) as { version: string };
    expect(VERSION).toBe(version);
    expect(await netsim(["--version"])).toEqual({ status: 0, stdout: `${version}\n`, stderr: "" });
  });

  it("prog show lists an object, as text and as JSON", async () => {
    const text = await netsim(["prog", "show", "programs/xdp_pass.o"]);
    expect(text.status).toBe(0);
    expect(text.stdout).toMatch(/xdp_pass +xdp +xdp +2 /);
    const json = await netsim(["prog", "show", "programs/xdp_pass.o", "--json"]);
    expect(JSON.parse(json.stdout)).toMatchObject({ programs: [{ name: "xdp_pass", insns: 2 }] });
  });

  it("prog dump disassembles with source lines", async () => {
    const r = await netsim(["prog", "dump", "programs/xdp_pass.o", "xdp_pass"]);
    expect(r.status).toBe(0);
    expect(r.stdout).toMatch(
      /^int xdp_pass\(struct xdp_md \*ctx\):\n; return XDP_PASS; @ xdp_pass\.c:\d+\n +0: \(b4\) w0 = 2\n +1: \(95\) exit\n$/,
    );
  });

  it("schema prints the JSON Schema", async () => {
    const r = await netsim(["schema"]);
    expect(JSON.parse(r.stdout)).toMatchObject({ title: "netsim lab", type: "object" });
  });
});
