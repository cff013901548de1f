/**
 * Mutated labs: each must give a spec or a clear LabError. The test runs a few hundred; `fuzzLabs(10_000, seed)` from a script, or
 * NETSIM_FUZZ=10000 for the test, runs more.
 */
import { LabError } from "../../sim/engine/errors.ts";
import { RandomStream } from "../../sim/engine/streams.ts";
import { parseLab } from "../../sim/lab/parse-lab.ts";

/** A lab that uses nearly everything. */
export const RICH_LAB: string = `
name: \${NAME:=rich}
seed: 7
duration: 2s
cpu: modelled
programs: {lb: lb.o, decap: {obj: decap.o}}
topology:
  defaults: &d {kind: linux, exec: [sysctl -w net.ipv4.ip_forward=1]}
  kinds:
    linux: {cpus: 2, sysctls: {net.ipv4.ip_forward: 1}}
  groups:
    backends: {<<: *d, cpus: 1}
  nodes:
    client[1-4]:
      interfaces: {eth0: {ip: "10.0.1.\${i}/16"}}
      routes: [default via 10.0.0.1]
    lb:
      image: alpine
      interfaces:
        eth0: {ip: [10.0.0.1/16, "2001:db8::1/64"], xdp: lb, mtu: 1520, gro: true, queues: 4}
      maps:
        vips:
          - {key: {addr: 10.1.1.1, port: 80, proto: 17}, value: {id: 0}}
        backends:
          - {for: 1-8, key: "\${i}", value: {addr: "10.0.2.\${i}", flags: 1}}
      sockets:
        - {type: packet, interface: eth0}
    backend:
      count: 8
      group: backends
      interfaces:
        eth0: {ip: "10.0.2.\${i}/16", mac: "02:00:00:00:02:\${i:02x}", xdp: decap, qdisc: "tbf rate 1gbit burst 32kbit latency 50ms"}
        lo: {ip: 10.1.1.1/32}
    sw: {kind: bridge}
  links:
    - endpoints: ["client[1-4]:eth0", "sw:c[1-4]"]
      delay: 100us
      jitter: 10us
      rate: 10gbit
    - endpoints: ["backend[1-8]:eth0", "sw:b[1-8]"]
    - {endpoints: ["lb:eth0", "sw:lb"], driver: nic, forward: {loss: 1%}}
traffic:
  - {name: web, type: udp, from: client*, to: 10.1.1.1, sinks: "backend[1-8]", port: 80, rate: 10kpps, flows: 100}
  - {type: ping, from: client1, to: [lb, "lb:eth0"], interval: 100ms}
  - {type: udp-rr, from: client2, to: lb, outstanding: 4}
  - {type: packets, from: "client3:eth0", rate: 1mbit, template: {ip.src: 10.9.0.1-10.9.0.9, udp.dport: 1024-2048}}
timeline:
  - {at: 500ms, link: "backend1:eth0", state: down}
  - {at: 700ms, on: lb, exec: ip -s link}
  - {at: 1s, crash: backend3}
  - {at: 1500ms, restart: backend3}
expect:
  - traffic.web.lost < 5%
  - {metric: traffic.web.sent, min: 100, max: 1000000}
`;

const ATOMS = [
  "\t",
  "\0",
  "{",
  "}",
  "[",
  "]",
  ":",
  ": ",
  "- ",
  "&a ",
  "*a",
  "*d",
  "<<: *d",
  `\${`,
  `\${i}`,
  `\${i+}`,
  `\${X:=y}`,
  "#",
  "'",
  '"',
  "|\n",
  ">\n",
  "---\n",
  "...\n",
  "%",
  "!!binary x",
  "!!set {a, b}",
  "? ",
  "null",
  "~",
  "yes",
  "0x10",
  "1e999",
  "-1",
  "-0",
  "9007199254740993",
  "99999999999999999999",
  "0.1",
  ".nan",
  ".inf",
  "1-8",
  "[1-999999999]",
  "h[1-70000]",
  "count: 100000",
  "for: 1-65536",
  "__proto__: 1",
  "constructor: 1",
  "toString",
  "\u2028",
  "\ufeff",
  "é",
  "💥",
  "\r\n",
  "a".repeat(5000),
  "[".repeat(3000),
  "{a: ".repeat(200),
  "10.0.0.256/24",
  "::/129",
  "1h",
  "0pps",
];

