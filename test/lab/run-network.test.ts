/** Whole labs, from text to summary, with the real floors below. */
import { readFileSync } from "node:fs";
import { run } from "effection";
import { describe, expect, it } from "vitest";
import { LabError } from "../../sim/engine/errors.ts";
import { buildNetwork } from "../../sim/lab/build-network.ts";
import { defaultParts } from "../../sim/lab/default-parts.ts";
import type { LabFiles } from "../../sim/lab/lab-files.ts";
import { parseLab } from "../../sim/lab/parse-lab.ts";
import { checkNetwork, runNetwork } from "../../sim/lab/run-network.ts";
import type { RunSummary } from "../../sim/lab/summary.ts";

const programs = new URL("../../programs/", import.meta.url);
const fixtures = new URL("../fixtures/objects/", import.meta.url);
const files: LabFiles = { read: (name) => readFileSync(new URL(name, name === "globals.o" ? fixtures : programs)) };

function runLab(text: string, seed = 1): Promise<RunSummary> {
  const spec = parseLab(text, "lab.yaml", { seed });
  return run(function* () {
    return yield* runNetwork(yield* buildNetwork(spec, files, defaultParts));
  });
}

/** What is found wrong without running. */
async function complaints(text: string): Promise<string[]> {
  const spec = parseLab(text, "lab.yaml");
  try {
    await run(function* () {
      yield* checkNetwork(yield* buildNetwork(spec, files, defaultParts));
    });
    return [];
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    return error.diagnostics.map((d) => `${d.place?.line}:${d.place?.column} ${d.message} [${d.code}]`);
  }
}

/** What a lab of two hosts says besides their addresses. */
interface Pair {
  /** Keys of h1's and h2's eth0. */
  readonly eth1?: string;
  readonly eth2?: string;
  /** Keys of the nodes. */
  readonly h1?: string;
  readonly h2?: string;
  readonly link?: string;
  /** Lines at the top level. */
  readonly lines?: readonly string[];
}

function pair(p: Pair): string {
  const node = (address: string, eth = "", own = ""): string =>
    `{interfaces: {eth0: {${[address, eth].filter((x) => x !== "").join(", ")}}}${own === "" ? "" : `, ${own}`}}`;
  return [
    "duration: 1s",
    "topology:",
    "  nodes:",
    `    h1: ${node("ip: 10.0.0.1/24", p.eth1, p.h1)}`,
    `    h2: ${node("ip: 10.0.0.2/24", p.eth2, p.h2)}`,
    `  links: [{endpoints: [h1:eth0, h2:eth0]${p.link === undefined ? "" : `, ${p.link}`}}]`,
    ...(p.lines ?? []),
  ].join("\n");
}

const UDP = "traffic: [{type: udp, name: u, from: h1, to: h2, rate: 1kpps}]";
const DNS = "traffic: [{type: udp, from: h1, to: h2, rate: 1kpps, port: 53}]";
const dropPorts = (globals: string): string => `{obj: globals.o, program: drop_ports, ${globals}}`;

