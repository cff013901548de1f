/** The UDP sockets of a host, by port. @source net/ipv4/udp.c udp4_lib_lookup2, compute_score, udp_lib_get_port */
import type { Family, IpAddr } from "../ip/address.ts";
import type { IpStack } from "../ip/ip-stack.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import type { UdpSocket } from "./udp.ts";

/** A socket with an address comes before all that have none: two passes over the table (__udp4_lib_lookup). */
const WILDCARD_LAST = 16;

/** Bound UDP sockets by port. */
export class UdpTable {
  private readonly byPort: Map<number, UdpSocket[]> = new Map();
  private nextPort: number = 0;
  private readonly stack: IpStack;

  constructor(stack: IpStack) {
    this.stack = stack;
  }

  /**
   * Enters a socket under its local port.
   * @throws NetlinkError EADDRINUSE when another socket of the family holds address and port
   */
  add(s: UdpSocket): void {
    const list = this.byPort.get(s.localPort);
    if (list === undefined) {
      this.byPort.set(s.localPort, [s]);
      return;
    }
    if (list.some((o) => conflicts(o, s))) throw new NetlinkError(ERRNO.EADDRINUSE);
    list.push(s);
  }

  remove(s: UdpSocket): void {
    const list = this.byPort.get(s.localPort)?.filter((o) => o !== s) ?? [];
    if (list.length === 0) this.byPort.delete(s.localPort);
    else this.byPort.set(s.localPort, list);
  }

  /**
   * A free port of net.ipv4.ip_local_port_range, drawn as Linux draws it: from a random place on.
   * @throws NetlinkError EADDRINUSE when all are taken
   */
  freePort(family: Family): number {
    const { portRangeLow: low, portRangeHigh: high } = this.stack.sysctl;
    const n = high - low + 1;
    if (this.nextPort === 0) this.nextPort = this.stack.random.below(n);
    for (let i = 0; i < n; i++) {
      const port = low + ((this.nextPort + i) % n);
      if (this.byPort.get(port)?.some((s) => s.family === family) === true) continue;
      this.nextPort = (this.nextPort + i + 1) % n;
      return port;
    }
    throw new NetlinkError(ERRNO.EADDRINUSE);
  }

  /**
   * The socket for a packet: the one that states most about it.
   * @returns null when none fits
   */
  lookup(
    family: Family,
    sa: number,
    sb: number,
    sc: number,
    sd: number,
    sport: number,
    da: number,
    db: number,
    dc: number,
    dd: number,
    dport: number,
    ifindex: number,
  ): UdpSocket | null {
    const list = this.byPort.get(dport);
    if (list === undefined) return null;
    let best: UdpSocket | null = null;
    let bestScore = 0;
    for (let i = 0; i < list.length; i++) {
      const s = list[i]!;
      if (s.family !== family || (s.boundIfindex !== 0 && s.boundIfindex !== ifindex)) continue;
      let score = 1;
      const l = s.localAddr;
      if ((l.a | l.b | l.c | l.d) !== 0) {
        if (l.a !== da || l.b !== db || l.c !== dc || l.d !== dd) continue;
        score += WILDCARD_LAST;
      }
      const r = s.remoteAddr;
      if (r !== null) {
        if (r.a !== sa || r.b !== sb || r.c !== sc || r.d !== sd || s.remotePort !== sport) continue;
        score += 8;
      }
      if (s.boundIfindex !== 0) score += 4;
      if (score > bestScore) {
        best = s;
        bestScore = score;
      }
    }
    return best;
  }

  /** Every socket that a broadcast to a port concerns. */
  matching(family: Family, daddr: IpAddr, dport: number, ifindex: number): readonly UdpSocket[] {
    const list = this.byPort.get(dport) ?? [];
    return list.filter(
      (s) =>
        s.family === family &&
        (s.boundIfindex === 0 || s.boundIfindex === ifindex) &&
        (s.localAddr.isAny || s.localAddr.equals(daddr)) &&
        s.remoteAddr === null,
    );
  }

  /** All sockets by port, for `ss -u`. */
  list(): readonly UdpSocket[] {
    return [...this.byPort].sort((x, y) => x[0] - y[0]).flatMap((x) => x[1]);
  }
}

/** inet_rcv_saddr_equal: two sockets that both would get a packet. */
function conflicts(x: UdpSocket, y: UdpSocket): boolean {
  if (x.family !== y.family) return false;
  if (x.boundIfindex !== 0 && y.boundIfindex !== 0 && x.boundIfindex !== y.boundIfindex) return false;
  return x.localAddr.isAny || y.localAddr.isAny || x.localAddr.equals(y.localAddr);
}
