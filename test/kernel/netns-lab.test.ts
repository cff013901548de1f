/** topologies/netns.yaml in netsim and, recorded, in network namespaces: the same commands say the same, and every counter is the same. */
import { readFileSync } from "node:fs";
import { run } from "effection";
import { describe, expect, it } from "vitest";
import { buildNetwork } from "../../sim/lab/build-network.ts";
import { defaultParts } from "../../sim/lab/default-parts.ts";
import { parseLab } from "../../sim/lab/parse-lab.ts";
import { runNetwork } from "../../sim/lab/run-network.ts";
import type { LabSpec, TimelineSpec } from "../../sim/lab/spec.ts";
import type { CommandSummary } from "../../sim/lab/summary.ts";

/** Answers to commands, by command. */
type Answers = Readonly<Record<string, unknown>>;

interface Said {
  readonly node: string;
  readonly run: string;
  readonly status: number;
  readonly said: unknown;
}

interface Table {
  readonly kernel: string;
  readonly lab: string;
  readonly labSha256: string;
  readonly commands: readonly Said[];
  readonly counters: Readonly<Record<string, Answers>>;
}

interface AnswerTools {
  cumulative(devices: readonly string[]): string[];
  made(devices: readonly string[], clsact: readonly string[]): string[];
  saying(command: string, result: { readonly stdout: string; readonly stderr: string }): unknown;
  readAnswer(command: string, stdout: string): unknown;
  since(before: Answers, after: Answers): Answers;
}

interface LabNode {
  readonly name: string;
  readonly devices: readonly string[];
}

interface FileTools {
  readLab(url: URL): { readonly nodes: readonly LabNode[] };
  clsactDevices(lab: unknown, node: LabNode): string[];
  hashOfLab(lab: unknown): string;
}

const here = (path: string): URL => new URL(path, import.meta.url);
const { cumulative, made, saying, readAnswer, since } = (await import(
  here("netns/lab-answers.mjs").href
)) as AnswerTools;
const { readLab, clsactDevices, hashOfLab } = (await import(here("netns/lab-file.mjs").href)) as FileTools;

const table = JSON.parse(readFileSync(here("vectors/netns/lab.json"), "utf8")) as Table;
const folder = here("../../topologies/");
const text = readFileSync(new URL(table.lab, folder), "utf8");
const lab = readLab(new URL(table.lab, folder));
const SNMP = cumulative([]).at(-1)!;

/** The lab with the commands that read its counters before the first and behind the last of its own. */
function withReadings(spec: LabSpec): LabSpec {
  const read = (atNs: number, of: (node: LabNode) => readonly string[]): readonly TimelineSpec[] =>
    lab.nodes.map((node) => {
      const { origin } = spec.timeline[0]!;
      const commands = of(node).map((line) => ({ line, origin }));
      return { kind: "exec", atNs, origin, nodes: [node.name], commands };
    });
  const begin = spec.timeline[0]!.atNs - 1;
  const end = spec.durationNs - 1;
  return {
    ...spec,
    timeline: [
      ...read(begin, (node) => cumulative(node.devices)),
      ...spec.timeline,
      ...read(end, (node) => [...cumulative(node.devices), ...made(node.devices, clsactDevices(lab, node))]),
    ],
  };
}

/** Runs the lab. @returns what the recorder would have written */
async function replay(): Promise<Pick<Table, "commands" | "counters">> {
  const spec = withReadings(parseLab(text, table.lab));
  const files = { read: (name: string): Uint8Array => readFileSync(new URL(name, folder)) };
  const outputs = await run(function* () {
    return (yield* runNetwork(yield* buildNetwork(spec, files, defaultParts))).commands;
  });
  const begin = spec.timeline[0]!.atNs;
  const end = spec.timeline.at(-1)!.atNs;
  const timeline = outputs.filter((o) => o.atNs > begin && o.atNs < end);
  return {
    commands: timeline.map((o) => ({ node: o.node, run: o.command, status: o.status, said: saying(o.command, o) })),
    counters: Object.fromEntries(
      lab.nodes.map((node) => {
        const at = (ns: number): readonly CommandSummary[] =>
          outputs.filter((o) => o.node === node.name && o.atNs === ns);
        const answers = (list: readonly CommandSummary[], commands: readonly string[]): Answers =>
          Object.fromEntries(
            commands.map((c) => [c, readAnswer(c, list.find((o) => o.command === c)?.stdout ?? "")] as const),
          );
        const [before, after] = [begin, end].map((ns) => answers(at(ns), cumulative(node.devices)));
        return [
          node.name,
          {
            ...since(before!, after!),
            ...answers(at(end), made(node.devices, clsactDevices(lab, node))),
          },
        ];
      }),
    ),
  };
}

const ours = await replay();

/** SNMP counters that netsim does not have. */
const NOT_COUNTED = /NoECTPkts$|^Icmp6?(Msg)?(In|Out)Type\d+$/;

describe(`${table.lab} on Linux ${table.kernel} and in netsim`, () => {
  it("the recording is of the lab as it is", () => {
    expect(hashOfLab(lab)).toBe(table.labSha256);
  });

  it.each([
    ["l4lb.yaml", 'lab: "programs" is more than namespaces can do'],
    ["clab.yaml", 'lab: "mgmt" is more than namespaces can do'],
    ["ecmp.yaml", "is more than namespaces can do"],
  ])("the recorder refuses %s, which is more than plain commands", (file, why) => {
    expect(() => readLab(new URL(file, folder))).toThrow(why);
  });

  it("the same commands print something", () => {
    const names = (list: readonly Said[]): string[] => list.map((c) => `${c.node}# ${c.run}`);
    expect(names(ours.commands)).toEqual(names(table.commands));
    expect(table.commands.length).toBeGreaterThan(30);
  });

  it.each(table.commands.map((c, i) => [c.node, c.run, c, i] as const))("%s# %s", (_node, _run, c, i) => {
    expect(ours.commands[i]).toEqual(c);
  });

  describe.each(Object.entries(table.counters))("%s's counters", (node, answers) => {
    it.each(Object.keys(answers))("%s", (command) => {
      const theirs = answers[command] as Answers;
      const kept = Object.entries(theirs).filter(([name]) => command !== SNMP || !NOT_COUNTED.test(name));
      expect(ours.counters[node]![command]).toEqual(Array.isArray(theirs) ? theirs : Object.fromEntries(kept));
    });
  });
});
