import { describe, expect, it } from "vitest";
import { sectionType } from "../../../sim/bpf/object/section-types.ts";

describe("sectionType", () => {
  it.each([
    ["xdp", "xdp", "xdp", false],
    ["xdp.frags", "xdp", "xdp", true],
    ["xdp/devmap", "xdp", "xdp_devmap", false],
    ["xdp.frags/devmap", "xdp", "xdp_devmap", true],
    ["xdp/cpumap", "xdp", "xdp_cpumap", false],
    ["xdp.frags/cpumap", "xdp", "xdp_cpumap", true],
    ["tc", "sched_cls", null, false],
    ["tc/ingress", "sched_cls", "tcx_ingress", false],
    ["tc/egress", "sched_cls", "tcx_egress", false],
    ["tcx/ingress", "sched_cls", "tcx_ingress", false],
    ["tcx/egress", "sched_cls", "tcx_egress", false],
    ["classifier", "sched_cls", null, false],
    ["action", "sched_act", null, false],
    ["socket", "socket_filter", null, false],
    ["cgroup_skb/ingress", "cgroup_skb", "cgroup_inet_ingress", false],
    ["cgroup/skb", "cgroup_skb", null, false],
    ["cgroup/connect4", "cgroup_sock_addr", "cgroup_inet4_connect", false],
    ["cgroup/sendmsg6", "cgroup_sock_addr", "cgroup_udp6_sendmsg", false],
    ["cgroup/getsockname_unix", "cgroup_sock_addr", "cgroup_unix_getsockname", false],
    ["sockops", "sock_ops", "cgroup_sock_ops", false],
    ["sk_lookup", "sk_lookup", "sk_lookup", false],
    ["sk_reuseport/migrate", "sk_reuseport", "sk_reuseport_select_or_migrate", false],
    ["flow_dissector", "flow_dissector", "flow_dissector", false],
    ["lwt_xmit", "lwt_xmit", null, false],
    ["syscall", "syscall", null, false],
    ["freplace/prog0", "ext", null, false],
  ])("%s is a %s program for %s, frags %s", (name, kind, attach, frags) => {
    expect(sectionType(name)).toEqual({ typeName: kind, kind, attach, frags });
  });

  it.each([
    ["kprobe/do_exit", "kprobe"],
    ["kretprobe", "kprobe"],
    ["uprobe.multi.s/x", "kprobe"],
    ["tracepoint/xdp/xdp_exception", "tracepoint"],
    ["tp_btf/x", "tracing"],
    ["fentry/x", "tracing"],
    ["iter/task", "tracing"],
    ["lsm.s/x", "lsm"],
    ["struct_ops/x", "struct_ops"],
    ["struct_ops.s", "struct_ops"],
    ["netfilter", "netfilter"],
  ])("%s is known as %s, which netsim does not run", (name, typeName) => {
    expect(sectionType(name)).toEqual({ typeName, kind: null, attach: null, frags: false });
  });

  it.each([
    "xdp_prog",
    "xdp/foo",
    "xdp_devmap/x",
    "tc/foo",
    "classifier/x",
    "2/7",
    "from-netdev",
    "ingress",
    "socket1",
    "socket/http",
    ".text",
    "",
    "kprobes/x",
    "perf_event/x",
  ])("%s says no type, as in libbpf 1.x", (name) => {
    expect(sectionType(name)).toBeNull();
  });
});
