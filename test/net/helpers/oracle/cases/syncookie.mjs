// SYN cookies: the MSS that a cookie holds, and whether the ACK that brings it back is taken.
import { v4 } from "./packets.mjs";

export const ops = {
  // a, b and c are added to the ACK's sequence number, to what it acknowledges and to its source port
  v4: [1, "buf", "len", "a", "b", "c"],
  v6: [2, "buf", "len", "a", "b", "c"],
};

const head4 = "4500002812344000400600000a0000010a000002";
const head6 = `6000000000140640${"fd".padEnd(30, "0")}01${"fd".padEnd(30, "0")}02`;
/** A SYN with options; doff counts them, unless it is given. */
function syn(options = "", doff = 5 + options.length / 8) {
  const b = Buffer.alloc(20);
  b.writeUInt16BE(40000, 0);
  b.writeUInt16BE(443, 2);
  b.writeUInt32BE(0xdeadbeef, 4);
  b[12] = doff << 4;
  b[13] = 2;
  b.writeUInt16BE(0xffff, 14);
  return b.toString("hex") + options;
}
const mss = (n) => `0204${n.toString(16).padStart(4, "0")}`;
const each = (values, f) => values.map(f);
const both = (tcp, len, a = 0, b = 0, c = 0) => [
  { packet: v4(), steps: [["v4", head4 + tcp, len, a, b, c]] },
  { packet: v4(), steps: [["v6", head6 + tcp, len, a, b, c]] },
];

export const cases = [
  ...both(syn(), 20),
  ...each([0, 1, 19, 21, 24, 60], (n) => both(syn(), n)).flat(),
  ...each([0, 1, 4, 6, 15], (d) => both(syn("", d), 20)).flat(),
  ...each([0, 1, 535, 536, 537, 1219, 1220, 1299, 1300, 1419, 1420, 1439, 1440, 1459, 1460, 8939, 8940, 65535], (n) =>
    both(syn(mss(n)), 24),
  ).flat(),
  ...each(["01010101", "00000000", "01020405", "02030405", "02000000", "02010000", "03030701", "0402ff00"], (o) =>
    both(syn(o), 24),
  ).flat(),
  ...each(
    [
      `0101${mss(1400)}0101`,
      `00${mss(1400)}010101`,
      `0402${mss(1400)}0101`,
      `08${"0a".padEnd(14, "0")}`,
      `0310${mss(1400)}0101`,
    ],
    (o) => both(syn(o), 28),
  ).flat(),
  ...each(
    [
      [1, 0, 0],
      [-1, 0, 0],
      [0, 1, 0],
      [0, 4, 0],
      [0, -1, 0],
      [0, 0x1000000, 0],
      [0, 0x2000000, 0],
      [0, -0x1000000, 0],
      [0, 0, 1],
      [0x80000000, 0, 0],
    ],
    (x) => both(syn(mss(1460)), 24, ...x),
  ).flat(),
];
