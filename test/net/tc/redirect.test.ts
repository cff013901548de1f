/**
 * Redirects by tc: the rows of the bypass matrix (FACTS 4.2) that tc owns. A sender feeds device `in` of the router; the router's
 * program sends the packet on by `out`, whose far end is the receiver's device.
 */
import { describe, expect, it } from "vitest";
import type { Program } from "../../../sim/bpf/program.ts";
import { setDown } from "../../../sim/net/devices/device.ts";
import { FibAnswer, type FibApi, FibQuery } from "../../../sim/net/fib-api.ts";
import type { Host } from "../../../sim/net/host.ts";
import { AF_INET } from "../../../sim/net/ip/address.ts";
import type { Kernel } from "../../../sim/net/kernel.ts";
import type { Netdev } from "../../../sim/net/netdev.ts";
import type { Skb } from "../../../sim/net/skb.ts";
import { addHost } from "../../../sim/net/stack.ts";
import type { BpfFilter } from "../../../sim/net/tc/bpf-filters.ts";
import { addBpfFilter } from "../../../sim/net/tc/bpf-filters.ts";
import { addClsact, type TcDirectionName } from "../../../sim/net/tc/control.ts";
import { counters, drops, frame, imbalance, runFor, send, Tap, testKernel, veth } from "../kit.ts";
import { answering, collect, TEST_PROTO, tcProg } from "./kit.ts";

const MS = 1_000_000;

interface Net {
  readonly kernel: Kernel;
  readonly router: Host;
  readonly receiver: Host;
  readonly source: Netdev;
  readonly in: Netdev;
  readonly out: Netdev;
  readonly far: Netdev;
  readonly received: Uint8Array[];
  readonly atRouter: Uint8Array[];
  readonly seen: { mark: number; tcIndex: number; priority: number; dev: string }[];
  readonly outTap: Tap;
  readonly farTap: Tap;
  readonly outEgress: BpfFilter;
  readonly outIngress: BpfFilter;
  readonly farIngress: BpfFilter;
}

/** Filter that only counts. */
function counting(host: Host, dev: Netdev, direction: TcDirectionName): BpfFilter {
  return addBpfFilter(dev, { direction, prog: answering(host, -1), directAction: true });
}

function build(): Net {
  const kernel = testKernel();
  const sender = addHost(kernel, "sender");
  const router = addHost(kernel, "router");
  const receiver = addHost(kernel, "receiver");
  const [source, inDev] = veth(sender, "s0", router, "in");
  const [out, far] = veth(router, "out", receiver, "far");
  const received: Uint8Array[] = [];
  const atRouter: Uint8Array[] = [];
  const seen: Net["seen"] = [];
  collect(receiver, received, seen);
  collect(router, atRouter);
  addClsact(inDev);
  addClsact(out);
  addClsact(far);
  return {
    kernel,
    router,
    receiver,
    source,
    in: inDev,
    out,
    far,
    received,
    atRouter,
    seen,
    outTap: new Tap(out),
    farTap: new Tap(far),
    outEgress: counting(router, out, "egress"),
    outIngress: counting(router, out, "ingress"),
    farIngress: counting(receiver, far, "ingress"),
  };
}

function attach(n: Net, prog: Program, direction: TcDirectionName = "ingress"): void {
  addBpfFilter(n.in, { direction, prog, directAction: true });
}

function go(n: Net, packets: number = 10): void {
  for (let i = 0; i < packets; i++) send(n.source, frame(60));
  runFor(n.kernel, MS);
  expect(imbalance(n.kernel)).toBe(0);
}

/** A call of a redirect helper with (ifindex, flags), its answer returned. */
const calling = (helper: number, ifindex: number, flags = 0) => `r1 = ${ifindex}\nr2 = ${flags}\ncall ${helper}\nexit`;

