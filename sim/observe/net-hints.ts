/** Hints about links, rings, IP and sockets. */
import { NETSIM_REASON, SKB_DROP_REASON } from "../net/drop-reason.ts";
import type { Host } from "../net/host.ts";
import { AF_INET, AF_INET6, IpAddr } from "../net/ip/address.ts";
import { type IpStack, ipStack } from "../net/ip/ip-stack.ts";
import { listNeigh } from "../net/ip/neigh/neigh-control.ts";
import { NUD_FAILED, NUD_INCOMPLETE } from "../net/ip/neigh/nud.ts";
import type { Netdev } from "../net/netdev.ts";
import { type HintRule, list, lost, packets, peerOf } from "./hint.ts";

/** The IP layer of a host; null while it is down. */
function stackOf(host: Host): IpStack | null {
  return host.alive ? ipStack(host) : null;
}

/** Lost on all devices of a host. */
function lostOn(host: Host, reason: number): number {
  let n = 0;
  for (const dev of host.devices) if (dev !== undefined) n += lost(dev, reason);
  return n;
}

/** Names of devices of a host that lost packets for a reason. */
function where(host: Host, reason: number): string {
  return list(host.devices.filter((d): d is Netdev => d !== undefined && lost(d, reason) > 0).map((d) => d.name));
}

const ringFull: HintRule = {
  code: "RX_RING_FULL",
  source: "drivers/net/veth.c VETH_RING_SIZE 256 (FACTS 4.1); the NIC model's ring, DESIGN decision 7",
  onDevice(dev) {
    const n = lost(dev, NETSIM_REASON.RX_RING_FULL);
    if (n === 0) return null;
    const receiver = dev.ops.kind === "veth" ? (peerOf(dev) ?? dev) : dev;
    const { host } = receiver;
    const ring = dev.ops.kind === "veth" ? `the ring of ${receiver.label} (256)` : `a receive ring of ${dev.label}`;
    const spare =
      host.cpus.length > receiver.rxQueueCount
        ? `; ${host.cpus.length} CPUs share ${receiver.rxQueueCount} queue(s)`
        : "";
    return (
      `${ring} was full for ${packets(n)}: ${host.name} works off less than arrives${spare}. Give it more queues and CPUs, a larger ring ` +
      "against bursts, or a cheaper program."
    );
  },
};

const tooLong: HintRule = {
  code: "FRAME_TOO_LONG",
  source: "drivers/net/veth.c is_skb_forwardable; FACTS 4.1 MTU limits",
  onDevice(dev) {
    const n = lost(dev, NETSIM_REASON.LINK_MTU);
    if (n === 0) return null;
    const peer = peerOf(dev);
    const mtus =
      peer === null ? `its MTU is ${dev.mtu}` : `the MTU of ${dev.label} is ${dev.mtu}, of ${peer.label} ${peer.mtu}`;
    return (
      `${packets(n)} at ${dev.label} were too long for the link: ${mtus}. Encapsulation makes packets longer (IPIP by 20 bytes), and ` +
      "what XDP lengthens is never fragmented."
    );
  },
};

const noRoute: HintRule = {
  code: "NO_ROUTE",
  source: "net/ipv4/route.c ip_error, ip_route_output_key: SKB_DROP_REASON_IP_INNOROUTES, IP_OUTNOROUTES",
  onHost(host) {
    const out = lostOn(host, SKB_DROP_REASON.IP_OUTNOROUTES);
    const through = lostOn(host, SKB_DROP_REASON.IP_INNOROUTES);
    if (out + through === 0) return null;
    const parts: string[] = [];
    if (out > 0) parts.push(`${packets(out)} of its own`);
    if (through > 0) parts.push(`${packets(through)} that came in by ${where(host, SKB_DROP_REASON.IP_INNOROUTES)}`);
    return `${host.name} had no route for ${parts.join(" and ")}. See \`ip route\` there; a default route may be missing.`;
  },
};

const neighbourFailed: HintRule = {
  code: "NEIGHBOUR_FAILED",
  source: "net/core/neighbour.c neigh_invalidate: SKB_DROP_REASON_NEIGH_FAILED; FACTS 3.5",
  onHost(host) {
    const n = lostOn(host, SKB_DROP_REASON.NEIGH_FAILED);
    const stack = stackOf(host);
    if (n === 0) return null;
    const silent: string[] = [];
    if (stack !== null) {
      for (const family of [AF_INET, AF_INET6] as const) {
        for (const x of listNeigh(host, family)) {
          if ((x.state & (NUD_FAILED | NUD_INCOMPLETE)) === 0) continue;
          silent.push(`${new IpAddr(family, x.a, x.b, x.c, x.d).toString()} on ${x.dev.name}`);
        }
      }
    }
    const who = silent.length === 0 ? "the next hop" : list(silent);
    return (
      `${host.name} lost ${packets(n)} because nobody answered ARP or neighbour discovery for ${who}: nobody has the address, it is ` +
      "down, or a program drops ARP (ethertype 0x0806)."
    );
  },
};

const neighbourQueue: HintRule = {
  code: "NEIGHBOUR_QUEUE_FULL",
  source: "net/core/neighbour.c __neigh_event_send: unres_qlen_bytes 212992; SKB_DROP_REASON_NEIGH_QUEUEFULL",
  onHost(host) {
    const n = lostOn(host, SKB_DROP_REASON.NEIGH_QUEUEFULL);
    if (n === 0) return null;
    return (
      `${host.name} lost ${packets(n)} while it waited for an ARP or neighbour discovery answer: the queue of an unresolved neighbour ` +
      "holds about 200 kB. Start with less, or add the neighbour by hand."
    );
  },
};

