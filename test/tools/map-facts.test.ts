/** What bpftool shows of maps whose types libbpf keeps from the kernel, measured on Linux 6.18 with the same objects. */
import { describe, expect, it } from "vitest";
import { ToolNetwork } from "./kit.ts";

async function printed(net: ToolNetwork, command: string): Promise<string> {
  const r = await net.exec("b", command);
  return r.stdout + r.stderr;
}

describe("maps without BTF in the kernel", () => {
  it("a device map is read-only for programs, has no btf_id, and shows bytes", async () => {
    const net = new ToolNetwork("pair");
    await printed(net, "bpftool prog loadall xdp_l2_redirect.o /sys/fs/bpf/l2");
    const shown = await printed(net, "bpftool map show name switch_ports");
    expect(shown).toMatch(/^\d+: devmap {2}name switch_ports {2}flags 0x80\n\tkey 4B {2}value 8B {2}max_entries 64 /);
    expect(shown).not.toContain("btf_id");
    expect(JSON.parse(await printed(net, "bpftool -j map show name switch_ports"))).toMatchObject({ flags: 0x80 });
    expect(await printed(net, "bpftool map update name switch_ports key 1 0 0 0 value 11 0 0 0 0 0 0 0")).toBe("");
    const lines = (await printed(net, "bpftool map dump name switch_ports")).split("\n");
    expect(lines.slice(0, 3)).toEqual([
      "key: 00 00 00 00  value: <no entry>",
      "key: 01 00 00 00  value: 0b 00 00 00 00 00 00 00",
      "key: 02 00 00 00  value: <no entry>",
    ]);
    expect(lines.slice(-3)).toEqual(["key: 3f 00 00 00  value: <no entry>", "Found 1 element", ""]);
    expect(await printed(net, "bpftool -j map lookup name switch_ports key 1 0 0 0")).toBe(
      '{"key":["0x01","0x00","0x00","0x00"],"value":["0x0b","0x00","0x00","0x00","0x00","0x00","0x00","0x00"]}\n',
    );
  });

  it("a perf event array keeps what it holds to itself", async () => {
    const net = new ToolNetwork("pair");
    await printed(net, "bpftool prog loadall xdp_events.o /sys/fs/bpf/ev");
    const lines = (await printed(net, "bpftool map dump name perf_events")).split("\n");
    expect(lines.slice(0, 4)).toEqual(["key:", "00 00 00 00", "value:", "Unknown error 524"]);
    expect(lines.slice(-2)).toEqual(["Found 0 elements", ""]);
    expect(await printed(net, "bpftool -j map dump name perf_events")).toContain(
      '{"key":["0x00","0x00","0x00","0x00"],"value":{"error":"Unknown error 524"}}',
    );
    expect(await printed(net, "bpftool map show name perf_events")).not.toContain("btf_id");
  });

  it("other maps have their types", async () => {
    const net = new ToolNetwork("pair");
    await printed(net, "bpftool prog loadall xdp_l2_redirect.o /sys/fs/bpf/l2");
    expect(await printed(net, "bpftool map show name mac_table")).toMatch(/ flags 0x0\n[\s\S]*\tbtf_id \d+\n$/);
  });
});
