/**
 * Which ports are taken, by whom, and who listens.
 *
 * @source net/ipv4/inet_connection_sock.c inet_csk_get_port, inet_bind_conflict, inet_csk_find_open_port;
 *         net/ipv4/inet_hashtables.c inet_lhash2_lookup, compute_score
 * @differs IPv6 sockets take IPv6 only (IPV6_V6ONLY); one user owns all sockets
 */
import type { Family, IpAddr } from "../ip/address.ts";
import type { IpStack } from "../ip/ip-stack.ts";
import { TCP_LISTEN } from "../sockets/bpf-sock.ts";
import type { TcpSock } from "./tcp-sock.ts";
import type { TimeWaitSock } from "./time-wait-sock.ts";

/** Who may hold a port. */
export type PortOwner = TcpSock | TimeWaitSock;

/** struct inet_bind_bucket: a port that is taken. */
class PortBucket {
  readonly owners: Set<PortOwner> = new Set();
  /** Only connect has taken it (fastreuse -1): others may share it for other peers. */
  byConnect: boolean;
  constructor(byConnect: boolean) {
    this.byConnect = byConnect;
  }
}

/** The ports of a host's TCP. */
export class PortTable {
  private readonly stack: IpStack;
  private readonly buckets: Map<number, PortBucket> = new Map();
  private readonly listeners: Map<number, TcpSock[]> = new Map();

  constructor(stack: IpStack) {
    this.stack = stack;
  }

  /** Whether a socket may be bound to address and port beside those that are (inet_csk_bind_conflict). */
  allows(sk: TcpSock, addr: IpAddr, port: number): boolean {
    const b = this.buckets.get(port);
    if (b === undefined) return true;
    for (const other of b.owners) if (other !== sk && conflicts(sk, addr, other)) return false;
    return true;
  }

  /** inet_csk_find_open_port: odd ports first (those of the other parity are for connect). @returns 0 when all are taken */
  findOpen(sk: TcpSock, addr: IpAddr): number {
    const { portRangeLow, portRangeHigh } = this.stack.sysctl;
    const low = portRangeLow;
    const high = portRangeHigh + 1;
    const remaining = (high - low) & ~1;
    if (remaining < 2) return this.allows(sk, addr, low) ? low : 0;
    let offset = this.stack.random.below(remaining) | 1;
    for (let parity = 0; parity < 2; parity++) {
      for (let i = 0; i < remaining; i += 2) {
        let port = low + offset + i;
        if (port >= high) port -= remaining;
        if (this.allows(sk, addr, port)) return port;
      }
      offset--;
    }
    return 0;
  }

  /** inet_bind_hash. @param byConnect connect chose the port */
  add(sk: PortOwner, byConnect: boolean): void {
    let b = this.buckets.get(sk.localPort);
    if (b === undefined) {
      b = new PortBucket(byConnect);
      this.buckets.set(sk.localPort, b);
    } else if (!byConnect) b.byConnect = false;
    b.owners.add(sk);
  }

  /** inet_put_port. */
  remove(sk: PortOwner): void {
    const b = this.buckets.get(sk.localPort);
    if (b === undefined) return;
    b.owners.delete(sk);
    if (b.owners.size === 0) this.buckets.delete(sk.localPort);
  }

  /** Nobody has the port. */
  isFree(port: number): boolean {
    return !this.buckets.has(port);
  }

  /** connect may share the port: nobody was bound to it by bind. */
  isShareable(port: number): boolean {
    return this.buckets.get(port)?.byConnect ?? true;
  }

  /** The only owner is this socket. */
  isSoleOwner(sk: TcpSock): boolean {
    const b = this.buckets.get(sk.localPort);
    return b !== undefined && b.owners.size === 1 && b.owners.has(sk);
  }

  addListener(sk: TcpSock): void {
    const list = this.listeners.get(sk.localPort);
    if (list === undefined) this.listeners.set(sk.localPort, [sk]);
    else list.unshift(sk);
  }

  removeListener(sk: TcpSock): void {
    const list = this.listeners.get(sk.localPort);
    if (list === undefined) return;
    const i = list.indexOf(sk);
    if (i >= 0) list.splice(i, 1);
    if (list.length === 0) this.listeners.delete(sk.localPort);
  }

  /**
   * The listener for a packet: one with the address comes before those without; of those that share a port (SO_REUSEPORT), one by hash.
   * @param da,db,dc,dd words of the packet's destination
   * @param hash of the packet's flow, unsigned
   */
  lookupListener(
    family: Family,
    da: number,
    db: number,
    dc: number,
    dd: number,
    dport: number,
    ifindex: number,
    hash: number,
  ): TcpSock | null {
    const list = this.listeners.get(dport);
    if (list === undefined) return null;
    let best: TcpSock | null = null;
    let bestScore = 0;
    for (let i = 0; i < list.length; i++) {
      const s = list[i]!;
      if (s.family !== family || (s.boundIfindex !== 0 && s.boundIfindex !== ifindex)) continue;
      const l = s.localAddr;
      let score = s.boundIfindex !== 0 ? 2 : 1;
      if ((l.a | l.b | l.c | l.d) !== 0) {
        if (l.a !== da || l.b !== db || l.c !== dc || l.d !== dd) continue;
        score += 8;
      }
      if (score > bestScore) {
        best = s;
        bestScore = score;
      }
    }
    return best?.reuseport === true ? shareByHash(list, best, hash) : best;
  }

  /** All listeners, by port. */
  listListeners(): readonly TcpSock[] {
    return [...this.listeners].sort((x, y) => x[0] - y[0]).flatMap((x) => x[1]);
  }

  /** Every owner of a port, by port. */
  listOwners(): readonly PortOwner[] {
    return [...this.buckets].sort((x, y) => x[0] - y[0]).flatMap((x) => [...x[1].owners]);
  }
}

/** inet_bind_conflict: two sockets that both would get a connection. */
function conflicts(sk: TcpSock, addr: IpAddr, other: PortOwner): boolean {
  if (sk.family !== other.family) return false;
  if (sk.boundIfindex !== 0 && other.boundIfindex !== 0 && sk.boundIfindex !== other.boundIfindex) return false;
  if (!addr.isAny && !other.localAddr.isAny && !addr.equals(other.localAddr)) return false;
  if (sk.skReuse && other.skReuse && other.state !== TCP_LISTEN) return false;
  return !(sk.reuseport && other.reuseport);
}

/** reuseport_select_sock_by_hash: one of those that are bound as `first` is, the oldest first. */
function shareByHash(list: readonly TcpSock[], first: TcpSock, hash: number): TcpSock {
  let n = 0;
  for (let i = 0; i < list.length; i++) if (sharesWith(list[i]!, first)) n++;
  // reciprocal_scale
  let skip = Math.floor((hash * n) / 4294967296);
  for (let i = list.length - 1; i >= 0; i--) if (sharesWith(list[i]!, first) && skip-- === 0) return list[i]!;
  return first;
}

function sharesWith(s: TcpSock, o: TcpSock): boolean {
  return s.reuseport && s.family === o.family && s.boundIfindex === o.boundIfindex && s.localAddr.equals(o.localAddr);
}
