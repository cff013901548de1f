import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AF_INET, AF_INET6, formatMac } from "../../../sim/net/ip/address.ts";
import { setSysctl } from "../../../sim/net/ip/sysctl-control.ts";
import { pair, permanent } from "../ip/kit.ts";
import { imbalance } from "../kit.ts";
import { qdisc, runUntil, Stream, transfer } from "./kit.ts";

describe("a stream of bytes", () => {
  it("arrives whole and in order over paths that lose, reorder, double, damage and delay", () => {
    fc.assert(
      fc.property(
        fc.record({
          seed: fc.integer({ min: 1, max: 1000 }),
          loss: fc.constantFrom(0, 0, 1, 5, 15),
          reorder: fc.constantFrom(0, 0, 10, 40),
          duplicate: fc.constantFrom(0, 0, 5),
          corrupt: fc.constantFrom(0, 0, 2),
          delayMs: fc.integer({ min: 1, max: 80 }),
          up: fc.integer({ min: 1, max: 150_000 }),
          down: fc.integer({ min: 1, max: 60_000 }),
          chunk: fc.constantFrom(1000, 1460, 7777, 65536),
          v6: fc.boolean(),
          sack: fc.boolean(),
          timestamps: fc.boolean(),
          rcvBuf: fc.constantFrom(0, 0, 4000, 20000),
        }),
        (p) => {
          const { kernel, a, b, da, db } = pair(p.seed);
          for (const h of [a, b]) {
            setSysctl(h, "net.ipv4.tcp_sack", p.sack ? "1" : "0");
            setSysctl(h, "net.ipv4.tcp_timestamps", p.timestamps ? "1" : "0");
          }
          // address resolution may fail for good on such a path: it is not what is asked here
          for (const [dev, peer, n] of [
            [da, db, 2],
            [db, da, 1],
          ] as const) {
            permanent(dev, `10.0.0.${n}`, formatMac(peer.mac));
            permanent(dev, `fd00::${n}`, formatMac(peer.mac));
          }
          const words = [`netem delay ${p.delayMs}ms`];
          if (p.loss > 0) words.push(`loss ${p.loss}%`);
          if (p.duplicate > 0) words.push(`duplicate ${p.duplicate}%`);
          if (p.reorder > 0) words.push(`reorder ${100 - p.reorder}%`);
          if (p.corrupt > 0) words.push(`corrupt ${p.corrupt}%`);
          words.push(`limit 10000 seed ${p.seed}`);
          qdisc(da, words.join(" "));
          qdisc(db, words.join(" "));
          const up = new Stream(p.up, p.seed, p.chunk);
          const down = new Stream(p.down, p.seed + 1, p.chunk);
          const t = transfer(a, b, p.v6 ? "fd00::2" : "10.0.0.2", up, down, {
            family: p.v6 ? AF_INET6 : AF_INET,
            tune: (s) => {
              if (p.rcvBuf > 0) s.setRcvBuf(p.rcvBuf);
            },
          });
          const took = runUntil(kernel, () => (up.complete && down.complete) || t.errors.length > 0, 4000);
          expect({ errors: t.errors, up: up.complete, down: down.complete }).toEqual({
            errors: [],
            up: true,
            down: true,
          });
          expect(took).toBeGreaterThanOrEqual(0);
          expect(imbalance(kernel)).toBe(0);
        },
      ),
      { numRuns: 40 },
    );
  }, 240_000);
});
