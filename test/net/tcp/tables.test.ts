import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Arena } from "../../../sim/engine/arena.ts";
import { Engine } from "../../../sim/engine/engine.ts";
import { getSysctl, setSysctl } from "../../../sim/net/ip/sysctl-control.ts";
import { MinFilter } from "../../../sim/net/tcp/min-filter.ts";
import { SendRing } from "../../../sim/net/tcp/send-ring.ts";
import { SockTimers } from "../../../sim/net/tcp/sock-timers.ts";
import { TxSkbQueue } from "../../../sim/net/tcp/tx-queue.ts";
import { freeTxSkb, type TxSkb, takeTxSkb } from "../../../sim/net/tcp/tx-skb.ts";
import { pair } from "../ip/kit.ts";

function segment(seq: number, endSeq: number): TxSkb {
  const skb = takeTxSkb();
  skb.seq = seq >>> 0;
  skb.endSeq = endSeq >>> 0;
  return skb;
}

describe("the queue of segments", () => {
  it("keeps order and the place of the send head over pushes, splits, removals and acknowledgements", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.nat(1000)), { maxLength: 200 }), (steps) => {
        const q = new TxSkbQueue();
        const model: TxSkb[] = [];
        let sent = 0;
        // the sequence numbers wrap on the way
        let next = 0xfffffc00;
        for (const [what, n] of steps) {
          const i = model.length === 0 ? 0 : n % model.length;
          if (what <= 1) {
            const skb = segment(next, next + 10);
            next += 10;
            q.push(skb);
            model.push(skb);
          } else if (what === 2 && sent < model.length) {
            sent++;
            q.sent++;
          } else if (what === 3 && model.length > 0 && ((model[i]!.endSeq - model[i]!.seq) | 0) > 1) {
            const first = model[i]!;
            const rest = segment(first.seq + 1, first.endSeq);
            first.endSeq = rest.seq;
            q.insertAfter(i, rest);
            model.splice(i + 1, 0, rest);
            if (i < sent) sent++;
          } else if (what === 4 && model.length > 0) {
            const gone = n % 2 === 0 ? q.shift() : q.remove(i);
            expect(gone).toBe(model.splice(n % 2 === 0 ? 0 : i, 1)[0]);
            if ((n % 2 === 0 ? 0 : i) < sent) sent--;
            freeTxSkb(gone);
          }
        }
        expect([q.count, q.sent]).toEqual([model.length, sent]);
        expect(model.map((_, i) => q.at(i))).toEqual(model);
        expect([q.rtxHead, q.sendHead]).toEqual([sent > 0 ? model[0] : null, model[sent] ?? null]);
        for (const [i, skb] of model.entries()) {
          expect(q.indexOf(skb)).toBe(i);
          expect(q.find(skb.seq)).toBe(i);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("the ring of bytes to send", () => {
  it("gives every byte back by its sequence number, whatever was added and acknowledged before", () => {
    const arena = new Arena(1 << 20);
    const buf = arena.alloc(8192);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 6000 }), fc.nat(100)), { maxLength: 60 }), (steps) => {
        const ring = new SendRing(arena);
        let una = 0xffffe000;
        let end = una;
        ring.start(una);
        for (const [n, percent] of steps) {
          const bytes = Uint8Array.from({ length: n }, (_, i) => ((end + i) * 7) & 255);
          expect(ring.pushBytes(bytes, 0, n)).toBe(true);
          end += n;
          const len = Math.min(end - una, 8192);
          ring.copyTo(una >>> 0, len, buf);
          for (let i = 0; i < len; i += 13) expect(arena.u8[buf + i]).toBe(((una + i) * 7) & 255);
          una += Math.floor(((end - una) * percent) / 100);
          ring.ackTo(una >>> 0);
        }
        ring.free();
      }),
      { numRuns: 25 },
    );
  });
});

describe("timers of a socket", () => {
  it("run out once, at the time that was set last, and not at all when stopped", () => {
    const engine = new Engine();
    const fired: string[] = [];
    const kind = engine.defineEvent<{ t: SockTimers<unknown> | null }>("timer", (x, n) => {
      if (x.t?.fire(n)) fired.push(`${n}@${engine.nowNs}`);
    });
    const target: { t: SockTimers<unknown> | null } = { t: null };
    const timers = new SockTimers(engine, kind, target, 3);
    target.t = timers as SockTimers<unknown>;
    timers.set(0, 100);
    timers.set(0, 300);
    timers.set(1, 200);
    timers.set(1, 50);
    timers.set(2, 70);
    timers.stop(2);
    engine.run(60, 100);
    timers.set(0, 250);
    engine.run(1000, 100);
    expect(fired).toEqual(["1@50", "0@250"]);
    expect(engine.pending).toBe(0);
  });
});

describe("the windowed minimum", () => {
  it("is at least the true minimum of the window and forgets what is older", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 1000 }))), (samples) => {
        const f = new MinFilter();
        const seen: [number, number][] = [];
        let t = 0;
        for (const [dt, v] of samples) {
          t += dt;
          if (seen.length === 0) f.reset(t, v);
          seen.push([t, v]);
          const got = f.running(20, t, v);
          const inWindow = seen.filter(([at]) => t - at <= 20).map((x) => x[1]);
          expect(got).toBeGreaterThanOrEqual(Math.min(...inWindow));
          expect(inWindow).toContain(got);
        }
      }),
    );
  });
});

describe("sysctls of TCP", () => {
  it("have Linux's defaults, take values in bounds, and refuse by name what is not built", () => {
    const { a } = pair();
    expect(getSysctl(a, "net.ipv4.tcp_rmem")).toBe("4096\t131072\t33554432");
    setSysctl(a, "net.ipv4.tcp_wmem", "4096 20000 100000");
    expect(getSysctl(a, "net.ipv4.tcp_wmem")).toBe("4096\t20000\t100000");
    setSysctl(a, "net.ipv4.tcp_congestion_control", "reno");
    expect(getSysctl(a, "net.ipv4.tcp_congestion_control")).toBe("reno");
    expect(() => setSysctl(a, "net.ipv4.tcp_congestion_control", "vegas")).toThrow("No such file or directory");
    expect(() => setSysctl(a, "net.ipv4.tcp_syn_retries", "0")).toThrow("Invalid argument");
    expect(() => setSysctl(a, "net.ipv4.tcp_fastopen", "3")).toThrow(
      "net.ipv4.tcp_fastopen: netsim's TCP does not have it",
    );
  });
});
