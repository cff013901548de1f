/**
 * The names that expectations know, and their values at the end of a run.
 *
 *     traffic.NAME.sent received lost in_flight duplicates reordered loss min mean p50 p90 p99 max
 *     NODE:IFACE.rx_packets rx_bytes rx_dropped tx_packets tx_bytes tx_dropped
 *     NODE:IFACE.xdp.pass drop tx redirect aborted invalid
 *     NODE:IFACE.HOOK.CODE                   tc verdicts: lb:eth0.ingress.TC_ACT_SHOT
 *     NODE:IFACE.qdisc.KIND.sent drops overlimits backlog
 *     NODE:IFACE.ethtool.ROW                 rows of `ethtool -S`
 *     NODE:IFACE.drop.REASON, NODE.drop.REASON, drop.REASON, drop.total
 *     traffic.NAME.at.NODE                   packets that a receiver got
 *     NODE.socket.NAME.packets bytes drops
 *     NODE.map.NAME[KEY], NODE.map.NAME[KEY].FIELD, NODE.map.NAME.entries records     (map-metrics.ts)
 *     balance.entered delivered handled in_flight dropped
 *
 * Times are ns, `loss` is a share from 0 to 1. Counters that exist and never moved are 0; so are drop reasons that never occurred.
 */
import { suggest } from "../engine/nearest.ts";
import { NETSIM_REASON, SKB_DROP_REASON } from "../net/drop-reason.ts";
import type { Kernel } from "../net/kernel.ts";
import { holds } from "./expectation.ts";
import { mapMetric } from "./map-metrics.ts";
import type { ExpectSpec } from "./spec.ts";
import type { ExpectSummary, RunSummary } from "./summary.ts";
import type { Findings } from "./text/findings.ts";

/** Values by name. */
export type Metrics = ReadonlyMap<string, number>;

const REASONS: ReadonlySet<string> = new Set([
  ...Object.keys(SKB_DROP_REASON).map((r) => `SKB_DROP_REASON_${r}`),
  ...Object.keys(NETSIM_REASON),
]);

/** All metrics of a run that stands at its end (or at its beginning, to check names). */
export function collectMetrics(kernel: Kernel, summary: Omit<RunSummary, "expect" | "hints">): Metrics {
  const out = new Map<string, number>();
  const add = (name: string, value: number): void => {
    out.set(name, (out.get(name) ?? 0) + value);
  };
  for (const t of summary.traffic) {
    const p = `traffic.${t.name}`;
    add(`${p}.sent`, t.sent);
    add(`${p}.received`, t.received);
    add(`${p}.lost`, t.lost);
    add(`${p}.in_flight`, t.inFlight);
    add(`${p}.duplicates`, t.duplicates);
    add(`${p}.reordered`, t.reordered);
    add(`${p}.loss`, t.sent === 0 ? 0 : t.lost / t.sent);
    for (const [name, ns] of [
      ["min", t.latency?.minNs],
      ["mean", t.latency?.meanNs],
      ["p50", t.latency?.p50Ns],
      ["p90", t.latency?.p90Ns],
      ["p99", t.latency?.p99Ns],
      ["max", t.latency?.maxNs],
    ] as const) {
      if (ns !== undefined) add(`${p}.${name}`, ns);
    }
    for (const r of t.receivers) add(`${p}.at.${r.node}`, r.packets);
  }
  for (const i of summary.interfaces) {
    const p = `${i.node}:${i.interface}`;
    add(`${p}.rx_packets`, i.rxPackets);
    add(`${p}.rx_bytes`, i.rxBytes);
    add(`${p}.rx_dropped`, i.rxDropped);
    add(`${p}.tx_packets`, i.txPackets);
    add(`${p}.tx_bytes`, i.txBytes);
    add(`${p}.tx_dropped`, i.txDropped);
  }
  for (const x of summary.xdp) {
    for (const verdict of ["pass", "drop", "tx", "redirect", "aborted", "invalid"] as const) {
      add(`${x.node}:${x.interface}.xdp.${verdict}`, x[verdict]);
    }
  }
  for (const t of summary.tc) {
    for (const [code, n] of Object.entries(t.verdicts)) add(`${t.node}:${t.interface}.${t.hook}.${code}`, n);
  }
  for (const q of summary.qdiscs) {
    const p = `${q.node}:${q.interface}.qdisc.${q.kind}`;
    add(`${p}.sent`, q.sentPackets);
    add(`${p}.drops`, q.drops);
    add(`${p}.overlimits`, q.overlimits);
    add(`${p}.backlog`, q.backlogPackets);
  }
  for (const k of summary.sockets) {
    const p = `${k.node}.socket.${k.name}`;
    add(`${p}.packets`, k.packets);
    add(`${p}.bytes`, k.bytes);
    add(`${p}.drops`, k.drops);
  }
  add("drop.total", summary.balance.dropped);
  for (const d of summary.drops) {
    add(`drop.${d.reason}`, d.packets);
    add(`${d.node}.drop.${d.reason}`, d.packets);
    add(`${d.node}:${d.interface}.drop.${d.reason}`, d.packets);
  }
  add("balance.entered", summary.balance.entered);
  add("balance.delivered", summary.balance.delivered);
  add("balance.handled", summary.balance.handled);
  add("balance.in_flight", summary.balance.inFlight);
  add("balance.dropped", summary.balance.dropped);
  addEthtool(kernel, add);
  return out;
}