describe("a lab runs", () => {
  it("two hosts ping each other over a cable with a delay, to the nanosecond", async () => {
    const lines = ["cpu: ideal", "traffic: [{type: ping, from: h1, to: h2, interval: 100ms}]"];
    const ping = (await runLab(pair({ link: "delay: 1ms", lines }))).traffic[0]!;
    expect([ping.sent, ping.received, ping.lost, ping.inFlight]).toEqual([10, 10, 0, 0]);
    // the first one waits for ARP, which takes as long as a ping
    expect([ping.latency!.minNs, ping.latency!.maxNs]).toEqual([2e6, 4e6]);
    expect(ping.latency!.p50Ns / 2e6).toBeCloseTo(1, 3);
  });

  it("an XDP program at work: what it drops does not arrive, and the accounts balance", async () => {
    const lines = ["traffic: [{type: packets, from: h1, rate: 100pps, template: {ip.dst: 10.0.0.2}}]"];
    const s = await runLab(pair({ eth2: "xdp: xdp_drop.o", lines }));
    const xdp = s.xdp[0]!;
    expect(xdp).toMatchObject({ node: "h2", interface: "eth0", mode: "native", program: "xdp_drop", pass: 0 });
    expect(xdp.drop).toBeGreaterThanOrEqual(100);
    expect(s.drops.find((d) => d.reason === "XDP_DROP")?.packets).toBe(xdp.drop);
    const b = s.balance;
    expect(b.entered).toBe(b.delivered + b.handled + b.inFlight + b.dropped);
  });

  it("map contents by BTF decide what a program does, from the start and on the timeline", async () => {
    const lines = [UDP, "timeline: [{at: 500ms, on: h2, maps: {action: {0: 1}}}]"];
    const s = await runLab(pair({ eth2: "xdp: xdp_actions.o", h2: "maps: {action: {0: 2}}", lines }));
    expect(s.traffic[0]).toMatchObject({ sent: 1000, received: 500, lost: 500 });
  });

  it.each([
    ["xdp", (globals: string) => pair({ eth2: `xdp: ${dropPorts(globals)}`, lines: [DNS] })],
    ["xdpgeneric", (globals: string) => pair({ eth2: `xdpgeneric: ${dropPorts(globals)}`, lines: [DNS] })],
    [
      "an entry of `programs`",
      (globals: string) =>
        pair({ eth2: "xdp: filter:drop_ports", lines: [DNS, `programs: {filter: {obj: globals.o, ${globals}}}`] }),
    ],
  ])("values of variables decide what a program does: %s", async (_what, lab) => {
    const received = async (globals: string): Promise<number> =>
      (await runLab(lab(`globals: {${globals}}`))).traffic[0]!.received;
    expect(await received("")).toBe(1000);
    expect(await received("ports: [0, 53]")).toBe(0);
    expect(await received("ports: [53], enabled: false")).toBe(1000);
    expect(await received("ports: [53], trusted: 10.0.0.1")).toBe(1000);
    expect(await received("ports: [53], policy: {verdict: VERDICT_PASS}")).toBe(1000);
  });

  it("the same lab and seed give the same summary, another seed another one", async () => {
    const lines = ["traffic: [{type: udp, from: h1, to: h2, rate: 5kpps, poisson: true}]"];
    const text = pair({ link: "loss: 10%", lines });
    const [a, b, c] = [await runLab(text), await runLab(text), await runLab(text, 2)];
    expect(a).toEqual(b);
    expect(a.traffic[0]!.lost).toBeGreaterThan(0);
    expect(c.traffic[0]!.sent).not.toBe(a.traffic[0]!.sent);
  });

  it("a crashed host loses everything; restarted, it is configured as at the start and serves again", async () => {
    const lines = [UDP, "timeline: [{at: 300ms, crash: h2}, {at: 600ms, restart: h2}]"];
    const s = await runLab(pair({ eth2: "xdp: xdp_pass.o", link: "rate: 1gbit", lines }));
    const u = s.traffic[0]!;
    expect(u.received).toBeGreaterThan(650);
    expect(u.received).toBeLessThanOrEqual(701);
    expect(u.lost).toBe(u.sent - u.received - u.inFlight);
    expect(s.xdp.map((x) => x.program)).toEqual(["xdp_pass", "xdp_pass"]);
  });

  it("a link that is cut and mended loses what was sent meanwhile", async () => {
    const lines = [
      UDP,
      "timeline:",
      "  - {at: 300ms, link: h1:eth0, state: down}",
      "  - {at: 400ms, link: h2:eth0, state: up}",
      "  - {at: 700ms, link: h1:eth0, set: {loss: 100%}, direction: forward}",
    ];
    const s = await runLab(pair({ lines }));
    expect(Math.abs(s.traffic[0]!.received - 600)).toBeLessThanOrEqual(3);
    expect(s.drops.some((d) => d.reason === "LINK_LOSS")).toBe(true);
  });

  it("commands of exec and of the timeline print what Linux prints, each with its time", async () => {
    const lines = ["timeline: [{at: 200ms, on: h2, exec: [ip -br addr show dev lo]}]"];
    const s = await runLab(pair({ h1: "exec: ip -br addr show dev eth0", lines }));
    expect(s.commands.map((c) => [c.atNs, c.node, c.command, c.status])).toEqual([
      [0, "h1", "ip -br addr show dev eth0", 0],
      [2e8, "h2", "ip -br addr show dev lo", 0],
    ]);
    expect(s.commands[0]!.stdout).toMatch(/^eth0@\S+ +UP +10\.0\.0\.1\/24 /);
  });

  it("a ping that hears nothing or has no route has measured that, and the run goes on", async () => {
    const s = await runLab(pair({ h1: "exec: [ping -c 1 -W 0.1 10.0.0.9, ping -c 1 10.77.0.1, ping -c 1 h2]" }));
    expect(s.commands.map((c) => [c.status, c.stderr])).toEqual([
      [1, ""],
      [2, "ping: connect: Network is unreachable\n"],
      [0, ""],
    ]);
  });

  it("exec comes before traffic: what it makes can be sent to and counted", async () => {
    const exec = ["ip link add d0 type dummy", "ip link set d0 up", "ip addr add 10.5.0.1/24 dev d0"];
    const lines = ["traffic: [{type: ping, from: h1, to: h2, interval: 100ms}]", "expect: [h2:d0.rx_packets == 0]"];
    const text = pair({ h1: "routes: 10.5.0.0/24 via 10.0.0.2", h2: `exec: [${exec.join(", ")}]`, lines });
    const s = await runLab(text.replace("to: h2", "to: 10.5.0.1"));
    expect(s.traffic[0]).toMatchObject({ sent: 10, received: 10 });
    expect(s.expect[0]!.ok).toBe(true);
  });

  it("sockets count what gets past their filter", async () => {
    const sockets = [
      "{type: packet, interface: eth0, name: all}",
      "{type: packet, interface: eth0, name: ip, filter: sock_ip_only.o}",
      "{type: udp, port: 9}",
    ];
    const template = "{eth.dst: ff:ff:ff:ff:ff:ff, ip.src: 10.0.0.1, ip.dst: 10.0.0.2, udp.dport: 9}";
    const lines = [
      "traffic:",
      `  - {type: packets, from: h1, rate: 100pps, template: ${template}}`,
      "  - {type: ping, from: h1, to: h2, interval: 500ms}",
    ];
    const s = await runLab(pair({ h2: `sockets: [${sockets.join(", ")}]`, lines }));
    const by = Object.fromEntries(s.sockets.map((k) => [k.name, k.packets]));
    expect(by.udp).toBe(100);
    // 100 datagrams, 2 echo requests and 2 answers; ARP besides
    expect(by.ip).toBe(104);
    expect(by.all).toBeGreaterThan(104);
  });

  it("a bridge joins its links' ends", async () => {
    const s = await runLab(`
duration: 1s
topology:
  nodes:
    h[1-3]: {interfaces: {eth0: {ip: "10.0.0.\${i}/24"}}}
    sw: {kind: bridge}
  links: [{endpoints: ["h[1-3]:eth0", "sw:p[1-3]"]}]
traffic: [{type: ping, from: "h*", to: "h[1-3]", interval: 50ms}]
`);
    expect(s.traffic[0]).toMatchObject({ sent: 60, received: 60, lost: 0 });
  });

  it("expectations compare, and say what was", async () => {
    const lines = [
      UDP,
      "expect:",
      "  - traffic.u.sent == 1000",
      "  - traffic.u.loss < 1%",
      "  - h2:eth0.xdp.pass >= traffic.u.received",
      "  - drop.SKB_DROP_REASON_XDP == 0",
      "  - h2.drop.XDP_DROP == 0",
      "  - h2:eth0.ethtool.rx_queue_0_xdp_packets > 1000",
      "  - traffic.u.at.h2 == 1000",
      "  - {metric: traffic.u.sent, equals: 900, tolerance: 5%}",
    ];
    const s = await runLab(pair({ eth2: "xdp: xdp_pass.o", lines }));
    expect(s.expect.map((e) => e.ok)).toEqual([true, true, true, true, true, true, true, false]);
    expect(s.expect[7]).toMatchObject({ actual: 1000, comparison: "==", expected: 900 });
  });
});

