import { describe, expect, it } from "vitest";
import { setDown } from "../../sim/net/devices/device.ts";
import { ipStack } from "../../sim/net/ip/ip-stack.ts";
import { runFor } from "../net/kit.ts";
import { finish, pair, start } from "./kit.ts";

describe("ping", () => {
  it.each(["10.0.0.2", "fd00::2"])("a link with fixed delays: the time to %s and back is their sum", (to) => {
    const p = pair({ there: { delayNs: 100_000 }, back: { delayNs: 50_000 } });
    start(p, "ping", { packets: 1 }, { to: [to] });
    const r = finish(p, start(p, "ping", { startNs: 5e6, packets: 20 }, { to: [to] }), 1e9);
    expect(r).toMatchObject({ sent: 20, received: 20, lost: 0, inFlight: 0, sentBytes: 20 * 56, receivers: [] });
    expect(r.latency).toMatchObject({ count: 20, minNs: 150_000, maxNs: 150_000 });
  });

  it("requests are ping(8)'s: type 8, sequence from 1, DF set, TTL 64, good checksums, a train at the interval", () => {
    const p = pair();
    const seen: { at: number; seq: number; bytes: Uint8Array }[] = [];
    p.eth2.taps = [
      {
        onPacket: (skb, out) => {
          if (out || skb.protocol !== 0x0800) return;
          const bytes = p.kernel.arena.u8.slice(skb.data + 14, skb.data + skb.len);
          seen.push({ at: p.kernel.engine.nowNs, seq: (bytes[26]! << 8) | bytes[27]!, bytes });
        },
      },
    ];
    finish(p, start(p, "ping", { intervalNs: 2e5, packets: 5, startNs: 1000 }), 1e8);
    expect(seen.map((s) => s.seq)).toEqual([1, 2, 3, 4, 5]);
    expect(seen.map((s) => s.at)).toEqual([1000, 201_000, 401_000, 601_000, 801_000]);
    const first = seen[0]!.bytes;
    expect(first).toHaveLength(84);
    expect([first[6], first[8], first[9], first[20], first[21]]).toEqual([0x40, 64, 1, 8, 0]);
    const stats = ipStack(p.h2).snmp;
    expect(stats).toMatchObject({ IcmpInEchos: 5, IcmpOutEchoReps: 5, IcmpInCsumErrors: 0 });
    expect(ipStack(p.h1).snmp).toMatchObject({ IcmpOutEchos: 5, IcmpInEchoReps: 5 });
  });

  it("answers that do not come are lost, those under way in flight", () => {
    const p = pair({ there: { loss: 0.2 }, back: { delayNs: 50_000 } });
    const live = start(p, "ping", { intervalNs: 10_000, stopNs: 2e6 });
    const r = finish(p, live, 1e6);
    expect(r.sent).toBe(101);
    expect(r.inFlight).toBeGreaterThan(0);
    expect(r.inFlight).toBeLessThanOrEqual(5);
    expect(r.received + r.lost + r.inFlight).toBe(101);
    const end = finish(p, live, 1e7);
    expect(end).toMatchObject({ sent: 200, inFlight: 0 });
    expect(end.lost).toBeGreaterThan(20);
    expect(end.received + end.lost).toBe(200);
  });

  it("two pings of one host do not take each other's answers", () => {
    const p = pair({ there: { delayNs: 1000 } });
    const a = start(p, "ping", { name: "a", packets: 10 });
    const b = start(p, "ping", { name: "b", packets: 20 });
    runFor(p.kernel, 1e8);
    expect([a.result().received, b.result().received]).toEqual([10, 20]);
    expect([a.result().duplicates, b.result().duplicates]).toEqual([0, 0]);
  });

  it("more than 65536 requests: sequence numbers that come round are told apart", () => {
    const p = pair({ there: { delayNs: 20_000 } });
    const r = finish(p, start(p, "ping", { intervalNs: 1000, packets: 70_000, stopNs: 1e9 }), 1e9);
    expect(r).toMatchObject({ sent: 70_000, received: 70_000, duplicates: 0, lost: 0 });
    expect(r.latency!.maxNs).toBeLessThan(50_000);
  });

  it("an address that nobody has: nothing comes back, all is lost in the end", () => {
    const p = pair();
    const r = finish(p, start(p, "ping", { packets: 5 }, { to: ["10.0.0.77"] }), 1e10);
    expect(r).toMatchObject({ sent: 5, received: 0, lost: 5, inFlight: 0 });
    expect(r.latency).toMatchObject({ count: 0 });
  });

  it("stop: no further request, and a link that is down loses what was sent", () => {
    const p = pair();
    const live = start(p, "ping", {});
    runFor(p.kernel, 5.5e6);
    live.stop();
    setDown(p.eth2);
    expect(finish(p, live, 1e7)).toMatchObject({ sent: 6, received: 6 });
  });
});
