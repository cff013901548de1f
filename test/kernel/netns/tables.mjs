// The cases that are run in namespaces: the tables "XDP actions by mode", "hook order and bypass" and "tc return codes".
//
// A case: network, attach[], commands[] (after attaching), send {from, frames[]}; what is read afterwards is the same
// for all. README.md in the folder above describes the recorded form.

import { be16, cat, checksum, ip4, mac, u8, u32 } from "../bytes.mjs";

const end = (host, dev, index, ip) => ({ host, dev, index, mac: `02:00:00:00:00:${index}`, ip });
const va = end("a", "va", 10, "10.9.0.1/24");
const vb = end("b", "vb", 11, "10.9.0.2/24");
const vc = end("b", "vc", 12, "10.9.1.2/24");
const vd = end("d", "vd", 13, "10.9.1.1/24");

/** a:va ---- b:vb */
export const pair = { hosts: ["a", "b"], links: [[va, vb]] };
/** a:va ---- b:vb, b:vc ---- d:vd */
export const row = {
  hosts: ["a", "b", "d"],
  links: [
    [va, vb],
    [vc, vd],
  ],
};

/** A frame of 60 bytes with an IPv4 packet that nobody answers: its destination is not here, and nobody forwards. */
export function frame({ to = vb.mac, from = va.mac, dst = "10.9.9.9" } = {}) {
  const header = (check) => cat("4500", be16(46), "00004000", u8(64), u8(17), check, ip4("10.9.0.1"), ip4(dst));
  return cat(mac(to), mac(from), "0800", header(checksum(header("0000"))), "1f900009001a0000", "61".repeat(18));
}

const ten = (options) => ({ from: "a:va", frames: [{ hex: frame(options), count: 10 }] });

const set = (map, key, value) => ({ op: "map", map, key, value });
const actions = (host, dev, at, code) => ({
  host,
  dev,
  at,
  object: "xdp_actions.o",
  program: "xdp_actions",
  maps: [set("action", u32(0), u32(code))],
});
const pass = (host, dev, at) => ({ host, dev, at, object: "xdp_pass.o", program: "xdp_pass" });
const tcActions = (label, host, dev, at, code, more = {}) => ({
  label,
  host,
  dev,
  at,
  object: "tc_actions.o",
  program: "tc_actions",
  maps: [set("tc_action", u32(0), u32(code))],
  dump: ["tc_runs"],
  ...more,
});
const groOn = (host, dev) => ({ host, run: `ethtool -K ${dev} gro on` });

const ABORTED = 0;
const DROP = 1;
const PASS = 2;
const TX = 3;
const REDIRECT = 4;

const toVc = (at, more = {}) => ({
  label: "switch",
  host: "b",
  dev: "vb",
  at,
  object: "xdp_l2_redirect.o",
  program: "xdp_l2_redirect",
  devmapProgram: true,
  maps: [
    set("mac_table", mac(vb.mac), u32(1)),
    { op: "dev", map: "switch_ports", slot: 1, dev: "vc", program: more.program ?? null },
    ...(more.maps ?? []),
  ],
  dump: ["egress_count"],
});

