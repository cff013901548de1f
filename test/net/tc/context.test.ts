/** struct __sk_buff: what programs read from it, what they may write, and that nested runs have their own. */
import { describe, expect, it } from "vitest";
import type { Program } from "../../../sim/bpf/program.ts";
import { Arena } from "../../../sim/engine/arena.ts";
import { VerifierError } from "../../../sim/engine/errors.ts";
import { COST_NS } from "../../../sim/net/cost.ts";
import type { Skb } from "../../../sim/net/skb.ts";
import { BpfSockets } from "../../../sim/net/sockets/bpf-sock.ts";
import { addBpfFilter } from "../../../sim/net/tc/bpf-filters.ts";
import { addClsact } from "../../../sim/net/tc/control.ts";
import { runSchedCls, runSocketFilter } from "../../../sim/net/tc/run-prog.ts";
import { SkbContexts } from "../../../sim/net/tc/skb-context.ts";
import { frame, packet, program, veth } from "../kit.ts";
import { type Pair, pair, tcProg } from "./kit.ts";

/** A packet on b with a value in every field. */
function full(p: Pair): Skb {
  const skb = packet(p.b, frame(60));
  skb.macHeader = skb.data;
  skb.networkHeader = skb.data + 14;
  skb.macLen = 14;
  skb.pktType = 1;
  skb.mark = 0xdeadbeef;
  skb.queueMapping = 3;
  skb.priority = 6;
  skb.skbIif = 9;
  skb.tcIndex = 0x1234;
  skb.cb0 = 1;
  skb.cb4 = 0xffffffff;
  skb.hash = 0x87654321;
  skb.tcClassid = 0x55;
  skb.napiId = 77;
  skb.tstampNs = 2 ** 32 * 5 + 17;
  skb.vlanPresent = true;
  skb.vlanTci = 0x2064;
  skb.vlanProto = 0x8100;
  return skb;
}

const READS: readonly { field: string; at: number; value: number; width?: string }[] = [
  { field: "len", at: 0, value: 60 },
  { field: "pkt_type", at: 4, value: 1 },
  { field: "mark", at: 8, value: 0xdeadbeef },
  { field: "queue_mapping", at: 12, value: 3 },
  { field: "protocol", at: 16, value: 0xb588 },
  { field: "vlan_present", at: 20, value: 1 },
  { field: "vlan_tci", at: 24, value: 0x2064 },
  { field: "vlan_proto", at: 28, value: 0x0081 },
  { field: "priority", at: 32, value: 6 },
  { field: "ingress_ifindex", at: 36, value: 9 },
  { field: "ifindex", at: 40, value: 2 },
  { field: "tc_index", at: 44, value: 0x1234 },
  { field: "cb[0]", at: 48, value: 1 },
  { field: "cb[4]", at: 64, value: 0xffffffff },
  { field: "hash", at: 68, value: 0x87654321 },
  { field: "tc_classid", at: 72, value: 0x55 },
  { field: "napi_id", at: 84, value: 77 },
  { field: "wire_len", at: 160, value: 46 },
];

describe("__sk_buff", () => {
  it.each(READS)("$field at $at", ({ at, value }) => {
    const p = pair();
    const skb = full(p);
    expect(runSchedCls(tcProg(p.hostB, `r0 = *(u32 *)(r1 +${at})\nexit`), skb, p.b, 46) >>> 0).toBe(value >>> 0);
  });

  it("tstamp is 64 bits wide", () => {
    const p = pair();
    const prog = tcProg(p.hostB, "r0 = *(u64 *)(r1 +152)\nr0 >>= 32\nexit");
    expect(runSchedCls(prog, full(p), p.b, 46)).toBe(5);
  });

  it("data, data_end and data_meta bound the packet and its metadata", () => {
    const p = pair();
    const skb = full(p);
    skb.metaLen = 8;
    p.kernel.arena.u8[skb.data - 8] = 0x5a;
    const length = tcProg(p.hostB, "r2 = *(u32 *)(r1 +76)\nr0 = *(u32 *)(r1 +80)\nr0 -= r2\nexit");
    expect(runSchedCls(length, skb, p.b, 46)).toBe(60);
    const meta = tcProg(p.hostB, "r2 = *(u32 *)(r1 +140)\nr0 = *(u8 *)(r2 +0)\nexit");
    expect(runSchedCls(meta, skb, p.b, 46)).toBe(0x5a);
  });

  it.each([
    { field: "mark", at: 8, got: (s: Skb) => s.mark, value: 0x7fffffff },
    { field: "queue_mapping", at: 12, got: (s: Skb) => s.queueMapping, value: 2 },
    { field: "priority", at: 32, got: (s: Skb) => s.priority, value: 5 },
    { field: "tc_index", at: 44, got: (s: Skb) => s.tcIndex, value: 99 },
    { field: "cb[0]", at: 48, got: (s: Skb) => s.cb0, value: 101 },
    { field: "cb[1]", at: 52, got: (s: Skb) => s.cb1, value: 102 },
    { field: "cb[2]", at: 56, got: (s: Skb) => s.cb2, value: 103 },
    { field: "cb[3]", at: 60, got: (s: Skb) => s.cb3, value: 104 },
    { field: "cb[4]", at: 64, got: (s: Skb) => s.cb4, value: 105 },
    { field: "tc_classid", at: 72, got: (s: Skb) => s.tcClassid, value: 33 },
  ])("a tc program writes $field", ({ at, got, value }) => {
    const p = pair();
    const skb = full(p);
    runSchedCls(tcProg(p.hostB, `r2 = ${value}\n*(u32 *)(r1 +${at}) = r2\nr0 = 0\nexit`), skb, p.b, 46);
    expect(got(skb)).toBe(value);
  });

  it("queue_mapping 65535 is not taken over", () => {
    const p = pair();
    const skb = full(p);
    runSchedCls(tcProg(p.hostB, "r2 = 65535\n*(u32 *)(r1 +12) = r2\nr0 = 0\nexit"), skb, p.b, 46);
    expect(skb.queueMapping).toBe(3);
  });

  it("a tc program writes tstamp", () => {
    const p = pair();
    const skb = full(p);
    runSchedCls(tcProg(p.hostB, "r2 = 0x300000004 ll\n*(u64 *)(r1 +152) = r2\nr0 = 0\nexit"), skb, p.b, 46);
    expect(skb.tstampNs).toBe(3 * 2 ** 32 + 4);
  });
});

