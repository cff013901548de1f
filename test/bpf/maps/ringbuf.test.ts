import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RingbufMap } from "../../../sim/bpf/maps/ringbuf.ts";
import { Bench } from "../kit.ts";

function ring(bench: Bench): RingbufMap {
  return bench.map<RingbufMap>("ringbuf", { keySize: 0, valueSize: 0, maxEntries: 4096 });
}

describe("ringbuf", () => {
  it("answers the positions of Linux 6.18 for the same records", () => {
    const map = ring(new Bench());
    expect(map.commit(map.reserve(500), false)).toBe(true);
    expect(map.commit(map.reserve(0), false)).toBe(true);
    expect(map.producerPos).toBe(520);
    expect(map.commit(map.reserve(2048), true)).toBe(true);
    expect(map.producerPos).toBe(2576);
    expect(map.reserve(500)).not.toBe(0);
    expect(map.reserve(500)).not.toBe(0);
    expect(map.reserve(500)).toBe(0);
    expect(map.producerPos).toBe(3600);
  });

  it("a record is contiguous where the ring ends, and keeps its bytes", () => {
    const bench = new Bench();
    const map = ring(bench);
    for (let round = 0; round < 50; round++) {
      const record = map.reserve(1500);
      expect(record % 8).toBe(0);
      const region = bench.arena.regionAt(record)!;
      expect(bench.arena.regionAt(record + 1499)).toBe(region);
      bench.arena.u8.fill(round, record, record + 1500);
      map.commit(record, false);
      expect(map.take()).toEqual(new Uint8Array(1500).fill(round));
    }
  });

  it("a record behind one that is still being written waits for it", () => {
    const bench = new Bench();
    const map = ring(bench);
    const first = map.reserve(8);
    const second = map.reserve(8);
    bench.arena.u8[second] = 2;
    map.commit(second, false);
    expect(map.take()).toBeNull();
    map.commit(first, true);
    expect(map.take()?.[0]).toBe(2);
    expect(map.take()).toBeNull();
    expect(map.count()).toBe(0);
  });

  it("knows a record only between its reserve and its commit", () => {
    const map = ring(new Bench());
    const record = map.reserve(12);
    expect(map.reservedBytes(record)).toBe(12);
    expect(map.reservedBytes(record + 8)).toBe(-1);
    expect(map.commit(record + 4, false)).toBe(false);
    expect(map.commit(record, false)).toBe(true);
    expect(map.commit(record, false)).toBe(false);
    expect(map.reservedBytes(record)).toBe(-1);
  });

  it("hands over what was submitted, in the order of the reserves, and never holds more than the ring", () => {
    const op = fc.record({
      op: fc.constantFrom("reserve", "submit", "discard", "take"),
      n: fc.nat(1400),
      pick: fc.nat(5),
    });
    fc.assert(
      fc.property(fc.array(op, { maxLength: 200 }), (ops) => {
        const bench = new Bench();
        const map = ring(bench);
        const open: { readonly addr: number; readonly at: number }[] = [];
        const order: { n: number; state: "open" | "submit" | "discard"; mark: number }[] = [];
        let head = 0;
        ops.forEach((o, i) => {
          if (o.op === "reserve") {
            const need = Math.ceil((o.n + 8) / 8) * 8;
            const fits = map.count() + need <= 4095;
            const addr = map.reserve(o.n);
            expect(addr !== 0).toBe(fits);
            if (addr === 0) return;
            bench.arena.u8.fill(i & 255, addr, addr + o.n);
            open.push({ addr, at: order.length });
            order.push({ n: o.n, state: "open", mark: i & 255 });
          } else if (o.op !== "take") {
            const [rec] = open.splice(o.pick % Math.max(1, open.length), 1);
            if (rec === undefined) return;
            order[rec.at]!.state = o.op === "submit" ? "submit" : "discard";
            expect(map.commit(rec.addr, o.op === "discard")).toBe(true);
          } else {
            while (order[head]?.state === "discard") head++;
            const next = order[head];
            const got = map.take();
            if (next?.state !== "submit") expect(got).toBeNull();
            else {
              expect(got).toEqual(new Uint8Array(next.n).fill(next.mark));
              head++;
            }
          }
          expect(map.count()).toBeLessThan(4096);
        });
      }),
      { numRuns: 200 },
    );
  });
});
