import { describe, expect, it } from "vitest";
import { setMtu } from "../../../sim/net/devices/device.ts";
import { AF_INET, AF_INET6, parseMac } from "../../../sim/net/ip/address.ts";
import { addRoute } from "../../../sim/net/ip/fib/route-control.ts";
import { ipStack } from "../../../sim/net/ip/ip-stack.ts";
import { setNeigh } from "../../../sim/net/ip/neigh/neigh-control.ts";
import { setSysctl } from "../../../sim/net/ip/sysctl-control.ts";
import { openPacket, openRaw, openUdp } from "../../../sim/net/sockets/index.ts";
import { addHost } from "../../../sim/net/stack.ts";
import { drops, runFor, testKernel, veth } from "../kit.ts";
import { address, counters, imbalance, ip, MS, prefix, route, S, snmp, trio } from "./kit.ts";

/** A UDP datagram in a frame with any source, checksum left out. */
function frame4(o: {
  src: string;
  dst: string;
  ttl?: number;
  id?: number;
  frag?: number;
  len?: number;
  mac: Uint8Array;
}): Uint8Array {
  const b = new Uint8Array(14 + 20 + 8 + (o.len ?? 4));
  const v = new DataView(b.buffer);
  b.set(o.mac);
  v.setUint16(12, 0x0800);
  v.setUint16(14, 0x4500);
  v.setUint16(16, b.length - 14);
  v.setUint16(18, o.id ?? 1);
  v.setUint16(20, o.frag ?? 0);
  v.setUint16(22, ((o.ttl ?? 64) << 8) | 17);
  v.setUint32(26, ip(o.src).a);
  v.setUint32(30, ip(o.dst).a);
  v.setUint16(34, 1000);
  v.setUint16(36, 9);
  v.setUint16(38, b.length - 34);
  let sum = 0;
  for (let i = 14; i < 34; i += 2) sum += v.getUint16(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  v.setUint16(24, ~sum & 0xffff);
  return b;
}

describe("forwarding", () => {
  it.each([
    ["10.0.2.2", "0.0.0.0"],
    ["2001:db8:2::2", "::"],
  ])("a datagram to %s crosses the router with one hop less, and so does the answer", (dst, any) => {
    const { kernel, h1, r, h2 } = trio();
    const family = ip(dst).family;
    const server = openUdp(h2, family);
    server.bind(ip(any), 7);
    const ttl: number[] = [];
    server.onPacket = (s, _a, len) => {
      ttl.push(s.from.ttl);
      s.sendTo(new Uint8Array(len), s.from.address(family), s.from.port);
    };
    const client = openUdp(h1, family);
    client.onPacket = (s, _a, len) => ttl.push(s.from.ttl, len);
    expect(client.sendTo(new Uint8Array(100), ip(dst), 7)).toBe(0);
    runFor(kernel, 10 * MS);
    expect(ttl).toEqual([63, 63, 100]);
    expect(snmp(r, /Forw/)).toEqual(family === AF_INET ? { IpForwDatagrams: 2 } : { Ip6OutForwDatagrams: 2 });
    expect(imbalance(kernel)).toBe(0);
  });

  it("a host that does not forward drops for IP_INADDRERRORS and says nothing", () => {
    const { kernel, h1, r, r0 } = trio();
    setSysctl(r, "net.ipv4.ip_forward", "0");
    openUdp(h1, AF_INET).sendTo(new Uint8Array(4), ip("10.0.2.2"), 7);
    runFor(kernel, 10 * MS);
    expect(drops(r0)).toEqual({ SKB_DROP_REASON_IP_INADDRERRORS: 1 });
    expect(snmp(r, /IpInAddrErrors|IcmpOut/)).toEqual({ IpInAddrErrors: 1 });
  });

  it.each([
    ["0", "10.0.2.99", {}],
    ["1", "10.0.2.99", { SKB_DROP_REASON_IP_RPFILTER: 1 }],
    ["2", "10.0.2.99", {}],
    ["1", "10.0.1.99", {}],
    ["1", "192.0.2.1", { SKB_DROP_REASON_IP_RPFILTER: 1 }],
    ["2", "192.0.2.1", { SKB_DROP_REASON_IP_RPFILTER: 1 }],
    ["0", "192.0.2.1", {}],
  ])("rp_filter %s with source %s", (mode, src, expected) => {
    const { kernel, d1, r, r0, h1, h2 } = trio();
    setSysctl(r, "net.ipv4.conf.eth0.rp_filter", mode);
    const s = openPacket(h1, { dev: d1, protocol: 0x88b5 });
    s.send(frame4({ src, dst: "10.0.2.2", mac: r0.mac }));
    runFor(kernel, 10 * MS);
    expect(drops(r0)).toEqual(expected);
    const filtered = Object.keys(expected).length;
    expect(counters(r).TcpExtIPReversePathFilter).toBe(filtered);
    expect(counters(h2).IpInReceives).toBe(1 - filtered);
  });

  it("errors to one destination: six at once, then one a second", () => {
    const { kernel, h1 } = trio();
    const seen: number[] = [];
    const raw = openRaw(h1, AF_INET, 1);
    raw.onPacket = () => seen.push(Math.round(kernel.engine.nowNs / MS));
    const s = openUdp(h1, AF_INET);
    for (let i = 0; i < 400; i++) {
      s.sendTo(new Uint8Array(4), ip("10.0.2.2"), 9);
      runFor(kernel, 10 * MS);
    }
    expect(seen.slice(0, 6).every((t) => t < 60)).toBe(true);
    expect(seen.slice(6).map((t) => Math.round(t / 1000))).toEqual([1, 2, 3]);
  });

  it("the path MTU is learned from the router's error, and the next datagram goes in fragments", () => {
    const { kernel, h1, r, h2, r1 } = trio();
    setMtu(r1, 1000);
    const got: number[] = [];
    const server = openUdp(h2, AF_INET);
    server.bind(ip("10.0.2.2"), 7);
    server.onPacket = (_s, _a, len) => got.push(len);
    const s = openUdp(h1, AF_INET);
    s.connect(ip("10.0.2.2"), 7);
    const errors: number[] = [];
    s.onError = (e) => errors.push(e);
    s.sendTo(new Uint8Array(1200));
    runFor(kernel, 10 * MS);
    expect([got, errors]).toEqual([[], [90]]);
    s.sendTo(new Uint8Array(1200));
    runFor(kernel, 10 * MS);
    expect(got).toEqual([1200]);
    expect(snmp(h1, /Frag/)).toEqual({ IpFragOKs: 1, IpFragCreates: 2 });
    expect(snmp(h2, /Reasm/)).toEqual({ IpReasmReqds: 2, IpReasmOKs: 1 });
    expect(snmp(r, /Frag/)).toEqual({ IpFragFails: 1 });
    runFor(kernel, 601 * S);
    s.sendTo(new Uint8Array(1200));
    runFor(kernel, 10 * MS);
    expect(errors).toEqual([90, 90]);
    expect(imbalance(kernel)).toBe(0);
  });

  it("the same for IPv6 by packet too big; the source fragments, routers never", () => {
    const { kernel, h1, h2, r1 } = trio();
    setMtu(r1, 1300);
    const got: number[] = [];
    const server = openUdp(h2, AF_INET6);
    server.bind(ip("::"), 7);
    server.onPacket = (_s, _a, len) => got.push(len);
    const s = openUdp(h1, AF_INET6);
    for (let i = 0; i < 2; i++) {
      s.sendTo(new Uint8Array(1400), ip("2001:db8:2::2"), 7);
      runFor(kernel, 10 * MS);
    }
    expect(got).toEqual([1400]);
    expect(snmp(h1, /Ip6Frag|Ip6Reasm|Icmp6InPkt/)).toEqual({ Ip6FragOKs: 1, Ip6FragCreates: 2, Icmp6InPktTooBigs: 1 });
    expect(snmp(h2, /Ip6Reasm/)).toEqual({ Ip6ReasmReqds: 2, Ip6ReasmOKs: 1 });
    expect(imbalance(kernel)).toBe(0);
  });
});

describe("reassembly", () => {
  it("a datagram that stays incomplete is dropped after 30 s and its sender told", () => {
    const { kernel, d1, h1, r, r0 } = trio();
    const s = openPacket(h1, { dev: d1, protocol: 0x88b5 });
    const seen: number[] = [];
    const raw = openRaw(h1, AF_INET, 1);
    raw.onPacket = (_s, addr) => seen.push(kernel.arena.dv.getUint16(addr + 20));
    s.send(frame4({ src: "10.0.1.2", dst: "10.0.1.1", mac: r0.mac, frag: 0x2000 }).slice(0, 14 + 28));
    s.send(frame4({ src: "10.0.1.2", dst: "10.0.1.1", mac: r0.mac, frag: 0x2000, len: 8 }));
    runFor(kernel, 29 * S);
    expect(seen).toEqual([]);
    runFor(kernel, 2 * S);
    expect(seen).toEqual([0x0b01]);
    expect(snmp(r, /Reasm/)).toEqual({ IpReasmTimeout: 1, IpReasmReqds: 1, IpReasmFails: 1 });
    expect(drops(r0)).toEqual({ SKB_DROP_REASON_FRAG_REASM_TIMEOUT: 1, SKB_DROP_REASON_PKT_TOO_SMALL: 1 });
    expect(imbalance(kernel)).toBe(0);
  });

  it("duplicates are dropped, overlaps kill the datagram", () => {
    const { kernel, d1, h1, r, r0 } = trio();
    const s = openPacket(h1, { dev: d1, protocol: 0x88b5 });
    const f = (frag: number, id: number): number =>
      s.send(frame4({ src: "10.0.1.2", dst: "10.0.1.1", mac: r0.mac, frag, id, len: 24 }));
    f(0x2000, 1);
    f(0x2000, 1);
    f(0x2000, 2);
    f(0x2002, 2);
    runFor(kernel, 10 * MS);
    expect(drops(r0)).toEqual({ SKB_DROP_REASON_DUP_FRAG: 3 });
    expect(counters(r).IpReasmFails).toBe(2);
    expect(ipStack(r).frags4.queues.size).toBe(1);
    expect(imbalance(kernel)).toBe(0);
  });
});

describe("multipath", () => {
  /** r with three next hops of weights 2, 1, 1; counts what each gets. */
  function spread(policy: string, send: (i: number) => { src: string; sport: number }): number[] {
    const kernel = testKernel(7);
    const h = addHost(kernel, "h");
    const r = addHost(kernel, "r");
    const [hd, rd] = veth(h, "eth0", r, "in");
    address(rd, "10.0.0.1/24");
    setSysctl(r, "net.ipv4.ip_forward", "1");
    setSysctl(r, "net.ipv4.fib_multipath_hash_policy", policy);
    const devs = [0, 1, 2].map((i) => {
      const [d] = veth(r, `out${i}`, h, `x${i}`);
      address(d, `10.1.${i}.1/24`);
      setNeigh(d, { addr: ip(`10.1.${i}.2`), mac: parseMac("02:00:00:00:0a:0a")! }, "add");
      return d;
    });
    addRoute(r, {
      dst: prefix("10.9.0.0/16"),
      nexthops: [0, 1, 2].map((i) => ({ via: ip(`10.1.${i}.2`), weight: i === 0 ? 2 : 1 })),
    });
    const before = devs.map((d) => d.stats.txPackets);
    const s = openPacket(h, { dev: hd, protocol: 0x88b5 });
    for (let i = 0; i < 4000; i++) {
      const { src, sport } = send(i);
      const f = frame4({ src, dst: "10.9.0.1", mac: rd.mac });
      new DataView(f.buffer).setUint16(34, sport);
      s.send(f);
      if (i % 50 === 0) runFor(kernel, MS);
    }
    runFor(kernel, MS);
    return devs.map((d, i) => d.stats.txPackets - before[i]!);
  }

  it("policy 0: flows are spread by addresses in proportion to the weights", () => {
    const n = spread("0", (i) => ({ src: `10.2.${i >> 8}.${i & 255}`, sport: 1000 }));
    expect(n[0]! + n[1]! + n[2]!).toBe(4000);
    expect(Math.abs(n[0]! - 2000)).toBeLessThan(150);
    expect(Math.abs(n[1]! - 1000)).toBeLessThan(120);
  });

  it("policy 0: ports do not count, all go one way", () => {
    const n = spread("0", (i) => ({ src: "10.2.0.1", sport: i + 1 }));
    expect([...n].sort((x, y) => x - y)).toEqual([0, 0, 4000]);
  });

  it("policy 1: ports count", () => {
    const n = spread("1", (i) => ({ src: "10.2.0.1", sport: i + 1 }));
    expect(Math.abs(n[0]! - 2000)).toBeLessThan(150);
    expect(Math.abs(n[2]! - 1000)).toBeLessThan(120);
  });

  it("a default route reaches what nothing else does", () => {
    const { kernel, h1, h2 } = trio();
    route(h2, "192.0.2.0/24", "10.0.2.1");
    expect(openUdp(h1, AF_INET).sendTo(new Uint8Array(1), ip("10.0.2.2"), 9)).toBe(0);
    runFor(kernel, 10 * MS);
    expect(counters(h2).UdpNoPorts).toBe(1);
  });
});
