/** What a run came to, as data: the JSON of `--json`, and what the text summary is made from. */
import type { TrafficResult } from "../apps/traffic.ts";

/** Version of this format; grows when a field changes its meaning or goes. */
export const SUMMARY_VERSION = 1;

export interface InterfaceSummary {
  readonly node: string;
  readonly interface: string;
  readonly rxPackets: number;
  readonly rxBytes: number;
  readonly rxDropped: number;
  readonly txPackets: number;
  readonly txBytes: number;
  readonly txDropped: number;
}

export interface XdpSummary {
  readonly node: string;
  readonly interface: string;
  readonly mode: string;
  readonly program: string;
  readonly pass: number;
  readonly drop: number;
  readonly tx: number;
  readonly redirect: number;
  readonly aborted: number;
  /** Codes that are no action. */
  readonly invalid: number;
}

export interface TcSummary {
  readonly node: string;
  readonly interface: string;
  /** `ingress`, `egress`, `tcx/ingress`, `tcx/egress` */
  readonly hook: string;
  readonly program: string;
  /** Return codes by the kernel's names, those that occurred. */
  readonly verdicts: Readonly<Record<string, number>>;
}

export interface QdiscSummary {
  readonly node: string;
  readonly interface: string;
  readonly kind: string;
  /** `8001:` */
  readonly handle: string;
  readonly sentBytes: number;
  readonly sentPackets: number;
  readonly drops: number;
  readonly overlimits: number;
  readonly requeues: number;
  readonly backlogBytes: number;
  readonly backlogPackets: number;
}

export interface DropSummary {
  readonly node: string;
  readonly interface: string;
  /** `SKB_DROP_REASON_NO_SOCKET`, `RX_RING_FULL` */
  readonly reason: string;
  readonly packets: number;
}

export interface TrafficSummary extends TrafficResult {
  readonly name: string;
  readonly type: string;
}

/** A socket that the lab opened. */
export interface SocketSummary {
  readonly node: string;
  readonly name: string;
  readonly type: "packet" | "udp";
  /** What got past its filter and fitted its buffer. */
  readonly packets: number;
  readonly bytes: number;
  /** Lost for want of buffer. */
  readonly drops: number;
}

/** entered = delivered + handled + inFlight + dropped */
export interface BalanceSummary {
  readonly entered: number;
  /** To applications. */
  readonly delivered: number;
  /** By the kernel itself: ARP, neighbour discovery, ICMP, bridge housekeeping. */
  readonly handled: number;
  readonly inFlight: number;
  readonly dropped: number;
}

export interface HintSummary {
  /** Stable. */
  readonly code: string;
  readonly text: string;
}

export interface ExpectSummary {
  readonly text: string;
  readonly ok: boolean;
  readonly metric: string;
  readonly actual: number;
  readonly comparison: string;
  readonly expected: number;
}

/** A command of an exec list or of the timeline that printed something. */
export interface CommandSummary {
  /** Simulated time at which it started, ns. */
  readonly atNs: number;
  readonly node: string;
  readonly command: string;
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A line that a program printed (`bpf_printk`). */
export interface PrintedSummary {
  /** Simulated time, ns. */
  readonly atNs: number;
  readonly node: string;
  readonly cpu: number;
  readonly text: string;
}

export interface RunSummary {
  readonly version: typeof SUMMARY_VERSION;
  readonly lab: string;
  readonly seed: number;
  /** Simulated, ns. */
  readonly durationNs: number;
  readonly events: number;
  readonly interfaces: readonly InterfaceSummary[];
  readonly xdp: readonly XdpSummary[];
  readonly tc: readonly TcSummary[];
  readonly qdiscs: readonly QdiscSummary[];
  readonly drops: readonly DropSummary[];
  readonly traffic: readonly TrafficSummary[];
  readonly sockets: readonly SocketSummary[];
  readonly balance: BalanceSummary;
  readonly commands: readonly CommandSummary[];
  /** By time; of each node the last ones. */
  readonly printed: readonly PrintedSummary[];
  readonly hints: readonly HintSummary[];
  readonly expect: readonly ExpectSummary[];
}