/** What the matrix asks of `out`, and of the far end. */
function row(n: Net): Record<string, number> {
  return {
    outEgress: n.outEgress.verdicts.unspec,
    outTapOut: n.outTap.count(true),
    outTapIn: n.outTap.count(false),
    outTx: n.out.stats.txPackets,
    outIngress: n.outIngress.verdicts.unspec,
    farTapIn: n.farTap.count(false),
    farIngress: n.farIngress.verdicts.unspec,
    farRx: n.far.stats.rxPackets,
    farRxBytes: n.far.stats.rxBytes,
    received: n.received.length,
    atRouter: n.atRouter.length,
  };
}

describe("bypass matrix, tc's rows", () => {
  it("bpf_redirect(ifindex, 0): tc egress, tap out, tx counter, then all of the receiver", () => {
    const n = build();
    attach(n, tcProg(n.router, calling(23, n.out.ifindex)));
    go(n);
    expect(row(n)).toEqual({
      outEgress: 10,
      outTapOut: 10,
      outTapIn: 0,
      outTx: 10,
      outIngress: 0,
      farTapIn: 10,
      farIngress: 10,
      farRx: 10,
      farRxBytes: 600,
      received: 10,
      atRouter: 0,
    });
  });

  it("bpf_redirect(ifindex, BPF_F_INGRESS): tap in and tc ingress of that same device, nothing sent", () => {
    const n = build();
    attach(n, tcProg(n.router, calling(23, n.out.ifindex, 1)));
    go(n);
    expect(row(n)).toEqual({
      outEgress: 0,
      outTapOut: 0,
      outTapIn: 10,
      outTx: 0,
      outIngress: 10,
      farTapIn: 0,
      farIngress: 0,
      farRx: 0,
      farRxBytes: 0,
      received: 0,
      atRouter: 10,
    });
    expect(counters(n.out)).toEqual({});
  });

  it("bpf_redirect_peer: the peer's rx counter, tap and tc ingress; tx of the device stays 0", () => {
    const n = build();
    attach(n, tcProg(n.router, calling(155, n.out.ifindex)));
    go(n);
    expect(row(n)).toEqual({
      outEgress: 0,
      outTapOut: 0,
      outTapIn: 0,
      outTx: 0,
      outIngress: 0,
      farTapIn: 10,
      farIngress: 10,
      farRx: 10,
      farRxBytes: 600,
      received: 10,
      atRouter: 0,
    });
  });

  it("from egress to another device's egress: the first device sends nothing", () => {
    const n = build();
    attach(n, tcProg(n.router, calling(23, n.out.ifindex)), "egress");
    send(n.in, frame(60));
    runFor(n.kernel, MS);
    expect(n.in.stats.txPackets).toBe(0);
    expect(n.received.length).toBe(1);
    expect(imbalance(n.kernel)).toBe(0);
  });
});

describe("redirects that fail lose the packet without a counter of tc", () => {
  it.each([
    { why: "no such device", source: () => calling(23, 99), at: "in" as const },
    { why: "redirect_peer of lo, which has no peer", source: () => calling(155, 1), at: "in" as const },
    { why: "redirect_neigh without an IP packet", source: (n: Net) => calling3(152, n.out.ifindex), at: "in" as const },
  ])("$why", ({ source, at }) => {
    const n = build();
    attach(n, tcProg(n.router, source(n)));
    go(n, 3);
    expect(drops(n[at])).toEqual({ SKB_DROP_REASON_NOT_SPECIFIED: 3 });
    expect(n.received.length).toBe(0);
  });

  it("redirect_peer at egress", () => {
    const n = build();
    attach(n, tcProg(n.router, calling(155, n.out.ifindex)), "egress");
    send(n.in, frame(60));
    runFor(n.kernel, MS);
    expect(drops(n.in)).toEqual({ SKB_DROP_REASON_NOT_SPECIFIED: 1 });
  });

  it("redirect_peer to a peer on the same host", () => {
    const n = build();
    const [x] = veth(n.router, "x0", n.router, "x1");
    attach(n, tcProg(n.router, calling(155, x.ifindex)));
    go(n, 1);
    expect(drops(n.in)).toEqual({ SKB_DROP_REASON_NOT_SPECIFIED: 1 });
  });

  it("into a device that is down counts as its rx_dropped", () => {
    const n = build();
    setDown(n.out);
    attach(n, tcProg(n.router, calling(23, n.out.ifindex, 1)));
    go(n, 2);
    expect(n.out.stats.rxDropped).toBe(2);
  });

  it("a packet that comes back to where it is redirected ends at the recursion limit", () => {
    const n = build();
    // out's egress redirects to out's egress
    addBpfFilter(n.out, {
      direction: "egress",
      prog: tcProg(n.router, calling(23, n.out.ifindex)),
      pref: 1,
      directAction: true,
    });
    attach(n, tcProg(n.router, calling(23, n.out.ifindex)));
    go(n, 1);
    expect(drops(n.out)).toEqual({ SKB_DROP_REASON_NOT_SPECIFIED: 1 });
    expect(n.received.length).toBe(0);
  });
});