const forwardOff: HintRule = {
  code: "IP_FORWARD_OFF",
  source: "net/ipv4/route.c ip_route_input_slow, net/ipv6/ip6_output.c ip6_forward: SKB_DROP_REASON_IP_INADDRERRORS",
  onHost(host) {
    const n = lostOn(host, SKB_DROP_REASON.IP_INADDRERRORS);
    const stack = stackOf(host);
    if (n === 0 || stack === null) return null;
    const off: string[] = [];
    if (stack.snmp.IpInAddrErrors > 0 && stack.sysctl.ipForward === 0) off.push("net.ipv4.ip_forward");
    if (stack.snmp.Ip6InAddrErrors > 0 && stack.sysctl.ip6Forwarding === 0) off.push("net.ipv6.conf.all.forwarding");
    if (off.length === 0) return null;
    const by = where(host, SKB_DROP_REASON.IP_INADDRERRORS);
    return (
      `${packets(n)} for other hosts came to ${host.name} by ${by} and were dropped: ${list(off)} is 0. ` +
      `Set it to 1 if ${host.name} is a router.`
    );
  },
};

const otherHost: HintRule = {
  code: "OTHER_HOST",
  source: "net/ipv4/ip_input.c ip_rcv_core: SKB_DROP_REASON_OTHERHOST; net/ethernet/eth.c eth_type_trans",
  onDevice(dev) {
    const n = lost(dev, SKB_DROP_REASON.OTHERHOST);
    if (n === 0) return null;
    return (
      `${packets(n)} at ${dev.label} carried another MAC address than its own, or a VLAN tag that no device takes, and were dropped. A program that sends packets on ` +
      "(XDP_TX, redirect) writes the next hop's MAC address itself; only bpf_redirect_neigh does it for you."
    );
  },
};

const badChecksum: HintRule = {
  code: "BAD_CHECKSUM",
  source: "net/ipv4/ip_input.c, udp.c: SKB_DROP_REASON_IP_CSUM, UDP_CSUM, TCP_CSUM; FACTS 4.12 partial checksums",
  onDevice(dev) {
    const ip = lost(dev, SKB_DROP_REASON.IP_CSUM);
    const udp = lost(dev, SKB_DROP_REASON.UDP_CSUM);
    const tcp = lost(dev, SKB_DROP_REASON.TCP_CSUM);
    if (ip + udp + tcp === 0) return null;
    const parts: string[] = [];
    if (ip > 0) parts.push(`IPv4 header (${ip})`);
    if (udp > 0) parts.push(`UDP (${udp})`);
    if (tcp > 0) parts.push(`TCP (${tcp})`);
    return (
      `wrong checksums at ${dev.label}: ${list(parts)}. A program that changes a header updates its checksum; over veth the sender ` +
      "leaves the transport checksum to the hardware, so XDP finds only the pseudo header's sum in it."
    );
  },
};

const noSocket: HintRule = {
  code: "NO_SOCKET",
  source: "net/ipv4/udp.c __udp4_lib_rcv: SKB_DROP_REASON_NO_SOCKET, ICMP port unreachable",
  onHost(host) {
    const n = lostOn(host, SKB_DROP_REASON.NO_SOCKET);
    if (n === 0) return null;
    return (
      `${packets(n)} reached ${host.name} by ${where(host, SKB_DROP_REASON.NO_SOCKET)} and found no socket on their port. For traffic to ` +
      "an address that several nodes serve, name them in `sinks` or `servers`."
    );
  },
};

const reversePath: HintRule = {
  code: "REVERSE_PATH",
  source: "net/ipv4/fib_frontend.c __fib_validate_source: SKB_DROP_REASON_IP_RPFILTER",
  onDevice(dev) {
    const n = lost(dev, SKB_DROP_REASON.IP_RPFILTER);
    if (n === 0) return null;
    return (
      `the reverse path filter of ${dev.label} dropped ${packets(n)}: the route back to their source leads elsewhere. With direct return ` +
      `or asymmetric routes set net.ipv4.conf.${dev.name}.rp_filter and conf.all.rp_filter to 0, or 2.`
    );
  },
};

const unhandledProtocol: HintRule = {
  code: "UNHANDLED_PROTOCOL",
  source: "net/ipv4/ip_input.c ip_protocol_deliver_rcu: SKB_DROP_REASON_IP_NOPROTO, ICMP protocol unreachable",
  onHost(host) {
    const n = lostOn(host, SKB_DROP_REASON.IP_NOPROTO);
    if (n === 0) return null;
    return (
      `${packets(n)} with an IP protocol that nobody handles came to ${host.name}. If they are IPIP (protocol 4), it needs a tunnel ` +
      "device (`ip link add tun0 type ipip local ADDRESS`) or a program that takes the outer header off."
    );
  },
};

/** In the order in which reports show them. */
export const netHints: readonly HintRule[] = [
  ringFull,
  tooLong,
  forwardOff,
  noRoute,
  neighbourFailed,
  neighbourQueue,
  otherHost,
  reversePath,
  badChecksum,
  noSocket,
  unhandledProtocol,
];
