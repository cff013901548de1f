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

export const cases = [
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
