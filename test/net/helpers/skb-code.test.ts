/** The packet helpers of programs on socket buffers, against the kernel's sums written out in the plainest way. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SKB_CTX_DATA, SKB_CTX_LEN, SKB_CTX_PARTIAL } from "../../../sim/net/tc/skb-context.ts";
import { freshKernel } from "../../kernel/replay-kit.ts";

const kernel = freshKernel();
const { arena } = kernel;
const code = kernel.env.skbCode;
const ctx = arena.alloc(256);
const packet = arena.alloc(512);
const LEN = 300;
const buffer = arena.alloc(1024);

const set = (offset: number, value: number): void => {
  arena.u32[(ctx + offset) >>> 2] = value;
};
const field = (offset: number): number => arena.dv.getUint16(packet + offset, true);

/** A packet of LEN bytes. */
function fill(partial: boolean): void {
  set(SKB_CTX_LEN, LEN);
  set(SKB_CTX_DATA, packet);
  set(SKB_CTX_PARTIAL, partial ? 1 : 0);
  for (let i = 0; i < 512; i++) arena.u8[packet + i] = i * 7;
}

const add32 = (a: number, b: number): number => {
  const s = (a >>> 0) + (b >>> 0);
  return (s >= 2 ** 32 ? s - 2 ** 32 + 1 : s) >>> 0;
};
const fold = (sum: number): number => {
  let s = sum;
  while (s > 0xffff) s = (s & 0xffff) + Math.floor(s / 65536);
  return s;
};
const word = fc.oneof(fc.constantFrom(0, 1, 0xffff, 0x10000, 0xffffffff, 0x80000000), fc.nat(0xffffffff));
const sum16 = fc.oneof(fc.constantFrom(0, 0xffff), fc.nat(0xffff));

describe("bpf_l3_csum_replace", () => {
  it.each([0, 2, 4])("a field of %i bytes", (size) => {
    fc.assert(
      fc.property(sum16, word, word, fc.nat(148), (old, a, b, place) => {
        fill(false);
        const offset = place * 2;
        arena.dv.setUint16(packet + offset, old, true);
        const from = size === 0 ? 0 : a;
        expect(code.l3Replace(ctx, offset, from, 0, b, 0, size, 0)).toBe(0);
        // csum_replace2 sums 16 bits, the others 32
        const of16 = fold((~old & 0xffff) + (~from & 0xffff)) + (b & 0xffff);
        const of32 = size === 0 ? add32(b, ~old) : add32(add32(~old, ~from), b);
        expect(field(offset)).toBe(~fold(size === 2 ? of16 : of32) & 0xffff);
      }),
    );
  });

  it.each([
    { why: "an odd offset", offset: 11, flags: 2, errno: 14 },
    { why: "an offset above 0xffff", offset: 0x10000, flags: 2, errno: 14 },
    { why: "a negative offset", offset: -2, flags: 2, errno: 14 },
    { why: "a checksum that ends behind the packet", offset: LEN, flags: 2, errno: 14 },
    { why: "a field of 3 bytes", offset: 10, flags: 3, errno: 22 },
    { why: "a flag of bpf_l4_csum_replace", offset: 10, flags: 0x12, errno: 22 },
    { why: "a difference and a value before it", offset: 10, flags: 0, errno: 22 },
  ])("refuses $why", ({ offset, flags, errno }) => {
    fill(false);
    const before = arena.u8.slice(packet, packet + 512);
    expect(code.l3Replace(ctx, offset, 1, 0, 2, 0, flags, 0)).toBe(-errno);
    expect(arena.u8.slice(packet, packet + 512)).toEqual(before);
  });
});

