import { describe, expect, it } from "vitest";
import { COST_NS } from "../../../sim/net/cost.ts";
import { setDown, setMtu, setUp } from "../../../sim/net/devices/device.ts";
import { connectNics, createNic, setLinkUp } from "../../../sim/net/devices/nic.ts";
import { rssHash, toeplitz } from "../../../sim/net/devices/rss.ts";
import { addHost, crashHost, restartHost } from "../../../sim/net/stack.ts";
import { attachXdp } from "../../../sim/net/xdp/attach.ts";
import {
  cable,
  counters,
  drops,
  ethtool,
  frame,
  imbalance,
  redirecting,
  returning,
  runFor,
  send,
  Tap,
  testKernel,
} from "../kit.ts";

/** An IPv4 UDP frame. */
function udp(
  src: readonly number[],
  dst: readonly number[],
  sport: number,
  dport: number,
  proto: number = 17,
): Uint8Array {
  const f = frame(60, 0x0800);
  f.set([0x45, 0, 0, 46, 0, 0, 0, 0, 64, proto, 0, 0, ...src, ...dst], 14);
  f.set([sport >>> 8, sport & 255, dport >>> 8, dport & 255, 0, 26, 0, 0], 34);
  return f;
}

describe("RSS", () => {
  // Microsoft, "Verifying the RSS Hash Calculation"
  it.each([
    { src: [66, 9, 149, 187], sport: 2794, dst: [161, 142, 100, 80], dport: 1766, four: 0x51ccc178, two: 0x323e8fc2 },
    { src: [199, 92, 111, 2], sport: 14230, dst: [65, 69, 140, 83], dport: 4739, four: 0xc626b0ea, two: 0xd718262a },
    { src: [24, 19, 198, 95], sport: 12898, dst: [12, 22, 207, 184], dport: 38024, four: 0x5c2b394a, two: 0xd2d0a5de },
    { src: [38, 27, 205, 30], sport: 48228, dst: [209, 142, 163, 6], dport: 2217, four: 0xafc7327f, two: 0x82989176 },
    { src: [153, 39, 163, 191], sport: 44251, dst: [202, 188, 127, 2], dport: 1303, four: 0x10e828a2, two: 0x5d1809c5 },
  ])("$src:$sport to $dst:$dport", ({ src, sport, dst, dport, four, two }) => {
    expect(rssHash(udp(src, dst, sport, dport), 0, 60)).toBe(four);
    expect(rssHash(udp(src, dst, sport, dport, 6), 0, 60)).toBe(four);
    expect(rssHash(udp(src, dst, sport, dport, 1), 0, 60)).toBe(two);
    const fragment = udp(src, dst, sport, dport);
    fragment[20] = 0x20;
    expect(rssHash(fragment, 0, 60)).toBe(two);
  });

  it("IPv6: the first of Microsoft's test vectors", () => {
    // 3ffe:2501:200:1fff::7 port 2794 to 3ffe:2501:200:3::1 port 1766
    const input = new Uint8Array(36);
    input.set([0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x1f, 0xff], 0);
    input[15] = 7;
    input.set([0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x00, 0x03], 16);
    input[31] = 1;
    input.set([2794 >>> 8, 2794 & 255, 1766 >>> 8, 1766 & 255], 32);
    expect(toeplitz(input, 0, 32)).toBe(0x2cc18cd5);
    expect(toeplitz(input, 0, 36)).toBe(0x40207d3d);
    const f = frame(60 + 20, 0x86dd);
    f.set([0x60, 0, 0, 0, 0, 26, 17, 64], 14);
    f.set(input, 22);
    expect(rssHash(f, 0, f.length)).toBe(0x40207d3d);
  });

  it("what is no IP has no hash", () => {
    expect(rssHash(frame(), 0, 60)).toBe(0);
  });

  it("flows spread over the queues and each stays on one; a queue's CPU is its index modulo the CPUs", () => {
    const kernel = testKernel();
    const rx = addHost(kernel, "rx", { cpus: 2 });
    const link = cable(addHost(kernel, "tx"), "eth0", rx, "eth0", { rxQueues: 4 });
    expect(link.b.napis.map((n) => n.cpu.index)).toEqual([0, 1, 0, 1]);
    const queues = new Map<number, Set<number>>();
    link.b.taps = [
      {
        onPacket(skb): void {
          const port = kernel.arena.dv.getUint16(skb.data + 34);
          queues.set(port, (queues.get(port) ?? new Set()).add(skb.queueMapping));
        },
      },
    ];
    for (let i = 0; i < 200; i++) send(link.a, udp([10, 0, 0, 1], [10, 0, 0, 2], 1000 + (i % 50), 80));
    runFor(kernel, 1000);
    expect([...queues.values()].every((s) => s.size === 1)).toBe(true);
    expect(new Set([...queues.values()].map((s) => [...s][0])).size).toBe(4);
  });
});

