/** Commands and what they print, measured on Linux 6.18 with the same tools beside the recordings. */
import { describe, expect, it } from "vitest";
import { type NetworkOptions, ToolNetwork } from "./kit.ts";

/** One line of a session on host b: the command, its status when not 0, stdout and stderr. */
type Line = readonly [command: string, output?: string, status?: number];

async function session(
  lines: readonly Line[],
  options: NetworkOptions = {},
  network = new ToolNetwork("pair", options),
): Promise<void> {
  for (const [command, output = "", status = 0] of lines) {
    const result = await network.exec("b", command);
    expect({ command, status: result.status, output: result.stdout + result.stderr }).toEqual({
      command,
      status,
      output,
    });
  }
}

const noDevice = (name: string): string => `Cannot find device "${name}"\n`;

describe("ip link", () => {
  it.each<readonly [string, readonly Line[]]>([
    [
      "a pair without names is called veth0 and veth1",
      [
        ["ip link add type veth"],
        [
          "ip link show veth0",
          "2: veth0@veth1: <BROADCAST,MULTICAST,M-DOWN> mtu 1500 qdisc noop state DOWN mode DEFAULT group default qlen 1000\n" +
            "    link/ether 02:00:00:01:00:02 brd ff:ff:ff:ff:ff:ff\n",
        ],
      ],
    ],
    [
      "a device that is up can be renamed, and an alias of iproute2's words will do",
      [
        ["ip l set dev vb name vq"],
        [
          "ip l sh vq",
          "11: vq@if10: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default qlen 1000\n    link/ether 02:00:00:00:00:11 brd ff:ff:ff:ff:ff:ff link-netns a\n",
        ],
        ["ip link set vb up", noDevice("vb"), 1],
      ],
    ],
    [
      "what is missing is said",
      [
        ["ip link set", 'Not enough information: "dev" argument is required.\n', 255],
        ["ip link add foo", 'Not enough information: "type" argument is required\n', 1],
        ["ip link add foo type veth peer name foo", "RTNETLINK answers: File exists\n", 2],
        ["ip link del lo", "RTNETLINK answers: Operation not supported\n", 2],
        ["ip link set vb master nope", 'Error: argument "nope" is wrong: Device does not exist\n\n', 255],
        ["ip link set vb mtu abc", 'Error: argument "abc" is wrong: Invalid "mtu" value\n\n', 255],
        ["ip link add v1 type vxlan", "netsim has no devices of type vxlan yet\n", 255],
        ["ip -x link", 'Option "-x" is unknown, try "ip -help".\n', 255],
        ["ip rule", "netsim has no `ip rule` yet; it has ip address, link, neighbor, route\n", 255],
      ],
    ],
    [
      "a tunnel shows its ends as hardware addresses",
      [
        ["ip link add t0 type ipip local 10.9.0.2 remote 10.9.0.1 ttl 64"],
        [
          "ip link show t0",
          "2: t0@NONE: <POINTOPOINT,NOARP> mtu 1480 qdisc noop state DOWN mode DEFAULT group default qlen 1000\n" +
            "    link/ipip 10.9.0.2 peer 10.9.0.1\n",
        ],
        ["ip link set t0 up"],
        [
          "ip -o link show t0",
          "2: t0@NONE: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1480 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000\\    link/ipip 10.9.0.2 peer 10.9.0.1\n",
        ],
      ],
    ],
    [
      "lo before it was up has the qdisc noop, a bridge without carrier changes the state UNKNOWN",
      [
        ["ip link add br0 type bridge"],
        ["ip link set br0 up"],
        ["ip -j -p link show br0 type veth", "[ ]\n"],
        ["tc qdisc show dev br0", "qdisc noqueue 0: root refcnt 2 \n"],
      ],
    ],
  ])("%s", (_why, lines) => session(lines));
  it("netns puts the peer on another host", async () => {
    const network = new ToolNetwork("pair");
    await session([["ip link add x0 type veth peer name y0 netns a"]], {}, network);
    expect(network.do("a", "ip -br link show y0")).toMatch(/^y0@if2 {11}DOWN/);
    expect(network.do("b", "ip link show x0")).toContain("link-netns a");
  });
});

