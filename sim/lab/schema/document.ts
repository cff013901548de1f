/**
 * The lab file as the schema leaves it: units are numbers, defaults of the schema are in, names are not yet resolved and inheritance is
 * not yet applied. `to-spec.ts` makes a LabSpec of it.
 */

/** Impairments of a link, one direction. Absent: what the link's other keys say, else none. */
export interface ImpairmentDocument {
  /** bits/s */
  readonly rate?: number | undefined;
  /** ns */
  readonly delay?: number | undefined;
  /** ns, uniform around the delay */
  readonly jitter?: number | undefined;
  /** 0 to 1 */
  readonly loss?: number | undefined;
  /** bytes */
  readonly mtu?: number | undefined;
}

/** An end of a link. */
export interface EndpointDocument {
  readonly node: string;
  readonly interface: string;
  readonly mac?: string | undefined;
  readonly ipv4?: readonly string[] | undefined;
  readonly ipv6?: readonly string[] | undefined;
}

export interface LinkDocument extends ImpairmentDocument {
  readonly type?: string | undefined;
  readonly endpoints?: readonly EndpointDocument[] | undefined;
  /** containerlab's extended form of single-ended links. */
  readonly endpoint?: EndpointDocument | undefined;
  readonly driver?: "veth" | "nic" | undefined;
  readonly forward?: ImpairmentDocument | undefined;
  readonly backward?: ImpairmentDocument | undefined;
  readonly ipv4?: readonly string[] | undefined;
  readonly ipv6?: readonly string[] | undefined;
  readonly labels?: unknown;
  readonly vars?: unknown;
}

/** A program at a hook: an object file or an entry of `programs`, and which program of it. */
export interface ProgramUseDocument {
  readonly obj: string;
  readonly section?: string | undefined;
  readonly program?: string | undefined;
  /** tc only. */
  readonly pref?: number | undefined;
  readonly classic?: boolean | undefined;
  readonly classid?: string | undefined;
  /** Values of global variables by name. */
  readonly globals?: Readonly<Record<string, unknown>> | undefined;
}

export interface TcDocument {
  readonly ingress?: readonly ProgramUseDocument[] | undefined;
  readonly egress?: readonly ProgramUseDocument[] | undefined;
}

export interface InterfaceDocument {
  readonly ip?: readonly string[] | undefined;
  readonly ipv4?: readonly string[] | undefined;
  readonly ipv6?: readonly string[] | undefined;
  readonly mac?: string | undefined;
  readonly mtu?: number | undefined;
  readonly driver?: "veth" | "nic" | undefined;
  readonly queues?: number | undefined;
  readonly ring?: number | undefined;
  readonly gro?: boolean | undefined;
  readonly up?: boolean | undefined;
  readonly txqueuelen?: number | undefined;
  readonly xdp?: ProgramUseDocument | undefined;
  readonly xdpgeneric?: ProgramUseDocument | undefined;
  readonly tc?: TcDocument | undefined;
  readonly tcx?: TcDocument | undefined;
  readonly qdisc?: readonly string[] | undefined;
}

/** One element of a map. */
export interface MapElementDocument {
  /** By field name through BTF, a number, an address, or bytes in hex; absent in array maps given as a list of values. */
  readonly key: unknown;
  readonly value: unknown;
}

/** A Maglev ring to be computed: `{maglev: {size: 8191, backends: [{name: 10.0.2.1, slot: 1}]}}`. */
export interface MaglevDocument {
  /** Entries, a prime. */
  readonly size: number;
  /** Index of the first entry in the map; 0 when absent. */
  readonly offset?: number | undefined;
  readonly backends: readonly {
    readonly name: string;
    readonly slot: number;
    /** 1 when absent. */
    readonly weight?: number | undefined;
  }[];
}

/** Contents of one map: its elements, or a ring that makes them. */
export type MapContentsDocument = readonly MapElementDocument[] | { readonly maglev: MaglevDocument };

/** Contents by map name. */
export type MapsDocument = Readonly<Record<string, MapContentsDocument>>;

export interface SocketDocument {
  readonly name?: string | undefined;
  readonly type: "packet" | "udp";
  readonly interface?: string | undefined;
  readonly port?: number | undefined;
  readonly address?: string | undefined;
  readonly filter?: ProgramUseDocument | undefined;
}

