// Filters whose matching is recorded, and the packets that are sent through them. Every filter has an action with a number of its
// own that lets the packet go on, so that one packet asks all of them.

import { be16, cat, ip4, ip6, mac, u8, zeros } from "../../../kernel/bytes.mjs";

const MACS = cat(mac("02:00:00:00:00:11"), mac("02:00:00:00:00:10"));

function ipv4({ proto = 17, src = "10.9.0.1", dst = "10.9.9.9", tos = 0, frag = 0, ihl = 5, ttl = 64 } = {}, payload) {
  const total = ihl * 4 + payload.length / 2;
  return cat(
    u8(0x40 | ihl),
    u8(tos),
    be16(total),
    "1234",
    be16(frag),
    u8(ttl),
    u8(proto),
    "0000",
    ip4(src),
    ip4(dst),
    zeros((ihl - 5) * 4),
    payload,
  );
}

const l4 = (sport, dport, more = "") => cat(be16(sport), be16(dport), more, zeros(24 - more.length / 2));
const tcp = (sport, dport, flags = 2) =>
  l4(sport, dport, cat("0000000100000000", be16(0x5000 | flags), "ffff00000000"));
const ether = (type, body) => cat(MACS, type, body);

/** Frames by what they are. */
export const packets = [
  { name: "udp", hex: ether("0800", ipv4({}, l4(1000, 53))) },
  { name: "udp with tos", hex: ether("0800", ipv4({ tos: 0x10, ttl: 3 }, l4(1000, 2000))) },
  { name: "tcp", hex: ether("0800", ipv4({ proto: 6 }, tcp(40000, 80))) },
  { name: "tcp with ip options", hex: ether("0800", ipv4({ proto: 6, ihl: 7 }, tcp(22, 80))) },
  { name: "tcp from 22", hex: ether("0800", ipv4({ proto: 6, src: "192.168.8.77" }, tcp(22, 40000, 0x12))) },
  { name: "icmp echo", hex: ether("0800", ipv4({ proto: 1 }, cat("0800000012340001", zeros(16)))) },
  { name: "first fragment", hex: ether("0800", ipv4({ frag: 0x2000 }, l4(1000, 53))) },
  { name: "later fragment", hex: ether("0800", ipv4({ frag: 0x0010 }, l4(1000, 53))) },
  { name: "do not fragment", hex: ether("0800", ipv4({ frag: 0x4000, src: "192.168.9.1" }, l4(7, 7))) },
  {
    name: "ipv6 tcp",
    hex: ether("86dd", cat("61200345", be16(24), "0640", ip6("2001:db8::1"), ip6("2001:db8::2"), tcp(1, 443))),
  },
  { name: "ipv4 header only", hex: ether("0800", ipv4({ proto: 253 }, "")) },
  { name: "cut off behind the ethernet header", hex: ether("0800", "4500") },
  { name: "arp", hex: ether("0806", cat("0001080006040001", MACS.slice(12), "0a090001", zeros(6), "0a090002")) },
  { name: "tagged udp", hex: cat(MACS, "81000064", "0800", ipv4({}, l4(1000, 53))) },
];

let index = 0;
/** The action of the next filter. */
const hit = () => `action mirred egress mirror dev d0 continue index ${++index}`;
let pref = 0;
/** One filter in a preference of its own. */
const one = (protocol, words) => [`tc filter add dev vb ingress pref ${++pref} protocol ${protocol} ${words} ${hit()}`];
/** Several commands of one preference; `@` is its action. */
const many = (protocol, ...lines) => {
  pref++;
  return lines.map((l) => {
    const words = l.includes("@") ? l.replace("@", hit()) : l;
    const [place, rest] = words.split(" :: ");
    return `tc filter add dev vb ingress pref ${pref} protocol ${protocol} ${place} ${rest}`;
  });
};

