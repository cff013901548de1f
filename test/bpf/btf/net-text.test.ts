import { describe, expect, it } from "vitest";
import { parseIpv4, parseIpv6, parseMac, parsePrefix } from "../../../sim/bpf/btf/net-text.ts";
import { hex } from "./kit.ts";

const shown = (bytes: Uint8Array | null): string | null => (bytes === null ? null : hex(bytes));

describe("addresses", () => {
  it.each([
    ["10.0.0.1", "0a000001"],
    ["255.255.255.255", "ffffffff"],
    ["256.0.0.1", null],
    ["1.2.3", null],
    ["01.2.3.4", null],
    ["1.2.3.4.5", null],
    ["", null],
  ])("IPv4 %s", (text, expected) => {
    expect(shown(parseIpv4(text))).toBe(expected);
  });

  it.each([
    ["::", "00000000000000000000000000000000"],
    ["::1", "00000000000000000000000000000001"],
    ["2001:db8::1", "20010db8000000000000000000000001"],
    ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
    ["1:2:3:4:5:6:7::", "00010002000300040005000600070000"],
    ["::ffff:10.0.0.1", "00000000000000000000ffff0a000001"],
    ["64:ff9b::10.0.0.1", "0064ff9b00000000000000000a000001"],
    ["1:2:3:4:5:6:7", null],
    ["1:2:3:4:5:6:7:8:9", null],
    ["1:2:3:4::5:6:7:8", null],
    ["1::2::3", null],
    ["12345::", null],
    [":1", null],
    ["10.0.0.1", null],
    ["10.0.0.1::", null],
  ])("IPv6 %s", (text, expected) => {
    expect(shown(parseIpv6(text))).toBe(expected);
  });

  it.each([
    ["02:00:00:00:00:0a", "02000000000a"],
    ["02-00-00-00-00-FF", "0200000000ff"],
    ["2:0:0:0:0:1", "020000000001"],
    ["02:00:00:00:00", null],
    ["02:00:00:00:00:00:00", null],
    ["02:00:00:00:00:gg", null],
  ])("MAC %s", (text, expected) => {
    expect(shown(parseMac(text))).toBe(expected);
  });

  it("reads prefixes with and without a length", () => {
    expect(parsePrefix("10.0.0.0/8")).toEqual({ address: Uint8Array.of(10, 0, 0, 0), length: 8 });
    expect(parsePrefix("10.0.0.1")?.length).toBe(32);
    expect(parsePrefix("::/0")?.length).toBe(0);
    expect(parsePrefix("10.0.0.0/33")).toBeNull();
    expect(parsePrefix("10.0.0.0/")).toBeNull();
  });
});
