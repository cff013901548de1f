// Socket lookups among the sockets of setup.mjs; and what can be asked about a socket.
import { v4, v6 } from "./packets.mjs";

export const ops = {
  udp: [1, "buf", "a", "b"],
  tcp: [2, "buf", "a", "b"],
  skc_tcp: [3, "buf", "a", "b"],
  own: [4, "buf"],
  assign: [5, "buf", "a", "b"],
  casts: [6, "buf", "a"],
  udp6: [7, "buf", "a"],
};

const port = (n) => n.toString(16).padStart(4, "0");
const ip4 = (text) => Buffer.from(text.split(".").map(Number)).toString("hex");
/** struct bpf_sock_tuple of IPv4, as hex. */
export const t4 = (src, sport, dst, dport) => ip4(src) + ip4(dst) + port(sport) + port(dport);
const ip6 = (last) => `fd000001${"00".repeat(11)}${last.toString(16).padStart(2, "0")}`;
const t6 = (src, sport, dst, dport) => ip6(src) + ip6(dst) + port(sport) + port(dport);
const each = (values, f) => values.map(f);

const any = t4("10.9.9.9", 1000, "10.0.1.1", 5000);
const queries = [
  ["udp", any, -1, 0],
  ["udp", t4("10.9.9.9", 1000, "10.0.2.1", 5000), -1, 0],
  ["udp", t4("10.9.9.9", 1000, "10.0.1.1", 5001), -1, 0],
  ["udp", t4("10.9.9.9", 1000, "10.0.2.1", 5001), -1, 0],
  ["udp", t4("10.0.1.2", 7000, "10.0.1.1", 5002), -1, 0],
  ["udp", t4("10.0.1.2", 7001, "10.0.1.1", 5002), -1, 0],
  ["udp", t4("10.9.9.9", 1, "10.0.1.1", 5003), -1, 0],
  ["udp", t4("10.9.9.9", 1, "10.0.1.1", 5999), -1, 0],
  ["udp", t6(9, 1000, 1, 5000), -1, 0],
  ["udp", t6(9, 1000, 1, 5004), -1, 0],
  ["udp", t6(9, 1000, 3, 5004), -1, 0],
  ["udp", t6(2, 7000, 1, 5005), -1, 0],
  ["udp", t6(2, 7001, 1, 5005), -1, 0],
  ["tcp", any, -1, 0],
  ["skc_tcp", any, -1, 0],
  ["tcp", t6(9, 1000, 1, 5000), -1, 0],
];
const malformed = [
  ["udp", any, 0, 0],
  ["udp", any, 5, 0],
  ["udp", any, "0x7fffffff", 0],
  ["udp", any, "0xffffffff", 0],
  ["udp", any, "0x80000000", 0],
  ["udp", any, "0x100000000", 0],
  ["udp", any, "0x1ffffffff", 0],
  ["udp", any, -1, 1],
  ["udp", any, -1, "0x100000000"],
  ["udp", any.slice(0, 22), -1, 0],
  ["udp", `${any}00`, -1, 0],
  ["udp", t6(9, 1000, 1, 5000).slice(0, 70), -1, 0],
];

/** In XDP a test run comes from lo. */
export const xdpCases = [...queries, ...malformed].map((q) => ({ packet: v4(), steps: [q] }));

export const cases = [
  ...xdpCases,
  ...each(queries, (q) => ({ packet: v4(), ifindex: 2, steps: [q] })),
  ...each(queries, (q) => ({ packet: v6(), ifindex: 4, steps: [q] })),
  { packet: v4(), steps: [["own", "00"]] },
  {
    packet: v4(),
    steps: [
      ["own", "00"],
      ["udp", any, -1, 0],
      ["own", "00"],
    ],
  },
  { packet: v4(), steps: [["assign", any, -1, 0]] },
  { packet: v4(), steps: [["assign", any, -1, 1]] },
  { packet: v4(), steps: [["casts", any, -1]] },
  ...each([t6(9, 1000, 1, 5000), t6(9, 1000, 1, 5004), t6(2, 7000, 1, 5005), t6(9, 1, 1, 5999)], (t) => ({
    packet: v4(),
    steps: [["udp6", t, -1]],
  })),
];