describe("NIC", () => {
  it("what one sends the other receives", () => {
    const kernel = testKernel();
    const link = cable(addHost(kernel, "a"), "eth0", addHost(kernel, "b"), "eth0");
    const tap = new Tap(link.b);
    expect(send(link.a)).toBe(0);
    runFor(kernel, 1);
    expect(tap.frames.map((f) => f.bytes)).toEqual([frame()]);
    expect(counters(link.a)).toEqual({ txPackets: 1, txBytes: 60 });
    expect(counters(link.b)).toEqual({ rxPackets: 1, rxBytes: 60 });
  });

  it("a full receive ring drops, counted as missed and out of buffer", () => {
    const kernel = testKernel(1, false);
    const link = cable(addHost(kernel, "a"), "eth0", addHost(kernel, "b"), "eth0", { rxRing: 4 });
    for (let i = 0; i < 10; i++) send(link.a);
    expect(drops(link.b)).toEqual({ RX_RING_FULL: 6 });
    expect(counters(link.b)).toMatchObject({ rxMissed: 6 });
    expect(ethtool(link.b)).toMatchObject({ rx_out_of_buffer: 6 });
    runFor(kernel, 1_000_000);
    expect(counters(link.b)).toMatchObject({ rxPackets: 4 });
    expect(imbalance(kernel)).toBe(0);
  });

  it("a CPU that costs time bounds the rate: an overload drops in the ring", () => {
    const kernel = testKernel(1, false);
    const b = addHost(kernel, "b");
    const link = cable(addHost(kernel, "a"), "eth0", b, "eth0");
    attachXdp(link.b, returning(b, 1));
    // 50 million frames a second for a millisecond
    for (let i = 0; i < 50_000; i++) {
      send(link.a);
      kernel.engine.run((i + 1) * 20, 1000);
    }
    const done = link.b.xdp!.verdicts.drop;
    // driver and a program of two instructions
    const perPacket = COST_NS.driverRx + 2 * 0.54;
    expect(done).toBeGreaterThan(1_000_000 / (perPacket + 2));
    expect(done).toBeLessThan(1_000_000 / (perPacket - 2));
    runFor(kernel, 1_000_000);
    expect(drops(link.b)).toMatchObject({ RX_RING_FULL: 50_000 - link.b.xdp!.verdicts.drop });
    expect(imbalance(kernel)).toBe(0);
  });

  it("a packet's latency holds what the CPUs before it took", () => {
    const kernel = testKernel(1, false);
    const b = addHost(kernel, "b");
    const first = cable(addHost(kernel, "a"), "eth0", b, "eth0");
    const second = cable(b, "eth1", addHost(kernel, "c"), "eth0");
    attachXdp(first.b, redirecting(b, second.a.ifindex));
    const tap = new Tap(second.b);
    send(first.a);
    runFor(kernel, 100_000);
    const onTheWay = COST_NS.driverRx + COST_NS.xdpRedirect;
    const at = tap.frames[0]!.atNs;
    // the program itself takes some ns more
    expect(at).toBeGreaterThan(onTheWay);
    expect(at).toBeLessThan(onTheWay + 50);
  });

  it("XDP_TX goes back the way it came, PASS goes up, and the counters say so", () => {
    const kernel = testKernel();
    const b = addHost(kernel, "b");
    const link = cable(addHost(kernel, "a"), "eth0", b, "eth0");
    attachXdp(link.b, returning(b, 3));
    const tap = new Tap(link.a);
    for (let i = 0; i < 3; i++) send(link.a);
    runFor(kernel, 1000);
    expect(tap.count(false)).toBe(3);
    expect(ethtool(link.b)).toMatchObject({ rx_xdp_tx_xmit: 3, rx_packets: 3, tx_packets: 3 });
    expect(imbalance(kernel)).toBe(0);
  });

  it("on a slow wire the qdisc holds the backlog, not the card, and all is sent in order", () => {
    const kernel = testKernel();
    const link = cable(addHost(kernel, "a"), "eth0", addHost(kernel, "b"), "eth0");
    link.wires[0].configure({ rateBps: 10_000_000 });
    const tap = new Tap(link.b);
    for (let i = 0; i < 100; i++) {
      const f = frame(1514);
      f[20] = i;
      send(link.a, f);
    }
    expect(link.wires[0].inFlight).toBe(2);
    expect(link.a.txQueues[0]!.qdisc!.stats.qlen).toBe(98);
    runFor(kernel, 1e9);
    expect(tap.frames.map((f) => f.bytes[20])).toEqual([...Array(100).keys()]);
    // back to back at the wire's rate
    expect(tap.frames.at(-1)!.atNs).toBe(100 * 1_230_400);
    expect(imbalance(kernel)).toBe(0);
  });

  it("XDP_TX into a slow wire fills its ring and drops", () => {
    const kernel = testKernel();
    const b = addHost(kernel, "b");
    const link = cable(addHost(kernel, "a"), "eth0", b, "eth0", { txRing: 8 });
    link.wires[1].configure({ rateBps: 1_000_000 });
    attachXdp(link.b, returning(b, 3));
    for (let i = 0; i < 20; i++) send(link.a);
    runFor(kernel, 1000);
    expect(ethtool(link.b)).toMatchObject({ rx_xdp_tx_xmit: 8, rx_xdp_tx_full: 12 });
    expect(drops(link.b)).toEqual({ XDP_TX_ERROR: 12 });
    runFor(kernel, 1e9);
    expect(counters(link.a)).toMatchObject({ rxPackets: 8 });
    expect(imbalance(kernel)).toBe(0);
  });

  it("a frame larger than the receiver's MTU is dropped there", () => {
    const kernel = testKernel();
    const link = cable(addHost(kernel, "a"), "eth0", addHost(kernel, "b"), "eth0");
    setMtu(link.a, 9000);
    send(link.a, frame(9014));
    runFor(kernel, 1000);
    expect(drops(link.b)).toEqual({ LINK_MTU: 1 });
    expect(counters(link.b)).toEqual({ rxErrors: 1 });
  });

  it("without XDP frags the MTU is bounded to a page", () => {
    const kernel = testKernel();
    const b = addHost(kernel, "b");
    const link = cable(addHost(kernel, "a"), "eth0", b, "eth0");
    setMtu(link.b, 9000);
    expect(() => attachXdp(link.b, returning(b, 2))).toThrow("MTU is too large to set XDP");
    setMtu(link.b, 1500);
    attachXdp(link.b, returning(b, 2));
    expect(() => setMtu(link.b, 9000)).toThrow("mtu greater than device maximum");
  });

  it("a VLAN tag beside the packet is put into the frame", () => {
    const kernel = testKernel();
    const link = cable(addHost(kernel, "a"), "eth0", addHost(kernel, "b"), "eth0");
    const seen: number[][] = [];
    kernel.tp.wireRx.subscribe((skb) => seen.push([...kernel.arena.u8.slice(skb.data + 6, skb.data + 18)]));
    const skb = kernel.allocSkb(60)!;
    kernel.arena.u8.set(frame(60, 0x0800), skb.data);
    skb.dev = link.a;
    skb.vlanPresent = true;
    skb.vlanProto = 0x8100;
    skb.vlanTci = 0x2005;
    kernel.paths.devQueueXmit(skb);
    expect(seen).toEqual([[2, 0, 0, 0, 0, 1, 0x81, 0, 0x20, 5, 8, 0]]);
    expect(counters(link.a)).toEqual({ txPackets: 1, txBytes: 64 });
  });
});