describe("ip addr, ip route and ip neigh", () => {
  it.each<readonly [string, readonly Line[]]>([
    [
      "an IPv4 address may be deleted without its length, with a warning",
      [
        ["ip addr add 10.0.0.1/24 dev vb"],
        [
          "ip addr del 10.0.0.1 dev vb",
          "Warning: Executing wildcard deletion to stay compatible with old scripts.\n" +
            "         Explicitly specify the prefix length (10.0.0.1/32) to avoid this warning.\n" +
            "         This special behaviour is likely to disappear in further releases,\n" +
            "         fix your scripts!\n",
        ],
        ["ip addr del 10.0.0.1/24 dev vb", "Error: ipv4: Address not found.\n", 2],
      ],
    ],
    [
      "replace of an address that is there is no error",
      [
        ["ip addr replace 10.9.0.2/24 dev vb"],
        ["ip addr replace 10.9.0.7/24 dev vb"],
        ["ip -4 -br addr show dev vb", "vb@if10          UP             10.9.0.2/24 10.9.0.7/24 \n"],
      ],
    ],
    [
      "flush by prefix leaves the others",
      [
        ["ip addr add 10.77.0.1/24 dev vb"],
        ["ip addr flush dev vb to 10.77.0.0/16"],
        ["ip -4 -br addr show dev vb", "vb@if10          UP             10.9.0.2/24 \n"],
        ["ip addr flush", "Flush requires arguments.\n", 1],
        ["ip -4 -j addr show lo scope global", "[]\n"],
      ],
    ],
    [
      "a route needs a way",
      [
        ["ip route add 10.1.0.0/16", "RTNETLINK answers: No such device\n", 2],
        ["ip route frob", 'Command "frob" is unknown, try "ip route help".\n', 255],
        ["ip route add 10.1.0.0/16 nexthop", 'Error: unexpected end of line after "nexthop"\n', 255],
        [
          "ip route add 10.1.0.0/16 nexthop via 10.9.0.1 weight 0",
          'Error: argument "0" is wrong: "weight" is invalid\n\n',
          255,
        ],
        ["ip route add 10.1/16 via 10.9.0.1 table 100"],
        ["ip route show table 100", "10.1.0.0/16 via 10.9.0.1 dev vb \n"],
        ["ip route show table all proto boot", "10.1.0.0/16 via 10.9.0.1 dev vb table 100 \n"],
        ["ip route flush table 100"],
        ["ip route show table 100"],
        ["ip route flush", '"ip route flush" requires arguments.\n', 1],
        ["ip route get", "need at least a destination address\n", 1],
        ["ip -o route get 10.9.0.255", "broadcast 10.9.0.255 dev vb src 10.9.0.2 uid 0 \\    cache <local,brd> \n"],
      ],
    ],
    [
      "a neighbour needs a device",
      [
        ["ip neigh add 1.2.3.4", "Device and destination are required arguments.\n", 255],
        [
          "ip neigh add 10.9.0.9 lladdr 02:00:00:00:00:09 nud bad dev vb",
          'Error: argument "bad" is wrong: nud state is bad\n',
          255,
        ],
        ["ip neigh add 10.9.0.9 lladdr 02:00:00:00:00:09 dev vb"],
        ["ip neigh get 10.9.0.9 dev vb", "10.9.0.9 dev vb lladdr 02:00:00:00:00:09 PERMANENT \n"],
        ["ip neigh flush dev vb nud permanent"],
        ["ip neigh show"],
        ["ip -s neigh flush dev vb", "Nothing to flush.\n"],
      ],
    ],
  ])("%s", (_why, lines) => session(lines));
});

