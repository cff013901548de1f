/**
 * What the name of a program's section says about its type, as libbpf 1.7 reads it. Names match whole; a row that ends in `+`
 * also matches with `/something` behind it.
 * @source libbpf src/libbpf.c section_defs, sec_def_matches; compared with libbpf by test/bpf/object/libbpf/record.mjs
 */
import type { AttachKind } from "../attach-kinds.ts";
import type { ProgKind } from "../prog-type.ts";

/** What a section name says. */
export interface SectionType {
  /** The kernel's name of the program type without BPF_PROG_TYPE_, lower case. */
  readonly typeName: string;
  /** null: a type that netsim does not run. */
  readonly kind: ProgKind | null;
  readonly attach: AttachKind | null;
  readonly frags: boolean;
}

type Row = readonly [name: string, kind: ProgKind, attach: AttachKind | null, frags?: "frags"];

const ROWS: readonly Row[] = [
  ["socket", "socket_filter", null],
  ["tc/ingress", "sched_cls", "tcx_ingress"],
  ["tc/egress", "sched_cls", "tcx_egress"],
  ["tcx/ingress", "sched_cls", "tcx_ingress"],
  ["tcx/egress", "sched_cls", "tcx_egress"],
  ["tc", "sched_cls", null],
  ["classifier", "sched_cls", null],
  ["action", "sched_act", null],
  ["netkit/primary", "sched_cls", "netkit_primary"],
  ["netkit/peer", "sched_cls", "netkit_peer"],
  ["sk_reuseport/migrate", "sk_reuseport", "sk_reuseport_select_or_migrate"],
  ["sk_reuseport", "sk_reuseport", "sk_reuseport_select"],
  ["freplace+", "ext", null],
  ["syscall", "syscall", null],
  ["lwt_in", "lwt_in", null],
  ["lwt_out", "lwt_out", null],
  ["lwt_xmit", "lwt_xmit", null],
  ["lwt_seg6local", "lwt_seg6local", null],
  ["sockops", "sock_ops", "cgroup_sock_ops"],
  ["flow_dissector", "flow_dissector", "flow_dissector"],
  ["cgroup_skb/ingress", "cgroup_skb", "cgroup_inet_ingress"],
  ["cgroup_skb/egress", "cgroup_skb", "cgroup_inet_egress"],
  ["cgroup/skb", "cgroup_skb", null],
  ["sk_lookup", "sk_lookup", "sk_lookup"],
  ["cgroup/bind4", "cgroup_sock_addr", "cgroup_inet4_bind"],
  ["cgroup/bind6", "cgroup_sock_addr", "cgroup_inet6_bind"],
  ["cgroup/connect4", "cgroup_sock_addr", "cgroup_inet4_connect"],
  ["cgroup/connect6", "cgroup_sock_addr", "cgroup_inet6_connect"],
  ["cgroup/connect_unix", "cgroup_sock_addr", "cgroup_unix_connect"],
  ["cgroup/sendmsg4", "cgroup_sock_addr", "cgroup_udp4_sendmsg"],
  ["cgroup/sendmsg6", "cgroup_sock_addr", "cgroup_udp6_sendmsg"],
  ["cgroup/sendmsg_unix", "cgroup_sock_addr", "cgroup_unix_sendmsg"],
  ["cgroup/recvmsg4", "cgroup_sock_addr", "cgroup_udp4_recvmsg"],
  ["cgroup/recvmsg6", "cgroup_sock_addr", "cgroup_udp6_recvmsg"],
  ["cgroup/recvmsg_unix", "cgroup_sock_addr", "cgroup_unix_recvmsg"],
  ["cgroup/getpeername4", "cgroup_sock_addr", "cgroup_inet4_getpeername"],
  ["cgroup/getpeername6", "cgroup_sock_addr", "cgroup_inet6_getpeername"],
  ["cgroup/getpeername_unix", "cgroup_sock_addr", "cgroup_unix_getpeername"],
  ["cgroup/getsockname4", "cgroup_sock_addr", "cgroup_inet4_getsockname"],
  ["cgroup/getsockname6", "cgroup_sock_addr", "cgroup_inet6_getsockname"],
  ["cgroup/getsockname_unix", "cgroup_sock_addr", "cgroup_unix_getsockname"],
  ["xdp.frags/devmap", "xdp", "xdp_devmap", "frags"],
  ["xdp/devmap", "xdp", "xdp_devmap"],
  ["xdp.frags/cpumap", "xdp", "xdp_cpumap", "frags"],
  ["xdp/cpumap", "xdp", "xdp_cpumap"],
  ["xdp.frags", "xdp", "xdp", "frags"],
  ["xdp", "xdp", "xdp"],
];

/** Types that netsim does not run, with the section names that say them. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  kprobe:
    "kprobe+ uprobe+ uprobe.s+ kretprobe+ uretprobe+ uretprobe.s+ kprobe.multi+ kretprobe.multi+ kprobe.session+ uprobe.multi+ " +
    "uretprobe.multi+ uprobe.session+ uprobe.multi.s+ uretprobe.multi.s+ uprobe.session.s+ ksyscall+ kretsyscall+ usdt+ usdt.s+",
  tracepoint: "tracepoint+ tp+",
  raw_tracepoint: "raw_tracepoint+ raw_tp+",
  raw_tracepoint_writable: "raw_tracepoint.w+ raw_tp.w+",
  tracing: "tp_btf+ fentry+ fmod_ret+ fexit+ fentry.s+ fmod_ret.s+ fexit.s+ fsession+ fsession.s+ iter+ iter.s+",
  lsm: "lsm+ lsm.s+ lsm_cgroup+",
  perf_event: "perf_event",
  sk_skb: "sk_skb/stream_parser sk_skb/stream_verdict sk_skb/verdict sk_skb",
  sk_msg: "sk_msg",
  lirc_mode2: "lirc_mode2",
  cgroup_sock: "cgroup/sock_create cgroup/sock_release cgroup/sock cgroup/post_bind4 cgroup/post_bind6",
  cgroup_sysctl: "cgroup/sysctl",
  cgroup_sockopt: "cgroup/getsockopt cgroup/setsockopt",
  cgroup_device: "cgroup/dev",
  struct_ops: "struct_ops+ struct_ops.s+",
  netfilter: "netfilter",
};

const TABLE: ReadonlyMap<string, SectionType> = new Map<string, SectionType>([
  ...ROWS.map(([name, kind, attach, frags]): [string, SectionType] => {
    return [name, { typeName: kind, kind, attach, frags: frags === "frags" }];
  }),
  ...Object.entries(UNSUPPORTED).flatMap(([typeName, names]) =>
    names.split(" ").map((name): [string, SectionType] => [name, { typeName, kind: null, attach: null, frags: false }]),
  ),
]);

/**
 * Looks a section name up, without the `?` that marks programs not to be loaded by themselves.
 * @returns null for names that say no type: the user must
 */
export function sectionType(section: string): SectionType | null {
  const whole = TABLE.get(section) ?? TABLE.get(`${section}+`);
  if (whole !== undefined) return whole;
  const slash = section.indexOf("/");
  return slash < 0 ? null : (TABLE.get(`${section.slice(0, slash)}+`) ?? null);
}

/** Section names that say a type netsim runs, for "known:" in errors. */
export const RUNNABLE_SECTIONS: readonly string[] = ROWS.map(([name]) => name.replace("+", ""));
