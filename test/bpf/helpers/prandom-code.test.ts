import { expect, it } from "vitest";
import { PrandomBlock } from "../../../sim/bpf/helpers/prandom-code.ts";
import { Arena } from "../../../sim/engine/arena.ts";
import { Streams } from "../../../sim/engine/streams.ts";
import { freshKernel } from "../../kernel/replay-kit.ts";

it("compiled programs draw the stream's numbers in their order, however many blocks", () => {
  const arena = new Arena(1 << 20);
  const [a, b] = [new Streams(7).stream("x"), new Streams(7).stream("x")];
  const block = new PrandomBlock(arena, () => a.u32());
  for (let i = 0; i < 200; i++) expect(block.next() >>> 0).toBe(b.u32());
});

it("two blocks over one memory are two streams", () => {
  const arena = new Arena(1 << 20);
  let n = 0;
  const [even, odd] = [new PrandomBlock(arena, () => 2 * n++), new PrandomBlock(arena, () => 2 * n++ + 1)];
  for (let i = 0; i < 130; i++) expect([even.next() % 2, odd.next() % 2]).toEqual([0, 1]);
});

it("what the network draws in JavaScript comes from the same block", () => {
  const [one, other] = [freshKernel().env, freshKernel().env];
  const next = one.prandomCode!();
  for (let i = 0; i < 150; i++) expect(i % 3 === 0 ? one.prandomU32() : next() >>> 0).toBe(other.prandomU32());
});
