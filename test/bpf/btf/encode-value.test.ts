import { describe, expect, it } from "vitest";
import { encodeSized, encodeValue } from "../../../sim/bpf/btf/encode-value.ts";
import { LabError } from "../../../sim/engine/errors.ts";
import { btf, hex, id } from "./kit.ts";

/** The findings that a call ends with, as `path: message`. */
function findings(call: () => unknown): string[] {
  try {
    call();
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    return error.diagnostics.map(
      (d) => `${d.path ?? ""}: ${d.message} [${d.code}]${d.fix === undefined ? "" : ` (${d.fix})`}`,
    );
  }
  return [];
}

describe("encodeValue", () => {
  it("stores the fields of a map key in network byte order where their types say so", () => {
    const key = encodeValue(btf, id("vip_key"), { v4: "10.0.0.1", port: 80, proto: 6, flag: 1, rest: 3 });
    expect(hex(key)).toBe(`0a000001${"00".repeat(12)}0050${"06"}${"07"}`);
  });

  it("takes an IPv6 address for the 16-byte member", () => {
    const key = encodeValue(btf, id("vip_key"), { v6: "2001:db8::1", port: "0x1f90" });
    expect(hex(key)).toBe(`20010db8${"00".repeat(11)}011f900000`);
  });

  it("takes an address list element by element", () => {
    const key = encodeValue(btf, id("vip_key"), { v6: ["10.0.0.1", 1] });
    expect(hex(key)).toBe(`0a00000100000001${"00".repeat(12)}`);
  });

  it("writes every kind of member where clang put it", () => {
    const value = encodeValue(btf, id("backend"), {
      name: "web-1",
      mac: "02:00:00:00:00:09",
      port: 8080,
      delta: -5,
      proto: "PROTO_UDP",
      low: 21,
      mid: -3,
      high: 0x9abcd,
      counters: [1, 2n ** 63n + 5n, 3],
      up: true,
      inner_a: 7,
      inner_b: 8,
      vip: { v4: "1.2.3.4" },
      pointer: 0xffff888012345678n,
    });
    expect([...value]).toEqual([
      ...[119, 101, 98, 45, 49, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 9, 31, 144, 0, 0, 0, 0],
      ...[251, 255, 255, 255, 255, 255, 255, 255, 17, 0, 0, 0, 181, 223, 188, 154, 1, 0, 0, 0, 0, 0, 0, 0],
      ...[5, 0, 0, 0, 0, 0, 0, 128, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 7, 0, 8, 0, 0, 0],
      ...[1, 2, 3, 4, ...Array<number>(16).fill(0), 0, 0, 0, 0, 120, 86, 52, 18, 128, 136, 255, 255],
    ]);
  });

  it.each<[string, string, unknown, string]>([
    ["__u32", "typedef", 258, "02010000"],
    ["__u32", "typedef", "10.0.0.1", "0a000001"],
    ["__u32", "typedef", "0xff", "ff000000"],
    ["__be32", "typedef", 1, "00000001"],
    ["__be16", "typedef", 443, "01bb"],
    ["__u64", "typedef", 2n ** 64n - 1n, "ffffffffffffffff"],
    ["__u64", "typedef", "18446744073709551615", "ffffffffffffffff"],
    ["__s64", "typedef", -1, "ffffffffffffffff"],
    ["proto", "enum", "PROTO_NONE", "ffffffff"],
    ["proto", "enum", 17, "11000000"],
    ["lpm_key", "struct", "10.1.0.0/16", "100000000a010000"],
    ["lpm_key", "struct", "10.1.2.3", "200000000a010203"],
    ["lpm_key", "struct", { prefixlen: 8, addr: "10.0.0.0" }, "080000000a000000"],
    ["lpm_key", "struct", { prefixlen: 8, addr: [10, 0] }, "080000000a000000"],
    ["lpm_key", "struct", Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), "0102030405060708"],
    ["point", "struct", { x: -2, label: "abcd" }, "feffffff61626364"],
    ["point", "struct", { label: "ä" }, "00000000c3a40000"],
    ["point", "struct", {}, "0000000000000000"],
  ])("%s (%s) from %o is %s", (name, kind, value, expected) => {
    expect(hex(encodeValue(btf, id(name, kind as "struct"), value))).toBe(expected);
  });

  it("takes an address for a union by the member that it fills", () => {
    const key = btf.types[id("vip_key")]!;
    if (key.kind !== "struct") throw new Error("vip_key is no struct");
    const union = key.members[0]!.type;
    expect(hex(encodeValue(btf, union, "10.0.0.1"))).toBe(`0a000001${"00".repeat(12)}`);
    expect(hex(encodeValue(btf, union, "::1"))).toBe(`${"00".repeat(15)}01`);
  });

  it("collects every finding, with its path and the nearest name", () => {
    const bad = { prot: 80, nme: "x", counters: [1, "many"], vip: { prt: 1 }, low: 32, proto: "PROTO_UPD", up: 2 };
    expect(findings(() => encodeValue(btf, id("backend"), bad, "value"))).toEqual([
      expect.stringMatching(/^value\.prot: struct backend has no field "prot" \[VALUE_FIELD\] \(did you mean port\?/),
      expect.stringMatching(/^value\.nme: struct backend has no field "nme" \[VALUE_FIELD\] \(did you mean name\?/),
      'value.counters[1]: expected an integer for __u64, got "many" [VALUE_TYPE]',
      expect.stringMatching(
        /^value\.vip\.prt: struct vip_key has no field "prt" \[VALUE_FIELD\] \(did you mean port\?/,
      ),
      "value.low: 32 does not fit __u32:5, expected 0 to 31 [VALUE_RANGE]",
      expect.stringMatching(
        /^value\.proto: enum proto has no enumerator "PROTO_UPD" \[VALUE_ENUM\] \(did you mean PROTO_UDP\?/,
      ),
      "value.up: 2 does not fit _Bool, expected 0 to 1 [VALUE_RANGE]",
    ]);
  });

  it.each<[string, string, unknown, RegExp]>([
    ["__u32", "typedef", 2 ** 32, /4294967296 does not fit __u32, expected 0 to 4294967295/],
    ["__u32", "typedef", -1, /-1 does not fit __u32/],
    ["__u32", "typedef", "10.0.0.300", /expected an integer or an IPv4 address for __u32, got "10\.0\.0\.300"/],
    ["__u32", "typedef", 1.5, /got 1\.5/],
    ["__u32", "typedef", null, /got nothing/],
    ["__be16", "typedef", 65536, /65536 does not fit __be16, expected 0 to 65535/],
    ["__s64", "typedef", 2n ** 63n, /expected -9223372036854775808 to 9223372036854775807/],
    ["backend", "struct", 5, /expected fields of struct backend \(name, mac, port,/],
    ["backend", "struct", { name: "thirteen-char" }, /text of 13 bytes, expected at most 12/],
    ["backend", "struct", { counters: [1, 2, 3, 4] }, /4 elements, expected at most 3/],
    ["backend", "struct", { mac: "02:00" }, /expected a list of 6, a MAC address, got "02:00"/],
    ["backend", "struct", { mid: 64 }, /64 does not fit int:7, expected -64 to 63/],
    ["lpm_key", "struct", "10.0.0.0/33", /expected fields of struct lpm_key/],
    ["lpm_key", "struct", Uint8Array.of(1), /expected 8 bytes, got 1/],
  ])("%s (%s) refuses %o", (name, kind, value, expected) => {
    const found = findings(() => encodeValue(btf, id(name, kind as "struct"), value));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(expected);
  });

  it("refuses a type without values", () => {
    expect(findings(() => encodeValue(btf, 0, 1))).toEqual([": the type void has no size [VALUE_SIZELESS]"]);
  });
});

describe("encodeSized", () => {
  it.each<[number, unknown, string]>([
    [4, 1, "01000000"],
    [8, -1, "ffffffffffffffff"],
    [2, "0x102", "0201"],
    [4, "10.0.0.1", "0a000001"],
    [6, "02:00:00:00:00:01", "020000000001"],
    [16, "::2", `${"00".repeat(15)}02`],
    [3, [1, 2, 255], "0102ff"],
    [4, "0x0a 00 0x00 01", "0a000001"],
    [2, Uint8Array.of(7, 8), "0708"],
  ])("%i bytes from %o are %s", (size, value, expected) => {
    expect(hex(encodeSized(size, value))).toBe(expected);
  });

  it.each<[number, unknown, RegExp]>([
    [3, 1, /expected 3 bytes as a list/],
    [4, [1, 2], /expected 4 bytes, got 2/],
    [4, [1, 2, 3, 256], /256 does not fit byte/],
    [1, 300, /300 does not fit/],
    [4, {}, /got fields/],
  ])("%i bytes refuse %o", (size, value, expected) => {
    expect(findings(() => encodeSized(size, value))[0]).toMatch(expected);
  });
});