describe("tc", () => {
  it.each<readonly [string, readonly Line[]]>([
    [
      "what is asked wrongly is said",
      [
        ["tc qdisc frob dev vb", 'Command "frob" is unknown, try "tc qdisc help".\n', 255],
        ["tc qdisc show dev nope", noDevice("nope"), 1],
        ["tc qdisc show bla", 'What is "bla"? Try "tc qdisc help".\n', 255],
        ["tc filter show"],
        ["tc filter show dev vb bla", ' What is "bla"? Try "tc filter help"\n', 255],
        [
          "tc filter add dev vb ingress",
          "Error: Parent Qdisc doesn't exists.\nWe have an error talking to the kernel\n",
          2,
        ],
        ["tc filter add dev vb bpf da obj x.o", "Cannot initialize ELF context!\nUnable to load program\n", 1],
        ["tc frob", 'Object "frob" is unknown, try "tc help".\n', 255],
        ["tc -x qdisc", 'Option "-x" is unknown, try "tc -help".\n', 255],
        ["tc filter add dev vb ingress route to 1", "netsim has no filter route yet\n", 255],
      ],
    ],
    [
      "the class of tbf has no counters",
      [
        ["tc qdisc add dev vb root handle 1: tbf rate 1mbit burst 10k latency 1ms"],
        ["tc class show dev vb", "class tbf 1:1 parent 1: \n"],
        ["tc -s class show dev vb", "class tbf 1:1 parent 1: \n\n"],
        ["tc class show"],
        ["tc qdisc add dev vb parent 1:1 handle 10: pfifo limit 7"],
        ["tc class show dev vb", "class tbf 1:1 parent 1: leaf 10: \n"],
      ],
    ],
    [
      "a filter is changed in place, by ingress' number, too",
      [
        ["tc qdisc add dev vb clsact"],
        ["tc filter add dev vb parent ffff:fff2 pref 7 handle 2 bpf da obj tc_redirect.o sec tc"],
        [
          "tc filter add dev vb parent ffff:fff2 pref 7 handle 2 bpf da obj tc_redirect.o sec tc",
          "Error: Filter already exists.\nWe have an error talking to the kernel\n",
          2,
        ],
        ["tc filter replace dev vb ingress pref 7 handle 2 bpf da obj tc_actions.o sec tc"],
        ["tc -p -j filter show dev vb ingress pref 9", "[ ]\n"],
        ["bpftool prog show name tc_redirect", "", 255],
        [
          "tc filter del dev vb ingress pref 7 handle 3 bpf",
          "Error: Specified filter handle not found.\nWe have an error talking to the kernel\n",
          2,
        ],
        ["tc filter del dev vb ingress pref 7 handle 2 bpf"],
        ["tc filter show dev vb ingress"],
        ["bpftool prog show name tc_actions", "", 255],
      ],
    ],
  ])("%s", (_why, lines) => session(lines));
});

