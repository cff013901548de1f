/**
 * Helpers that turn a socket pointer into one of another kind, or into null when the socket is none of it: bpf_sk_fullsock,
 * bpf_tcp_sock, bpf_get_listener_sock, bpf_skc_to_*.
 *
 * @source net/core/filter.c, the functions of these names
 * @differs there are no TCP, MPTCP and Unix sockets
 */
import type { HelperDef } from "../../bpf/helper.ts";
import { progKindsBut, TC_KINDS } from "../../bpf/prog-kinds.ts";
import { isUdp6 } from "../kernel-structs/sock.ts";
import type { NetEnv } from "../net-env.ts";
import { TCP_LISTEN } from "../sockets/bpf-sock.ts";

const plain = { gplOnly: false, mapKinds: null, changesPacket: false, args: ["sock"], costNs: 3 } as const;

/** `bpf_sk_fullsock`. */
export const skFullsock: HelperDef<NetEnv> = {
  ...plain,
  id: 95,
  name: "sk_fullsock",
  since: "5.1",
  ret: "sock_or_null",
  progKinds: [...TC_KINDS, "cgroup_skb"],
  call: (env: NetEnv, sk: number): number => {
    env.sockets.at(sk);
    return sk;
  },
};

/** `bpf_get_listener_sock`. */
export const getListenerSock: HelperDef<NetEnv> = {
  ...skFullsock,
  id: 98,
  name: "get_listener_sock",
  call: (env: NetEnv, sk: number): number => (env.sockets.at(sk).skState === TCP_LISTEN ? sk : 0),
};

/** A cast that no socket passes. */
function neverCast(env: NetEnv, sk: number): number {
  env.sockets.at(sk);
  return 0;
}

/** `bpf_tcp_sock`. */
export const tcpSock: HelperDef<NetEnv> = {
  ...plain,
  id: 96,
  name: "tcp_sock",
  since: "5.1",
  ret: "sock_or_null",
  progKinds: [...TC_KINDS, "cgroup_skb", "sock_ops"],
  call: neverCast,
};

/** What the casts to kernel structures have. */
const skcTo = { ...plain, ret: "obj_or_null", progKinds: progKindsBut("sk_reuseport"), call: neverCast } as const;

/** `bpf_skc_to_tcp6_sock`. */
export const skcToTcp6Sock: HelperDef<NetEnv> = { ...skcTo, id: 136, name: "skc_to_tcp6_sock", since: "5.9" };
/** `bpf_skc_to_tcp_sock`. */
export const skcToTcpSock: HelperDef<NetEnv> = { ...skcTo, id: 137, name: "skc_to_tcp_sock", since: "5.9" };
/** `bpf_skc_to_tcp_timewait_sock`. */
export const skcToTcpTimewaitSock: HelperDef<NetEnv> = {
  ...skcTo,
  id: 138,
  name: "skc_to_tcp_timewait_sock",
  since: "5.9",
};
/** `bpf_skc_to_tcp_request_sock`. */
export const skcToTcpRequestSock: HelperDef<NetEnv> = {
  ...skcTo,
  id: 139,
  name: "skc_to_tcp_request_sock",
  since: "5.9",
};
/** `bpf_skc_to_udp6_sock`. */
export const skcToUdp6Sock: HelperDef<NetEnv> = {
  ...skcTo,
  id: 140,
  name: "skc_to_udp6_sock",
  since: "5.9",
  call(env: NetEnv, sk: number): number {
    const s = env.sockets.at(sk);
    return isUdp6(s) ? env.structs.sockets.addressOf(s) : 0;
  },
};
/** `bpf_skc_to_unix_sock`. */
export const skcToUnixSock: HelperDef<NetEnv> = { ...skcTo, id: 178, name: "skc_to_unix_sock", since: "5.16" };
/** `bpf_skc_to_mptcp_sock`. */
export const skcToMptcpSock: HelperDef<NetEnv> = { ...skcTo, id: 196, name: "skc_to_mptcp_sock", since: "5.19" };