function addEthtool(kernel: Kernel, add: (name: string, value: number) => void): void {
  for (const host of kernel.hosts) {
    for (const dev of host.devices) {
      if (dev === undefined) continue;
      for (const [row, value] of dev.ops.ethtoolStats(dev)) add(`${dev.label}.ethtool.${row}`, value);
    }
  }
}

/** The value of a name. @returns null when there is no such metric */
function metricValue(metrics: Metrics, name: string, kernel: Kernel): number | null {
  const value = metrics.get(name);
  if (value !== undefined) return value;
  // what never happened is 0, as long as the name could happen
  const m = /^(?:([^.:]+)(?::([^.:]+))?\.)?drop\.(\w+)$/.exec(name);
  if (m !== null && REASONS.has(m[3]!)) {
    const host = m[1] === undefined ? undefined : kernel.hostByName.get(m[1]);
    const known = m[1] === undefined || (host !== undefined && (m[2] === undefined || host.devByName.has(m[2])));
    return known ? 0 : null;
  }
  const verdict = /^([^.:]+):([^.:]+)\.(?:tcx\/)?(?:ingress|egress)\.(?:TC_ACT|TCX)_\w+$/.exec(name);
  if (verdict !== null && kernel.hostByName.get(verdict[1]!)?.devByName.has(verdict[2]!) === true) return 0;
  return null;
}

/** Compares what was expected with what came. Findings: names that no metric has. */
export function evaluateExpectations(
  expect: readonly ExpectSpec[],
  metrics: Metrics,
  kernel: Kernel,
  findings: Findings,
): readonly ExpectSummary[] {
  const out: ExpectSummary[] = [];
  for (const e of expect) {
    const value = (name: string): number | null => {
      const map = mapMetric(kernel, name);
      if (map !== null) {
        if ("value" in map) return map.value;
        const fix = map.fix === undefined ? {} : { fix: map.fix };
        findings.add({ code: "METRIC_UNKNOWN", message: map.problem, ...e.origin, ...fix });
        return null;
      }
      const v = metricValue(metrics, name, kernel);
      if (v !== null) return v;
      const message = `there is no metric "${name}"`;
      findings.add({ code: "METRIC_UNKNOWN", message, ...e.origin, fix: suggest(name, near(name, metrics)) });
      return null;
    };
    const actual = value(e.metric);
    const expected = typeof e.value === "number" ? e.value : value(e.value);
    if (actual === null || expected === null) continue;
    out.push({
      text: e.text,
      ok: holds(actual, e.comparison, expected, e.tolerance),
      metric: e.metric,
      actual,
      comparison: e.comparison,
      expected,
    });
  }
  return out;
}

/** Names to suggest from: those with the same beginning when there are any. */
function near(name: string, metrics: Metrics): readonly string[] {
  const all = [...metrics.keys()];
  const head = name.slice(0, name.lastIndexOf("."));
  const same = all.filter((n) => n.startsWith(`${head}.`) && !n.slice(head.length + 1).includes("."));
  return same.length > 0 ? same : all;
}
