/**
 * Helpers that say whose a packet or context is: the socket's cookie and owner, the cgroup, the network namespace.
 *
 * @source net/core/filter.c, the functions of these names; net/core/sock_diag.c __sock_gen_cookie; kernel/cgroup/cgroup.c
 * @differs there are no cgroups: every socket and task is in the root (id 1, level 0) and in no net_cls class; sockets belong to root,
 *          so their uid is 0; each host is a machine, so its namespace is the initial one
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { TC_KINDS } from "../../bpf/prog-kinds.ts";
import type { NetEnv } from "../net-env.ts";
import type { BpfSocket } from "../sockets/bpf-sock.ts";

const OVERFLOW_UID = 65534;
/** Root of the cgroup hierarchy. */
const ROOT_CGROUP_ID = 1;

const plain = { gplOnly: false, mapKinds: null, changesPacket: false } as const;

/** The socket of the program's context: the packet's, or the one that a program on no packet works for. */
function contextSocket(env: NetEnv): BpfSocket | null {
  return env.skbContexts.owns(env.ctx) ? (env.skb.owner?.sock ?? null) : env.sk;
}

/** A small number as a helper's 64-bit result. */
function small(env: NetEnv, n: number): number {
  env.machine.setReturnHigh(0);
  return n;
}

/** `bpf_get_socket_cookie`: of the context; programs of type sk_reuseport and syscall pass a socket (bpf_get_socket_ptr_cookie). */
export const getSocketCookie: HelperDef<NetEnv> = {
  ...plain,
  id: 46,
  name: "get_socket_cookie",
  since: "4.12",
  args: ["any"],
  ret: "u64",
  progKinds: [...TC_KINDS, "socket_filter", "cgroup_skb", "sock_ops", "cgroup_sock_addr", "sk_reuseport", "syscall"],
  costNs: 4,
  call: (env: NetEnv, of: number): number =>
    small(env, of === env.ctx ? (contextSocket(env)?.cookie ?? 0) : env.sockets.at(of).cookie),
};

/** `bpf_get_socket_uid`. */
export const getSocketUid: HelperDef<NetEnv> = {
  ...plain,
  id: 47,
  name: "get_socket_uid",
  since: "4.12",
  args: ["ctx"],
  ret: "u32",
  progKinds: [...TC_KINDS, "socket_filter", "cgroup_skb"],
  costNs: 4,
  call: (env: NetEnv): number => (contextSocket(env) === null ? OVERFLOW_UID : 0),
};

/** `bpf_get_netns_cookie`: of the context, or of the initial namespace when there is none. */
export const getNetnsCookie: HelperDef<NetEnv> = {
  ...plain,
  id: 122,
  name: "get_netns_cookie",
  since: "5.7",
  args: ["any"],
  ret: "u64",
  progKinds: [...TC_KINDS, "socket_filter", "cgroup_skb", "sock_ops", "cgroup_sock_addr"],
  costNs: 3,
  call: (env: NetEnv): number => small(env, env.host.index + 1),
};

/** `bpf_get_cgroup_classid`. */
export const getCgroupClassid: HelperDef<NetEnv> = {
  ...plain,
  id: 17,
  name: "get_cgroup_classid",
  since: "4.3",
  args: ["ctx"],
  ret: "u32",
  progKinds: null,
  costNs: 3,
  call: (): number => 0,
};

/** `bpf_skb_cgroup_classid`: of the packet's socket. */
export const skbCgroupClassid: HelperDef<NetEnv> = {
  ...getCgroupClassid,
  id: 151,
  name: "skb_cgroup_classid",
  since: "5.10",
  ret: "u64",
  progKinds: TC_KINDS,
  call: (env: NetEnv): number => small(env, 0),
};

/** `bpf_skb_cgroup_id`: 0 without a socket. */
export const skbCgroupId: HelperDef<NetEnv> = {
  ...plain,
  id: 79,
  name: "skb_cgroup_id",
  since: "4.18",
  args: ["ctx"],
  ret: "u64",
  progKinds: [...TC_KINDS, "cgroup_skb"],
  costNs: 4,
  call: (env: NetEnv): number => small(env, contextSocket(env) === null ? 0 : ROOT_CGROUP_ID),
};

/** `bpf_skb_ancestor_cgroup_id`. */
export const skbAncestorCgroupId: HelperDef<NetEnv> = {
  ...skbCgroupId,
  id: 83,
  name: "skb_ancestor_cgroup_id",
  since: "4.19",
  args: ["ctx", "u32"],
  call: (env: NetEnv, _ctx: number, level: number): number =>
    small(env, contextSocket(env) === null || level !== 0 ? 0 : ROOT_CGROUP_ID),
};

/** `bpf_sk_cgroup_id`. */
export const skCgroupId: HelperDef<NetEnv> = {
  ...plain,
  id: 128,
  name: "sk_cgroup_id",
  since: "5.8",
  args: ["sock"],
  ret: "u64",
  progKinds: ["cgroup_skb"],
  costNs: 4,
  call: (env: NetEnv, sk: number): number => {
    env.sockets.at(sk);
    return small(env, ROOT_CGROUP_ID);
  },
};

/** `bpf_sk_ancestor_cgroup_id`. */
export const skAncestorCgroupId: HelperDef<NetEnv> = {
  ...skCgroupId,
  id: 129,
  name: "sk_ancestor_cgroup_id",
  args: ["sock", "u32"],
  call: (env: NetEnv, sk: number, level: number): number => {
    env.sockets.at(sk);
    return small(env, level === 0 ? ROOT_CGROUP_ID : 0);
  },
};
