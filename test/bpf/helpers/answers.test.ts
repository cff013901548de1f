import { describe, expect, it } from "vitest";
import { csumDiff } from "../../../sim/bpf/helpers/csum.ts";
import { traceVprintk } from "../../../sim/bpf/helpers/print.ts";
import { strtol, strtoul } from "../../../sim/bpf/helpers/string.ts";
import { Bench, hex, recordingEnv } from "../kit.ts";
import { csumAnswers, formatAnswers, formatArgs, numberAnswers } from "./kernel-answers.ts";

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

describe("helpers answer what Linux 6.18 answered", () => {
  it.each(csumAnswers)("csum_diff(%s, %s, %i) = %i", (from, to, seed, want) => {
    const bench = new Bench();
    const env = recordingEnv(bench);
    const a = hex(from);
    const b = hex(to);
    const at = a.length === 0 ? 0 : bench.put(a, 1);
    const bt = b.length === 0 ? 0 : bench.put(b, 2);
    expect(csumDiff.call(env, at, a.length, bt, b.length, seed | 0)).toBe(want);
  });

  it.each(numberAnswers)(
    "strtol and strtoul of %j, base %i",
    (text, base, signed, signedValue, unsigned, unsignedValue) => {
      const bench = new Bench();
      const env = recordingEnv(bench);
      const buf = bench.put(latin1(text));
      const res = bench.put(hex("ffffffffffffffff"));
      const value = (): string => String(bench.arena.u64[res >>> 3]);
      expect([strtol.call(env, buf, text.length, base, 0, res), value()]).toEqual([signed, signedValue]);
      expect([strtoul.call(env, buf, text.length, base, 0, res), value()]).toEqual([unsigned, unsignedValue]);
    },
  );

  it("strtoul zeroes its result before it reads, also where the result lies in the text: -EINVAL", () => {
    const bench = new Bench();
    const buf = bench.put(latin1("42\0\0\0\0\0\0"));
    expect(strtoul.call(recordingEnv(bench), buf, 8, 10, 0, buf)).toBe(-22);
  });

  it.each(formatAnswers)("trace_vprintk of %j with %i arguments answers %i: %j", (format, count, want, line) => {
    const bench = new Bench();
    const env = recordingEnv(bench);
    const fmt = bench.put(latin1(`${format}\0`));
    const args = bench.put(new Uint8Array(BigUint64Array.from(formatArgs).buffer));
    expect(traceVprintk.call(env, fmt, format.length + 1, args, count * 8)).toBe(want);
    expect(env.lines).toEqual(want < 0 ? [] : [line]);
  });
});