describe("programs that a command loaded", () => {
  it("go with their last attachment, and their maps with them", async () => {
    const network = new ToolNetwork("pair");
    const bpf = network.hosts.get("b")!.bpf;
    await session([["ip link set dev vb xdp obj xdp_blocklist.o sec xdp"]], {}, network);
    expect([bpf.programs.size, bpf.maps.size > 0]).toEqual([1, true]);
    await session(
      [
        ["ip link set dev vb xdp obj xdp_drop.o sec xdp", "Error: XDP program already attached.\n", 2],
        ["ip -force link set dev vb xdp obj xdp_drop.o sec xdp"],
      ],
      {},
      network,
    );
    expect([...bpf.programs.values()].map((p) => p.spec.name)).toEqual(["xdp_drop"]);
    await session([["ip link set dev vb xdp off"]], {}, network);
    expect([bpf.programs.size, bpf.maps.size]).toEqual([0, 0]);
  });
  it("stay when they are pinned", async () => {
    const network = new ToolNetwork("pair");
    await session(
      [
        ["ip link set dev vb xdp obj xdp_drop.o sec xdp"],
        ["bpftool prog pin name xdp_drop /sys/fs/bpf/keep"],
        ["ip link set dev vb xdp off"],
        ["ip link set dev vb xdp pinned /sys/fs/bpf/keep"],
        ["ip link set dev vb xdp off"],
        [
          "ip link set dev vb xdp pinned /sys/fs/bpf/none",
          "Couldn't retrieve pinned program '/sys/fs/bpf/none': No such file or directory\n",
          255,
        ],
      ],
      {},
      network,
    );
    expect(network.hosts.get("b")!.bpf.programs.size).toBe(1);
  });
  it("go with the qdisc or the device that ran them", async () => {
    const network = new ToolNetwork("pair");
    const bpf = network.hosts.get("b")!.bpf;
    await session(
      [
        ["tc qdisc add dev vb clsact"],
        ["tc filter add dev vb ingress bpf da obj tc_mark.o sec tc/ingress"],
        ["ip link set dev vb xdp obj xdp_pass.o sec xdp"],
        ["tc qdisc del dev vb clsact"],
      ],
      {},
      network,
    );
    expect([...bpf.programs.values()].map((p) => p.spec.name)).toEqual(["xdp_pass"]);
    await session([["ip link del vb"]], {}, network);
    expect(bpf.programs.size).toBe(0);
  });
  it("share what was parsed between hosts", async () => {
    const network = new ToolNetwork("pair");
    for (const host of ["a", "b"]) network.do(host, `ip link set dev v${host} xdp obj xdp_pass.o sec xdp`);
    const [one, other] = ["a", "b"].map((h) => [...network.hosts.get(h)!.bpf.programs.values()][0]!);
    expect(one!.spec).toBe(other!.spec);
  });
  it("are not left behind when attaching fails", async () => {
    const network = new ToolNetwork("pair");
    await session([["ip link set dev nope xdp obj xdp_drop.o sec xdp", noDevice("nope"), 1]], {}, network);
    await session(
      [
        [
          "tc filter add dev vb ingress bpf da obj tc_mark.o sec tc/ingress",
          "Error: Parent Qdisc doesn't exists.\nWe have an error talking to the kernel\n",
          2,
        ],
      ],
      {},
      network,
    );
    expect(network.hosts.get("b")!.bpf.programs.size).toBe(0);
  });
  it.each([
    ["ip link set dev vb xdp obj xdp_pass.o sec xpd", "SECTION_UNKNOWN", "did you mean xdp? known: xdp"],
    ["ip link set dev vb xdp obj xdp_pass.o program xdp_pas", "PROG_UNKNOWN", "did you mean xdp_pass? known: xdp_pass"],
    [
      "ip link set dev vb xdp obj tc_mark.o sec tc/ingress",
      "PROG_TYPE_MISMATCH",
      "attach it where sched_cls programs run, or name another program",
    ],
    ["bpftool prog load README.md /sys/fs/bpf/x", "ELF_NOT", undefined],
    ["ip link set dev vx up", "DEVICE_UNKNOWN", "did you mean vb? known: lo, vb"],
    ["tc qdisc add dev vb root prioo", "QDISC_UNKNOWN", expect.stringContaining("did you mean prio?") as string],
  ])("%s: the result knows the remedy", async (line, code, fix) => {
    const result = await new ToolNetwork("pair").exec("b", line);
    const cause = result.cause as {
      diagnostic?: { code: string; fix?: string };
      diagnostics?: readonly { code: string; fix?: string }[];
    };
    const diagnostic = cause.diagnostic ?? cause.diagnostics![0]!;
    expect(result.status).not.toBe(0);
    expect(diagnostic.code).toBe(code);
    if (fix !== undefined) expect(diagnostic.fix).toEqual(fix);
  });
});

