/** Recorded networks of namespaces, built and run in netsim, and every counter that was read there. The format is README.md's. */

import { readFileSync } from "node:fs";
import type { Program } from "../../sim/bpf/program.ts";
import type { LoadedObject } from "../../sim/net/bpf-objects.ts";
import { type DeviceOptions, setUp } from "../../sim/net/devices/device.ts";
import { createVethPair } from "../../sim/net/devices/veth.ts";
import { ETH_P_ALL } from "../../sim/net/ether.ts";
import type { Host } from "../../sim/net/host.ts";
import { parseMac } from "../../sim/net/ip/address.ts";
import { ipStack } from "../../sim/net/ip/ip-stack.ts";
import { setSysctl } from "../../sim/net/ip/sysctl-control.ts";
import type { Kernel } from "../../sim/net/kernel.ts";
import type { Netdev } from "../../sim/net/netdev.ts";
import { PACKET_OUTGOING } from "../../sim/net/skb.ts";
import { openPacket } from "../../sim/net/sockets/index.ts";
import type { PacketSocket } from "../../sim/net/sockets/packet.ts";
import { addHost, createKernel } from "../../sim/net/stack.ts";
import { addBpfFilter } from "../../sim/net/tc/bpf-filters.ts";
import { addClsact, attachTcx, clsactOf, type TcDirectionName } from "../../sim/net/tc/control.ts";
import { attachXdp } from "../../sim/net/xdp/attach.ts";
import { applyPreset, fromHex, here, loadBundled, type Preset, packetHex, toHex } from "./replay-kit.ts";
import { runSetup, typeCommand } from "./replay-setup.ts";

interface End {
  readonly host: string;
  readonly dev: string;
  readonly index: number;
  readonly mac: string;
  readonly ip?: string;
}

/** Hosts and the veth pairs between them. */
export interface RecordedNetwork {
  readonly hosts: readonly string[];
  readonly links: readonly (readonly [End, End])[];
}

/** A program and its hook. */
export interface RecordedAttach {
  readonly host: string;
  readonly dev: string;
  readonly at: string;
  readonly object: string;
  readonly program: string;
  readonly maps?: readonly Preset[];
  readonly label?: string;
  readonly dump?: readonly string[];
  readonly pref?: number;
  readonly classic?: boolean;
}

interface RecordedCommand {
  readonly host: string;
  readonly run: string;
  readonly mayFail?: boolean;
  readonly show?: boolean;
}

interface LinkCounters {
  readonly packets: number;
  readonly bytes: number;
  readonly errors: number;
  readonly dropped: number;
}

interface DeviceCounters {
  readonly rx: LinkCounters;
  readonly tx: LinkCounters;
  readonly ethtool: Readonly<Record<string, number>>;
  readonly qdiscs: readonly Readonly<Record<string, string | number>>[];
}

/** All that was read after the frames had been sent. */
export interface NetnsResult {
  readonly sent: { readonly sent: number; readonly errors: Readonly<Record<string, number>> };
  readonly commands: readonly {
    readonly run: string;
    readonly status: number;
    readonly stdout: string;
    readonly stderr: string;
  }[];
  readonly taps: Readonly<Record<string, { in: number; out: number }>>;
  readonly ipInReceives: Readonly<Record<string, number>>;
  readonly devices: Readonly<Record<string, DeviceCounters>>;
  readonly maps: Readonly<Record<string, Readonly<Record<string, readonly (readonly string[])[]>>>>;
}

/** One network, what was sent, and what was read. */
export interface NetnsCase {
  readonly name: string;
  readonly network: RecordedNetwork;
  readonly attach: readonly RecordedAttach[];
  readonly commands: readonly RecordedCommand[];
  readonly send: {
    readonly from: string;
    readonly frames: readonly { readonly hex: string; readonly count: number }[];
  };
  readonly result: NetnsResult;
}

