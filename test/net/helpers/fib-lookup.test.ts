/** bpf_fib_lookup over routes and neighbours that the test makes up: struct bpf_fib_lookup, flags and return codes. */
import { beforeEach, describe, expect, it } from "vitest";
import {
  FIB_BLACKHOLE,
  FIB_NO_ROUTE,
  FIB_OTHER,
  FIB_PROHIBIT,
  FIB_UNICAST,
  FIB_UNREACHABLE,
  FibAnswer,
  type FibApi,
  FibQuery,
} from "../../../sim/net/fib-api.ts";
import { FIB_LKUP, fibLookup } from "../../../sim/net/helpers/fib-lookup.ts";
import { AF_INET, AF_INET6 } from "../../../sim/net/ip/address.ts";
import type { Kernel } from "../../../sim/net/kernel.ts";
import type { Netdev } from "../../../sim/net/netdev.ts";
import { addHost } from "../../../sim/net/stack.ts";
import { frame, packet, testKernel, veth } from "../kit.ts";

const DIRECT = 1;
const OUTPUT = 2;
const SKIP_NEIGH = 4;
const TBID = 8;
const SRC = 16;
const MARK = 32;

class FakeFib implements FibApi {
  readonly query: FibQuery = new FibQuery();
  readonly answer: FibAnswer = new FibAnswer();
  found: number = FIB_UNICAST;
  forwards: boolean = true;
  neighbour: readonly number[] | null = [2, 0, 0, 0, 0, 0x77];
  /** Family and address of the neighbour asked for last. */
  asked: readonly [number, readonly number[]] = [0, []];
  lookup(): number {
    return this.found;
  }
  forwarding(): boolean {
    return this.forwards;
  }
  neighMac(_dev: Netdev, family: number, addr: Uint8Array, mac: Uint8Array): boolean {
    this.asked = [family, [...addr.subarray(0, family === AF_INET ? 4 : 16)]];
    if (this.neighbour === null) return false;
    mac.set(this.neighbour);
    return true;
  }
  neighOutput(): number {
    return 0;
  }
  outputNextHop(): number {
    return 0;
  }
}

let kernel: Kernel;
let input: Netdev;
let out: Netdev;
let fib: FakeFib;
let params: number;
let xdpCtx: number;

beforeEach(() => {
  kernel = testKernel();
  const router = addHost(kernel, "router");
  const peer = addHost(kernel, "peer");
  [input] = veth(router, "in", peer, "p0");
  [out] = veth(router, "out", peer, "p1");
  fib = new FakeFib();
  fib.answer.dev = out;
  fib.answer.mtu = 1500;
  fib.answer.metric = 42;
  const env = kernel.env;
  env.fib = fib;
  env.host = router;
  env.dev = input;
  env.currentCpu = router.cpus[0]!;
  env.skb = packet(input, frame(100));
  params = kernel.arena.alloc(64, 64);
  xdpCtx = kernel.arena.alloc(24, 64);
  env.ctx = xdpCtx;
});

const u8 = () => kernel.arena.u8;
const u16 = (at: number) => kernel.arena.dv.getUint16(params + at, true);
const u32 = (at: number) => kernel.arena.dv.getUint32(params + at, true);
const bytes = (at: number, n: number) => [...u8().slice(params + at, params + at + n)];

/** Fills the struct for IPv4: UDP 10.0.0.1:4000 to 10.1.0.9:80. */
function ask4(o: { totLen?: number; tbid?: number; mark?: number } = {}): void {
  const a = u8();
  a.fill(0, params, params + 64);
  a.set([AF_INET, 17, 0x0f, 0xa0, 0, 80], params);
  kernel.arena.dv.setUint16(params + 6, o.totLen ?? 0, true);
  kernel.arena.dv.setUint32(params + 8, input.ifindex, true);
  a[params + 12] = 0x13;
  a.set([10, 0, 0, 1], params + 16);
  a.set([10, 1, 0, 9], params + 32);
  if (o.tbid !== undefined) kernel.arena.dv.setUint32(params + 48, o.tbid, true);
  if (o.mark !== undefined) kernel.arena.dv.setUint32(params + 52, o.mark, true);
}

