/** Asks netsim what answers.mjs asked the kernel: programs that write down what each of their calls answered, compiled and interpreted. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { BpfMachine } from "../../sim/bpf/create-machine.ts";
import { createInterpreter } from "../../sim/bpf/interp/interpreter.ts";
import { PerfEventArrayMap } from "../../sim/bpf/maps/perf-event-array.ts";
import { parseObject } from "../../sim/bpf/object/parse-object.ts";
import type { ProgKind } from "../../sim/bpf/prog-type.ts";
import type { Program } from "../../sim/bpf/program.ts";
import type { ObjectSpec } from "../../sim/bpf/spec.ts";
import { loadObjectOnHost } from "../../sim/net/bpf-objects.ts";
import { progTestRun } from "../../sim/net/prog-test-run.ts";
import { dumpMaps, freshHost, fromHex, packetHex, toHex } from "./replay-kit.ts";

interface Case {
  readonly object: string;
  readonly kind: ProgKind;
  readonly program: string;
  /** Absent: the program is of type syscall, which has none. */
  readonly packet?: string;
  readonly repeat?: number;
  /** Time between the run and the look at the maps. */
  readonly waitMs?: number;
  readonly retval: number;
  readonly data?: string;
  readonly records?: readonly string[];
  readonly maps: Readonly<Record<string, readonly (readonly string[])[]>>;
  /** What the calls answered, in their order; zeros at the end are left out. */
  readonly answers: string;
}

const objects: Map<string, ObjectSpec> = new Map();

function objectOf(folder: URL, name: string): ObjectSpec {
  const at = new URL(`${name}.o`, folder);
  let spec = objects.get(at.href);
  if (spec === undefined) {
    spec = parseObject(readFileSync(at), `${name}.o`);
    objects.set(at.href, spec);
  }
  return spec;
}

function answersOf(value: string): string {
  const words = new BigInt64Array(fromHex(value).buffer);
  return [...words]
    .map(String)
    .join(" ")
    .replace(/( 0)+$/, "");
}

function run(folder: URL, c: Case, interpreted: boolean): unknown {
  const host = freshHost(2);
  const spec = objectOf(folder, c.object);
  const object = loadObjectOnHost(host, spec, { kind: c.kind });
  for (const map of object.maps.values()) if (map instanceof PerfEventArrayMap) map.openAll();
  const interpreter = createInterpreter(host.kernel.machine as BpfMachine);
  const execute = (p: Program, ctx: number): number => interpreter.run(p, ctx);
  const hex = c.packet === undefined ? "" : packetHex.get(c.packet)!;
  const answer = progTestRun(host, object.program(c.program), {
    data: fromHex(hex),
    ...(c.packet === undefined ? {} : { repeat: c.repeat ?? 1 }),
    ...(interpreted ? { execute } : {}),
  });
  if (typeof answer === "number") throw new Error(`refused with errno ${answer}`);
  const { engine } = host.kernel;
  if (c.waitMs !== undefined) engine.run(engine.nowNs + c.waitMs * 1e6, 1e6);
  const { out, ...dumped } = dumpMaps(object, []);
  // what programs keep for themselves may hold addresses
  const maps = Object.fromEntries(Object.entries(dumped).filter(([name]) => !name.endsWith(".bss")));
  const data = toHex(answer.data);
  const records = host.bpf.records.entries.map((r) => toHex(r.data));
  return {
    ...c,
    retval: answer.retval,
    ...(data === hex ? { data: undefined } : { data }),
    ...(records.length > 0 ? { records } : { records: undefined }),
    maps,
    answers: answersOf(out?.[0]?.[1] ?? ""),
  };
}

/**
 * The tests of one folder.
 * @param folder of the programs; ../vectors.json beside it holds the answers
 */
export function describeAnswers(folder: URL): void {
  const golden = JSON.parse(readFileSync(new URL("../vectors.json", folder), "utf8")) as {
    readonly kernel: string;
    readonly cases: readonly Case[];
  };

  describe(`calls answer as on Linux ${golden.kernel}`, () => {
    const rows = golden.cases.map((c) => ({ name: `${c.object}/${c.program}`, c }));
    it.each(rows)("compiled: $name", ({ c }) => expect(run(folder, c, false)).toEqual(c));
    it.each(rows)("interpreted: $name", ({ c }) => expect(run(folder, c, true)).toEqual(c));
  });
}
