// XDP: packets moved, grown and redirected.
import { big, v4 } from "./packets.mjs";

const xdp = (packet, ...steps) => ({ packet, steps });
const each = (values, f) => values.map(f);

/** Operations by name: number, and which argument places (a, b, c, d, buf or len) the arguments fill. */
export const ops = {
  adjust_head: [1, "a"],
  adjust_tail: [2, "a"],
  adjust_meta: [3, "a"],
  load_bytes: [4, "a", "len"],
  store_bytes: [5, "a", "buf"],
  buff_len: [6],
  redirect: [7, "a", "b"],
  redirect_map: [8, "a", "b"],
  check_mtu: [9, "a", "b", "c", "d"],
};

export const cases = [
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
];
