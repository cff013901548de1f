/**
 * A lab as data: what a lab file says, with inheritance applied, repetition written out and names resolved; the same on every
 * machine. `parseLab` makes it, `buildNetwork` brings it to life.
 */
import type { Diagnostic, SourcePlace } from "../engine/errors.ts";
import type { MaglevBackend } from "./maglev.ts";
import type { MapElementDocument, ProgramUseDocument, RateDocument } from "./schema/document.ts";

/** Where something stands in the lab file, for errors that show only when the network is built or runs. */
export interface Origin {
  /** `topology.nodes.h1.exec[2]` */
  readonly path: string;
  readonly place: SourcePlace;
}

export interface LabSpec {
  readonly file: string;
  readonly name: string;
  readonly seed: number;
  /** ns */
  readonly durationNs: number;
  readonly cpu: "ideal" | "modelled";
  /** Objects by short name. */
  readonly programs: readonly NamedObjectSpec[];
  readonly nodes: readonly NodeSpec[];
  readonly links: readonly LinkSpec[];
  readonly traffic: readonly TrafficSpec[];
  /** In order of time. */
  readonly timeline: readonly TimelineSpec[];
  readonly expect: readonly ExpectSpec[];
  /** What was accepted and has no effect. */
  readonly notes: readonly Diagnostic[];
}

export interface NamedObjectSpec {
  readonly name: string;
  /** As written: relative to the lab file. */
  readonly obj: string;
  readonly globals: readonly GlobalSpec[];
  readonly origin: Origin;
}

/** A value for a global variable of an object. */
export interface GlobalSpec {
  readonly name: string;
  readonly value: unknown;
  readonly origin: Origin;
}

/** A command line to run on a node. */
export interface CommandSpec {
  readonly line: string;
  /** What the object that it loads has in its variables, by name; absent: what the file says. */
  readonly globals?: ReadonlyMap<string, unknown>;
  readonly origin: Origin;
}

export interface NodeSpec {
  readonly name: string;
  readonly kind: "linux" | "bridge";
  readonly cpus: number;
  readonly interfaces: readonly InterfaceSpec[];
  /** By name. */
  readonly sysctls: readonly { readonly name: string; readonly value: string; readonly origin: Origin }[];
  /** Arguments of `ip route add`. */
  readonly routes: readonly CommandSpec[];
  /** Arguments of `ip neigh replace`. */
  readonly neighbors: readonly CommandSpec[];
  readonly exec: readonly CommandSpec[];
  readonly maps: readonly MapFillSpec[];
  readonly sockets: readonly SocketSpec[];
  readonly origin: Origin;
}

/** Which program: of a file, or of an entry of `programs`. */
export interface ProgramUseSpec extends Omit<ProgramUseDocument, "globals"> {
  readonly globals: readonly GlobalSpec[];
  readonly origin: Origin;
}

export interface InterfaceSpec {
  readonly name: string;
  /** Made by a link; false for `lo` and for what commands create. */
  readonly linked: boolean;
  readonly driver: "veth" | "nic";
  readonly addresses: readonly CommandSpec[];
  readonly mac: string | null;
  /** bytes */
  readonly mtu: number | null;
  readonly queues: number | null;
  readonly ring: number | null;
  readonly gro: boolean | null;
  readonly up: boolean;
  readonly txqueuelen: number | null;
  readonly xdp: ProgramUseSpec | null;
  readonly xdpgeneric: ProgramUseSpec | null;
  readonly tcIngress: readonly ProgramUseSpec[];
  readonly tcEgress: readonly ProgramUseSpec[];
  readonly tcxIngress: readonly ProgramUseSpec[];
  readonly tcxEgress: readonly ProgramUseSpec[];
  /** Arguments of `tc qdisc add dev X`. */
  readonly qdisc: readonly CommandSpec[];
  readonly origin: Origin;
}

/** Contents for every map of a name on a node. */
export interface MapFillSpec {
  readonly map: string;
  readonly elements: readonly (MapElementDocument & { readonly origin: Origin })[];
  /** A ring to compute and to write; null: there is none. */
  readonly ring: RingSpec | null;
  readonly origin: Origin;
}

/** A Maglev ring in an array of 32-bit numbers. */
export interface RingSpec {
  /** Entries, a prime. */
  readonly size: number;
  /** Index of the first one. */
  readonly offset: number;
  readonly backends: readonly MaglevBackend[];
}

