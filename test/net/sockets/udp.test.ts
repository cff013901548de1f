import { describe, expect, it } from "vitest";
import { AF_INET, AF_INET6, type Family } from "../../../sim/net/ip/address.ts";
import { NetlinkError } from "../../../sim/net/netlink-error.ts";
import { openUdp, socketTables } from "../../../sim/net/sockets/index.ts";
import { crashHost } from "../../../sim/net/stack.ts";
import { counters, imbalance, ip, MS, pair, snmp } from "../ip/kit.ts";
import { drops, program, runFor } from "../kit.ts";

const ADDR: Readonly<Record<Family, readonly [string, string, string, string]>> = {
  [AF_INET]: ["10.0.0.1", "10.0.0.2", "0.0.0.0", "127.0.0.1"],
  [AF_INET6]: ["fd00::1", "fd00::2", "::", "::1"],
};

describe.each([AF_INET, AF_INET6] as const)("UDP, family %i", (family) => {
  const [one, two, any, lo] = ADDR[family];

  it("hands datagrams over at once, or queues them until they are read", () => {
    const { kernel, a, b } = pair();
    const queued = openUdp(b, family);
    queued.bind(ip(any), 7);
    let woken = 0;
    queued.onReadable = () => woken++;
    const c = openUdp(a, family);
    for (let i = 1; i <= 3; i++) expect(c.sendTo(new Uint8Array(i).fill(i), ip(two), 7)).toBe(0);
    runFor(kernel, MS);
    expect([woken, queued.readable]).toEqual([3, 3]);
    const skb = queued.receive()!;
    queued.describe(skb);
    expect([skb.len, kernel.arena.u8[skb.data], `${queued.from.address(family)}`]).toEqual([1, 1, one]);
    expect([queued.from.port, queued.from.ttl]).toEqual([c.localPort, 64]);
    queued.done(skb);
    expect(kernel.ledger.delivered).toBe(1);
    queued.close();
    expect(imbalance(kernel)).toBe(0);
    expect(kernel.pool.live).toBe(0);
  });

  it("works over the loopback, to any local address, checksums left to the device", () => {
    const { kernel, a } = pair();
    const s = openUdp(a, family);
    s.bind(ip(any), 7);
    const from: string[] = [];
    s.onPacket = (x) => from.push(`${x.from.address(family)}`);
    const c = openUdp(a, family);
    c.sendTo(new Uint8Array(10), ip(lo), 7);
    c.sendTo(new Uint8Array(10), ip(one), 7);
    runFor(kernel, MS);
    expect(from).toEqual([lo, one]);
    expect(a.devices[1]!.stats.rxPackets).toBe(2);
    expect(imbalance(kernel)).toBe(0);
  });

  it("a datagram longer than the MTU arrives whole", () => {
    const { kernel, a, b } = pair();
    const s = openUdp(b, family);
    s.bind(ip(two), 7);
    let sum = 0;
    s.onPacket = (_s, addr, len) => {
      for (let i = 0; i < len; i++) sum += kernel.arena.u8[addr + i]!;
    };
    expect(openUdp(a, family).sendTo(new Uint8Array(60000).fill(1), ip(two), 7)).toBe(0);
    runFor(kernel, MS);
    expect(sum).toBe(60000);
    expect(imbalance(kernel)).toBe(0);
  });

  it("the receive buffer holds 256 small datagrams, then they are dropped and counted", () => {
    const { kernel, a, b, db } = pair();
    const s = openUdp(b, family);
    s.bind(ip(any), 7);
    const c = openUdp(a, family);
    for (let i = 0; i < 300; i++) {
      c.sendTo(new Uint8Array(1), ip(two), 7);
      runFor(kernel, MS);
    }
    expect([s.readable, s.drops]).toEqual([256, 44]);
    expect(drops(db)).toEqual({ SKB_DROP_REASON_SOCKET_RCVBUFF: 44 });
    const n = counters(b);
    expect(family === AF_INET ? [n.UdpRcvbufErrors, n.UdpInErrors] : [n.Udp6RcvbufErrors, n.Udp6InErrors]).toEqual([
      44, 44,
    ]);
    s.setRcvBuf(1000);
    expect(s.memory.rcvBuf).toBe(2304);
  });

  it("a closed port is told to a connected socket", () => {
    const { kernel, a } = pair();
    const c = openUdp(a, family);
    c.connect(ip(two), 9);
    const errors: number[] = [];
    c.onError = (e) => errors.push(e);
    c.sendTo(new Uint8Array(1));
    runFor(kernel, MS);
    expect(errors).toEqual([111]);
  });

  it("the socket that says most about a datagram gets it", () => {
    const { kernel, a, b } = pair();
    const got: string[] = [];
    const open = (name: string, addr: string, peer: number): void => {
      const s = openUdp(b, family);
      s.bind(ip(addr), 7);
      if (peer !== 0) s.connect(ip(one), peer);
      s.onPacket = () => got.push(name);
    };
    open("bound", two, 0);
    const c = openUdp(a, family);
    c.bind(ip(any), 5000);
    c.sendTo(new Uint8Array(1), ip(two), 7);
    runFor(kernel, MS);
    expect(() => open("other", two, 0)).toThrow("Address already in use");
    expect(() => open("any", any, 0)).toThrow(NetlinkError);
    expect(got).toEqual(["bound"]);
  });

  it("addresses that are not ours cannot be bound, and free ports come from the range", () => {
    const { a } = pair();
    expect(() => openUdp(a, family).bind(ip(family === AF_INET ? "192.0.2.1" : "2001:db8::1"), 7)).toThrow(
      "Cannot assign requested address",
    );
    const ports = [1, 2, 3].map(() => {
      const s = openUdp(a, family);
      s.bind(ip(any), 0);
      return s.localPort;
    });
    expect(new Set(ports).size).toBe(3);
    for (const p of ports) expect(p >= 32768 && p <= 60999).toBe(true);
    expect(socketTables(a).udp.list()).toHaveLength(3);
  });

  it("where no route leads, the sender hears network unreachable", () => {
    const { kernel, a } = pair();
    expect(openUdp(a, family).sendTo(new Uint8Array(1), ip(family === AF_INET ? "192.0.2.1" : "2001:db8::1"), 7)).toBe(
      -101,
    );
    expect(imbalance(kernel)).toBe(0);
  });

  it("a socket filter sees the UDP header, and keeps, cuts or drops", () => {
    const { kernel, a, b, db } = pair();
    const s = openUdp(b, family);
    s.bind(ip(any), 7);
    const got: number[] = [];
    s.onPacket = (_s, _a, len) => got.push(len);
    const c = openUdp(a, family);
    const send = (filter: string | null): void => {
      s.filter = filter === null ? null : program(b, filter, { kind: "socket_filter" });
      c.sendTo(new Uint8Array(100), ip(two), 7);
      runFor(kernel, MS);
    };
    send(null);
    send("r0 = 20\nexit");
    send("r0 = 3\nexit");
    send("r0 = 0\nexit");
    // r0 = skb->len: the UDP header and what is behind it
    send("r0 = *(u32 *)(r1 + 0)\nexit");
    expect(got).toEqual([100, 12, 0, 100]);
    expect(drops(db)).toEqual({ SKB_DROP_REASON_SOCKET_FILTER: 1 });
  });
});

