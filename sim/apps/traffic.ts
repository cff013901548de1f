/**
 * What a workload is asked and what it answers. The lab hands in a TrafficPlan with every name resolved; a workload (one file, one
 * record, one line in index.ts) makes LiveTraffic of it.
 */
import type { LatencySummary } from "../engine/histogram.ts";
import type { Host } from "../net/host.ts";
import type { Kernel } from "../net/kernel.ts";
import type { Netdev } from "../net/netdev.ts";

/** Packets, or bits of payload (whole frames where frames are sent), per second. */
export type SendRate = { readonly pps: number } | { readonly bps: number };

interface WorkloadCommon {
  /** Names the random stream, reports and expectations. */
  readonly name: string;
  /** First packet; ns since the simulation began. */
  readonly startNs: number;
  /** No packet is sent at or after it; ns. */
  readonly stopNs: number;
}

/** ICMP echo requests at even gaps. */
export interface PingWorkload extends WorkloadCommon {
  readonly type: "ping";
  readonly intervalNs: number;
  /** Of each sender; Infinity: without limit. */
  readonly packets: number;
  /** Payload behind the ICMP header. */
  readonly sizeBytes: number;
}

/** UDP datagrams in one direction. */
export interface UdpWorkload extends WorkloadCommon {
  readonly type: "udp";
  /** Of each sender. */
  readonly rate: SendRate;
  readonly sizeBytes: number;
  readonly port: number;
  /** Source ports, used in turn. */
  readonly flows: number;
  readonly poisson: boolean;
  readonly packets: number;
}

/** Requests over UDP and their answers. */
export interface UdpRrWorkload extends WorkloadCommon {
  readonly type: "udp-rr";
  /** null: closed loop, the next request follows the answer. */
  readonly rate: SendRate | null;
  /** Closed loop: requests of each sender under way at a time. */
  readonly outstanding: number;
  readonly sizeBytes: number;
  readonly responseBytes: number;
  readonly port: number;
  readonly flows: number;
  readonly poisson: boolean;
  readonly packets: number;
  /** An answer that takes longer is lost. */
  readonly timeoutNs: number;
}

/** Frames of a capture file. */
export interface PcapWorkload extends WorkloadCommon {
  readonly type: "pcap";
  readonly file: string;
  /** null: at the times of the capture. */
  readonly rate: SendRate | null;
  /** Times of the capture are divided by it. */
  readonly speed: number;
  readonly loop: number;
}

/** Frames made from a template. */
export interface PacketsWorkload extends WorkloadCommon {
  readonly type: "packets";
  readonly template: Readonly<Record<string, string | number>>;
  readonly rate: SendRate;
  /** Whole frame; null: what the headers need, at least 60. */
  readonly sizeBytes: number | null;
  readonly poisson: boolean;
  readonly packets: number;
  readonly order: "sequence" | "random";
}

export type WorkloadSpec = PingWorkload | UdpWorkload | UdpRrWorkload | PcapWorkload | PacketsWorkload;

/** A sender or receiver. */
export interface TrafficEnd {
  readonly host: Host;
  /** Where an interface was named or is needed. */
  readonly dev: Netdev | null;
}

/** A workload with its names resolved. */
export interface TrafficPlan<S extends WorkloadSpec = WorkloadSpec> {
  readonly spec: S;
  readonly from: readonly TrafficEnd[];
  /** Addresses that the senders send to in turn; empty for pcap and packets. */
  readonly to: readonly string[];
  /** Hosts that receive (udp: sinks) or answer (udp-rr: servers). */
  readonly receivers: readonly TrafficEnd[];
  /** Bytes of the capture file of pcap traffic, null otherwise. */
  readonly capture: Uint8Array | null;
}

/** Running traffic. */
export interface LiveTraffic {
  /** What came of it so far. */
  result(): TrafficResult;
  /** No packet is sent any more; what is under way still counts. */
  stop(): void;
  /** A host was booted again: its sockets are opened anew. */
  restart(host: Host): void;
}

/** What came of one workload. Packets are requests for ping and udp-rr, frames for pcap and packets. */
export interface TrafficResult {
  readonly sent: number;
  /** Arrived at a receiver; answered for ping and udp-rr; taken by some host's kernel or a socket there for pcap and packets. */
  readonly received: number;
  /** Sent, not received, and no longer in the network (udp-rr: not answered in time). */
  readonly lost: number;
  readonly inFlight: number;
  readonly duplicates: number;
  /** Arrived after a later one of its flow (RFC 4737, type-P-reordered). */
  readonly reordered: number;
  /** Payload bytes; whole frames for pcap and packets. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** One way for udp, there and back for ping and udp-rr; null where it is not measured. */
  readonly latency: LatencySummary | null;
  /** Which receiver got how many, in order of name; empty where receivers are not known. */
  readonly receivers: readonly { readonly node: string; readonly packets: number }[];
}

/** The record of one workload. */
export interface Workload<S extends WorkloadSpec> {
  readonly type: S["type"];
  /** One line for lists. */
  readonly summary: string;
  /**
   * Prepares the traffic; sending begins at spec.startNs.
   * @throws LabError for what the spec cannot mean; its diagnostics have no place, which the caller knows
   */
  start(kernel: Kernel, plan: TrafficPlan<S>): LiveTraffic;
}