describe("bpf_l4_csum_replace", () => {
  it.each([0, 2, 4])("a field of %i bytes, by all flags, of packets whose sum is complete and of others", (size) => {
    const bits = fc.subarray([0x10, 0x20, 0x40, 0x80]);
    fc.assert(
      fc.property(sum16, word, word, bits, fc.boolean(), (old, a, b, flags, partial) => {
        fill(partial);
        arena.dv.setUint16(packet + 10, old, true);
        const from = size === 0 ? 0 : size === 2 ? a & 0xffff : a;
        const to = size === 2 ? b & 0xffff : b;
        const all = flags.reduce((x, f) => x | f, size);
        expect(code.l4Replace(ctx, 10, size === 0 ? 0 : a, 0, b, 0, all, 0)).toBe(0);
        const [pseudo, mangled, enforce] = [0x10, 0x20, 0x40].map((f) => flags.includes(f));
        const added = (sum: number): number => (size === 0 ? add32(to, sum) : add32(add32(sum, ~from), to));
        let expected = old;
        if (!(mangled && !enforce && old === 0)) {
          if (!partial) expected = ~fold(added(~old)) & 0xffff;
          else if (pseudo) expected = fold(added(old));
          if (mangled && expected === 0) expected = 0xffff;
        }
        expect(field(10)).toBe(expected);
      }),
      { numRuns: 300 },
    );
  });

  it("a changed field and the sum that was changed with it still sum up", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), word, (header, to) => {
        fc.pre(header.some((b, i) => i !== 10 && i !== 11 && b !== 0));
        fill(false);
        arena.u8.set(header, packet);
        const total = (): number => {
          let sum = 0;
          for (let i = 0; i < 20; i += 2) sum += field(i);
          return fold(sum);
        };
        arena.dv.setUint16(packet + 10, 0, true);
        arena.dv.setUint16(packet + 10, ~total() & 0xffff, true);
        const from = arena.dv.getUint32(packet + 12, true);
        arena.dv.setUint32(packet + 12, to, true);
        expect(code.l4Replace(ctx, 10, from, 0, to, 0, 4, 0)).toBe(0);
        // however zero is written
        expect([0, 0xffff]).toContain(total());
      }),
    );
  });

  it("refuses flags above 32 bits", () => {
    fill(false);
    expect(code.l4Replace(ctx, 10, 1, 0, 2, 0, 2, 1)).toBe(-22);
  });
});

describe("bpf_skb_load_bytes and bpf_skb_store_bytes", () => {
  const range = { offset: fc.integer({ min: -3, max: 320 }), len: fc.integer({ min: 1, max: 320 }), shift: fc.nat(7) };

  it("load copies what is in the packet, and zeroes the buffer when some of it is not", () => {
    fc.assert(
      fc.property(fc.record(range), ({ offset, len, shift }) => {
        fill(false);
        arena.u8.fill(0xaa, buffer, buffer + 1024);
        const inside = offset >= 0 && offset + len <= LEN;
        expect(code.load(ctx, offset, buffer + shift, len)).toBe(inside ? 0 : -14);
        const expected = new Uint8Array(1024).fill(0xaa);
        const bytes = inside ? arena.u8.slice(packet + offset, packet + offset + len) : new Uint8Array(len);
        expected.set(bytes, shift);
        expect(arena.u8.slice(buffer, buffer + 1024)).toEqual(expected);
      }),
    );
  });

  it("store writes what lies within the packet, and nothing otherwise", () => {
    fc.assert(
      fc.property(fc.record(range), ({ offset, len, shift }) => {
        fill(false);
        const expected = arena.u8.slice(packet, packet + 512);
        for (let i = 0; i < 1024; i++) arena.u8[buffer + i] = i * 11;
        const inside = offset >= 0 && offset + len <= LEN;
        expect(code.store(ctx, offset, buffer + shift, len, 1, 0)).toBe(inside ? 0 : -14);
        if (inside) expected.set(arena.u8.slice(buffer + shift, buffer + shift + len), offset);
        expect(arena.u8.slice(packet, packet + 512)).toEqual(expected);
      }),
    );
  });

  it("store refuses flags that it does not know", () => {
    fill(false);
    expect(code.store(ctx, 0, buffer, 4, 4, 0)).toBe(-22);
    expect(code.store(ctx, 0, buffer, 4, 0, 1)).toBe(-22);
  });
});

it.each([
  { bytes: 0, answer: 0 },
  { bytes: LEN, answer: 0 },
  { bytes: LEN + 1, answer: -12 },
  { bytes: -1, answer: -12 },
])("bpf_skb_pull_data of $bytes bytes: $answer", ({ bytes, answer }) => {
  fill(false);
  expect(code.pull(ctx, bytes)).toBe(answer);
});