/** A file of vectors/netns. */
export interface NetnsTable<C = NetnsCase> {
  readonly kernel: string;
  readonly table: string;
  readonly cases: readonly C[];
}

/** A committed table by name. */
export function netnsTable<C = NetnsCase>(name: string): NetnsTable<C> {
  return JSON.parse(readFileSync(here(`vectors/netns/${name}.json`), "utf8")) as NetnsTable<C>;
}

/** ns that a sender leaves between two frames: enough for the receiver's softirq to have run, as at the end of sendto. */
const GAP_NS = 20_000;
/** ns until nothing moves any more. */
const SETTLE_NS = 80_000_000;
/** An ethertype that none of the frames has (IEEE local experimental 2). */
const ETH_P_UNUSED = 0x88b6;
const ERRNO_NAMES: Readonly<Record<number, string>> = { 90: "EMSGSIZE", 100: "ENETDOWN", 105: "ENOBUFS" };

/** The network of one case while it lives. */
export class NetnsLab {
  readonly kernel: Kernel;
  private readonly labels: Map<string, LoadedObject> = new Map();

  /** @param idealCpu packets cost the hosts' CPUs nothing; no counter may depend on it */
  constructor(idealCpu: boolean) {
    this.kernel = createKernel({ seed: 1, idealCpu });
  }

  host(name: string): Host {
    const host = this.kernel.hostByName.get(name);
    if (host === undefined) throw new Error(`no host ${name}`);
    return host;
  }

  /** A device by `host:name`. */
  device(label: string): Netdev {
    const [host, name] = label.split(":");
    const dev = this.host(host!).devByName.get(name!);
    if (dev === undefined) throw new Error(`no device ${label}`);
    return dev;
  }

  async build(network: RecordedNetwork): Promise<void> {
    for (const name of network.hosts) {
      const host = addHost(this.kernel, name, { cpus: 2 });
      for (const which of ["all", "default"]) setSysctl(host, `net.ipv6.conf.${which}.disable_ipv6`, "1");
    }
    for (const [one, other] of network.links) {
      const options = (end: End): DeviceOptions => ({
        name: end.dev,
        mac: parseMac(end.mac)!,
        ifindex: end.index,
      });
      createVethPair(this.host(one.host), options(one), this.host(other.host), options(other));
      for (const end of [one, other]) {
        const dev = this.device(`${end.host}:${end.dev}`);
        if (end.ip !== undefined) await runSetup(dev.host, [`ip addr add ${end.ip} dev ${end.dev}`]);
        setUp(dev);
      }
    }
  }

  /** Loads an object, fills its maps and attaches its program. @returns the program */
  attach(spec: RecordedAttach): Program {
    const [kind, where] = spec.at.split(" ");
    const dev = this.device(`${spec.host}:${spec.dev}`);
    const progKind = kind === "xdp" ? "xdp" : kind === "socket" ? "socket_filter" : "sched_cls";
    const object = loadBundled(dev.host, spec.object, progKind);
    if (spec.label !== undefined) this.labels.set(spec.label, object);
    for (const preset of spec.maps ?? []) applyPreset(object, preset);
    const prog = object.program(spec.program);
    const direction = where as TcDirectionName;
    if (kind === "xdp") attachXdp(dev, prog, { mode: where === "native" ? "xdpdrv" : "xdpgeneric" });
    else if (kind === "tcx") attachTcx(dev, direction, prog);
    else if (kind === "tc") {
      if (clsactOf(dev) === null) addClsact(dev);
      const classic = spec.classic === true;
      addBpfFilter(dev, {
        direction,
        prog,
        pref: spec.pref ?? 1,
        directAction: !classic,
        ...(classic ? { classid: 0x10001 } : {}),
      });
    } else if (kind !== "socket") throw new Error(`no such hook: ${spec.at}`);
    return prog;
  }

