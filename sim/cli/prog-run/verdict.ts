/** What a return value means at the program's hook. @source include/uapi/linux/bpf.h enum xdp_action, pkt_cls.h TC_ACT_* */
import type { ProgKind } from "../../bpf/prog-type.ts";

const XDP: readonly string[] = ["XDP_ABORTED", "XDP_DROP", "XDP_PASS", "XDP_TX", "XDP_REDIRECT"];
const TC: Readonly<Record<number, string>> = {
  [-1]: "TC_ACT_UNSPEC",
  0: "TC_ACT_OK",
  1: "TC_ACT_RECLASSIFY",
  2: "TC_ACT_SHOT",
  3: "TC_ACT_PIPE",
  4: "TC_ACT_STOLEN",
  5: "TC_ACT_QUEUED",
  6: "TC_ACT_REPEAT",
  7: "TC_ACT_REDIRECT",
  8: "TC_ACT_TRAP",
};
const LWT: Readonly<Record<number, string>> = { 0: "BPF_OK", 2: "BPF_DROP", 7: "BPF_REDIRECT", 128: "BPF_LWT_REROUTE" };

/** The name of a verdict; the number where it has none. @param retval 32 bits, unsigned */
export function verdictName(kind: ProgKind, retval: number): string {
  switch (kind) {
    case "xdp":
      return XDP[retval] ?? String(retval);
    case "sched_cls":
    case "sched_act":
      return TC[retval | 0] ?? String(retval | 0);
    case "lwt_in":
    case "lwt_out":
    case "lwt_xmit":
    case "lwt_seg6local":
    case "flow_dissector":
      return LWT[retval] ?? String(retval);
    default:
      return String(retval);
  }
}