/** In order. */
export const commands = [
  ...one("all", "u32 match u32 0 0"),
  ...one("ip", "u32 match u32 0 0"),
  ...one("ipv6", "u32 match u32 0 0"),
  ...one("arp", "u32 match u32 0 0"),
  ...one("802.1Q", "u32 match u32 0 0"),
  ...one("ip", "u32 match ip src 10.9.0.0/24"),
  ...one("ip", "u32 match ip dst 10.9.9.9 match ip protocol 17 0xff"),
  ...one("ip", "u32 match ip dport 53 0xffff"),
  ...one("ip", "u32 match ip sport 0x0016 0xffff"),
  ...one("ip", "u32 match ip tos 0x10 0x1e"),
  ...one("ip", "u32 match ip ihl 7 0x0f"),
  ...one("ip", "u32 match ip nofrag"),
  ...one("ip", "u32 match ip firstfrag"),
  ...one("ip", "u32 match ip df"),
  ...one("ip", "u32 match ip mf"),
  ...one("ip", "u32 match ip icmp_type 8 0xff match ip protocol 1 0xff"),
  ...one("ip", "u32 match u8 3 0xff at 8"),
  ...one("ip", "u32 match u16 0x1234 0xffff at 4"),
  ...one("ip", "u32 match u32 0x0a090000 0xffff0000 at 12"),
  ...one("all", "u32 match u32 0 0 at 40"),
  ...one("all", "u32 match u32 0 0 at 200"),
  ...one("all", "u32 match u16 0x0800 0xffff at -2"),
  ...one("all", "u32 match ether src 02:00:00:00:00:10"),
  ...one("all", "u32 match ether dst 02:00:00:00:00:10"),
  ...one("ipv6", "u32 match ip6 src 2001:db8::/64 match ip6 protocol 6 0xff"),
  ...one("ipv6", "u32 match ip6 dport 443 0xffff"),
  ...one("ipv6", "u32 match ip6 flowlabel 0x345 0xfffff"),
  ...one("ipv6", "u32 match ip6 priority 0x12 0xff"),
  ...one("ip", "u32 match tcp src 22 0xffff"),
  ...one("ip", "u32 match ip protocol 6 0xff match tcp dst 80 0xffff"),
  ...one("ip", "u32 match u32 0 0 indev vb"),
  ...one("ip", "u32 match u32 0 0 indev d0"),
  // tc-u32(8): the next header's offset, in a table of its own
  ...many(
    "ip",
    "handle 1: :: u32 divisor 1",
    "  :: u32 ht 1: match tcp src 22 FFFF @",
    "  :: u32 match ip protocol 6 FF match u16 0 1fff at 6 offset at 0 mask 0f00 shift 6 link 1:",
  ),
  // the same, with the base moved for good
  ...many(
    "ip",
    "handle 2: :: u32 divisor 1",
    "  :: u32 ht 2: match u16 22 FFFF at 0 @",
    "  :: u32 ht 2: match u16 80 FFFF at 2 @",
    "  :: u32 match ip protocol 6 FF offset at 0 mask 0f00 shift 6 eat link 2: @",
  ),
  // tc-u32(8): a hash table over the third byte of the source address
  ...many(
    "ip",
    "handle 3: :: u32 divisor 256",
    "  :: u32 ht 3: sample u32 0x00000800 0x0000ff00 at 12 match ip src 192.168.8.0/24 @",
    "  :: u32 ht 3:9: match ip src 192.168.9.0/24 @",
    "  :: u32 ht 3:0: match ip src 10.9.0.1 @",
    "  :: u32 link 3: hashkey mask 0x0000ff00 at 12 match ip src 0.0.0.0/0",
  ),
  // a base behind the packet's end leads back
  ...many(
    "ip",
    "handle 4: :: u32 divisor 1",
    "  :: u32 ht 4: match u32 0 0 @",
    "  :: u32 match u32 0 0 offset plus 1000 eat link 4: @",
    "  :: u32 match u32 0 0 @",
  ),
  // links eight deep and one more
  ...many(
    "ip",
    ...[0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19].map((h) => `handle ${h.toString(16)}: :: u32 divisor 1`),
    "  :: u32 ht 18: match u32 0 0 @",
    "  :: u32 ht 19: match u32 0 0 @",
    "  :: u32 ht 18: match u32 0 0 link 19:",
    ...[0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11].map(
      (h) => `  :: u32 ht ${h.toString(16)}: match u32 0 0 link ${(h + 1).toString(16)}:`,
    ),
    "  :: u32 match u32 0 0 link 11: @",
    "  :: u32 match u32 0 0 @",
  ),
  // classic programs, not direct-action: their answer is the class, then the actions
  ...one("all", "bpf bytecode '4,40 0 0 12,21 0 1 2048,6 0 0 4294967295,6 0 0 0' flowid 1:1"),
  ...one("all", "bpf bytecode '1,6 0 0 0' flowid 1:1"),
];

/** Actions in all. */
export const actions = index;
