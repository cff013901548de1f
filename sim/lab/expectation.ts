/** Conditions on counters and results, as a lab writes them: `traffic.web.lost == 0`, `traffic.web.p99 < 2ms`. */
import type { Comparison } from "./spec.ts";
import { parseDuration, parseFraction } from "./units.ts";

/** A condition without its place. */
export interface Condition {
  readonly metric: string;
  readonly comparison: Comparison;
  readonly value: number | string;
}

/** Names of metrics: `lb:eth0.rx_packets`, `drop.SKB_DROP_REASON_XDP`, `h1:eth0.ethtool.rx_queue_0_xdp_drops`, `lb.map.vips[0].id`. */
const NAME = /^[A-Za-z_][A-Za-z0-9_.:/@-]*(\[[A-Za-z0-9_.:/=,-]*\][A-Za-z0-9_.]*)?$/;
const CONDITION = /^\s*(\S+?)\s*(==|!=|<=|>=|<|>)\s*(\S+)\s*$/;

/** Reads a condition. @returns null when it is none */
export function parseCondition(text: string): Condition | null {
  const m = CONDITION.exec(text);
  if (m === null || !NAME.test(m[1]!)) return null;
  const value = parseOperand(m[3]!);
  return value === null ? null : { metric: m[1]!, comparison: m[2] as Comparison, value };
}

/** A number with or without unit, or a metric's name. */
function parseOperand(text: string): number | string | null {
  if (/^-?\d+(\.\d+)?(e\d+)?$/i.test(text)) return Number(text);
  if (text.endsWith("%")) return parseFraction(text);
  return parseDuration(text) ?? (NAME.test(text) ? text : null);
}

/**
 * Whether a condition holds.
 * @param tolerance share of `right` by which == and != allow `left` to be off
 */
export function holds(left: number, comparison: Comparison, right: number, tolerance: number): boolean {
  const near = Math.abs(left - right) <= Math.abs(right) * tolerance;
  switch (comparison) {
    case "==":
      return left === right || near;
    case "!=":
      return !(left === right || near);
    case "<":
      return left < right;
    case "<=":
      return left <= right;
    case ">":
      return left > right;
    case ">=":
      return left >= right;
  }
}
