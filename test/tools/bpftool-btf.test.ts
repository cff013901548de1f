/** `bpftool btf` on a simulated host, and programs compiled with CO-RE that are loaded there. Errors as bpftool 7.7 words them. */
import { describe, expect, it } from "vitest";
import { ToolNetwork } from "./kit.ts";

const CORE = "../test/fixtures/objects/core.o";
const BALANCER = "xdp_l4lb.o";

describe("bpftool btf dump", () => {
  const network = new ToolNetwork("pair");
  network.do("b", `bpftool prog loadall ${BALANCER} /sys/fs/bpf/lb`);

  it("the kernel's own types are where Linux has them", () => {
    const text = network.do("b", "bpftool btf dump file /sys/kernel/btf/vmlinux");
    expect(text).toMatch(/\n\[\d+\] STRUCT 'net_device' size=\d+ vlen=\d+\n/);
    expect(network.do("b", "bpftool btf dump file /sys/kernel/btf/vmlinux format c")).toContain("struct sk_buff {\n");
  });

  it.each([
    ["name vips", ["vip_key", "vip"]],
    ["name vips key", ["vip_key"]],
    ["name vips value", ["vip"]],
    ["name vips kv", ["vip_key", "vip"]],
  ])("of map %s are the types of its key and value", (words, names) => {
    const text = network.do("b", `bpftool btf dump map ${words}`);
    expect([...text.matchAll(/^\[\d+\] \w+ '(.*?)'/gm)].map((m) => m[1])).toEqual(names);
  });

  it("of a program are those of its object, as text and as JSON", () => {
    const id = /^(\d+): /m.exec(network.do("b", "bpftool prog show"))![1]!;
    const text = network.do("b", `bpftool btf dump prog id ${id}`);
    const { types } = JSON.parse(network.do("b", `bpftool -j btf dump prog id ${id}`)) as { types: { name: string }[] };
    expect(types.map((t) => t.name)).toEqual([...text.matchAll(/^\[\d+\] \w+ '(.*?)'/gm)].map((m) => m[1]));
    expect(network.do("b", `bpftool btf dump file ${BALANCER} root_id 1`)).toMatch(/^\[1\] .*\n(\t.*\n)*$/);
  });

  it.each([
    ["map id 99999", 255, "Error: get map by id (99999): No such file or directory\n"],
    ["file nope.o", 254, "Error: failed to load BTF from nope.o: No such file or directory\n"],
    [
      "file ../test/fixtures/objects/legacy.o",
      195,
      "Error: failed to load BTF from ../test/fixtures/objects/legacy.o: No data available\n",
    ],
    [`file ${CORE} format x`, 234, "Error: unrecognized format specifier: 'x', possible values: raw, c\n"],
    [`file ${CORE} root_id 9999`, 234, "Error: invalid root ID: 9999\n"],
    [`file ${CORE} root_id 2 root_id 2`, 234, "Error: duplicate root_id 2 supplied\n"],
    ["map name vips root_id 1", 234, "Error: cannot use root_id with other type filtering\n"],
    [`file ${CORE} frob`, 234, "Error: unrecognized option: 'frob'\n"],
    ["foo x", 255, "Error: unrecognized BTF source specifier: 'foo'\n"],
  ])("%s is refused", async (words, status, stderr) => {
    expect(await network.exec("b", `bpftool btf dump ${words}`)).toMatchObject({ status, stdout: "", stderr });
  });
});

describe("a program compiled with CO-RE on a host", () => {
  const network = new ToolNetwork("pair");
  network.do("b", `bpftool prog loadall ${CORE} /sys/fs/bpf/core`);

  it("is listed with the kernel's offsets", () => {
    const text = network.do("b", "bpftool prog dump xlated name k_skb_len");
    expect(text).toContain("r0 = *(u32 *)(r1 +112)\n");
  });

  it.each([
    ["guarded", "e1119152e019b918"],
    ["k_map_type", "109950afb4ef1dfb"],
    ["k_iter", "59f4bb330646e77f"],
    ["k_skb_bits", "7ff814329d1df60e"],
    ["k_port", "2a304ea3e6a692fb"],
  ])("%s has the tag that Linux 6.18.44 gives it", (name, tag) => {
    expect(network.do("b", `bpftool prog show name ${name}`)).toContain(`tag ${tag} `);
  });
});