function ask6(src: number[], dst: number[]): void {
  const a = u8();
  a.fill(0, params, params + 64);
  a.set([AF_INET6, 17, 0x0f, 0xa0, 0, 80], params);
  kernel.arena.dv.setUint32(params + 8, input.ifindex, true);
  a.set(src, params + 16);
  a.set(dst, params + 32);
}

const run = (flags = 0, plen = 64) => fibLookup.call(kernel.env, kernel.env.ctx, params, plen, flags);

/** As a tc program: the packet's own length counts when none is given. */
function asTc(): void {
  kernel.env.ctx = kernel.env.skbContexts.at(0);
}

const fd = (last: number) => [0xfd, ...new Array<number>(14).fill(0), last];

describe("arguments", () => {
  it.each([
    { why: "a struct that is too small", plen: 63, flags: 0, rc: -22 },
    { why: "an unknown flag", plen: 64, flags: 64, rc: -22 },
  ])("$why", ({ plen, flags, rc }) => {
    ask4();
    expect(run(flags, plen)).toBe(rc);
  });

  it("an unknown family is -EAFNOSUPPORT, an unknown interface -ENODEV", () => {
    ask4();
    u8()[params] = 7;
    expect(run()).toBe(-97);
    ask4();
    kernel.arena.dv.setUint32(params + 8, 99, true);
    expect(run()).toBe(-19);
  });

  it("reach the routes", () => {
    ask4();
    run();
    const q = fib.query;
    expect([q.family, q.iif, q.oif, q.table, q.tos, q.proto, q.sport, q.dport, q.mark]).toEqual([
      AF_INET,
      input.ifindex,
      0,
      0,
      0x10,
      17,
      4000,
      80,
      0,
    ]);
    expect([...q.src.subarray(0, 4), ...q.dst.subarray(0, 4)]).toEqual([10, 0, 0, 1, 10, 1, 0, 9]);
  });

  it.each([
    { why: "OUTPUT looks from the host itself", flags: OUTPUT, want: { iif: 1, table: 0, mark: 0 } },
    { why: "DIRECT looks in main", flags: DIRECT, want: { table: 254 } },
    { why: "TBID names the table", flags: DIRECT | TBID, want: { table: 100 } },
    { why: "TBID means nothing without DIRECT", flags: TBID, want: { table: 0 } },
    { why: "MARK", flags: MARK, want: { mark: 5 } },
    { why: "MARK means nothing with DIRECT", flags: MARK | DIRECT, want: { mark: 0 } },
  ])("$why", ({ flags, want }) => {
    ask4({ tbid: 100, mark: 5 });
    run(flags);
    expect(fib.query).toMatchObject(want);
    expect(fib.query.oif).toBe(flags === OUTPUT ? input.ifindex : 0);
  });
});

