// What the recorder asks the kernel and the test asks netsim. A step is [op, arguments...]; addresses of buffers are given as hex.
// prettier-ignore

const mac = "020000000002" + "020000000001";
const ip4 = (tos, ttl, proto, payload) => {
  const h = Buffer.alloc(20);
  h[0] = 0x45;
  h[1] = tos;
  h.writeUInt16BE(20 + payload.length, 2);
  h.writeUInt16BE(0x1234, 4);
  h.writeUInt16BE(0x4000, 6);
  h[8] = ttl;
  h[9] = proto;
  Buffer.from([10, 0, 0, 1, 10, 0, 0, 2]).copy(h, 12);
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += h.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  h.writeUInt16BE(~sum & 0xffff, 10);
  return Buffer.concat([h, payload]);
};
const udp = (csum, n) => {
  const b = Buffer.alloc(8 + n);
  b.writeUInt16BE(4000, 0);
  b.writeUInt16BE(80, 2);
  b.writeUInt16BE(8 + n, 4);
  b.writeUInt16BE(csum, 6);
  for (let i = 0; i < n; i++) b[8 + i] = i;
  return b;
};
const v4 = (tos = 0, csum = 0xabcd, n = 32) => `${mac}0800${ip4(tos, 64, 17, udp(csum, n)).toString("hex")}`;
const v6 = (tc = 0, n = 32) => {
  const h = Buffer.alloc(40);
  h.writeUInt32BE((0x60000000 | (tc << 20)) >>> 0, 0);
  h.writeUInt16BE(8 + n, 4);
  h[6] = 17;
  h[7] = 64;
  h[8] = 0xfd;
  h[23] = 1;
  h[24] = 0xfd;
  h[39] = 2;
  return `${mac}86dd${Buffer.concat([h, udp(0x1111, n)]).toString("hex")}`;
};
const arp = `${mac}0806${"00".repeat(46)}`;
const vlan = (inner) => `${mac}8100002a${inner.slice(24)}`;
const qinq = (inner) => `${mac}88a80064${vlan(inner).slice(24)}`;
const big = v4(0, 0xabcd, 1400);

/** Operations by name: number, and which argument places (a, b, c, d, buf or len) the arguments fill. */
export const OPS = {
  tc: {
    adjust_room: [1, "a", "b", "c"],
    change_tail: [2, "a", "b"],
    change_head: [3, "a", "b"],
    change_proto: [4, "a", "b"],
    vlan_push: [5, "a", "b"],
    vlan_pop: [6],
    l3_csum_replace: [7, "a", "b", "c", "d"],
    l4_csum_replace: [8, "a", "b", "c", "d"],
    store_bytes: [9, "a", "buf", "b"],
    load_bytes: [10, "a", "len"],
    load_bytes_relative: [11, "a", "len", "b"],
    pull_data: [12, "a"],
    change_type: [13, "a"],
    ecn_set_ce: [14],
    csum_level: [15, "a"],
    csum_update: [16, "a"],
    redirect: [17, "a", "b"],
    redirect_peer: [18, "a", "b"],
    redirect_neigh: [19, "a", "buf", "b"],
    check_mtu: [20, "a", "b", "c", "d"],
    set_tstamp: [21, "a", "b"],
    socket_uid: [22],
    socket_cookie: [23],
    cgroup_classid: [24],
    route_realm: [25],
    clone_redirect: [26, "a", "b"],
  },
  xdp: {
    adjust_head: [1, "a"],
    adjust_tail: [2, "a"],
    adjust_meta: [3, "a"],
    load_bytes: [4, "a", "len"],
    store_bytes: [5, "a", "buf"],
    buff_len: [6],
    redirect: [7, "a", "b"],
    redirect_map: [8, "a", "b"],
    check_mtu: [9, "a", "b", "c", "d"],
  },
};

const tc = (packet, ...steps) => ({ hook: "tc", packet, steps });
const xdp = (packet, ...steps) => ({ hook: "xdp", packet, steps });
const each = (values, f) => values.map(f);
const be16 = (x) => ((x & 0xff) << 8) | (x >> 8);

