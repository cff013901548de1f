/** Filters by their command lines, and what they do with packets. */
import { ToolNetwork } from "../kit.ts";

/** Joins pieces of hex. */
const hex = (...parts: readonly string[]): string => parts.join("").replaceAll(" ", "");
const be16 = (n: number): string => n.toString(16).padStart(4, "0");
const ip4 = (text: string): string =>
  text
    .split(".")
    .map((n) => Number(n).toString(16).padStart(2, "0"))
    .join("");

/** What an IPv4 packet of the tests says; everything has a default. */
export interface Ip4Fields {
  readonly src?: string;
  readonly dst?: string;
  readonly proto?: number;
  readonly tos?: number;
  readonly ttl?: number;
  /** Flags and offset, 16 bits. */
  readonly frag?: number;
  readonly sport?: number;
  readonly dport?: number;
  readonly tcpFlags?: number;
  readonly icmp?: readonly [type: number, code: number];
  /** VLAN tags, outermost first: tpid and tci. */
  readonly tags?: readonly (readonly [number, number])[];
  readonly dstMac?: string;
  readonly srcMac?: string;
}

const MACS = { dst: "020000000011", src: "020000000010" };
const PROTO_TCP = 6;
const PROTO_ICMP = 1;
const PROTO_UDP = 17;

/** A frame of 78 bytes (without tags): Ethernet, IPv4, and TCP, UDP or ICMP. Checksums are left at zero. */
export function ip4Frame(o: Ip4Fields = {}): string {
  const proto = o.proto ?? PROTO_UDP;
  const tags = (o.tags ?? []).map(([tpid, tci]) => be16(tpid) + be16(tci)).join("");
  const ports = be16(o.sport ?? 1000) + be16(o.dport ?? 2000);
  let l4 = `${ports}002c0000`;
  if (proto === PROTO_TCP) l4 = `${ports}0000000000000000${be16(0x5000 | (o.tcpFlags ?? 2))}ffff00000000`;
  else if (proto === PROTO_ICMP)
    l4 = `${(o.icmp ?? [8, 0]).map((n) => n.toString(16).padStart(2, "0")).join("")}000000010001`;
  const header = [
    "45",
    (o.tos ?? 0).toString(16).padStart(2, "0"),
    be16(64),
    "0000",
    be16(o.frag ?? 0),
    (o.ttl ?? 64).toString(16).padStart(2, "0"),
    proto.toString(16).padStart(2, "0"),
    "0000",
    ip4(o.src ?? "10.9.0.1"),
    ip4(o.dst ?? "10.9.0.2"),
  ];
  return hex(o.dstMac ?? MACS.dst, o.srcMac ?? MACS.src, tags, "0800", ...header, l4.padEnd(88, "0"));
}

/** An ARP request from 10.9.0.1 for 10.9.0.2. */
export const ARP_REQUEST: string = hex(
  "ffffffffffff 020000000010 0806 0001 0800 06 04 0001",
  "020000000010 0a090001 000000000000 0a090002",
  "00".repeat(18),
);

/** A frame with an IPv6 TCP segment from 2001:db8::1 to 2001:db8::2. */
export function ip6Frame(sport: number, dport: number): string {
  const address = (n: string): string => `20010db8${"0".repeat(23)}${n}`;
  const tcp = `${be16(sport)}${be16(dport)}00000000000000005002ffff00000000`;
  return hex(MACS.dst, MACS.src, "86dd", "6ab00000", be16(20), "0640", address("1"), address("2"), tcp);
}

/** One network with clsact on vb, where va's frames arrive. */
export class Classifying {
  readonly net: ToolNetwork = new ToolNetwork("pair");

  constructor() {
    this.net.do("b", "tc qdisc add dev vb clsact");
  }

  /** `tc ...` on b; it must succeed. */
  tc(line: string): string {
    return this.net.do("b", `tc ${line}`);
  }

  /** What `tc ...` refuses. */
  async refused(line: string): Promise<string> {
    const { status, stderr } = await this.net.exec("b", `tc ${line}`);
    return status === 0 ? "" : stderr;
  }

  /** Sends frames to vb and lets them arrive. */
  send(frame: string, count: number = 1): void {
    this.net.send("a", "va", frame, count);
    this.net.wait(1e6);
  }

  /** Packets that an action has seen; every action has a number of its own here. */
  seen(kind: string, index: number): { readonly packets: number; readonly drops: number; readonly overlimits: number } {
    interface Listed {
      readonly actions?: readonly {
        readonly index: number;
        readonly stats: { readonly packets: number; readonly drops: number; readonly overlimits: number };
      }[];
    }
    // what tc prints
    const listed = JSON.parse(this.tc(`-s -j actions ls action ${kind}`)) as readonly Listed[];
    const found = listed.flatMap((l) => l.actions ?? []).find((a) => a.index === index);
    if (found === undefined) throw new Error(`no ${kind} ${index}`);
    return found.stats;
  }

  /** Whether a filter at vb's ingress matches a frame. */
  matches(filter: string, frame: string): boolean {
    this.tc(`filter add dev vb ingress ${filter} action pass index 77`);
    const before = this.seen("gact", 77).packets;
    this.send(frame);
    const after = this.seen("gact", 77).packets;
    this.tc("filter del dev vb ingress");
    return after > before;
  }
}