export interface SocketSpec {
  readonly name: string;
  readonly type: "packet" | "udp";
  readonly interface: string | null;
  readonly address: string | null;
  readonly port: number | null;
  readonly filter: ProgramUseSpec | null;
  readonly origin: Origin;
}

/** What a link does to packets in one direction. */
export interface ImpairmentSpec {
  /** bits/s; 0: without limit */
  readonly rateBps: number;
  /** ns */
  readonly delayNs: number;
  /** ns */
  readonly jitterNs: number;
  /** 0 to 1 */
  readonly loss: number;
}

export interface LinkEndSpec {
  readonly node: string;
  readonly interface: string;
}

export interface LinkSpec {
  readonly driver: "veth" | "nic";
  readonly a: LinkEndSpec;
  readonly b: LinkEndSpec;
  /** From a to b. */
  readonly forward: ImpairmentSpec;
  /** From b to a. */
  readonly backward: ImpairmentSpec;
  readonly origin: Origin;
}

/** A node, perhaps one of its interfaces. */
export interface NodeRef {
  readonly node: string;
  readonly interface: string | null;
}

/** Where traffic goes. */
export type TargetSpec = NodeRef | { readonly address: string };

interface TrafficSpecCommon {
  readonly name: string;
  readonly from: readonly NodeRef[];
  /** ns */
  readonly startNs: number;
  /** ns; the end of the run when nothing is said */
  readonly stopNs: number;
  readonly origin: Origin;
}

/** Sends and receives of applications have a port; counts of packets are Infinity without limit. */
export interface PingSpec extends TrafficSpecCommon {
  readonly type: "ping";
  readonly to: readonly TargetSpec[];
  readonly intervalNs: number;
  readonly packets: number;
  readonly sizeBytes: number;
}

export interface UdpSpec extends TrafficSpecCommon {
  readonly type: "udp";
  readonly to: readonly TargetSpec[];
  readonly rate: RateDocument;
  readonly sizeBytes: number;
  readonly port: number;
  readonly flows: number;
  readonly poisson: boolean;
  readonly packets: number;
  /** Nodes that receive. */
  readonly sinks: readonly NodeRef[];
}

export interface UdpRrSpec extends TrafficSpecCommon {
  readonly type: "udp-rr";
  readonly to: readonly TargetSpec[];
  /** null: the next request follows the answer. */
  readonly rate: RateDocument | null;
  readonly outstanding: number;
  readonly sizeBytes: number;
  readonly responseBytes: number;
  readonly port: number;
  readonly flows: number;
  readonly poisson: boolean;
  readonly packets: number;
  readonly timeoutNs: number;
  /** Nodes that answer. */
  readonly servers: readonly NodeRef[];
}

export interface PcapSpec extends TrafficSpecCommon {
  readonly type: "pcap";
  /** As written: relative to the lab file. */
  readonly file: string;
  /** null: at the times of the capture. */
  readonly rate: RateDocument | null;
  readonly speed: number;
  readonly loop: number;
}

export interface PacketsSpec extends TrafficSpecCommon {
  readonly type: "packets";
  readonly template: Readonly<Record<string, string | number>>;
  readonly rate: RateDocument;
  /** null: what the headers need. */
  readonly sizeBytes: number | null;
  readonly poisson: boolean;
  readonly packets: number;
  readonly order: "sequence" | "random";
}

export type TrafficSpec = PingSpec | UdpSpec | UdpRrSpec | PcapSpec | PacketsSpec;

/** Something that happens at a time. */
export type TimelineSpec = {
  /** ns */
  readonly atNs: number;
  readonly origin: Origin;
} & (
  | { readonly kind: "exec"; readonly nodes: readonly string[]; readonly commands: readonly CommandSpec[] }
  | { readonly kind: "maps"; readonly nodes: readonly string[]; readonly maps: readonly MapFillSpec[] }
  | {
      readonly kind: "link";
      /** Index in LabSpec.links. */
      readonly link: number;
      readonly direction: "both" | "forward" | "backward";
      readonly up: boolean | null;
      readonly set: Partial<ImpairmentSpec>;
    }
  | { readonly kind: "crash"; readonly nodes: readonly string[] }
  | { readonly kind: "restart"; readonly nodes: readonly string[] }
);

export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=";

/** One condition on one metric. */
export interface ExpectSpec {
  /** As reports print it. */
  readonly text: string;
  readonly metric: string;
  readonly comparison: Comparison;
  /** A number (times in ns, shares from 0 to 1), or another metric's name. */
  readonly value: number | string;
  /** Share of the value by which == may be off. */
  readonly tolerance: number;
  readonly origin: Origin;
}
