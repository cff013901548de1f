/**
 * Every answer of BPF_PROG_RUN that a real kernel gave, asked of netsim: by compiled code and by the interpreter. Verdict, bytes,
 * context, records for user space and what is in the maps afterwards must be the same.
 */
import { describe, expect, it } from "vitest";
import type { BpfMachine } from "../../sim/bpf/create-machine.ts";
import { createInterpreter } from "../../sim/bpf/interp/interpreter.ts";
import type { Program } from "../../sim/bpf/program.ts";
import type { LoadedObject } from "../../sim/net/bpf-objects.ts";
import { progTestRun } from "../../sim/net/prog-test-run.ts";
import {
  applyPreset,
  dumpMaps,
  freshHost,
  fromHex,
  loadBundled,
  masked,
  packetHex,
  type RecordedCase,
  type RecordedRun,
  type SentRecord,
  toHex,
  trimmed,
  type Vector,
  vectors,
} from "./replay-kit.ts";
import { runSetup } from "./replay-setup.ts";

type Execute = (program: Program, ctx: number) => number;

interface Answer {
  readonly packet: string;
  readonly errno?: number;
  readonly retval?: number;
  readonly data?: string;
  readonly ctxOut?: string;
  readonly records?: readonly SentRecord[];
}

function inputOf(run: RecordedRun): string {
  return (run.meta ?? "") + packetHex.get(run.packet)!;
}

/** The kernel's answer with what it left out because nothing had changed. */
function recorded(run: RecordedRun): Answer {
  if (run.errno !== undefined) return { packet: run.packet, errno: run.errno };
  return {
    packet: run.packet,
    retval: run.retval!,
    data: run.data ?? inputOf(run),
    ctxOut: run.ctxOut ?? run.ctx,
    records: run.records ?? [],
  };
}

function answered(object: LoadedObject, program: Program, run: RecordedRun, execute: Execute | undefined): Answer {
  const { records } = object.host.bpf;
  const before = records.entries.length;
  const answer = progTestRun(object.host, program, {
    data: fromHex(inputOf(run)),
    ctx: fromHex(run.ctx),
    repeat: run.repeat ?? 1,
    ...(execute === undefined ? {} : { execute }),
  });
  if (typeof answer === "number") return { packet: run.packet, errno: answer };
  const sent = records.entries.slice(before).map((r) => ({ map: r.map.spec.name, cpu: r.cpu, data: rounded(r) }));
  const { retval, data, ctx } = answer;
  return { packet: run.packet, retval, data: toHex(data), ctxOut: trimmed(toHex(ctx)), records: sent };
}

/** Linux rounds a perf record up so that it and the length before it are a multiple of 8 bytes. */
function rounded(record: { readonly cpu: number; readonly data: Uint8Array }): string {
  const bytes = record.data.length;
  const fill = record.cpu < 0 ? 0 : (((bytes + 4 + 7) & ~7) - 4 - bytes) * 2;
  return toHex(record.data) + "0".repeat(fill);
}

async function replay(vector: Vector, one: RecordedCase, interpreted: boolean): Promise<void> {
  const host = freshHost(vector.cpus);
  await runSetup(host, one.setup);
  const object = loadBundled(host, vector.object, vector.kind);
  for (const preset of one.maps) applyPreset(object, preset);
  const program = object.program(one.program);
  let execute: Execute | undefined;
  if (interpreted) {
    const interpreter = createInterpreter(host.kernel.machine as BpfMachine);
    execute = (p, ctx) => interpreter.run(p, ctx);
  }
  for (const run of one.runs) expect(answered(object, program, run, execute)).toEqual(recorded(run));
  expect(masked(dumpMaps(object, one.maps), one.volatile)).toEqual(one.after);
}

for (const vector of vectors()) {
  describe(`${vector.object} answers as Linux ${vector.kernel}`, () => {
    const rows = vector.cases.map((one) => ({ name: one.name, why: one.why, one }));
    it.each(rows)("compiled, $name: $why", ({ one }) => replay(vector, one, false));
    it.each(rows)("interpreted, $name: $why", ({ one }) => replay(vector, one, true));
  });
}
