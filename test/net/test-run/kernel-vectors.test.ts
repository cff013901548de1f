/** Every case that record.mjs asked of a real kernel by BPF_PROG_RUN, asked of netsim: compiled and interpreted. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { AttachKind } from "../../../sim/bpf/attach-kinds.ts";
import type { BpfMachine } from "../../../sim/bpf/create-machine.ts";
import { createInterpreter } from "../../../sim/bpf/interp/interpreter.ts";
import type { ProgKind } from "../../../sim/bpf/prog-type.ts";
import { progTestRun } from "../../../sim/net/prog-test-run.ts";
import { addHost } from "../../../sim/net/stack.ts";
import type { TestRunRequest } from "../../../sim/net/test-run/test-run.ts";
import { imbalance, loadInsns, testKernel } from "../kit.ts";

interface Answer {
  readonly errno?: number;
  readonly retval?: number;
  readonly data?: string;
  readonly ctx?: string;
}
interface Case {
  readonly why: string;
  readonly type: string;
  readonly insns: string;
  readonly data: string | number;
  readonly ctx?: string;
  readonly repeat?: number;
  readonly flags?: number;
  readonly cpu?: number;
  readonly batch?: number;
  readonly out: string;
  readonly answer: Answer;
}

const { dataHex } = (await import(new URL("cases.mjs", import.meta.url).href)) as {
  dataHex(data: string | number): string;
};
const { kernel: release, cases } = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8")) as {
  readonly kernel: string;
  readonly cases: readonly Case[];
};

const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Bytes as the recorder keeps them. */
function kept(bytes: Uint8Array, trim: boolean): string {
  if (bytes.length <= 256) return trim ? toHex(bytes).replace(/(00)+$/, "") : toHex(bytes);
  return `sha256:${bytes.length}:${createHash("sha256").update(bytes).digest("hex").slice(0, 32)}`;
}

const kernel = testKernel();
const host = addHost(kernel, "h");
const interpreter = createInterpreter(kernel.machine as BpfMachine);

function run(c: Case, interpreted: boolean): Answer {
  const [kind, second] = c.type.split(" ") as [ProgKind, string | undefined];
  const frags = second === "frags";
  const attach = second === undefined || frags ? null : (second as AttachKind);
  const program = loadInsns(host, fromHex(c.insns), { kind, frags, ...(attach === null ? {} : { attach }) });
  const request: TestRunRequest = {
    data: c.data === "-" ? new Uint8Array(0) : fromHex(dataHex(c.data)),
    ...(c.ctx === undefined ? {} : { ctx: fromHex(c.ctx) }),
    ...(c.repeat === undefined ? {} : { repeat: c.repeat }),
    ...(c.flags === undefined ? {} : { flags: c.flags }),
    ...(c.cpu === undefined ? {} : { cpu: c.cpu }),
    ...(c.batch === undefined ? {} : { batchSize: c.batch }),
    ...(c.out.includes("d") ? { wantsData: true } : {}),
    ...(c.out.includes("c") ? { wantsCtx: true } : {}),
    ...(interpreted ? { execute: interpreter.run } : {}),
  };
  const answer = progTestRun(host, program, request);
  expect(kernel.pool.live).toBe(0);
  expect(imbalance(kernel)).toBe(0);
  if (typeof answer === "number") return { errno: answer };
  const data = c.out.includes("d") ? kept(answer.data, false) : "";
  const ctx = c.out.includes("c") || kind === "syscall" ? kept(answer.ctx, true) : "";
  return { retval: answer.retval, ...(data === "" ? {} : { data }), ...(ctx === "" ? {} : { ctx }) };
}

/** Without empty texts. */
function answerOf(c: Case): Answer {
  const { ctx, ...rest } = c.answer;
  return ctx === undefined || ctx === "" ? rest : { ...rest, ctx };
}

describe.each([...new Set(cases.map((c) => c.type))])(`test runs of %s, as Linux ${release} answers them`, (type) => {
  const named = cases.filter((c) => c.type === type).map((c) => [c.why, c] as const);
  it.each(named)("%s", (_why, c) => {
    expect(run(c, false)).toEqual(answerOf(c));
    expect(run(c, true)).toEqual(answerOf(c));
  });
});