  /** Sends a frame by a packet socket, and lets the machines work until they have nothing left to do. @returns 0 or -errno */
  send(socket: PacketSocket, hex: string): number {
    const rc = socket.send(fromHex(hex));
    this.pass(GAP_NS);
    return rc;
  }

  /** Lets time pass. */
  pass(ns: number): void {
    const { engine } = this.kernel;
    if (!engine.run(engine.nowNs + ns, 10_000_000)) throw new Error("the network did not come to rest");
  }

  /** The slots of a labelled program's map that are not zero. */
  dump(label: string, name: string): string[][] {
    const map = this.labels.get(label)!.map(name);
    const rows: string[][] = [];
    for (let key = map.nextKey(null); key !== null; key = map.nextKey(key)) {
      const value = map.read(key);
      if (value?.some((b) => b !== 0)) rows.push([toHex(key), toHex(value)]);
    }
    return rows.sort((a, b) => (a[0]! < b[0]! ? -1 : 1));
  }
}

/** What came of one packet at the socket with sock_ip_only on b:vb. */
export interface SocketFilterRun {
  readonly packet: string;
  readonly sent: number;
  readonly errors?: Readonly<Record<string, number>>;
  readonly received: readonly { readonly pktType: number; readonly hex?: string }[];
}

/** The case of socket-filter.json. */
export interface SocketFilterCase {
  readonly name: string;
  readonly network: RecordedNetwork;
  readonly attach: readonly RecordedAttach[];
  readonly result: {
    readonly ipOnlyOnVb: readonly SocketFilterRun[];
    readonly protoBytesOnVa: { readonly received: number; readonly proto_bytes: readonly (readonly string[])[] };
  };
}

/** Every packet, sent alone from a:va, past a filter there and one on b:vb. */
export async function replaySocketFilters(one: SocketFilterCase): Promise<SocketFilterCase["result"]> {
  const lab = new NetnsLab(true);
  await lab.build(one.network);
  const [va, vb] = [lab.device("a:va"), lab.device("b:vb")];
  const [ipOnly, protoBytes] = one.attach.map((spec) => lab.attach(spec));
  const counting = openPacket(va.host, { dev: va, protocol: ETH_P_ALL });
  counting.filter = protoBytes!;
  let received = 0;
  counting.onFrame = () => {
    received++;
  };
  const sender = openPacket(va.host, { dev: va, protocol: ETH_P_UNUSED });
  const ipOnlyOnVb: SocketFilterRun[] = [];
  for (const [packet, hex] of packetHex) {
    const seen: { pktType: number; hex?: string }[] = [];
    const socket = openPacket(vb.host, { dev: vb, protocol: ETH_P_ALL });
    socket.filter = ipOnly!;
    socket.onFrame = (_socket, addr, len, skb) => {
      const bytes = toHex(lab.kernel.arena.u8.slice(addr, addr + len));
      seen.push(bytes === hex ? { pktType: skb.pktType } : { pktType: skb.pktType, hex: bytes });
    };
    const rc = lab.send(sender, hex);
    socket.close();
    const errors = rc === 0 ? {} : { errors: { [ERRNO_NAMES[-rc] ?? `errno ${-rc}`]: 1 } };
    ipOnlyOnVb.push({ packet, sent: rc === 0 ? 1 : 0, ...errors, received: seen });
  }
  return { ipOnlyOnVb, protoBytesOnVa: { received, proto_bytes: lab.dump("bytes", "proto_bytes") } };
}

