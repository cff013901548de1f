import { describe, expect, it } from "vitest";
import { formatIp4, linkLocalOf, parseIp, parseMac, parsePrefix } from "../../../sim/net/ip/address.ts";
import { truesizeOf } from "../../../sim/net/ip/truesize.ts";

describe("addresses", () => {
  it.each([
    ["10.0.0.1", "10.0.0.1"],
    ["255.255.255.255", "255.255.255.255"],
    ["::", "::"],
    ["::1", "::1"],
    ["2001:db8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["fe80::FF:FE00:1", "fe80::ff:fe00:1"],
    ["::ffff:10.0.0.1", "::ffff:10.0.0.1"],
    ["ff02::", "ff02::"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ])("%s reads as %s", (text, out) => {
    expect(parseIp(text)?.toString()).toBe(out);
  });

  it.each([
    "",
    "10.0.0",
    "10.0.0.256",
    "1.2.3.4.5",
    "010.0.0.1",
    "::ffff:010.0.0.1",
    "1::2::3",
    ":1",
    "1:2:3:4:5:6:7:8:9",
    "g::",
    "12345::",
    "::1.2.3",
    "1:2:3",
  ])("%j is no address", (text) => {
    expect(parseIp(text)).toBeNull();
  });

  it.each(["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/1x"])("%j is no prefix", (text) => {
    expect(parsePrefix(text)).toBeNull();
  });

  it("a prefix without a length is the whole address", () => {
    expect(parsePrefix("10.0.0.1")?.len).toBe(32);
    expect(parsePrefix("::1")?.len).toBe(128);
  });

  it("the link-local address has the MAC in it, its universal bit turned round", () => {
    expect(linkLocalOf(parseMac("9a:84:2a:91:fd:57")!).toString()).toBe("fe80::9884:2aff:fe91:fd57");
    expect(formatIp4(0xc0a80101)).toBe("192.168.1.1");
  });

  it.each([
    [29, 832],
    [128, 832],
    [228, 1280],
    [628, 1280],
    [728, 2304],
    [1500, 2304],
    [2028, 4352],
    [4028, 8448],
    [9028, 16640],
  ])("a packet of %i bytes costs %i of a buffer, as measured on Linux", (len, size) => {
    expect(truesizeOf(len)).toBe(size);
  });
});