describe("what only the live network can tell is told before the run", () => {
  it.each([
    [
      "a command that Linux refuses",
      pair({ h1: "routes: [default via 10.9.9.9]" }),
      ["4:58 h1: ip route add default via 10.9.9.9: Error: Nexthop has invalid gateway. [COMMAND_FAILED]"],
    ],
    [
      "a map that no program has",
      pair({ h2: "maps: {nope: {0: 1}}" }),
      ['5:56 no program on h2 has a map "nope" [MAP_UNKNOWN]'],
    ],
    [
      "a command of an exec list that fails",
      pair({ h1: "exec: [ip link set dev eth9 up]" }),
      ['4:56 h1: Cannot find device "eth9" [DEVICE_UNKNOWN]'],
    ],
    [
      "a ping that ping refuses",
      pair({ h1: 'exec: [ping -c 1 nowhere, "ping --bogus h2"]' }),
      [
        "4:56 h1: ping: nowhere: Temporary failure in name resolution [COMMAND_FAILED]",
        "4:75 h1: ping: invalid option -- '-' [COMMAND_FAILED]",
      ],
    ],
    [
      "a value that its map cannot hold",
      pair({ eth2: "xdp: xdp_actions.o", h2: "maps: {action: {5: 1, 0: {x: 1}, 1: abc}}" }),
      [
        "5:76 map action: Argument list too long [MAP_REFUSED]",
        "5:91 expected an integer or an IPv4 address for __u32, got fields [VALUE_TYPE]",
        '5:105 expected an integer or an IPv4 address for __u32, got "abc" [VALUE_TYPE]',
      ],
    ],
    [
      "metrics that do not exist",
      pair({
        lines: ["expect:", "  - h1:eth0.rx_packet == 0", "  - traffic.web.lost == 0", "  - h9.drop.XDP_DROP == 0"],
      }),
      [
        '8:5 there is no metric "h1:eth0.rx_packet" [METRIC_UNKNOWN]',
        '9:5 there is no metric "traffic.web.lost" [METRIC_UNKNOWN]',
        '10:5 there is no metric "h9.drop.XDP_DROP" [METRIC_UNKNOWN]',
      ],
    ],
    [
      "traffic to a node without an address",
      pair({ lines: [UDP] }).replace("ip: 10.0.0.2/24", ""),
      ["7:12 h2 has no address to send to [ADDRESS_NONE]"],
    ],
  ])("%s", async (_what, text, expected) => {
    expect(await complaints(text)).toEqual(expected);
  });

  it("a good lab has no complaints", async () => {
    expect(await complaints(pair({ eth1: "xdp: xdp_pass.o", lines: ["expect: [drop.total == 0]"] }))).toEqual([]);
  });

  it("a program of another type is refused in the kernel's words", async () => {
    const text = pair({ eth1: "xdp: {obj: sock_ip_only.o, program: sock_ip_only}" });
    await expect(complaints(text)).rejects.toThrow(/^lab\.yaml:4:\d+: [\w.]+: h1: sock_ip_only\.o: /);
  });
});