export interface NodeDocument {
  readonly kind?: string | undefined;
  readonly group?: string | undefined;
  readonly cpus?: number | undefined;
  readonly cpu?: number | undefined;
  readonly exec?: readonly string[] | undefined;
  readonly sysctls?: Readonly<Record<string, string>> | undefined;
  readonly interfaces?: Readonly<Record<string, InterfaceDocument | null>> | undefined;
  readonly routes?: readonly string[] | undefined;
  readonly neighbors?: readonly string[] | undefined;
  readonly maps?: MapsDocument | undefined;
  readonly sockets?: readonly SocketDocument[] | undefined;
}

interface TrafficCommon {
  readonly name?: string | undefined;
  readonly from: readonly string[];
  readonly start?: number | undefined;
  readonly stop?: number | undefined;
}

/** Rate of a source: packets or bits per second. */
export type RateDocument = { readonly pps: number } | { readonly bps: number };

export interface PingDocument extends TrafficCommon {
  readonly type: "ping";
  readonly to: readonly string[];
  readonly interval?: number | undefined;
  readonly packets?: number | undefined;
  readonly size?: number | undefined;
}

export interface UdpDocument extends TrafficCommon {
  readonly type: "udp";
  readonly to: readonly string[];
  readonly rate: RateDocument;
  readonly size?: number | undefined;
  readonly port?: number | undefined;
  readonly flows?: number | undefined;
  readonly poisson?: boolean | undefined;
  readonly packets?: number | undefined;
  readonly sinks?: readonly string[] | undefined;
}

export interface UdpRrDocument extends TrafficCommon {
  readonly type: "udp-rr";
  readonly to: readonly string[];
  readonly rate?: RateDocument | undefined;
  readonly outstanding?: number | undefined;
  readonly size?: number | undefined;
  readonly response?: number | undefined;
  readonly port?: number | undefined;
  readonly flows?: number | undefined;
  readonly poisson?: boolean | undefined;
  readonly packets?: number | undefined;
  readonly timeout?: number | undefined;
  readonly servers?: readonly string[] | undefined;
}

export interface PcapDocument extends TrafficCommon {
  readonly type: "pcap";
  readonly file: string;
  readonly rate?: RateDocument | undefined;
  readonly speed?: number | undefined;
  readonly loop?: number | undefined;
}

export interface PacketsDocument extends TrafficCommon {
  readonly type: "packets";
  readonly template: Readonly<Record<string, string | number>>;
  readonly rate: RateDocument;
  readonly size?: number | undefined;
  readonly poisson?: boolean | undefined;
  readonly packets?: number | undefined;
  readonly order?: "sequence" | "random" | undefined;
}

export type TrafficDocument = PingDocument | UdpDocument | UdpRrDocument | PcapDocument | PacketsDocument;

export interface TimelineDocument {
  /** ns */
  readonly at: number;
  readonly on?: readonly string[] | undefined;
  readonly exec?: readonly string[] | undefined;
  readonly maps?: MapsDocument | undefined;
  readonly link?: string | undefined;
  readonly state?: "up" | "down" | undefined;
  readonly set?: ImpairmentDocument | undefined;
  readonly direction?: "both" | "forward" | "backward" | undefined;
  readonly crash?: readonly string[] | undefined;
  readonly restart?: readonly string[] | undefined;
}

export interface ExpectDocument {
  readonly name?: string | undefined;
  /** `traffic.web.lost == 0` */
  readonly that?: string | undefined;
  readonly metric?: string | undefined;
  readonly equals?: number | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly tolerance?: number | undefined;
}

export interface TopologyDocument {
  readonly defaults?: NodeDocument | null | undefined;
  readonly kinds?: Readonly<Record<string, NodeDocument | null>> | undefined;
  readonly groups?: Readonly<Record<string, NodeDocument | null>> | undefined;
  readonly nodes?: Readonly<Record<string, NodeDocument | null>> | undefined;
  readonly links?: readonly LinkDocument[] | undefined;
}

export interface ProgramDocument {
  readonly obj: string;
  readonly globals?: Readonly<Record<string, unknown>> | undefined;
}

export interface LabDocument {
  readonly name?: string | undefined;
  readonly seed?: number | undefined;
  readonly duration?: number | undefined;
  readonly cpu?: "ideal" | "modelled" | undefined;
  readonly programs?: Readonly<Record<string, ProgramDocument>> | undefined;
  readonly topology: TopologyDocument;
  readonly traffic?: readonly TrafficDocument[] | undefined;
  readonly timeline?: readonly TimelineDocument[] | undefined;
  readonly expect?: readonly ExpectDocument[] | undefined;
}