describe("bpftool", () => {
  it.each<readonly [string, readonly Line[]]>([
    [
      "net attaches and detaches XDP",
      [
        ["bpftool prog load xdp_pass.o /sys/fs/bpf/p type xdp"],
        ["bpftool net attach xdp pinned /sys/fs/bpf/p dev vb"],
        [
          "bpftool net attach xdp pinned /sys/fs/bpf/p dev vb",
          "libbpf: Kernel error message: XDP program already attached\nError: interface xdp attach failed: Device or resource busy\n",
          240,
        ],
        [
          "bpftool net attach xdpgeneric pinned /sys/fs/bpf/p dev vb",
          "libbpf: Kernel error message: Native and generic XDP can't be active at the same time\nError: interface xdpgeneric attach failed: File exists\n",
          239,
        ],
        ["bpftool net show dev nope", "Error: invalid devname nope\n", 255],
        ["bpftool net detach xdp dev vb"],
        ["bpftool net detach xdp dev vb"],
        ["bpftool net attach xdpgeneric pinned /sys/fs/bpf/p dev vb"],
        ["bpftool net", "xdp:\nvb(11) generic id 1\n\ntc:\n\nflow_dissector:\n\n"],
        [
          "bpftool -jp net show",
          '[{\n        "xdp": [{\n                "devname": "vb",\n                "ifindex": 11,\n                "mode": "generic",\n                "id": 1\n            }\n        ],\n        "tc": [],\n        "flow_dissector": []\n    }\n]\n',
        ],
        ["bpftool net attach frob pinned /sys/fs/bpf/p dev vb", "Error: invalid net attach/detach type: frob\n", 234],
        ["bpftool net attach xdp pinned /sys/fs/bpf/p foo vb", "Error: expected 'dev', got: 'foo'?\n", 234],
        [
          "bpftool net attach xdp pinned /sys/fs/bpf/none dev vb",
          "Error: bpf obj get (/sys/fs/bpf/none): No such file or directory\n",
          234,
        ],
      ],
    ],
    [
      "net attaches and detaches tcx in order",
      [
        ["bpftool prog loadall tc_mark.o /sys/fs/bpf/m pinmaps /sys/fs/bpf/m/maps"],
        ["bpftool net attach tcx_ingress pinned /sys/fs/bpf/m/tc_mark_ingress dev vb"],
        ["bpftool net attach tcx_egress name tc_mark_egress dev vb"],
        [
          "bpftool net show",
          "xdp:\n\ntc:\nvb(11) tcx/ingress tc_mark_ingress prog_id 1 \nvb(11) tcx/egress tc_mark_egress prog_id 2 \n\nflow_dissector:\n\n",
        ],
        [
          "bpftool net attach tcx_ingress name tc_mark_ingress dev vb",
          "Error: interface tcx_ingress attach failed: File exists\n",
          239,
        ],
        ["bpftool net detach tcx_ingress dev vb"],
        [
          "bpftool net detach tcx_ingress dev vb",
          "Error: interface tcx_ingress detach failed: No such file or directory\n",
          254,
        ],
      ],
    ],
    [
      "map answers as the kernel does",
      [
        ["bpftool map create /sys/fs/bpf/h type hash key 8 value 16 entries 100 name h flags 1"],
        ["bpftool map create /sys/fs/bpf/a type array key 4 value 12 entries 10 name a"],
        ["bpftool map create /sys/fs/bpf/d type devmap key 4 value 4 entries 2 name d"],
        [
          "bpftool map create /sys/fs/bpf/h type hash key 4 value 4 entries 4 name x",
          "Error: can't pin the object (/sys/fs/bpf/h): File exists\n",
          239,
        ],
        [
          "bpftool map create /sys/fs/bpf/x type hosh key 4 value 4 entries 4 name x",
          "Error: unrecognized map type: hosh\n",
          255,
        ],
        [
          "bpftool map create /sys/fs/bpf/x type hash key 4 value 4 entries 0 name x",
          "Error: map create failed: Invalid argument\n",
          255,
        ],
        [
          "bpftool map update name a key 99 0 0 0 value 1 2 3 4 5 6 7 8 9 10 11 12",
          "Error: update failed: Argument list too long\n",
          249,
        ],
        ["bpftool map delete name a key 0 0 0 0", "Error: delete failed: Invalid argument\n", 234],
        ["bpftool map getnext name h", "Error: can't get next key: No such file or directory\n", 254],
        ["bpftool map lookup name h key", "Error: key expected 8 bytes got 0\n", 255],
        ["bpftool map update name h key 1 0 0 0 0 0 0 0", "Error: did not find value\n", 255],
        ["bpftool map update name h foo", "Error: expected key or value, got: foo\n", 255],
        ["bpftool map update name h key 1 0 0 0 0 0 0 0 value hex 0a 0b 0c 0d 0e 0f 10 11 12 13 14 15 16 17 18 19"],
        [
          "bpftool map dump name h",
          "key: 01 00 00 00 00 00 00 00  value: 0a 0b 0c 0d 0e 0f 10 11  12 13 14 15 16 17 18 19\nFound 1 element\n",
        ],
        [
          "bpftool map show name h",
          "1: hash  name h  flags 0x1\n\tkey 8B  value 16B  max_entries 100  memlock 3024B\n",
        ],
        [
          "bpftool -j map getnext name h",
          '{"key":null,"next_key":["0x01","0x00","0x00","0x00","0x00","0x00","0x00","0x00"]}\n',
        ],
        ["bpftool -j map lookup name h key 9 0 0 0 0 0 0 0", "null\n", 254],
        ["bpftool -j map lookup id 999 key 1", '{"error":"get map by id (999): No such file or directory"}\n', 255],
        [
          "bpftool map dump name d",
          "key: 00 00 00 00  value: <no entry>\nkey: 01 00 00 00  value: <no entry>\nFound 0 elements\n",
        ],
        ["bpftool map dump foo bar", "Error: expected 'id', 'name' or 'pinned', got: 'foo'?\n", 255],
        ["bpftool map freeze name h"],
        [
          "bpftool map update name h key 1 0 0 0 0 0 0 0 value 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
          "Error: update failed: Operation not permitted\n",
          255,
        ],
        [
          "bpftool map show pinned /sys/fs/bpf/h",
          "1: hash  name h  flags 0x1\n\tkey 8B  value 16B  max_entries 100  memlock 3024B\n\tfrozen\n",
        ],
      ],
    ],
    [
      "references in maps are written by name and read as ids",
      [
        ["bpftool prog load xdp_pass.o /sys/fs/bpf/p type xdp"],
        ["bpftool map create /sys/fs/bpf/jump type prog_array key 4 value 4 entries 3 name jump"],
        ["bpftool map create /sys/fs/bpf/in type hash key 4 value 4 entries 4 name in"],
        ["bpftool map create /sys/fs/bpf/out type array_of_maps key 4 value 4 entries 2 name out inner_map name in"],
        ["bpftool map update name jump key 2 0 0 0 value pinned /sys/fs/bpf/p"],
        ["bpftool map dump name jump", "key: 02 00 00 00  value: 01 00 00 00\nFound 1 element\n"],
        ["bpftool map update name out key 0 0 0 0 value name in"],
        ["bpftool map dump name out", "key: 00 00 00 00  value: 02 00 00 00\nFound 1 element\n"],
      ],
    ],
    [
      "prog load says what stands against it",
      [
        [
          "bpftool prog load nosuch.o /sys/fs/bpf/x",
          "libbpf: elf: failed to open nosuch.o: No such file or directory\nError: failed to open object file\n",
          255,
        ],
        [
          "bpftool prog load README.md /sys/fs/bpf/x",
          "libbpf: elf: 'README.md' is not a proper ELF object\nError: failed to open object file\n",
          255,
        ],
        [
          "bpftool prog load xdp_pass.o /sys/fs/bpf/x frob",
          "Error: expected no more arguments, 'type', 'map' or 'dev', got: 'frob'?\n",
          255,
        ],
        ["bpftool prog load xdp_pass.o /sys/fs/bpf/x type xdp"],
        ["bpftool prog load xdp_pass.o /sys/fs/bpf/x type xdp", "Error: failed to pin program xdp\n", 255],
        ["bpftool prog dump foo id 1", "Error: expected 'xlated' or 'jited', got: foo\n", 255],
        ["bpftool prog show foo 1", "Error: expected 'id', 'tag', 'name' or 'pinned', got: 'foo'?\n", 255],
        [
          "bpftool prog dump xlated id 1",
          "int xdp_pass(struct xdp_md * ctx):\n; return XDP_PASS;\n   0: (b4) w0 = 2\n   1: (95) exit\n",
        ],
        ["bpftool gen skeleton", "netsim has no `bpftool gen` yet; it has bpftool btf, link, map, net, prog\n", 255],
      ],
    ],
  ])("%s", (_why, lines) => session(lines));
  it("pins programs and maps of an object below directories", async () => {
    const network = new ToolNetwork("pair");
    await session([["bpftool prog loadall xdp_tailcall.o /sys/fs/bpf/t pinmaps /sys/fs/bpf/m"]], {}, network);
    const paths = [...network.hosts.get("b")!.bpf.pins.keys()].sort();
    expect(paths.filter((p) => p.startsWith("/sys/fs/bpf/m/"))).toEqual(
      ["by_ethertype", "by_protocol", "seen"].map((m) => `/sys/fs/bpf/m/${m}`),
    );
    expect(paths.filter((p) => p.startsWith("/sys/fs/bpf/t/"))).toHaveLength(8);
  });
});

