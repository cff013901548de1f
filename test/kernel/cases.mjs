// Every program's cases: how its maps are filled, what host it stands on, and which packets it meets in which order.
//
// A case has
//   name, why   what it is about
//   program     the program that runs
//   maps        what is written beforehand (see `op` in README.md)
//   setup       commands on the host, for programs that ask its tables
//   packets     names of packets.json, or { packet, ctx, repeat }; absent: all packets, in the order of the file
//   volatile    map name -> [offset, bytes] ranges of its values that differ from run to run (times); recorded as zeros

import { be16, be32, cat, ip4, ip6, mac, u8, u16, u32, u64, zeros } from "./bytes.mjs";

const set = (map, key, value) => ({ op: "map", map, key, value });
const fill = (map, start, count, values) => ({ op: "fill", map, start, count, values });
const dev = (map, slot, ifindex, program = null) => ({ op: "dev", map, slot, ifindex, program });
const remove = (map, key) => ({ op: "delete", map, key });

const TCP = 6;
const UDP = 17;
const CLIENT = "192.0.2.1";
const SERVER = "198.51.100.2";

/** `struct xdp_md` as BPF_PROG_RUN takes it; data is the length of the metadata. */
const xdpMd = (o) => cat(u32(o.meta ?? 0), u32(o.end), u32(0), u32(o.ifindex ?? 0), u32(o.queue ?? 0), u32(0));

/** `struct __sk_buff`, 192 bytes: the fields that BPF_PROG_RUN takes. */
export const skBuff = (o) =>
  cat(
    zeros(8),
    u32(o.mark ?? 0),
    zeros(20),
    u32(o.priority ?? 0),
    u32(o.ingress_ifindex ?? 0),
    u32(o.ifindex ?? 0),
    zeros(4),
    (o.cb ?? [0, 0, 0, 0, 0]).map((word) => u32(word)).join(""),
    zeros(192 - 68),
  );

/** `struct xdp_md` for a packet of so many bytes. */
export const plainXdpMd = (bytes) => xdpMd({ end: bytes });

const some = [
  "ipv4_tcp_syn",
  "ipv4_udp",
  "ipv4_udp_min_60",
  "ipv4_tcp_1514",
  "ipv4_icmp_echo",
  "ipv6_tcp_syn",
  "ipv6_udp",
  "ipv6_icmp_echo",
  "arp_request",
  "lldp",
  "vlan_ipv4_tcp",
  "qinq_ipv4_udp",
  "ipip",
  "ipv4_later_fragment",
  "ipv4_options_udp",
  "truncated_14",
  "broadcast_udp",
];

// --- l4lb -------------------------------------------------------------------------------------------------------

const vipKey = (addr, port, proto) => cat(ip4(addr), be16(port), u8(proto), u8(0));
const backend = (addr, up = 1) => cat(ip4(addr), u32(up));
const RING = 8191;
const balancer = [
  set("vips", vipKey(SERVER, 80, TCP), u32(0)),
  set("vips", vipKey(SERVER, 53, UDP), u32(3)),
  set("lb_config", u32(0), cat(ip4("10.0.0.1"), mac("02:00:00:00:aa:01"), zeros(2))),
  set("backends", u32(1), backend("10.0.0.11")),
  set("backends", u32(2), backend("10.0.0.12")),
  set("backends", u32(3), backend("10.0.0.13")),
  set("backends", u32(7), backend("10.0.0.17")),
];
const ringOf = (vip, slots) =>
  fill(
    "ring",
    vip * RING,
    RING,
    slots.map((slot) => u32(slot)),
  );
const flowKey = (from, to, sport, dport, proto) =>
  cat(ip4(from), ip4(to), be16(sport), be16(dport), u8(proto), zeros(3));

// --- tc_nat_lb --------------------------------------------------------------------------------------------------

const endpoint = (addr, port) => cat(ip4(addr), be16(port), zeros(2));
const service = (...endpoints) => cat(u32(endpoints.length), ...endpoints, zeros(8 * (16 - endpoints.length)));
const services = [
  set("services", vipKey(SERVER, 80, TCP), service(endpoint("10.0.0.11", 8080))),
  set(
    "services",
    vipKey(SERVER, 53, UDP),
    service(endpoint("10.0.0.21", 5353), endpoint("10.0.0.22", 5353), endpoint("10.0.0.23", 5354)),
  ),
  set("services", vipKey("10.1.0.1", 53, UDP), service()),
];

