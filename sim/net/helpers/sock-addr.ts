/**
 * Helpers of programs that work for a socket (cgroup_sock_addr, sock_ops): bpf_getsockopt, bpf_setsockopt, bpf_bind, bpf_get_retval,
 * bpf_set_retval.
 *
 * @source net/core/filter.c bpf_sock_addr_setsockopt, bpf_sock_ops_setsockopt, bpf_bind; kernel/bpf/cgroup.c bpf_get_retval, bpf_set_retval
 */
import type { AttachKind } from "../../bpf/attach-kinds.ts";
import type { HelperDef } from "../../bpf/helper.ts";
import { EAFNOSUPPORT, EINVAL } from "../../bpf/maps/errno.ts";
import { AF_INET, AF_INET6, IpAddr } from "../ip/address.ts";
import type { NetEnv } from "../net-env.ts";
import { NetlinkError } from "../netlink-error.ts";
import { Socket } from "../sockets/socket.ts";
import { getSockopt, setSockopt } from "../sockets/sockopt.ts";
import { UdpSocket } from "../sockets/udp.ts";

/** sizeof(struct sockaddr_in), SIN6_LEN_RFC2133. */
const SOCKADDR_IN_BYTES = 16;
const SOCKADDR_IN6_BYTES = 24;

const plain = { ret: "int", gplOnly: false, mapKinds: null, changesPacket: false } as const;

/** `bpf_setsockopt`. */
export const setsockopt: HelperDef<NetEnv> = {
  ...plain,
  id: 49,
  name: "setsockopt",
  since: "4.13",
  args: ["ctx", "u32", "u32", "mem", "size"],
  progKinds: ["sock_ops", "cgroup_sock_addr"],
  costNs: 30,
  call: (env: NetEnv, _ctx: number, level: number, name: number, value: number, len: number): number => {
    const { sk } = env;
    return sk instanceof Socket ? setSockopt(env.kernel.arena, sk, level, name, value, len) : -EINVAL;
  },
};

/** `bpf_getsockopt`. */
export const getsockopt: HelperDef<NetEnv> = {
  ...setsockopt,
  id: 57,
  name: "getsockopt",
  since: "4.15",
  args: ["ctx", "u32", "u32", "mem_out", "size"],
  call: (env: NetEnv, _ctx: number, level: number, name: number, value: number, len: number): number => {
    const { sk } = env;
    const { arena } = env.kernel;
    if (sk instanceof Socket) return getSockopt(arena, sk, level, name, value, len);
    arena.u8.fill(0, value, value + len);
    return -EINVAL;
  },
};

/** `bpf_bind`: gives the socket an address; the port stays open when it is 0 (BIND_FORCE_ADDRESS_NO_PORT). */
export const bind: HelperDef<NetEnv> = {
  ...plain,
  id: 64,
  name: "bind",
  since: "4.17",
  args: ["ctx", "mem", "size"],
  progKinds: ["cgroup_sock_addr"],
  attachKinds: ["cgroup_inet4_connect", "cgroup_inet6_connect"],
  costNs: 60,
  call: (env: NetEnv, _ctx: number, addr: number, len: number): number => {
    const { dv } = env.kernel.arena;
    if (len < 2) return -EINVAL;
    const family = dv.getUint16(addr, true);
    if (family !== AF_INET && family !== AF_INET6) return -EAFNOSUPPORT;
    if (len < (family === AF_INET ? SOCKADDR_IN_BYTES : SOCKADDR_IN6_BYTES)) return -EINVAL;
    const word = (at: number): number => dv.getUint32(addr + at);
    const to =
      family === AF_INET ? new IpAddr(AF_INET, word(4)) : new IpAddr(AF_INET6, word(8), word(12), word(16), word(20));
    if (!(env.sk instanceof UdpSocket)) return -EINVAL;
    try {
      env.sk.bindAddress(to, dv.getUint16(addr + 2));
      return 0;
    } catch (error) {
      if (error instanceof NetlinkError) return -error.errno;
      throw error;
    }
  },
};

/** Hooks whose answer is an error number (the others' programs may not change it). */
const RETVAL_HOOKS: readonly AttachKind[] = [
  "cgroup_inet4_bind",
  "cgroup_inet6_bind",
  "cgroup_inet4_connect",
  "cgroup_inet6_connect",
  "cgroup_unix_connect",
  "cgroup_udp4_sendmsg",
  "cgroup_udp6_sendmsg",
  "cgroup_unix_sendmsg",
];

/** `bpf_get_retval`: what the system call will answer so far. */
export const getRetval: HelperDef<NetEnv> = {
  ...plain,
  id: 186,
  name: "get_retval",
  since: "5.18",
  args: [],
  progKinds: ["cgroup_sock_addr"],
  attachKinds: RETVAL_HOOKS,
  costNs: 2,
  call: (env: NetEnv): number => env.cgroupRetval,
};

/** `bpf_set_retval`. */
export const setRetval: HelperDef<NetEnv> = {
  ...getRetval,
  id: 187,
  name: "set_retval",
  args: ["u32"],
  call: (env: NetEnv, retval: number): number => {
    env.cgroupRetval = retval;
    return 0;
  },
};
