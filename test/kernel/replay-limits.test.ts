/** What BPF_PROG_RUN takes and refuses: each row was asked of Linux 6.18 with the oracle beside this file. */
import { describe, expect, it } from "vitest";
import { VerifierError } from "../../sim/engine/errors.ts";
import type { Host } from "../../sim/net/host.ts";
import { progTestRun } from "../../sim/net/prog-test-run.ts";
import { imbalance, program } from "../net/kit.ts";
import { freshHost, loadBundled, toHex, trimmed } from "./replay-kit.ts";

const E2BIG = 7;
const EINVAL = 22;
const ENODEV = 19;

/** A frame from 02:00:00:00:00:01 with an ethertype and so many zero bytes behind the header. */
function frame(ethertype: number, payload: number): Uint8Array {
  const bytes = new Uint8Array(14 + payload);
  bytes.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, ethertype >>> 8, ethertype & 255]);
  return bytes;
}

/** A context with u32 fields at offsets. */
function context(bytes: number, fields: Readonly<Record<number, number>>): Uint8Array {
  const view = new DataView(new ArrayBuffer(bytes));
  for (const [offset, value] of Object.entries(fields)) view.setUint32(Number(offset), value, true);
  return new Uint8Array(view.buffer);
}

function outcome(object: string, name: string, data: Uint8Array, ctx?: Uint8Array): number | "runs" {
  const host = freshHost(2);
  const kind = object.startsWith("xdp") ? "xdp" : object.startsWith("tc") ? "sched_cls" : "socket_filter";
  const prog = loadBundled(host, `${object}.o`, kind).program(name);
  const answer = progTestRun(host, prog, { data, ...(ctx === undefined ? {} : { ctx }) });
  expect(host.kernel.pool.live).toBe(0);
  expect(imbalance(host.kernel)).toBe(0);
  return typeof answer === "number" ? answer : "runs";
}

const LOCAL = 0x88b5;
const FRAME = frame(LOCAL, 40);

describe("a test run of a tc program", () => {
  const sk = (fields: Readonly<Record<number, number>>): Uint8Array => context(192, fields);
  it.each<[string, Uint8Array, Uint8Array | undefined, number | "runs"]>([
    ["13 bytes", frame(LOCAL, 0).subarray(0, 13), undefined, EINVAL],
    ["a bare Ethernet header", frame(LOCAL, 0), undefined, "runs"],
    ["an IPv4 header that is cut", frame(0x0800, 19), undefined, EINVAL],
    ["an IPv4 header", frame(0x0800, 20), undefined, "runs"],
    ["an IPv6 header that is cut", frame(0x86dd, 39), undefined, EINVAL],
    ["an IPv6 header", frame(0x86dd, 40), undefined, "runs"],
    ["what fits a page", frame(LOCAL, 3712 - 14), undefined, "runs"],
    ["one byte more", frame(LOCAL, 3713 - 14), undefined, EINVAL],
    ["len given", FRAME, sk({ 0: 54 }), EINVAL],
    ["queue_mapping given", FRAME, sk({ 12: 1 }), EINVAL],
    ["hash given", FRAME, sk({ 68: 1 }), EINVAL],
    ["tc_classid given", FRAME, sk({ 72: 1 }), EINVAL],
    ["data_end given", FRAME, sk({ 80: 54 }), EINVAL],
    ["tstamp_type given", FRAME, sk({ 180: 1 }), EINVAL],
    ["ifindex of lo", FRAME, sk({ 40: 1 }), "runs"],
    ["ifindex of nobody", FRAME, sk({ 40: 7 }), ENODEV],
    ["ingress_ifindex of nobody", FRAME, sk({ 36: 7 }), "runs"],
    ["wire_len below the packet's", FRAME, sk({ 160: 53 }), EINVAL],
    ["wire_len above it", FRAME, sk({ 160: 65536 }), "runs"],
    ["wire_len above 64 KiB", FRAME, sk({ 160: 65537 }), EINVAL],
    ["gso_segs at its limit", FRAME, sk({ 164: 65535 }), "runs"],
    ["gso_segs above it", FRAME, sk({ 164: 65536 }), EINVAL],
    ["gso_size", FRAME, sk({ 176: 70000 }), "runs"],
    ["a context with zeros behind it", FRAME, context(200, { 8: 3 }), "runs"],
    ["a context with more behind it", FRAME, context(200, { 196: 1 }), E2BIG],
  ])("%s", (_what, data, ctx, want) => {
    expect(outcome("tc_meta", "tc_meta", data, ctx)).toBe(want);
  });
});

