/**
 * What the tools print, compared with what the real ones printed on Linux 6.18 in the same situation.
 * Ids, sizes of compiled code and times are made equal before; every other difference stands in `differences` with its reason.
 */
import { describe, expect, it } from "vitest";
import { differences } from "./differences.ts";
import { type NetworkOptions, ToolNetwork } from "./kit.ts";
import { readTranscript, type Step } from "./transcript.ts";

interface Topic {
  readonly name: string;
  readonly network: "pair" | "row";
  readonly options?: NetworkOptions;
  /** Done before the first step, and not recorded. */
  readonly before?: readonly (readonly [host: string, command: string])[];
  /** Simulated seconds that pass first. */
  readonly settleS?: number;
  /** Done before the step of that number, and not recorded. */
  readonly between?: ReadonlyMap<number, (n: ToolNetwork) => void>;
  /** Order of lines does not count. */
  readonly unordered?: boolean;
}

const PINS = "/sys/fs/bpf/t";
const row6: NetworkOptions = { ipv6: true };

const topics: readonly Topic[] = [
  { name: "ip-link", network: "pair" },
  { name: "ip-link-xdp", network: "pair" },
  { name: "ip-addr", network: "pair", options: { ipv6: true }, settleS: 2.5 },
  { name: "ip-route", network: "row", options: row6 },
  {
    name: "ip-neigh",
    network: "row",
    unordered: true,
    between: new Map([[24, (n: ToolNetwork) => n.wait(3e9)]]),
  },
  { name: "tc-qdisc", network: "pair", options: { txQueues: 2 } },
  { name: "tc-filter", network: "pair" },
  { name: "tc-bytecode", network: "pair" },
  { name: "tc-u32", network: "pair" },
  { name: "tc-mirred", network: "pair" },
  { name: "tc-chain", network: "pair" },
  { name: "tc-block", network: "pair" },
  {
    name: "bpftool",
    network: "pair",
    before: [
      ["b", `bpftool prog load xdp_blocklist.o ${PINS}/blocklist type xdp pinmaps ${PINS}/m`],
      ["b", `bpftool prog load xdp_proto_count.o ${PINS}/count type xdp pinmaps ${PINS}/n`],
      ["b", `bpftool prog load tc_nat_lb.o ${PINS}/nat type classifier pinmaps ${PINS}/k`],
      ["b", `bpftool map create ${PINS}/plain type hash key 4 value 12 entries 4 name plain`],
      ["b", `bpftool map create ${PINS}/percpu type percpu_array key 4 value 4 entries 2 name percpu`],
      ["b", `bpftool prog load xdp_actions.o ${PINS}/act type xdp`],
    ],
  },
  { name: "ethtool", network: "pair" },
  {
    name: "ping",
    network: "row",
    options: row6,
    settleS: 2,
    between: new Map([[13, (n: ToolNetwork) => void n.do("b", "sysctl -qw net.ipv4.ip_forward=1")]]),
  },
  { name: "sysctl", network: "pair" },
];

/** The frame of the recordings: 60 bytes, IPv4 and UDP from 10.9.0.1 to 10.9.9.9, which nobody has. */
const FRAME =
  "020000000011020000000010080045000" +
  "02e00004000401115b90a0900010a0909091f900009001a0000616161616161616161616161616161616161";

