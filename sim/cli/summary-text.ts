/** The summary of a run for people: tables within 100 columns, without the parts that have nothing to say. */
import type { RunSummary } from "../lab/summary.ts";
import { formatDuration } from "../lab/units.ts";
import { type Column, count, percent, table } from "./table.ts";

/** Colours, or none. */
export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
}

/** For files, pipes and tests. */
export const PLAIN: Paint = { bold: same, dim: same, red: same, green: same, yellow: same };

function same(text: string): string {
  return text;
}

const WIDTH = 100;
/** Interfaces without a single packet are left out beyond so many. */
const QUIET_INTERFACES = 12;

/** Lines of bpf_printk that are shown. */
const PRINTED_LINES = 20;

const L = (head: string): Column => ({ head });
const R = (head: string): Column => ({ head, right: true });

/** The text, with a newline at its end. */
export function summaryText(s: RunSummary, paint: Paint): string {
  const out: string[] = [];
  const section = (title: string, columns: readonly Column[], rows: readonly (readonly string[])[]): void => {
    if (rows.length === 0) return;
    const [head, ...lines] = table(columns, rows, WIDTH);
    out.push(paint.bold(title), paint.dim(head!), ...lines, "");
  };
  out.push(
    `${paint.bold(s.lab)}  ${formatDuration(s.durationNs)} simulated, seed ${s.seed}, ${count(s.events)} events`,
    "",
  );
  commandSection(s, paint, out);
  printedSection(s, paint, out);
  trafficSection(s, section);
  section(
    "sockets",
    [L("node"), L("socket"), L("type"), R("packets"), R("bytes"), R("dropped")],
    s.sockets.map((k) => [k.node, k.name, k.type, ...[k.packets, k.bytes, k.drops].map(count)]),
  );
  interfaceSection(s, section);
  xdpSection(s, section);
  section(
    "tc",
    [L("interface"), L("hook"), L("program"), L("verdicts")],
    s.tc.map((t) => [
      `${t.node}:${t.interface}`,
      t.hook,
      t.program,
      Object.entries(t.verdicts)
        .map(([code, n]) => `${code} ${count(n)}`)
        .join(", "),
    ]),
  );
  section(
    "qdiscs",
    [L("interface"), L("qdisc"), R("sent"), R("bytes"), R("dropped"), R("overlimits"), R("requeues"), R("backlog")],
    s.qdiscs
      .filter(isWorthARow)
      .map((q) => [
        `${q.node}:${q.interface}`,
        `${q.kind} ${q.handle}`,
        ...[q.sentPackets, q.sentBytes, q.drops, q.overlimits, q.requeues].map(count),
        q.backlogPackets === 0 ? "0" : `${count(q.backlogPackets)}p ${count(q.backlogBytes)}b`,
      ]),
  );
  section(
    "drops",
    [L("place"), L("reason"), R("packets")],
    s.drops.map((d) => [`${d.node}:${d.interface}`, d.reason, count(d.packets)]),
  );
  out.push(paint.bold("balance"), `  ${balanceLine(s)}`, "");
  for (const h of s.hints) out.push(`${paint.yellow("hint")}: ${h.text}`, "");
  expectSection(s, paint, out);
  while (out[out.length - 1] === "") out.pop();
  return `${out.join("\n")}\n`;
}

/** A default qdisc (handle 0) that only passed packets on repeats what the interface's row says. */
function isWorthARow(q: RunSummary["qdiscs"][number]): boolean {
  const trouble = q.drops + q.overlimits + q.requeues + q.backlogPackets > 0;
  return trouble || (q.sentPackets > 0 && q.handle !== "0:");
}

type Section = (title: string, columns: readonly Column[], rows: readonly (readonly string[])[]) => void;

function commandSection(s: RunSummary, paint: Paint, out: string[]): void {
  for (const c of s.commands) {
    out.push(paint.bold(`${c.node}# ${c.command}`) + paint.dim(`  at ${formatDuration(c.atNs)}`));
    const text = (c.stdout + c.stderr).replace(/\n$/, "");
    out.push(text, "");
  }
}

function printedSection(s: RunSummary, paint: Paint, out: string[]): void {
  if (s.printed.length === 0) return;
  out.push(paint.bold("printed by programs"));
  for (const { node, cpu, atNs, text } of s.printed.slice(0, PRINTED_LINES)) {
    out.push(`  ${node} [${String(cpu).padStart(3, "0")}] ${(atNs / 1e9).toFixed(6)}: ${text}`);
  }
  const more = s.printed.length - PRINTED_LINES;
  if (more > 0) out.push(paint.dim(`  and ${count(more)} more; --json has them`));
  out.push("");
}