// --- xdp_router -------------------------------------------------------------------------------------------------

const router = [
  "ip link add out0 index 10 address 02:00:00:00:10:01 type veth peer name peer0 index 11 address 02:00:00:00:10:02",
  "ip link add out1 index 12 address 02:00:00:00:12:01 type veth peer name peer1 index 13 address 02:00:00:00:12:02",
  "ip link set out0 up",
  "ip link set peer0 up",
  "ip link set out1 up",
  "ip link set peer1 up",
  "ip addr add 10.1.0.1/24 dev out0",
  "ip addr add 10.2.0.1/24 dev out1",
  "ip -6 addr add 2001:db8:a::1/64 dev out0 nodad",
  "ip route add 198.51.100.0/24 via 10.1.0.2 dev out0",
  "ip route add 198.18.0.0/15 via 10.2.0.2 dev out1 mtu lock 500",
  "ip route add blackhole 203.0.113.0/26",
  "ip route add unreachable 203.0.113.64/26",
  "ip route add prohibit 203.0.113.128/26",
  "ip route add 203.0.113.192/26 via 10.1.0.9 dev out0",
  "ip -6 route add 2001:db8:2::/64 via 2001:db8:a::2 dev out0",
  "ip neigh replace 10.1.0.2 lladdr 02:00:00:00:10:02 dev out0 nud permanent",
  "ip neigh replace 10.2.0.2 lladdr 02:00:00:00:12:02 dev out1 nud permanent",
  "ip -6 neigh replace 2001:db8:a::2 lladdr 02:00:00:00:10:02 dev out0 nud permanent",
];
const forwarding = ["sysctl -qw net.ipv4.ip_forward=1", "sysctl -qw net.ipv6.conf.all.forwarding=1"];
const slash32 = ["ip route add 198.51.100.2/32 via 10.2.0.2 dev out1"];

// --- tc_redirect ------------------------------------------------------------------------------------------------

const target = (mode, ifindex, nextHop = "0.0.0.0") => cat(u32(mode), u32(ifindex), ip4(nextHop));
const redirectTo = (name, why, value) => ({
  name,
  why,
  program: "tc_redirect",
  setup: router.slice(0, 6),
  maps: [set("redirects", u32(1), value)],
  packets: some,
});