/** Makes equal what differs from run to run. */
function comparable(text: string): string {
  return text
    .replaceAll(PINS, "$PINS")
    .replace(/\bid \d+ name/g, "id N name")
    .replace(/\bid \d+$/gm, "id N")
    .replace(/"id":\s?\d+/g, '"id":N')
    .replace(/"btf_id":\s?\d+/g, '"btf_id":N')
    .replace(/btf_id \d+/g, "btf_id N")
    .replace(/map_ids [\d,]+/g, "map_ids N")
    .replace(/"map_ids":\s?\[[\d,]+\s*\]/g, '"map_ids":N')
    .replace(/^\d+: (?=\w+ {2}name)/gm, "N: ")
    .replace(/map\[id:\d+\]/g, "map[id:N]")
    .replace(/qdisc (\w+) 8[0-9a-f]{3}:/g, "qdisc $1 8NNN:")
    .replace(/"handle":"8[0-9a-f]{3}:"/g, '"handle":"8NNN:"')
    .replace(/load_time \d+/g, "load_time N")
    .replace(/loaded_at \S+/g, "loaded_at N")
    .replace(/"loaded_at":\s?\d+/g, '"loaded_at":N')
    .replace(/xlated \d+B {2}jited \d+B/g, "xlated N  jited N")
    .replace(/"bytes_(xlated|jited)":\s?\d+/g, '"bytes_$1":N')
    .replace(/numtxqueues \d+ numrxqueues \d+/g, "numtxqueues N numrxqueues N")
    .replace(/(installed|used|firstused) \d+ sec/g, "$1 N sec")
    .replace(/"(installed|last_used|first_used)":\d+/g, '"$1":N')
    .replace(/time=[\d.]+ ms/g, "time=N ms")
    .replace(/, time \d+ms/g, ", time N")
    .replace(/rtt min.* ms/g, "rtt N");
}

/** What the recordings left to a shell: output thrown away, and grep. */
function withoutShell(command: string): { readonly line: string; readonly filter: (stdout: string) => string } {
  if (command.endsWith(" > /dev/null")) return { line: command.replace(" > /dev/null", ""), filter: () => "" };
  const grep = /^(.*) \| grep (?:-E )?'?([^']*)'?$/.exec(command);
  if (grep === null) return { line: command, filter: (stdout) => stdout };
  const pattern = new RegExp(grep[2]!);
  const keep = (stdout: string): string =>
    stdout
      .split(/(?<=\n)/)
      .filter((l) => pattern.test(l))
      .join("");
  return { line: grep[1]!, filter: keep };
}

for (const topic of topics) {
  const unknown = differences.filter((d) => d.topic === topic.name);
  describe(`the recording ${topic.name}`, () => {
    const network = new ToolNetwork(topic.network, topic.options);
    let started = false;
    const start = (): void => {
      if (started) return;
      started = true;
      if (topic.settleS !== undefined) network.wait(topic.settleS * 1e9);
      for (const [host, command] of topic.before ?? []) network.do(host, command);
    };
    const used = new Set<unknown>();
    const steps: readonly (readonly [string, Step])[] = readTranscript(topic.name).map((s) => [
      s.command === null ? `[${s.host}] frames from ${s.dev}` : `[${s.host}] ${s.command}`.slice(0, 120),
      s,
    ]);
    it.each(steps)("%s", async (_name, step) => {
      start();
      topic.between?.get(step.number)?.(network);
      const difference = unknown.find((d) => d.step === step.number);
      if (step.command === null) {
        network.send(step.host, step.dev, FRAME, step.count);
        network.wait(1e8);
        return;
      }
      const { line, filter } = withoutShell(step.command.replaceAll("$PINS", PINS));
      const result = await network.exec(step.host, line);
      const printed = filter(result.stdout) + result.stderr;
      const got = { status: result.status, output: comparable(printed) };
      if (difference !== undefined) {
        used.add(difference);
        expect(difference.command, "the table names another command").toBe(step.command);
        expect(got).toEqual({
          status: difference.status ?? step.status,
          output: comparable(difference.output(step.output)),
        });
        return;
      }
      const wanted = { status: step.status, output: comparable(step.output) };
      if (topic.unordered === true) {
        got.output = got.output.split("\n").sort().join("\n");
        wanted.output = wanted.output.split("\n").sort().join("\n");
      }
      expect(got).toEqual(wanted);
    });
    it("uses every line of the table of differences", () => {
      expect(unknown.filter((d) => !used.has(d)).map((d) => d.command)).toEqual([]);
    });
  });
}
