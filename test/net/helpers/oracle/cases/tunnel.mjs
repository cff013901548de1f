// Tunnel keys and options: what one program sets, the next call reads.
import { v4, v6 } from "./packets.mjs";

export const ops = {
  set_key: [1, "buf", "a"],
  get_key: [2, "len", "a"],
  set_opt: [3, "buf"],
  get_opt: [4, "len"],
};

/** struct bpf_tunnel_key in little-endian: id, remote, tos, ttl, ext, label, local. */
function key({ id = 0x1234, remote = "0a010203", tos = 0, ttl = 0, ext = 0, label = 0, local = "" }) {
  const b = Buffer.alloc(44);
  b.writeUInt32LE(id, 0);
  Buffer.from(remote, "hex").copy(b, 4);
  b[20] = tos;
  b[21] = ttl;
  b.writeUInt16LE(ext, 22);
  b.writeUInt32LE(label, 24);
  Buffer.from(local, "hex").copy(b, 28);
  return b.toString("hex");
}
const six = { remote: "fd000000000000000000000000000001", local: "fd000000000000000000000000000002" };
const four = { remote: "0a010203", local: "0a090807", tos: 0x2e, ttl: 63 };
const cut = (hex, bytes) => hex.slice(0, bytes * 2);
const each = (values, f) => values.map(f);
const tc = (...steps) => ({ packet: v4(), steps });

const sizes = [1, 4, 7, 8, 20, 21, 22, 23, 24, 28, 32, 36, 43, 44, 45, 64];
const options = "0102030405060708090a0b0c";

export const cases = [
  tc(["get_key", 44, 0], ["get_opt", 8], ["set_opt", options]),
  ...each([0, 1, 2, 4, 8, 16, 32, 64, 46, 47, "0x100000000"], (f) =>
    tc(["set_key", key({ ...four, local: "" }), f], ["get_key", 44, 16]),
  ),
  ...each([0, 1, 2, 3, 5, 9, 33, 16, 17], (f) =>
    tc(["set_key", key({ ...six, label: f & 1 ? 0x12345 : 0 }), f], ["get_key", 44, 17]),
  ),
  tc(["set_key", key({ ...six, label: 0xfff12345 }), 1], ["get_key", 44, 1]),
  tc(["set_key", key(four), 0], ["get_key", 44, 0], ["get_key", 44, 1], ["get_key", 44, 16]),
  tc(["set_key", key(six), 1], ["get_key", 44, 1], ["get_key", 44, 0], ["get_key", 44, 17]),
  ...each([2, 4, 8, 32, 64, "0x100000000"], (f) => tc(["set_key", key(four), 0], ["get_key", 44, f])),
  ...each(sizes, (n) => tc(["set_key", cut(key(four) + "00".repeat(52), n), 0], ["get_key", 44, 0])),
  ...each(sizes, (n) => tc(["set_key", key(four), 0], ["get_key", n, 16])),
  ...each(sizes, (n) => tc(["set_key", key(six), 1], ["get_key", n, 17])),
  tc(["set_key", key({ ...four, ext: 1 }), 0], ["get_key", 44, 0]),
  tc(["set_key", key({ ...four, label: 1 }), 0], ["get_key", 44, 0]),
  tc(["set_key", key({ ...six, ext: 0x100 }), 1], ["get_key", 44, 1]),
  tc(["set_key", key({ id: 0xffffffff, tos: 255, ttl: 255 }), 0], ["get_key", 44, 0]),
  tc(["set_key", key(four), 0], ["set_key", key(six), 1], ["get_key", 44, 1], ["get_key", 44, 0]),
  tc(["set_key", key(four), 0], ["set_key", key(six), 64], ["get_key", 44, 0]),
  tc(["set_key", key(four), 0], ["get_opt", 8], ["set_opt", options], ["get_opt", 12]),
  tc(["set_key", key(four), 0], ["set_opt", options], ["get_opt", 11], ["get_opt", 40]),
  tc(["set_key", key(four), 0], ["set_opt", options], ["get_key", 44, 16], ["get_opt", 12]),
  ...each([1, 2, 3, 4, 5, 8, 64, 96], (n) =>
    tc(["set_key", key(four), 0], ["set_opt", "ab".repeat(n)], ["get_opt", 96]),
  ),
  tc(["set_key", key(four), 0], ["set_opt", options], ["set_opt", "11111111"], ["get_opt", 12]),
  tc(["set_key", key(four), 0], ["set_opt", options], ["set_key", key(four), 0], ["get_opt", 12]),
  {
    packet: v6(),
    steps: [
      ["set_key", key(four), 0],
      ["get_key", 44, 16],
      ["set_opt", options],
      ["get_opt", 12],
    ],
  },
];
