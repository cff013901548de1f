/** Options of TCP headers in sock_ops programs: what BPF_PROG_RUN cannot reach, by the rules of net/core/filter.c bpf_sock_ops_*. */
import { beforeEach, describe, expect, it } from "vitest";
import type { HelperDef } from "../../../sim/bpf/helper.ts";
import { netHelpers } from "../../../sim/net/helpers/index.ts";
import type { Kernel } from "../../../sim/net/kernel.ts";
import type { NetEnv } from "../../../sim/net/net-env.ts";
import { fromHex, toHex } from "../../kernel/replay-kit.ts";
import { testKernel } from "../kit.ts";

const CTX_BYTES = 224;
const PARSE = 13;
const LEN = 14;
const WRITE = 15;
const BEYOND = 16;
/** MSS, an experiment with the magic eb9f, end. */
const OPTIONS = "020405b4fe06eb9f0102010100";

const byName: ReadonlyMap<string, HelperDef<NetEnv>> = new Map(netHelpers.map((h) => [h.name, h]));
let kernel: Kernel;
let ctx: number;
let header: number;
let buf: number;

beforeEach(() => {
  kernel = testKernel();
  ctx = kernel.arena.alloc(CTX_BYTES, 8);
  header = kernel.arena.alloc(128, 8);
  buf = kernel.arena.alloc(64, 8);
});

/** A context of an event, its header's options given. */
function at(op: number, options: string = OPTIONS, fullSock: number = 1): void {
  const { u8, dv } = kernel.arena;
  const bytes = fromHex(options);
  u8.fill(0, ctx, ctx + CTX_BYTES);
  u8.fill(0, header, header + 128);
  u8.set(bytes, header + 20);
  dv.setUint32(ctx, op, true);
  dv.setUint32(ctx + 72, fullSock, true);
  dv.setUint32(ctx + 192, header, true);
  dv.setUint32(ctx + 200, header + 20 + bytes.length, true);
}

function call(name: string, ...args: number[]): number {
  return byName.get(name)!.call(kernel.env, ctx, ...args);
}

function withBuffer(hex: string): number {
  kernel.arena.u8.fill(0, buf, buf + 64);
  kernel.arena.u8.set(fromHex(hex), buf);
  return buf;
}

describe("bpf_load_hdr_opt", () => {
  it.each([
    ["an option by its kind", PARSE, "0200", 8, 0, 4, "020405b4"],
    ["an experiment by its magic", PARSE, "fe04eb9f", 8, 0, 6, "fe06eb9f0102"],
    ["cut when the buffer is short", PARSE, "0200", 3, 0, -28, "020405"],
    ["a magic that no option has", PARSE, "fe04eb9e", 8, 0, -42, ""],
    ["a kind that is not there", PARSE, "0500", 8, 0, -42, ""],
    ["no-operation is no option to ask for", PARSE, "0100", 8, 0, -22, ""],
    ["a length with a kind that is no experiment", PARSE, "0204", 8, 0, -22, ""],
    ["an experiment without its length", PARSE, "fe00", 8, 0, -22, ""],
    ["a length beyond the buffer", PARSE, "fe06eb9f0102", 4, 0, -22, ""],
    ["a buffer of one byte", PARSE, "02", 1, 0, -22, ""],
    ["a flag that is not known", PARSE, "0200", 8, 2, -22, ""],
    ["no SYN was saved", PARSE, "0200", 8, 1, -2, ""],
    ["while lengths are asked there is no packet", LEN, "0200", 8, 0, -1, ""],
    ["events that are not TCP's own", BEYOND, "0200", 8, 0, -95, ""],
  ])("%s", (_why, op, wanted, len, flags, answer, found) => {
    at(op);
    expect(call("load_hdr_opt", withBuffer(wanted), len, flags, 0)).toBe(answer);
    if (found !== "") expect(toHex(kernel.arena.u8.slice(buf, buf + found.length / 2))).toBe(found);
  });

  it("an option longer than the header is -EFAULT", () => {
    at(PARSE, "0208");
    expect(call("load_hdr_opt", withBuffer("0500"), 8, 0, 0)).toBe(-14);
  });
});

describe("bpf_store_hdr_opt", () => {
  const open = "020405b40101";

  it("writes behind what is there and takes of the room", () => {
    at(WRITE, open);
    kernel.env.optionRoom = 8;
    expect(call("store_hdr_opt", withBuffer("fe04abcd"), 4, 0, 0)).toBe(0);
    expect(kernel.env.optionRoom).toBe(4);
    expect(kernel.arena.dv.getUint32(ctx + 200, true)).toBe(header + 30);
    expect(toHex(kernel.arena.u8.slice(header + 20, header + 30))).toBe(`${open}fe04abcd`);
    expect(call("store_hdr_opt", withBuffer("fe04abcd"), 4, 0, 0)).toBe(-17);
  });

  it.each([
    ["in another event", PARSE, open, "fe04abcd", 4, 0, -1],
    ["with flags", WRITE, open, "fe04abcd", 4, 1, -22],
    ["a kind that is there", WRITE, open, "02040000", 4, 0, -17],
    ["longer than the room", WRITE, open, "fd0aabcd000000000000", 10, 0, -28],
    ["an experiment without a magic", WRITE, open, "fe03ab", 3, 0, -22],
    ["longer than what was given", WRITE, open, "fe06abcd", 4, 0, -22],
    ["behind the end of the options", WRITE, OPTIONS, "0504", 4, 0, -28],
  ])("%s", (_why, op, options, option, len, flags, answer) => {
    at(op, options);
    kernel.env.optionRoom = 8;
    expect(call("store_hdr_opt", withBuffer(option), len, flags, 0)).toBe(answer);
    expect(kernel.env.optionRoom).toBe(8);
  });
});

describe("bpf_reserve_hdr_opt", () => {
  it.each([
    ["takes of the room", LEN, 8, 0, 0, 0],
    ["more than the room", LEN, 9, 0, -28, 8],
    ["one byte", LEN, 1, 0, -22, 8],
    ["with flags", LEN, 4, 1, -22, 8],
    ["in another event", WRITE, 4, 0, -1, 8],
  ])("%s", (_why, op, len, flags, answer, left) => {
    at(op);
    kernel.env.optionRoom = 8;
    expect([call("reserve_hdr_opt", len, flags, 0), kernel.env.optionRoom]).toEqual([answer, left]);
  });
});

describe("bpf_sock_ops_cb_flags_set", () => {
  it.each([
    ["known flags are set", PARSE, 1, 0x41, 0, 0x41],
    ["unknown ones come back", PARSE, 1, 0x181, 0x180, 1],
    ["no full socket", PARSE, 0, 1, -22, 0],
    ["events that are not TCP's own", BEYOND, 1, 1, -95, 0],
  ])("%s", (_why, op, fullSock, flags, answer, set) => {
    at(op, OPTIONS, fullSock);
    expect(call("sock_ops_cb_flags_set", flags)).toBe(answer);
    expect(kernel.arena.dv.getUint32(ctx + 84, true)).toBe(set);
  });
});
