import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { LabError, ObjectError } from "../../sim/engine/errors.ts";
import { type LabFiles, ObjectStore } from "../../sim/lab/lab-files.ts";
import { parseLab } from "../../sim/lab/parse-lab.ts";
import { setupCommands } from "../../sim/lab/setup-commands.ts";
import type { CommandSpec } from "../../sim/lab/spec.ts";
import { Findings } from "../../sim/lab/text/findings.ts";

const programs = new URL("../../programs/", import.meta.url);
const fixtures = new URL("../fixtures/objects/", import.meta.url);
const files: LabFiles = {
  read(name) {
    if (name === "broken.o") return new TextEncoder().encode("no ELF at all");
    try {
      return readFileSync(new URL(name, name === "globals.o" ? fixtures : programs));
    } catch {
      throw new LabError([{ code: "FILE_MISSING", message: `${name}: no such file` }]);
    }
  },
};

/** A command as it is typed, with the values that the lab gives to the variables of what it loads. */
const shown = ({ line, globals }: CommandSpec): string =>
  globals === undefined ? line : `${line} | ${JSON.stringify(Object.fromEntries(globals))}`;

/** The commands of h1, and what was found wrong. */
function setup(h1: string, top = ""): { lines: string[]; found: string[] } {
  const lab = parseLab(
    `${top}\ntopology: {nodes: {h1: ${h1}, h2: }, links: [{endpoints: [h1:eth0, h2:eth0]}]}`,
    "lab.yaml",
  );
  const findings = new Findings();
  const c = setupCommands(lab.nodes[0]!, lab, new ObjectStore(files), findings);
  let found: string[] = [];
  try {
    findings.throwIfAny();
  } catch (error) {
    found = (error as LabError).diagnostics.map((d) => `${d.code} ${d.message} | ${d.fix} | ${d.path}`);
  }
  return { lines: [...c.devices, ...c.addresses, ...c.programs].map(shown), found };
}

const UP = "ip link set dev eth0 up";

