import fc from "fast-check";
import { expect, it } from "vitest";
import { prandomCode } from "../../../sim/bpf/helpers/prandom-code.ts";
import { Arena } from "../../../sim/engine/arena.ts";
import { RandomStream } from "../../../sim/engine/streams.ts";
import { freshKernel } from "../../kernel/replay-kit.ts";

it("compiled programs draw the stream's numbers, from where it stands", () => {
  fc.assert(
    fc.property(fc.integer(), fc.nat(5), (seed, drawn) => {
      const stream = new RandomStream(seed);
      for (let i = 0; i < drawn; i++) stream.u32();
      const code = prandomCode(new Arena(1 << 20), stream.state());
      for (let i = 0; i < 50; i++) expect(code.next() >>> 0).toBe(stream.u32());
    }),
    { numRuns: 30 },
  );
});

it("two streams over one memory do not meet", () => {
  const arena = new Arena(1 << 20);
  const streams = [new RandomStream(1), new RandomStream(2)];
  const codes = streams.map((s) => prandomCode(arena, s.state()));
  for (let i = 0; i < 20; i++) expect(codes.map((c) => c.next() >>> 0)).toEqual(streams.map((s) => s.u32()));
});

it("what the network draws in JavaScript comes from the same stream", () => {
  const [one, other] = [freshKernel().env, freshKernel().env];
  const next = one.prandomCode!();
  for (let i = 0; i < 20; i++) expect(i % 3 === 0 ? one.prandomU32() : next() >>> 0).toBe(other.prandomU32());
});
