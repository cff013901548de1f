/**
 * Programs that call helpers and kfuncs with good and with bad arguments, and what Linux answered each call (oracle/record.mjs):
 * asked of compiled code and of the interpreter.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { BpfMachine } from "../../../sim/bpf/create-machine.ts";
import { createInterpreter } from "../../../sim/bpf/interp/interpreter.ts";
import { PerfEventArrayMap } from "../../../sim/bpf/maps/perf-event-array.ts";
import { parseObject } from "../../../sim/bpf/object/parse-object.ts";
import type { ProgKind } from "../../../sim/bpf/prog-type.ts";
import type { Program } from "../../../sim/bpf/program.ts";
import type { ObjectSpec } from "../../../sim/bpf/spec.ts";
import { loadObjectOnHost } from "../../../sim/net/bpf-objects.ts";
import { progTestRun } from "../../../sim/net/prog-test-run.ts";
import { dumpMaps, freshHost, fromHex, packetHex, toHex } from "../../kernel/replay-kit.ts";

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

const golden = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8")) as {
  readonly kernel: string;
  readonly cases: readonly Case[];
};
const objects: Map<string, ObjectSpec> = new Map();

function objectOf(name: string): ObjectSpec {
  let spec = objects.get(name);
  if (spec === undefined) {
    spec = parseObject(readFileSync(new URL(`oracle/${name}.o`, import.meta.url)), `${name}.o`);
    objects.set(name, spec);
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

function run(c: Case, interpreted: boolean): unknown {
  const host = freshHost(2);
  const spec = objectOf(c.object);
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
  const { out, ...maps } = dumpMaps(object, []);
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

describe(`calls answer as on Linux ${golden.kernel}`, () => {
  const rows = golden.cases.map((c) => ({ name: `${c.object}/${c.program}`, c }));
  it.each(rows)("compiled: $name", ({ c }) => expect(run(c, false)).toEqual(c));
  it.each(rows)("interpreted: $name", ({ c }) => expect(run(c, true)).toEqual(c));
});
