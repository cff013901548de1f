/**
 * Attach types: where a program of its type is going to be attached. They gate context fields and helpers when a program is loaded
 * (expected_attach_type). Types that have none (lwt, sched_act, socket_filter ...) are loaded with null.
 */

/**
 * `enum bpf_attach_type` by libbpf's names, for the program types that netsim runs.
 * @source include/uapi/linux/bpf.h; libbpf attach_type_name
 */
const NUMBERS = {
  cgroup_inet_ingress: 0,
  cgroup_inet_egress: 1,
  cgroup_sock_ops: 3,
  cgroup_inet4_bind: 8,
  cgroup_inet6_bind: 9,
  cgroup_inet4_connect: 10,
  cgroup_inet6_connect: 11,
  cgroup_udp4_sendmsg: 14,
  cgroup_udp6_sendmsg: 15,
  flow_dissector: 17,
  cgroup_udp4_recvmsg: 19,
  cgroup_udp6_recvmsg: 20,
  cgroup_inet4_getpeername: 29,
  cgroup_inet6_getpeername: 30,
  cgroup_inet4_getsockname: 31,
  cgroup_inet6_getsockname: 32,
  xdp_devmap: 33,
  xdp_cpumap: 35,
  sk_lookup: 36,
  xdp: 37,
  sk_reuseport_select: 39,
  sk_reuseport_select_or_migrate: 40,
  tcx_ingress: 46,
  tcx_egress: 47,
  cgroup_unix_connect: 49,
  cgroup_unix_sendmsg: 50,
  cgroup_unix_recvmsg: 51,
  cgroup_unix_getpeername: 52,
  cgroup_unix_getsockname: 53,
  netkit_primary: 54,
  netkit_peer: 55,
} as const;

/** Attach types, in libbpf's spelling. */
export type AttachKind = keyof typeof NUMBERS;

/** Every attach type, in the kernel's order. */
export const ATTACH_KINDS: readonly AttachKind[] = Object.keys(NUMBERS) as AttachKind[];

/** `enum bpf_attach_type` of an attach type; 0 for null, as the kernel's attribute has it. */
export function attachNumber(attach: AttachKind | null): number {
  return attach === null ? 0 : NUMBERS[attach];
}

/** The attach type of a number; null for those of other program types, and for 0 where no type is meant. */
export function attachOfNumber(n: number): AttachKind | null {
  return ATTACH_KINDS.find((kind) => NUMBERS[kind] === n) ?? null;
}
