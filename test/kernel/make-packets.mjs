// Writes packets.json: every kind of packet that the programs are tried with, checksums right unless the name says so.
//
//   node test/kernel/make-packets.mjs

import { writeFileSync } from "node:fs";
import { be16, be32, cat, checksum, ip4, ip6, mac, u8, zeros } from "./bytes.mjs";

const CLIENT = "192.0.2.1";
const SERVER = "198.51.100.2";
const CLIENT6 = "2001:db8:1::1";
const SERVER6 = "2001:db8:2::2";

const TCP = 6;
const UDP = 17;
const ICMP = 1;
const IPIP = 4;
const GRE = 47;
const SCTP = 132;

const SYN = 0x02;
const RST = 0x04;
const ACK = 0x10;

const bytesIn = (hex) => hex.length / 2;
const filler = (count) => Array.from({ length: count }, (_, i) => u8(0x61 + (i % 26))).join("");

const eth = (proto, body, { to = "02:00:00:00:00:02", from = "02:00:00:00:00:01" } = {}) =>
  cat(mac(to), mac(from), be16(proto), body);
const vlan = (tci, proto, body) => cat(be16(tci), be16(proto), body);

const v4 = (proto, body, o = {}) => {
  const options = o.options ?? "";
  const header = (check) =>
    cat(
      u8((4 << 4) | (5 + bytesIn(options) / 4)),
      u8(o.tos ?? 0),
      be16(20 + bytesIn(options) + bytesIn(body)),
      be16(o.id ?? 0x1234),
      be16(o.frag ?? 0x4000),
      u8(o.ttl ?? 64),
      u8(proto),
      check,
      ip4(o.from ?? CLIENT),
      ip4(o.to ?? SERVER),
      options,
    );
  return cat(header(checksum(header("0000"))), body);
};

const v6 = (next, body, o = {}) =>
  cat(
    be32((6 << 28) | (o.flow ?? 0)),
    be16(bytesIn(body)),
    u8(next),
    u8(o.ttl ?? 64),
    ip6(o.from ?? CLIENT6),
    ip6(o.to ?? SERVER6),
    body,
  );

const pseudo4 = (o, proto, body) =>
  cat(ip4(o.from ?? CLIENT), ip4(o.to ?? SERVER), u8(0), u8(proto), be16(bytesIn(body)));
const pseudo6 = (o, proto, body) => cat(ip6(o.from ?? CLIENT6), ip6(o.to ?? SERVER6), be32(bytesIn(body)), be32(proto));

const tcp = (pseudo, o, payload = "") => {
  const segment = (check) =>
    cat(
      be16(o.sport ?? 40000),
      be16(o.dport ?? 80),
      be32(0x01020304),
      be32(0),
      u8(5 << 4),
      u8(o.flags ?? ACK),
      be16(64240),
      check,
      be16(0),
      payload,
    );
  return segment(checksum(cat(pseudo(o, TCP, segment("0000")), segment("0000"))));
};

const udp = (pseudo, o, payload) => {
  const datagram = (check) =>
    cat(be16(o.sport ?? 40001), be16(o.dport ?? 53), be16(8 + bytesIn(payload)), check, payload);
  if (o.noChecksum) return datagram("0000");
  return datagram(checksum(cat(pseudo(o, UDP, datagram("0000")), datagram("0000"))));
};

const icmp = (type, code, rest) => {
  const message = (check) => cat(u8(type), u8(code), check, rest);
  return message(checksum(message("0000")));
};

const icmp6 = (o, type, code, rest) => {
  const message = (check) => cat(u8(type), u8(code), check, rest);
  return message(checksum(cat(pseudo6(o, 58, message("0000")), message("0000"))));
};

const tcp4 = (o = {}, payload = "") => eth(0x0800, v4(TCP, tcp(pseudo4, o, payload), o), o.mac);
const udp4 = (o = {}, payload = filler(32)) => eth(0x0800, v4(UDP, udp(pseudo4, o, payload), o), o.mac);
const udp6 = (o = {}, payload = filler(32)) => eth(0x86dd, v6(UDP, udp(pseudo6, o, payload), o), o.mac);
const tcp6 = (o = {}, payload = "") => eth(0x86dd, v6(TCP, tcp(pseudo6, o, payload), o), o.mac);
const arp = (operation, o = {}) =>
  eth(
    0x0806,
    cat(
      "000108000604",
      be16(operation),
      mac("02:00:00:00:00:01"),
      ip4(CLIENT),
      zeros(6),
      ip4(o.target ?? "192.0.2.254"),
      zeros(18),
    ),
    {
      to: "ff:ff:ff:ff:ff:ff",
    },
  );

