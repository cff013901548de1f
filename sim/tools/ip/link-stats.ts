/** The statistics of `ip -s link`. @source iproute2 ip/ipaddress.c print_stats64 */
import type { Netdev } from "../../net/netdev.ts";

const RX = ["bytes", "packets", "errors", "dropped", "missed", "mcast"] as const;
const TX = ["bytes", "packets", "errors", "dropped", "carrier", "collsns"] as const;
const RX_ERRORS = ["", "length", "crc", "frame", "fifo", "overrun"] as const;
const TX_ERRORS = ["", "aborted", "fifo", "window", "heartbt", "transns"] as const;
const MIN_WIDTHS: readonly number[] = [10, 7, 6, 7, 7, 7];
/** Width of the column of compressed packets, which is always empty. */
const COMPRESSED = 10;

/** @param level how often -s was given. @param nl what ends a line: a newline, or a backslash with -o */
export function formatLinkStats(dev: Netdev, level: number, nl: string): string {
  const s = dev.stats;
  const rx = [s.rxBytes, s.rxPackets, s.rxErrors, s.rxDropped, s.rxMissed, s.rxMulticast];
  const tx = [s.txBytes, s.txPackets, s.txErrors, s.txDropped, s.txCarrier, s.txCollisions];
  const txErrors = [0, 0, 0, 0, 0, dev.carrierChanges];
  const rows = level > 1 ? [rx, tx, txErrors] : [rx, tx];
  const widths = MIN_WIDTHS.map((w, i) => Math.max(w, ...rows.map((r) => String(r[i]).length)));
  const head = (label: string, names: readonly string[]): string =>
    `    ${label}${names.map((n, i) => n.padStart(i === 0 ? widths[0]! - label.length : widths[i]!)).join(" ")}`;
  const numbers = (values: readonly number[]): string =>
    values.map((v, i) => `${String(v).padStart(widths[i]!)} `).join("");
  const blank = " ".repeat(COMPRESSED);
  const errorRow = (label: string, names: readonly string[], values: readonly number[]): string =>
    level > 1
      ? `${nl}${head(label, names)}${nl}${" ".repeat(widths[0]! + 5)}${numbers(values).slice(widths[0]! + 1)}`
      : "";
  return (
    `${head("RX: ", RX)} ${blank}${nl}    ${numbers(rx)}${errorRow("RX errors:", RX_ERRORS, [0, 0, 0, 0, 0, 0])}${nl}` +
    `${head("TX: ", TX)} ${blank}${nl}    ${numbers(tx)}${errorRow("TX errors:", TX_ERRORS, txErrors)}`
  );
}

/** `stats64` of `ip -s -j link`. */
export function jsonLinkStats(dev: Netdev, level: number): Record<string, unknown> {
  const s = dev.stats;
  const rx: Record<string, number> = {
    bytes: s.rxBytes,
    packets: s.rxPackets,
    errors: s.rxErrors,
    dropped: s.rxDropped,
    over_errors: 0,
    multicast: s.rxMulticast,
  };
  const tx: Record<string, number> = {
    bytes: s.txBytes,
    packets: s.txPackets,
    errors: s.txErrors,
    dropped: s.txDropped,
    carrier_errors: s.txCarrier,
    collisions: s.txCollisions,
  };
  if (level > 1) {
    Object.assign(rx, { length_errors: 0, crc_errors: 0, frame_errors: 0, fifo_errors: 0, missed_errors: s.rxMissed });
    const carrier_changes = dev.carrierChanges;
    Object.assign(tx, { aborted_errors: 0, fifo_errors: 0, window_errors: 0, heartbeat_errors: 0, carrier_changes });
  }
  return { rx, tx };
}