describe("carrier of a cable", () => {
  it("is there only while both ends are up and the cable is whole", () => {
    const kernel = testKernel();
    const a = createNic(addHost(kernel, "a"), { name: "eth0" });
    const b = createNic(addHost(kernel, "b"), { name: "eth0" });
    const states: boolean[][] = [];
    const note = (): number => states.push([a.carrier, b.carrier]);
    setUp(a);
    note();
    const link = connectNics(a, b);
    note();
    setUp(b);
    note();
    setLinkUp(link, false);
    note();
    setLinkUp(link, true);
    note();
    setDown(a);
    note();
    expect(states).toEqual([
      [false, false],
      [false, false],
      [true, true],
      [false, false],
      [true, true],
      [false, false],
    ]);
  });

  it("without carrier a packet is dropped and the sender sees congestion, as on Linux", () => {
    const kernel = testKernel();
    const link = cable(addHost(kernel, "a"), "eth0", addHost(kernel, "b"), "eth0");
    setDown(link.b);
    expect(send(link.a)).toBe(2);
    expect(counters(link.a)).toEqual({ txDropped: 1 });
    expect(drops(link.a)).toEqual({ LINK_DOWN: 1 });
  });

  it("frames under way are lost when the receiving host crashes; after its restart the cable works again", () => {
    const kernel = testKernel();
    const b = addHost(kernel, "b");
    const link = cable(addHost(kernel, "a"), "eth0", b, "eth0");
    link.wires[0].configure({ delayNs: 1000 });
    attachXdp(link.b, returning(b, 1));
    for (let i = 0; i < 3; i++) send(link.a);
    crashHost(b);
    runFor(kernel, 2000);
    expect(drops(link.b)).toEqual({ HOST_DOWN: 3 });
    expect([link.a.carrier, link.b.up, link.b.xdp]).toEqual([false, false, null]);
    expect(() => setUp(link.b)).toThrow("Network is down");
    restartHost(b);
    setUp(link.b);
    send(link.a);
    runFor(kernel, 2000);
    expect(counters(link.b)).toMatchObject({ rxPackets: 1 });
    expect(imbalance(kernel)).toBe(0);
  });
});