function calling3(helper: number, ifindex: number): string {
  return `r1 = ${ifindex}\nr2 = 0\nr3 = 0\nr4 = 0\ncall ${helper}\nexit`;
}

describe("bpf_clone_redirect", () => {
  it("sends a copy and lets the program go on", () => {
    const n = build();
    const source = `r6 = r1
      r2 = ${n.out.ifindex}
      r3 = 0
      call 13
      if r0 != 0 goto bad
      r1 = r6
      r0 = 0
      exit
      bad: r0 = 2
      exit`;
    attach(n, tcProg(n.router, source));
    go(n, 4);
    expect([n.received.length, n.atRouter.length]).toEqual([4, 4]);
    expect(n.out.stats.txPackets).toBe(4);
  });

  it("the copy has what the program wrote into its context before, the original keeps what it wrote after", () => {
    const n = build();
    const marks: number[] = [];
    const source = `r6 = r1
      r2 = 11
      *(u32 *)(r6 +8) = r2
      r2 = ${n.out.ifindex}
      r3 = 0
      call 13
      r2 = 22
      *(u32 *)(r6 +8) = r2
      r0 = 0
      exit`;
    attach(n, tcProg(n.router, source));
    // the copy's mark, seen by a nested program at out's egress: it answers SHOT for 11
    const judge = tcProg(n.router, "r2 = *(u32 *)(r1 +8)\nr0 = -1\nif r2 != 11 goto pc+1\nr0 = 2\nexit");
    addBpfFilter(n.out, { direction: "egress", prog: judge, pref: 1, directAction: true });
    n.router.packetTypes.set(TEST_PROTO, (skb: Skb) => {
      marks.push(skb.mark);
      n.kernel.consumeSkb(skb);
    });
    go(n, 1);
    expect(marks).toEqual([22]);
    expect(drops(n.out)).toEqual({ SKB_DROP_REASON_TC_EGRESS: 1 });
  });
});

describe("what a redirect keeps", () => {
  it("the mark stays with BPF_F_INGRESS, the priority does not; redirect_peer keeps both", () => {
    const setting = (helper: number, ifindex: number, flags: number) =>
      `r2 = 7\n*(u32 *)(r1 +8) = r2\n*(u32 *)(r1 +32) = r2\n${calling(helper, ifindex, flags)}`;
    const n = build();
    const into: Net["seen"] = [];
    collect(n.router, [], into);
    attach(n, tcProg(n.router, setting(23, n.out.ifindex, 1)));
    go(n, 1);
    expect(into).toEqual([{ mark: 7, tcIndex: 0, priority: 0, dev: "out" }]);

    const m = build();
    attach(m, tcProg(m.router, setting(155, m.out.ifindex, 0)));
    go(m, 1);
    expect(m.seen).toEqual([{ mark: 7, tcIndex: 0, priority: 7, dev: "far" }]);
  });
});

