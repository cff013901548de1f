/**
 * bpf_sk_lookup_udp, bpf_sk_lookup_tcp, bpf_skc_lookup_tcp, bpf_sk_release.
 *
 *     struct bpf_sock_tuple
 *       ipv4, 12 bytes:  0 be32 saddr      4 be32 daddr       8 be16 sport  10 be16 dport
 *       ipv6, 36 bytes:  0 be32 saddr[4]  16 be32 daddr[4]  32 be16 sport  34 be16 dport
 *
 * @source net/core/filter.c __bpf_skc_lookup, __bpf_sk_lookup, sk_lookup
 * @differs network namespaces have no ids of each other, so only the current one (BPF_F_CURRENT_NETNS) can be named
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { TC_KINDS } from "../../bpf/prog-kinds.ts";
import type { ProgKind } from "../../bpf/prog-type.ts";
import { AF_INET, AF_INET6 } from "../ip/address.ts";
import type { NetEnv } from "../net-env.ts";
import { socketTables } from "../sockets/index.ts";
import type { EhashEntry } from "../tcp/ehash.ts";
import { MiniSock } from "../tcp/mini-sock.ts";
import { RequestSock } from "../tcp/request-sock.ts";
import { TcpSock } from "../tcp/tcp-sock.ts";
import { TimeWaitSock } from "../tcp/time-wait-sock.ts";

const TUPLE4_BYTES = 12;
const TUPLE6_BYTES = 36;
const KINDS: readonly ProgKind[] = [...TC_KINDS, "xdp", "cgroup_skb", "cgroup_sock_addr"];

/** What the lookups have. */
const lookup = {
  args: ["ctx", "mem", "size", "u64", "u64"],
  ret: "sock_or_null",
  gplOnly: false,
  progKinds: KINDS,
  mapKinds: null,
  changesPacket: false,
  // an estimate: a hash of the tuple and a walk over one bucket
  costNs: 60,
} as const;

/** Whether the arguments name a table to look in: the current namespace, no flags. */
function named(len: number, netns: number, flags: number, flagsHi: number): boolean {
  return (len === TUPLE4_BYTES || len === TUPLE6_BYTES) && flags === 0 && flagsHi === 0 && netns < 0;
}

/** __inet_lookup: the connection of a tuple, or who listens for it. */
function findTcp(env: NetEnv, t: number, len: number): EhashEntry | null {
  const { dv } = env.kernel.arena;
  const { ehash, ports } = socketTables(env.host).tcp;
  const ifindex = env.sk === null ? env.dev.ifindex : 0;
  const w = (at: number): number => dv.getUint32(t + at);
  if (len === TUPLE4_BYTES) {
    const dport = dv.getUint16(t + 10);
    return (
      ehash.lookup(AF_INET, w(0), 0, 0, 0, dv.getUint16(t + 8), w(4), 0, 0, 0, dport, ifindex) ??
      ports.lookupListener(AF_INET, w(4), 0, 0, 0, dport, ifindex, 0)
    );
  }
  const sport = dv.getUint16(t + 32);
  const dport = dv.getUint16(t + 34);
  return (
    ehash.lookup(AF_INET6, w(0), w(4), w(8), w(12), sport, w(16), w(20), w(24), w(28), dport, ifindex) ??
    ports.lookupListener(AF_INET6, w(16), w(20), w(24), w(28), dport, ifindex, 0)
  );
}

/** `bpf_sk_lookup_udp`. */
export const skLookupUdp: HelperDef<NetEnv> = {
  ...lookup,
  id: 85,
  name: "sk_lookup_udp",
  since: "4.20",
  call: (
    env: NetEnv,
    _ctx: number,
    t: number,
    len: number,
    netns: number,
    _netnsHi: number,
    flags: number,
    flagsHi: number,
  ): number => {
    if (!named(len, netns, flags, flagsHi)) return 0;
    const { dv } = env.kernel.arena;
    const { udp } = socketTables(env.host);
    // a program that works for a socket has no packet, and so no device (cgroup_sock_addr)
    const ifindex = env.sk === null ? env.dev.ifindex : 0;
    const word = (at: number): number => dv.getUint32(t + at);
    const sock =
      len === TUPLE4_BYTES
        ? udp.lookup(AF_INET, word(0), 0, 0, 0, dv.getUint16(t + 8), word(4), 0, 0, 0, dv.getUint16(t + 10), ifindex)
        : udp.lookup(
            AF_INET6,
            word(0),
            word(4),
            word(8),
            word(12),
            dv.getUint16(t + 32),
            word(16),
            word(20),
            word(24),
            word(28),
            dv.getUint16(t + 34),
            ifindex,
          );
    return sock === null ? 0 : env.sockets.addressOf(sock);
  },
};

/** `bpf_sk_lookup_tcp`. */
export const skLookupTcp: HelperDef<NetEnv> = {
  ...lookup,
  id: 84,
  name: "sk_lookup_tcp",
  since: "4.20",
  call: (
    env: NetEnv,
    _ctx: number,
    t: number,
    len: number,
    netns: number,
    _netnsHi: number,
    flags: number,
    flagsHi: number,
  ): number => {
    const found = named(len, netns, flags, flagsHi) ? findTcp(env, t, len) : null;
    // sk_to_full_sk: a half-open connection stands for its listener, one in TIME_WAIT for nothing
    const sock = found instanceof RequestSock ? found.listener : found;
    return sock instanceof TcpSock ? env.sockets.addressOf(sock) : 0;
  },
};

/** `bpf_skc_lookup_tcp`: also finds sockets that are no full ones. */
export const skcLookupTcp: HelperDef<NetEnv> = {
  ...lookup,
  id: 99,
  name: "skc_lookup_tcp",
  since: "5.2",
  call: (
    env: NetEnv,
    _ctx: number,
    t: number,
    len: number,
    netns: number,
    _netnsHi: number,
    flags: number,
    flagsHi: number,
  ): number => {
    const found = named(len, netns, flags, flagsHi) ? findTcp(env, t, len) : null;
    if (found === null) return 0;
    if (found instanceof TcpSock) return env.sockets.addressOf(found);
    if (!(found instanceof RequestSock) && !(found instanceof TimeWaitSock)) return 0;
    found.mini ??= new MiniSock(found);
    return env.sockets.addressOf(found.mini);
  },
};

/** `bpf_sk_release`. No lookup counts: sockets go when their connections do, so there is nothing to give back. */
export const skRelease: HelperDef<NetEnv> = {
  id: 86,
  name: "sk_release",
  since: "4.20",
  args: ["sock"],
  ret: "int",
  gplOnly: false,
  progKinds: [...KINDS, "sk_lookup"],
  mapKinds: null,
  changesPacket: false,
  costNs: 3,
  call: (env: NetEnv, sk: number): number => {
    env.sockets.at(sk);
    return 0;
  },
};
