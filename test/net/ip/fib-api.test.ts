import { describe, expect, it } from "vitest";
import {
  FIB_BLACKHOLE,
  FIB_NO_ROUTE,
  FIB_OTHER,
  FIB_PROHIBIT,
  FIB_UNICAST,
  FIB_UNREACHABLE,
  type FibApi,
} from "../../../sim/net/fib-api.ts";
import { AF_INET, AF_INET6 } from "../../../sim/net/ip/address.ts";
import { addRoute } from "../../../sim/net/ip/fib/route-control.ts";
import { RTN_BLACKHOLE, RTN_PROHIBIT, RTN_UNREACHABLE } from "../../../sim/net/ip/fib/rtm.ts";
import { delNeigh } from "../../../sim/net/ip/neigh/neigh-control.ts";
import { packet, runFor, Tap } from "../kit.ts";
import { hex, imbalance, ip, MS, permanent, prefix, type Trio, trio } from "./kit.ts";

function put(to: Uint8Array, text: string): void {
  const x = ip(text);
  const v = new DataView(to.buffer);
  [x.a, x.b, x.c, x.d].forEach((w, i) => {
    v.setUint32(4 * i, w);
  });
}

function world(): Trio & { api: FibApi } {
  const w = trio();
  return { ...w, api: w.kernel.env.fib! };
}

function ask(w: { api: FibApi; r: Trio["r"] }, dst: string, src: string, table: number = 0): number {
  const q = w.api.query;
  q.family = ip(dst).family;
  q.oif = 0;
  q.table = table;
  put(q.dst, dst);
  put(q.src, src);
  return w.api.lookup(w.r);
}

describe("what BPF helpers ask of the routing tables", () => {
  it.each([
    ["10.0.2.9", FIB_UNICAST],
    ["10.0.2.1", FIB_OTHER],
    ["10.0.2.255", FIB_OTHER],
    ["192.0.2.1", FIB_NO_ROUTE],
    ["10.99.1.1", FIB_BLACKHOLE],
    ["10.99.2.1", FIB_UNREACHABLE],
    ["10.99.3.1", FIB_PROHIBIT],
    ["2001:db8:2::9", FIB_UNICAST],
    ["2001:db8:2::1", FIB_OTHER],
    ["2001:db8:77::1", FIB_NO_ROUTE],
  ])("%s answers %i", (dst, rc) => {
    const w = world();
    [RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT].forEach((type, i) => {
      addRoute(w.r, { dst: prefix(`10.99.${i + 1}.0/24`), type });
    });
    expect(ask(w, dst, dst.includes(":") ? "2001:db8:1::2" : "10.0.1.2")).toBe(rc);
    if (rc === FIB_UNICAST) {
      expect([w.api.answer.dev?.name, w.api.answer.gwFamily, w.api.answer.mtu]).toEqual(["eth1", 0, 1500]);
    }
  });

  it("a gateway, the route's metric and MTU and the source address are told", () => {
    const w = world();
    addRoute(w.r, {
      dst: prefix("192.0.2.0/24"),
      metric: 7,
      mtu: 1400,
      mtuLocked: true,
      nexthops: [{ via: ip("10.0.2.2") }],
    });
    expect(ask(w, "192.0.2.1", "10.0.1.2")).toBe(FIB_UNICAST);
    const a = w.api.answer;
    expect([a.gwFamily, hex(a.gw.slice(0, 4)), a.metric, a.mtu]).toEqual([AF_INET, "0a000202", 7, 1400]);
    expect([a.srcKnown, hex(a.src.slice(0, 4))]).toEqual([true, "0a000201"]);
  });

  it("a table of its own is searched when asked for by number", () => {
    const w = world();
    addRoute(w.r, { dst: prefix("192.0.2.0/24"), table: 100, nexthops: [{ via: ip("10.0.2.2") }] });
    expect(ask(w, "192.0.2.1", "10.0.1.2")).toBe(FIB_NO_ROUTE);
    expect(ask(w, "192.0.2.1", "10.0.1.2", 100)).toBe(FIB_UNICAST);
    expect(ask(w, "192.0.2.1", "10.0.1.2", 101)).toBe(FIB_NO_ROUTE);
  });

  it("multipath spreads flows by the same hash as forwarding does", () => {
    const w = world();
    addRoute(w.r, { dst: prefix("192.0.2.0/24"), nexthops: [{ via: ip("10.0.2.2") }, { via: ip("10.0.2.3") }] });
    const seen = new Map<string, number>();
    for (let i = 0; i < 400; i++) {
      ask(w, "192.0.2.1", `10.0.${i >> 8}.${i & 255}`);
      const gw = hex(w.api.answer.gw.slice(0, 4));
      seen.set(gw, (seen.get(gw) ?? 0) + 1);
    }
    expect([...seen.keys()].sort()).toEqual(["0a000202", "0a000203"]);
    for (const n of seen.values()) expect(n).toBeGreaterThan(140);
  });

  it("neighbours are looked up without being asked for, and packets are put out by them", () => {
    const w = world();
    const addr = new Uint8Array(16);
    const mac = new Uint8Array(6);
    put(addr, "10.0.2.2");
    expect(w.api.neighMac(w.r1, AF_INET, addr, mac)).toBe(false);
    permanent(w.r1, "10.0.2.2", "02:00:00:00:0b:0b");
    expect(w.api.neighMac(w.r1, AF_INET, addr, mac)).toBe(true);
    expect(hex(mac)).toBe("020000000b0b");
    const tap = new Tap(w.d2);
    const bytes = new Uint8Array(40);
    bytes[0] = 0x45;
    const skb = packet(w.r1, bytes);
    skb.protocol = 0x0800;
    expect(w.api.neighOutput(w.r1, AF_INET, addr, skb)).toBe(0);
    runFor(w.kernel, MS);
    expect(hex(tap.frames[0]!.bytes.slice(0, 6))).toBe("020000000b0b");
    delNeigh(w.r1, ip("10.0.2.2"));
    expect(w.api.neighMac(w.r1, AF_INET, addr, mac)).toBe(false);
    expect(imbalance(w.kernel)).toBe(0);
  });

  it("the output side's next hop is the gateway, or the destination on the link", () => {
    const w = world();
    const bytes = new Uint8Array(40);
    bytes[0] = 0x45;
    bytes.set([10, 0, 2, 2], 16);
    expect(w.api.outputNextHop(w.r1, packet(w.r1, bytes))).toBe(AF_INET);
    expect(hex(w.api.answer.gw.slice(0, 4))).toBe("0a000202");
    const h1 = packet(w.d1, bytes);
    expect(w.api.outputNextHop(w.d1, h1)).toBe(AF_INET);
    expect(hex(w.api.answer.gw.slice(0, 4))).toBe("0a000101");
    const six = new Uint8Array(40);
    six[0] = 0x60;
    six.set([0x20, 0x01, 0x0d, 0xb8, 0, 2], 24);
    six[39] = 2;
    expect(w.api.outputNextHop(w.d1, packet(w.d1, six))).toBe(AF_INET6);
    expect(hex(w.api.answer.gw)).toBe("20010db8000100000000000000000001");
    expect([w.api.forwarding(w.r0, AF_INET), w.api.forwarding(w.d1, AF_INET)]).toEqual([true, false]);
  });
});
