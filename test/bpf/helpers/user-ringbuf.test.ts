import { describe, expect, it } from "vitest";
import { dynptrData, dynptrSize } from "../../../sim/bpf/dynptr.ts";
import { userRingbufDrain } from "../../../sim/bpf/helpers/user-ringbuf.ts";
import type { UserRingbufMap } from "../../../sim/bpf/maps/user-ringbuf.ts";
import { Bench, recordingEnv } from "../kit.ts";

const RING = 4096;
const CALLBACK = 7;

/** A ring, and what a callback sees of each sample. */
function scene(answer: (nth: number) => number = () => 0): {
  readonly map: UserRingbufMap;
  readonly seen: number[][];
  readonly drain: (flags?: number, high?: number) => number;
} {
  const bench = new Bench();
  const map = bench.map<UserRingbufMap>("user_ringbuf", { keySize: 0, valueSize: 0, maxEntries: RING });
  const env = recordingEnv(bench);
  const seen: number[][] = [];
  env.callbacks.set(CALLBACK, (dynptr) => {
    seen.push([...bench.get(dynptrData(bench.arena, dynptr), dynptrSize(bench.arena, dynptr))]);
    return answer(seen.length);
  });
  const drain = (flags = 0, high = 0): number => userRingbufDrain.call(env, map.handle, CALLBACK, 0, flags, high);
  return { map, seen, drain };
}

describe("bpf_user_ringbuf_drain", () => {
  it("calls the callback with each sample in order and answers their number", () => {
    const { map, seen, drain } = scene();
    expect(map.submit(Uint8Array.of(1, 2, 3))).toBe(0);
    expect(map.submit(Uint8Array.of(4))).toBe(0);
    expect(drain()).toBe(2);
    expect(seen).toEqual([[1, 2, 3], [4]]);
    expect(drain()).toBe(0);
    expect(map.count()).toBe(0);
  });

  it("passes over what user space discarded", () => {
    const { map, seen, drain } = scene();
    map.discard(100);
    map.submit(Uint8Array.of(9));
    expect(drain()).toBe(1);
    expect(seen).toEqual([[9]]);
  });

  it("stops when the callback answers 1; that sample was taken", () => {
    const { map, seen, drain } = scene((nth) => (nth === 2 ? 1 : 0));
    for (let i = 0; i < 5; i++) map.submit(Uint8Array.of(i));
    expect(drain()).toBe(2);
    expect(drain()).toBe(3);
    expect(seen.flat()).toEqual([0, 1, 2, 3, 4]);
  });

  it("refuses flags that are no wakeup flags", () => {
    const { drain } = scene();
    expect([drain(1), drain(2), drain(3), drain(4), drain(0, 1)]).toEqual([0, 0, 0, -22, -22]);
  });

  it("answers -EBUSY to a program that drains within a callback", () => {
    const inner: number[] = [];
    const s = scene(() => {
      inner.push(s.drain());
      return 0;
    });
    s.map.submit(Uint8Array.of(1));
    expect(s.drain()).toBe(1);
    expect(inner).toEqual([-16]);
  });

  it("a full ring has no room until it is drained; samples wrap in one piece", () => {
    const { map, seen, drain } = scene();
    const sample = Uint8Array.from({ length: 1000 }, (_, i) => i & 255);
    for (let round = 0; round < 10; round++) {
      let sent = 0;
      while (map.submit(sample) === 0) sent++;
      expect(sent).toBe(4);
      expect(map.submit(sample)).toBe(-28);
      expect(drain()).toBe(4);
    }
    expect(seen.every((s) => s.length === 1000 && s.every((b, i) => b === sample[i]))).toBe(true);
    expect(map.submit(new Uint8Array(RING))).toBe(-7);
  });
});
