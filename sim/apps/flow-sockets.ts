/** A sender's UDP sockets: one for each source port, opened at first use, so that RSS, ECMP and load balancers see many flows. */
import { LabError } from "../engine/errors.ts";
import type { Host } from "../net/host.ts";
import { AF_INET, ANY4, ANY6, type Family, type IpAddr } from "../net/ip/address.ts";
import { type IpStack, ipStack } from "../net/ip/ip-stack.ts";
import { ERRNO, NetlinkError } from "../net/netlink-error.ts";
import { openUdp } from "../net/sockets/index.ts";
import type { PacketCallback } from "../net/sockets/socket.ts";
import type { UdpSocket } from "../net/sockets/udp.ts";

const FIRST_PORT = 1024;
const LAST_PORT = 65535;

/** Where the next sender of a host looks for free source ports. */
const nextPorts: WeakMap<Host, number> = new WeakMap();

/** The IP layer of a host as it is now; a reboot makes a new one. @returns null while the host is down */
export function liveStack(host: Host): IpStack | null {
  return host.alive ? ipStack(host) : null;
}

export class FlowSockets {
  private readonly host: Host;
  private readonly flows: number;
  private readonly who: string;
  private readonly onPacket: PacketCallback<UdpSocket> | null;
  private stack: IpStack | null;
  private readonly v4: (UdpSocket | null)[];
  private readonly v6: (UdpSocket | null)[];

  /**
   * @param who the traffic's name, for errors
   * @param onPacket gets what comes back; null: nothing is expected
   */
  constructor(host: Host, flows: number, who: string, onPacket: PacketCallback<UdpSocket> | null) {
    this.host = host;
    this.flows = flows;
    this.who = who;
    this.onPacket = onPacket;
    this.stack = liveStack(host);
    this.v4 = new Array<UdpSocket | null>(flows).fill(null);
    this.v6 = new Array<UdpSocket | null>(flows).fill(null);
  }

  /** The sockets belong to the host that runs now. */
  get usable(): boolean {
    return this.host.alive && this.stack !== null && this.stack === ipStack(this.host);
  }

  /** After a reboot: all sockets are new. */
  reopen(): void {
    this.stack = liveStack(this.host);
    this.v4.fill(null);
    this.v6.fill(null);
  }

  /**
   * Sends by the socket of a flow.
   * @param flow 0 to flows - 1
   * @returns 0, or -errno; -EAGAIN when the send buffer is full and nothing was sent
   */
  send(flow: number, bytes: Uint8Array, addr: IpAddr, port: number): number {
    const list = addr.family === AF_INET ? this.v4 : this.v6;
    const socket = list[flow] ?? this.open(list, flow, addr.family);
    return socket.sendTo(bytes, addr, port);
  }

  private open(list: (UdpSocket | null)[], flow: number, family: Family): UdpSocket {
    const socket = openUdp(this.host, family);
    socket.onPacket = this.onPacket ?? discard;
    const any = family === AF_INET ? ANY4 : ANY6;
    if (this.flows === 1) socket.bind(any, 0);
    else bindNext(this.host, socket, any, this.who);
    list[flow] = socket;
    return socket;
  }
}

function discard(): void {}

/** Binds to the next port of the host that is free. */
function bindNext(host: Host, socket: UdpSocket, any: IpAddr, who: string): void {
  let port = nextPorts.get(host) ?? ipStack(host).sysctl.portRangeLow;
  for (let tried = FIRST_PORT; tried <= LAST_PORT; tried++) {
    const at = port;
    port = port === LAST_PORT ? FIRST_PORT : port + 1;
    nextPorts.set(host, port);
    try {
      socket.bind(any, at);
      return;
    } catch (error) {
      if (!(error instanceof NetlinkError) || error.errno !== ERRNO.EADDRINUSE) throw error;
    }
  }
  const message = `traffic ${who}: ${host.name} has no free source port any more`;
  throw new LabError([{ code: "TRAFFIC_PORTS", message, fix: "use fewer flows" }]);
}
