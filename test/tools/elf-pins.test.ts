/**
 * Maps that iproute2's `maps` section pins. What an iproute2 built without libbpf does with these objects on Linux 6.18, where it puts
 * its pins and what it says, was asked by hand: those of today's distributions refuse such objects.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ToolNetwork } from "./kit.ts";

const OBJECT = "../test/fixtures/objects/elf_pins.o";
const OTHER = "../test/fixtures/objects/elf_pins_other.o";
const uid = (file: string): string =>
  createHash("sha1")
    .update(readFileSync(new URL(`../../programs/${file}`, import.meta.url)))
    .digest("hex");

const pinsOf = (net: ToolNetwork): string[] => [...net.hosts.get("b")!.bpf.pins.keys()];

describe("maps that iproute2 pins", () => {
  it("are pinned per object and for all; a number without a path pins nothing", () => {
    const net = new ToolNetwork("row");
    net.do("b", `ip link set dev vb xdp obj ${OBJECT} sec prog`);
    expect(pinsOf(net)).toEqual([`/sys/fs/bpf/tc/${uid(OBJECT)}/object_map`, "/sys/fs/bpf/tc/globals/global_map"]);
    const maps = net.do("b", "bpftool map show").match(/name (\w+_map)/g);
    expect(maps).toEqual(["name none_map", "name object_map", "name global_map", "name custom_map"]);
  });

  it("are shared by programs of the object, tc's and ip's", () => {
    const net = new ToolNetwork("row");
    net.do("b", `ip link set dev vb xdp obj ${OBJECT} sec prog`);
    net.do("b", "tc qdisc add dev vc clsact");
    net.do("b", `tc filter add dev vc ingress bpf da obj ${OBJECT} sec other`);
    expect(net.do("b", "bpftool map show").match(/name object_map/g)).toHaveLength(1);
    expect(net.do("b", "bpftool map show").match(/name none_map/g)).toHaveLength(2);
  });

  it("are reached by ip's directories, which are links to tc's", () => {
    const net = new ToolNetwork("pair");
    net.do("b", `ip link set dev vb xdp obj ${OBJECT} sec prog`);
    const shown = net.do("b", "bpftool map show pinned /sys/fs/bpf/tc/globals/global_map");
    expect(shown).toContain("name global_map");
    expect(net.do("b", "bpftool map show pinned /sys/fs/bpf/xdp/globals/global_map")).toBe(shown);
  });

  it("are refused in iproute2's words when the object says another shape", async () => {
    const net = new ToolNetwork("row");
    net.do("b", `ip link set dev vb xdp obj ${OBJECT} sec prog`);
    const refused = await net.exec("b", `ip link set dev vc xdp obj ${OTHER} sec prog`);
    expect(refused.stderr).toBe(
      "Map specification differs from pinned file!\n" +
        " - Max elems:    8 (obj) != 4 (pin)\n" +
        " - Flags:        0x1 (obj) != 0 (pin)\n\n" +
        "Map 'global_map' self-check failed!\n" +
        "Error loading maps into kernel!\n" +
        "Error fetching ELF ancillary data!\n",
    );
    expect(refused.status).toBe(255);
    const tc = await net.exec("b", `tc filter add dev vc ingress bpf da obj ${OTHER} sec prog`);
    expect(tc.stderr).toMatch(/Error fetching ELF ancillary data!\nUnable to load program\n$/);
    expect(tc.status).toBe(1);
  });

  it("are not pinned by libbpf, which knows nothing of it", () => {
    const net = new ToolNetwork("pair");
    net.do("b", `bpftool prog loadall ${OBJECT} /sys/fs/bpf/x type xdp`);
    expect(pinsOf(net)).toEqual(["/sys/fs/bpf/x/every", "/sys/fs/bpf/x/some"]);
  });
});
