import { describe, expect, it } from "vitest";
import { setUp } from "../../sim/net/devices/device.ts";
import { crashHost, restartHost } from "../../sim/net/stack.ts";
import { runFor } from "../net/kit.ts";
import { configure, finish, pair, start } from "./kit.ts";

describe("udp-rr", () => {
  it.each(["10.0.0.2", "fd00::2"])("closed loop to %s: one request per round trip, each answered", (to) => {
    const p = pair({ there: { delayNs: 30_000 }, back: { delayNs: 20_000 } });
    start(p, "ping", { packets: 1 }, { to: [to] });
    const live = start(p, "udp-rr", { startNs: 1e6, stopNs: 1e6 + 51_000 * 100, responseBytes: 200 }, { to: [to] });
    const r = finish(p, live, 1e8);
    // the round trip is 50 us, and an ideal CPU turns around in 1 us
    expect(r).toMatchObject({ sent: 100, received: 100, lost: 0, inFlight: 0, sentBytes: 6400, receivedBytes: 20_000 });
    expect(r.latency).toMatchObject({ minNs: 50_000, maxNs: 50_000 });
    expect(r.receivers).toEqual([{ node: "h2", packets: 100 }]);
  });

  it("several outstanding: as many requests per round trip", () => {
    const p = pair({ there: { delayNs: 30_000 }, back: { delayNs: 20_000 } });
    start(p, "ping", { packets: 1 });
    const live = start(p, "udp-rr", { startNs: 1e6, stopNs: 1e6 + 51_000 * 100, outstanding: 8, flows: 3 });
    runFor(p.kernel, 1e6 + 10_000);
    expect(live.result()).toMatchObject({ sent: 8, received: 0, lost: 0, inFlight: 8 });
    expect(finish(p, live, 1e8)).toMatchObject({ sent: 800, received: 800, lost: 0, inFlight: 0, reordered: 0 });
  });

  it("a packet limit bounds the requests of a sender", () => {
    const p = pair();
    expect(finish(p, start(p, "udp-rr", { packets: 7, outstanding: 3 }), 1e8)).toMatchObject({ sent: 7, received: 7 });
  });

  it("open loop: requests go at their times, whatever comes back", () => {
    const p = pair({ there: { loss: 1 } });
    const live = start(p, "udp-rr", { rate: { pps: 10_000 }, stopNs: 1e7, timeoutNs: 5e6 });
    expect(finish(p, live, 1e7)).toMatchObject({ sent: 100, received: 0, lost: 51, inFlight: 49 });
    expect(finish(p, live, 1e8)).toMatchObject({ sent: 100, lost: 100, inFlight: 0 });
  });

  it("closed loop on a lossy link: a lost request costs its timeout and no more", () => {
    const p = pair({ there: { loss: 0.1 } });
    const r = finish(p, start(p, "udp-rr", { timeoutNs: 1e5, stopNs: 1e8, packets: 2000 }), 1e9);
    expect(r.sent).toBe(2000);
    expect(r.lost).toBeGreaterThan(100);
    expect(r.received + r.lost).toBe(2000);
  });

  it("an answer after its timeout is lost, not received", () => {
    const p = pair({ back: { delayNs: 200_000 } });
    start(p, "ping", { packets: 1 });
    const live = start(p, "udp-rr", { startNs: 1e6, rate: { pps: 1000 }, packets: 10, timeoutNs: 100_000 });
    expect(finish(p, live, 1e8)).toMatchObject({ sent: 10, received: 0, lost: 10, duplicates: 0 });
  });

  it.each([
    { sizeBytes: 8, responseBytes: 64, why: "requests without a tag" },
    { sizeBytes: 64, responseBytes: 8, why: "answers without a tag" },
    { sizeBytes: 12, responseBytes: 100, why: "requests with the short tag" },
    { sizeBytes: 0, responseBytes: 0, why: "nothing at all" },
  ])("$why are matched all the same", ({ sizeBytes, responseBytes }) => {
    const p = pair({ there: { delayNs: 1000 } });
    const r = finish(p, start(p, "udp-rr", { sizeBytes, responseBytes, packets: 50, outstanding: 4 }), 1e8);
    expect(r).toMatchObject({ sent: 50, received: 50, lost: 0, duplicates: 0, receivedBytes: 50 * responseBytes });
  });

  it("a server answers from the address that it was asked at", () => {
    const p = pair();
    const sources = new Set<number>();
    p.eth1.taps = [
      {
        onPacket: (skb, out) => {
          if (!out && skb.protocol === 0x0800) sources.add(p.kernel.arena.dv.getUint32(skb.networkHeader + 12));
        },
      },
    ];
    const live = start(p, "udp-rr", { packets: 20 }, { to: ["10.0.0.2"] });
    finish(p, live, 1e8);
    expect([...sources]).toEqual([0x0a000002]);
    configure(p.eth2, 3);
    const other = start(
      p,
      "udp-rr",
      { name: "other", startNs: 2e8, stopNs: 1e9, packets: 20 },
      { to: ["10.0.0.3", "10.0.0.2"] },
    );
    expect(finish(p, other, 5e8)).toMatchObject({ received: 20 });
    expect([...sources]).toEqual([0x0a000002, 0x0a000003]);
  });

  it("nobody listens: every request times out", () => {
    const p = pair();
    const r = finish(p, start(p, "udp-rr", { packets: 3, timeoutNs: 1e6 }, { receivers: [] }), 1e8);
    expect(r).toMatchObject({ sent: 3, received: 0, lost: 3 });
  });

  it("the server crashes and comes back: the loop goes on", () => {
    const p = pair();
    const live = start(p, "udp-rr", { timeoutNs: 1e6, stopNs: 1e9 });
    runFor(p.kernel, 1e6);
    const before = live.result().received;
    expect(before).toBeGreaterThan(500);
    crashHost(p.h2);
    runFor(p.kernel, 1e7);
    expect(live.result().received).toBe(before);
    restartHost(p.h2);
    setUp(p.eth2);
    configure(p.eth2, 2);
    live.restart(p.h2);
    const r = finish(p, live, 3e6);
    expect(r.received).toBeGreaterThan(before + 500);
  });

  it("the client crashes and comes back: the loop goes on", () => {
    const p = pair();
    const live = start(p, "udp-rr", { timeoutNs: 1e6, stopNs: 1e9, outstanding: 2 });
    runFor(p.kernel, 1e6);
    crashHost(p.h1);
    runFor(p.kernel, 1e7);
    const before = live.result();
    expect(before.received + before.lost).toBe(before.sent);
    restartHost(p.h1);
    setUp(p.eth1);
    configure(p.eth1, 1);
    live.restart(p.h1);
    expect(finish(p, live, 3e6).received).toBeGreaterThan(before.received + 500);
  });

  it("a CPU that costs time is what bounds a closed loop over a link without delay", () => {
    const p = pair({ idealCpu: false });
    const r = finish(p, start(p, "udp-rr", { stopNs: 1e7 }), 1e8);
    expect(r.received).toBe(r.sent);
    expect(r.latency!.minNs).toBeGreaterThan(1000);
    expect(r.sent).toBeGreaterThan(1000);
  });
});