function trafficSection(s: RunSummary, section: Section): void {
  section(
    "traffic",
    [
      L("name"),
      L("type"),
      R("sent"),
      R("received"),
      R("lost"),
      R(""),
      R("in flight"),
      R("p50"),
      R("p90"),
      R("p99"),
      R("max"),
    ],
    s.traffic.map((t) => [
      t.name,
      t.type,
      count(t.sent),
      count(t.received),
      count(t.lost),
      percent(t.lost, t.sent),
      count(t.inFlight),
      ...(t.latency === null || t.latency.count === 0
        ? ["-", "-", "-", "-"]
        : [t.latency.p50Ns, t.latency.p90Ns, t.latency.p99Ns, t.latency.maxNs].map(formatDuration)),
    ]),
  );
  const odd = s.traffic.filter((t) => t.duplicates + t.reordered > 0);
  section(
    "out of order",
    [L("name"), R("duplicates"), R("reordered")],
    odd.map((t) => [t.name, count(t.duplicates), count(t.reordered)]),
  );
  const spread = s.traffic.filter((t) => t.receivers.length > 1);
  section(
    "receivers",
    [L("traffic"), L("node"), R("packets"), R("share")],
    spread.flatMap((t) => {
      const all = t.receivers.reduce((sum, r) => sum + r.packets, 0);
      return t.receivers.map((r) => [t.name, r.node, count(r.packets), percent(r.packets, all)]);
    }),
  );
}

function interfaceSection(s: RunSummary, section: Section): void {
  const busy = s.interfaces.filter((i) => i.rxPackets + i.txPackets + i.rxDropped + i.txDropped > 0);
  const shown =
    s.interfaces.length > QUIET_INTERFACES
      ? busy
      : s.interfaces.filter((i) => i.interface !== "lo" || busy.includes(i));
  section(
    "interfaces",
    [L("interface"), R("rx packets"), R("rx bytes"), R("rx dropped"), R("tx packets"), R("tx bytes"), R("tx dropped")],
    shown.map((i) => [
      `${i.node}:${i.interface}`,
      ...[i.rxPackets, i.rxBytes, i.rxDropped, i.txPackets, i.txBytes, i.txDropped].map(count),
    ]),
  );
}

function xdpSection(s: RunSummary, section: Section): void {
  const invalid = s.xdp.some((x) => x.invalid > 0);
  section(
    "xdp",
    [
      L("interface"),
      L("mode"),
      L("program"),
      ...["pass", "drop", "tx", "redirect", "aborted", ...(invalid ? ["invalid"] : [])].map(R),
    ],
    s.xdp.map((x) => [
      `${x.node}:${x.interface}`,
      x.mode,
      x.program,
      ...[x.pass, x.drop, x.tx, x.redirect, x.aborted, ...(invalid ? [x.invalid] : [])].map(count),
    ]),
  );
}

function balanceLine(s: RunSummary): string {
  const b = s.balance;
  return (
    `${count(b.entered)} entered = ${count(b.delivered)} delivered + ${count(b.handled)} handled by kernels` +
    ` + ${count(b.inFlight)} in flight + ${count(b.dropped)} dropped`
  );
}

/** A metric's value: latencies are times. */
function metricText(name: string, value: number): string {
  if (/^traffic\.[^.]+\.(min|mean|p50|p90|p99|max)$/.test(name)) return formatDuration(value);
  return Number.isInteger(value) ? count(value) : value.toPrecision(3);
}

function expectSection(s: RunSummary, paint: Paint, out: string[]): void {
  if (s.expect.length === 0) return;
  const failed = s.expect.filter((e) => !e.ok);
  out.push(paint.bold("expectations"));
  for (const e of s.expect) {
    const mark = e.ok ? paint.green("ok  ") : paint.red("FAIL");
    const exact = e.ok && e.actual === e.expected;
    const told = e.ok
      ? paint.dim(` (${metricText(e.metric, e.actual)})`)
      : `: ${e.metric} is ${e.actual}, expected ${e.comparison} ${e.expected}`;
    out.push(`  ${mark}  ${e.text}${exact ? "" : told}`);
  }
  const summary = `${s.expect.length - failed.length} held, ${failed.length} failed`;
  out.push(`  ${failed.length === 0 ? paint.green(summary) : paint.red(summary)}`, "");
}