describe("sysctl and ethtool", () => {
  it("answer as the real ones", () =>
    session([
      ["sysctl net.ipv4.conf.vb.rp_filter=1", "net.ipv4.conf.vb.rp_filter = 1\n"],
      ["sysctl net.ipv4.ip_forward net.ipv4.ip_default_ttl", "net.ipv4.ip_forward = 0\nnet.ipv4.ip_default_ttl = 64\n"],
      ["sysctl -w net.ipv4.ip_forward", "sysctl: command line(0): invalid syntax, continuing...\n", 1],
      ["sysctl -w net.ipv4.ip_forward=abc", 'sysctl: setting key "net.ipv4.ip_forward": Invalid argument\n', 1],
      ["sysctl -w net.ipv4.ip_default_ttl=0", 'sysctl: setting key "net.ipv4.ip_default_ttl": Invalid argument\n', 1],
      ["sysctl -w net/ipv4/ip_forward=1", "net.ipv4.ip_forward = 1\n"],
      ["sysctl -n -w net.ipv4.ip_forward=1", "1\n"],
      ["sysctl -e net.foo"],
      ["sysctl -b net.ipv4.ip_forward", "1"],
      ["sysctl net.ipv4.ip_local_port_range", "net.ipv4.ip_local_port_range = 32768\t60999\n"],
      [
        "sysctl net.ipv4.conf.nope.forwarding",
        "sysctl: cannot stat /proc/sys/net/ipv4/conf/nope/forwarding: No such file or directory\n",
        1,
      ],
      ["sysctl -x", "sysctl: no variables specified\nTry `sysctl --help' for more information.\n", 1],
      ["sysctl -w net.ipv4.neigh.vb.retrans_time_ms=500", "net.ipv4.neigh.vb.retrans_time_ms = 500\n"],
      ["ethtool", "ethtool: bad command line argument(s)\nFor more information run ethtool -h\n", 1],
      [
        "ethtool -K nope gro on",
        "netlink error: no device matches name (offset 24)\nnetlink error: No such device\n",
        92,
      ],
      ["ethtool -k nope", "netlink error: no device matches name (offset 24)\nnetlink error: No such device\n", 1],
      ["ethtool -K vb", "Could not change any device features\n", 1],
      ["ethtool -K vb gro", "ethtool (-K): flag '(null)' for parameter '(null)' is not followed by 'on' or 'off'\n", 1],
      [
        "ethtool -K vb gro bla",
        "ethtool (-K): flag 'bla' for parameter '(null)' is not followed by 'on' or 'off'\n",
        1,
      ],
      ["ethtool -K vb tso off gro on"],
    ]));
});
