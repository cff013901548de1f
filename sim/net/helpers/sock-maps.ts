/**
 * Helpers of maps of sockets: bpf_sock_map_update, bpf_sock_hash_update, bpf_sk_select_reuseport. Lookups, updates and deletions by
 * the helpers of all maps stand in bpf/helpers/map-ops.ts.
 *
 * @source net/core/sock_map.c bpf_sock_map_update, bpf_sock_hash_update, sock_map_op_okay; net/core/filter.c sk_select_reuseport
 * @differs sockets form no SO_REUSEPORT groups: none is in the program's, and so none can be selected
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { EAFNOSUPPORT, EBADFD, EINVAL, ENOENT, EOPNOTSUPP, EPROTOTYPE } from "../../bpf/maps/errno.ts";
import type { NetEnv } from "../net-env.ts";

/** Calls of sock_ops programs in which the socket may be put into a map. @source include/uapi/linux/bpf.h */
const BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB = 4;
const BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB = 5;
const BPF_SOCK_OPS_TCP_LISTEN_CB = 11;

const plain = { gplOnly: false, changesPacket: false, ret: "int", args: ["ctx", "map", "map_key", "u64"] } as const;

/** `bpf_sock_map_update`. Cost: an estimate. */
export const sockMapUpdate: HelperDef<NetEnv> = {
  ...plain,
  id: 53,
  name: "sock_map_update",
  since: "4.14",
  progKinds: ["sock_ops"],
  mapKinds: ["sockmap"],
  costNs: 150,
  call: (env: NetEnv, ctx: number, handle: number, key: number, flags: number, flagsHi: number): number => {
    const op = env.kernel.arena.u32[ctx >>> 2]!;
    const okay =
      op === BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB ||
      op === BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB ||
      op === BPF_SOCK_OPS_TCP_LISTEN_CB;
    if (env.sk === null || !okay) return -EOPNOTSUPP;
    return env.machine.mapOfHandle(handle)!.update(key, env.sk.bpfSock(), flagsHi === 0 ? flags : -1, env.cpu());
  },
};

/** `bpf_sock_hash_update`. */
export const sockHashUpdate: HelperDef<NetEnv> = {
  ...sockMapUpdate,
  id: 70,
  name: "sock_hash_update",
  since: "4.18",
  mapKinds: ["sockhash"],
};

/** `bpf_sk_select_reuseport`. Cost: an estimate. */
export const skSelectReuseport: HelperDef<NetEnv> = {
  ...plain,
  id: 82,
  name: "sk_select_reuseport",
  since: "4.19",
  progKinds: ["sk_reuseport"],
  mapKinds: ["reuseport_sockarray", "sockmap", "sockhash"],
  costNs: 6,
  call: (env: NetEnv, _ctx: number, handle: number, key: number): number => {
    const map = env.machine.mapOfHandle(handle)!;
    const found = map.lookup(key, env.cpu());
    if (found === 0) return -ENOENT;
    const sock = env.sockets.at(found);
    if (!sock.reuseport) return map.spec.kind === "reuseport_sockarray" ? -ENOENT : -EINVAL;
    // it is of another group than the socket that the program runs for
    if (env.sk !== null && env.sk.skProtocol !== sock.skProtocol) return -EPROTOTYPE;
    if (env.sk !== null && env.sk.skFamily !== sock.skFamily) return -EAFNOSUPPORT;
    return -EBADFD;
  },
};