describe("answers", () => {
  it.each([
    { found: FIB_BLACKHOLE, rc: FIB_LKUP.BLACKHOLE },
    { found: FIB_UNREACHABLE, rc: FIB_LKUP.UNREACHABLE },
    { found: FIB_PROHIBIT, rc: FIB_LKUP.PROHIBIT },
    { found: FIB_NO_ROUTE, rc: FIB_LKUP.NOT_FWDED },
    { found: FIB_OTHER, rc: FIB_LKUP.NOT_FWDED },
  ])("route result $found is return code $rc and changes nothing", ({ found, rc }) => {
    fib.found = found;
    ask4();
    const before = bytes(0, 64);
    expect(run()).toBe(rc);
    expect(bytes(0, 64)).toEqual(before);
  });

  it("without forwarding", () => {
    fib.forwards = false;
    ask4();
    expect(run()).toBe(FIB_LKUP.FWD_DISABLED);
  });

  it("a destination on the link: device, metric, both MAC addresses, MTU", () => {
    ask4({ tbid: 77 });
    expect(run()).toBe(FIB_LKUP.SUCCESS);
    expect([u32(8), u32(12), u16(6)]).toEqual([out.ifindex, 42, 1500]);
    expect(bytes(32, 4)).toEqual([10, 1, 0, 9]);
    expect(bytes(48, 4)).toEqual([0, 0, 0, 0]);
    expect(bytes(52, 12)).toEqual([...out.mac, 2, 0, 0, 0, 0, 0x77]);
    expect(fib.asked).toEqual([AF_INET, [10, 1, 0, 9]]);
  });

  it("a gateway takes the destination's place", () => {
    fib.answer.gwFamily = AF_INET;
    fib.answer.gw.set([10, 2, 2, 2]);
    ask4();
    expect(run()).toBe(FIB_LKUP.SUCCESS);
    expect(bytes(32, 4)).toEqual([10, 2, 2, 2]);
    expect(fib.asked).toEqual([AF_INET, [10, 2, 2, 2]]);
  });

  it("an IPv6 gateway of an IPv4 route changes the family", () => {
    fib.answer.gwFamily = AF_INET6;
    fib.answer.gw.set(fd(1));
    ask4();
    expect(run()).toBe(FIB_LKUP.SUCCESS);
    expect([u8()[params], bytes(32, 16)]).toEqual([AF_INET6, fd(1)]);
    expect(fib.asked).toEqual([AF_INET6, fd(1)]);
  });

  it("without a neighbour: device and metric are there, the MAC addresses are not", () => {
    fib.neighbour = null;
    ask4();
    expect(run()).toBe(FIB_LKUP.NO_NEIGH);
    expect([u32(8), u32(12)]).toEqual([out.ifindex, 42]);
    expect(bytes(52, 12)).toEqual(new Array(12).fill(0));
  });

  it("SKIP_NEIGH asks no neighbour", () => {
    fib.neighbour = null;
    ask4();
    expect(run(SKIP_NEIGH)).toBe(FIB_LKUP.SUCCESS);
    expect(fib.asked).toEqual([0, []]);
    expect(bytes(52, 12)).toEqual(new Array(12).fill(0));
  });

  it("SRC gives the source address the host would take", () => {
    fib.answer.srcKnown = true;
    fib.answer.src.set([10, 1, 0, 1]);
    ask4();
    expect(run(SRC)).toBe(FIB_LKUP.SUCCESS);
    expect(bytes(16, 4)).toEqual([10, 1, 0, 1]);
  });

  it("SRC without an IPv6 source address", () => {
    ask6(fd(1), fd(2));
    expect(run(SRC)).toBe(FIB_LKUP.NO_SRC_ADDR);
  });

  it.each([
    { why: "multicast destination", src: fd(1), dst: [0xff, 2, ...new Array<number>(14).fill(0)] },
    { why: "link-local destination", src: fd(1), dst: [0xfe, 0x80, ...new Array<number>(13).fill(0), 1] },
    { why: "link-local source", src: [0xfe, 0xbf, ...new Array<number>(13).fill(0), 1], dst: fd(1) },
    { why: "loopback", src: fd(1), dst: [...new Array<number>(15).fill(0), 1] },
  ])("IPv6 $why is never forwarded", ({ src, dst }) => {
    ask6(src, dst);
    expect(run()).toBe(FIB_LKUP.NOT_FWDED);
  });
});

describe("MTU", () => {
  it.each([
    { totLen: 1500, rc: FIB_LKUP.SUCCESS },
    { totLen: 1501, rc: FIB_LKUP.FRAG_NEEDED },
  ])("tot_len $totLen against 1500", ({ totLen, rc }) => {
    for (const tc of [false, true]) {
      if (tc) asTc();
      ask4({ totLen });
      expect(run()).toBe(rc);
      expect(u16(6)).toBe(1500);
    }
  });

  it("a tc program without tot_len: the packet against the device's MTU and its VLAN header", () => {
    asTc();
    out.mtu = 82;
    ask4();
    expect(run()).toBe(FIB_LKUP.SUCCESS);
    expect(u16(6)).toBe(82);
    out.mtu = 81;
    ask4();
    expect(run()).toBe(FIB_LKUP.FRAG_NEEDED);
    expect(u16(6)).toBe(81);
  });
});