const byName = {
  xdp_pass: [{ name: "every packet", why: "PASS leaves all as it is", program: "xdp_pass" }],
  xdp_drop: [{ name: "every packet", why: "DROP, and the bytes are still handed back", program: "xdp_drop" }],

  xdp_actions: [0, 1, 2, 3, 4, 5, 9, 0x80000000, 0xffffffff].map((code) => ({
    name: `code ${code}`,
    why: "the verdict is r0's low 32 bits, a good one or not",
    program: "xdp_actions",
    maps: [set("action", u32(0), u32(code))],
    packets: some,
  })),

  xdp_proto_count: [
    { name: "every packet", why: "all protocols, extension headers, cut headers", program: "xdp_proto_count" },
    {
      name: "counted on",
      why: "values already there grow; repeat runs count each",
      program: "xdp_proto_count",
      maps: [set("proto_count", u32(TCP), cat(u64(41), u64(0xfffffffff)))],
      packets: [...some.slice(1), { packet: "ipv4_tcp_syn", repeat: 5 }],
    },
  ],

  xdp_legacy_count: [
    { name: "every packet", why: "a map of the legacy section, atomic additions", program: "xdp_legacy_count" },
    {
      name: "carry",
      why: "the low word overflows into the high one",
      program: "xdp_legacy_count",
      maps: [set("legacy_count", u32(0), cat(u64(0xffffffff), u64(0xffffffffffffffc0n)))],
      packets: some,
    },
  ],

  xdp_blocklist: [
    { name: "empty", why: "no prefix at all: everything passes", program: "xdp_blocklist" },
    {
      name: "network and host",
      why: "the longest prefix counts",
      program: "xdp_blocklist",
      maps: [
        set("blocked_v4", cat(u32(24), ip4("192.0.2.0")), u64(0)),
        set("blocked_v4", cat(u32(32), ip4("192.0.2.77")), u64(0)),
        set("blocked_v4", cat(u32(8), ip4("10.0.0.0")), u64(7)),
        set("blocked_v6", cat(u32(48), ip6("2001:db8:1::")), u64(0)),
        set("blocked_v6", cat(u32(128), ip6("2001:db8:1::77")), u64(0)),
      ],
    },
    {
      name: "near misses",
      why: "one bit off, and a prefix that was taken out again",
      program: "xdp_blocklist",
      maps: [
        set("blocked_v4", cat(u32(31), ip4("192.0.2.2")), u64(0)),
        set("blocked_v4", cat(u32(24), ip4("192.0.2.0")), u64(0)),
        set("blocked_v4", cat(u32(25), ip4("192.0.2.0")), u64(0)),
        remove("blocked_v4", cat(u32(24), ip4("192.0.2.0"))),
        remove("blocked_v4", cat(u32(25), ip4("192.0.2.0"))),
        set("blocked_v6", cat(u32(64), ip6("2001:db8:2::")), u64(0)),
        set("blocked_v6", cat(u32(127), ip6("2001:db8:1::76")), u64(0)),
      ],
    },
    {
      name: "everything",
      why: "a prefix of length 0 matches all",
      program: "xdp_blocklist",
      maps: [set("blocked_v4", cat(u32(0), ip4("0.0.0.0")), u64(0)), set("blocked_v6", cat(u32(0), ip6("::")), u64(0))],
      packets: some,
    },
  ],

  xdp_ratelimit: [
    { name: "no limit", why: "interval 0 switches it off", program: "xdp_ratelimit", packets: some },
    {
      name: "burst of three",
      why: "three packets of a source pass, then none for a long time",
      program: "xdp_ratelimit",
      maps: [set("rate_limit", u32(0), cat(u64(3_600_000_000_000), u64(3)))],
      volatile: { buckets: [[0, 16]] },
    },
    {
      name: "burst of zero",
      why: "nobody may send",
      program: "xdp_ratelimit",
      maps: [set("rate_limit", u32(0), cat(u64(1_000_000_000), u64(0)))],
      packets: some,
    },
    {
      name: "an old bucket",
      why: "credit of ages is cut down to the burst",
      program: "xdp_ratelimit",
      maps: [
        set("rate_limit", u32(0), cat(u64(3_600_000_000_000), u64(2))),
        set("buckets", cat(zeros(8), be32(0xffff), ip4(CLIENT)), cat(u64(0xffffffffffff), u64(0))),
      ],
      volatile: { buckets: [[0, 16]] },
      packets: some,
    },
  ],

  xdp_router: [
    {
      name: "forwarding host",
      why: "every answer of the routing table",
      program: "xdp_router",
      setup: [...router, ...forwarding],
    },
    {
      name: "host that does not forward",
      why: "the lookup says FWD_DISABLED",
      program: "xdp_router",
      setup: router,
      packets: [...some, "ipv4_to_router", "ipv4_to_no_route", "ipv4_to_blackhole"],
    },
    {
      name: "more specific route",
      why: "the longest prefix wins",
      program: "xdp_router",
      setup: [...router, ...forwarding, ...slash32],
      packets: [...some, "ipv4_ttl_2", "ipv4_ttl_1", "ipv4_udp_tos"],
    },
  ],

  xdp_l2_redirect: [
    {
      name: "empty tables",
      why: "unknown addresses pass; group addresses are flooded to nobody",
      program: "xdp_l2_redirect",
    },
    {
      name: "known address",
      why: "the slot's device takes the frame",
      program: "xdp_l2_redirect",
      setup: router.slice(0, 6),
      maps: [
        set("mac_table", mac("02:00:00:00:00:02"), u32(5)),
        dev("switch_ports", 5, 10, "xdp_l2_egress"),
        dev("switch_ports", 6, 12),
      ],
    },
    {
      name: "empty slot",
      why: "redirect_map answers the verdict in its flags",
      program: "xdp_l2_redirect",
      maps: [set("mac_table", mac("02:00:00:00:00:02"), u32(9))],
      packets: some,
    },
    {
      name: "slot beyond the map",
      why: "the same",
      program: "xdp_l2_redirect",
      maps: [set("mac_table", mac("02:00:00:00:00:02"), u32(64))],
      packets: some,
    },
  ],

  xdp_vlan: [
    {
      name: "push",
      why: "four bytes more in front",
      program: "xdp_vlan_push",
      maps: [set("vlan_config", u32(0), u32(100 | (5 << 13)))],
    },
    {
      name: "push three times",
      why: "BPF_PROG_RUN runs again on what the run before has left",
      program: "xdp_vlan_push",
      maps: [set("vlan_config", u32(0), u32(7))],
      packets: some.map((packet) => ({ packet, repeat: 3 })),
    },
    {
      name: "push until the headroom ends",
      why: "adjust_head refuses at last",
      program: "xdp_vlan_push",
      maps: [set("vlan_config", u32(0), u32(7))],
      packets: some.map((packet) => ({ packet, repeat: 70 })),
    },
    { name: "push without a number", why: "not configured: all pass", program: "xdp_vlan_push", packets: some },
    { name: "pop", why: "four bytes fewer", program: "xdp_vlan_pop" },
  ],

  xdp_l4lb: [
    { name: "no services", why: "all pass", program: "xdp_l4lb" },
    {
      name: "four backends",
      why: "the hash picks from the ring, connections stick",
      program: "xdp_l4lb",
      maps: [...balancer, ringOf(0, [1, 2, 3, 7]), ringOf(3, [7, 3, 3, 2, 1])],
    },
    {
      name: "a backend is down",
      why: "connections to it move, its ring entries drop",
      program: "xdp_l4lb",
      maps: [
        ...balancer,
        set("backends", u32(2), backend("10.0.0.12", 0)),
        ringOf(0, [2]),
        ringOf(3, [3]),
        set("flows", flowKey(CLIENT, SERVER, 40001, 53, UDP), u32(2)),
        set("flows", flowKey(CLIENT, SERVER, 40007, 80, TCP), u32(7)),
      ],
    },
    {
      name: "known connections",
      why: "the table goes before the ring, but not for a SYN",
      program: "xdp_l4lb",
      maps: [
        ...balancer,
        ringOf(0, [1]),
        ringOf(3, [1]),
        set("flows", flowKey(CLIENT, SERVER, 40000, 80, TCP), u32(7)),
        set("flows", flowKey(CLIENT, SERVER, 40001, 53, UDP), u32(3)),
      ],
      packets: [
        "ipv4_tcp_ack",
        "ipv4_tcp_rst",
        "ipv4_tcp_1514",
        "ipv4_udp",
        "ipv4_udp_odd_length",
        "ipv4_udp_tos",
        "ipv4_tcp_synack",
        "ipv4_tcp_syn",
        "ipv4_tcp_ack",
        "ipv4_options_full_tcp",
        "ipv4_options_udp",
        "ipv4_udp_1514",
        "ipv4_tcp_other_client",
        "ipv4_icmp_unreachable",
      ],
    },
    {
      name: "an empty ring",
      why: "nobody to send to",
      program: "xdp_l4lb",
      maps: balancer,
      packets: [...some, "ipv4_tcp_ack"],
    },
  ],

  xdp_decap: [
    { name: "every packet", why: "outer header with and without options, bad inner packets", program: "xdp_decap" },
    {
      name: "twice",
      why: "the second run finds no tunnel any more",
      program: "xdp_decap",
      packets: some.map((packet) => ({ packet, repeat: 2 })),
    },
  ],

  xdp_tailcall: [
    { name: "every packet", why: "two jumps, and what happens where there is no program", program: "xdp_tailcall" },
    {
      name: "pieces taken out",
      why: "an empty slot falls through",
      program: "xdp_tailcall",
      maps: [remove("by_protocol", u32(UDP)), remove("by_ethertype", u32(1))],
    },
    {
      name: "a piece exchanged",
      why: "UDP is handled by the program for TCP, ARP by the entry itself until the limit of 33",
      program: "xdp_tailcall",
      maps: [
        { op: "prog", map: "by_protocol", slot: UDP, program: "handle_tcp" },
        { op: "prog", map: "by_ethertype", slot: 2, program: "xdp_tailcall" },
      ],
      packets: some,
    },
  ],

  xdp_meta: [
    { name: "no marks", why: "no metadata", program: "xdp_meta", packets: some },
    {
      name: "marks by source",
      why: "eight bytes in front of the packet",
      program: "xdp_meta",
      maps: [set("meta_marks", u32(1), u32(0x1001)), set("meta_marks", u32(77), u32(0x1077))],
    },
    {
      name: "metadata already there",
      why: "the new lies in front of the old",
      program: "xdp_meta",
      maps: [set("meta_marks", u32(1), u32(0x1001))],
      packets: some
        .filter((packet) => packet !== "truncated_14")
        .map((packet) => ({ packet, meta: "0102030405060708090a0b0c" })),
    },
    {
      name: "metadata at its limit",
      why: "adjust_meta refuses to go further",
      program: "xdp_meta",
      maps: [set("meta_marks", u32(1), u32(0x1001))],
      packets: some.map((packet) => ({ packet, repeat: 40 })),
    },
  ],

  xdp_events: [
    { name: "perf", why: "a record and bytes of the packet behind it", program: "xdp_perf" },
    { name: "ringbuf", why: "reserved, then submitted or discarded", program: "xdp_ringbuf" },
  ],

  tc_actions: [-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 42].map((code) => ({
    name: `code ${code}`,
    why: "BPF_PROG_RUN hands the number back as it is",
    program: "tc_actions",
    maps: [set("tc_action", u32(0), u32(code))],
    packets: some,
  })),

  tc_mark: [
    {
      name: "ingress",
      why: "marks by protocol",
      program: "tc_mark_ingress",
      maps: [
        set("mark_rules", u32(TCP), u32(0x10)),
        set("mark_rules", u32(UDP), u32(0x20)),
        set("mark_rules", u32(58), u32(0x30)),
      ],
    },
    {
      name: "egress with a mark",
      why: "priority and tc_index by mark",
      program: "tc_mark_egress",
      maps: [set("mark_actions", u32(0x20), cat(u32(6), u32(0x1f)))],
      packets: some.map((packet) => ({ packet, ctx: skBuff({ mark: 0x20, priority: 1 }) })),
    },
    {
      name: "egress without a rule",
      why: "left alone",
      program: "tc_mark_egress",
      maps: [set("mark_actions", u32(0x20), cat(u32(6), u32(0x1f)))],
      packets: some.map((packet) => ({ packet, ctx: skBuff({ mark: 0x21, priority: 3, cb: [1, 2, 3, 4, 5] }) })),
    },
  ],

  tc_nat_lb: [
    { name: "no services", why: "all pass", program: "tc_nat_ingress" },
    {
      name: "ingress",
      why: "destination rewritten, three checksums mended",
      program: "tc_nat_ingress",
      maps: services,
    },
    {
      name: "egress",
      why: "source rewritten back",
      program: "tc_nat_egress",
      maps: [
        set("conntrack", flowKey("10.0.0.11", CLIENT, 8080, 40000, TCP), endpoint(SERVER, 80)),
        set("conntrack", flowKey("10.0.0.21", CLIENT, 5353, 40001, UDP), endpoint(SERVER, 53)),
      ],
    },
    {
      name: "known connection",
      why: "the table goes before the service",
      program: "tc_nat_ingress",
      maps: [...services, set("conntrack", flowKey(CLIENT, SERVER, 40001, 53, UDP), endpoint("10.0.0.99", 99))],
      packets: [...some, "ipv4_udp_no_checksum", "ipv4_udp_odd_length", "ipv4_udp_tos", "ipv4_bad_checksum"],
    },
  ],

  tc_redirect: [
    { name: "no target", why: "all pass", program: "tc_redirect" },
    redirectTo("egress", "out of another device", target(0, 10)),
    redirectTo("ingress", "into another device", target(1, 10)),
    redirectTo("peer", "into the peer of a device", target(2, 10)),
    redirectTo("neighbour", "by the packet's own destination", target(3, 10)),
    redirectTo("neighbour given", "by a next hop", target(3, 10, "10.1.0.2")),
    redirectTo("unknown mode", "shot", target(4, 10)),
    {
      name: "by device",
      why: "skb->ifindex chooses",
      program: "tc_redirect",
      setup: router.slice(0, 6),
      maps: [set("redirects", u32(12), target(0, 10))],
      packets: some.flatMap((packet) => [
        { packet, ctx: skBuff({ ifindex: 12 }) },
        { packet, ctx: skBuff({ ifindex: 10 }) },
      ]),
    },
  ],

  tc_meta: [{ name: "no metadata", why: "BPF_PROG_RUN gives a tc program none", program: "tc_meta" }],

  sock_ip_only: [
    {
      name: "every packet",
      why: "BPF_PROG_RUN runs socket filters without the Ethernet header: offset 12 is inside the IP header",
      program: "sock_ip_only",
    },
  ],
  sock_proto_bytes: [
    { name: "every packet", why: "BPF_PROG_RUN's packets are never outgoing", program: "sock_proto_bytes" },
  ],
};

/** Kinds of program by the beginning of the object's name. */
export const kindOf = (object) =>
  object.startsWith("xdp_") ? "xdp" : object.startsWith("tc_") ? "sched_cls" : "socket_filter";

export const casesByObject = byName;

export { u16, xdpMd };