export const CASES = [
  // ---- XDP: the head moves between hard start + 40 and 14 bytes before the end
  ...each([0, -1, -20, -216, -217, -300, 14, 60, 61, 62, 1000, -2147483648], (n) => xdp(v4(), ["adjust_head", n])),
  xdp(v4(), ["adjust_head", -100], ["adjust_head", -116], ["adjust_head", -1], ["adjust_head", 230]),
  xdp(v4(), ["adjust_meta", -8], ["adjust_head", -208], ["adjust_head", -1], ["adjust_meta", 8]),
  xdp(v4(), ["adjust_meta", -8], ["adjust_head", 20], ["adjust_meta", 4], ["adjust_head", -20]),
  ...each([0, -4, -3, -252, -256, -216, -220, 4, -32, -1000], (n) => xdp(v4(), ["adjust_meta", n])),
  xdp(v4(), ["adjust_head", -200], ["adjust_meta", -16], ["adjust_meta", -4], ["adjust_meta", 20]),
  ...each([0, 1, -1, 100, -60, -61, -62, 3444, 3446, 3447, 4000, -2147483648], (n) => xdp(v4(), ["adjust_tail", n])),
  xdp(big, ["adjust_tail", 2000], ["adjust_tail", 64], ["adjust_tail", 100], ["adjust_tail", -3500]),
  xdp(v4(), ["adjust_head", -50], ["adjust_tail", 1]),
  // ---- XDP: bytes
  ...each(
    [
      [0, 14],
      [60, 14],
      [61, 14],
      [62, 14],
      [65535, 1],
      [65536, 1],
      [73, 1],
      [74, 1],
      [-1, 4],
    ],
    ([o, n]) => xdp(v4(), ["load_bytes", o, n]),
  ),
  xdp(v4(), ["store_bytes", 30, "0a0a0a0a"], ["store_bytes", 72, "0102"], ["store_bytes", 73, "0102"], ["buff_len"]),
  xdp(v4(), ["store_bytes", 65536, "01"]),
  // ---- XDP: redirect; lo is port 1
  ...each(
    [
      [1, 0],
      [77, 0],
      [1, 1],
    ],
    ([i, f]) => xdp(v4(), ["redirect", i, f]),
  ),
  ...each(
    [
      [1, 0],
      [2, 0],
      [2, 1],
      [2, 2],
      [2, 3],
      [9, 2],
      [1, 4],
      [2, 8],
      [2, 24],
      [1, 16],
      [1, 32],
      [1, 11],
    ],
    ([k, f]) => xdp(v4(), ["redirect_map", k, f]),
  ),
  // lo has an MTU of 65536
  ...each(
    [
      [1, 0, 0, 0],
      [0, 0, 0, 0],
      [1, 65536, 0, 0],
      [1, 65537, 0, 0],
      [1, 65537, -1, 0],
      [1, 0, 65476, 0],
      [1, 0, 65477, 0],
      [77, 0, 0, 0],
      [1, 0, 0, 1],
    ],
    (a) => xdp(v4(), ["check_mtu", ...a]),
  ),

  // ---- tc: room
  ...each([0, 20, 100, 4095, 4096, -20, -40, -41, -60, -61], (n) => tc(v4(), ["adjust_room", n, 0, 0])),
  ...each([0, 20, -20, -40, -41, -60], (n) => tc(v4(), ["adjust_room", n, 1, 0])),
  ...each([8, -8, -40, 40], (n) => tc(v6(), ["adjust_room", n, 0, 0])),
  ...each([20, -20, -48, -49], (n) => tc(v6(), ["adjust_room", n, 1, 0])),
  tc(v4(), ["adjust_room", 20, 2, 0]),
  tc(arp, ["adjust_room", 20, 1, 0]),
  ...each([1, 2, 4, 6, 8, 16, 24, 26, 32, 64, 66, 128, 256, 384, 512, 10, 18, 20, 12], (f) =>
    tc(v4(), ["adjust_room", 28, 1, f]),
  ),
  ...each([1, 2, 32, 64, 128, 256, 384, 161], (f) => tc(v4(), ["adjust_room", -20, 1, f])),
  ...each([128, 256], (f) => tc(v6(), ["adjust_room", -20, 1, f])),
  tc(v4(), ["adjust_room", 20, 1, 2], ["adjust_room", 20, 1, 2], ["change_tail", 120, 0], ["adjust_room", -20, 1, 0]),
  tc(v4(), ["adjust_room", 40, 1, 4], ["load_bytes_relative", 0, 20, 1]),
  tc(v6(), ["adjust_room", 20, 1, 2], ["load_bytes_relative", 0, 20, 1]),
  ...each([13, 14, 20, 28, 29], (n) => tc(v4(), ["adjust_room", 28, 1, `0x${n.toString(16)}00000000000042`])),
  tc(v4(), ["adjust_room", 28, 1, "0x0100000000000000"]),
  ...each([60, 74, 100, 14, 13, 0, 1500, 4000, 16000, 16064, 16065, 100000], (n) => tc(v4(), ["change_tail", n, 0])),
  tc(v4(), ["change_tail", 100, 1]),
  ...each([0, 14, 200, 4000, 15990, 15991, -1], (n) => tc(v4(), ["change_head", n, 0])),
  tc(v4(), ["change_head", 14, 1]),
  tc(v4(), ["change_head", 14, 0], ["adjust_room", 20, 1, 0]),
  tc(v4(), ["change_proto", be16(0x86dd), 0], ["load_bytes_relative", 0, 40, 1]),
  tc(v6(), ["change_proto", be16(0x0800), 0], ["load_bytes_relative", 0, 20, 1]),
  tc(v4(), ["change_proto", be16(0x0800), 0]),
  tc(v4(), ["change_proto", 0x86dd, 0]),
  tc(arp, ["change_proto", be16(0x86dd), 0]),
  tc(v4(), ["change_proto", be16(0x86dd), 1]),
  tc(v4(), ["change_proto", be16(0x86dd), 0], ["change_proto", be16(0x0800), 0]),
  // ---- tc: VLAN
  tc(v4(), ["vlan_push", be16(0x8100), 5]),
  tc(v4(), ["vlan_push", be16(0x88a8), 0xe005]),
  tc(v4(), ["vlan_push", 0, 7]),
  tc(v4(), ["vlan_push", be16(0x8100), 5], ["vlan_push", be16(0x88a8), 6]),
  tc(
    v4(),
    ["vlan_push", be16(0x8100), 5],
    ["vlan_push", be16(0x88a8), 6],
    ["vlan_push", be16(0x8100), 7],
    ["vlan_pop"],
  ),
  tc(v4(), ["vlan_push", be16(0x8100), 5], ["vlan_pop"]),
  tc(v4(), ["vlan_push", be16(0x8100), 5], ["vlan_push", be16(0x8100), 6], ["vlan_pop"], ["vlan_pop"]),
  tc(v4(), ["vlan_pop"]),
  tc(vlan(v4()), ["vlan_pop"]),
  tc(vlan(v4()), ["vlan_push", be16(0x8100), 9], ["vlan_pop"], ["vlan_pop"]),
  tc(qinq(v4()), ["vlan_pop"], ["vlan_pop"], ["vlan_pop"]),
  tc(qinq(v6()), ["vlan_push", be16(0x8100), 9], ["vlan_push", be16(0x8100), 10], ["vlan_pop"]),
  // ---- tc: checksums. The IPv4 header's stands at 24, UDP's at 40
  ...each(
    [
      [24, 0x0100000a, 0x0200a8c0, 4],
      [24, 0x4011, 0x3f11, 2],
      [24, 0, 0x12345678, 0],
      [24, 1, 2, 0],
      [24, 0, 0, 1],
      [24, 0, 0, 3],
      [24, 0, 0, 16],
      [25, 0, 0, 2],
      [73, 1, 2, 2],
      [72, 1, 2, 2],
      [74, 1, 2, 2],
      [65536, 1, 2, 2],
      [24, 0xffff, 0, 2],
      [24, 0, 0xffff, 2],
      [24, "0x1_0000_0001".replaceAll("_", ""), 2, 4],
    ],
    (a) => tc(v4(), ["l3_csum_replace", ...a]),
  ),
  ...each(
    [
      [40, 0x0100000a, 0x0200a8c0, 0x14],
      [40, 0x0100000a, 0x0200a8c0, 4],
      [40, 0x5000, 0x901f, 2],
      [40, 0x5000, 0x901f, 0x22],
      [40, 0, 0xdeadbeef, 0],
      [40, 0, 0xdeadbeef, 0x10],
      [40, 5, 1, 0],
      [40, 0, 0, 1],
      [40, 0, 0, 0x100],
      [40, 0x0100000a, 0x0200a8c0, 0x94],
      [41, 0, 0, 2],
      [73, 0, 0, 2],
      [40, 0, 0, 0x62],
    ],
    (a) => tc(v4(), ["l4_csum_replace", ...a]),
  ),
  ...each([2, 0x22, 0x62, 4, 0x24, 0x64], (f) => tc(v4(0, 0), ["l4_csum_replace", 40, 0x1234, 0x4321, f])),
  ...each([0, 0x20, 0x60], (f) => tc(v4(0, 0xabcd), ["l4_csum_replace", 40, 0, 0xcdab, f])),
  ...each([2, 0x22], (f) => tc(v4(0, 0xabcd), ["l4_csum_replace", 40, 0, 0xcdab, f])),
  ...each([0, 1, 2, 3, 4], (l) => tc(v4(), ["csum_level", l], ["csum_level", 0])),
  tc(v4(), ["csum_level", 1], ["csum_level", 1], ["csum_level", 1], ["csum_level", 0]),
  tc(v4(), ["csum_level", 1], ["csum_level", 2], ["csum_level", 0]),
  tc(v4(), ["csum_level", 1], ["csum_level", 3], ["csum_level", 0]),
  tc(v4(), ["csum_level", 1], ["adjust_room", 20, 1, 32], ["csum_level", 0]),
  tc(v4(), ["csum_level", 1], ["adjust_room", 20, 1, 0], ["csum_level", 0]),
  tc(v4(), ["csum_update", 5]),
  // ---- tc: bytes
  ...each(
    [
      [0, 14],
      [60, 14],
      [61, 14],
      [74, 1],
      [-1, 4],
      [0x7fffffff, 1],
    ],
    ([o, n]) => tc(v4(), ["load_bytes", o, n]),
  ),
  ...each(
    [
      [0, 14, 0],
      [0, 20, 1],
      [12, 4, 1],
      [59, 1, 1],
      [60, 1, 1],
      [0, 4, 2],
      [65536, 1, 1],
      [-4, 4, 1],
    ],
    (a) => tc(v4(), ["load_bytes_relative", ...a]),
  ),
  tc(v4(), ["store_bytes", 26, "0a090909", 0], ["store_bytes", 72, "0102", 1], ["store_bytes", 73, "0102", 0]),
  ...each([2, 3, 4], (f) => tc(v4(), ["store_bytes", 0, "01", f])),
  tc(v4(), ["store_bytes", -1, "01", 0]),
  ...each([0, 14, 74, 75, 5000], (n) => tc(v4(), ["pull_data", n])),
  // ---- tc: metadata
  ...each([0, 1, 2, 3, 4, 7], (t) => tc(v4(), ["change_type", t])),
  ...each([0, 1, 2, 3, 0xfd], (t) => tc(v4(t), ["ecn_set_ce"])),
  ...each([0, 1, 2, 3], (t) => tc(v6(t), ["ecn_set_ce"])),
  tc(arp, ["ecn_set_ce"]),
  ...each(
    [
      [0, 0],
      [5, 0],
      [5, 1],
      [0, 1],
      [5, 2],
      [0, 2],
      [5, 3],
    ],
    (a) => tc(v4(), ["set_tstamp", ...a]),
  ),
  tc(arp, ["set_tstamp", 5, 1]),
  tc(v4(), ["socket_uid"], ["cgroup_classid"], ["route_realm"]),
  // ---- tc: redirect
  ...each(
    [
      [1, 0],
      [1, 1],
      [1, 2],
      [99, 0],
      [1, "0x100000000"],
    ],
    (a) => tc(v4(), ["redirect", ...a]),
  ),
  ...each(
    [
      [1, 0],
      [1, 1],
    ],
    (a) => tc(v4(), ["redirect_peer", ...a]),
  ),
  ...each(
    [
      [1, "", 0],
      [1, "02000000", 0],
      [1, `02000000${"00".repeat(16)}`, 0],
      [1, "", 1],
      [1, `02000000${"00".repeat(20)}`, 0],
    ],
    (a) => tc(v4(), ["redirect_neigh", ...a]),
  ),
  ...each(
    [
      [99, 0],
      [1, 2],
      [1, 4],
    ],
    (a) => tc(v4(), ["clone_redirect", ...a]),
  ),
  ...each(
    [
      [1, 0, 0, 0],
      [0, 0, 0, 0],
      [1, 65536, 0, 0],
      [1, 65537, 0, 0],
      [1, 65537, -1, 0],
      [1, 0, 65476, 0],
      [1, 0, 65477, 0],
      [77, 0, 0, 0],
      [1, 0, 0, 1],
      [1, 5, 0, 1],
      [1, 0, 5, 1],
      [1, 0, 0, 2],
    ],
    (a) => tc(v4(), ["check_mtu", ...a]),
  ),
];
