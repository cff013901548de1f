// End.BPF: packets that are for a segment of this host, and what its program does to their segment routing header. They are
// sent to d0.

/** Packets come by a real device, and what becomes of them is not asked: `after` is the packet as it was. */
export const forRoute = true;

export const ops = {
  store: [1, "a", "buf"],
  adjust: [2, "a", "b"],
  action: [3, "a", "buf"],
  load_bytes: [4, "a", "len"],
};

const hex = (n, bytes) =>
  BigInt.asUintN(bytes * 8, BigInt(n))
    .toString(16)
    .padStart(bytes * 2, "0");
const le32 = (n) => Buffer.from(Uint32Array.of(n).buffer).toString("hex");
export const segment = (last, net = "fd11") => `${net}${"00".repeat(13)}${hex(last, 1)}`;
const OWN = segment(1, "fd50");

/** A segment routing header. */
export const srh = (segments, { left = segments.length - 1, next = "11", tlvs = "" } = {}) =>
  `${next}${hex((segments.length * 16 + tlvs.length / 2) / 8, 1)}04${hex(left, 1)}${hex(segments.length - 1, 1)}000000${segments.join("")}${tlvs}`;

const udp = `0fa0005000101111${"abcdef0123456789"}`;
/** A frame to d0: the IPv6 packet goes to fd50::1. */
const frame = (header, payload = udp, next = "2b") =>
  `0200000000d0020000000162${"86dd"}6000000${"0"}${hex((header.length + payload.length) / 2, 2)}${next}40${segment(2, "fd01")}${OWN}${header}${payload}`;

const TLVS = "0406aabbccddeeff";
const plain = frame(srh([segment(9), segment(2), OWN]));
const padded = frame(srh([segment(2), OWN], { tlvs: TLVS }));
/** An IPv6 packet within. */
const inner = `6000000000101140${segment(2, "fd01")}${segment(5, "fd12")}${udp}`;
const nested = frame(srh([segment(2), OWN], { next: "29" }), inner);
/** Bytes before the TLVs of `padded`, which lie behind IPv6 header, SRH and two segments. */
const TLV = 40 + 8 + 32;
const END = TLV + 8;
const look = ["load_bytes", 0, 96];
const ask = (packet, ...steps) => ({ packet, ifindex: 2, steps });

const X = 2;
const T = 3;
const DT6 = 7;
const B6 = 9;
const B6_ENCAP = 10;

export const cases = [
  // the next segment has become the destination
  ask(plain, look),
  ask(padded, look),
  // flags, tag, TLVs, and what may not be written
  ...[40, 43, 44, 45, 46, 47, 48, 64, 71, 72, 73, 79, 80, 87, 88, 200, -1].map((at) =>
    ask(padded, ["store", at, "77"], look),
  ),
  ...[40, 44, 45, 46, 72, TLV, END - 4].map((at) => ask(padded, ["store", at, "11223344"], look)),
  ask(plain, ["store", 45, "ffeedd"], look),
  ask(plain, ["store", TLV + 16, "01"], look),
  // a TLV that is broken is found out by the next action
  ask(padded, ["store", TLV, "0405"], ["action", X, segment(2)], look),
  ask(padded, ["store", TLV, "0406"], ["action", X, segment(2)], look),
  // room for TLVs
  ...[TLV - 8, TLV - 1, TLV, TLV + 4, END - 1, END, END + 1].map((at) => ask(padded, ["adjust", at, 8], look)),
  ...[-8, -4, -9, -16, 0, 3, 2000].map((by) => ask(padded, ["adjust", TLV, by], look)),
  ask(padded, ["adjust", END, 8], ["store", END, "0406010203040506"], ["action", T, le32(0)], look),
  ask(padded, ["adjust", END, 8], ["action", T, le32(0)], look),
  ask(padded, ["adjust", END, 4], ["action", T, le32(0)], look),
  ask(padded, ["adjust", TLV, -8], ["action", T, le32(0)], ["adjust", TLV, 8], look),
  ask(plain, ["adjust", 40 + 8 + 48, 8], ["adjust", 40 + 8 + 48, -8], ["action", T, le32(0)], look),
  // actions
  ...[
    segment(2),
    segment(2, "fd12"),
    segment(2, "fd13"),
    segment(2, "fd14"),
    segment(2, "fd15"),
    segment(2, "fe99"),
    segment(1, "fd01"),
  ].map((to) => ask(plain, ["action", X, to])),
  ...[0, 254, 100, 255].map((table) => ask(plain, ["action", T, le32(table)])),
  ask(
    frame(srh([segment(2, "fd18"), OWN])),
    ["action", T, le32(100)],
    ["action", T, le32(0)],
    ["action", T, le32(254)],
  ),
  ask(nested, ["action", DT6, le32(0)], look),
  ask(nested, ["action", DT6, le32(254)], ["action", X, segment(2)], ["store", 45, "01"], look),
  ask(plain, ["action", DT6, le32(0)], look),
  ...[X, T, DT6].map((action) => ask(plain, ["action", action, "0102"])),
  ...[0, 1, 4, 5, 6, 8, 11, 15, 100].map((action) => ask(plain, ["action", action, segment(2)])),
  ask(plain, ["action", B6, srh([segment(7), segment(8)])], look),
  ask(plain, ["action", B6, srh([segment(7), segment(8)])], ["store", 45, "05"], ["load_bytes", 40, 96]),
  ask(plain, ["action", B6, srh([segment(7), segment(8)], { left: 2 })]),
  ask(plain, ["action", B6_ENCAP, srh([segment(7), segment(8)])], look),
  ask(plain, ["action", B6_ENCAP, srh([segment(7)])], ["load_bytes", 40, 96], ["store", 45, "05"]),
  ask(plain, ["action", B6_ENCAP, srh([segment(2, "fd13")])], look),
  ask(padded, ["store", TLV, "0405"], ["action", B6, srh([segment(7)])]),
];