/** Neighbours and routes as the test says. */
class FakeFib implements FibApi {
  readonly query: FibQuery = new FibQuery();
  readonly answer: FibAnswer = new FibAnswer();
  readonly sent: { dev: string; family: number; hop: number[]; first: number; len: number }[] = [];
  nextHopFamily: number = AF_INET;
  rc: number = 0;
  lookup(): number {
    return 0;
  }
  forwarding(): boolean {
    return true;
  }
  neighMac(): boolean {
    return false;
  }
  neighOutput(dev: Netdev, family: number, addr: Uint8Array, skb: Skb): number {
    const kernel = dev.host.kernel;
    this.sent.push({
      dev: dev.name,
      family,
      hop: [...addr.subarray(0, 4)],
      first: kernel.arena.u8[skb.data]!,
      len: skb.len,
    });
    kernel.consumeSkb(skb);
    return this.rc;
  }
  outputNextHop(): number {
    this.answer.gw.set([10, 9, 9, 9]);
    return this.nextHopFamily;
  }
}

/** An IPv4 frame of 60 bytes to a unicast address. */
function ip4Frame(): Uint8Array {
  const f = frame(60, 0x0800);
  f.set([2, 0, 0, 0, 0, 9], 0);
  f[14] = 0x45;
  return f;
}

describe("bpf_redirect_neigh", () => {
  const neigh = (ifindex: number, withHop: boolean) =>
    withHop
      ? `r2 = 2\n*(u32 *)(r10 -24) = r2\nr2 = 0x0100000a\n*(u32 *)(r10 -20) = r2\nr2 = 0\n*(u32 *)(r10 -16) = r2
         *(u32 *)(r10 -12) = r2\n*(u32 *)(r10 -8) = r2\nr1 = ${ifindex}\nr2 = r10\nr2 += -24\nr3 = 20\nr4 = 0\ncall 152\nexit`
      : calling3(152, ifindex);

  it.each([
    { why: "the next hop of its parameters", withHop: true, hop: [10, 0, 0, 1] },
    { why: "the next hop of the routes", withHop: false, hop: [10, 9, 9, 9] },
  ])("hands the packet without its MAC header to the neighbour layer: $why", ({ withHop, hop }) => {
    const n = build();
    const fib = new FakeFib();
    n.kernel.env.fib = fib;
    attach(n, tcProg(n.router, neigh(n.out.ifindex, withHop)));
    send(n.source, ip4Frame());
    runFor(n.kernel, MS);
    expect(fib.sent).toEqual([{ dev: "out", family: AF_INET, hop, first: 0x45, len: 46 }]);
    expect(n.out.stats.txDropped).toBe(0);
  });

  it("without a route the packet is lost and the device counts tx_dropped", () => {
    const n = build();
    const fib = new FakeFib();
    fib.nextHopFamily = 0;
    n.kernel.env.fib = fib;
    attach(n, tcProg(n.router, neigh(n.out.ifindex, false)));
    send(n.source, ip4Frame());
    runFor(n.kernel, MS);
    expect(n.out.stats.txDropped).toBe(1);
    expect(drops(n.in)).toEqual({ SKB_DROP_REASON_NOT_SPECIFIED: 1 });
  });

  it("a packet to a multicast MAC address is not sent", () => {
    const n = build();
    const fib = new FakeFib();
    n.kernel.env.fib = fib;
    attach(n, tcProg(n.router, neigh(n.out.ifindex, true)));
    send(n.source, frame(60, 0x0800));
    runFor(n.kernel, MS);
    expect(fib.sent).toEqual([]);
    expect(drops(n.in)).toEqual({ SKB_DROP_REASON_NOT_SPECIFIED: 1 });
  });

  it("a failing output counts tx_dropped", () => {
    const n = build();
    const fib = new FakeFib();
    fib.rc = -100;
    n.kernel.env.fib = fib;
    attach(n, tcProg(n.router, neigh(n.out.ifindex, true)));
    send(n.source, ip4Frame());
    runFor(n.kernel, MS);
    expect(n.out.stats.txDropped).toBe(1);
  });
});
