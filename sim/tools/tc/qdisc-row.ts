/** What a line of `tc qdisc show` is made of. */
import type { QdiscStats } from "../../net/qdisc.ts";

/** One qdisc as `tc qdisc show` lists it. */
export interface QdiscRow {
  readonly kind: string;
  readonly handle: number;
  readonly parent: number;
  /** References as the kernel counts them; printed when not 1. */
  readonly refcnt: number;
  readonly options: string;
  readonly json: Record<string, unknown>;
  readonly stats: QdiscStats;
}
