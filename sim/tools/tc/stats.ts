/** The statistics lines of `tc -s`. @source iproute2 tc/tc_util.c print_tcstats2_attr */
import type { QdiscStats } from "../../net/qdisc.ts";
import { formatSize } from "../../net/tc-units.ts";

/** Two lines, each with its newline. */
export function formatStats(s: QdiscStats): string {
  return (
    ` Sent ${s.bytes} bytes ${s.packets} pkt (dropped ${s.drops}, overlimits ${s.overlimits} requeues ${s.requeues}) \n` +
    ` backlog ${formatSize(s.backlog)} ${s.qlen}p requeues ${s.requeues}\n`
  );
}

/** The members of `tc -s -j`. */
export function jsonStats(s: QdiscStats): Record<string, number> {
  return {
    bytes: s.bytes,
    packets: s.packets,
    drops: s.drops,
    overlimits: s.overlimits,
    requeues: s.requeues,
    backlog: s.backlog,
    qlen: s.qlen,
  };
}
