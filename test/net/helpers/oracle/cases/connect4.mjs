// A UDP socket that is being connected: its options, its address, the answer of the system call. There is no packet.

/** The program runs for a socket, not on a packet. */
export const forSocket = true;

export const ops = {
  set: [1, "a", "b", "buf"],
  get: [2, "a", "b", "len"],
  bind: [3, "buf"],
  get_retval: [4],
  set_retval: [5, "a"],
  lookup_udp: [6, "buf"],
  has_cookies: [7],
  sock: [8],
};

const SOL_IP = 0;
const SOL_SOCKET = 1;
const SOL_TCP = 6;
const SOL_IPV6 = 41;
const SNDBUF = 7;
const RCVBUF = 8;
const PRIORITY = 12;
const BINDTODEVICE = 25;
const MARK = 36;
const BINDTOIFINDEX = 62;
const IP_TOS = 1;

const int = (n) => {
  const b = Buffer.alloc(4);
  b.writeInt32LE(n | 0);
  return b.toString("hex");
};
const text = (s) => Buffer.from(`${s}\0`).toString("hex");
const port = (n) => n.toString(16).padStart(4, "0");
const ip4 = (t) => Buffer.from(t.split(".").map(Number)).toString("hex");
const sockaddr = (address, p, family = 2) =>
  `${Buffer.of(family, 0).toString("hex")}${port(p)}${ip4(address)}${"00".repeat(8)}`;
const steps = (...list) => ({ packet: "", steps: list });
const each = (values, f) => values.map(f);

export const cases = [
  ...each([0, 1, 1000, 2304, 5000, 106496, 212992, 212993, 1000000, -1], (n) =>
    steps(["set", SOL_SOCKET, SNDBUF, int(n)], ["get", SOL_SOCKET, SNDBUF, 4]),
  ),
  ...each([0, 1, 1000, 1152, 1153, 5000, 212992, 212993, 1000000, -1], (n) =>
    steps(["set", SOL_SOCKET, RCVBUF, int(n)], ["get", SOL_SOCKET, RCVBUF, 4]),
  ),
  ...each([0, 5, 6, 7, 15, 0x10001, -1], (n) =>
    steps(["set", SOL_SOCKET, PRIORITY, int(n)], ["get", SOL_SOCKET, PRIORITY, 4], ["sock"]),
  ),
  ...each([0, 7, -1], (n) => steps(["set", SOL_SOCKET, MARK, int(n)], ["get", SOL_SOCKET, MARK, 4], ["sock"])),
  ...each([0, 1, 2, 99, -1], (n) =>
    steps(["set", SOL_SOCKET, BINDTOIFINDEX, int(n)], ["get", SOL_SOCKET, BINDTOIFINDEX, 4], ["sock"]),
  ),
  ...each(["d0", "lo", "none", ""], (n) =>
    steps(["set", SOL_SOCKET, BINDTODEVICE, text(n)], ["get", SOL_SOCKET, BINDTOIFINDEX, 4]),
  ),
  steps(["set", SOL_SOCKET, BINDTODEVICE, "6430"], ["set", SOL_SOCKET, BINDTODEVICE, text("")], ["sock"]),
  steps(["get", SOL_SOCKET, BINDTODEVICE, 16]),
  ...each([0, 0x10, 0xfc, 0xff, 0x100, -1], (n) => steps(["set", SOL_IP, IP_TOS, int(n)], ["get", SOL_IP, IP_TOS, 4])),
  // sizes, levels and names that programs may not ask for
  ...each([1, 3, 5, 8], (n) =>
    steps(["set", SOL_SOCKET, MARK, "01".repeat(n)], ["get", SOL_SOCKET, MARK, n], ["get", SOL_SOCKET, MARK, 4]),
  ),
  ...each(
    [
      [SOL_SOCKET, 3],
      [SOL_SOCKET, 4],
      [SOL_SOCKET, 999],
      [SOL_IP, 2],
      [SOL_IPV6, 67],
      [SOL_TCP, 1],
      [17, 1],
      [-1, 1],
    ],
    ([level, name]) => steps(["set", level, name, int(1)], ["get", level, name, 4], ["get", level, name, 8]),
  ),
  // addresses
  ...each(["10.0.1.1", "10.0.2.1", "127.0.0.1", "10.9.9.9", "0.0.0.0"], (a) =>
    steps(["bind", sockaddr(a, 0)], ["sock"]),
  ),
  ...each(["10.0.1.1", "10.0.2.1", "10.9.9.9"], (a) =>
    steps(["bind", sockaddr(a, 6100)], ["sock"], ["bind", sockaddr(a, 6101)]),
  ),
  steps(["bind", sockaddr("10.0.1.1", 5001)], ["sock"]),
  ...each([1, 2, 8, 15], (n) => steps(["bind", sockaddr("10.0.1.1", 0).slice(0, n * 2)])),
  ...each([0, 1, 3, 10], (family) => steps(["bind", sockaddr("10.0.1.1", 0, family)])),
  // the answer
  steps(["get_retval"], ["set_retval", -5], ["get_retval"]),
  steps(["set_retval", 0], ["get_retval"], ["set_retval", -4095], ["get_retval"]),
  // sockets bound to a device are not found without one
  steps(["lookup_udp", ip4("10.9.9.9") + ip4("10.0.1.1") + port(1) + port(5000)]),
  steps(["lookup_udp", ip4("10.9.9.9") + ip4("10.0.1.1") + port(1) + port(5003)]),
  steps(["has_cookies"], ["sock"]),
];
