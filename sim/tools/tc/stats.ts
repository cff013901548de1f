/** The statistics lines of `tc -s`. @source iproute2 tc/tc_util.c print_tcstats2_attr */
import type { QdiscStats } from "../../net/qdisc.ts";
import type { RateEstimator } from "../../net/qdiscs/estimator.ts";
import { formatRate, formatSize } from "../../net/tc-units.ts";

/**
 * Two lines, each with its newline.
 * @param estimator its rates stand before the backlog
 * @param countsSent false: without what was sent (no TCA_STATS_BASIC)
 */
export function formatStats(s: QdiscStats, estimator: RateEstimator | null = null, countsSent: boolean = true): string {
  const rate = estimator === null ? "" : ` rate ${formatRate(estimator.bytesPerSec)} ${estimator.packetsPerSec}pps`;
  return (
    `${countsSent ? ` Sent ${s.bytes} bytes ${s.packets} pkt` : ""} (dropped ${s.drops}, overlimits ${s.overlimits} requeues ${s.requeues}) \n` +
    `${rate} backlog ${formatSize(s.backlog)} ${s.qlen}p requeues ${s.requeues}\n`
  );
}

/** The members of `tc -s -j`. */
export function jsonStats(s: QdiscStats, estimator: RateEstimator | null = null): Record<string, number> {
  return {
    bytes: s.bytes,
    packets: s.packets,
    drops: s.drops,
    overlimits: s.overlimits,
    requeues: s.requeues,
    ...(estimator === null ? {} : { rate: estimator.bytesPerSec, pps: estimator.packetsPerSec }),
    backlog: s.backlog,
    qlen: s.qlen,
  };
}