/** What `ip -s link`, `ethtool -S` and `tc -s qdisc` print of a device, read as the recorder reads them. */
async function countersOf(dev: Netdev): Promise<DeviceCounters> {
  const say = async (line: string): Promise<string> => {
    const { status, stdout, stderr } = await typeCommand(dev.host, line);
    if (status !== 0) throw new Error(`on ${dev.host.name}: ${line}\n${stderr}`);
    return stdout;
  };
  type Link = { readonly stats64: { readonly rx: LinkCounters; readonly tx: LinkCounters } };
  const [link] = JSON.parse(await say(`ip -s -j link show dev ${dev.name}`)) as Link[];
  const pick = ({ packets, bytes, errors, dropped }: LinkCounters): LinkCounters => ({
    packets,
    bytes,
    errors,
    dropped,
  });
  const ethtool: Record<string, number> = {};
  for (const [, key, value] of (await say(`ethtool -S ${dev.name}`)).matchAll(/^ {5}(\w+): (\d+)$/gm)) {
    if (key !== "peer_ifindex" && value !== "0") ethtool[key!] = Number(value);
  }
  type Qdisc = Readonly<Record<"kind" | "bytes" | "packets" | "drops" | "overlimits" | "requeues", string | number>>;
  const qdiscs = (JSON.parse(await say(`tc -s -j qdisc show dev ${dev.name}`)) as Qdisc[]).map((q) => ({
    kind: q.kind,
    bytes: q.bytes,
    packets: q.packets,
    drops: q.drops,
    overlimits: q.overlimits,
    requeues: q.requeues,
  }));
  return { rx: pick(link!.stats64.rx), tx: pick(link!.stats64.tx), ethtool, qdiscs };
}

/** Builds a case's network, does what was done there, and reads what was read there. */
export async function replayNetwork(one: NetnsCase, idealCpu: boolean): Promise<NetnsResult> {
  const lab = new NetnsLab(idealCpu);
  await lab.build(one.network);
  for (const spec of one.attach) lab.attach(spec);
  const commands: NetnsResult["commands"][number][] = [];
  for (const { host, run, mayFail, show } of one.commands) {
    const { status, stdout, stderr } = await typeCommand(lab.host(host), run);
    if (mayFail === true || show === true) commands.push({ run, status, stdout, stderr });
    else if (status !== 0) throw new Error(`on ${host}: ${run}\n${stderr}`);
  }
  const ends = one.network.links.flat().map((end) => `${end.host}:${end.dev}`);
  const taps = Object.fromEntries(ends.map((label) => [label, countFrames(lab.device(label))]));
  const sent = sendAll(lab, one);
  lab.pass(SETTLE_NS);
  const devices: Record<string, DeviceCounters> = {};
  for (const label of ends) devices[label] = await countersOf(lab.device(label));
  const labelled = one.attach.filter((a) => a.dump !== undefined);
  return {
    sent,
    commands,
    taps,
    ipInReceives: Object.fromEntries(one.network.hosts.map((h) => [h, ipStack(lab.host(h)).snmp.IpInReceives])),
    devices,
    maps: Object.fromEntries(
      labelled.map((a) => [a.label!, Object.fromEntries(a.dump!.map((name) => [name, lab.dump(a.label!, name)]))]),
    ),
  };
}

/** A socket that taps a device, as tcpdump does. @returns what it has seen, which goes on counting */
function countFrames(dev: Netdev): { in: number; out: number } {
  const seen = { in: 0, out: 0 };
  openPacket(dev.host, { dev, protocol: ETH_P_ALL }).onFrame = (_socket, _addr, _len, skb) => {
    seen[skb.pktType === PACKET_OUTGOING ? "out" : "in"]++;
  };
  return seen;
}

function sendAll(lab: NetnsLab, one: NetnsCase): NetnsResult["sent"] {
  const dev = lab.device(one.send.from);
  // bound to no protocol: it sends and taps nothing
  const socket = openPacket(dev.host, { dev, protocol: ETH_P_UNUSED });
  const errors: Record<string, number> = {};
  let sent = 0;
  for (const { hex, count } of one.send.frames) {
    for (let i = 0; i < count; i++) {
      const rc = lab.send(socket, hex);
      if (rc === 0) sent++;
      else {
        const name = ERRNO_NAMES[-rc] ?? `errno ${-rc}`;
        errors[name] = (errors[name] ?? 0) + 1;
      }
    }
  }
  return { sent, errors };
}
