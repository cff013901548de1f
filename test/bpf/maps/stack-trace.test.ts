/**
 * Stacks by id. No program that netsim runs can fill such a map on Linux either, as those that may call bpf_get_stackid may sleep: the
 * rules are those of kernel/bpf/stackmap.c.
 */
import { describe, expect, it } from "vitest";
import { jhash2 } from "../../../sim/bpf/maps/jhash2.ts";
import type { StackTraceMap } from "../../../sim/bpf/maps/stack-trace.ts";
import { Bench, u32 } from "../kit.ts";

const FAST_STACK_CMP = 1 << 9;
const REUSE_STACKID = 1 << 10;
const STACK_BUILD_ID = 32;

function stacks(spec: {
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags?: number;
}): StackTraceMap {
  return new Bench().map("stack_trace", { keySize: 4, ...spec }) as StackTraceMap;
}

/** A stack of 64-bit addresses. */
const stack = (...ips: number[]): Uint32Array => Uint32Array.from(ips.flatMap((ip) => [ip, 0xffffffff]));

/** Another stack whose hash has the same low bits. */
function collider(of: Uint32Array, mask: number): Uint32Array {
  for (let ip = 1; ; ip++) {
    const other = stack(ip);
    if (((jhash2(other, 0) ^ jhash2(of, 0)) & mask) === 0 && other[0] !== of[0]) return other;
  }
}

describe("jhash2", () => {
  // by a second program made from include/linux/jhash.h
  it.each([
    [[], 0, 3735928559],
    [[], 1, 3735928560],
    [[1], 0, 1923623579],
    [[1, 2], 0, 2337044857],
    [[1, 2, 3], 0, 2757843189],
    [[0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], 0, 2642580079],
    [[0, 1, 2, 3, 4, 5, 6], 0, 2875861375],
  ])("of %j with seed %i is %i", (words, seed, want) => expect(jhash2(Uint32Array.from(words), seed)).toBe(want));
});

describe("stack_trace", () => {
  it("a stack's id is where its hash leads, the same for the same stack", () => {
    const map = stacks({ valueSize: 24, maxEntries: 5 });
    const id = map.idOf(stack(1, 2, 3, 4), 0);
    expect(id).toBe(jhash2(stack(1, 2, 3), 0) & 7);
    expect([map.idOf(stack(1, 2, 3, 5), 0), map.count()]).toEqual([id, 1]);
    expect(map.read(u32(id))).toEqual(new Uint8Array(stack(1, 2, 3).buffer));
  });

  it("frames that are skipped count neither for the hash nor for the value", () => {
    const map = stacks({ valueSize: 16, maxEntries: 4 });
    expect(map.idOf(stack(1, 2, 3, 4), 1)).toBe(map.idOf(stack(2, 3), 0));
    expect([map.idOf(stack(1, 2), 2), map.idOf(stack(1, 2), 255)]).toEqual([-14, -14]);
  });

  it("another stack in the bucket: -EEXIST, unless hashes alone are compared or it may take the place", () => {
    const map = stacks({ valueSize: 8, maxEntries: 2 });
    const first = stack(0x5000);
    const other = collider(first, 1);
    const id = map.idOf(first, 0);
    expect(map.idOf(other, 0)).toBe(-17);
    expect(map.idOf(other, FAST_STACK_CMP)).toBe(-17);
    expect(map.idOf(other, REUSE_STACKID)).toBe(id);
    expect(map.read(u32(id))).toEqual(new Uint8Array(other.buffer));
  });

  it("full: -ENOMEM also for a stack that would take another's place", () => {
    const map = stacks({ valueSize: 8, maxEntries: 1 });
    expect([map.idOf(stack(1), 0), map.idOf(stack(2), REUSE_STACKID), map.idOf(stack(1), 0)]).toEqual([0, -12, 0]);
  });

  it("with build ids: each frame is its address, marked as no build id", () => {
    const map = stacks({ valueSize: 64, maxEntries: 4, flags: STACK_BUILD_ID });
    const value = map.read(u32(map.idOf(stack(0x11, 0x22), 0)))!;
    const view = new DataView(value.buffer);
    expect([0, 32].map((at) => [view.getInt32(at, true), view.getUint32(at + 24, true)])).toEqual([
      [2, 0x11],
      [2, 0x22],
    ]);
  });

  it("user space walks, reads and deletes", () => {
    const map = stacks({ valueSize: 8, maxEntries: 8 });
    const ids = [...new Set([1, 2, 3].map((ip) => map.idOf(stack(ip), 0)).filter((id) => id >= 0))].sort();
    const walked: number[] = [];
    for (let k = map.nextKey(null); k !== null; k = map.nextKey(k)) walked.push(k[0]!);
    expect(walked).toEqual(ids);
    expect([map.remove(u32(ids[0]!)), map.remove(u32(ids[0]!)), map.remove(u32(8))]).toEqual([0, -2, -7]);
  });
});