/** A changed copy of a text. */
export function mutate(text: string, random: RandomStream): string {
  let out = text;
  const changes = 1 + random.below(4);
  for (let k = 0; k < changes; k++) {
    const at = random.below(out.length + 1);
    const length = 1 + random.below(random.below(4) === 0 ? 200 : 8);
    const atom = ATOMS[random.below(ATOMS.length)]!;
    switch (random.below(8)) {
      case 0:
        out = out.slice(0, at) + out.slice(at + length);
        break;
      case 1:
        out = out.slice(0, at) + atom + out.slice(at);
        break;
      case 2:
        out = out.slice(0, at) + atom + out.slice(at + length);
        break;
      case 3:
        out = out.slice(0, at) + out.slice(at, at + length).repeat(2) + out.slice(at + length);
        break;
      case 4:
        out = replaceWord(out, random, atom);
        break;
      case 5:
        out = swapLines(out, random);
        break;
      case 6:
        out = random.below(10) === 0 ? out.slice(0, at) : out;
        break;
      default:
        out = replaceWord(out, random, randomWord(out, random));
    }
  }
  return out;
}

function words(text: string): RegExpExecArray[] {
  return [...text.matchAll(/[\w.:${}*-]+/g)];
}

function randomWord(text: string, random: RandomStream): string {
  const all = words(text);
  return all.length === 0 ? "x" : all[random.below(all.length)]![0];
}

function replaceWord(text: string, random: RandomStream, by: string): string {
  const all = words(text);
  if (all.length === 0) return by;
  const m = all[random.below(all.length)]!;
  return text.slice(0, m.index) + by + text.slice(m.index + m[0].length);
}

function swapLines(text: string, random: RandomStream): string {
  const lines = text.split("\n");
  const [a, b] = [random.below(lines.length), random.below(lines.length)];
  [lines[a], lines[b]] = [lines[b]!, lines[a]!];
  return lines.join("\n");
}

/** What came of a fuzzing. */
export interface FuzzResult {
  readonly good: number;
  readonly refused: number;
  /** Longest time for one, ms. */
  readonly slowestMs: number;
}

/** @throws Error naming the seed and the text, when a lab is neither parsed nor clearly refused */
export function fuzzLabs(count: number, seed: number): FuzzResult {
  const random = new RandomStream(seed);
  let good = 0;
  let refused = 0;
  let slowestMs = 0;
  for (let n = 0; n < count; n++) {
    const text = mutate(RICH_LAB, random);
    const started = performance.now();
    try {
      parseLab(text, "mutated.yaml");
      good++;
    } catch (error) {
      const fault = complaintAbout(error);
      if (fault !== null)
        throw new Error(`seed ${seed}, lab ${n}: ${fault}\n${JSON.stringify(text)}`, { cause: error });
      refused++;
    }
    slowestMs = Math.max(slowestMs, performance.now() - started);
  }
  return { good, refused, slowestMs };
}

/** What is wrong with a refusal; null when it is as it should be. */
function complaintAbout(error: unknown): string | null {
  if (!(error instanceof LabError)) return `threw ${error instanceof Error ? error.stack : String(error)}`;
  if (error.diagnostics.length === 0) return "refused without a word";
  for (const d of error.diagnostics) {
    if (/undefined|NaN|\[object|\n {4}at /.test(d.message)) return `said "${d.message}"`;
    if (d.place === undefined && !/^(LAB_|YAML_)/.test(d.code)) return `said no place for "${d.message}"`;
    if (d.place !== undefined && (d.place.line < 1 || d.place.column < 1))
      return `said the place ${d.place.line}:${d.place.column}`;
  }
  return null;
}
