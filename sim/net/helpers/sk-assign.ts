/**
 * bpf_sk_assign: which socket shall receive a packet (tc ingress), or win a lookup (sk_lookup).
 *
 * @source net/core/filter.c bpf_sk_assign, bpf_sk_lookup_assign
 * @differs there is no SO_REUSEPORT, so BPF_SK_LOOKUP_F_NO_REUSEPORT changes nothing
 */
import type { HelperDef } from "../../bpf/helper.ts";
import {
  EAFNOSUPPORT,
  EEXIST,
  EINVAL,
  ENETUNREACH,
  EOPNOTSUPP,
  EPROTOTYPE,
  ESOCKTNOSUPPORT,
} from "../../bpf/maps/errno.ts";
import { TC_KINDS } from "../../bpf/prog-kinds.ts";
import { IPPROTO_TCP, IPPROTO_UDP } from "../ip/ipv4/header.ts";
import type { NetEnv } from "../net-env.ts";
import { TCP_CLOSE, TCP_LISTEN } from "../sockets/bpf-sock.ts";
import { Socket } from "../sockets/socket.ts";

const BPF_SK_LOOKUP_F_REPLACE = 1;
const BPF_SK_LOOKUP_F_NO_REUSEPORT = 2;
/** Of struct bpf_sk_lookup: sk (u64), family, protocol. */
const SK_LOOKUP_SK = 0;
const SK_LOOKUP_FAMILY = 8;
const SK_LOOKUP_PROTOCOL = 12;

/** `bpf_sk_assign`. */
export const skAssign: HelperDef<NetEnv> = {
  id: 124,
  name: "sk_assign",
  since: "5.7",
  args: ["ctx", "sock_or_null", "u64"],
  ret: "int",
  gplOnly: false,
  progKinds: [...TC_KINDS, "sk_lookup"],
  mapKinds: null,
  changesPacket: false,
  costNs: 6,
  call: (env: NetEnv, ctx: number, sk: number, flags: number, flagsHi: number): number =>
    env.skbContexts.owns(ctx) ? assignPacket(env, sk, flags | flagsHi) : assignLookup(env, ctx, sk, flags, flagsHi),
};

function assignPacket(env: NetEnv, sk: number, flags: number): number {
  if (sk === 0 || flags !== 0) return -EINVAL;
  const sock = env.sockets.at(sk);
  const skb = env.skb;
  if (!skb.atIngress) return -EOPNOTSUPP;
  if (sock.host !== env.host) return -ENETUNREACH;
  if (!(sock instanceof Socket) || sock.localPort === 0) return -EOPNOTSUPP;
  skb.orphan();
  skb.owner = sock;
  skb.ownerBytes = 0;
  skb.prefetched = true;
  return 0;
}

function assignLookup(env: NetEnv, ctx: number, sk: number, flags: number, flagsHi: number): number {
  const dv = env.kernel.arena.dv;
  if (sk !== 0) {
    const sock = env.sockets.at(sk);
    if (sock.skProtocol === IPPROTO_TCP && sock.skState !== TCP_LISTEN) return -ESOCKTNOSUPPORT;
    if (sock.skProtocol === IPPROTO_UDP && sock.skState !== TCP_CLOSE) return -ESOCKTNOSUPPORT;
  }
  if ((flags & ~(BPF_SK_LOOKUP_F_REPLACE | BPF_SK_LOOKUP_F_NO_REUSEPORT)) !== 0 || flagsHi !== 0) return -EINVAL;
  if (sk !== 0) {
    const sock = env.sockets.at(sk);
    if (sock.skProtocol !== dv.getUint32(ctx + SK_LOOKUP_PROTOCOL, true)) return -EPROTOTYPE;
    // IPv6 sockets take IPv6 only
    if (sock.skFamily !== dv.getUint32(ctx + SK_LOOKUP_FAMILY, true)) return -EAFNOSUPPORT;
  }
  if (dv.getUint32(ctx + SK_LOOKUP_SK, true) !== 0 && (flags & BPF_SK_LOOKUP_F_REPLACE) === 0) return -EEXIST;
  dv.setUint32(ctx + SK_LOOKUP_SK, sk, true);
  return 0;
}
