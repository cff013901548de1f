// Sockets of setup.mjs in maps: put in, looked up, taken out; each case finds the maps as the one before has left them.
import { v4, v6 } from "./packets.mjs";
import { t4 } from "./sock.mjs";

export const ops = {
  put: [1, "buf", "a", "b"],
  get: [2, "a"],
  del: [3, "a"],
  put_hash: [4, "buf", "a", "b"],
  get_hash: [5, "a"],
  del_hash: [6, "a"],
  put_own: [7, "a", "b"],
  put_own_hash: [8, "a", "b"],
  copy: [9, "a", "c", "b"],
};

const any = t4("10.9.9.9", 1000, "10.0.1.1", 5000);
const one = t4("10.9.9.9", 1000, "10.0.1.1", 5001);
const connected = t4("10.0.1.2", 7000, "10.0.1.1", 5002);
const HIGH = "0x100000000";

const cases4 = [
  [
    ["get", 0],
    ["get", 4],
    ["del", 0],
    ["del", 4],
  ],
  [
    ["put", any, 0, 0],
    ["get", 0],
    ["get", 1],
    ["get", HIGH],
  ],
  [
    ["put", one, 0, 1],
    ["put", one, 1, 2],
    ["put", one, 1, 3],
    ["put", one, 1, HIGH],
  ],
  [
    ["put", one, 4, 0],
    ["put", one, 4, 3],
    ["put", one, "0xffffffff", 0],
    ["get", 0],
  ],
  [
    ["put", connected, 0, 2],
    ["get", 0],
    ["put", any, 1, 1],
    ["get", 1],
  ],
  [
    ["put", any, 2, 0],
    ["put", any, 3, 0],
    ["get", 2],
    ["get", 3],
  ],
  [
    ["del", 1],
    ["get", 1],
    ["get", 2],
    ["del", 1],
  ],
  [
    ["put_own", 1, 0],
    ["put_own", 1, 3],
    ["put_own", 4, HIGH],
    ["get", 1],
  ],
  [
    ["get_hash", 7],
    ["del_hash", 7],
    ["put_hash", any, 7, 2],
    ["put_hash", any, 7, 3],
  ],
  [
    ["put_hash", any, 7, 0],
    ["get_hash", 7],
    ["get_hash", "0x700000000"],
    ["put_hash", one, 7, 1],
  ],
  [
    ["put_hash", one, HIGH, 1],
    ["get_hash", HIGH],
    ["get_hash", 0],
    ["put_hash", any, 9, 0],
  ],
  [
    ["put_hash", connected, 7, 2],
    ["get_hash", 7],
    ["put_hash", connected, 9, 2],
    ["put_hash", any, 7, HIGH],
  ],
  [
    ["put_own_hash", 7, 0],
    ["put_own_hash", 9, HIGH],
    ["get_hash", 7],
    ["del_hash", HIGH],
  ],
  [
    ["copy", 3, 12, 1],
    ["get_hash", 12],
    ["copy", 0, 12, 1],
    ["copy", 1, 13, 0],
  ],
  [
    ["copy", 0, 12, 0],
    ["get_hash", 12],
    ["copy", 2, 14, 0],
    ["copy", 2, 14, 3],
  ],
  [
    ["del_hash", 12],
    ["get_hash", 12],
    ["del_hash", 12],
    ["get", 0],
  ],
  [
    ["del", 0],
    ["del", 2],
    ["get", 3],
    ["get_hash", 7],
  ],
];

export const cases = [
  ...cases4.map((steps) => ({ packet: v4(), steps })),
  {
    packet: v6(),
    ifindex: 4,
    steps: [
      ["get", 3],
      ["put_own", 0, 0],
      ["get_hash", 7],
      ["put", any, 0, 1],
    ],
  },
];
