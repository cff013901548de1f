/** A line for each packet of a capture, and how many got which verdict. */
import type { ProgKind } from "../../bpf/prog-type.ts";
import type { PacketRun } from "./run-packets.ts";
import { verdictName } from "./verdict.ts";

/** `  3  XDP_TX (3)  60 -> 80 bytes  57ns` */
export function packetLine(kind: ProgKind, number: number, r: PacketRun): string {
  const name = verdictName(kind, r.retval);
  const verdict = name === String(r.retval) ? name : `${name} (${r.retval})`;
  return `${String(number).padStart(5)}  ${verdict.padEnd(22)} ${change(r).padEnd(26)} ${r.durationNs}ns\n`;
}

function change(r: PacketRun): string {
  if (r.data.length !== r.before.length) return `${r.before.length} -> ${r.data.length} bytes`;
  let changed = 0;
  for (let i = 0; i < r.data.length; i++) if (r.data[i] !== r.before[i]) changed++;
  return `${r.data.length} bytes${changed === 0 ? "" : `, ${changed} changed`}`;
}

/** The verdicts by number of packets, each with its mean duration. */
export function verdictTable(kind: ProgKind, runs: readonly PacketRun[]): string {
  const counts = new Map<number, { packets: number; ns: number }>();
  for (const r of runs) {
    const c = counts.get(r.retval) ?? { packets: 0, ns: 0 };
    c.packets++;
    c.ns += r.durationNs;
    counts.set(r.retval, c);
  }
  const rows = [...counts].sort((a, b) => b[1].packets - a[1].packets || a[0] - b[0]);
  const lines = rows.map(([retval, c]) => {
    const share = `${Math.round((100 * c.packets) / runs.length)}%`;
    return `${verdictName(kind, retval).padEnd(18)} ${String(c.packets).padStart(8)} ${share.padStart(5)}   ${Math.round(c.ns / c.packets)}ns\n`;
  });
  return `\n${"verdict".padEnd(18)} ${"packets".padStart(8)} ${"share".padStart(5)}   mean\n${lines.join("")}`;
}