const xdpCases = [
  { name: "no XDP", network: pair, attach: [], send: ten() },
  { name: "native DROP", network: pair, attach: [actions("b", "vb", "xdp native", DROP)], send: ten() },
  { name: "native PASS", network: pair, attach: [actions("b", "vb", "xdp native", PASS)], send: ten() },
  { name: "native ABORTED", network: pair, attach: [actions("b", "vb", "xdp native", ABORTED)], send: ten() },
  { name: "native unknown code 9", network: pair, attach: [actions("b", "vb", "xdp native", 9)], send: ten() },
  {
    name: "native REDIRECT without a target",
    network: pair,
    attach: [actions("b", "vb", "xdp native", REDIRECT)],
    send: ten(),
  },
  { name: "native TX, peer has nothing", network: pair, attach: [actions("b", "vb", "xdp native", TX)], send: ten() },
  {
    name: "native TX, peer has GRO on",
    network: pair,
    attach: [actions("b", "vb", "xdp native", TX)],
    commands: [groOn("a", "va")],
    send: ten(),
  },
  {
    name: "native TX, peer has GRO on, 310 frames",
    network: pair,
    attach: [actions("b", "vb", "xdp native", TX)],
    commands: [groOn("a", "va")],
    send: { from: "a:va", frames: [{ hex: frame(), count: 310 }] },
  },
  {
    name: "native TX, peer has a native program",
    network: pair,
    attach: [actions("b", "vb", "xdp native", TX), pass("a", "va", "xdp native")],
    send: ten(),
  },
  {
    name: "native TX, peer has a generic program",
    network: pair,
    attach: [actions("b", "vb", "xdp native", TX), pass("a", "va", "xdp generic")],
    send: ten(),
  },
  { name: "generic DROP", network: pair, attach: [actions("b", "vb", "xdp generic", DROP)], send: ten() },
  { name: "generic PASS", network: pair, attach: [actions("b", "vb", "xdp generic", PASS)], send: ten() },
  { name: "generic ABORTED", network: pair, attach: [actions("b", "vb", "xdp generic", ABORTED)], send: ten() },
  { name: "generic unknown code 9", network: pair, attach: [actions("b", "vb", "xdp generic", 9)], send: ten() },
  {
    name: "generic REDIRECT without a target",
    network: pair,
    attach: [actions("b", "vb", "xdp generic", REDIRECT)],
    send: ten(),
  },
  { name: "generic TX", network: pair, attach: [actions("b", "vb", "xdp generic", TX)], send: ten() },
  { name: "native REDIRECT to vc, vd has nothing", network: row, attach: [toVc("xdp native")], send: ten() },
  {
    name: "native REDIRECT to vc, vd has GRO on",
    network: row,
    attach: [toVc("xdp native")],
    commands: [groOn("d", "vd")],
    send: ten(),
  },
  {
    name: "native REDIRECT to vc, vd has a native program",
    network: row,
    attach: [toVc("xdp native"), pass("d", "vd", "xdp native")],
    send: ten(),
  },
  {
    name: "native REDIRECT to vc, vc is down",
    network: row,
    attach: [toVc("xdp native"), pass("d", "vd", "xdp native")],
    commands: [{ host: "b", run: "ip link set vc down" }],
    send: ten(),
  },
  {
    name: "native REDIRECT to vc by a devmap program",
    network: row,
    attach: [toVc("xdp native", { program: "xdp_l2_egress" }), pass("d", "vd", "xdp native")],
    send: ten(),
  },
  {
    name: "native REDIRECT to vc, the devmap program drops",
    network: row,
    attach: [
      toVc("xdp native", { program: "xdp_l2_egress", maps: [set("egress_closed", u32(12), u32(1))] }),
      pass("d", "vd", "xdp native"),
    ],
    send: ten(),
  },
  {
    name: "native REDIRECT, broadcast to all ports but the one it came by",
    network: row,
    attach: [
      toVc("xdp native", {
        program: "xdp_l2_egress",
        maps: [{ op: "dev", map: "switch_ports", slot: 2, dev: "vb", program: null }],
      }),
      pass("d", "vd", "xdp native"),
    ],
    send: ten({ to: "ff:ff:ff:ff:ff:ff" }),
  },
  { name: "generic REDIRECT to vc, vd has nothing", network: row, attach: [toVc("xdp generic")], send: ten() },
  {
    name: "generic REDIRECT to vc by a devmap program",
    network: row,
    attach: [toVc("xdp generic", { program: "xdp_l2_egress" })],
    send: ten(),
  },
  {
    name: "native and generic together",
    network: pair,
    attach: [pass("b", "vb", "xdp native")],
    commands: [{ host: "b", run: "ip link set dev vb xdpgeneric obj xdp_pass.o sec xdp", mayFail: true }],
    send: ten(),
  },
  {
    name: "no mode named",
    network: pair,
    attach: [],
    commands: [
      { host: "b", run: "ip link set dev vb xdp obj xdp_drop.o sec xdp" },
      { host: "b", run: "ip -d -j link show dev vb | jq -r '.[0].xdp.mode'", show: true },
    ],
    send: ten(),
  },
  ...[
    [3506, "xdp_pass.o"],
    [3507, "xdp_pass.o"],
  ].map(([mtu, object]) => ({
    name: `attaching with a peer MTU of ${mtu}`,
    network: pair,
    attach: [],
    commands: [
      { host: "a", run: `ip link set dev va mtu ${mtu}` },
      { host: "b", run: `ip link set dev vb xdpdrv obj ${object} sec xdp`, mayFail: true },
    ],
    send: ten(),
  })),
  {
    name: "the peer's MTU cannot be raised afterwards",
    network: pair,
    attach: [pass("b", "vb", "xdp native")],
    commands: [
      { host: "a", run: "ip link set dev va mtu 9000", mayFail: true },
      { host: "b", run: "ip link set dev vb mtu 9000", mayFail: true },
    ],
    send: ten(),
  },
];

