/** What holds for every tool, object and command: a word that means nothing is refused with a status, never with an exception. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bpftoolObjects } from "../../sim/tools/bpftool/index.ts";
import { refusedTools, tools } from "../../sim/tools/index.ts";
import { ipObjects } from "../../sim/tools/ip/index.ts";
import { tcObjects } from "../../sim/tools/tc/index.ts";
import { ToolNetwork } from "./kit.ts";
import { readTranscript } from "./transcript.ts";

const network = new ToolNetwork("pair");

describe("every tool", () => {
  it.each(tools.map((t) => t.name))("%s refuses an unknown word", async (name) => {
    const result = await network.exec("a", [name, "qwertz"]);
    expect(result.status).not.toBe(0);
    expect(result.stderr).not.toBe("");
  });
  it.each(tools.map((t) => t.name))("%s refuses an unknown option", async (name) => {
    const result = await network.exec("a", [name, "--qwertz", "va"]);
    expect(result.status).not.toBe(0);
    expect(result.stderr).not.toBe("");
  });
  it.each([
    ...ipObjects.map((o) => `ip ${o.names[0]}`),
    ...tcObjects.map((o) => `tc ${o.name}`),
    ...bpftoolObjects.map((o) => `bpftool ${o.name}`),
  ])("%s refuses an unknown command", async (line) => {
    const result = await network.exec("a", `${line} qwertz`);
    expect(result.status).toBe(255);
    expect(result.stderr).toMatch(/qwertz|Usage/);
  });
  it.each([...refusedTools.keys()])("%s is refused by name, with what to do instead", async (name) => {
    const result = await network.exec("a", [name]);
    expect(result.status).toBe(127);
    expect(result.stderr).toBe(`netsim has no ${name} yet; ${refusedTools.get(name)}\n`);
  });
});

describe("the command line", () => {
  it.each([
    ["ipp link", 127, /^ipp: command not found; did you mean ip\? known: bpftool, /],
    ["ip link | grep up", 2, /^netsim has no shell: pipes/],
    ["ip link > file", 2, /redirections/],
    ["ip link; ip addr", 2, /several commands/],
    ["ip link && ip addr", 2, /&&/],
    ["ip addr add $IP dev va", 2, /variables/],
    ["ip link show 'va", 2, /^unterminated single quote/],
  ] as const)("%s", async (line, status, stderr) => {
    const result = await network.exec("a", line);
    expect(result.status).toBe(status);
    expect(result.stderr).toMatch(stderr);
  });
  it.each([
    ["", ""],
    ["   # nothing but a comment", ""],
    ["sysctl -n net.ipv4.ip_forward # a comment", "0\n"],
    ["sysctl -n 'net.ipv4.ip_forward'", "0\n"],
    ['sysctl -n "net.ipv4.ip_forward"', "0\n"],
    ["sysctl -n net.ipv4.ip\\_forward", "0\n"],
    ["sysctl -n net.ipv4.'ip_'\"forward\"", "0\n"],
  ])("%j prints %j", async (line, stdout) => {
    expect(await network.exec("a", line)).toEqual({ status: 0, stdout, stderr: "" });
  });
});

/** Every command of the recordings, to be cut short, doubled and mixed. */
const recorded = [
  "ip-link",
  "ip-link-xdp",
  "ip-addr",
  "ip-route",
  "ip-neigh",
  "tc-qdisc",
  "tc-filter",
  "bpftool",
  "ethtool",
  "sysctl",
]
  .flatMap((topic) => readTranscript(topic))
  .flatMap((s) => (s.command === null || /[|>]/.test(s.command) ? [] : [s.command.split(" ")]));
const words = [...new Set(recorded.flat())].concat(
  "-1",
  "0",
  "99999999999",
  "",
  "0x",
  "::",
  "255.255.255.255/0",
  "ffff:",
  "é",
);

describe("any mixture of the words that the tools know", () => {
  it("ends in a result", async () => {
    const command = fc.oneof(
      fc.tuple(fc.constantFrom(...recorded), fc.nat(20), fc.constantFrom(...words)).map(([c, at, w]) => {
        const mixed = [...c];
        mixed.splice(Math.min(at, mixed.length), 1, w);
        return mixed;
      }),
      fc.tuple(fc.constantFrom(...recorded), fc.nat(12)).map(([c, n]) => c.slice(0, 1 + n)),
      fc
        .tuple(fc.constantFrom(...recorded), fc.constantFrom(...recorded), fc.nat(8))
        .map(([x, y, n]) => [...x.slice(0, n + 1), ...y.slice(n)]),
    );
    let lab = new ToolNetwork("pair");
    await fc.assert(
      fc.asyncProperty(command, async (argv) => {
        if (lab.hosts.get("b")?.devByName.has("vb") !== true) lab = new ToolNetwork("pair");
        const result = await lab.exec("b", argv);
        expect(Number.isInteger(result.status) && result.status >= 0 && result.status <= 255).toBe(true);
        if (result.status !== 0 && result.stdout === "" && result.cause === undefined) {
          // bpftool alone says nothing of names that are not there
          if (!(argv[0] === "bpftool")) expect(result.stderr).not.toBe("");
        }
        expect(`${result.stdout}${result.stderr}`).not.toMatch(/undefined|NaN|\[object /);
      }),
      { numRuns: 1500, seed: 7 },
    );
  });
});