describe("a node's shortcuts are commands", () => {
  it.each([
    ["nothing", "", [UP]],
    [
      "a bridge",
      "{kind: bridge}",
      ["ip link add br0 type bridge", "ip link set dev eth0 master br0", UP, "ip link set dev br0 up"],
    ],
    ["down", "{interfaces: {eth0: {up: false}}}", []],
    [
      "sysctls",
      "{sysctls: {net.ipv4.ip_forward: 1, a.b: 4096 1 2}}",
      ["sysctl -w net.ipv4.ip_forward=1", 'sysctl -w a.b="4096 1 2"', UP],
    ],
    [
      "device settings before up, addresses after",
      "{interfaces: {eth0: {mtu: 9000, mac: 02:00:00:00:00:09, gro: true, txqueuelen: 50, ip: [10.0.0.1/24, 'fd00::1/64']}, lo: {ip: 10.9.9.9/32}}}",
      [
        "ip link set dev eth0 address 02:00:00:00:00:09",
        "ip link set dev eth0 mtu 9000",
        "ip link set dev eth0 txqueuelen 50",
        "ethtool -K eth0 gro on",
        UP,
        "ip addr add 10.0.0.1/24 dev eth0",
        "ip addr add fd00::1/64 dev eth0",
        "ip addr add 10.9.9.9/32 dev lo",
      ],
    ],
    [
      "routes and neighbours, with or without the command's words",
      "{routes: [default via 10.0.0.9, ip -6 route add default via fe80::1], neighbors: 10.0.0.9 lladdr 02:00:00:00:00:09 dev eth0}",
      [
        UP,
        "ip neigh replace 10.0.0.9 lladdr 02:00:00:00:00:09 dev eth0",
        "ip route add default via 10.0.0.9",
        "ip -6 route add default via fe80::1",
      ],
    ],
    [
      "native XDP",
      "{interfaces: {eth0: {xdp: xdp_pass.o}}}",
      [UP, "ip link set dev eth0 xdp obj xdp_pass.o section xdp"],
    ],
    [
      "generic XDP",
      "{interfaces: {eth0: {xdpgeneric: xdp_pass.o:xdp_pass}}}",
      [UP, "ip link set dev eth0 xdpgeneric obj xdp_pass.o section xdp"],
    ],
    [
      "tc programs by the direction in their section's name, clsact once",
      "{interfaces: {eth0: {tc: {ingress: [tc_mark.o, {obj: tc_redirect.o, pref: 10}], egress: tc_mark.o:tc_mark_egress}}}}",
      [
        UP,
        "tc qdisc add dev eth0 clsact",
        "tc filter add dev eth0 ingress bpf direct-action object-file tc_mark.o section tc/ingress",
        "tc filter add dev eth0 ingress pref 10 bpf direct-action object-file tc_redirect.o section tc",
        "tc filter add dev eth0 egress bpf direct-action object-file tc_mark.o section tc/egress",
      ],
    ],
    [
      "tc programs in the list's order, which without pref would be the reverse",
      "{interfaces: {eth0: {tc: {ingress: [tc_actions.o, tc_redirect.o]}}}}",
      [
        UP,
        "tc qdisc add dev eth0 clsact",
        "tc filter add dev eth0 ingress pref 1 bpf direct-action object-file tc_actions.o section tc",
        "tc filter add dev eth0 ingress pref 2 bpf direct-action object-file tc_redirect.o section tc",
      ],
    ],
    [
      "tcx programs, loaded before they are attached",
      "{interfaces: {eth0: {tcx: {ingress: tc_mark.o}}}}",
      [
        UP,
        "bpftool prog loadall tc_mark.o /sys/fs/bpf/eth0-tcx-0 type classifier pinmaps /sys/fs/bpf/eth0-tcx-0/maps",
        "bpftool net attach tcx_ingress pinned /sys/fs/bpf/eth0-tcx-0/tc_mark_ingress dev eth0",
      ],
    ],
    [
      "one of several programs of a section, by name",
      "{interfaces: {eth0: {xdp: xdp_tailcall.o:handle_ipv4}}}",
      [UP, "ip link set dev eth0 xdp obj xdp_tailcall.o program handle_ipv4"],
    ],
    [
      "a qdisc, root unless it says where",
      "{interfaces: {eth0: {qdisc: [tbf rate 1mbit burst 10k latency 5ms, 'parent 1:1 handle 10: pfifo limit 5']}}}",
      [
        UP,
        "tc qdisc replace dev eth0 root tbf rate 1mbit burst 10k latency 5ms",
        "tc qdisc add dev eth0 parent 1:1 handle 10: pfifo limit 5",
      ],
    ],
  ])("%s", (_what, h1, lines) => {
    expect(setup(h1)).toEqual({ lines, found: [] });
  });

  it.each([
    [
      "of a program at a hook",
      "{interfaces: {eth0: {xdp: {obj: globals.o, program: drop_ports, globals: {ports: [53], enabled: true}}}}}",
      "",
      ['ip link set dev eth0 xdp obj globals.o program drop_ports | {"ports":[53],"enabled":true}'],
    ],
    [
      "of an entry of `programs`, for all that use it",
      "{interfaces: {eth0: {xdp: filter:fold}, lo: {xdpgeneric: filter:drop_ports}}}",
      "programs: {filter: {obj: globals.o, globals: {burst: 9}}}",
      [
        'bpftool prog loadall globals.o /sys/fs/bpf/filter pinmaps /sys/fs/bpf/filter/maps | {"burst":9}',
        "ip link set dev eth0 xdp pinned /sys/fs/bpf/filter/fold",
        "ip link set dev lo xdpgeneric pinned /sys/fs/bpf/filter/drop_ports",
      ],
    ],
  ])("values of variables: %s", (_what, h1, top, lines) => {
    expect(setup(h1, top)).toEqual({ lines: [UP, ...lines], found: [] });
  });

  it("an object named in `programs` is loaded once and its programs share their maps", () => {
    const use = "{interfaces: {eth0: {tc: {ingress: nat, egress: nat}}}}";
    const { lines, found } = setup(use, "programs: {nat: tc_nat_lb.o}");
    expect(found).toEqual([]);
    expect(lines.slice(1)).toEqual([
      "tc qdisc add dev eth0 clsact",
      "bpftool prog loadall tc_nat_lb.o /sys/fs/bpf/nat pinmaps /sys/fs/bpf/nat/maps",
      "tc filter add dev eth0 ingress bpf direct-action object-pinned /sys/fs/bpf/nat/tc_nat_ingress",
      "tc filter add dev eth0 egress bpf direct-action object-pinned /sys/fs/bpf/nat/tc_nat_egress",
    ]);
  });

  it.each([
    [
      "an unknown program",
      "xdp_pass.o:xdp_pas",
      /^PROGRAM_UNKNOWN xdp_pass.o has no program "xdp_pas" \| did you mean xdp_pass\?/,
    ],
    [
      "an unknown section",
      "{obj: xdp_pass.o, section: xdpp}",
      /^SECTION_UNKNOWN xdp_pass.o has no section "xdpp" \| did you mean xdp\?/,
    ],
    [
      "several that fit",
      "xdp_tailcall.o",
      /^PROGRAM_AMBIGUOUS xdp_tailcall.o has \d+ programs that fit \| name one: xdp_tailcall.o:/,
    ],
    ["none that fits", "tc_mark.o", /^PROGRAM_UNKNOWN tc_mark.o has no program of type xdp \| it has: /],
    [
      "no such name",
      "passs",
      /^PROGRAM_UNKNOWN "passs" is neither an object file nor an entry of `programs` \| did you mean pass\?/,
    ],
  ])("%s is refused with its place", (_what, use, text) => {
    const { found } = setup(`{interfaces: {eth0: {xdp: ${use}}}}`, "programs: {pass: xdp_pass.o}");
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(text);
    expect(found[0]).toMatch(/\| topology\.nodes\.h1\.interfaces\.eth0\.xdp$/);
  });

  it.each([
    [
      "a variable that the object has not",
      "{obj: globals.o, program: fold, globals: {burts: 1}}",
      /^GLOBAL_UNKNOWN globals.o has no global variable "burts" \| did you mean burst\? .* \| topology\.nodes\.h1\.interfaces\.eth0\.xdp\.globals\.burts$/,
    ],
    [
      "a value that does not fit, at its field",
      "{obj: globals.o, program: fold, globals: {burst: 1, policy: {low: 70000}}}",
      /^VALUE_RANGE .*policy of globals.o: 70000 does not fit __u16.* \| topology\.nodes\.h1\.interfaces\.eth0\.xdp\.globals\.policy\.low$/,
    ],
    [
      "a value for what others share",
      "{obj: pass, globals: {burst: 1}}",
      /^GLOBALS_SHARED the programs of "pass" share one set of variables \| write `globals` into the entry "pass" of `programs` \| .*\.globals\.burst$/,
    ],
  ])("%s is refused", (_what, use, text) => {
    const { found } = setup(`{interfaces: {eth0: {xdp: ${use}}}}`, "programs: {pass: xdp_pass.o}");
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(text);
  });

  it("a missing file is the lab's fault, a broken object is the object's", () => {
    expect(setup("{interfaces: {eth0: {xdp: nowhere.o}}}").found).toEqual([
      "FILE_MISSING nowhere.o: no such file | undefined | topology.nodes.h1.interfaces.eth0.xdp",
    ]);
    const broken = (): unknown => setup("{interfaces: {eth0: {xdp: broken.o}}}");
    expect(broken).toThrow(ObjectError);
    // with the line of the lab that names it
    expect(broken).toThrow(
      /^lab\.yaml:2:50: topology\.nodes\.h1\.interfaces\.eth0\.xdp: broken\.o: not an ELF object[\s\S]*\n +2 \| topology: /,
    );
  });
});