describe("UDP", () => {
  it("broadcasts need SO_BROADCAST and reach every socket of the port", () => {
    const { kernel, a, b } = pair();
    let got = 0;
    for (const addr of ["10.0.0.2", "10.0.0.255"]) {
      const s = openUdp(b, AF_INET);
      s.bind(ip(addr), 7);
      s.onPacket = () => got++;
    }
    const c = openUdp(a, AF_INET);
    expect(c.sendTo(new Uint8Array(1), ip("10.0.0.255"), 7)).toBe(-13);
    c.broadcast = true;
    expect(c.sendTo(new Uint8Array(1), ip("10.0.0.255"), 7)).toBe(0);
    runFor(kernel, MS);
    expect(got).toBe(1);
    expect(imbalance(kernel)).toBe(0);
  });

  it("the send buffer is free again when the packets have left the host", () => {
    const { kernel, a } = pair();
    const c = openUdp(a, AF_INET);
    for (let i = 0; i < 256; i++) expect(c.sendTo(new Uint8Array(1), ip("10.0.0.2"), 7)).toBe(0);
    expect(c.sendTo(new Uint8Array(1), ip("10.0.0.2"), 7)).toBe(-11);
    runFor(kernel, MS);
    expect(c.memory.wmem).toBe(0);
    expect(c.sendTo(new Uint8Array(1), ip("10.0.0.2"), 7)).toBe(0);
  });

  it("a crash closes the sockets and loses what they hold, and nothing is unaccounted for", () => {
    const { kernel, a, b } = pair();
    const s = openUdp(b, AF_INET);
    s.bind(ip("0.0.0.0"), 7);
    openUdp(a, AF_INET).sendTo(new Uint8Array(1), ip("10.0.0.2"), 7);
    openUdp(b, AF_INET).sendTo(new Uint8Array(1), ip("10.0.0.9"), 7);
    runFor(kernel, MS);
    crashHost(b);
    expect([s.closed, kernel.pool.live, imbalance(kernel)]).toEqual([true, 0, 0]);
    expect(s.begin(4)).toBeNull();
  });

  it("two runs of the same seed give the same ports, identifications and counters", () => {
    const run = (): string => {
      const { kernel, a, b } = pair(3);
      const c = openUdp(a, AF_INET);
      for (let i = 0; i < 5; i++) c.sendTo(new Uint8Array(1), ip("10.0.0.2"), 7);
      runFor(kernel, 100 * MS);
      return JSON.stringify([c.localPort, snmp(a), snmp(b)]);
    };
    expect(run()).toBe(run());
  });
});