// --- bypass -----------------------------------------------------------------------------------------------------

const target = (mode, ifindex, nextHop = "0.0.0.0") => cat(u32(mode), u32(ifindex), ip4(nextHop));
const redirect = (mode, ifindex, nextHop) => ({
  host: "b",
  dev: "vb",
  at: "tc ingress",
  object: "tc_redirect.o",
  program: "tc_redirect",
  maps: [set("redirects", u32(11), target(mode, ifindex, nextHop))],
});
/** Counters at the tc hooks of the device that transmits and of the one that receives. */
const watch = (from, to) => [
  tcActions("egress of the transmitter", from.host, from.dev, "tc egress", 0),
  tcActions("ingress of the transmitter", from.host, from.dev, "tc ingress", 0, { pref: 2 }),
  tcActions("ingress of the receiver", to.host, to.dev, "tc ingress", 0),
];
const bypassCases = [
  {
    name: "plain IP forwarding",
    network: row,
    attach: watch(vc, vd),
    commands: [
      { host: "b", run: "sysctl -qw net.ipv4.ip_forward=1" },
      { host: "b", run: "ip neigh replace 10.9.1.1 lladdr 02:00:00:00:00:13 dev vc nud permanent" },
      { host: "b", run: "ip route add 10.9.9.0/24 via 10.9.1.1" },
    ],
    send: ten(),
  },
  {
    name: "XDP_TX native",
    network: pair,
    attach: [actions("b", "vb", "xdp native", TX), pass("a", "va", "xdp native"), ...watch(vb, va)],
    send: ten(),
  },
  {
    name: "XDP_TX generic",
    network: pair,
    attach: [actions("b", "vb", "xdp generic", TX), ...watch(vb, va)],
    send: ten(),
  },
  {
    name: "XDP_REDIRECT native",
    network: row,
    attach: [toVc("xdp native"), pass("d", "vd", "xdp native"), ...watch(vc, vd)],
    send: ten(),
  },
  { name: "XDP_REDIRECT generic", network: row, attach: [toVc("xdp generic"), ...watch(vc, vd)], send: ten() },
  { name: "bpf_redirect to egress", network: row, attach: [redirect(0, 12), ...watch(vc, vd)], send: ten() },
  { name: "bpf_redirect to ingress", network: row, attach: [redirect(1, 12), ...watch(vc, vd)], send: ten() },
  { name: "bpf_redirect_peer", network: row, attach: [redirect(2, 12), ...watch(vc, vd)], send: ten() },
  {
    name: "bpf_redirect_neigh by the packet's destination",
    network: row,
    attach: [redirect(3, 12), ...watch(vc, vd)],
    commands: [
      { host: "b", run: "ip neigh replace 10.9.1.1 lladdr 02:00:00:00:00:13 dev vc nud permanent" },
      { host: "b", run: "ip route add 10.9.9.0/24 via 10.9.1.1" },
    ],
    send: ten(),
  },
  {
    name: "bpf_redirect_neigh by a next hop",
    network: row,
    attach: [redirect(3, 12, "10.9.1.1"), ...watch(vc, vd)],
    commands: [{ host: "b", run: "ip neigh replace 10.9.1.1 lladdr 02:00:00:00:00:13 dev vc nud permanent" }],
    send: ten(),
  },
  {
    name: "bpf_redirect to a device that is down",
    network: row,
    attach: [redirect(0, 12), ...watch(vc, vd)],
    commands: [{ host: "b", run: "ip link set vc down" }],
    send: ten(),
  },
  { name: "bpf_redirect to no device", network: row, attach: [redirect(0, 99), ...watch(vc, vd)], send: ten() },
  {
    name: "generic XDP drops before the tap",
    network: pair,
    attach: [actions("b", "vb", "xdp generic", DROP), tcActions("ingress", "b", "vb", "tc ingress", 0)],
    send: ten(),
  },
  {
    name: "tcx goes before clsact",
    network: pair,
    attach: [tcActions("clsact", "b", "vb", "tc ingress", 2), tcActions("tcx", "b", "vb", "tcx ingress", -1)],
    send: ten(),
  },
];

