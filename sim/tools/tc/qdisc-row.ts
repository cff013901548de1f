/** What a line of `tc qdisc show` is made of. */
import type { QdiscStats } from "../../net/qdisc.ts";
import type { RateEstimator } from "../../net/qdiscs/estimator.ts";
import type { IngressBlocks } from "../../net/tc/control.ts";

/** One qdisc as `tc qdisc show` lists it. */
export interface QdiscRow {
  readonly kind: string;
  readonly handle: number;
  readonly parent: number;
  /** References as the kernel counts them; printed when not 1. */
  readonly refcnt: number;
  /** Shared blocks of filters, for clsact and ingress. */
  readonly blocks?: IngressBlocks;
  readonly options: string;
  readonly json: Record<string, unknown>;
  readonly stats: QdiscStats;
  readonly estimator?: RateEstimator | null;
  /** What `-s` prints below the counters, with its newline, and as members of the JSON object. */
  readonly xstats?: string;
  readonly jsonXstats?: Record<string, unknown>;
}
