// What is in the network namespace in which the cases are asked: devices d0, d1 and d2 (2, 4 and 6; their
// other ends are 3, 5 and 7), routes, neighbours, sockets.

const device = (name, last) => [
  // the peer is made first
  `ip link add ${name.replace("d", "p")} type veth peer name ${name}`,
  `ip link set ${name.replace("d", "p")} up`,
  `ip link set ${name} address 02:00:00:00:00:${last}`,
  `ip link set ${name} up`,
];

/** Commands, the same for Linux and netsim. */
export const SETUP = [
  "ip link set lo up",
  "sysctl -w net.ipv4.ip_forward=1",
  "sysctl -w net.ipv6.conf.all.forwarding=1",
  ...device("d0", "d0"),
  ...device("d1", "d1"),
  ...device("d2", "d2"),
  "ip link set d1 mtu 1400",
  "sysctl -w net.ipv4.conf.d2.forwarding=0",
  "sysctl -w net.ipv6.conf.d2.forwarding=0",
  "ip addr add 10.0.1.1/24 dev d0",
  "ip addr add 10.0.2.1/24 dev d1",
  "ip addr add 10.0.3.1/24 dev d2",
  "ip -6 addr add fd00:1::1/32 dev d0 nodad",
  "ip -6 addr add fd01::1/64 dev d0 nodad",
  "ip -6 addr add fd02::1/64 dev d1 nodad",
  "ip neigh add 10.0.1.2 lladdr 02:00:00:00:01:02 dev d0 nud permanent",
  "ip neigh add 10.0.2.2 lladdr 02:00:00:00:02:02 dev d1 nud permanent",
  "ip neigh add fd01::2 lladdr 02:00:00:00:01:62 dev d0 nud permanent",
  "ip neigh add fd02::2 lladdr 02:00:00:00:02:62 dev d1 nud permanent",
  "ip route add 10.1.0.0/16 via 10.0.1.2",
  "ip route add 10.2.0.0/16 via 10.0.2.2",
  "ip route add blackhole 10.3.0.0/16",
  "ip route add unreachable 10.4.0.0/16",
  "ip route add prohibit 10.5.0.0/16",
  "ip route add 10.6.0.0/16 via 10.0.1.9",
  "ip route add 10.7.0.0/16 via 10.0.1.2 mtu 1000",
  "ip route add 10.8.0.0/16 via 10.0.2.2 table 100",
  "ip route add 10.10.0.0/16 via 10.0.1.2 src 10.0.1.1 metric 77",
  "ip -6 route add fd11::/16 via fd01::2",
  "ip -6 route add fd12::/16 via fd02::2",
  "ip -6 route add blackhole fd13::/16",
  "ip -6 route add unreachable fd14::/16",
  "ip -6 route add prohibit fd15::/16",
  "ip -6 route add fd16::/16 via fd01::9",
  "ip -6 route add fd17::/16 via fd01::2 mtu 1300",
  "ip -6 route add fd18::/16 via fd02::2 table 100",
  "ip -6 route add fd1a::/16 via fd01::2 src fd01::1 metric 77",
];

/** UDP sockets: address, port, device they are bound to, peer. */
export const SOCKETS = [
  { address: "0.0.0.0", port: 5000 },
  { address: "10.0.1.1", port: 5001 },
  { address: "10.0.1.1", port: 5002, peer: "10.0.1.2", peerPort: 7000 },
  { address: "0.0.0.0", port: 5003, device: "d0" },
  { address: "::", port: 5000 },
  { address: "fd00:1::1", port: 5004 },
  { address: "fd00:1::1", port: 5005, peer: "fd00:1::2", peerPort: 7000 },
];