const inner = v4(TCP, tcp(pseudo4, {}, filler(20)), {});
const tunnel = { from: "10.0.0.1", to: "10.0.0.2" };
const cut = (hex, bytes) => hex.slice(0, 2 * bytes);

const packets = {
  // whole and ordinary
  ipv4_tcp_syn: tcp4({ flags: SYN }),
  ipv4_tcp_ack: tcp4({ flags: ACK }, filler(20)),
  ipv4_tcp_synack: tcp4({ flags: SYN | ACK }),
  ipv4_tcp_rst: tcp4({ flags: RST }),
  ipv4_tcp_other_port: tcp4({ sport: 40007, flags: ACK }, filler(9)),
  ipv4_tcp_other_client: tcp4({ from: "192.0.2.77", flags: ACK }, filler(20)),
  ipv4_tcp_unknown_service: tcp4({ dport: 8443, flags: SYN }),
  ipv4_tcp_1514: tcp4({}, filler(1460)),
  ipv4_udp: udp4(),
  ipv4_udp_min_60: cat(udp4({}, filler(10)), zeros(8)),
  ipv4_udp_no_checksum: udp4({ noChecksum: true }),
  ipv4_udp_odd_length: udp4({ sport: 40011 }, filler(31)),
  ipv4_udp_tos: udp4({ tos: 0xb8 }),
  ipv4_udp_1514: udp4({}, filler(1472)),
  ipv4_udp_from_8_0: udp4({ from: "8.0.2.1" }), // its source looks like EtherType 0x0800 to who counts from the wrong place
  ipv4_sctp: eth(0x0800, v4(SCTP, cat(be16(7), be16(9), zeros(8)))),
  ipv4_icmp_echo: eth(0x0800, v4(ICMP, icmp(8, 0, cat(be16(0x1234), be16(1), filler(32))))),
  ipv4_icmp_unreachable: eth(0x0800, v4(ICMP, icmp(3, 4, cat(be16(0), be16(1400), cut(inner, 28))))),
  ipv4_gre: eth(0x0800, v4(GRE, cat("00000800", inner), tunnel)),
  ipv6_tcp_syn: tcp6({ flags: SYN, dport: 443 }),
  ipv6_udp: udp6(),
  ipv6_udp_flow_label: udp6({ flow: 0x12345 }),
  ipv6_udp_other_client: udp6({ from: "2001:db8:1::77" }),
  ipv6_icmp_echo: eth(0x86dd, v6(58, icmp6({}, 128, 0, cat(be16(0x1234), be16(1), filler(32))))),
  ipv6_neighbour_solicitation: eth(
    0x86dd,
    v6(58, icmp6({ to: "ff02::1:ff00:2" }, 135, 0, cat(zeros(4), ip6(SERVER6), "0101", mac("02:00:00:00:00:01"))), {
      to: "ff02::1:ff00:2",
      ttl: 255,
    }),
    { to: "33:33:ff:00:00:02" },
  ),
  arp_request: arp(1),
  lldp: eth(0x88cc, zeros(46), { to: "01:80:c2:00:00:0e" }),
  unknown_ethertype: eth(0x9000, filler(46)),
  broadcast_udp: udp4({ to: "255.255.255.255", mac: { to: "ff:ff:ff:ff:ff:ff" } }),

  // answers of backends, for the way back through a translator
  ipv4_tcp_from_backend: tcp4({ from: "10.0.0.11", to: CLIENT, sport: 8080, dport: 40000, flags: SYN | ACK }),
  ipv4_udp_from_backend: udp4({ from: "10.0.0.21", to: CLIENT, sport: 5353, dport: 40001 }),

  // tags
  vlan_ipv4_tcp: eth(0x8100, vlan(100, 0x0800, v4(TCP, tcp(pseudo4, {}, filler(20))))),
  vlan_ipv6_udp: eth(0x8100, vlan(100, 0x86dd, v6(UDP, udp(pseudo6, {}, filler(20))))),
  vlan_priority_tag: eth(0x8100, vlan(5 << 13, 0x0800, v4(UDP, udp(pseudo4, {}, filler(20))))),
  qinq_ipv4_udp: eth(0x88a8, vlan(200, 0x8100, vlan(100, 0x0800, v4(UDP, udp(pseudo4, {}, filler(32)))))),
  vlan_cut_off: cut(eth(0x8100, vlan(100, 0x0800, "")), 16),

  // tunnels
  ipip: eth(0x0800, v4(IPIP, inner, tunnel)),
  ipip_options: eth(0x0800, v4(IPIP, inner, { ...tunnel, options: "9404000001010100" })),
  ipip_inner_not_ipv4: eth(0x0800, v4(IPIP, v6(UDP, udp(pseudo6, {}, filler(8))), tunnel)),
  ipip_inner_cut: eth(0x0800, v4(IPIP, cut(inner, 12), tunnel)),
  ipip_fragment: eth(0x0800, v4(IPIP, inner, { ...tunnel, frag: 0x2000 })),
  ipv6_in_ipv4: eth(0x0800, v4(41, v6(UDP, udp(pseudo6, {}, filler(8))), tunnel)),

  // options, extension headers, fragments
  ipv4_options_udp: udp4({ options: "94040000" }),
  ipv4_options_full_tcp: tcp4({ options: `${"01".repeat(39)}00`, flags: SYN }),
  ipv4_first_fragment: udp4({ frag: 0x2000 }),
  ipv4_later_fragment: eth(0x0800, v4(UDP, filler(64), { frag: 0x00b9 })),
  ipv6_hop_by_hop_udp: eth(0x86dd, v6(0, cat("11000502", "00000100", udp(pseudo6, {}, filler(16))))),
  ipv6_routing_dest_tcp: eth(
    0x86dd,
    v6(43, cat("3c00", "0400", zeros(4), "0600", "0104", zeros(4), tcp(pseudo6, { dport: 443 }, filler(4)))),
  ),
  ipv6_first_fragment: eth(0x86dd, v6(44, cat("1100", be16(1), be32(0xabcd), udp(pseudo6, {}, filler(32))))),
  ipv6_later_fragment: eth(0x86dd, v6(44, cat("1100", be16(0x0008), be32(0xabcd), filler(40)))),
  ipv6_extension_cut: cut(eth(0x86dd, v6(0, cat("1100", zeros(6)))), 55),

  // hop limits
  ipv4_ttl_1: udp4({ ttl: 1 }),
  ipv4_ttl_2: udp4({ ttl: 2 }),
  ipv4_ttl_0: udp4({ ttl: 0 }),
  ipv6_hop_limit_1: udp6({ ttl: 1 }),

  // destinations that a router treats differently
  ipv4_to_blackhole: udp4({ to: "203.0.113.1" }),
  ipv4_to_unreachable: udp4({ to: "203.0.113.65" }),
  ipv4_to_prohibited: udp4({ to: "203.0.113.129" }),
  ipv4_to_no_neighbour: udp4({ to: "203.0.113.193" }),
  ipv4_to_no_route: udp4({ to: "100.64.0.1" }),
  ipv4_to_router: udp4({ to: "10.1.0.1" }),
  ipv4_to_small_mtu: udp4({ to: "198.18.0.1" }, filler(800)),
  ipv4_small_to_small_mtu: udp4({ to: "198.18.0.1" }, filler(80)),
  ipv6_to_no_route: udp6({ to: "2001:db8:ffff::1" }),

  // broken
  truncated_14: cut(udp4(), 14),
  truncated_ipv4: cut(udp4(), 14 + 12),
  truncated_udp: cut(udp4(), 14 + 20 + 2),
  truncated_tcp: cut(tcp4(), 14 + 20 + 12),
  truncated_ipv6: cut(udp6(), 14 + 30),
  ipv4_ihl_4: udp4().replace("08004500", "08004400"),
  ipv4_ihl_beyond_end: cat(cut(udp4(), 14), "4f", udp4().slice(30, 84)),
  ipv4_version_5: udp4().replace("08004500", "08005500"),
  ipv4_bad_checksum: cat(cut(udp4(), 24), "dead", udp4().slice(52)),
};

const list = Object.entries(packets).map(([name, hex]) => ({ name, bytes: bytesIn(hex), hex }));
writeFileSync(
  new URL("packets.json", import.meta.url),
  `${JSON.stringify(list, null, 2)}
`,
);
process.stdout.write(`${list.length} packets\n`);
