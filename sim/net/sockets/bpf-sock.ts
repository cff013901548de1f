/**
 * Sockets as programs see them: one `struct bpf_sock` per socket that a program has met, in memory that programs may read and not
 * write. Its address is the pointer that lookups return and that `sk` fields of contexts hold.
 *
 *      0 bound_dev_if   4 family       8 type         12 protocol    16 mark      20 priority
 *     24 src_ip4 (be)  28 src_ip6[4]  44 src_port    48 dst_port (be16, then 2 zero bytes)
 *     52 dst_ip4 (be)  56 dst_ip6[4]  72 state       76 rx_queue_mapping (s32)
 *
 * @source include/uapi/linux/bpf.h struct bpf_sock; net/core/filter.c bpf_sock_convert_ctx_access
 * @differs fields are brought up to date when the socket is looked up, bound or connected, not at each read
 */
import type { MapSocket, SocketHolder } from "../../bpf/map.ts";
import type { Arena } from "../../engine/arena.ts";
import { VerifierError } from "../../engine/errors.ts";
import { ETH_P_IP, ETH_P_IPV6 } from "../ether.ts";
import type { Host } from "../host.ts";
import { AF_INET, AF_INET6, type Family, IpAddr } from "../ip/address.ts";
import type { Skb } from "../skb.ts";
import { OptionMemory } from "./option-memory.ts";

/** sizeof(struct bpf_sock). */
export const BPF_SOCK_BYTES = 80;
/** As many as a page of the region table holds. */
const PER_REGION = 51;

/** sk->sk_state. @source include/net/tcp_states.h */
export const TCP_ESTABLISHED = 1;
/** Not connected: also a datagram socket without a peer. */
export const TCP_CLOSE = 7;
/** Waits for connections. */
export const TCP_LISTEN = 10;

/** sk->sk_type. @source include/linux/net.h */
export const SOCK_STREAM = 1;
/** UDP. */
export const SOCK_DGRAM = 2;
/** Raw IP and packet sockets. */
export const SOCK_RAW = 3;

/** inet_rcv_saddr of an IPv6 socket with an address. @source net/ipv6/af_inet6.c LOOPBACK4_IPV6 */
const LOOPBACK4_IPV6 = 0x7f000006;

/** What a socket tells about itself. */
export interface BpfSocket extends MapSocket {
  readonly host: Host;
  readonly skFamily: number;
  /** SOCK_*. */
  readonly skType: number;
  readonly skProtocol: number;
  /** TCP_*. */
  readonly skState: number;
  readonly mark: number;
  readonly priority: number;
  readonly boundIfindex: number;
  /** null: no internet socket. */
  readonly localAddr: IpAddr | null;
  /** Host order, 0 while unbound. */
  readonly localPort: number;
  readonly remoteAddr: IpAddr | null;
  readonly remotePort: number;
  /** Address of its `struct bpf_sock`, 0 before a program met it. Kept by BpfSockets. */
  view: number;
}

/** The sockets that programs have met. */
export class BpfSockets {
  private readonly arena: Arena;
  private readonly bases: number[] = [];
  /** By place: region by region. */
  private readonly socks: (BpfSocket | null)[] = [];
  private readonly free: number[] = [];

  constructor(arena: Arena) {
    this.arena = arena;
  }

  /**
   * The pointer to a socket, its fields brought up to date.
   * @returns 0 when memory is used up
   */
  addressOf(sock: BpfSocket): number {
    if (sock.view === 0 && !this.place(sock)) return 0;
    this.fill(sock, sock.view);
    return sock.view;
  }

  /**
   * The socket behind a pointer that a program passed.
   * @throws VerifierError when it points to none
   */
  at(addr: number): BpfSocket {
    for (let i = 0; i < this.bases.length; i++) {
      const off = addr - this.bases[i]!;
      if (off < 0 || off >= PER_REGION * BPF_SOCK_BYTES || off % BPF_SOCK_BYTES !== 0) continue;
      const sock = this.socks[i * PER_REGION + off / BPF_SOCK_BYTES];
      if (sock !== null && sock !== undefined) return sock;
    }
    const message = `address 0x${addr.toString(16)} is no socket; expected=sock_common, sock or tcp_sock`;
    throw new VerifierError({ code: "SOCK_ARGUMENT", message });
  }

  /** The socket was closed. */
  forget(sock: BpfSocket): void {
    if (sock.view === 0) return;
    const place = this.placeOf(sock.view);
    this.socks[place] = null;
    this.free.push(place);
    sock.view = 0;
  }

  private placeOf(addr: number): number {
    const region = this.bases.findIndex((base) => addr >= base && addr < base + PER_REGION * BPF_SOCK_BYTES);
    return region * PER_REGION + (addr - this.bases[region]!) / BPF_SOCK_BYTES;
  }

  private place(sock: BpfSocket): boolean {
    if (this.free.length === 0 && !this.grow()) return false;
    const place = this.free.pop()!;
    this.socks[place] = sock;
    sock.view = this.bases[Math.floor(place / PER_REGION)]! + (place % PER_REGION) * BPF_SOCK_BYTES;
    return true;
  }

