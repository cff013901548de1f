/**
 * BPF_PROG_TYPE_CGROUP_SOCK_ADDR: programs of a cgroup on bind, connect, sendmsg, recvmsg, getpeername and getsockname.
 *
 *     0 user_family   4 user_ip4   8 user_ip6[4]   24 user_port (be16)   28 family   32 type   36 protocol   40 msg_src_ip4
 *    44 msg_src_ip6[4]   60 padding   64 sk (8)
 */
import type { AttachKind } from "../attach-kinds.ts";
import type { ProgTypeDef } from "../prog-type.ts";

const INET4: readonly AttachKind[] = [
  "cgroup_inet4_bind",
  "cgroup_inet4_connect",
  "cgroup_inet4_getpeername",
  "cgroup_inet4_getsockname",
  "cgroup_udp4_sendmsg",
  "cgroup_udp4_recvmsg",
];
const INET6: readonly AttachKind[] = [
  "cgroup_inet6_bind",
  "cgroup_inet6_connect",
  "cgroup_inet6_getpeername",
  "cgroup_inet6_getsockname",
  "cgroup_udp6_sendmsg",
  "cgroup_udp6_recvmsg",
];
const UNIX: readonly AttachKind[] = [
  "cgroup_unix_connect",
  "cgroup_unix_sendmsg",
  "cgroup_unix_recvmsg",
  "cgroup_unix_getpeername",
  "cgroup_unix_getsockname",
];
const ALL: readonly AttachKind[] = [...INET4, ...INET6, ...UNIX];

/** The record of cgroup_sock_addr. @source include/uapi/linux/bpf.h struct bpf_sock_addr; net/core/filter.c sock_addr_is_valid_access */
export const cgroupSockAddr: ProgTypeDef = {
  kind: "cgroup_sock_addr",
  uapi: 18,
  ctxName: "bpf_sock_addr",
  ctxSize: 72,
  fields: [
    { name: "user_family", offset: 0, size: 4, writable: false },
    { name: "user_ip4", offset: 4, size: 4, writable: true, access: "narrow", attach: INET4 },
    { name: "user_ip6", offset: 8, size: 16, writable: true, access: "any", minWrite: 4, attach: INET6 },
    { name: "user_port", offset: 24, size: 4, writable: true, access: "narrow" },
    { name: "family", offset: 28, size: 4, writable: false },
    { name: "type", offset: 32, size: 4, writable: false },
    { name: "protocol", offset: 36, size: 4, writable: false },
    { name: "msg_src_ip4", offset: 40, size: 4, writable: true, access: "narrow", attach: ["cgroup_udp4_sendmsg"] },
    {
      name: "msg_src_ip6",
      offset: 44,
      size: 16,
      writable: true,
      access: "any",
      minWrite: 4,
      attach: ["cgroup_udp6_sendmsg"],
    },
    { name: "sk", offset: 64, size: 8, writable: false },
  ],
  dataOffset: -1,
  dataEndOffset: -1,
  dataMetaOffset: -1,
  packetWritable: false,
  legacyLoads: false,
  attachKinds: ALL,
  attachRule: "named",
  retval: [
    { min: 0, max: 1 },
    { min: 0, max: 3, attach: ["cgroup_inet4_bind", "cgroup_inet6_bind"] },
    { min: 1, max: 1, attach: ALL.filter((a) => /recvmsg|getpeername|getsockname/.test(a)) },
  ],
};
