/**
 * What programs write to their streams, in both engines. The kernel of the recordings accepts and refuses the same, and then finds no
 * memory for any text (-ENOMEM), so there is nothing of it to compare with.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import type { BpfMachine } from "../../../sim/bpf/create-machine.ts";
import { createInterpreter } from "../../../sim/bpf/interp/interpreter.ts";
import { parseObject } from "../../../sim/bpf/object/parse-object.ts";
import { BPF_STDERR, BPF_STDOUT, streamOf } from "../../../sim/bpf/streams.ts";
import { loadObjectOnHost } from "../../../sim/net/bpf-objects.ts";
import { progTestRun } from "../../../sim/net/prog-test-run.ts";
import { freshHost } from "../../kernel/replay-kit.ts";
import { ToolNetwork } from "../../tools/kit.ts";

const OBJECT = fileURLToPath(new URL("oracle/stream.o", import.meta.url));
const ENGINES = [["compiled"], ["interpreted"]] as const;

/** Answers, stdout and stderr of a program. */
function run(name: string, engine: "compiled" | "interpreted"): [number[], string, string] {
  const host = freshHost(2);
  const object = loadObjectOnHost(host, parseObject(readFileSync(OBJECT), "stream.o"));
  const program = object.program(name);
  const execute = engine === "compiled" ? {} : { execute: createInterpreter(host.kernel.machine as BpfMachine).run };
  expect(progTestRun(host, program, { data: new Uint8Array(64), ...execute })).toMatchObject({ retval: 0 });
  const out = object.map("out").read(new Uint8Array(4))!;
  const answers = [...new BigInt64Array(out.slice().buffer)].map(Number);
  while (answers.at(-1) === 0) answers.pop();
  return [answers, streamOf(program, BPF_STDOUT)!.read(), streamOf(program, BPF_STDERR)!.read()];
}

it.each(ENGINES)("what the format takes is written, %s", (engine) => {
  expect(run("write", engine)).toEqual([
    [0, 0, 0, 0, -2, -2, -2, -22, 0, -22, -22, 0, -22],
    "plain\nno newline 1234abcd -5\u0001|    2|305441741|-0005|\ntoo many: 1\ntwelve: 1 2 305441741 -5 5 6 7 8 9 10 11 12\n",
    "to the other: 1 and 2\n",
  ]);
});

it.each(ENGINES)("a stream that nobody reads takes less than 100,000 bytes, %s", (engine) => {
  const [answers, stdout, stderr] = run("fill", engine);
  expect([answers, stdout, stderr.length]).toEqual([[1000, -28], "there is room in the other\n", 99_901]);
});

it("bpftool prog tracelog reads them, each text once", () => {
  const net = new ToolNetwork("pair");
  const host = net.hosts.get("a")!;
  net.do("a", `bpftool prog load ${OBJECT} /sys/fs/bpf/p`);
  progTestRun(host, host.bpf.pinnedProgram("/sys/fs/bpf/p")!, { data: new Uint8Array(64) });
  const command = "bpftool prog tracelog stdout pinned /sys/fs/bpf/p";
  expect(net.do("a", command)).toMatch(/^plain\n/);
  expect(net.do("a", command)).toBe("");
  expect(net.do("a", "bpftool prog tracelog stderr pinned /sys/fs/bpf/p")).toBe("");
});
