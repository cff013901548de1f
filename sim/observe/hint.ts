/** What a hint is, and the words that hints share. */
import type { Host } from "../net/host.ts";
import type { Netdev } from "../net/netdev.ts";

/** A loss with a well-known cause, as reports show it. */
export interface Hint {
  /** Stable. */
  readonly code: string;
  readonly text: string;
}

/** The record of one hint: when it holds and what it says. Reads counters and state, changes nothing. */
export interface HintRule {
  readonly code: string;
  /** Where the cause was verified. */
  readonly source: string;
  /** @returns the sentence, or null when the hint does not hold for this device */
  onDevice?(dev: Netdev): string | null;
  /** The same for what concerns a host as a whole. */
  onHost?(host: Host): string | null;
}

/** How many packets a device lost for a reason. */
export function lost(dev: Netdev, reason: number): number {
  return dev.drops === null ? 0 : dev.drops[reason]!;
}

/** `1 packet`, `250 packets`. */
export function packets(n: number): string {
  return `${n} ${n === 1 ? "packet" : "packets"}`;
}

/** `a`, `a and b`, `a, b and c`; beyond five the rest is counted. */
export function list(names: readonly string[]): string {
  const shown = names.length > 5 ? [...names.slice(0, 4), `${names.length - 4} more`] : names;
  if (shown.length < 2) return shown.join("");
  return `${shown.slice(0, -1).join(", ")} and ${shown[shown.length - 1]}`;
}

/** The other end of a veth pair or cable, or null. */
export function peerOf(dev: Netdev): Netdev | null {
  return dev.ops.peer?.(dev) ?? null;
}

/** Its native XDP program, or its GRO, keeps the device's NAPI on: it can be redirected to through its peer. */
export function hasNapi(dev: Netdev): boolean {
  return dev.gro || dev.xdp?.mode === "xdp";
}
