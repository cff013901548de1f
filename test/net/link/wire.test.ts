import { describe, expect, it } from "vitest";
import { ETHERNET_OVERHEAD_BYTES, PLAIN_WIRE, Wire, type WireParams } from "../../../sim/net/link/wire.ts";
import type { Netdev } from "../../../sim/net/netdev.ts";
import type { Skb } from "../../../sim/net/skb.ts";
import { addHost } from "../../../sim/net/stack.ts";
import { drops, frame, imbalance, packet, runFor, testKernel } from "../kit.ts";

/** A wire whose sink notes when each frame arrives. */
function rig(
  params: Partial<WireParams>,
  seed: number = 1,
): { wire: Wire; lo: Netdev; arrivals: [number, number][]; send: (len?: number) => number } {
  const kernel = testKernel(seed);
  const lo = addHost(kernel, "h").devices[1]!;
  const arrivals: [number, number][] = [];
  let sent = 0;
  const wire = new Wire(kernel, "test", lo, {
    onFrame(skb: Skb): void {
      arrivals.push([skb.mark, kernel.engine.nowNs]);
      kernel.consumeSkb(skb);
    },
  });
  wire.configure(params);
  return {
    wire,
    lo,
    arrivals,
    send: (len = 60) => {
      const skb = packet(lo, frame(len));
      skb.mark = sent++;
      return wire.transmit(skb);
    },
  };
}

describe("wire", () => {
  it("a plain wire hands a frame on within the call", () => {
    const r = rig({});
    r.send();
    expect(r.arrivals).toEqual([[0, 0]]);
    expect(r.lo.host.kernel.engine.pending).toBe(0);
  });

  it.each([
    { len: 60, rateBps: 1e9, delayNs: 0, at: 672 },
    { len: 40, rateBps: 1e9, delayNs: 0, at: 672 },
    { len: 1514, rateBps: 1e9, delayNs: 0, at: 12304 },
    { len: 1514, rateBps: 10e6, delayNs: 5_000_000, at: 1_230_400 + 5_000_000 },
    { len: 60, rateBps: 3e9, delayNs: 0, at: 224 },
    { len: 60, rateBps: 0, delayNs: 7, at: 7 },
  ])("$len bytes at $rateBps bit/s and $delayNs ns delay arrive at $at ns", ({ len, rateBps, delayNs, at }) => {
    const r = rig({ rateBps, delayNs });
    r.send(len);
    runFor(r.lo.host.kernel, 1e9);
    expect(r.arrivals).toEqual([[0, at]]);
  });

  it("frames are serialised one behind the other and propagate at the same time", () => {
    const r = rig({ rateBps: 1e9, delayNs: 10_000 });
    expect([r.send(), r.send(), r.send()]).toEqual([672, 1344, 2016]);
    expect(r.wire.inFlight).toBe(3);
    expect(r.lo.host.kernel.engine.pending).toBe(1);
    runFor(r.lo.host.kernel, 1e9);
    expect(r.arrivals).toEqual([
      [0, 10_672],
      [1, 11_344],
      [2, 12_016],
    ]);
  });

  it("jitter varies the delay within its bounds and keeps the order", () => {
    const r = rig({ delayNs: 1_000_000, jitterNs: 500_000 });
    for (let i = 0; i < 200; i++) {
      r.send();
      runFor(r.lo.host.kernel, 100_000);
    }
    runFor(r.lo.host.kernel, 1e9);
    const delays = r.arrivals.map(([n, at]) => at - n * 100_000);
    expect(r.arrivals.map(([n]) => n)).toEqual([...r.arrivals.keys()]);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(500_000);
    expect(Math.max(...delays)).toBeLessThanOrEqual(1_500_000);
    expect(Math.max(...delays) - Math.min(...delays)).toBeGreaterThan(500_000);
  });

  it("with reorder on, frames overtake and each still has its own delay", () => {
    const r = rig({ delayNs: 1_000_000, jitterNs: 900_000, reorder: true });
    for (let i = 0; i < 200; i++) {
      r.send();
      runFor(r.lo.host.kernel, 10_000);
    }
    runFor(r.lo.host.kernel, 1e9);
    const order = r.arrivals.map(([n]) => n);
    expect(order).not.toEqual([...order].sort((a, b) => a - b));
    expect([...order].sort((a, b) => a - b)).toEqual([...order.keys()]);
    const delays = r.arrivals.map(([n, at]) => at - n * 10_000);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(100_000);
    expect(Math.max(...delays)).toBeLessThanOrEqual(1_900_000);
    expect(r.wire.inFlight).toBe(0);
  });

  it("loses its share of frames, the same ones for the same seed", () => {
    const lost = (seed: number): number[] => {
      const r = rig({ loss: 0.1 }, seed);
      for (let i = 0; i < 2000; i++) r.send();
      const there = new Set(r.arrivals.map(([n]) => n));
      expect(drops(r.lo)).toEqual({ LINK_LOSS: 2000 - there.size });
      expect(imbalance(r.lo.host.kernel)).toBe(0);
      return [...Array(2000).keys()].filter((n) => !there.has(n));
    };
    const first = lost(1);
    expect(first.length).toBeGreaterThan(150);
    expect(first.length).toBeLessThan(250);
    expect(lost(1)).toEqual(first);
    expect(lost(2)).not.toEqual(first);
  });

  it.each([
    { len: 114, taken: true },
    { len: 115, taken: false },
  ])("a frame of $len bytes on a wire with MTU 100: taken $taken", ({ len, taken }) => {
    const r = rig({ mtuBytes: 100 });
    r.send(len);
    expect(r.arrivals.length).toBe(taken ? 1 : 0);
    expect(drops(r.lo)).toEqual(taken ? {} : { LINK_MTU: 1 });
  });

  it("cut: what is under way and what comes is lost; mended: it works again", () => {
    const r = rig({ delayNs: 1000 });
    r.send();
    r.send();
    r.wire.setUp(false);
    r.send();
    expect(drops(r.lo)).toEqual({ LINK_DOWN: 3 });
    r.wire.setUp(true);
    runFor(r.lo.host.kernel, 10);
    r.send();
    runFor(r.lo.host.kernel, 5000);
    expect(r.arrivals).toEqual([[3, 1010]]);
    expect(r.wire.inFlight).toBe(0);
  });

  it("changes take effect for the next frame; frames under way keep their times and their order", () => {
    const r = rig({ delayNs: 1000 });
    r.send();
    r.wire.configure({ delayNs: 10 });
    r.send();
    runFor(r.lo.host.kernel, 1000);
    expect(r.arrivals).toEqual([
      [0, 1000],
      [1, 1000],
    ]);
    r.send();
    runFor(r.lo.host.kernel, 1000);
    expect(r.arrivals[2]).toEqual([2, 1010]);
  });

  it("parameters out of range are a bug of the caller", () => {
    expect(() => rig({ loss: 2 })).toThrow("WIRE_PARAMS");
    expect(() => rig({ delayNs: 0.5 })).toThrow("WIRE_PARAMS");
    expect(PLAIN_WIRE.loss).toBe(0);
    expect(ETHERNET_OVERHEAD_BYTES).toBe(24);
  });
});