  private grow(): boolean {
    const base = this.arena.allocRegion({
      sizeBytes: PER_REGION * BPF_SOCK_BYTES,
      strideBytes: BPF_SOCK_BYTES,
      valueBytes: BPF_SOCK_BYTES,
      writable: false,
      label: "socket",
    });
    if (base === 0) return false;
    const first = this.bases.length * PER_REGION;
    this.bases.push(base);
    for (let i = PER_REGION - 1; i >= 0; i--) {
      this.socks[first + i] = null;
      this.free.push(first + i);
    }
    return true;
  }

  private fill(s: BpfSocket, a: number): void {
    const dv = this.arena.dv;
    dv.setUint32(a, s.boundIfindex, true);
    dv.setUint32(a + 4, s.skFamily, true);
    dv.setUint32(a + 8, s.skType, true);
    dv.setUint32(a + 12, s.skProtocol, true);
    dv.setUint32(a + 16, s.mark, true);
    dv.setUint32(a + 20, s.priority, true);
    fillAddress(dv, a + 24, s.skFamily, s.localAddr);
    dv.setUint32(a + 44, s.localPort, true);
    dv.setUint16(a + 48, s.remotePort);
    dv.setUint16(a + 50, 0);
    fillAddress(dv, a + 52, s.skFamily, s.remoteAddr);
    // a bound IPv6 socket has an IPv4 address that nothing is sent to
    if (s.skFamily === AF_INET6 && s.localPort !== 0 && !s.localAddr!.isAny) dv.setUint32(a + 24, LOOPBACK4_IPV6);
    dv.setUint32(a + 72, s.skState, true);
    dv.setInt32(a + 76, -1, true);
  }
}

/** src_ip4 and src_ip6, or dst_ip4 and dst_ip6. */
function fillAddress(dv: DataView, at: number, family: number, addr: IpAddr | null): void {
  const v6 = family === AF_INET6 && addr !== null;
  dv.setUint32(at, family === AF_INET && addr !== null ? addr.a : 0);
  dv.setUint32(at + 4, v6 ? addr.a : 0);
  dv.setUint32(at + 8, v6 ? addr.b : 0);
  dv.setUint32(at + 12, v6 ? addr.c : 0);
  dv.setUint32(at + 16, v6 ? addr.d : 0);
}

function readAddr(arena: Arena, family: Family, at: number): IpAddr {
  const word = (i: number): number => arena.dv.getUint32(at + i);
  return family === AF_INET ? new IpAddr(AF_INET, word(0)) : new IpAddr(AF_INET6, word(0), word(4), word(8), word(12));
}

/**
 * The socket that BPF_PROG_RUN lets a packet belong to: of the packet's family with its addresses, of no type and never bound.
 * @source net/bpf/test_run.c bpf_prog_test_run_skb (bpf_dummy_proto)
 */
export class TestRunSocket implements BpfSocket {
  readonly host: Host;
  readonly skFamily: number;
  readonly skType: number = 0;
  readonly skProtocol: number = 0;
  readonly skState: number = TCP_CLOSE;
  readonly mark: number = 0;
  readonly priority: number = 0;
  readonly boundIfindex: number = 0;
  readonly localAddr: IpAddr | null;
  readonly localPort: number = 0;
  readonly remoteAddr: IpAddr | null;
  readonly remotePort: number = 0;
  /** Its protocol is a dummy that no map of sockets takes. */
  readonly inet: boolean = false;
  readonly hashed: boolean = false;
  readonly reuseport: boolean = false;
  readonly holders: Set<SocketHolder> = new Set();
  readonly optionMemory: OptionMemory = new OptionMemory();
  readonly sock: BpfSocket = this;
  view: number = 0;
  private ownCookie: number = 0;

  /** @param skb the packet, its network header set */
  constructor(host: Host, skb: Skb) {
    this.host = host;
    const family = skb.protocol === ETH_P_IP ? AF_INET : skb.protocol === ETH_P_IPV6 ? AF_INET6 : 0;
    const { arena } = host.kernel;
    const ip = skb.networkHeader;
    this.skFamily = family;
    this.localAddr = family === 0 ? null : readAddr(arena, family, family === AF_INET ? ip + 12 : ip + 8);
    this.remoteAddr = family === 0 ? null : readAddr(arena, family, family === AF_INET ? ip + 16 : ip + 24);
  }

  get cookie(): number {
    if (this.ownCookie === 0) this.ownCookie = this.host.nextSocketCookie();
    return this.ownCookie;
  }

  bpfSock(): number {
    return this.host.kernel.env.sockets.addressOf(this);
  }

  /** The packet is gone and with it the socket. */
  onSkbFree(): void {
    for (const holder of [...this.holders]) holder.dropSocket(this);
    this.host.kernel.env.sockets.forget(this);
  }
}
