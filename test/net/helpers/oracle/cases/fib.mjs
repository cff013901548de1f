// bpf_fib_lookup over the routes and neighbours of setup.mjs; devices d0, d1 and d2 are 2, 4 and 6.
import { v4, v6 } from "./packets.mjs";

export const ops = { lookup: [1, "buf", "len", "a"] };

const DIRECT = 1;
const OUTPUT = 2;
const SKIP_NEIGH = 4;
const TBID = 8;
const SRC = 16;
const MARK = 32;

const ip4 = (text) => Buffer.from(text.split(".").map(Number)).toString("hex");
/** fdNN::x as bytes. */
const ip6 = (net, last) => `fd${net}${"00".repeat(13)}${last}`;
/** struct bpf_fib_lookup. */
function params(o) {
  const b = Buffer.alloc(64);
  b[0] = o.family;
  b[1] = o.proto ?? 17;
  b.writeUInt16BE(o.sport ?? 4000, 2);
  b.writeUInt16BE(o.dport ?? 80, 4);
  b.writeUInt16LE(o.len ?? 0, 6);
  b.writeUInt32LE(o.ifindex ?? 2, 8);
  b.writeUInt32BE(o.tos ?? 0, 12);
  Buffer.from(o.src, "hex").copy(b, 16);
  Buffer.from(o.dst, "hex").copy(b, 32);
  b.writeUInt32LE(o.tbid ?? 0, 48);
  b.writeUInt32LE(o.mark ?? 0, 52);
  return b.toString("hex");
}
const p4 = (dst, o = {}) => params({ family: 2, src: ip4(o.from ?? "10.0.1.2"), dst: ip4(dst), ...o });
const p6 = (dst, o = {}) => params({ family: 10, src: o.from ?? ip6("01", "02"), dst, ...o });
const ask = (p, flags = 0, len = 64) => ["lookup", p, len, flags];

const to4 = [
  "10.0.1.2",
  "10.0.1.3",
  "10.0.1.1",
  "10.0.1.255",
  "10.0.2.2",
  "10.1.0.1",
  "10.2.0.1",
  "10.3.0.1",
  "10.4.0.1",
  "10.5.0.1",
  "10.6.0.1",
  "10.7.0.1",
  "10.8.0.1",
  "10.9.0.1",
  "10.10.0.1",
  "10.11.0.1",
  "127.0.0.1",
  "224.0.0.1",
  "255.255.255.255",
  "0.0.0.0",
];
const to6 = [
  ip6("01", "02"),
  ip6("01", "03"),
  ip6("01", "01"),
  ip6("02", "02"),
  ip6("11", "01"),
  ip6("12", "01"),
  ip6("13", "01"),
  ip6("14", "01"),
  ip6("15", "01"),
  ip6("16", "01"),
  ip6("17", "01"),
  ip6("18", "01"),
  ip6("1a", "01"),
  `fe80${"00".repeat(13)}01`,
  `ff02${"00".repeat(13)}01`,
  `${"00".repeat(15)}01`,
];
const flags = [0, DIRECT, OUTPUT, SKIP_NEIGH, SRC, SKIP_NEIGH | SRC, DIRECT | OUTPUT, DIRECT | SKIP_NEIGH | SRC];
const each = (values, f) => values.map(f);

const asked = [
  ...each(flags, (f) => each(to4, (d) => ask(p4(d), f))).flat(),
  ...each(flags, (f) => each(to6, (d) => ask(p6(d), f))).flat(),
  // tables
  ...each([254, 255, 100, 101, 0], (t) => ask(p4("10.8.0.1", { tbid: t }), DIRECT | TBID)),
  ...each([254, 255, 100, 101, 0], (t) => ask(p6(ip6("18", "01"), { tbid: t }), DIRECT | TBID)),
  ask(p4("10.8.0.1", { tbid: 100 }), TBID),
  ask(p4("10.8.0.1", { tbid: 100 }), DIRECT),
  ask(p4("10.1.0.1", { mark: 7 }), MARK),
  ask(p4("10.1.0.1", { mark: 7 }), DIRECT | MARK),
  // devices
  ...each([0, 1, 4, 6, 99, 0xffffffff], (i) => ask(p4("10.1.0.1", { ifindex: i }))),
  ...each([0, 1, 4, 6, 99, 0xffffffff], (i) => ask(p6(ip6("11", "01"), { ifindex: i }))),
  ...each([1, 4], (i) => ask(p4("10.1.0.1", { ifindex: i }), OUTPUT)),
  ...each([1, 4], (i) => ask(p6(ip6("11", "01"), { ifindex: i }), OUTPUT)),
  // lengths against the MTU: 1500, 1400 and a route's 1000
  ...each([1, 1000, 1001, 1400, 1401, 1500, 1501, 65535], (n) => ask(p4("10.1.0.1", { len: n }))),
  ...each([1400, 1401], (n) => ask(p4("10.2.0.1", { len: n }))),
  ...each([1000, 1001], (n) => ask(p4("10.7.0.1", { len: n }))),
  ...each([1280, 1281, 1500, 1501], (n) => ask(p6(ip6("11", "01"), { len: n }))),
  ...each([1300, 1301], (n) => ask(p6(ip6("17", "01"), { len: n }))),
  // families, sizes, flags
  ...each([0, 1, 3, 7, 11, 255], (family) => ask(params({ family, src: ip4("10.0.1.2"), dst: ip4("10.1.0.1") }))),
  ...each([1, 32, 63], (n) => ask(p4("10.1.0.1"), 0, n)),
  ...each([64, 128, 0x80000000, "0x100000000"], (f) => ask(p4("10.1.0.1"), f)),
  ...each([0x10000000, 0xfc000000, 0x03000000], (tos) => ask(p4("10.1.0.1", { tos }))),
  ask(p4("10.1.0.1", { from: "0.0.0.0" })),
  ask(p4("10.1.0.1", { from: "127.0.0.1" })),
  ask(p6(ip6("11", "01"), { from: `fe80${"00".repeat(13)}05` })),
  ask(p6(ip6("11", "01"), { from: "00".repeat(16) }), SRC),
];

export const cases = [
  ...asked.map((step) => ({ packet: v4(), steps: [step] })),
  // a packet that is longer than the MTU of the way it would take
  ...each(["10.1.0.1", "10.2.0.1", "10.7.0.1"], (d) => ({ packet: v4(0, 0xabcd, 1450), steps: [ask(p4(d))] })),
  { packet: v6(0, 1450), steps: [ask(p6(ip6("11", "01")))] },
];
