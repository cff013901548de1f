// bpf_lwt_push_encap on the way in; the packet begins at its network header.
import { v4, v6 } from "./packets.mjs";

export const ops = {
  push_encap: [1, "buf", "a"],
  load_bytes: [2, "a", "len"],
  pull_data: [3, "a"],
  route_realm: [4],
};

const outer4 = (check) => `45000054000040004004${check}0a0900010a090002`;
const outer4Options = `46000058000040004004000${"0"}0a0900010a09000201010101`;
const outer6 = `60000000003c0440${"fd".padEnd(30, "0")}01${"fd".padEnd(30, "0")}02`;
const each = (values, f) => values.map(f);

/** A segment routing header: segments in their order on the wire, `left` of them still to come, then TLVs as hex. */
const srh = (
  segments,
  { left = segments.length - 1, first = segments.length - 1, type = "04", tlvs = "", len = null } = {},
) => {
  const n = len ?? (segments.length * 16 + tlvs.length / 2) / 8;
  const byte = (v) => v.toString(16).padStart(2, "0");
  return `3b${byte(n)}${type}${byte(left)}${byte(first)}000000${segments.join("")}${tlvs}`;
};
const segment = (last, net = "fd11") => `${net}${"00".repeat(13)}${last.toString(16).padStart(2, "0")}`;
const two = [segment(1), segment(2)];
const INLINE = 1;

export const cases = [
  // a segment routing header behind the packet's own header; where the segment leads is the answer
  ...[
    srh(two),
    srh([segment(9)]),
    srh([segment(1), segment(2, "fd12")]),
    srh([segment(1), segment(2, "fd13")]),
    srh([segment(1), segment(2, "fd14")]),
    srh([segment(1), segment(2, "fd15")]),
    srh([segment(1), segment(2, "fe99")]),
    srh([segment(1), segment(1, "fd01")]),
    srh(two, { tlvs: "0406aabbccddeeff" }),
    srh(two, { left: 0 }),
  ].flatMap((header) =>
    [undefined, 2].map((ifindex) => ({
      packet: v6(),
      ...(ifindex === undefined ? {} : { ifindex }),
      steps: [
        ["push_encap", header, INLINE],
        ["load_bytes", 0, 96],
      ],
    })),
  ),
  // not well-formed
  ...each(
    [
      srh(two, { type: "03" }),
      srh(two, { left: 2 }),
      srh(two, { first: 2 }),
      srh(two, { first: 0 }),
      srh(two, { len: 3 }),
      srh(two, { len: 5 }),
      srh(two, { tlvs: "0405aabbccddeeff" }),
      srh(two, { tlvs: "0407aabbccddeeff" }),
      srh(two, { tlvs: "0105aabbccddee00" }),
      srh([], { left: 0, first: 0 }),
    ],
    (header) => ({ packet: v6(), steps: [["push_encap", header, INLINE]] }),
  ),
  { packet: v6(), steps: [["push_encap", srh(two, { type: "03" }), 0]] },
  { packet: v4(), steps: [["push_encap", srh(two), INLINE]] },
  {
    packet: v6(),
    steps: [
      ["push_encap", srh(two), INLINE],
      ["push_encap", srh([segment(7)]), INLINE],
      ["load_bytes", 0, 96],
    ],
  },
  ...each([2, 3, -1, 255], (t) => ({ packet: v4(), steps: [["push_encap", outer4("0000"), t]] })),
  ...each([v4(), v6()], (packet) => ({
    packet,
    steps: [
      ["push_encap", outer4("0000"), 2],
      ["load_bytes", 0, 40],
    ],
  })),
  ...each([v4(), v6()], (packet) => ({
    packet,
    steps: [
      ["push_encap", outer6, 2],
      ["load_bytes", 0, 60],
    ],
  })),
  { packet: v4(), steps: [["push_encap", outer4("beef"), 2]] },
  { packet: v4(), steps: [["push_encap", outer4Options, 2]] },
  { packet: v4(), steps: [["push_encap", `${outer4("0000")}000009${"00".repeat(5)}`, 2]] },
  {
    packet: v4(),
    steps: [
      ["push_encap", outer4("0000"), 2],
      ["push_encap", outer6, 2],
      ["load_bytes", 0, 60],
    ],
  },
  ...each([1, 19, 20, 39], (n) => ({ packet: v4(), steps: [["push_encap", outer6.slice(0, n * 2), 2]] })),
  ...each([1, 19, 23], (n) => ({ packet: v4(), steps: [["push_encap", outer4Options.slice(0, n * 2), 2]] })),
  ...each(["05", "55", "00", "f5"], (v) => ({
    packet: v4(),
    steps: [["push_encap", `${v}${outer4("0000").slice(2)}`, 2]],
  })),
  { packet: v4(), steps: [["route_realm"], ["pull_data", 20], ["pull_data", 61], ["load_bytes", 58, 4]] },
];
