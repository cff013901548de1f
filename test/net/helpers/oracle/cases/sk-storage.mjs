// Values of the sockets of setup.mjs, which stay from case to case; and of the packet's own socket, which do not.
import { v4, v6 } from "./packets.mjs";
import { t4 } from "./sock.mjs";

const onSock = {
  get: [1, "buf", "a", "b", "c", "d"],
  get_other: [2, "buf", "a", "b", "c", "d"],
  del: [3, "buf"],
  del_other: [4, "buf"],
  large: [5, "buf", "a"],
  larger: [6, "buf", "a"],
  fitting: [7, "buf", "a"],
  del_large: [8, "buf"],
  del_fitting: [9, "buf"],
};
const own = Object.entries(onSock).map(([name, [op, , ...places]]) => [`own_${name}`, [op + 16, ...places]]);

/** The same on a socket that is found by a tuple, and on the packet's own. */
export const ops = { ...onSock, ...Object.fromEntries(own) };

const any = t4("10.9.9.9", 1000, "10.0.1.1", 5000);
const one = t4("10.9.9.9", 1000, "10.0.1.1", 5001);
const connected = t4("10.0.1.2", 7000, "10.0.1.1", 5002);
const HIGH = "0x100000000";
const CREATE = 1;

const cases4 = [
  [
    ["get", any, 0, 0, 0, 0],
    ["get", any, 0, 1, 5, 6],
    ["del", any],
    ["get", any, 2, 1, 5, 6],
  ],
  [
    ["get", any, CREATE, 1, "0x1122334455667788", 6],
    ["get", any, CREATE, 1, 9, 9],
    ["get", any, 0, 0, 0, 0],
    ["get", one, 0, 0, 0, 0],
  ],
  [
    ["get", any, 2, 0, 0, 0],
    ["get", any, HIGH, 0, 0, 0],
    ["get", any, "0x100000001", 1, 1, 1],
    ["get", any, -1, 0, 0, 0],
  ],
  [
    ["get", one, CREATE, 0, 3, 4],
    ["get", one, 0, 0, 0, 0],
    ["get", any, 0, 0, 0, 0],
    ["get_other", any, 0, 0, 0, 0],
  ],
  [
    ["get_other", any, CREATE, 1, 7, 8],
    ["get_other", any, 0, 0, 0, 0],
    ["get", any, 0, 0, 0, 0],
    ["del_other", one],
  ],
  [
    ["del", any],
    ["del", any],
    ["get", any, 0, 0, 0, 0],
    ["get_other", any, 0, 0, 0, 0],
  ],
  [
    ["get", any, CREATE, 0, 0, 0],
    ["get", any, CREATE, 1, 1, 1],
    ["del_other", any],
    ["get_other", any, CREATE, 0, 0, 0],
  ],
  [
    ["large", connected, 0],
    ["large", connected, CREATE],
    ["large", connected, 0],
    ["larger", connected, CREATE],
  ],
  [
    ["fitting", connected, CREATE],
    ["get", connected, CREATE, 1, 1, 1],
    ["del_fitting", connected],
    ["get", connected, CREATE, 1, 2, 3],
  ],
  [
    ["fitting", connected, CREATE],
    ["del", connected],
    ["fitting", connected, CREATE],
    ["larger", connected, CREATE],
  ],
  [
    ["del_large", connected],
    ["larger", connected, CREATE],
    ["del_large", connected],
    ["del_fitting", connected],
  ],
  [
    ["del_fitting", connected],
    ["larger", connected, CREATE],
    ["large", connected, CREATE],
    ["larger", connected, 0],
  ],
  [
    ["own_get", 0, 0, 0, 0],
    ["own_get", CREATE, 1, 5, 6],
    ["own_get", CREATE, 1, 1, 1],
    ["own_get_other", 0, 0, 0, 0],
  ],
  [["own_get", 0, 0, 0, 0], ["own_del"], ["own_get", CREATE, 0, 1, 1], ["own_del"]],
  [
    ["own_large", CREATE],
    ["own_larger", CREATE],
    ["own_fitting", CREATE],
    ["own_get", CREATE, 0, 0, 0],
  ],
  [["own_get", CREATE, 1, 1, 2], ["own_large", CREATE], ["own_fitting", CREATE], ["own_del_large"]],
];

export const cases = [
  ...cases4.map((steps) => ({ packet: v4(), steps })),
  {
    packet: v6(),
    ifindex: 4,
    steps: [
      ["own_get", CREATE, 1, 1, 2],
      ["own_get", 0, 0, 0, 0],
      ["get", one, 0, 0, 0, 0],
    ],
  },
];