// --- tc return codes --------------------------------------------------------------------------------------------

const CODES = [-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 42];
const ends = { ingress: ["b", "vb"], egress: ["a", "va"] };
const tcCases = ["ingress", "egress"].flatMap((direction) => {
  const [host, dev] = ends[direction];
  return [
    ...CODES.map((code) => ({
      name: `${direction}, direct action, ${code}`,
      network: pair,
      send: ten(),
      attach: [
        tcActions("first", host, dev, `tc ${direction}`, code, { pref: 1 }),
        tcActions("second", host, dev, `tc ${direction}`, 0, { pref: 2 }),
      ],
    })),
    ...[-1, 0, 1, 2, 0x10002].map((code) => ({
      name: `${direction}, classic, ${code}`,
      network: pair,
      send: ten(),
      attach: [
        tcActions("first", host, dev, `tc ${direction}`, code, { pref: 1, classic: true }),
        tcActions("second", host, dev, `tc ${direction}`, 2, { pref: 2 }),
      ],
    })),
  ];
});
const tcxCases = ["ingress", "egress"].flatMap((direction) => {
  const [host, dev] = ends[direction];
  return CODES.map((code) => ({
    name: `${direction}, tcx, ${code}`,
    network: pair,
    send: ten(),
    attach: [
      tcActions("tcx 1", host, dev, `tcx ${direction}`, code),
      tcActions("tcx 2", host, dev, `tcx ${direction}`, -1),
      tcActions("clsact", host, dev, `tc ${direction}`, 0),
    ],
  }));
});

// --- metadata ---------------------------------------------------------------------------------------------------

const metaOf = (at) => [
  { host: "b", dev: "vb", at, object: "xdp_meta.o", program: "xdp_meta", maps: [set("meta_marks", u32(1), u32(0x77))] },
  {
    label: "tc_meta",
    host: "b",
    dev: "vb",
    at: "tc ingress",
    object: "tc_meta.o",
    program: "tc_meta",
    dump: ["meta_seen"],
  },
];
const metaCases = [
  { name: "native XDP", network: pair, attach: metaOf("xdp native"), send: ten() },
  { name: "generic XDP", network: pair, attach: metaOf("xdp generic"), send: ten() },
  { name: "no XDP", network: pair, attach: metaOf("xdp native").slice(1), send: ten() },
];

/** File under vectors/netns/ -> cases. */
export const tables = {
  "xdp-actions": xdpCases,
  bypass: bypassCases,
  "tc-return-codes": tcCases,
  "tcx-return-codes": tcxCases,
  metadata: metaCases,
};
