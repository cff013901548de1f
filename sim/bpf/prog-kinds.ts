/** Sets of program types that helper records share. A freplace program (`ext`) may call what its target may, so no set names it. */
import type { ProgKind } from "./prog-type.ts";

/** Every program type with helpers of its own. */
const ALL: readonly ProgKind[] = [
  "socket_filter",
  "sched_cls",
  "sched_act",
  "xdp",
  "cgroup_skb",
  "lwt_in",
  "lwt_out",
  "lwt_xmit",
  "sock_ops",
  "cgroup_sock_addr",
  "lwt_seg6local",
  "sk_reuseport",
  "flow_dissector",
  "sk_lookup",
  "syscall",
];

/** All program types but these. */
export function progKindsBut(...without: readonly ProgKind[]): readonly ProgKind[] {
  return ALL.filter((kind) => !without.includes(kind));
}

/** Programs on tc's hooks. */
export const TC_KINDS: readonly ProgKind[] = ["sched_cls", "sched_act"];
/** Programs on the ways of lightweight tunnels that see a packet in one direction only (lwt_out_func_proto). */
export const LWT_KINDS: readonly ProgKind[] = ["lwt_in", "lwt_out", "lwt_xmit", "lwt_seg6local"];
/** Program types of the kernel's set of generic kfuncs. @source kernel/bpf/helpers.c kfunc_init */
export const GENERIC_KFUNC_KINDS: readonly ProgKind[] = [
  "sched_cls",
  "xdp",
  "cgroup_skb",
  "sock_ops",
  "cgroup_sock_addr",
  "syscall",
];
