import { describe, expect, it } from "vitest";
import type { AttachKind } from "../../../sim/bpf/attach-kinds.ts";
import type { ProgKind } from "../../../sim/bpf/prog-type.ts";
import { VerifierError } from "../../../sim/engine/errors.ts";
import { progTestRun } from "../../../sim/net/prog-test-run.ts";
import { addHost } from "../../../sim/net/stack.ts";
import { frame, imbalance, program, testKernel } from "../kit.ts";

const NONE = new Uint8Array(0);
const kernel = testKernel();
const host = addHost(kernel, "h");

function context(bytes: number, fields: Readonly<Record<number, number>>): Uint8Array {
  const view = new DataView(new ArrayBuffer(bytes));
  for (const [offset, value] of Object.entries(fields)) view.setUint32(Number(offset), value, true);
  return new Uint8Array(view.buffer);
}

describe("test runs of types for which Linux has none", () => {
  it.each<[ProgKind, AttachKind | null]>([
    ["sock_ops", "cgroup_sock_ops"],
    ["cgroup_sock_addr", "cgroup_inet4_bind"],
    ["sk_reuseport", null],
    ["lwt_seg6local", null],
  ])("%s: refused as on Linux unless asked for", (kind, attach) => {
    const prog = program(host, "r0 = 1\nexit", { kind, ...(attach === null ? {} : { attach }) });
    expect(progTestRun(host, prog, { data: frame() })).toBe(524);
    expect(progTestRun(host, prog, { data: frame(), anyType: true })).toMatchObject({ retval: 1 });
  });

  it("cgroup_sock_addr: the context comes back with what the program wrote", () => {
    const source = "*(u32 *)(r1 + 4) = 16777343\n*(u32 *)(r1 + 24) = 8080\nr0 = 1\nexit";
    const prog = program(host, source, { kind: "cgroup_sock_addr", attach: "cgroup_inet4_connect" });
    const done = progTestRun(host, prog, { data: NONE, ctx: context(72, { 0: 2, 4: 5, 28: 2 }), anyType: true });
    expect(done).toMatchObject({ retval: 1, ctx: context(72, { 0: 2, 4: 0x0100007f, 24: 8080, 28: 2 }) });
  });

  it("sk_reuseport: the packet lies between data and data_end", () => {
    const source = "r2 = *(u64 *)(r1 + 0)\nr0 = *(u64 *)(r1 + 8)\nr0 -= r2\nexit";
    const prog = program(host, source, { kind: "sk_reuseport" });
    expect(progTestRun(host, prog, { data: frame(77), anyType: true })).toMatchObject({ retval: 77 });
  });

  it("sock_ops: op and args are the caller's, reply is the program's", () => {
    const source = "r0 = *(u32 *)(r1 + 0)\n*(u32 *)(r1 + 4) = r0\nr0 = 1\nexit";
    const prog = program(host, source, { kind: "sock_ops", attach: "cgroup_sock_ops" });
    const done = progTestRun(host, prog, { data: NONE, ctx: context(224, { 0: 7 }), anyType: true });
    expect(done).toMatchObject({ ctx: context(224, { 0: 7, 4: 7 }) });
  });

  it("a value that the type may not return ends the run in the verifier's words", () => {
    const prog = program(host, "r0 = 2\nexit", { kind: "cgroup_skb", attach: "cgroup_inet_ingress" });
    const run = () => progTestRun(host, prog, { data: frame() });
    expect(run).toThrow(VerifierError);
    expect(run).toThrow("At program exit the register R0 has value 2, should have been in [0, 1]");
    expect(imbalance(kernel)).toBe(0);
  });

  it("live frames are refused by name", () => {
    const prog = program(host, "r0 = 1\nexit");
    expect(() => progTestRun(host, prog, { data: frame(), flags: 2 })).toThrow("BPF_F_TEST_XDP_LIVE_FRAMES");
  });
});
