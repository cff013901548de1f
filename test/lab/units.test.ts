import { describe, expect, it } from "vitest";
import {
  formatDuration,
  parseBitRate,
  parseBytes,
  parseDuration,
  parseFraction,
  parseSourceRate,
} from "../../sim/lab/units.ts";

describe("units of a lab", () => {
  it.each([
    ["10ms", 10e6, ""],
    ["1.5s", 1.5e9, ""],
    ["500us", 500e3, ""],
    ["7ns", 7, ""],
    ["2min", 120e9, "what tc does not have"],
    ["1h", 3600e9, ""],
    ["0", 0, "nothing needs no unit"],
    ["0s", 0, ""],
    ["1secs", 1e9, "tc's long forms"],
    ["10", null, "microseconds to tc, seconds to people"],
    ["ms", null, ""],
    ["-1s", null, ""],
    ["10 parsecs", null, ""],
    ["99999999h", null, "beyond 104 days"],
  ])("duration %s is %s ns %s", (text, ns, _why) => {
    expect(parseDuration(text)).toBe(ns);
  });

  it.each([
    ["10gbit", 10e9, ""],
    ["1.5mbit", 1.5e6, ""],
    ["1mbps", 8e6, "bps is bytes, as in tc"],
    ["1kibit", 1024, ""],
    ["8000", 8000, "bits"],
    ["0", null, "a link without rate says nothing"],
    ["10gbits", null, ""],
    ["fast", null, ""],
  ])("rate %s is %s bit/s %s", (text, bps, _why) => {
    expect(parseBitRate(text)).toBe(bps);
  });

  it.each([
    ["10kpps", { pps: 10_000 }],
    ["1.5Mpps", { pps: 1_500_000 }],
    ["3pps", { pps: 3 }],
    ["100mbit", { bps: 100e6 }],
    ["1mbps", { bps: 8e6 }],
    ["10", null],
    ["0pps", null],
    ["9gpps", null],
  ])("source rate %s is %o", (text, rate) => {
    expect(parseSourceRate(text)).toEqual(rate);
  });

  it.each([
    ["1500", 1500],
    ["9k", 9216],
    ["32kbit", 4096],
    ["1mb", 1048576],
    ["-1", null],
    ["1.5.2", null],
  ])("size %s is %s bytes", (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  it.each([
    ["1%", 0.01],
    ["0.25", 0.25],
    ["100%", 1],
    ["0", 0],
    ["1.5", null],
    ["101%", null],
    ["-1%", null],
  ])("share %s is %s", (text, share) => {
    expect(parseFraction(text)).toBe(share);
  });

  it.each([
    [0, "0"],
    [999, "999ns"],
    [1000, "1us"],
    [1234, "1.23us"],
    [45_600, "45.6us"],
    [123_456_789, "123ms"],
    [1_500_000_000, "1.5s"],
    [100_000_000_000, "100s"],
  ])("%s ns prints as %s", (ns, text) => {
    expect(formatDuration(ns)).toBe(text);
  });
});
