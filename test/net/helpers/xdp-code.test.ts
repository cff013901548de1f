/** The packet helpers of XDP programs over a context, and how the packet itself learns what they did. */
import { describe, expect, it } from "vitest";
import { addHost } from "../../../sim/net/stack.ts";
import { cpuXdp } from "../../../sim/net/xdp/cpu-xdp.ts";
import { packetToXdp } from "../../../sim/net/xdp/xdp-context.ts";
import { freshKernel } from "../../kernel/replay-kit.ts";

const META = 8;

/** A packet of so many bytes, 256 bytes of headroom, 8 bytes of metadata. */
function setUp(len: number) {
  const kernel = freshKernel();
  const host = addHost(kernel, "host0", { cpus: 1 });
  const { env, arena } = kernel;
  const skb = kernel.allocSkb(len)!;
  skb.metaLen = META;
  const ctx = cpuXdp(host.cpu()).context();
  env.skb = skb;
  env.ctx = ctx;
  packetToXdp(arena.u32, ctx, skb);
  return { env, arena, skb, ctx, code: env.xdpCode, data: skb.data };
}

describe("bpf_xdp_adjust_head", () => {
  it("the packet is where the context says as soon as somebody asks for it", () => {
    const { env, skb, ctx, code, data } = setUp(60);
    expect(code.adjustHead(ctx, -20)).toBe(0);
    expect(skb.data).toBe(data);
    expect(env.skb.data).toBe(data - 20);
    expect([skb.data, skb.len, skb.metaLen]).toEqual([data - 20, 80, META]);
  });

  it("metadata go along, also when the areas overlap", () => {
    const { arena, ctx, code, data } = setUp(60);
    arena.u8.set([1, 2, 3, 4, 5, 6, 7, 8], data - META);
    expect(code.adjustHead(ctx, 4)).toBe(0);
    expect([...arena.u8.slice(data + 4 - META, data + 4)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(code.adjustHead(ctx, -6)).toBe(0);
    expect([...arena.u8.slice(data - 2 - META, data - 2)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it.each([
    { why: "less than a MAC header would be left", by: 47, errno: 22 },
    { why: "struct xdp_frame and the metadata would not fit in front", by: -(256 - 40 - META) - 1, errno: 22 },
    { why: "INT_MAX", by: 0x7fffffff, errno: 22 },
    { why: "INT_MIN", by: -0x80000000, errno: 22 },
  ])("refuses what leaves no packet: $why", ({ by, errno }) => {
    const { env, skb, ctx, code, data } = setUp(60);
    expect(code.adjustHead(ctx, by)).toBe(-errno);
    expect(env.skb.data).toBe(data);
    expect(skb.len).toBe(60);
  });

  it("takes all that there is", () => {
    const { env, ctx, code, data } = setUp(60);
    expect(code.adjustHead(ctx, -(256 - 40 - META))).toBe(0);
    expect(code.adjustHead(ctx, 256 - 40 - META + 46)).toBe(0);
    expect([env.skb.data, env.skb.len]).toEqual([data + 46, 14]);
  });
});

describe("bpf_xdp_adjust_tail", () => {
  it("what is new is zero", () => {
    const { env, arena, ctx, code, data } = setUp(60);
    arena.u8.fill(0xee, data, data + 400);
    expect(code.adjustTail(ctx, 300)).toBe(0);
    expect(env.skb.len).toBe(360);
    expect([...arena.u8.slice(data + 59, data + 361)]).toEqual([0xee, ...new Array<number>(300).fill(0), 0xee]);
  });

  it("a packet that outgrows its buffer gets a larger one, and goes on from there", () => {
    const { env, arena, ctx, code, data } = setUp(60);
    arena.u8.set([9, 8, 7], data);
    expect(code.adjustHead(ctx, 1)).toBe(0);
    expect(code.adjustTail(ctx, 3000)).toBe(0);
    const skb = env.skb;
    expect(skb.len).toBe(3059);
    expect([...arena.u8.slice(skb.data, skb.data + 3)]).toEqual([8, 7, arena.u8[data + 3]]);
    expect(code.adjustHead(ctx, -1)).toBe(0);
    expect(arena.u32[ctx >>> 2]).toBe(env.skb.data);
    expect(env.skb.len).toBe(3060);
  });

  it.each([
    { why: "less than a MAC header would be left", by: -47, errno: 22 },
    { why: "more than a page", by: 4096 - 320 - 256 - 60 + 1, errno: 22 },
    { why: "INT_MAX", by: 0x7fffffff, errno: 22 },
    { why: "INT_MIN", by: -0x80000000, errno: 22 },
  ])("refuses: $why", ({ by, errno }) => {
    const { env, ctx, code } = setUp(60);
    expect(code.adjustTail(ctx, by)).toBe(-errno);
    expect(env.skb.len).toBe(60);
  });
});

describe("bpf_xdp_adjust_meta", () => {
  it.each([
    { by: -4, answer: 0 },
    { by: 8, answer: 0 },
    { by: 9, answer: -22 },
    { by: 1, answer: -13 },
    { by: -(256 - 40 - META), answer: 0 },
    { by: -(256 - 40 - META) - 4, answer: -22 },
    { by: 0x7fffffff, answer: -22 },
    { by: -0x80000000, answer: -22 },
  ])("by $by: $answer", ({ by, answer }) => {
    const { env, ctx, code } = setUp(60);
    expect(code.adjustMeta(ctx, by)).toBe(answer);
    expect(env.skb.metaLen).toBe(answer === 0 ? META - by : META);
  });

  it("metadata of more than 255 bytes are refused", () => {
    const { ctx, code } = setUp(600);
    expect(code.adjustHead(ctx, 200)).toBe(0);
    expect(code.adjustMeta(ctx, META - 256)).toBe(-13);
    expect(code.adjustMeta(ctx, META - 252)).toBe(0);
  });
});

describe("bpf_xdp_load_bytes and bpf_xdp_store_bytes", () => {
  it.each([
    { why: "all of it", offset: 0, len: 60, answer: 0 },
    { why: "one byte beyond", offset: 50, len: 11, answer: -22 },
    { why: "an offset above 0xffff", offset: 0x10000, len: 1, answer: -14 },
    { why: "a negative offset", offset: -1, len: 1, answer: -14 },
  ])("$why", ({ offset, len, answer }) => {
    const { arena, ctx, code, data } = setUp(60);
    const buffer = arena.alloc(64);
    arena.u8.fill(0x55, buffer, buffer + 64);
    for (let i = 0; i < 60; i++) arena.u8[data + i] = i;
    expect(code.load(ctx, offset, buffer, len)).toBe(answer);
    const got = answer === 0 ? arena.u8.slice(data + offset, data + offset + len) : new Uint8Array(60).fill(0x55);
    expect(arena.u8.slice(buffer, buffer + got.length)).toEqual(got);
    arena.u8.fill(0x66, buffer, buffer + 64);
    expect(code.store(ctx, offset, buffer, len)).toBe(answer);
    expect(arena.u8[data + 59]).toBe(answer === 0 ? 0x66 : 59);
  });

  it("the length follows the ends", () => {
    const { ctx, code } = setUp(60);
    code.adjustHead(ctx, -10);
    code.adjustTail(ctx, -4);
    expect(code.length(ctx)).toBe(66);
  });
});
