import { describe, expect, it } from "vitest";
import { netsim } from "./kit.ts";

const MAPS = "test/fixtures/objects/maps.o";
const MAPS_TEXT = "test/fixtures/objects/maps.c";

describe("netsim btf dump", () => {
  it("prints the simulated kernel's types when no file is named", async () => {
    const { status, stdout } = await netsim(["btf", "dump"]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^\[1\] INT 'long unsigned int' size=8 bits_offset=0 nr_bits=64 encoding=\(none\)\n/);
    expect(stdout).toMatch(/\n\[\d+\] STRUCT 'sk_buff' size=\d+ vlen=\d+\n/);
    expect((await netsim(["btf", "dump", "kernel", "format", "raw"])).stdout).toBe(stdout);
  });

  it("writes a header", async () => {
    const { status, stdout } = await netsim(["btf", "dump", "format", "c"]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\n/);
    expect(stdout).toContain("extern int bpf_xdp_metadata_rx_hash(const struct xdp_md *ctx, u32 *hash");
    expect(stdout).toMatch(/#endif \/\* __VMLINUX_H__ \*\/\n$/);
  });

  it.each([
    [
      ["map", "vips"],
      ["vip_key", "backend"],
    ],
    [["map", "vips", "key"], ["vip_key"]],
    [["map", "vips", "value"], ["backend"]],
    [
      ["map", "vips", "kv"],
      ["vip_key", "backend"],
    ],
  ])("%j prints a map's types", async (words, names) => {
    const { status, stdout } = await netsim(["btf", "dump", MAPS, ...words]);
    expect(status).toBe(0);
    expect([...stdout.matchAll(/^\[\d+\] \w+ '(.*?)'/gm)].map((m) => m[1])).toEqual(names);
  });

  it.each([
    [["nothing.o"], 3, /nothing\.o: no such file \[OBJECT_MISSING\]/],
    [[MAPS_TEXT], 3, /BTF_HEADER/],
    [["format", "d"], 2, /unrecognized format specifier: 'd', possible values: raw, c/],
    [["format"], 2, /unrecognized format specifier/],
    [["kernel", "fromat", "c"], 2, /unrecognized option: 'fromat'.*\n.*did you mean format\?/],
    [["map", "x"], 2, /the simulated kernel's types have no maps/],
    [[MAPS, "map"], 2, /expected a map's name behind 'map'/],
    [[MAPS, "map", "vipz"], 2, /there is no map "vipz".*\n.*did you mean vips\?/],
  ])("%j is refused", async (words, status, message) => {
    const done = await netsim(["btf", "dump", ...words]);
    expect(done.status).toBe(status);
    expect(done.stderr).toMatch(message);
    expect(done.stdout).toBe("");
  });
});
