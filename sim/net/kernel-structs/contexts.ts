/**
 * What the kernel itself has where programs of the socket types see their context: `bpf_sock_ops_kern`, `bpf_sock_addr_kern`,
 * `bpf_sk_lookup_kern`, `sk_reuseport_kern`, `bpf_flow_dissector`. Filled from the context when the program asks.
 * @source include/linux/filter.h, include/net/flow_dissector.h
 * @differs sk_reuseport_kern's packet and sock_ops' packets are null
 */
import type { Btf } from "../../bpf/btf/types.ts";
import { FLOW_KEYS_BYTES } from "../../bpf/prog-types/flow-dissector.ts";
import { SK_BUFF_FLOW_KEYS } from "../../bpf/prog-types/sk-buff.ts";
import type { Arena } from "../../engine/arena.ts";
import { AF_INET, AF_INET6 } from "../ip/address.ts";
import type { Skb } from "../skb.ts";
import type { BpfSocket } from "../sockets/bpf-sock.ts";
import { putField, StructLayout } from "./layout.ts";
import type { Socks } from "./sock.ts";

/** The struct that an address of a socket takes: large enough for both families. */
const SOCKADDR = "sockaddr_in6";

/** The kernel's own contexts, one of each kind. */
export class KernelContexts {
  private readonly arena: Arena;
  private readonly btf: Btf;
  private readonly socks: Socks;
  private readonly layouts: Map<string, StructLayout> = new Map();
  private readonly placed: Map<string, number> = new Map();
  /** Which struct lies where. */
  private readonly names: Map<number, string> = new Map();

  constructor(arena: Arena, btf: Btf, socks: Socks) {
    this.arena = arena;
    this.btf = btf;
    this.socks = socks;
  }

  /** Of sock_ops programs. @param ctx address of the struct bpf_sock_ops */
  sockOps(ctx: number, sk: BpfSocket | null): number {
    const { u32 } = this.arena;
    const c = ctx >>> 2;
    const at = this.place("bpf_sock_ops_kern");
    this.put(at, "sk", this.socks.addressOf(sk));
    this.put(at, "op", u32[c]!);
    for (let i = 0; i < 4; i++) u32[((at + this.offset("bpf_sock_ops_kern", "args")) >>> 2) + i] = u32[c + 1 + i]!;
    this.put(at, "is_fullsock", u32[c + 18]!);
    this.put(at, "is_locked_tcp_sock", u32[c + 18]!);
    return at;
  }

  /** Of cgroup_sock_addr programs. @param ctx address of the struct bpf_sock_addr */
  sockAddr(ctx: number, sk: BpfSocket | null): number {
    const { arena } = this;
    const c = ctx >>> 2;
    const at = this.place("bpf_sock_addr_kern");
    const uaddr = this.place(SOCKADDR);
    const family = arena.u32[c]!;
    arena.u8.fill(0, uaddr, uaddr + this.layout(SOCKADDR).sizeBytes);
    arena.dv.setUint16(uaddr, family, true);
    arena.u8.copyWithin(uaddr + 2, ctx + 24, ctx + 26);
    if (family === AF_INET) arena.u8.copyWithin(uaddr + 4, ctx + 4, ctx + 8);
    if (family === AF_INET6) arena.u8.copyWithin(uaddr + 8, ctx + 8, ctx + 24);
    this.put(at, "sk", this.socks.addressOf(sk));
    this.put(at, "uaddr", uaddr);
    this.put(at, "uaddrlen", family === AF_INET ? 16 : this.layout(SOCKADDR).sizeBytes);
    return at;
  }

  /** Of sk_lookup programs. @param ctx address of the struct bpf_sk_lookup; selected: what `sk` there points to */
  skLookup(ctx: number, selected: BpfSocket | null): number {
    const { arena } = this;
    const c = ctx >>> 2;
    const name = "bpf_sk_lookup_kern";
    const at = this.place(name);
    const family = arena.u32[c + 2]!;
    this.put(at, "family", family);
    this.put(at, "protocol", arena.u32[c + 3]!);
    this.put(at, "sport", arena.u32[c + 9]! & 0xffff);
    this.put(at, "dport", arena.u32[c + 15]!);
    const v4 = at + this.offset(name, "v4.saddr");
    arena.u8.copyWithin(v4, ctx + 16, ctx + 20);
    arena.u8.copyWithin(v4 + 4, ctx + 40, ctx + 44);
    this.put(at, "v6.saddr", family === AF_INET6 ? this.address("remote", ctx + 20) : 0);
    this.put(at, "v6.daddr", family === AF_INET6 ? this.address("local", ctx + 44) : 0);
    this.put(at, "selected_sk", this.socks.addressOf(selected));
    this.put(at, "ingress_ifindex", arena.u32[c + 16]!);
    return at;
  }

  /** Of sk_reuseport programs. @param ctx address of the struct sk_reuseport_md */
  skReuseport(ctx: number, sk: BpfSocket | null): number {
    const { u32 } = this.arena;
    const c = ctx >>> 2;
    const at = this.place("sk_reuseport_kern");
    this.put(at, "sk", this.socks.addressOf(sk));
    this.put(at, "data_end", u32[c + 2]!);
    this.put(at, "hash", u32[c + 8]!);
    this.put(at, "bind_inany", u32[c + 7]!);
    return at;
  }

  /** Of flow dissectors, which look at bytes without a packet. @param ctx address of the struct __sk_buff */
  flowDissector(ctx: number, skb: Skb): number {
    const keys = this.arena.u32[(ctx + SK_BUFF_FLOW_KEYS) >>> 2]!;
    const at = this.place("bpf_flow_dissector");
    this.put(at, "flow_keys", this.arena.allows(keys, FLOW_KEYS_BYTES, false) === true ? keys : 0);
    this.put(at, "data", skb.data);
    this.put(at, "data_end", skb.data + skb.len);
    return at;
  }

  /** Whether a struct of the kernel's of that name was placed at an address. */
  is(at: number, name: string): boolean {
    return this.names.get(at) === name;
  }

  /** The operation that a `bpf_sock_ops_kern` is about. */
  sockOp(at: number): number {
    return this.arena.u8[at + this.offset("bpf_sock_ops_kern", "op")]!;
  }

  private address(which: string, from: number): number {
    const at = this.place("in6_addr", which);
    this.arena.u8.copyWithin(at, from, from + 16);
    return at;
  }

  private place(name: string, which: string = ""): number {
    const key = `${name}${which}`;
    let at = this.placed.get(key);
    if (at === undefined) {
      at = this.layout(name).place(this.arena);
      this.placed.set(key, at);
      this.names.set(at, name);
    }
    return at;
  }

  private put(at: number, field: string, value: number): void {
    putField(this.arena, at, this.layout(this.names.get(at)!).field(field), value);
  }

  private offset(name: string, field: string): number {
    return this.layout(name).field(field).offset;
  }

  private layout(name: string): StructLayout {
    let layout = this.layouts.get(name);
    if (layout === undefined) {
      layout = new StructLayout(this.btf, name);
      this.layouts.set(name, layout);
    }
    return layout;
  }
}
