/**
 * `struct sock` of sockets whose pointer a program got out of a kernel struct. The context's `sk` and what lookups return is another
 * view, `struct bpf_sock` (sockets/bpf-sock.ts): socket helpers take that one.
 * @source include/net/sock.h struct sock, struct sock_common; include/linux/ipv6.h struct udp6_sock
 */
import type { Btf } from "../../bpf/btf/types.ts";
import type { Arena } from "../../engine/arena.ts";
import type { IpAddr } from "../ip/address.ts";
import { AF_INET, AF_INET6 } from "../ip/address.ts";
import { IPPROTO_UDP } from "../ip/ipv4/header.ts";
import { type BpfSocket, SOCK_DGRAM } from "../sockets/bpf-sock.ts";
import { putField, type StructField, StructLayout, swap16 } from "./layout.ts";

/** The sockets that programs have met in kernel structs. */
export class Socks {
  private readonly arena: Arena;
  private readonly f: ReturnType<typeof fieldsOf>;
  private readonly placed: WeakMap<BpfSocket, number> = new WeakMap();

  constructor(arena: Arena, btf: Btf) {
    this.arena = arena;
    this.f = fieldsOf(btf);
  }

  /** Address of a socket's struct, its fields brought up to date; 0 for no socket. */
  addressOf(s: BpfSocket | null | undefined): number {
    if (s === null || s === undefined) return 0;
    const { arena, f } = this;
    let at = this.placed.get(s);
    if (at === undefined) {
      at = (isUdp6(s) ? f.udp6 : f.layout).place(arena);
      this.placed.set(s, at);
    }
    if (isUdp6(s)) putField(arena, at, f.inet_sport, swap16(s.localPort));
    putField(arena, at, f.skc_family, s.skFamily);
    putField(arena, at, f.skc_state, s.skState);
    putField(arena, at, f.skc_bound_dev_if, s.boundIfindex);
    putField(arena, at, f.skc_num, s.localPort);
    putField(arena, at, f.skc_dport, swap16(s.remotePort));
    putField(arena, at, f.skc_cookie, s.cookie);
    putField(arena, at, f.sk_type, s.skType);
    putField(arena, at, f.sk_protocol, s.skProtocol);
    putField(arena, at, f.sk_mark, s.mark);
    putField(arena, at, f.sk_priority, s.priority);
    this.putAddress(at, s.skFamily, s.localAddr, f.skc_rcv_saddr, f.skc_v6_rcv_saddr);
    this.putAddress(at, s.skFamily, s.remoteAddr, f.skc_daddr, f.skc_v6_daddr);
    return at;
  }

  private putAddress(at: number, family: number, addr: IpAddr | null, v4: StructField, v6: StructField): void {
    const { dv } = this.arena;
    if (addr === null) return;
    if (family === AF_INET) dv.setUint32(at + v4.offset, addr.a);
    if (family !== AF_INET6) return;
    const a = at + v6.offset;
    dv.setUint32(a, addr.a);
    dv.setUint32(a + 4, addr.b);
    dv.setUint32(a + 8, addr.c);
    dv.setUint32(a + 12, addr.d);
  }
}

/** It is an IPv6 UDP socket, and its struct a `struct udp6_sock`. */
export function isUdp6(s: BpfSocket): boolean {
  return s.skFamily === AF_INET6 && s.skType === SOCK_DGRAM && s.skProtocol === IPPROTO_UDP;
}

function fieldsOf(btf: Btf) {
  const udp6 = new StructLayout(btf, "udp6_sock");
  const layout = new StructLayout(btf, "sock");
  const common = (name: string): StructField => layout.field(`__sk_common.${name}`);
  return {
    layout,
    udp6,
    inet_sport: udp6.field("udp.inet.inet_sport"),
    skc_family: common("skc_family"),
    skc_state: common("skc_state"),
    skc_bound_dev_if: common("skc_bound_dev_if"),
    skc_num: common("skc_num"),
    skc_dport: common("skc_dport"),
    skc_daddr: common("skc_daddr"),
    skc_rcv_saddr: common("skc_rcv_saddr"),
    skc_v6_daddr: common("skc_v6_daddr"),
    skc_v6_rcv_saddr: common("skc_v6_rcv_saddr"),
    skc_cookie: common("skc_cookie"),
    sk_type: layout.field("sk_type"),
    sk_protocol: layout.field("sk_protocol"),
    sk_mark: layout.field("sk_mark"),
    sk_priority: layout.field("sk_priority"),
  };
}
