/** The counters of a live network as plain data. */
import { BugError } from "../engine/errors.ts";
import { reasonName } from "../net/drop-reason.ts";
import type { Kernel } from "../net/kernel.ts";
import type { Netdev } from "../net/netdev.ts";
import type { QdiscStats } from "../net/qdisc.ts";
import { listQdiscs } from "../net/qdiscs/tree.ts";
import type { TcVerdicts } from "../net/tc/act.ts";
import { listFilters } from "../net/tc/bpf-filters.ts";
import { clsactOf, listTcx } from "../net/tc/control.ts";
import type {
  BalanceSummary,
  DropSummary,
  InterfaceSummary,
  PrintedSummary,
  QdiscSummary,
  TcSummary,
  XdpSummary,
} from "./summary.ts";

/** What the network itself counted. */
export interface NetworkCounters {
  readonly interfaces: readonly InterfaceSummary[];
  readonly xdp: readonly XdpSummary[];
  readonly tc: readonly TcSummary[];
  readonly qdiscs: readonly QdiscSummary[];
  readonly drops: readonly DropSummary[];
  readonly balance: BalanceSummary;
}

/**
 * Reads all counters, hosts in the lab's order, devices by index.
 * @throws BugError when the accounts do not balance to the packet
 */
export function collectCounters(kernel: Kernel): NetworkCounters {
  const devices = kernel.hosts.flatMap((h) => h.devices.filter((d): d is Netdev => d !== undefined));
  return {
    interfaces: devices.map(interfaceRow),
    xdp: devices.flatMap(xdpRows),
    tc: devices.flatMap(tcRows),
    qdiscs: devices.flatMap(qdiscRows),
    drops: devices.flatMap(dropRows),
    balance: balance(kernel),
  };
}

/** Lines of one node that a summary holds at most. */
const PRINTED_LINES = 1000;

/** What programs printed, as it would come out of trace_pipe. */
export function collectPrinted(kernel: Kernel): readonly PrintedSummary[] {
  const lines = kernel.hosts.flatMap((h) =>
    h.bpf.trace.entries.slice(-PRINTED_LINES).map(({ atNs, cpu, text }) => ({ atNs, node: h.name, cpu, text })),
  );
  return lines.sort((a, b) => a.atNs - b.atNs);
}

function interfaceRow(dev: Netdev): InterfaceSummary {
  const s = dev.stats;
  return {
    node: dev.host.name,
    interface: dev.name,
    rxPackets: s.rxPackets,
    rxBytes: s.rxBytes,
    rxDropped: s.rxDropped + s.rxMissed,
    txPackets: s.txPackets,
    txBytes: s.txBytes,
    txDropped: s.txDropped,
  };
}

function xdpRows(dev: Netdev): readonly XdpSummary[] {
  const attachments = dev.xdp === null ? dev.xdpPast : [...dev.xdpPast, dev.xdp];
  return attachments.map(({ prog, mode, verdicts: v }) => ({
    node: dev.host.name,
    interface: dev.name,
    mode: mode === "xdp" ? "native" : "generic",
    program: prog.spec.name,
    pass: v.pass,
    drop: v.drop,
    tx: v.tx,
    redirect: v.redirect,
    aborted: v.aborted,
    invalid: v.invalid,
  }));
}

function tcRows(dev: Netdev): readonly TcSummary[] {
  const out: TcSummary[] = [];
  for (const direction of ["ingress", "egress"] as const) {
    for (const [hook, prefix, list] of [
      [`tcx/${direction}`, "TCX_", listTcx(dev, direction)],
      [direction, "TC_ACT_", listFilters(dev, direction)],
    ] as const) {
      for (const { prog, verdicts } of list) {
        const names = prefix === "TCX_" ? TCX_NAMES : TC_NAMES;
        out.push({
          node: dev.host.name,
          interface: dev.name,
          hook,
          program: prog.spec.name,
          verdicts: verdictNames(verdicts, names),
        });
      }
    }
  }
  return out;
}

type VerdictNames = readonly (readonly [keyof TcVerdicts, string])[];

const TC_NAMES: VerdictNames = [
  ["ok", "TC_ACT_OK"],
  ["unspec", "TC_ACT_UNSPEC"],
  ["shot", "TC_ACT_SHOT"],
  ["stolen", "TC_ACT_STOLEN"],
  ["redirect", "TC_ACT_REDIRECT"],
  ["trap", "TC_ACT_TRAP"],
  ["other", "other"],
];

const TCX_NAMES: VerdictNames = [
  ["unspec", "TCX_NEXT"],
  ["ok", "TCX_PASS"],
  ["shot", "TCX_DROP"],
  ["redirect", "TCX_REDIRECT"],
  ["stolen", "4"],
  ["trap", "8"],
  ["other", "other"],
];

function verdictNames(v: TcVerdicts, names: VerdictNames): Readonly<Record<string, number>> {
  return Object.fromEntries(names.map(([key, name]) => [name, v[key]] as const).filter(([, n]) => n > 0));
}

function qdiscRows(dev: Netdev): readonly QdiscSummary[] {
  const rows = listQdiscs(dev).map((q) => qdiscRow(dev, q.kind, q.handle, q.stats));
  const clsact = clsactOf(dev);
  if (clsact !== null) rows.push(qdiscRow(dev, clsact.kind, clsact.handle, clsact.stats));
  return rows;
}

function qdiscRow(dev: Netdev, kind: string, handle: number, s: QdiscStats): QdiscSummary {
  return {
    node: dev.host.name,
    interface: dev.name,
    kind,
    handle: `${(handle >>> 16).toString(16)}:`,
    sentBytes: s.bytes,
    sentPackets: s.packets,
    drops: s.drops,
    overlimits: s.overlimits,
    requeues: s.requeues,
    backlogBytes: s.backlog,
    backlogPackets: s.qlen,
  };
}

function dropRows(dev: Netdev): readonly DropSummary[] {
  const out: DropSummary[] = [];
  const drops = dev.drops;
  if (drops === null) return out;
  for (let reason = 0; reason < drops.length; reason++) {
    const packets = drops[reason]!;
    if (packets > 0) out.push({ node: dev.host.name, interface: dev.name, reason: reasonName(reason), packets });
  }
  return out.sort((a, b) => b.packets - a.packets);
}

function balance(kernel: Kernel): BalanceSummary {
  const { delivered, handled, dropped } = kernel.ledger;
  const { created: entered, live: inFlight } = kernel.pool;
  if (entered !== delivered + handled + dropped + inFlight) {
    const sum = `${delivered} delivered + ${handled} handled + ${dropped} dropped + ${inFlight} in flight`;
    throw new BugError("BALANCE", `${entered} packets entered, but ${sum} are accounted for`);
  }
  return { entered, delivered, handled, inFlight, dropped };
}