describe("a test run of a socket filter", () => {
  it.each<[string, Uint8Array, Uint8Array | undefined, number | "runs"]>([
    ["a bare Ethernet header", frame(LOCAL, 0), undefined, "runs"],
    ["wire_len without the Ethernet header", FRAME, context(192, { 160: 40 }), "runs"],
    ["wire_len below that", FRAME, context(192, { 160: 39 }), EINVAL],
  ])("%s", (_what, data, ctx, want) => {
    expect(outcome("sock_ip_only", "sock_ip_only", data, ctx)).toBe(want);
  });
});

describe("a test run of an XDP program", () => {
  const md = (fields: Readonly<Record<number, number>>): Uint8Array => context(24, fields);
  const long = frame(LOCAL, 400);
  it.each<[string, Uint8Array, Uint8Array | undefined, number | "runs"]>([
    ["13 bytes", FRAME.subarray(0, 13), undefined, EINVAL],
    ["a bare Ethernet header", frame(LOCAL, 0), undefined, "runs"],
    ["what fits a page", frame(LOCAL, 3520 - 14), undefined, "runs"],
    ["data_end beyond the bytes", FRAME, md({ 4: 55 }), EINVAL],
    ["metadata that is no multiple of 4", FRAME, md({ 0: 5, 4: 54 }), EINVAL],
    ["metadata that leaves an Ethernet header", FRAME, md({ 0: 40, 4: 54 }), "runs"],
    ["metadata that leaves less", FRAME, md({ 0: 44, 4: 54 }), EINVAL],
    ["metadata at its limit", long, md({ 0: 216, 4: 414 }), "runs"],
    ["metadata above it", long, md({ 0: 220, 4: 414 }), EINVAL],
    ["data_meta given", FRAME, md({ 4: 54, 8: 4 }), EINVAL],
    ["ingress_ifindex of lo", FRAME, md({ 4: 54, 12: 1 }), "runs"],
    ["a queue that lo has not", FRAME, md({ 4: 54, 12: 1, 16: 1 }), EINVAL],
    ["ingress_ifindex of nobody", FRAME, md({ 4: 54, 12: 9 }), ENODEV],
    ["a queue without a device", FRAME, md({ 4: 54, 16: 1 }), EINVAL],
    ["egress_ifindex given", FRAME, md({ 4: 54, 20: 1 }), EINVAL],
  ])("%s", (_what, data, ctx, want) => {
    expect(outcome("xdp_meta", "xdp_meta", data, ctx)).toBe(want);
  });

  it("devmap programs are refused", () => {
    expect(outcome("xdp_l2_redirect", "xdp_l2_egress", FRAME)).toBe(EINVAL);
  });
});

describe("a test run leaves no traces", () => {
  const answer = (host: Host): string => {
    const prog = program(host, "r2 = *(u32 *)(r1 + 4)\nr0 = *(u32 *)(r1 + 0)\nr2 -= r0\nr0 = r2\nexit");
    const done = progTestRun(host, prog, { data: FRAME });
    return typeof done === "number" ? `errno ${done}` : `${done.retval} ${trimmed(toHex(done.ctx))}`;
  };

  it("stopped by an access check: the next run is none the worse", () => {
    const host = freshHost(1);
    const bad = program(host, "r1 = *(u32 *)(r1 + 4)\nr0 = *(u8 *)(r1 + 0)\nexit");
    for (let i = 0; i < 40; i++) expect(() => progTestRun(host, bad, { data: FRAME })).toThrow(VerifierError);
    expect(answer(host)).toBe("54 0000000036");
    expect(imbalance(host.kernel)).toBe(0);
  });
});