describe("socket filters", () => {
  const filter = (p: Pair, source: string): Program => program(p.hostB, source, { kind: "socket_filter" });

  it("answer an unsigned length", () => {
    const p = pair();
    expect(runSocketFilter(filter(p, "r0 = -1\nexit"), full(p), p.b)).toBe(0xffffffff);
  });

  it("find cb zeroed and leave the socket's", () => {
    const p = pair();
    const skb = full(p);
    const prog = filter(p, "r0 = *(u32 *)(r1 +48)\nr2 = 5\n*(u32 *)(r1 +48) = r2\nexit");
    expect(runSocketFilter(prog, skb, p.b)).toBe(0);
    expect([skb.cb0, skb.cb4]).toEqual([1, 0xffffffff]);
  });

  it.each([
    { why: "load_half at the ethertype", source: "r6 = r1\nr0 = *(u16 *)skb[12]\nexit", value: 0x88b5 },
    {
      why: "SKF_LL_OFF counts from the MAC header",
      source: "r6 = r1\nr0 = *(u16 *)skb[-2097140]\nexit",
      value: 0x88b5,
    },
    {
      why: "SKF_NET_OFF counts from the network header",
      source: "r6 = r1\nr0 = *(u8 *)skb[-1048575]\nexit",
      value: 0x77,
    },
    {
      why: "behind the packet the program ends with 0",
      source: "r6 = r1\nr0 = *(u8 *)skb[60]\nr0 = 9\nexit",
      value: 0,
    },
    { why: "an ancillary offset is none of eBPF's", source: "r6 = r1\nr0 = *(u8 *)skb[-4096]\nr0 = 9\nexit", value: 0 },
  ])("$why", ({ source, value }) => {
    const p = pair();
    const skb = full(p);
    p.kernel.arena.u8[skb.data + 15] = 0x77;
    expect(runSocketFilter(filter(p, source), skb, p.b)).toBe(value);
  });
});

describe("runs", () => {
  it("leave the environment as they found it", () => {
    const p = pair();
    const before = p.kernel.env.ctx;
    runSchedCls(tcProg(p.hostB, "r0 = 0\nexit"), full(p), p.b, 46);
    expect(p.kernel.env.ctx).toBe(before);
    expect(p.kernel.env.skbContexts.depth).toBe(0);
  });

  it("after a fault, resetRuns makes the environment usable again", () => {
    const p = pair();
    const bad = tcProg(p.hostB, "r2 = *(u32 *)(r1 +76)\nr0 = *(u8 *)(r2 +500)\nexit");
    expect(() => runSchedCls(bad, full(p), p.b, 46)).toThrow(VerifierError);
    p.kernel.machine.reset();
    p.kernel.env.resetRuns();
    expect(runSchedCls(tcProg(p.hostB, "r0 = 3\nexit"), full(p), p.b, 46)).toBe(3);
  });

  it("charge the CPU for what programs cost, once though runs nest", () => {
    const p = pair(false);
    // a's egress program runs inside the helper that clones from b's; a and b are different hosts, so use one more pair
    const [x] = veth(p.hostB, "x0", p.hostA, "x1");
    addClsact(x);
    const inner = tcProg(p.hostB, `${"r0 = 1\n".repeat(200)}exit`);
    addBpfFilter(x, { direction: "egress", prog: inner, directAction: true });
    const outer = tcProg(p.hostB, `r2 = ${x.ifindex}\nr3 = 0\ncall 13\nr0 = 0\nexit`);
    const cpu = p.hostB.cpus[0]!;
    const busy = cpu.busyNs;
    const cost = p.kernel.machine.cost16;
    runSchedCls(outer, full(p), p.b, 46);
    const programs = ((p.kernel.machine.cost16 - cost) >>> 0) / 16;
    expect(programs).toBeGreaterThan(200 * 0.5);
    expect(cpu.busyNs - busy).toBeCloseTo(programs + COST_NS.xmit + COST_NS.tcHook + COST_NS.vethXmit, 6);
  });

  it("contexts of nested runs do not overlap", () => {
    const arena = new Arena(1 << 20);
    const contexts = new SkbContexts(arena, new BpfSockets(arena));
    expect(contexts.at(1) - contexts.at(0)).toBeGreaterThanOrEqual(192);
    expect([contexts.owns(contexts.at(0)), contexts.owns(contexts.at(15)), contexts.owns(8)]).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe("what programs say", () => {
  it("trace_printk lines and records are kept by the host, for listeners too", () => {
    const p = pair();
    const lines: string[] = [];
    const stop = p.hostB.bpf.trace.subscribe((l) => lines.push(l.text));
    p.kernel.env.host = p.hostB;
    p.kernel.env.currentCpu = p.hostB.cpus[0]!;
    p.kernel.env.tracePrintk("hello");
    stop();
    p.kernel.env.tracePrintk("again");
    expect(lines).toEqual(["hello"]);
    expect(p.hostB.bpf.trace.entries.map((l) => l.text)).toEqual(["hello", "again"]);
    expect(p.hostA.bpf.trace.total).toBe(0);
  });
});
