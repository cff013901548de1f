/** The sockets of a host: one line per kind, and how applications open them. */
import { BugError } from "../../engine/errors.ts";
import type { Host } from "../host.ts";
import type { Family } from "../ip/address.ts";
import { type IpStack, ipStack } from "../ip/ip-stack.ts";
import { IPPROTO_UDP } from "../ip/ipv4/header.ts";
import { Ip6Payload, skipExtHeaders } from "../ip/ipv6/header.ts";
import { registerTcp, tcpSockets } from "../tcp/index.ts";
import type { TcpNet } from "../tcp/tcp-net.ts";
import { createTcpSocket, type TcpSocket } from "../tcp/tcp-socket.ts";
import { PacketSocket, type PacketSocketOptions } from "./packet.ts";
import { RawSocket, RawTable } from "./raw.ts";
import { UdpSocket } from "./udp.ts";
import { udp6Err, udp6Rcv, udpErr, udpRcv } from "./udp-rcv.ts";
import { UdpTable } from "./udp-table.ts";

const SOCKETS = "sockets";

/** A host's socket tables. */
class SocketTables {
  readonly udp: UdpTable;
  readonly tcp: TcpNet;
  readonly raw: RawTable;
  readonly packet: Set<PacketSocket> = new Set();
  constructor(stack: IpStack) {
    this.udp = new UdpTable(stack);
    this.tcp = registerTcp(stack);
    this.raw = new RawTable(stack);
  }

  /** Closes every socket: the host goes down. */
  closeAll(): void {
    for (const s of this.udp.list()) s.close();
    for (const s of tcpSockets(this.tcp)) s.kill();
    for (const s of this.raw.sockets) s.close();
    for (const s of this.packet) s.close();
    this.packet.clear();
  }
}

/** Gives a host its sockets; part of registerIp. */
export function registerSockets(stack: IpStack): SocketTables {
  const t = new SocketTables(stack);
  const payload = new Ip6Payload();
  stack.host.proto.set(SOCKETS, t);
  stack.protocols4[IPPROTO_UDP] = (s, skb, dev) => udpRcv(s, t.udp, skb, dev);
  stack.protocols6[IPPROTO_UDP] = (s, skb, dev) => udp6Rcv(s, t.udp, skb, dev);
  stack.errHandlers4[IPPROTO_UDP] = (s, _skb, inner, type, code) => udpErr(s, t.udp, inner, type, code);
  stack.errHandlers6[IPPROTO_UDP] = (s, skb, inner, type, code) => {
    skipExtHeaders(s, inner, skb.data + skb.len, false, payload);
    udp6Err(s, t.udp, inner, payload.at, type, code);
  };
  return t;
}

/** A host's socket tables. @throws BugError when the host has no IP layer */
export function socketTables(host: Host): SocketTables {
  const t = host.proto.get(SOCKETS);
  if (!(t instanceof SocketTables)) throw new BugError("NO_SOCKETS", `host ${host.name} has no sockets`);
  return t;
}

/** socket(family, SOCK_DGRAM, 0). */
export function openUdp(host: Host, family: Family): UdpSocket {
  return new UdpSocket(ipStack(host), family, socketTables(host).udp);
}

/** socket(family, SOCK_STREAM, 0). */
export function openTcp(host: Host, family: Family): TcpSocket {
  return createTcpSocket(socketTables(host).tcp, family);
}

/** socket(family, SOCK_RAW, proto). */
export function openRaw(host: Host, family: Family, proto: number): RawSocket {
  return new RawSocket(ipStack(host), family, proto, socketTables(host).raw);
}

/** socket(AF_PACKET, SOCK_RAW, protocol), bound. */
export function openPacket(host: Host, o: PacketSocketOptions): PacketSocket {
  const s = new PacketSocket(host, o);
  socketTables(host).packet.add(s);
  return s;
}
