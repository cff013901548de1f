import { describe, expect, it } from "vitest";
import { LabError } from "../../sim/engine/errors.ts";
import { setUp } from "../../sim/net/devices/device.ts";
import { ANY4 } from "../../sim/net/ip/address.ts";
import { openUdp } from "../../sim/net/sockets/index.ts";
import { crashHost, restartHost } from "../../sim/net/stack.ts";
import { runFor } from "../net/kit.ts";
import { configure, finish, pair, start } from "./kit.ts";

describe("udp", () => {
  it("a link with a fixed delay: every datagram takes exactly the delay", () => {
    const p = pair({ there: { delayNs: 123_456 } });
    // the first one waits for ARP, which takes the way there and back
    start(p, "ping", { packets: 1 });
    const r = finish(p, start(p, "udp", { startNs: 1e6, packets: 1000 }), 1e8);
    expect(r).toMatchObject({ sent: 1000, received: 1000, lost: 0, inFlight: 0, duplicates: 0, reordered: 0 });
    expect(r).toMatchObject({ sentBytes: 64_000, receivedBytes: 64_000, receivers: [{ node: "h2", packets: 1000 }] });
    expect(r.latency).toEqual({
      count: 1000,
      minNs: 123_456,
      meanNs: 123_456,
      p50Ns: 123_456,
      p90Ns: 123_456,
      p99Ns: 123_456,
      maxNs: 123_456,
    });
  });

  it("a constant rate: packets stand at even gaps, the first at the start, and stop before the end", () => {
    const p = pair();
    const at: number[] = [];
    p.eth2.taps = [
      { onPacket: (skb, out) => void (!out && skb.protocol === 0x0800 && at.push(p.kernel.engine.nowNs)) },
    ];
    finish(p, start(p, "udp", { rate: { pps: 30_000 }, startNs: 1e6, stopNs: 2e6 }), 1e7);
    expect(at).toHaveLength(30);
    expect(at).toEqual(Array.from({ length: 30 }, (_, i) => Math.floor(1e6 + (i * 1e9) / 30_000)));
  });

  it("a bit rate counts payload", () => {
    const p = pair();
    // 1000 bytes every 8 us
    const r = finish(p, start(p, "udp", { rate: { bps: 1e9 }, sizeBytes: 1000, stopNs: 8_000_000 }), 1e8);
    expect(r.sent).toBe(1000);
  });

  it("a Poisson rate: gaps have the mean and the variance of exponential ones, the same for the same seed", () => {
    const gapsOf = (seed: number): number[] => {
      const p = pair({ seed });
      const at: number[] = [];
      p.eth2.taps = [
        { onPacket: (skb, out) => void (!out && skb.protocol === 0x0800 && at.push(p.kernel.engine.nowNs)) },
      ];
      finish(p, start(p, "udp", { rate: { pps: 1e5 }, poisson: true, packets: 20_000, stopNs: 1e10 }), 1e9);
      return at.slice(1).map((t, i) => t - at[i]!);
    };
    const gaps = gapsOf(7);
    const mean = gaps.reduce((a, b) => a + b) / gaps.length;
    const variance = gaps.reduce((a, b) => a + (b - mean) ** 2, 0) / gaps.length;
    expect(gaps).toHaveLength(19_999);
    // 20,000 draws: one standard deviation of the mean is 0.7 percent
    expect(Math.abs(mean / 10_000 - 1)).toBeLessThan(0.03);
    expect(Math.abs(Math.sqrt(variance) / mean - 1)).toBeLessThan(0.05);
    expect(gapsOf(7)).toEqual(gaps);
    expect(gapsOf(8)).not.toEqual(gaps);
  });

  it("a link that loses: what is lost equals what the link dropped", () => {
    const p = pair({ there: { loss: 0.1 } });
    const r = finish(p, start(p, "udp", { packets: 10_000 }), 1e9);
    expect(r.sent).toBe(10_000);
    expect(r.received + r.lost).toBe(10_000);
    expect(r.lost).toBe(p.kernel.ledger.dropped);
    expect(r.lost).toBeGreaterThan(900);
    expect(r.lost).toBeLessThan(1100);
  });

  it("packets that are still under way are in flight, not lost", () => {
    const p = pair({ there: { delayNs: 10_000 } });
    start(p, "ping", { packets: 1 });
    const live = start(p, "udp", { startNs: 1e6 });
    const r = finish(p, live, 1e6 + 100_500);
    // a packet a microsecond: 101 were sent, those of the last 10 us are on the wire
    expect(r).toMatchObject({ sent: 101, received: 91, inFlight: 10, lost: 0 });
    live.stop();
    expect(finish(p, live, 1e6)).toMatchObject({ sent: 101, received: 101, inFlight: 0, lost: 0 });
  });

  it.each([
    { why: "room for number and time", sizeBytes: 24, inFlight: 10, measured: true },
    { why: "room for a number only", sizeBytes: 12, inFlight: 10, measured: false },
    { why: "no room: what has not arrived counts as lost", sizeBytes: 11, inFlight: 0, measured: false },
  ])("a payload of $sizeBytes bytes has $why", ({ sizeBytes, inFlight, measured }) => {
    const p = pair({ there: { delayNs: 10_000 } });
    start(p, "ping", { packets: 1 });
    const r = finish(p, start(p, "udp", { startNs: 1e6, sizeBytes }), 1e6 + 100_500);
    expect(r).toMatchObject({ sent: 101, received: 91, inFlight, lost: 10 - inFlight });
    expect(r.latency !== null).toBe(measured);
  });

  it("a link that reorders: packets behind a later one of their flow are counted, per flow", () => {
    const run = (flows: number): number => {
      const p = pair({ there: { delayNs: 5000, jitterNs: 4000, reorder: true } });
      start(p, "ping", { packets: 1 });
      return finish(p, start(p, "udp", { startNs: 1e6, packets: 5000, flows }), 1e8).reordered;
    };
    const one = run(1);
    expect(one).toBeGreaterThan(1000);
    expect(run(16)).toBe(0);
    expect(run(4)).toBeLessThan(one);
  });

  it("a frame that arrives twice is a duplicate", () => {
    const p = pair();
    let copies = 0;
    p.eth2.taps = [
      {
        onPacket: (skb, out) => {
          if (out || skb.protocol !== 0x0800 || copies >= 5) return;
          copies++;
          const twin = p.kernel.pool.clone(skb, p.kernel.engine.nowNs)!;
          p.kernel.paths.netifRx(twin);
        },
      },
    ];
    const r = finish(p, start(p, "udp", { packets: 100 }), 1e7);
    expect(r).toMatchObject({ sent: 100, received: 100, duplicates: 5, lost: 0 });
  });

  it("flows: as many source ports, used in turn", () => {
    const p = pair();
    const ports: number[] = [];
    p.eth2.taps = [
      {
        onPacket: (skb, out) => {
          if (!out && skb.protocol === 0x0800) ports.push(p.kernel.arena.dv.getUint16(skb.networkHeader + 20));
        },
      },
    ];
    finish(p, start(p, "udp", { flows: 300, packets: 600 }), 1e7);
    expect(new Set(ports.slice(0, 300)).size).toBe(300);
    expect(ports.slice(300)).toEqual(ports.slice(0, 300));
  });

  it("several senders, addresses and receivers: each is counted", () => {
    const p = pair();
    configure(p.eth2, 3);
    const live = start(
      p,
      "udp",
      { packets: 100 },
      {
        from: [
          { host: p.h1, dev: null },
          { host: p.h2, dev: null },
        ],
        to: ["10.0.0.2", "10.0.0.3", "fd00::2"],
      },
    );
    expect(finish(p, live, 1e8)).toMatchObject({ sent: 200, received: 200, receivers: [{ node: "h2", packets: 200 }] });
  });

  it("two traffics share a port of the receiver, each gets its own", () => {
    const p = pair();
    const a = start(p, "udp", { name: "a", packets: 10 });
    const b = start(p, "udp", { name: "b", packets: 20 });
    runFor(p.kernel, 1e7);
    expect([a.result().received, b.result().received]).toEqual([10, 20]);
  });

  it("a port that another socket holds is refused by name", () => {
    const p = pair();
    openUdp(p.h2, ANY4.family).bind(ANY4, 9);
    expect(() => start(p, "udp")).toThrow(LabError);
    expect(() => start(p, "udp")).toThrow("traffic t: UDP port 9 of h2: Address already in use [PORT_TAKEN]");
  });

  it("no route: everything is lost and was dropped with its reason", () => {
    const p = pair();
    const r = finish(p, start(p, "udp", { packets: 50 }, { to: ["192.0.2.1"] }), 1e7);
    expect(r).toMatchObject({ sent: 50, received: 0, lost: 50, inFlight: 0 });
    expect(p.kernel.ledger.dropped).toBe(50);
  });

  it("the receiver crashes and comes back: it receives again; what came meanwhile is lost", () => {
    const p = pair();
    const live = start(p, "udp", { rate: { pps: 1e5 }, stopNs: 3e7 });
    runFor(p.kernel, 1e7);
    expect(live.result()).toMatchObject({ sent: 1001, received: 1001 });
    crashHost(p.h2);
    runFor(p.kernel, 1e7);
    restartHost(p.h2);
    setUp(p.eth2);
    configure(p.eth2, 2);
    live.restart(p.h2);
    const r = finish(p, live, 2e9);
    expect(r.received).toBeGreaterThan(1900);
    expect(r).toMatchObject({ sent: 3000, inFlight: 0 });
    expect(r.received + r.lost).toBe(3000);
  });

  it("the sender crashes and comes back: it sends again from then on", () => {
    const p = pair();
    const live = start(p, "udp", { rate: { pps: 1e5 }, stopNs: 3e7, flows: 3 });
    runFor(p.kernel, 1e7);
    crashHost(p.h1);
    runFor(p.kernel, 1e7);
    expect(live.result().sent).toBe(1001);
    restartHost(p.h1);
    setUp(p.eth1);
    configure(p.eth1, 1);
    runFor(p.kernel, 1e6);
    expect(live.result().sent).toBe(1001);
    live.restart(p.h1);
    const r = finish(p, live, 1e9);
    expect(r.sent).toBeGreaterThan(1800);
    expect(r.received).toBe(r.sent);
  });

  it("a CPU that costs time bounds the rate, and the sender neither starves nor runs ahead", () => {
    const p = pair({ idealCpu: false });
    const r = finish(p, start(p, "udp", { rate: { pps: 1e9 }, stopNs: 1e7 }), 1e8);
    // a send costs 720 ns: system call and transmit
    expect(r.sent).toBeGreaterThan(10_000);
    expect(r.sent).toBeLessThan(1e7 / 700);
    expect(r.received + r.lost).toBe(r.sent);
  });

  it("the same seed gives the same events, another traffic changes none of its gaps", () => {
    const run = (extra: boolean): { events: number; sent: number } => {
      const p = pair();
      if (extra) start(p, "udp", { name: "other", poisson: true, port: 10, packets: 500 });
      const live = start(p, "udp", { poisson: true, rate: { pps: 1e5 }, stopNs: 1e7 });
      const { sent } = finish(p, live, 1e8);
      return { events: p.kernel.engine.executed, sent };
    };
    expect(run(false)).toEqual(run(false));
    expect(run(true).sent).toBe(run(false).sent);
  });
});
