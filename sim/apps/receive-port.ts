/**
 * A UDP port on which a host receives traffic. Several traffics may share it: the tag in the payload says whose a datagram is; one that
 * is too short for a tag goes to the traffic that came first.
 */
import { LabError } from "../engine/errors.ts";
import type { Host } from "../net/host.ts";
import { AF_INET, ANY4, ANY6, type Family } from "../net/ip/address.ts";
import { ipStack } from "../net/ip/ip-stack.ts";
import { NetlinkError } from "../net/netlink-error.ts";
import type { Skb } from "../net/skb.ts";
import { openUdp } from "../net/sockets/index.ts";
import type { UdpSocket } from "../net/sockets/udp.ts";
import { readTag, Tag } from "./tag.ts";

/** A traffic that receives on ports. */
export interface PortUser {
  /** Its number in tags. */
  readonly traffic: number;
  /**
   * A datagram arrived; `addr` and `len` are its payload in the arena, valid during the call.
   * @param tag null when the payload carries none; reused by the next one
   */
  onDatagram(socket: UdpSocket, addr: number, len: number, skb: Skb, tag: Tag | null): void;
}

const ports: WeakMap<Host, Map<string, ReceivePort>> = new WeakMap();
const tag: Tag = new Tag();

class ReceivePort {
  private readonly host: Host;
  private readonly family: Family;
  private readonly port: number;
  private readonly users: PortUser[] = [];
  private socket: UdpSocket | null = null;

  constructor(host: Host, family: Family, port: number) {
    this.host = host;
    this.family = family;
    this.port = port;
  }

  add(user: PortUser): void {
    if (!this.users.includes(user)) this.users.push(user);
    this.open();
  }

  /** Opens the socket unless it is open on the host that runs now. @throws NetlinkError EADDRINUSE */
  open(): void {
    if (!this.host.alive) return;
    if (this.socket !== null && this.socket.stack === ipStack(this.host)) return;
    const socket = openUdp(this.host, this.family);
    socket.bind(this.family === AF_INET ? ANY4 : ANY6, this.port);
    socket.onPacket = (s, addr, len, skb) => this.dispatch(s, addr, len, skb);
    this.socket = socket;
  }

  private dispatch(socket: UdpSocket, addr: number, len: number, skb: Skb): void {
    const users = this.users;
    if (readTag(this.host.kernel.arena.dv, addr, len, tag)) {
      for (let i = 0; i < users.length; i++) {
        if (users[i]!.traffic === tag.traffic) {
          users[i]!.onDatagram(socket, addr, len, skb, tag);
          return;
        }
      }
    } else if (users.length > 0) users[0]!.onDatagram(socket, addr, len, skb, null);
  }
}

/**
 * Lets a traffic receive on a port of a host.
 * @throws LabError PORT_TAKEN when another socket of the host has the port
 */
export function receiveOn(host: Host, families: readonly Family[], port: number, user: PortUser, who: string): void {
  let byPort = ports.get(host);
  if (byPort === undefined) {
    byPort = new Map();
    ports.set(host, byPort);
  }
  for (const family of families) {
    const key = `${family} ${port}`;
    let found = byPort.get(key);
    if (found === undefined) {
      found = new ReceivePort(host, family, port);
      byPort.set(key, found);
    }
    try {
      found.add(user);
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      const message = `traffic ${who}: UDP port ${port} of ${host.name}: ${error.message}`;
      throw new LabError([{ code: "PORT_TAKEN", message, fix: "choose another port" }]);
    }
  }
}
